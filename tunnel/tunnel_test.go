package tunnel

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"go.uber.org/goleak"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

func TestMain(m *testing.M) {
	// The plugin's log package starts loggers of its own when it is imported.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/cihub/seelog.(*asyncLoopLogger).processQueue"))
}

const taskID = "0123456789abcdef0123456789abcdef"

// world is a fake AWS with one task whose port 9229 leads to serve.
type world struct {
	*fakeaws.Server
	client *awsssm.Client
	target string
	task   string
}

func newWorld(t *testing.T, cfg fakeaws.Config, serve func(net.Conn)) *world {
	t.Helper()
	server, err := fakeaws.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := &world{Server: server, target: "ecs:prod_" + taskID + "_" + taskID + "-1234567890"}
	ports := map[int]string{}
	if serve != nil {
		ports[9229] = listen(t, serve)
	}
	w.task = server.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "api", ID: taskID, Exec: true,
		Containers: []fakeaws.Container{{Name: "api", RuntimeID: taskID + "-1234567890", Ports: ports}},
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w.client = awsssm.New(awsssm.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
	})
	return w
}

// listen accepts connections on a loopback port and serves each in a goroutine.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l.Addr().String()
}

func echo(c net.Conn) { _, _ = io.Copy(c, c) }

func (w *world) open(t *testing.T) *Tunnel {
	t.Helper()
	tun, err := Open(t.Context(), w.client, Config{Target: w.target, Port: 9229, Reason: "ecsheap test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tun.Close() })
	return tun
}

// session is the only session of the world.
func (w *world) session(t *testing.T) fakeaws.Session {
	t.Helper()
	sessions := w.Sessions()
	if len(sessions) != 1 {
		t.Fatalf("%d sessions, want 1", len(sessions))
	}
	return sessions[0]
}

func (w *world) wantEnded(t *testing.T) {
	t.Helper()
	for _, s := range w.Sessions() {
		if s.EndedAt.IsZero() {
			t.Errorf("session %s was left open", s.ID)
		}
	}
}

func dial(t *testing.T, tun *Tunnel) net.Conn {
	t.Helper()
	c, err := tun.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEcho(t *testing.T) {
	w := newWorld(t, fakeaws.Config{RTT: 5 * time.Millisecond}, echo)
	tun := w.open(t)
	for range 3 { // several streams, one after the other
		c := dial(t, tun)
		text := []byte(strings.Repeat("hello\n", 1000))
		if _, err := c.Write(text); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("echoed %d bytes, equal %t, %v", len(got), bytes.Equal(got, text), err)
		}
		_ = c.Close()
	}
	if tun.WireBytes() < 18000 {
		t.Errorf("WireBytes = %d", tun.WireBytes())
	}
	if s := w.session(t); s.Reason != "ecsheap test" || s.Document != document || s.ID != tun.SessionID() {
		t.Errorf("session %+v", s)
	}
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	if err := tun.Close(); err != nil { // again
		t.Error(err)
	}
	w.wantEnded(t)
	if _, err := tun.Dial(t.Context()); err == nil {
		t.Error("dialled through a closed tunnel")
	}
}

// randomServer sends n pseudo-random bytes to whoever connects, and returns
// their hash.
func randomServer(n int64) (serve func(net.Conn), hash []byte) {
	source := func() io.Reader {
		return io.LimitReader(rand.NewChaCha8([32]byte{1}), n)
	}
	h := sha256.New()
	_, _ = io.Copy(h, source())
	return func(c net.Conn) { _, _ = io.Copy(c, source()) }, h.Sum(nil)
}

// TestSurvives compares the bytes of a transfer during which sockets die.
func TestSurvives(t *testing.T) {
	tests := map[string]func(w *world, session string){
		"client socket": func(w *world, s string) { w.KillClientSocket(s) },
		"agent socket":  func(w *world, s string) { w.KillAgentSocket(s) },
		"bye":           func(w *world, s string) { w.Bye(s) },
		"losses": func(w *world, _ string) {
			w.Network(fakeaws.NetworkFaults{Drop: 0.001, Reorder: 0.01, Duplicate: 0.01, Seed: 1})
		},
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			// The agent resends one lost message every 100 ms. Paced, few are
			// in flight when a socket dies, and the test stays short.
			const size = 1 << 20
			serve, want := randomServer(size)
			w := newWorld(t, fakeaws.Config{Pace: true, RTT: 2 * time.Millisecond}, serve)
			tun := w.open(t)
			c := dial(t, tun)
			h := sha256.New()
			for range 4 {
				if _, err := io.CopyN(h, c, size/4); err != nil {
					t.Fatal(err)
				}
				fault(w, tun.SessionID())
			}
			if n, err := io.Copy(h, c); n != 0 || err != nil {
				t.Errorf("%d more bytes, %v", n, err)
			}
			if !bytes.Equal(h.Sum(nil), want) {
				t.Error("the bytes differ")
			}
		})
	}
}

func TestUploadSurvives(t *testing.T) {
	const size = 1 << 20
	received := make(chan []byte, 1)
	w := newWorld(t, fakeaws.Config{}, func(c net.Conn) {
		h := sha256.New()
		_, _ = io.CopyN(h, c, size)
		received <- h.Sum(nil)
	})
	tun := w.open(t)
	c := dial(t, tun)
	h := sha256.New()
	source := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{2}), size), h)
	for range 4 {
		if _, err := io.CopyN(c, source, size/4); err != nil {
			t.Fatal(err)
		}
		w.KillClientSocket(tun.SessionID())
	}
	if got := <-received; !bytes.Equal(got, h.Sum(nil)) {
		t.Error("the bytes differ")
	}
}

func TestRefused(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, nil)
	c := dial(t, w.open(t))
	_, err := c.Read(make([]byte, 1))
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Port != 9229 {
		t.Errorf("reading from a port where nothing listens: %v", err)
	}
}

func TestNotConnected(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	w.UpdateTask(w.task, func(task *fakeaws.Task) { task.Exec = false })
	_, err := Open(t.Context(), w.client, Config{Target: w.target, Port: 9229})
	var notConnected *NotConnectedError
	if !errors.As(err, &notConnected) || notConnected.Hint() == "" {
		t.Errorf("got %v", err)
	}
	w.wantEnded(t)
}

func TestTaskStops(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	tun := w.open(t)
	c := dial(t, tun)
	w.StopTask(w.task, "EssentialContainerExited", "Essential container in task exited")
	<-tun.Lost()
	var lost *LostError
	if _, err := c.Read(make([]byte, 1)); !errors.As(err, &lost) {
		t.Errorf("Read: %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.As(err, &lost) {
		t.Errorf("Write: %v", err)
	}
	var closed *ClosedByPeerError
	if !errors.As(tun.Err(), &closed) {
		t.Errorf("Err: %v", tun.Err())
	}
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	w.wantEnded(t)
}

func TestResumeRefused(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	tun := w.open(t)
	w.RefuseResume(tun.SessionID())
	w.KillClientSocket(tun.SessionID())
	<-tun.Lost()
	if err := tun.Err(); !errors.Is(err, errSessionOver) {
		t.Errorf("Err: %v", err)
	}
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	w.wantEnded(t)
}

func TestResumeAfterThrottling(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	notices := make(chan string, 8)
	tun, err := Open(t.Context(), w.client, Config{Target: w.target, Port: 9229, Notice: func(s string) { notices <- s }})
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	c := dial(t, tun)
	w.Fault(fakeaws.Fault{Operation: "ssm.ResumeSession", Code: "ThrottlingException", Message: "Rate exceeded", Times: 2})
	w.KillClientSocket(tun.SessionID())
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if lost, resumed := <-notices, <-notices; !strings.Contains(lost, "lost") || !strings.Contains(resumed, "resumed") {
		t.Errorf("notices %q, %q", lost, resumed)
	}
}

func TestTerminateFails(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	tun := w.open(t)
	w.Fault(fakeaws.Fault{Operation: "ssm.TerminateSession", Code: "AccessDeniedException", Message: "no"})
	var open *OpenSessionError
	if err := tun.Close(); !errors.As(err, &open) || !strings.Contains(open.Hint(), tun.SessionID()) {
		t.Errorf("Close: %v", err)
	}
}

// TestCancelled ends a session that AWS has started although the caller has
// given up meanwhile.
func TestCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, echo)
	w.Silence(true) // no handshake: Open would wait
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go func() {
		for !slices.ContainsFunc(w.Calls(), func(c fakeaws.Call) bool { return c.Action == "ssm:StartSession" }) {
			time.Sleep(time.Millisecond)
		}
		cancel(why)
	}()
	if _, err := Open(ctx, w.client, Config{Target: w.target, Port: 9229}); !errors.Is(err, why) {
		t.Errorf("Open: %v", err)
	}
	w.wantEnded(t)
}

func TestActive(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	tun := w.open(t)
	active, err := Active(t.Context(), w.client, w.target)
	if err != nil || len(active) != 1 || active[0].ID != tun.SessionID() || active[0].Started.IsZero() {
		t.Fatalf("Active = %+v, %v", active, err)
	}
	if text := active[0].String(); !strings.Contains(text, tun.SessionID()) || !strings.Contains(text, "(ecsheap test)") {
		t.Errorf("String = %q", text)
	}
}

// TestQuickEnds interrupts the opening again and again, as an impatient user
// does. An agent whose handshake is left unacknowledged keeps the place, and
// the third and fourth session would wedge it.
func TestQuickEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{RTT: 20 * time.Millisecond}, echo)
	for i := range 6 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*8*time.Millisecond)
		if tun, err := Open(ctx, w.client, Config{Target: w.target, Port: 9229}); err == nil {
			_ = tun.Close()
		}
		cancel()
	}
	tun := w.open(t)
	c := dial(t, tun)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_ = tun.Close()
	w.wantEnded(t)
}

func TestNoHandshake(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, echo)
	w.Silence(true)
	began := time.Now()
	_, err := Open(t.Context(), w.client, Config{Target: w.target, Port: 9229})
	var silent *NoHandshakeError
	if !errors.As(err, &silent) || !strings.Contains(silent.Hint(), "agent itself hangs") {
		t.Errorf("Open: %v", err)
	}
	if d := time.Since(began); d < handshakeTimeout || d > handshakeTimeout+10*time.Second {
		t.Errorf("gave up after %s", d)
	}
	w.wantEnded(t)
}

// BenchmarkReceive takes one message from the socket's buffer to smux, its
// acknowledgement included.
func BenchmarkReceive(b *testing.B) {
	c, s := newTestChannel(b)
	handshake(b, c, s)
	frame := agentFrame(b, "output_stream_data", 0, 1, make([]byte, 1024))
	b.SetBytes(1024)
	b.ReportAllocs()
	buf := make([]byte, 64<<10)
	for seq := int64(2); b.Loop(); seq++ {
		putSequence(frame, seq)
		if err := c.receive(frame); err != nil {
			b.Fatal(err)
		}
		c.acks.Put((<-s.out).pooled)
		if _, err := c.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSend sends one message and takes its acknowledgement.
func BenchmarkSend(b *testing.B) {
	c, s := newTestChannel(b)
	handshake(b, c, s)
	payload := make([]byte, 1024)
	b.SetBytes(1024)
	b.ReportAllocs()
	for seq := int64(1); b.Loop(); seq++ {
		if _, err := c.Write(payload); err != nil {
			b.Fatal(err)
		}
		<-s.out
		if _, ok := c.out.acknowledge(seq); !ok {
			b.Fatal("not sent")
		}
	}
}
