package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ecsheap/ecsheap/tunnel"
)

const (
	// maxConnections is how many connections are carried at once; more wait to be
	// accepted. DevTools and VS Code use a handful, a connection pool a hundred;
	// each takes two file descriptors, of which shells give 256 on some systems.
	maxConnections = 100

	// relayBuffer is what one connection holds in each direction. What does not fit
	// waits at its sender: this is all the back-pressure there has to be.
	relayBuffer = 32 << 10

	// acceptPause is waited after an accept that failed: for file descriptors, of
	// which there are none left.
	acceptPause = 100 * time.Millisecond

	// inspectorLinger is how long a client that has closed its end is still sent
	// answers that keep coming. No debugger closes one half of a connection: it is
	// gone, and a process that it has left at a breakpoint must run on soon.
	inspectorLinger = 2 * time.Second

	// halfLinger is the same for other protocols, where a client may say that it has
	// asked everything, and then wait.
	halfLinger = time.Minute

	// stallFor is how long a client may read nothing while others are connected. All
	// connections share the one stream of the session, which has no windows (smux
	// version 1): who does not read stands in the way of all. Alone it may.
	stallFor = 30 * time.Second

	// drainFor is how long a client whose server has closed may take to close too. To
	// close on what it still sends would reset the connection, and take the end of
	// the answer away from it.
	drainFor = 2 * time.Second
)

// relay carries connections of a local port to the far end.
type relay struct {
	dial   func(context.Context) (net.Conn, error)
	linger time.Duration // halfLinger or inspectorLinger
	stall  time.Duration // stallFor
	// ended is told of each connection that has ended, with the error of its far end:
	// nil if that was closed in order. nil = nobody.
	ended func(error)

	open, total atomic.Int64 // connections
	in, out     atomic.Int64 // bytes from and to the far end
}

// line is the live line.
func (r *relay) line(address string) string {
	return fmt.Sprintf("%s: %s open, %d so far, %s in, %s out", address, plural(int(r.open.Load()), "connection"), r.total.Load(), bytesText(r.in.Load()), bytesText(r.out.Load()))
}

// serve carries what the listener accepts until ctx ends, and then resets what is
// left. It closes the listener. A panic in a connection is its error.
func (r *relay) serve(ctx context.Context, l net.Listener) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	places := make(chan struct{}, maxConnections)
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		local, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return context.Cause(ctx)
			}
			<-places
			pause(ctx, acceptPause)
			continue
		}
		wg.Go(func() {
			defer func() { <-places }()
			defer func() {
				if v := recover(); v != nil {
					_ = local.Close()
					cancel(newPanicError(v))
				}
			}()
			r.carry(ctx, local)
		})
	}
}

// pause waits, and tells whether ctx has not ended meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// carry carries one connection to its end.
func (r *relay) carry(ctx context.Context, local net.Conn) {
	r.open.Add(1)
	r.total.Add(1)
	remote, err := r.dial(ctx)
	if err == nil {
		err = r.exchange(ctx, local, remote)
	} else {
		reset(local)
	}
	r.open.Add(-1)
	if r.ended != nil && ctx.Err() == nil {
		r.ended(err)
	}
}

// exchange copies both ways. It returns the error of the far end.
func (r *relay) exchange(ctx context.Context, local, remote net.Conn) error {
	defer remote.Close()
	stop := context.AfterFunc(ctx, func() { // no end in order: what was on its way is lost
		reset(local)
		_ = remote.Close()
	})
	defer stop()
	var moved atomic.Int64 // bytes of this connection, from the far end
	done := make(chan struct{})
	up := make(chan struct{})
	var panicked any // there: it must not end the program before the session is ended
	go func() {
		defer close(up)
		defer func() {
			if panicked = recover(); panicked != nil {
				_ = remote.Close()
			}
		}()
		if readErr, _ := pump(remote, local, &r.out, nil); readErr == nil {
			r.outlive(&moved, done)
		} // else the client is gone, or the far end, of which reading says more
		_ = remote.Close()
	}()
	readErr, writeErr := pump(&client{Conn: local, relay: r}, remote, &r.in, &moved)
	close(done)
	switch {
	case errors.Is(writeErr, errStalled):
		reset(local)
		readErr = errStalled
	case writeErr != nil: // the client does not want the rest
		_ = local.Close()
		readErr = nil
	case readErr != nil:
		reset(local)
	default:
		closeInOrder(local)
	}
	_ = remote.Close()
	<-up
	_ = local.Close()
	if panicked != nil {
		panic(panicked)
	}
	if errors.Is(readErr, io.ErrClosedPipe) || errors.Is(readErr, net.ErrClosed) { // we closed it, for the client
		return nil
	}
	return readErr
}

// errStalled ends a connection that was in the way of others.
var errStalled = errors.New("a client that did not read stood in the way of others; its connection was reset")

// client is the local end of a connection, to be written to.
type client struct {
	net.Conn
	relay *relay
}

// Write gives up when nothing is taken for the time of the stall, and others wait.
func (c *client) Write(p []byte) (n int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.relay.stall)); err != nil {
			return n, err
		}
		wrote, err := c.Conn.Write(p[n:])
		n += wrote
		switch {
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		case wrote == 0 && c.relay.open.Load() > 1:
			return n, errStalled
		}
	}
}

// outlive waits, after the client has closed its end, until nothing has come for
// it for the time of the linger, or the answer is complete. The far end is not told
// before: the agent closes both directions when one has ended, answers included
// (amazon-ssm-agent agent/session/plugins/port).
func (r *relay) outlive(moved *atomic.Int64, done <-chan struct{}) {
	ticker := time.NewTicker(r.linger)
	defer ticker.Stop()
	for before := moved.Load(); ; {
		select {
		case <-done:
			return
		case <-ticker.C:
		}
		now := moved.Load()
		if now == before {
			return
		}
		before = now
	}
}

// pump copies until the source ends, and tells which side failed. It counts in n
// and, unless nil, m.
func pump(to io.Writer, from io.Reader, n, m *atomic.Int64) (readErr, writeErr error) {
	buf := make([]byte, relayBuffer)
	for {
		got, err := from.Read(buf)
		if got > 0 {
			wrote, writeErr := to.Write(buf[:got])
			n.Add(int64(wrote))
			if m != nil {
				m.Add(int64(wrote))
			}
			if writeErr != nil {
				return nil, writeErr
			}
		}
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return err, nil
		}
	}
}

// closeInOrder ends a connection in order: it says that nothing more comes, and takes what
// the client still sends until it closes too.
func closeInOrder(local net.Conn) {
	half, ok := local.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	if local.SetReadDeadline(time.Now().Add(drainFor)) == nil {
		_, _ = io.Copy(io.Discard, local)
	}
}

// reset ends a connection so that the client takes it for broken, not for complete.
func reset(local net.Conn) {
	if tcp, ok := local.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = local.Close()
}

// farEnd tells what is wrong at the far end, once until it is something else.
type farEnd struct {
	u *ui

	mu   sync.Mutex
	told string
}

// ended is told how a connection ended.
func (f *farEnd) ended(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text := ""
	if err != nil && !isAs[*tunnel.LostError](err) { // that is told where the session is kept
		text = errorText(err)
	}
	if text != "" && text != f.told {
		f.u.warn(text, "connections end at once while that is so; the tunnel stays open")
	}
	f.told = text
}
