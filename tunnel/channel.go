package tunnel

import (
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
	"github.com/twinj/uuid"
)

const (
	// window bounds the messages sent but not acknowledged, about 1 MB. The
	// plugin's buffer drops its oldest message at 10,000, which would be a hole
	// in the stream.
	window = 1024

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

	mu        sync.Mutex // guards what follows
	dc        *datachannel.DataChannel
	hello     []byte // the last text message that dc sent: the OpenDataChannel request
	handshook bool
	fatal     error      // from a handler, out of dc
	acked     *sync.Cond // signalled when the window moves, or at the end
	closed    error
}

func newChannel(target, sessionID, clientID string, log *slog.Logger) *channel {
	c := &channel{log: pluginLog{log}, ready: make(chan struct{}), inbox: newInbox(), dc: &datachannel.DataChannel{}}
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
// what was in flight when the last one died. (The resend loop would send the
// front alone, one message every 100 ms.)
func (c *channel) attach(s *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.socket.Store(s)
	now := time.Now()
	for e := c.dc.OutgoingMessageBuffer.Messages.Front(); e != nil; e = e.Next() {
		m := e.Value.(datachannel.StreamingMessage)
		m.LastSentTime = now
		e.Value = m
		s.send(m.Content)
	}
}

// detach forgets the socket: it is dead.
func (c *channel) detach() { c.socket.Store(nil) }

// receive handles one binary message of the gateway. An error ends the tunnel;
// a message that is malformed or damaged is dropped, and the agent sends it again.
func (c *channel) receive(raw []byte) error {
	c.received.Add(int64(len(raw)))
	m, err := decode(c.log, raw)
	if err != nil {
		c.log.log.Debug("dropping a message", "error", err)
		return nil
	}
	switch m.MessageType {
	case message.OutputStreamMessage:
		return c.receiveOutput(m, raw)
	case message.AcknowledgeMessage:
		return c.receiveAck(m)
	case message.ChannelClosedMessage:
		closed, err := m.DeserializeChannelClosedMessage(c.log)
		if err != nil {
			return fmt.Errorf("reading a channel_closed message: %w", err)
		}
		return &ClosedByPeerError{Output: closed.Output}
	default: // start_publication, pause_publication: what is lost meanwhile is resent
		c.log.log.Debug("control message", "type", m.MessageType)
		return nil
	}
}

func (c *channel) receiveOutput(m message.ClientMessage, raw []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pluginMu.Lock()
	defer pluginMu.Unlock()
	switch {
	case m.SequenceNumber < c.dc.ExpectedSequenceNumber:
		// The agent resends only the front of its queue: a duplicate whose
		// acknowledgement was lost must be acknowledged again, or the agent
		// waits for it for ever. The plugin's own handler does not.
		return c.dc.SendAcknowledgeMessage(c.log, m)
	case m.SequenceNumber == c.dc.ExpectedSequenceNumber && m.PayloadType == uint32(message.HandshakeCompletePayloadType):
		// The plugin's handler would print the customer message on stdout.
		if err := c.dc.SendAcknowledgeMessage(c.log, m); err != nil {
			return err
		}
		if _, err := c.handle(c.log, m); err != nil {
			return err
		}
		c.dc.ExpectedSequenceNumber++
		return c.dc.ProcessIncomingMessageBufferItems(c.log, m)
	}
	if err := c.dc.HandleOutputMessage(c.log, m, raw); err != nil {
		return fmt.Errorf("handling message %d: %w", m.SequenceNumber, err)
	}
	return c.fatal
}

func (c *channel) receiveAck(m message.ClientMessage) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.dc.HandleAcknowledgeMessage(c.log, m); err != nil {
		c.log.log.Debug("dropping an acknowledgement", "error", err)
		return nil
	}
	c.acked.Broadcast()
	return nil
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
	for wait && c.closed == nil && c.dc.OutgoingMessageBuffer.Messages.Len() >= window {
		c.acked.Wait()
	}
	if c.closed != nil {
		return c.closed
	}
	m := message.ClientMessage{
		MessageType: message.InputStreamMessage, SchemaVersion: 1, CreatedDate: uint64(time.Now().UnixMilli()),
		MessageId: uuid.NewV4(), SequenceNumber: c.dc.StreamDataSequenceNumber,
		PayloadType: uint32(kind), Payload: payload,
	}
	frame, err := m.SerializeClientMessage(c.log)
	if err != nil {
		return fmt.Errorf("serializing message %d: %w", m.SequenceNumber, err)
	}
	c.dc.AddDataToOutgoingMessageBuffer(datachannel.StreamingMessage{
		Content: frame, SequenceNumber: m.SequenceNumber, LastSentTime: time.Now(), ResendAttempt: new(int),
	})
	c.dc.StreamDataSequenceNumber++
	c.transmit(frame)
	return nil
}

// transmit hands a frame to the socket, if there is one. Nothing that is lost
// here is lost for good: messages are resent, and acknowledgements are made
// again for the duplicates that their loss causes.
func (c *channel) transmit(frame []byte) {
	if s := c.socket.Load(); s != nil {
		s.send(frame)
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
