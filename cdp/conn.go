package cdp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	protocol "github.com/chromedp/cdproto/cdp"
	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/coder/websocket"
)

const (
	// maxMessage bounds one message, so that a broken target cannot fill our
	// memory. Messages with a chunk of a snapshot reach 1.3 MB (Node.js 24), and
	// could reach 6 MB if every character of it were escaped; an answer to
	// Evaluate with 8 MB of bytes in base64 has 11 MB.
	maxMessage = 16 << 20

	// keptBuffer is the largest message buffer that is used again. One huge
	// message must not hold its memory for the rest of the connection. Buffers
	// grow by doubling: this one has held 4 MB of bytes in base64, at the least.
	keptBuffer = 12 << 20

	// politeLimit bounds what Close sends to tidy up in the target, and then the
	// closing handshake. When the target is too busy to answer, ending the
	// connection makes V8 tidy up by itself.
	politeLimit = 2 * time.Second

	// settleLimit bounds how long Close takes before it begins the closing handshake:
	// until then the answers that the process owes us should have come. It is more
	// than three pieces of a snapshot need on the slowest wire.
	settleLimit = 5 * time.Second

	// queuedCommands may wait for the writer goroutine. A snapshot queues a
	// command while its chunks already arrive; it must not have to wait for a
	// socket that is full in both directions.
	queuedCommands = 16
)

// Conn is an open connection to the inspector of one process. Its methods may
// be called by several goroutines at once. It implements cdproto's Session.
//
// A Conn lives until Close or until it is lost; both close Done, and Err tells
// which it was.
type Conn struct {
	ws   *websocket.Conn
	line *line
	log  *slog.Logger

	out        chan []byte        // messages for the writer goroutine
	free       chan *bytes.Buffer // message buffers, two: one is read while the other is written out
	spare      chan *bytes.Buffer // message buffers that evaluations gave back
	slot       chan struct{}      // held while a snapshot is on the wire
	workerLock chan struct{}      // held while sessions with workers begin or end
	stop       chan struct{}      // closed when the connection is ending
	done       chan struct{}      // closed when both goroutines have ended

	closeOnce sync.Once

	mu      sync.Mutex
	err     error // why the connection is ending; set once, before stop is closed
	lastID  int64
	pending map[int64]*call
	owed    map[int64]struct{}  // commands without an answer yet, whether or not anybody waits for it
	settled chan struct{}       // closed when nothing is owed any more; nil while nobody asks
	long    map[int64]time.Time // evaluations that may still keep the process busy; since when nobody waits, or zero
	longEnd time.Time           // when the latest of them was through
	subs    map[string][]*subscription
	shot    *shot         // the snapshot on the wire, if any
	shotEnd time.Time     // when the latest snapshot was through
	pause   time.Duration // of the latest snapshot, 0 if unknown

	scripts *scriptList // of the call of Scripts that is under way, if any
	workers *workerHub  // nil while nobody is interested in worker threads

	profiler profilerState
	sentinel string // RemoteObjectId of our object in the target
}

// Conn is a session of cdproto.
var _ protocol.Session = (*Conn)(nil)

// newConn starts the two goroutines of the connection.
func newConn(ws *websocket.Conn, l *line, log *slog.Logger) *Conn {
	c := &Conn{
		ws: ws, line: l, log: log,
		out:        make(chan []byte, queuedCommands),
		free:       make(chan *bytes.Buffer, 2),
		spare:      make(chan *bytes.Buffer, spareBuffers),
		slot:       make(chan struct{}, 1),
		workerLock: make(chan struct{}, 1),
		stop:       make(chan struct{}),
		done:       make(chan struct{}),
		pending:    make(map[int64]*call),
		owed:       make(map[int64]struct{}),
		long:       make(map[int64]time.Time),
		subs:       make(map[string][]*subscription),
	}
	for range cap(c.free) {
		c.free <- new(bytes.Buffer)
	}
	go c.run()
	return c
}

// Received returns the number of bytes that have arrived on the websocket's
// stream so far.
func (c *Conn) Received() int64 { return c.line.received.Load() }

// Done returns a channel that is closed when the connection has ended and none
// of its goroutines is left.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err returns nil while the connection is open, ErrClosed after Close, and a
// *LostError when the connection broke.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// run reads until the connection ends, then leaves no trace of it behind.
func (c *Conn) run() {
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.guard(c.write)
	}()
	c.guard(c.read)
	<-written
	_ = c.ws.CloseNow()
	c.closeSubscriptions()
	close(c.done)
}

// guard runs one of the connection's loops and ends the connection when it
// returns an error or panics.
func (c *Conn) guard(loop func() error) {
	defer func() {
		if p := recover(); p != nil {
			c.fail(&panicError{value: p, stack: debug.Stack()})
		}
	}()
	if err := loop(); err != nil {
		c.fail(err)
	}
}

// fail ends the connection because of err, unless it is ending already.
func (c *Conn) fail(err error) {
	if cause := c.line.cause(); cause != nil && !errors.As(err, new(websocket.CloseError)) && !errors.As(err, new(*panicError)) {
		err = cause
	}
	if c.end(&LostError{Err: err}) {
		c.log.Debug("inspector connection lost", "err", err)
	}
	_ = c.line.Close()
}

// end records why the connection ends and reports whether this was the first
// reason.
func (c *Conn) end(err error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.endLocked(err)
}

// endLocked is end for who holds c.mu already.
func (c *Conn) endLocked(err error) bool {
	if c.err != nil {
		return false
	}
	c.err = err
	if c.shot != nil {
		c.shot.watch.stop()
	}
	close(c.stop)
	return true
}

// Close tidies up in the target (releases our objects, disables the heap
// profiler), closes the connection and waits for its goroutines. It takes at
// most 7 seconds (settleLimit, politeLimit), whatever state the target is in. Further calls do
// nothing; Close of a lost connection returns nil.
//
// It first waits for the answers that the process still owes us, of commands too
// that nobody waits for any more: Node.js up to 22 can crash when it sends one
// just as the connection ends (see docs/decisions/0007-cut-connections.md).
func (c *Conn) Close() error {
	c.closeOnce.Do(func() {
		begun := time.Now()
		c.tidy()
		c.settle(settleLimit - time.Since(begun))
		if c.end(ErrClosed) {
			// The line is cut if the target does not answer the handshake.
			cut := time.AfterFunc(politeLimit, func() { _ = c.line.Close() })
			if !c.busy() {
				_ = c.ws.Close(websocket.StatusNormalClosure, "")
			}
			cut.Stop()
		}
		_ = c.line.Close()
	})
	<-c.done
	return nil
}

// settle waits until the process owes no answer, for as long as it is given.
func (c *Conn) settle(limit time.Duration) {
	c.mu.Lock()
	settled := make(chan struct{})
	c.settled = settled
	c.noteSettled()
	c.mu.Unlock()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-settled:
	case <-c.stop:
	case <-timer.C:
		c.log.Debug("closing while the inspector owes answers")
	}
}

// noteAnswer notes that the command of the number is owed no answer any more. c.mu
// must be held.
func (c *Conn) noteAnswer(id int64) {
	delete(c.owed, id)
	c.noteSettled()
}

// noteSettled tells settle when there is nothing to wait for. c.mu must be held.
func (c *Conn) noteSettled() {
	if c.settled != nil && len(c.owed) == 0 {
		close(c.settled)
		c.settled = nil
	}
}

// write sends the queued messages. One goroutine writes so that a Call whose
// context ends need not wait for a stalled socket: the websocket library would
// close the connection with the context of a single write.
func (c *Conn) write() error {
	for {
		select {
		case msg := <-c.out:
			if err := c.ws.Write(context.Background(), websocket.MessageText, msg); err != nil {
				return fmt.Errorf("sending to the inspector: %w", err)
			}
		case <-c.stop:
			return nil
		}
	}
}

// read receives messages until the socket ends. When the connection is being
// closed it goes on reading, for the answer to the closing handshake.
func (c *Conn) read() error {
	buf := <-c.free
	for {
		if buf.Cap() > keptBuffer {
			buf = new(bytes.Buffer)
		}
		if err := c.receive(buf); err != nil {
			return err
		}
		if k := c.awaited(buf.Bytes()); k != nil {
			k.reply <- answer{whole: buf}
			buf = c.spareBuffer()
			continue
		}
		event, err := c.dispatch(buf.Bytes())
		if err != nil {
			return err
		}
		if s := c.currentShot(); event && s != nil {
			c.hold(s, true)
			select {
			case s.frames <- buf:
				buf = c.nextBuffer()
			case <-s.gone:
			case <-c.stop:
			}
			c.hold(s, false)
		}
	}
}

// nextBuffer waits until the snapshot's receiver gives a buffer back: this is
// where a slow writer holds the reading.
func (c *Conn) nextBuffer() *bytes.Buffer {
	select {
	case buf := <-c.free:
		return buf
	case <-c.stop:
		return new(bytes.Buffer)
	}
}

// receive reads one whole message into buf.
func (c *Conn) receive(buf *bytes.Buffer) error {
	_, r, err := c.ws.Reader(context.Background())
	if err != nil {
		return fmt.Errorf("receiving from the inspector: %w", err)
	}
	buf.Reset()
	n, err := buf.ReadFrom(io.LimitReader(r, maxMessage+1))
	if err != nil {
		return fmt.Errorf("receiving from the inspector: %w", err)
	}
	if n > maxMessage {
		if dropped, err := c.dropRest(buf.Bytes(), r); dropped {
			return err
		}
		return fmt.Errorf("receiving from the inspector: message of more than %d bytes", maxMessage)
	}
	return nil
}

// dispatch hands a message to the Call or the subscribers that wait for it. It
// reports true, and does nothing, if msg is an event of the snapshot on the
// wire: these are decoded where they are written.
func (c *Conn) dispatch(msg []byte) (event bool, err error) {
	shot := c.busy()
	if shot && isShotEvent(msg) {
		return true, nil
	}
	if c.noteScript(msg) {
		return false, nil
	}
	var m message
	if err := jsonv2.Unmarshal(msg, &m, jsonv2.AllowInvalidUTF8(true)); err != nil {
		return false, fmt.Errorf("decoding a message of the inspector: %w", err)
	}
	switch {
	case m.Method == "":
		c.answered(m.ID, answer{result: m.Result, err: m.Error})
	case shot && (m.Method == chunkMethod || m.Method == progressMethod):
		return true, nil
	case m.Method == waitingMethod:
		return false, ErrExiting
	default:
		if taken, err := c.workerEvent(m.Method, m.Params); taken {
			return false, err
		}
		c.publish(m.Method, m.Params)
	}
	return false, nil
}

// A Node.js process that is about to end (process.exit, an uncaught exception)
// waits until all inspectors have disconnected. It would stand there, answering
// some commands and not others, until it is killed. It says so to a connection
// that asked to be told (node src/inspector/runtime_agent.cc, Node.js 14 to 26).
const (
	watchMethod   = "NodeRuntime.notifyWhenWaitingForDisconnect"
	waitingMethod = "NodeRuntime.waitingForDisconnect"
)

// watchExit asks to be told, without waiting for the answer: the process may be
// busy, and what does not know the command does not wait either.
func (c *Conn) watchExit(ctx context.Context) {
	params := struct {
		Enabled bool `json:"enabled"`
	}{true}
	if k, err := c.send(ctx, watchMethod, params, nil); err == nil {
		c.forget(k)
	}
}
