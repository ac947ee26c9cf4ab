package tunnel

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/coder/websocket"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// pipes is a network without a network: a listener whose connections are
// net.Pipes, so that a synctest bubble knows when everything waits.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	deaf   atomic.Bool // what clients write is lost
}

// swallower is a client's connection of pipes.
type swallower struct {
	net.Conn
	network *pipes
}

func (c swallower) Write(p []byte) (int, error) {
	if c.network.deaf.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	select {
	case <-p.closed:
	default:
		close(p.closed)
	}
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

// client dials p, whatever the address.
func (p *pipes) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		near, far := net.Pipe()
		select {
		case p.conns <- far:
			return swallower{near, p}, nil
		case <-p.closed:
			return nil, net.ErrClosed
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}}}
}

// TestEightHours holds a tunnel open through a working day, whose session would
// idle out within a minute and whose socket AWS closes every hour.
func TestEightHours(t *testing.T) {
	for name, pause := range map[string]time.Duration{"idle": 0, "trickle": 10 * time.Second} {
		t.Run(name, func(t *testing.T) {
			emptyPools()
			defer emptyPools()
			synctest.Test(t, func(t *testing.T) { eightHours(t, pause) })
		})
	}
}

// emptyPools drops what is in a sync.Pool of anybody: smux keeps channels there,
// and those of a bubble must not get out of it, nor others in.
func emptyPools() {
	runtime.GC()
	runtime.GC() // a pool survives one
}

// eightHours sends a few bytes after every pause, none when it is zero.
func eightHours(t *testing.T, pause time.Duration) {
	network := newPipes()
	server := fakeaws.StartOn(network, fakeaws.Config{RTT: 50 * time.Millisecond, IdleTimeout: time.Minute})
	defer server.Close()
	server.AddTask(fakeaws.Task{Cluster: "prod", ID: taskID, Exec: true, Containers: []fakeaws.Container{{
		Name: "api", RuntimeID: taskID + "-1", Dial: func(context.Context, int) (net.Conn, error) {
			near, far := net.Pipe()
			go func() { defer far.Close(); echo(far) }()
			return near, nil
		},
	}}})
	client := awsssm.New(awsssm.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:1"), HTTPClient: network.client(),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	})
	defer client.Options().HTTPClient.(*http.Client).CloseIdleConnections()
	tun, err := Open(t.Context(), client, Config{Target: "ecs:prod_" + taskID + "_" + taskID + "-1", Port: 9229})
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	c := dial(t, tun)
	defer c.Close()

	var early load
	for hour := range 8 {
		aDay(t, c, pause, time.Hour)
		server.Bye(tun.SessionID())
		if hour == 0 {
			time.Sleep(time.Minute) // for the resume
			early = measure()
		}
	}
	time.Sleep(time.Minute)
	roundTrip(t, c)
	if late := measure(); late.goroutines > early.goroutines || late.bytes > early.bytes+1<<20 {
		t.Errorf("grew from %+v after an hour to %+v after eight", early, late)
	}
	if err := tun.Err(); err != nil {
		t.Error(err)
	}
	tun.channel.mu.Lock()
	sent := tun.channel.out.next
	tun.channel.mu.Unlock()
	if want := int64(8 * time.Hour / keepAliveEvery); sent < want || pause == 0 && sent > want+50 {
		t.Errorf("sent %d messages, want about %d", sent, want)
	}
}

// aDay passes time, with a round trip after each pause.
func aDay(t *testing.T, c net.Conn, pause, length time.Duration) {
	t.Helper()
	if pause == 0 {
		time.Sleep(length)
		return
	}
	for range int(length / pause) {
		time.Sleep(pause)
		roundTrip(t, c)
	}
}

func roundTrip(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "ping" {
		t.Fatalf("echoed %q, %v", got, err)
	}
}

// load is what a tunnel must not have more of with time.
type load struct {
	goroutines int
	bytes      uint64
}

func measure() load {
	synctest.Wait()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return load{goroutines: runtime.NumGoroutine(), bytes: m.HeapAlloc}
}

// serveSocket connects a channel's socket, within the bubble, to a gateway that
// sends one message and reads whatever comes. So many bytes are queued for smux
// already.
func serveSocket(t *testing.T, network *pipes, queued int) (c *channel, ended chan error) {
	t.Helper()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		for first := true; err == nil; first = false {
			if _, _, err = ws.Read(r.Context()); first {
				_ = ws.Write(r.Context(), websocket.MessageBinary, []byte("junk"))
			}
		}
	})}
	go func() { _ = server.Serve(network) }()
	t.Cleanup(func() { _ = server.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	s, err := dialSocket(ctx, network.client(), "ws://127.0.0.1:1", []byte("{}"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	c = newChannel("target", "session", "client", slog.New(slog.DiscardHandler))
	c.attach(s)
	c.inbox.push(make([]byte, queued))
	ended = make(chan error, 1)
	go func() { ended <- s.serve(ctx, c) }()
	t.Cleanup(func() { c.shut(errClosed); cancel() })
	return c, ended
}

// TestDeadSocket notices a way to the gateway that swallows everything.
func TestDeadSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		_, ended := serveSocket(t, network, 0)
		synctest.Wait()
		network.deaf.Store(true)
		began := time.Now()
		err := <-ended
		if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "no sign of life") || took > pingEvery+pongTimeout+2*sleepCheck {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

// TestHeldSocket keeps a socket that is not read because nobody takes what there
// is: that no pong is seen says nothing then.
func TestHeldSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		c, ended := serveSocket(t, network, inboxLimit)
		synctest.Wait()
		network.deaf.Store(true)
		time.Sleep(5 * time.Minute)
		network.deaf.Store(false)
		if _, err := c.Read(make([]byte, inboxLimit)); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Minute)
		select {
		case err := <-ended:
			t.Errorf("the socket was given up: %v", err)
		default:
		}
	})
}

func TestSlept(t *testing.T) {
	for name, tt := range map[string]struct {
		wall, monotonic time.Duration
		want            bool
	}{
		"an ordinary tick":        {sleepCheck, sleepCheck, false},
		"a late tick":             {3 * sleepCheck, 3 * sleepCheck, false},
		"a sleep, Linux":          {time.Hour, sleepCheck, true},
		"a sleep, Windows":        {time.Hour, time.Hour, true},
		"the clock was set back":  {-time.Hour, sleepCheck, false},
		"the clock was corrected": {sleepCheck + time.Second, sleepCheck, false},
	} {
		if got := slept(tt.wall, tt.monotonic); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}
