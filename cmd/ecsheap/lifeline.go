package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/aws/smithy-go"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/guest"
	"github.com/ecsheap/ecsheap/tunnel"
)

const (
	// reconnectFor is how long a lost connection is tried again: less than the
	// minute of silence after which what we have in the process removes itself.
	reconnectFor = 45 * time.Second

	// refusedFor is how long an inspector may be absent: if the way to it works and
	// nothing listens, the process is gone.
	refusedFor = 5 * time.Second

	// firstRetry and lastRetry are the pauses between two tries.
	firstRetry = 200 * time.Millisecond
	lastRetry  = 5 * time.Second

	// tries is how often one thing is begun when the connection is lost over it:
	// what breaks every connection that it is asked over is not asked for ever.
	tries = 4

	// toldLosses is how many losses are told one by one; from then on only each
	// toldEvery-th is: a proxy may cut every connection after a few seconds.
	toldLosses = 3
	toldEvery  = 20
)

// lifeline is a connection to the inspector that is made anew when it is lost.
// The end of a connection makes V8 forget object ids, so it does all it can to
// keep the one it has, and never opens a second one beside it.
type lifeline struct {
	u       *ui
	s       source
	opts    *cdp.Options
	address string // of the inspector without AWS, HOST:PORT

	// mending holds a value while somebody replaces the connection, which may take
	// most of a minute. Unlike with a mutex, who waits for that can give up waiting.
	mending chan struct{}
	process cdp.Process // behind the connection; only who mends it changes it
	// again is told of each new connection, and whether it leads to the same
	// process. Others go on with the lost one until it returns.
	again func(ctx context.Context, conn *cdp.Conn, same bool) error

	mu       sync.Mutex // guards what follows, and is never held while waiting
	conn     *cdp.Conn
	received int64 // bytes over earlier connections
	losses   int   // of connections so far
	shortest int64 // bytes over the lost connection that had the fewest
	longest  int64 // and over the one that had the most
}

// dialLifeline connects.
func dialLifeline(ctx context.Context, u *ui, s source, opts *cdp.Options) (*lifeline, error) {
	var address string
	conn, err := cdp.Dial(ctx, func(ctx context.Context) (net.Conn, error) {
		c, err := s.dial(ctx)
		if err == nil && s.target.TaskARN == "" { // what comes through a tunnel has no address
			address = c.RemoteAddr().String()
		}
		return c, err
	}, opts)
	if err != nil {
		return nil, err
	}
	process, err := conn.Process(ctx)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	none := func(context.Context, *cdp.Conn, bool) error { return nil }
	return &lifeline{u: u, s: s, opts: opts, address: address, mending: make(chan struct{}, 1), process: process, again: none, conn: conn}, nil
}

// commandLine is another command on the same process, in words.
func (l *lifeline) commandLine(command string) []string {
	to := l.s.target
	if to.TaskARN == "" {
		return []string{"ecsheap", command, "--inspector", l.address}
	}
	return append([]string{"ecsheap", command, "--cluster", to.Cluster, "--task", to.TaskARN, "--container", to.Container}, l.s.flags...)
}

// now is the connection of this moment.
func (l *lifeline) now() *cdp.Conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
}

// fleeting tells whether so many bytes in one go may be too many: a connection was
// lost before, and the one of this moment has carried no more than those.
func (l *lifeline) fleeting(bytes int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.losses > 0 && l.shortest < bytes && l.conn.Received() <= l.longest
}

// wasLost tells whether a connection has been lost so far.
func (l *lifeline) wasLost() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.losses > 0
}

// wire returns how many bytes have arrived in all.
func (l *lifeline) wire() int64 {
	if l.s.wire != nil {
		return l.s.wire()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.received + l.conn.Received()
}

// do has f use the connection, and again over a new one if it was lost.
func (l *lifeline) do(ctx context.Context, f func(*cdp.Conn) error) error {
	for try := 1; ; try++ {
		conn := l.now()
		err := f(conn)
		if !mendable(ctx, err) || try == tries {
			return err
		}
		if err := l.reconnect(ctx, conn, err); err != nil {
			return err
		}
	}
}

// mendable tells whether a new connection may help.
func mendable(ctx context.Context, err error) bool {
	return ctx.Err() == nil && isAs[*cdp.LostError](err) && !isAs[*cdp.SilentError](err) && !errors.Is(err, cdp.ErrExiting)
}

// reconnect replaces the connection, which was lost for the reason why. When that
// cannot be done it returns an error, that of the loss if there is no better.
func (l *lifeline) reconnect(ctx context.Context, lost *cdp.Conn, why error) error {
	select {
	case l.mending <- struct{}{}:
		defer func() { <-l.mending }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if l.now() != lost {
		return nil // somebody else was faster
	}
	_ = lost.Close()
	tell := l.tellLoss(l.countLoss(lost.Received()), why)
	conn, process, err := l.redial(ctx, why)
	if err != nil {
		return err
	}
	same := sameProcess(process, l.process)
	l.process = process
	l.replace(conn)
	switch {
	case same && tell:
		l.u.step("connected again, to the same process; its objects get new ids")
	case !same:
		l.u.warn(fmt.Sprintf("another process answers: pid %d, started at %s", process.PID, process.StartedAt.Format(time.RFC3339)), "the heap of the one before is gone")
	}
	return nil
}

// countLoss counts the loss of a connection that carried so many bytes, and returns how
// many losses there were.
func (l *lifeline) countLoss(bytes int64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.losses == 0 || bytes < l.shortest {
		l.shortest = bytes
	}
	l.longest = max(l.longest, bytes)
	l.losses++
	return l.losses
}

// tellLoss tells of the n-th loss, or does not: it says which.
func (l *lifeline) tellLoss(n int, why error) bool {
	if n > toldLosses && n%toldEvery != 0 {
		return false
	}
	hint := "connecting again"
	if n >= toldLosses {
		hint = fmt.Sprintf("connecting again; that was loss %d, and not each of those to come is told", n)
		if n == toldLosses && diesOfCuts(l.process.NodeVersion) {
			hint += fmt.Sprintf("; Node.js %s can crash of a cut, rarely: Ctrl-C ends this", l.process.NodeVersion)
		}
	}
	l.u.warn("the connection to the inspector was lost: "+errorText(why), hint)
	return true
}

// replace puts another connection in the place of the lost one.
func (l *lifeline) replace(conn *cdp.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.received += l.conn.Received()
	l.conn = conn
}

// mendedMajor is the first major version of Node.js of which releases are known not to
// crash of a cut (docs/decisions/0007-cut-connections.md).
const mendedMajor = 24

// diesOfCuts tells whether a version of Node.js, such as "v20.20.2", may crash when a
// connection breaks off.
func diesOfCuts(version string) bool {
	var major int
	_, err := fmt.Sscanf(version, "v%d.", &major)
	return err == nil && major < mendedMajor
}

// redial tries until it works, or makes no sense any more.
func (l *lifeline) redial(ctx context.Context, why error) (*cdp.Conn, cdp.Process, error) {
	began, pause := time.Now(), firstRetry
	for {
		conn, process, err := l.attempt(ctx)
		if err == nil {
			return conn, process, nil
		}
		if ctx.Err() != nil {
			return nil, process, context.Cause(ctx)
		}
		if no := final(err); no != nil {
			return nil, process, no
		}
		limit := reconnectFor
		if absent(err) {
			limit = refusedFor
		}
		if time.Since(began) > limit {
			return nil, process, fmt.Errorf("%w (and then: %s)", why, errorText(err))
		}
		select {
		case <-ctx.Done():
			return nil, process, context.Cause(ctx)
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRetry)
	}
}

// attempt connects once more, and has the new connection put to use.
func (l *lifeline) attempt(ctx context.Context) (*cdp.Conn, cdp.Process, error) {
	conn, err := cdp.Dial(ctx, l.s.dial, l.opts)
	if err != nil {
		return nil, cdp.Process{}, err
	}
	process, err := conn.Process(ctx)
	if err == nil {
		err = l.again(ctx, conn, sameProcess(process, l.process))
	}
	if err != nil {
		_ = conn.Close()
	}
	return conn, process, err
}

// absent tells whether the way works and there is nothing at its end: no inspector
// or no agent. Both may be about to start again; usually the process is gone.
func absent(err error) bool {
	return isAs[*tunnel.RefusedError](err) || isAs[*tunnel.NotConnectedError](err) || isAs[*dialError](err) ||
		isAs[*cdp.NoInspectorError](err) && errors.Is(err, io.EOF)
}

// final returns the error that makes it useless to dial once more, or nil: AWS says
// no, or the process is somebody else's now. That AWS is out of reach, busy or ill
// may pass.
func final(err error) error {
	var none *cdp.NoInspectorError
	if errors.As(err, &none) {
		err = none.Err // which is about AWS if it is final
	}
	var api smithy.APIError
	switch {
	case absent(err):
		return nil
	case isAs[*credentialsError](err), isAs[*guest.BusyError](err), isAs[*tunnel.BusyError](err):
		return err
	case errors.As(err, &api) && api.ErrorFault() != smithy.FaultServer && !strings.Contains(api.ErrorCode(), "Throttl"):
		return err
	}
	return nil
}

func sameProcess(a, b cdp.Process) bool { return processOf(a).Same(processOf(b)) }

// close ends the connection for good.
func (l *lifeline) close() {
	_ = l.now().Close() // it only says that the connection was lost, which the capture says better
}
