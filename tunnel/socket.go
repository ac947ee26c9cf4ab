package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
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

	// The gateway's own pings come every 54 s. Ours find a dead connection
	// sooner, which TCP alone would take a quarter of an hour to notice.
	pingEvery   = 25 * time.Second
	pongTimeout = 20 * time.Second
)

// socket is one websocket to the message gateway. It is not resumed: link
// makes a new one.
type socket struct {
	ws   *websocket.Conn
	out  chan []byte
	log  *slog.Logger
	seen atomic.Int64 // messages received, for the liveness check
}

// protocolError is an error that a new socket would not cure.
type protocolError struct{ err error }

func (e *protocolError) Error() string { return e.err.Error() }
func (e *protocolError) Unwrap() error { return e.err }

// dialSocket opens a websocket and sends the OpenDataChannel request.
func dialSocket(ctx context.Context, streamURL string, request []byte, log *slog.Logger) (*socket, error) {
	ws, resp, err := websocket.Dial(ctx, streamURL, &websocket.DialOptions{CompressionMode: websocket.CompressionDisabled})
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
	return &socket{ws: ws, out: make(chan []byte, outQueue), log: log}, nil
}

// send queues a frame. When the queue is full the frame counts as lost on the
// wire: it is resent, or asked for again.
func (s *socket) send(frame []byte) {
	select {
	case s.out <- frame:
	default:
	}
}

// serve moves messages between the websocket and c until either fails or ctx
// ends. It never returns nil.
func (s *socket) serve(ctx context.Context, c *channel) error {
	defer s.ws.CloseNow() //nolint:errcheck // the reason to close says more than its result
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return recovered("socket reader", func() error { return s.read(ctx, c) }) })
	group.Go(func() error { return recovered("socket writer", func() error { return s.write(ctx) }) })
	group.Go(func() error { return recovered("socket pinger", func() error { return s.ping(ctx) }) })
	return group.Wait()
}

func (s *socket) read(ctx context.Context, c *channel) error {
	for {
		kind, raw, err := s.ws.Read(ctx)
		if err != nil {
			return readError(err)
		}
		s.seen.Add(1)
		if kind != websocket.MessageBinary {
			continue // the gateway answers the OpenDataChannel request in text
		}
		if err := c.receive(raw); err != nil {
			return &protocolError{err}
		}
		c.inbox.waitBelow(inboxLimit)
	}
}

// readError words the end of a socket for people.
func readError(err error) error {
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		return fmt.Errorf("closed by AWS with code %d %q", closed.Code, closed.Reason)
	}
	return err
}

func (s *socket) write(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case frame := <-s.out:
			if err := s.ws.Write(ctx, websocket.MessageBinary, frame); err != nil {
				return err
			}
		}
	}
}

// ping ends the socket when neither a pong nor anything else has come for
// pongTimeout.
func (s *socket) ping(ctx context.Context) error {
	ticker := time.NewTicker(pingEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		before := s.seen.Load()
		pingCtx, cancel := context.WithTimeout(ctx, pongTimeout)
		err := s.ws.Ping(pingCtx)
		cancel()
		if err != nil && ctx.Err() == nil && s.seen.Load() == before {
			return fmt.Errorf("no sign of life from AWS for %s", pongTimeout)
		}
	}
}
