package tunnel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
)

const (
	// maxFrame bounds one message of the gateway. Agents send payloads of
	// 1 KiB; the handshake is larger, but never near this.
	maxFrame = 1 << 20

	// outQueue is the number of frames that wait for the socket: a full window
	// and the acknowledgements beside it.
	outQueue = 4 * window

	// outRoom is what must be free in the queue before another message is read: one
	// message may cause a few, and a whole window may come from smux meanwhile.
	// Acknowledgements that find no room would be asked for again at ten a second.
	outRoom = 2 * window

	// The gateway's own pings come every 54 s. Ours find a dead connection
	// sooner, which TCP alone would take a quarter of an hour to notice.
	pingEvery   = 25 * time.Second
	pongTimeout = 20 * time.Second

	// sleepCheck is how often the clocks are compared for a sleep of the machine;
	// after one the connection has wakeTimeout to show that it is alive.
	sleepCheck  = 2 * time.Second
	wakeTimeout = 4 * time.Second
)

// packet is one frame on its way to the socket. Those of the pool channel.acks
// have their content in room, and go back when they are sent.
type packet struct {
	content []byte
	room    [payloadAt + maxAck]byte
}

// socket is one websocket to the message gateway. It is not resumed: link
// makes a new one.
type socket struct {
	ws   *websocket.Conn
	out  chan queued
	log  *slog.Logger
	seen atomic.Int64  // messages received, for the liveness check
	held atomic.Bool   // we do not read, because nobody takes what is there
	room chan struct{} // capacity 1: the writer has taken something from out
}

// queued is what waits for the socket.
type queued struct {
	content []byte
	pooled  *packet // nil for what is kept elsewhere
}

// protocolError is an error that a new socket would not cure.
type protocolError struct{ err error }

func (e *protocolError) Error() string { return e.err.Error() }
func (e *protocolError) Unwrap() error { return e.err }

func newSocket(ws *websocket.Conn, log *slog.Logger) *socket {
	return &socket{ws: ws, out: make(chan queued, outQueue), log: log, room: make(chan struct{}, 1)}
}

// dialSocket opens a websocket and sends the OpenDataChannel request.
func dialSocket(ctx context.Context, client *http.Client, streamURL string, request []byte, log *slog.Logger) (*socket, error) {
	ws, resp, err := websocket.Dial(ctx, streamURL, &websocket.DialOptions{HTTPClient: client, CompressionMode: websocket.CompressionDisabled})
	if resp != nil && resp.Body != nil {
		_ = resp.Body.Close() // Dial leaves it readable for error texts only
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to the message gateway: %w", errors.Join(err, context.Cause(ctx)))
	}
	ws.SetReadLimit(maxFrame)
	if err := ws.Write(ctx, websocket.MessageText, request); err != nil {
		_ = ws.CloseNow() // the error of the write says more
		return nil, fmt.Errorf("sending the token: %w", err)
	}
	return newSocket(ws, log), nil
}

// send queues a frame. When the queue is full the frame counts as lost on the
// wire: it is resent.
func (s *socket) send(content []byte) { s.enqueue(queued{content: content}) }

// push is send for a packet of the pool; false means that it was not taken.
func (s *socket) push(p *packet) bool { return s.enqueue(queued{content: p.content, pooled: p}) }

func (s *socket) enqueue(q queued) bool {
	select {
	case s.out <- q:
		return true
	default:
		return false
	}
}

// serve moves messages between the websocket and c until either fails or ctx
// ends. It never returns nil.
func (s *socket) serve(ctx context.Context, c *channel) error {
	group, ctx := errgroup.WithContext(ctx)
	// Reads and writes get no context of their own, which would cost allocations
	// for each message: the end of the socket ends them.
	stop := context.AfterFunc(ctx, func() { _ = s.ws.CloseNow() })
	defer stop()
	group.Go(func() error { return recovered("socket reader", func() error { return s.read(ctx, c) }) })
	group.Go(func() error { return recovered("socket writer", func() error { return s.write(ctx, c) }) })
	group.Go(func() error { return recovered("socket pinger", func() error { return s.watch(ctx) }) })
	err := group.Wait()
	_ = s.ws.CloseNow() // the reason to close says more than its result
	return err
}

func (s *socket) read(ctx context.Context, c *channel) error {
	var raw []byte
	for {
		kind, r, err := s.ws.Reader(context.Background())
		if err == nil {
			raw, err = readInto(raw[:0], r)
		}
		if err != nil {
			return s.ended(ctx, err)
		}
		s.seen.Add(1)
		if kind != websocket.MessageBinary {
			continue // the gateway answers the OpenDataChannel request in text
		}
		if err := c.receive(raw); err != nil {
			return &protocolError{err}
		}
		if err := s.holdBack(ctx, c); err != nil {
			return err
		}
	}
}

// holdBack waits until what a further message brings has room: on its way to
// smux, and its acknowledgement on the way out.
func (s *socket) holdBack(ctx context.Context, c *channel) error {
	if c.inbox.full(inboxLimit) {
		s.held.Store(true)
		c.inbox.waitBelow(ctx, inboxLimit)
		s.held.Store(false)
	}
	for cap(s.out)-len(s.out) < outRoom {
		select {
		case <-s.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// readInto reads a whole message into b, which grows as needed.
func readInto(b []byte, r io.Reader) ([]byte, error) {
	const least = 2 << 10 // a payload of 1 KiB and its header
	for {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), max(2*cap(b), least))
			copy(grown, b)
			b = grown
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}

// ended words the end of a socket for people.
func (s *socket) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil { // we have closed it
		return context.Cause(ctx)
	}
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		return fmt.Errorf("closed by AWS with code %d %q", closed.Code, closed.Reason)
	}
	return err
}

func (s *socket) write(ctx context.Context, c *channel) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case q := <-s.out:
			err := s.ws.Write(context.Background(), websocket.MessageBinary, q.content)
			if q.pooled != nil {
				c.acks.Put(q.pooled)
			}
			select {
			case s.room <- struct{}{}:
			default:
			}
			if err != nil {
				return s.ended(ctx, err)
			}
		}
	}
}

// watch ends the socket when it is dead: by a ping now and then, and by one at
// once after the machine has slept.
func (s *socket) watch(ctx context.Context) error {
	ticker := time.NewTicker(sleepCheck)
	defer ticker.Stop()
	last := time.Now()
	pinged := last
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		now := time.Now()
		limit := pongTimeout
		if slept(now.Round(0).Sub(last.Round(0)), now.Sub(last)) {
			s.log.Debug("the machine has slept")
			limit = wakeTimeout
		} else if now.Sub(pinged) < pingEvery {
			last = now
			continue
		}
		if err := s.ping(ctx, limit); err != nil {
			return err
		}
		last = time.Now()
		pinged = last
	}
}

// slept tells whether the machine slept between two ticks, from what the clock on
// the wall and the monotonic one say of the time between. The latter stands still
// in a sleep on Linux and macOS, and goes on in Windows.
func slept(wall, monotonic time.Duration) bool {
	const jump = 3 * sleepCheck // a machine under load is late, too
	return wall-monotonic > jump || monotonic > sleepCheck+jump
}

// ping fails when neither a pong nor anything else has come within limit, unless
// it is we who do not read.
func (s *socket) ping(ctx context.Context, limit time.Duration) error {
	before := s.seen.Load()
	pingCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := s.ws.Ping(pingCtx)
	if err == nil || ctx.Err() != nil || s.seen.Load() != before || s.held.Load() {
		return nil
	}
	return fmt.Errorf("no sign of life from AWS for %s", limit)
}
