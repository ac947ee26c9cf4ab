package tunnel

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/session-manager-plugin/src/config"
	"github.com/aws/session-manager-plugin/src/datachannel"
	"github.com/aws/session-manager-plugin/src/message"
)

const (
	// window bounds the messages from the oldest unacknowledged one on, about
	// 1 MB, far below the 100,000 that the agent keeps in its reordering buffer.
	window = 1024

	// earlyLimit bounds the messages kept that came before their turn, and earlyBytes
	// what they take: the agent's have a little over 1 KiB, one of a container that is
	// in other hands may have maxFrame. The agent resends one lost message in 100 ms and sends 80 new ones
	// meanwhile, so some hundred lost with a socket make tens of thousands early.
	// What is beyond is not acknowledged, and sent again; the plugin's limit of
	// 10,000 makes that a crawl.
	earlyLimit = 1 << 16
	earlyBytes = 96 << 20

	// inboxLimit is where we stop reading the socket because nobody reads the
	// stream. It is far below the 100 MB (100,000 messages) after which the
	// agent drops what is not acknowledged, and far above a slow disk's hiccup.
	inboxLimit = 16 << 20
)

// pluginMu guards the plugin's calls that print a UUID: github.com/twinj/uuid
// keeps its format in a package variable, and the plugin sets it each time.
var pluginMu sync.Mutex

// channel is the reliable byte stream over the data channel: the plugin's
// sequence numbers, buffers and handshake on one side, io.ReadWriteCloser (for
// smux) on the other. It outlives the websockets that carry it.
type channel struct {
	log    pluginLog
	ready  chan struct{} // closed when the handshake is complete
	inbox  *inbox
	socket atomic.Pointer[socket] // nil while there is none; what is sent then is resent

	// commands says that the session runs a command instead of forwarding a
	// port; set before the first socket. exitCode is the command's, once told.
	commands bool
	exitCode atomic.Pointer[int]

	received atomic.Int64 // bytes from the gateway
	refused  atomic.Int64 // ConnectToPortError flags

	acks sync.Pool // of *packet, for acknowledgements

	mu        sync.Mutex       // guards what follows
	expected  int64            // number of the agent's next message
	early     map[int64][]byte // the agent's messages after that, acknowledged
	earlySize int              // their bytes
	out       outbox
	dc        *datachannel.DataChannel // for what is not data: see consult
	hello     []byte                   // the last text message that dc sent: the OpenDataChannel request
	handshook bool
	fatal     error      // from a handler, out of dc
	acked     *sync.Cond // signalled when the window moves, or at the end
	closed    error
}

func newChannel(target, sessionID, clientID string, log *slog.Logger) *channel {
	c := &channel{log: pluginLog{log}, ready: make(chan struct{}), inbox: newInbox(), early: map[int64][]byte{}, dc: &datachannel.DataChannel{}}
	c.acks.New = func() any { return &packet{} }
	c.acked = sync.NewCond(&c.mu)
	c.dc.Initialize(c.log, clientID, sessionID, target, false)
	c.dc.SetWsChannel(wsChannel{c})
	c.dc.RegisterOutputStreamHandler(c.handle, true)
	return c
}

// openRequest is the first message on a new websocket: the OpenDataChannel
// request that redeems the token.
func (c *channel) openRequest(token string) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	pluginMu.Lock()
	defer pluginMu.Unlock()
	if err := c.dc.FinalizeDataChannelHandshake(c.log, token); err != nil {
		return nil, err
	}
	return c.hello, nil
}

// attach makes s the socket that carries the channel, and sends again at once
// what was in flight when the last one died. (The resend loop would take its time.)
func (c *channel) attach(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.socket.Store(s)
	now := time.Now()
	c.out.each(func(m *outgoing) bool {
		m.sent, m.since, m.resent = now, now, m.resent+1
		s.send(m.content)
		return true
	})
}

// detach forgets the socket: it is dead.
func (c *channel) detach() { c.socket.Store(nil) }

// receive handles one binary message of the gateway, of which it keeps nothing. An
// error ends the tunnel; a message that is malformed or damaged is dropped, and
// the agent sends it again.
func (c *channel) receive(raw []byte) error {
	c.received.Add(int64(len(raw)))
	f, err := decode(raw)
	if err != nil {
		c.log.log.Debug("dropping a message", "error", err)
		return nil
	}
	switch f.kind {
	case message.OutputStreamMessage:
		return c.receiveOutput(f, raw)
	case message.AcknowledgeMessage:
		c.receiveAck(f)
		return nil
	case message.ChannelClosedMessage:
		m := message.ClientMessage{MessageType: f.kind, Payload: f.payload}
		closed, err := m.DeserializeChannelClosedMessage(c.log)
		if err != nil {
			return fmt.Errorf("reading a channel_closed message: %w", err)
		}
		return &ClosedByPeerError{Output: closed.Output}
	default: // start_publication, pause_publication: what is lost meanwhile is resent
		c.log.log.Debug("control message", "type", f.kind)
		return nil
	}
}

// receiveOutput acknowledges a message of the agent's stream, and delivers it when
// its turn has come. The agent resends only the front of its queue, so a duplicate
// is acknowledged again: the agent would wait for a lost acknowledgement for ever.
// (The plugin does not.)
func (c *channel) receiveOutput(f frame, raw []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case f.seq < c.expected:
		c.acknowledge(f)
		return nil
	case f.seq > c.expected:
		if _, known := c.early[f.seq]; !known {
			if len(c.early) >= earlyLimit || c.earlySize+len(raw) > earlyBytes {
				return nil
			}
			c.early[f.seq] = bytes.Clone(raw)
			c.earlySize += len(raw)
		}
		c.acknowledge(f)
		return nil
	}
	c.acknowledge(f)
	if err := c.deliver(f, raw); err != nil {
		return err
	}
	return c.deliverEarly()
}

// deliverEarly delivers the messages whose turn has come with the last one.
func (c *channel) deliverEarly() error {
	for len(c.early) > 0 {
		raw, ok := c.early[c.expected]
		if !ok {
			return nil
		}
		delete(c.early, c.expected)
		c.earlySize -= len(raw)
		f, err := decode(raw)
		if err != nil {
			return err // cannot be: it was decoded when it came
		}
		if err := c.deliver(f, raw); err != nil {
			return err
		}
	}
	return nil
}

// deliver takes the agent's next message. Data goes its own short way.
func (c *channel) deliver(f frame, raw []byte) error {
	c.expected++
	if f.payloadType == message.Output && c.handshook && !c.commands {
		c.inbox.push(f.payload)
		return nil
	}
	return c.consult(raw)
}

// consult has the plugin handle a message: a part of the handshake, or what may be
// encrypted. It counts neither messages nor acknowledgements; the channel does.
func (c *channel) consult(raw []byte) error {
	pluginMu.Lock()
	defer pluginMu.Unlock()
	var m message.ClientMessage
	if err := m.DeserializeClientMessage(c.log, raw); err != nil {
		return fmt.Errorf("parsing a message: %w", err)
	}
	if m.PayloadType == uint32(message.HandshakeCompletePayloadType) {
		// The plugin's handler would print the customer message on stdout.
		_, err := c.handle(c.log, m)
		return err
	}
	c.dc.ExpectedSequenceNumber = m.SequenceNumber
	c.dc.StreamDataSequenceNumber = c.out.next
	if err := c.dc.HandleOutputMessage(c.log, m, raw); err != nil {
		return fmt.Errorf("handling message %d: %w", m.SequenceNumber, err)
	}
	c.dc.OutgoingMessageBuffer.Messages.Init() // what it has sent is in c.out
	return c.fatal
}

// acknowledge sends the acknowledgement of f.
func (c *channel) acknowledge(f frame) {
	s := c.socket.Load()
	if s == nil {
		return // the agent asks again
	}
	p := c.acks.Get().(*packet)
	p.content = appendAck(p.room[:0], f)
	if !s.push(p) {
		c.acks.Put(p)
	}
}

func (c *channel) receiveAck(f frame) {
	seq, err := acknowledgedNumber(f.payload)
	if err != nil {
		c.log.log.Debug("dropping an acknowledgement", "error", err)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.out.acknowledge(seq)
	if !ok {
		return
	}
	if m.resent == 0 { // else it is not known which of the two was acknowledged (Karn)
		c.dc.CalculateRetransmissionTimeout(c.log, datachannel.StreamingMessage{LastSentTime: m.sent})
	}
	c.acked.Broadcast()
}

// handle takes one message in sequence. Its signature is the plugin's
// OutputStreamDataMessageHandler; true means that it may be acknowledged.
func (c *channel) handle(_ pluginLogT, m message.ClientMessage) (bool, error) {
	switch message.PayloadType(m.PayloadType) {
	case message.Output:
		c.inbox.push(m.Payload)
		if c.commands { // which begin without a handshake
			c.becomeReady()
		}
	case message.StdErr:
		if c.commands {
			c.inbox.push(m.Payload)
		}
	case message.HandshakeCompletePayloadType:
		if want := c.sessionType(); c.dc.GetSessionType() != want {
			c.fatal = fmt.Errorf("the session is of type %q, not %q", c.dc.GetSessionType(), want)
			return true, c.fatal
		}
		c.becomeReady()
	case message.ExitCode:
		c.exitCode.Store(parseExitCode(m.Payload))
	case message.Flag:
		if len(m.Payload) >= 4 && message.PayloadTypeFlag(binary.BigEndian.Uint32(m.Payload)) == message.ConnectToPortError {
			c.refused.Add(1)
		}
	}
	return true, nil
}

// sessionType is what the plugin must call the session after the handshake.
func (c *channel) sessionType() string {
	if c.commands {
		return config.ShellPluginName // for InteractiveCommands as well
	}
	return config.PortPluginName
}

// becomeReady notes, once, that the agent has begun. The caller holds c.mu.
func (c *channel) becomeReady() {
	if !c.handshook {
		c.handshook = true
		close(c.ready)
	}
}

// Read implements io.Reader for smux.
func (c *channel) Read(p []byte) (int, error) { return c.inbox.read(p) }

// Write implements io.Writer for smux: p goes out in messages of at most 1024
// bytes, the agent's own size. It blocks while the window is full.
func (c *channel) Write(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		chunk := p[n:min(n+config.StreamDataPayloadSize, len(p))]
		if err := c.send(message.Output, chunk, true); err != nil {
			return n, err
		}
		n += len(chunk)
	}
	return n, nil
}

// Close implements io.Closer for smux, which closes its connection with itself.
// The channel is closed by the tunnel, after the flag that ends the session.
func (*channel) Close() error { return nil }

// sendTerminate tells the agent that the session is over, without waiting.
func (c *channel) sendTerminate() {
	flag := binary.BigEndian.AppendUint32(nil, uint32(message.TerminateSession))
	if err := c.send(message.Flag, flag, false); err != nil && !errors.Is(err, errClosed) {
		c.log.log.Debug("sending the terminate flag", "error", err)
	}
}

// send numbers, keeps and sends one message. It does not use the plugin's
// SendInputDataMessage, which turns a payload of exactly "\n" into "\r".
func (c *channel) send(kind message.PayloadType, payload []byte, wait bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for wait && c.closed == nil && len(c.out.waiting()) >= window {
		c.acked.Wait()
	}
	if c.closed != nil {
		return c.closed
	}
	room := make([]byte, 0, payloadAt+len(payload))
	c.keep(appendFrame(room, message.InputStreamMessage, c.out.next, 0, kind, payload))
	return nil
}

// keep sends the message with the number c.out.next, and keeps it until it is
// acknowledged. The caller holds c.mu.
func (c *channel) keep(content []byte) {
	c.out.add(content, time.Now())
	c.transmit(content)
}

// transmit hands a message to the socket, if there is one. What is lost here is
// resent.
func (c *channel) transmit(content []byte) {
	if s := c.socket.Load(); s != nil {
		s.send(content)
	}
}

// shut ends the byte stream with err, for readers and writers.
func (c *channel) shut(err error) {
	c.mu.Lock()
	if c.closed == nil {
		c.closed = err
	}
	c.mu.Unlock()
	c.acked.Broadcast()
	c.inbox.close(err)
}
