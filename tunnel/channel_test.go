package tunnel

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/session-manager-plugin/src/message"
)

// newTestChannel is a channel whose socket is a queue that the test reads.
func newTestChannel(t testing.TB) (*channel, *socket) {
	t.Helper()
	c := newChannel("target", "session", "client", slog.New(slog.DiscardHandler))
	s := newSocket(nil, slog.New(slog.DiscardHandler))
	c.attach(s)
	return c, s
}

// sent takes the next frame that c sent.
func sent(t testing.TB, s *socket) message.ClientMessage {
	t.Helper()
	select {
	case q := <-s.out:
		return parse(t, q.content)
	default:
		t.Fatal("nothing was sent")
		panic("unreachable")
	}
}

// acknowledged takes the next frame, which must be an acknowledgement, and
// returns the sequence number in it.
func acknowledged(t testing.TB, s *socket) int64 {
	t.Helper()
	m := sent(t, s)
	ack, err := m.DeserializeDataStreamAcknowledgeContent(silent)
	if err != nil {
		t.Fatal(err)
	}
	return ack.SequenceNumber
}

func receive(t testing.TB, c *channel, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if err := c.receive(f); err != nil {
			t.Fatal(err)
		}
	}
}

func output(t testing.TB, seq int64, text string) []byte {
	return agentFrame(t, message.OutputStreamMessage, seq, message.Output, []byte(text))
}

func ack(t testing.TB, seq int64) []byte {
	payload, err := json.Marshal(message.AcknowledgeContent{MessageType: message.InputStreamMessage, SequenceNumber: seq, IsSequentialMessage: true})
	if err != nil {
		t.Fatal(err)
	}
	return agentFrame(t, message.AcknowledgeMessage, 0, 0, payload)
}

// handshake brings c to the state after the agent's handshake; the agent's
// next message is number 2.
func handshake(t testing.TB, c *channel, s *socket) {
	t.Helper()
	request := `{"AgentVersion":"3.3.1957.0","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Port","Properties":{"portNumber":"9229"}}}]}`
	receive(t, c, agentFrame(t, message.OutputStreamMessage, 0, message.HandshakeRequestPayloadType, []byte(request)))
	if seq := acknowledged(t, s); seq != 0 {
		t.Fatalf("acknowledged %d, want 0", seq)
	}
	response := sent(t, s)
	if response.PayloadType != uint32(message.HandshakeResponsePayloadType) || !strings.Contains(string(response.Payload), `"ActionStatus":1`) {
		t.Fatalf("answered the handshake with %d %s", response.PayloadType, response.Payload)
	}
	receive(t, c, ack(t, 0), agentFrame(t, message.OutputStreamMessage, 1, message.HandshakeCompletePayloadType, []byte(`{"HandshakeTimeToComplete":1,"CustomerMessage":"hello"}`)))
	if seq := acknowledged(t, s); seq != 1 {
		t.Fatalf("acknowledged %d, want 1", seq)
	}
	select {
	case <-c.ready:
	default:
		t.Fatal("not ready after the handshake")
	}
}

func TestHandshakeOfOtherSession(t *testing.T) {
	c, _ := newTestChannel(t)
	request := `{"AgentVersion":"3","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Standard_Stream"}}]}`
	receive(t, c, agentFrame(t, message.OutputStreamMessage, 0, message.HandshakeRequestPayloadType, []byte(request)))
	err := c.receive(agentFrame(t, message.OutputStreamMessage, 1, message.HandshakeCompletePayloadType, []byte(`{}`)))
	if err == nil || !strings.Contains(err.Error(), `not "Port"`) {
		t.Errorf("a shell session: %v", err)
	}
}

func TestReceiveInOrder(t *testing.T) {
	c, s := newTestChannel(t)
	handshake(t, c, s)
	// 4 comes before 3, and 2 twice.
	receive(t, c, output(t, 2, "a"), output(t, 4, "c"), output(t, 2, "a"), output(t, 3, "b"), output(t, 5, "d"))
	for _, want := range []int64{2, 4, 2, 3, 5} {
		if got := acknowledged(t, s); got != want {
			t.Errorf("acknowledged %d, want %d", got, want)
		}
	}
	buf := make([]byte, 16)
	n, err := c.Read(buf)
	if err != nil || string(buf[:n]) != "abcd" {
		t.Errorf("read %q, %v; want abcd", buf[:n], err)
	}
}

// TestLostAcknowledgement is the plugin's bug of a duplicate that nobody
// acknowledges, and that of data delivered twice after a failed acknowledgement.
func TestLostAcknowledgement(t *testing.T) {
	c, s := newTestChannel(t)
	handshake(t, c, s)
	c.detach() // the acknowledgement of 2 is lost with the socket
	receive(t, c, output(t, 2, "once"))
	c.attach(s)
	receive(t, c, output(t, 2, "once"))
	if got := acknowledged(t, s); got != 2 {
		t.Errorf("acknowledged %d, want 2", got)
	}
	c.shut(io.EOF)
	all, err := io.ReadAll(c)
	if err != nil || string(all) != "once" {
		t.Errorf("delivered %q, %v", all, err)
	}
}

func TestWriteSplits(t *testing.T) {
	c, s := newTestChannel(t)
	handshake(t, c, s)
	// The last message is a lone newline, which the plugin turns into \r.
	text := append(bytes.Repeat([]byte("x"), 2048), '\n')
	if n, err := c.Write(text); n != len(text) || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	var got []byte
	for i, want := range []int{1024, 1024, 1} {
		m := sent(t, s)
		if len(m.Payload) != want || m.SequenceNumber != int64(i+1) || m.MessageType != message.InputStreamMessage {
			t.Errorf("message %d: %d bytes, number %d, type %s", i, len(m.Payload), m.SequenceNumber, m.MessageType)
		}
		got = append(got, m.Payload...)
	}
	if !bytes.Equal(got, text) {
		t.Error("the bytes changed on the way")
	}
}

func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newTestChannel(t)
		handshake(t, c, s)
		written := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 1024*(window+1)))
			written <- err
		}()
		synctest.Wait()
		select {
		case err := <-written:
			t.Fatalf("wrote beyond the window: %v", err)
		default:
		}
		receive(t, c, ack(t, 1))
		if err := <-written; err != nil {
			t.Error(err)
		}
		if n := len(c.out.waiting()); n != window {
			t.Errorf("%d messages in flight, want %d", n, window)
		}
	})
}

func TestShutEndsWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newTestChannel(t)
		handshake(t, c, s)
		written := make(chan error, 1)
		go func() {
			_, err := c.Write(make([]byte, 1024*(window+1)))
			written <- err
		}()
		synctest.Wait()
		c.shut(io.ErrUnexpectedEOF)
		if err := <-written; !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Write returned %v", err)
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Read returned %v", err)
		}
	})
}

func TestResend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newTestChannel(t)
		handshake(t, c, s)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- c.resendLoop(ctx) }()

		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		first := sent(t, s)
		time.Sleep(3 * time.Second)
		again := sent(t, s)
		if first.SequenceNumber != again.SequenceNumber || first.MessageId.String() != again.MessageId.String() {
			t.Errorf("resent %d %s, want %d %s", again.SequenceNumber, again.MessageId, first.SequenceNumber, first.MessageId)
		}
		receive(t, c, ack(t, first.SequenceNumber))
		for len(s.out) > 0 {
			<-s.out
		}
		time.Sleep(5 * time.Second)
		if len(s.out) > 0 {
			t.Error("resent after the acknowledgement")
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestResendGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, s := newTestChannel(t)
		handshake(t, c, s)
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		go func() { // a socket that loses everything
			for range s.out {
			}
		}()
		start := time.Now()
		err := c.resendLoop(t.Context())
		if err == nil || !strings.Contains(err.Error(), "not acknowledged") {
			t.Errorf("the loop ended with %v", err)
		}
		if d := time.Since(start); d < time.Minute || d > 10*time.Minute {
			t.Errorf("gave up after %s", d)
		}
		close(s.out)
	})
}

func TestChannelClosed(t *testing.T) {
	c, _ := newTestChannel(t)
	err := c.receive(agentFrame(t, message.ChannelClosedMessage, 0, 0, []byte(`{"MessageType":"channel_closed","Output":"Session timed out"}`)))
	var closed *ClosedByPeerError
	if !errors.As(err, &closed) || closed.Output != "Session timed out" {
		t.Errorf("got %v", err)
	}
}

// putSequence overwrites the sequence number of a frame.
func putSequence(frame []byte, seq int64) {
	binary.BigEndian.PutUint64(frame[message.ClientMessage_SequenceNumberOffset:], uint64(seq))
}

// TestEarlyBytes has an agent whose messages are as large as the gateway lets through: it
// does not fill our memory, and what is not kept is not acknowledged.
func TestEarlyBytes(t *testing.T) {
	c, s := newTestChannel(t)
	handshake(t, c, s)
	frame := agentFrame(t, "output_stream_data", 0, 1, make([]byte, maxFrame-payloadAt))
	first := c.expected
	const kept = earlyBytes / maxFrame
	for n := range int64(2 * kept) {
		putSequence(frame, first+1+n)
		receive(t, c, frame)
	}
	if len(c.early) != kept || len(s.out) != kept || c.earlySize != kept*maxFrame {
		t.Fatalf("%d messages kept, %d acknowledged, %d bytes", len(c.early), len(s.out), c.earlySize)
	}
	putSequence(frame, first)
	receive(t, c, frame)
	if c.expected != first+1+kept || c.earlySize != 0 {
		t.Errorf("%d messages delivered, %d bytes early", c.expected-first, c.earlySize)
	}
}
