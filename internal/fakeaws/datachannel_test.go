package fakeaws

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/coder/websocket"
)

// noise is n reproducible bytes.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	_, _ = rand.NewChaCha8(key).Read(b) // never fails
	return b
}

// roundTrip sends data through an echoing stream and compares what comes back.
func roundTrip(c *client, data []byte) error {
	st, err := c.mux.OpenStream()
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { _, _ = st.Write(data) }) // a failure shows as missing bytes
	got := make([]byte, len(data))
	if _, err := io.ReadFull(st, got); err != nil {
		return err
	}
	if !bytes.Equal(got, data) {
		return errors.New("other bytes came back")
	}
	return nil
}

func TestEchoOverManyStreams(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, listen(t, echo))
	c := openSession(t, s, target)
	results := make(chan error, 4)
	for i := range uint64(4) {
		c.wg.Go(func() { results <- roundTrip(c, noise(i, 300_000+int(i))) })
	}
	for range 4 {
		if err := within(t, "echo", results); err != nil {
			t.Error(err)
		}
	}
	if sess := s.Sessions()[0]; sess.Status != statusConnected || sess.Target != target || sess.Reason != "test" || sess.ID != c.id {
		t.Errorf("%+v", sess)
	}
}

func TestHandshake(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, "127.0.0.1:1")
	c := openSession(t, s, target)
	if kind := within(t, "start_publication", c.kinds); kind != typeStart {
		t.Errorf("first message is %s", kind)
	}
	if seen, _ := c.counts(); seen != 2 {
		t.Errorf("%d stream messages for a handshake", seen)
	}
}

func TestOldClients(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, "127.0.0.1:1")
	out := startSession(t, s, target)
	c := newTestClient(t, *out.SessionId)
	c.version = "1.1.69.9"
	c.open(*out.StreamUrl, *out.TokenValue)
	if closed := within(t, "channel_closed", c.over); !strings.Contains(closed.Output, "cannot multiplex") {
		t.Errorf("%+v", closed)
	}
	if sess := s.Sessions()[0]; sess.Status != statusFailed || sess.EndedBy != endedByAgent {
		t.Errorf("%+v", sess)
	}
}

// TestFailedHandshake lets the client say that it cannot do what the agent asks.
func TestFailedHandshake(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, "127.0.0.1:1")
	out := startSession(t, s, target)
	c := newTestClient(t, *out.SessionId)
	c.status = 3 // unsupported
	c.open(*out.StreamUrl, *out.TokenValue)
	if closed := within(t, "channel_closed", c.over); !strings.Contains(closed.Output, "SessionType failed on client") {
		t.Errorf("%+v", closed)
	}
}

func TestRefusedPort(t *testing.T) {
	s := start(t, Config{})
	gone := listen(t, echo)
	arn, target := addNode(s, gone)
	s.UpdateTask(arn, func(task *Task) { task.Containers[0].Ports = nil })
	c := openSession(t, s, target)
	st := c.stream()
	if flag := within(t, "flag", c.flags); flag != flagConnectToPortError {
		t.Errorf("flag %d", flag)
	}
	if _, err := st.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("reading from a refused stream: %v", err)
	}
	s.UpdateTask(arn, func(task *Task) { task.Containers[0].Ports = map[int]string{9229: gone} })
	if err := roundTrip(c, []byte("the port is there now")); err != nil {
		t.Error(err)
	}
}

// TestServerCloses checks that a connection that the port closes reaches the client as an end of
// its stream, with all its bytes.
func TestServerCloses(t *testing.T) {
	want := noise(1, 100_000)
	s := start(t, Config{})
	_, target := addNode(s, listen(t, func(conn net.Conn) { _, _ = conn.Write(want) }))
	c := openSession(t, s, target)
	got, err := io.ReadAll(c.stream())
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestTokens(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, "127.0.0.1:1")
	out := startSession(t, s, target)
	url, first := *out.StreamUrl, *out.TokenValue
	refused := func(name, hello string) {
		t.Helper()
		conn := dial(t, url)
		defer func() { _ = conn.CloseNow() }()
		if err := conn.Write(t.Context(), websocket.MessageText, []byte(hello)); err != nil {
			t.Fatal(err)
		}
		_, _, err := conn.Read(t.Context())
		if websocket.CloseStatus(err) != websocket.StatusPolicyViolation {
			t.Errorf("%s: %v", name, err)
		}
	}
	hello := func(token string) string {
		b, _ := json.Marshal(openJSON{TokenValue: token})
		return string(b)
	}
	refused("no JSON", "hello")
	refused("no token", hello(""))
	refused("wrong token", hello("AAEAA"))
	c := connect(t, *out.SessionId, url, first)
	within(t, "handshake", c.ready)
	refused("used token", hello(first))
	resumed, err := ssmClient(s).ResumeSession(t.Context(), &awsssm.ResumeSessionInput{SessionId: out.SessionId})
	if err != nil || *resumed.TokenValue == first {
		t.Fatalf("%v, %v", resumed, err)
	}
	if _, err := ssmClient(s).ResumeSession(t.Context(), &awsssm.ResumeSessionInput{SessionId: out.SessionId}); err != nil {
		t.Fatal(err)
	}
	refused("token overtaken by another", hello(*resumed.TokenValue))
	if _, err := ssmClient(s).TerminateSession(t.Context(), &awsssm.TerminateSessionInput{SessionId: out.SessionId}); err != nil {
		t.Fatal(err)
	}
	refused("session over", hello(first))
}

func TestDataChannelRequests(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, "127.0.0.1:1")
	url := strings.Replace(*startSession(t, s, target).StreamUrl, "ws://", "http://", 1)
	for _, tt := range []struct {
		url    string
		status int
	}{
		{s.URL() + "/v1/data-channel/alice-0?role=publish_subscribe", http.StatusNotFound},
		{strings.Replace(url, "publish_subscribe", "subscribe", 1), http.StatusBadRequest},
		{url, http.StatusUpgradeRequired},
		{s.URL() + "/", http.StatusMethodNotAllowed},
		{s.URL() + "/v2", http.StatusNotFound},
	} {
		resp, err := http.Get(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", tt.url, resp.StatusCode, tt.status)
		}
	}
}

func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name, by string
		end      func(t *testing.T, s *Server, arn string, c *client)
	}{
		{"API", endedByAPI, func(t *testing.T, s *Server, _ string, c *client) {
			if _, err := ssmClient(s).TerminateSession(t.Context(), &awsssm.TerminateSessionInput{SessionId: aws.String(c.id)}); err != nil {
				t.Error(err)
			}
		}},
		{"flag", endedByClient, func(_ *testing.T, _ *Server, _ string, c *client) { c.sendFlag(flagTerminateSession) }},
		{"task", endedByTask, func(_ *testing.T, s *Server, arn string, _ *client) {
			s.StopTask(arn, "EssentialContainerExited", "Essential container in task exited")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, Config{})
			portClosed := make(chan struct{})
			arn, target := addNode(s, listen(t, func(conn net.Conn) {
				echo(conn)
				close(portClosed)
			}))
			c := openSession(t, s, target)
			st := c.stream()
			if _, err := st.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(st, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			tt.end(t, s, arn, c)
			closed := within(t, "channel_closed", c.over)
			if closed.SessionID != c.id || closed.DestinationID != target || closed.MessageType != typeClosed {
				t.Errorf("%+v", closed)
			}
			if err := c.awaitLoss(); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
				t.Errorf("the socket ends with %v", err)
			}
			within(t, "end of the port's connection", portClosed)
			sess := s.Sessions()[0]
			if sess.EndedBy != tt.by || sess.Status != statusTerminated || sess.EndedAt.Before(sess.StartedAt) {
				t.Errorf("%+v", sess)
			}
			_, err := ssmClient(s).ResumeSession(t.Context(), &awsssm.ResumeSessionInput{SessionId: aws.String(c.id)})
			if errorCode(err) != "DoesNotExistException" {
				t.Errorf("resuming: %v", err)
			}
		})
	}
}

func TestRefuseResume(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, "127.0.0.1:1")
	id := startSession(t, s, target).SessionId
	s.RefuseResume(*id)
	out, err := ssmClient(s).ResumeSession(t.Context(), &awsssm.ResumeSessionInput{SessionId: id})
	if err != nil || out.TokenValue != nil || *out.SessionId != *id {
		t.Errorf("%v, %v", out, err)
	}
}

func TestAnotherSocketTakesOver(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, listen(t, echo))
	c := openSession(t, s, target)
	c.mu.Lock()
	first := c.lost
	c.mu.Unlock()
	c.resume(s)
	if err := within(t, "end of the first socket", first); err == nil {
		t.Error("the first socket ended without an error")
	}
	if err := roundTrip(c, []byte("still here")); err != nil {
		t.Error(err)
	}
}

// TestCloseInTheMiddle closes the server under a running transfer; goleak looks for what stays.
func TestCloseInTheMiddle(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, listen(t, func(conn net.Conn) {
		for {
			if _, err := conn.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}))
	c := openSession(t, s, target)
	waiting := startSession(t, s, target) // its client never comes
	st := c.stream()
	if _, err := io.CopyN(io.Discard, st, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
	s.KillAgentSocket(c.id)
	s.Bye(*waiting.SessionId)
	var d net.Dialer
	if _, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://")); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dialing a closed server: %v", err)
	}
}

// TestStalledClient checks back-pressure: a client that does not read holds the port back in the
// end, and gets every byte afterwards.
func TestStalledClient(t *testing.T) {
	// The client's smux takes 4 MB, the line to it 4 MB, the kernel's buffers a few more.
	want := noise(5, 14<<20)
	s := start(t, Config{})
	held := make(chan error, 1)
	_, target := addNode(s, listen(t, func(conn net.Conn) {
		_ = conn.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
		n, err := conn.Write(want)
		held <- err
		_ = conn.SetWriteDeadline(time.Time{})
		_, _ = conn.Write(want[n:])
	}))
	c := openSession(t, s, target)
	st := c.stream()
	if err := within(t, "end of writing", held); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("writing %d bytes that nobody reads: %v", len(want), err)
	}
	got := make([]byte, len(want))
	stop := time.AfterFunc(await, func() { _ = st.Close() })
	defer stop.Stop()
	if n, err := io.ReadFull(st, got); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v", n, err)
	}
}
