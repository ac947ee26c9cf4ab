package fakeaws

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/coder/websocket"
	"github.com/xtaci/smux"
)

// start runs a server for one test.
func start(t testing.TB, cfg Config) *Server {
	t.Helper()
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing: %v", err)
		}
	})
	return s
}

// awsConfig points the real SDK at s, as key in region.
func awsConfig(s *Server, key, region string) aws.Config {
	return aws.Config{
		Region:       region,
		Credentials:  credentials.NewStaticCredentialsProvider(key, "secret", ""),
		BaseEndpoint: aws.String(s.URL()),
		// API errors must come through at once; broken connections must not (see answerDelay).
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.Retryables = []retry.IsErrorRetryable{retry.RetryableConnectionError{}}
			})
		},
	}
}

func ecsClient(s *Server) *awsecs.Client {
	return awsecs.NewFromConfig(awsConfig(s, accessKeyID, defaultRegion))
}

func ssmClient(s *Server) *awsssm.Client {
	return awsssm.NewFromConfig(awsConfig(s, accessKeyID, defaultRegion))
}

func stsClient(s *Server) *awssts.Client {
	return awssts.NewFromConfig(awsConfig(s, accessKeyID, defaultRegion))
}

// listen serves every connection of a loopback port with handle until the test ends, and returns
// the address.
func listen(t testing.TB, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
				defer func() { _ = conn.Close() }()
				handle(conn)
			})
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func echo(conn net.Conn) { _, _ = io.Copy(conn, conn) }

// addNode puts a task into s whose container api reaches address as port 9229, and returns its ARN
// and SSM target.
func addNode(s *Server, address string) (arn, target string) {
	c := Container{Name: "api", Essential: true, Ports: map[int]string{9229: address}}
	task := Task{Cluster: "prod", Service: "api", ID: newHex(32), Exec: true, Containers: []Container{c}}
	task.Containers[0].RuntimeID = task.ID + "-1527056392"
	arn = s.AddTask(task)
	return arn, "ecs:prod_" + task.ID + "_" + task.Containers[0].RuntimeID
}

func startSession(t testing.TB, s *Server, target string) *awsssm.StartSessionOutput {
	t.Helper()
	out, err := ssmClient(s).StartSession(t.Context(), &awsssm.StartSessionInput{
		Target: &target, DocumentName: aws.String(portDocument), Reason: aws.String("test"),
		Parameters: map[string][]string{"portNumber": {"9229"}, "localPortNumber": {"0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// client is a data-channel client as simple as can be: it acknowledges, orders, and resends what has
// waited too long for its acknowledgement.
type client struct {
	t      testing.TB
	id     string
	near   pipeEnd // the data channel's end of the pipe to smux
	mux    *smux.Session
	ready  chan struct{}   // handshake complete
	screen chan string     // capacity 1024: what a command wrote; nil for a session of a port
	over   chan closedJSON // capacity 1: channel_closed
	flags  chan uint32     // capacity 16
	kinds  chan string     // capacity 64: types of messages other than data and acknowledgements

	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu       sync.Mutex
	conn     *websocket.Conn // the latest
	transmit func([]byte)    // nil while there is no connection
	lost     chan error      // capacity 1 for each connection
	version  string
	status   int // of the handshake's action
	next     int64
	unacked  map[int64]sent
	expected int64
	early    map[int64]frame
	mute     bool  // acknowledge nothing
	seen     int64 // stream messages that arrived, duplicates included
}

// connect opens a data channel and leaves the handshake to run.
func connect(t testing.TB, id, url, token string) *client {
	t.Helper()
	c := newTestClient(t, id)
	c.open(url, token)
	return c
}

func newTestClient(t testing.TB, id string) *client {
	near, far := newPipe(pipeCapacity)
	cfg := smux.DefaultConfig()
	cfg.KeepAliveDisabled = true
	mux, err := smux.Client(far, cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	c := &client{
		t: t, id: id, near: near, mux: mux, ctx: ctx, stop: stop, version: "1.3.0.0", status: actionSuccess,
		ready: make(chan struct{}), over: make(chan closedJSON, 1), flags: make(chan uint32, 16), kinds: make(chan string, 64),
		unacked: map[int64]sent{}, early: map[int64]frame{},
	}
	t.Cleanup(c.close)
	c.wg.Go(c.pump)
	c.wg.Go(c.resend)
	return c
}

func (c *client) close() {
	c.stop()
	_ = c.mux.Close()
	c.mu.Lock()
	if c.conn != nil {
		_ = c.conn.CloseNow()
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// open dials the gateway and presents the token; the connection may be the first or a later one.
func (c *client) open(url, token string) {
	c.t.Helper()
	conn := dial(c.t, url)
	hello, _ := json.Marshal(openJSON{MessageSchemaVersion: "1.0", TokenValue: token, ClientID: newUUID(), ClientVersion: c.version})
	if err := conn.Write(c.ctx, websocket.MessageText, hello); err != nil {
		c.t.Fatal(err)
	}
	lost := make(chan error, 1)
	c.mu.Lock()
	c.conn, c.lost = conn, lost
	c.transmit = func(msg []byte) { _ = conn.Write(c.ctx, websocket.MessageBinary, msg) }
	c.mu.Unlock()
	c.wg.Go(func() { lost <- c.read(conn) })
}

// dial opens a websocket.
func dial(t testing.TB, url string) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(context.Background(), url, nil) //nolint:bodyclose // the library says: never needed
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(maxMessage)
	return conn
}

// wire connects the client to a session without any socket, for tests in a synctest bubble.
func (c *client) wire(sess *session) {
	ctx, stop := context.WithCancel(c.ctx)
	lost := make(chan error, 1)
	c.mu.Lock()
	c.transmit, c.lost = sess.fromClient, lost
	c.mu.Unlock()
	sess.channel.attach(&clientSocket{stop: stop})
	c.wg.Go(func() {
		for {
			msg, err := sess.channel.toClient.take(ctx)
			if err != nil {
				lost <- err
				return
			}
			c.handle(msg)
		}
	})
}

// resume opens the data channel again and waits until the gateway has both sides.
func (c *client) resume(s *Server) {
	c.t.Helper()
	for len(c.kinds) > 0 {
		<-c.kinds
	}
	out, err := ssmClient(s).ResumeSession(c.ctx, &awsssm.ResumeSessionInput{SessionId: &c.id})
	if err != nil {
		c.t.Fatal(err)
	}
	c.open(*out.StreamUrl, *out.TokenValue)
	for within(c.t, "start_publication", c.kinds) != typeStart {
	}
}

// awaitLoss waits until the connection that is open now is gone, and says why.
func (c *client) awaitLoss() error {
	c.mu.Lock()
	lost := c.lost
	c.mu.Unlock()
	return <-lost
}

func (c *client) read(conn *websocket.Conn) error {
	for {
		_, b, err := conn.Read(c.ctx)
		if err != nil {
			return err
		}
		c.handle(b)
	}
}

func (c *client) handle(msg []byte) {
	f, err := decodeFrame(msg)
	if err != nil {
		c.t.Errorf("client got %v", err)
		return
	}
	c.receive(f)
}

func (c *client) receive(f frame) {
	switch f.Type {
	case typeOutput:
		c.mu.Lock()
		c.seen++
		c.ack(f)
		if f.Sequence >= c.expected {
			c.early[f.Sequence] = f
		}
		var ripe []frame
		for next, ok := c.early[c.expected]; ok; next, ok = c.early[c.expected] {
			delete(c.early, c.expected)
			c.expected++
			ripe = append(ripe, next)
		}
		c.mu.Unlock()
		for _, f := range ripe {
			c.deliver(f)
		}
		return
	case typeAck:
		var ack ackJSON
		if err := json.Unmarshal(f.Payload, &ack); err != nil {
			c.t.Errorf("bad acknowledgement: %v", err)
		}
		c.mu.Lock()
		delete(c.unacked, ack.Sequence)
		c.mu.Unlock()
		return
	case typeClosed:
		var closed closedJSON
		if err := json.Unmarshal(f.Payload, &closed); err != nil {
			c.t.Errorf("bad channel_closed: %v", err)
		}
		c.over <- closed
	}
	select {
	case c.kinds <- f.Type:
	default:
	}
}

// counts says how many stream messages arrived, with and without repetitions.
func (c *client) counts() (seen, distinct int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seen, c.expected + int64(len(c.early))
}

func (c *client) deliver(f frame) {
	switch f.PayloadType {
	case payloadHandshakeRequest:
		c.send(payloadHandshakeResponse, fmt.Appendf(nil,
			`{"ClientVersion":%q,"ProcessedClientActions":[{"ActionType":"SessionType","ActionStatus":%d}]}`,
			c.version, c.status))
	case payloadHandshakeComplete:
		close(c.ready)
	case payloadFlag:
		c.flags <- binary.BigEndian.Uint32(f.Payload)
	case payloadData:
		if c.screen != nil {
			c.screen <- string(f.Payload)
			return
		}
		_, _ = c.near.Write(f.Payload)
	}
}

// ack acknowledges f. The caller holds c.mu.
func (c *client) ack(f frame) {
	if c.mute {
		return
	}
	payload, _ := json.Marshal(ackJSON{Type: f.Type, ID: f.ID.String(), Sequence: f.Sequence, IsSequential: true})
	ack := frame{Type: typeAck, Created: time.Now(), ID: newMessageID(), Payload: payload}
	c.write(ack.encode())
}

// write sends bytes on the connection, if there is one. The caller holds c.mu.
func (c *client) write(msg []byte) {
	if c.transmit != nil {
		c.transmit(msg)
	}
}

func (c *client) send(payloadType uint32, payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := frame{Type: typeInput, Created: time.Now(), Sequence: c.next, ID: newMessageID(), PayloadType: payloadType, Payload: payload}
	msg := f.encode()
	c.unacked[c.next] = sent{msg: msg, at: time.Now()}
	c.next++
	c.write(msg)
}

func (c *client) sendFlag(flag uint32) {
	c.send(payloadFlag, binary.BigEndian.AppendUint32(nil, flag))
}

// pump sends what smux writes.
func (c *client) pump() {
	packet := make([]byte, payloadSize)
	for {
		n, err := c.near.Read(packet)
		if err != nil {
			return
		}
		c.send(payloadData, packet[:n])
	}
}

// await is the time within which something must happen that takes far less; it fails a test that
// would hang.
const await = 20 * time.Second

// within fails the test unless c delivers in time.
func within[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(await):
		t.Fatalf("no %s", what)
		panic("unreachable")
	}
}

// open is a session with its handshake done.
func openSession(t testing.TB, s *Server, target string) *client {
	t.Helper()
	out := startSession(t, s, target)
	c := connect(t, *out.SessionId, *out.StreamUrl, *out.TokenValue)
	within(t, "handshake", c.ready)
	return c
}

// stream opens a connection to the port.
func (c *client) stream() *smux.Stream {
	c.t.Helper()
	stream, err := c.mux.OpenStream()
	if err != nil {
		c.t.Fatal(err)
	}
	return stream
}

// errorCode is the API error code of err, "" if it is none.
func errorCode(err error) string {
	var coded interface{ ErrorCode() string }
	if errors.As(err, &coded) {
		return coded.ErrorCode()
	}
	return ""
}
