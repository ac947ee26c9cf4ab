package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/tunnel"
)

const (
	// reopenTries is how often another session is tried when one is gone for good,
	// with pauses from reopenFirst to reopenLast between them: a minute and a half
	// in all, and longer where each try takes its own time. A laptop that wakes up
	// has its network again by then.
	reopenTries = 8
	reopenFirst = time.Second
	reopenLast  = 30 * time.Second

	// steadyAfter is how long a session has to live for the tries to begin anew: one
	// that is always ended at once is not opened for ever.
	steadyAfter = time.Minute
)

// hold keeps a session open: when it is gone for good another one takes its place.
type hold struct {
	u      *ui
	ecs    *awsecs.Client
	ssm    *awsssm.Client
	target ecs.Target
	config tunnel.Config
	first  time.Duration // pause after the first try that failed
	// reopened is told of each session but the first.
	reopened func()

	mu      sync.Mutex
	tunnel  *tunnel.Tunnel
	changed chan struct{} // closed when tunnel is replaced
}

// open opens the first session.
func (h *hold) open(ctx context.Context) error {
	if err := h.u.checkSessions(ctx, h.ssm, h.target); err != nil {
		return err
	}
	h.u.step("opening a tunnel to port %d of container %s", h.config.Port, h.target.Container)
	t, err := tunnel.Open(ctx, h.ssm, h.config)
	h.tunnel, h.changed = t, make(chan struct{})
	return err
}

func (h *hold) now() (*tunnel.Tunnel, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tunnel, h.changed
}

// dial opens a connection to the port. While a session is being replaced it waits
// for the other one.
func (h *hold) dial(ctx context.Context) (net.Conn, error) {
	for {
		t, changed := h.now()
		if t.Err() == nil {
			conn, err := t.Dial(ctx)
			if err == nil || t.Err() == nil {
				return conn, err
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// keep replaces sessions that are gone until ctx ends, or no other can be had. Its
// error is then that of the loss.
func (h *hold) keep(ctx context.Context) error {
	left, since := reopenTries, time.Now()
	for {
		t, _ := h.now()
		select {
		case <-ctx.Done():
			return nil
		case <-t.Lost():
		}
		if time.Since(since) > steadyAfter {
			left = reopenTries
		}
		lost := t.Err()
		h.u.warn(fmt.Sprintf("session %s is gone: %s", t.SessionID(), errorText(errors.Unwrap(lost))), "opening another one; connections that were open have ended")
		if err := t.Close(); err != nil { // it may count among the two that a container serves
			h.u.warn(errorText(err), hintOf(err))
		}
		var err error
		if left, err = h.replace(ctx, lost, left); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
		since = time.Now()
		t, _ = h.now()
		h.u.step("the tunnel is open again, on the same local port (session %s)", t.SessionID())
		if h.reopened != nil {
			h.reopened()
		}
	}
}

// replace opens another session, and returns how many tries are left.
func (h *hold) replace(ctx context.Context, lost error, left int) (int, error) {
	wait := h.first
	for try := 1; ; try++ {
		if left == 0 {
			return 0, lost
		}
		left--
		t, err := h.attempt(ctx, lost)
		switch {
		case err == nil:
			h.mu.Lock()
			defer h.mu.Unlock()
			h.tunnel = t
			close(h.changed)
			h.changed = make(chan struct{})
			return left, nil
		case ctx.Err() != nil:
			return left, nil
		case isAs[*taskStoppedError](err):
			return left, err
		case final(err) != nil:
			return left, err
		case left == 0:
			return 0, fmt.Errorf("%w; and no other session could be opened (tried %s): %s", lost, plural(try, "time"), errorText(err))
		}
		if try == 1 {
			h.u.warn("opening another session: "+errorText(err), "trying again, for a minute or two")
		}
		pause(ctx, wait)
		wait = min(2*wait, reopenLast)
	}
}

// attempt tries to open another session, to the container as it is now: one that
// was restarted in its task has another runtime id.
func (h *hold) attempt(ctx context.Context, lost error) (*tunnel.Tunnel, error) {
	now, err := ecs.Refresh(ctx, h.ecs, h.target)
	if err != nil {
		return nil, err
	}
	if reason, stopped := now.Stopped(); stopped {
		return nil, &taskStoppedError{task: h.target.TaskID(), reason: reason, err: lost}
	}
	if now.RuntimeID != "" && now.RuntimeID != h.target.RuntimeID {
		h.u.step("container %s was restarted meanwhile", now.Container)
		h.target = now
		h.config.Target = now.SSM()
	}
	active, err := tunnel.Settled(ctx, h.ssm, h.config.Target)
	if err == nil && len(active) >= tunnel.Limit {
		return nil, &tunnel.BusyError{Target: h.target.String(), Sessions: active}
	}
	return tunnel.Open(ctx, h.ssm, h.config)
}

// close ends the session.
func (h *hold) close(ctx context.Context) error {
	t, _ := h.now()
	if ctx.Err() != nil {
		h.u.step("ending the session %s (another Ctrl-C abandons it)", t.SessionID())
	}
	err := t.Close()
	if err == nil {
		h.u.step("closed the session %s", t.SessionID())
	}
	return err
}
