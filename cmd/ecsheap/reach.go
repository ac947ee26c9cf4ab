package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/tunnel"
)

// reachOptions say how a command reaches an inspector.
type reachOptions struct {
	targetOptions
	command   string   // its name, for the session's reason
	inspector string   // HOST:PORT, "" to go through AWS
	audit     *auditor // nil = none
}

// source is where an inspector answers.
type source struct {
	dial     func(context.Context) (net.Conn, error)
	wire     func() int64 // bytes received so far; nil: count at the inspector's connection
	target   capture.Target
	flags    []string // of the command line that found the target, beside it
	findings []ecs.Finding
	health   []gate.HealthBudget // what a pause must stay below
	memory   []gate.Bound        // limits that the process does not see
	depot    *depot              // nil without S3
	audit    *auditor            // nil = none
	// met is told whose inspector answers, before anything is done there; nil = any
	// process will do.
	met func(cdp.Process) error
	// leaving has the last word over the connection, nil = nothing to say.
	leaving func(context.Context, *cdp.Conn)
}

// dialInspector is the dial of a source for an address that can be dialled.
func dialInspector(address string) func(context.Context) (net.Conn, error) {
	return dialPast(address, nil)
}

// errOwnPort is why a tunnel does not dial its own listener: each connection would make
// the next one.
var errOwnPort = errors.New("this tunnel itself listens there, and no inspector")

// dialPast is dialInspector, and refuses what leads back to a listener of ours, nil =
// none.
func dialPast(address string, own *net.TCPAddr) func(context.Context) (net.Conn, error) {
	d := net.Dialer{Timeout: connectTimeout, Control: func(_, resolved string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(resolved)
		if err == nil && own != nil && int(to.Port()) == own.Port && (to.Addr().IsUnspecified() || own.IP.Equal(to.Addr().AsSlice())) {
			return errOwnPort
		}
		return nil
	}}
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, &dialError{err: err}
		}
		return conn, nil
	}
}

// locate finds the container and tells what the checks say of it; it fails when
// they rule a connection out.
func locate(ctx context.Context, u *ui, o reachOptions, cfg aws.Config) (ecs.Target, []ecs.Finding, error) {
	u.step("looking for the task in %s", cfg.Region)
	target, err := o.find(ctx, u, cfg)
	if err != nil {
		return target, nil, err
	}
	u.step("found %s", target)
	findings := ecs.Check(target, o.port)
	u.warnOf(findings)
	return target, findings, blocked(findings)
}

// later are rules that a capture does not warn of: the gate forecasts memory and
// pause with better figures, and a zombie harms nobody tonight.
var later = []string{"mem.", "hc.", "proc.init"}

// warnOf tells of findings that a capture should not begin without having said.
func (u *ui) warnOf(findings []ecs.Finding) {
	for _, f := range findings {
		quiet := slices.ContainsFunc(later, func(prefix string) bool { return strings.HasPrefix(f.ID, prefix) })
		if f.Level == ecs.Danger && !strings.HasPrefix(f.ID, "hc.") || f.Level == ecs.Warn && !quiet {
			u.warn(fmt.Sprintf("%s (%s)", f.Got, f.ID), fixLine(f))
		}
	}
}

// tunnelled opens a session to the inspector's port, has work use it, and ends
// the session. A session that is gone is replaced by another one when work dials
// the next time.
func tunnelled(ctx context.Context, u *ui, o reachOptions, client *awsssm.Client, target ecs.Target, findings []ecs.Finding, work func(source) error) (err error) {
	if err := u.checkSessions(ctx, client, target); err != nil {
		return err
	}
	u.step("opening a tunnel to port %d of container %s", o.port, target.Container)
	w := &way{u: u, client: client, audit: o.audit, config: tunnel.Config{
		Target: target.SSM(), Port: o.port, Reason: runReason(o.command), Log: o.log,
		Notice: func(text string) { u.step("%s", text) },
	}}
	if err := w.open(ctx); err != nil {
		return err
	}
	defer func() {
		if closeErr := w.close(ctx); err == nil && ctx.Err() == nil {
			err = closeErr
		} else if closeErr != nil { // the error of the work is the one to tell
			u.warn(errorText(closeErr), hintOf(closeErr))
		}
	}()
	return work(source{dial: w.dial, wire: w.wire, target: captureTarget(target), flags: o.beside(), findings: findings, audit: o.audit})
}

// way is a tunnel that is opened anew when its session is gone: ended by somebody,
// by AWS after its time, or with its agent.
type way struct {
	u      *ui
	client *awsssm.Client
	audit  *auditor
	config tunnel.Config

	// opening is held by who replaces the session, or ends it, which may take a minute.
	// It is taken before mu.
	opening sync.Mutex
	mourned *tunnel.Tunnel // the latest of which it was told that its session is gone

	mu       sync.Mutex // guards what follows, and is never held while waiting: the live line needs it
	tunnel   *tunnel.Tunnel
	undone   func() // tells the audit of the end of its session
	received int64  // bytes over earlier tunnels
}

func (w *way) open(ctx context.Context) error {
	t, err := tunnel.Open(ctx, w.client, w.config)
	if err != nil {
		return err
	}
	undone := w.audit.did("session started", t.SessionID(), "ssm:TerminateSession")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.tunnel != nil {
		w.received += w.tunnel.WireBytes()
	}
	w.tunnel, w.undone = t, undone
	return nil
}

// now is the tunnel of this moment.
func (w *way) now() (t *tunnel.Tunnel, undone func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tunnel, w.undone
}

// dial opens a stream to the inspector.
func (w *way) dial(ctx context.Context) (net.Conn, error) {
	t, err := w.living(ctx)
	if err != nil {
		return nil, err
	}
	return t.Dial(ctx)
}

// living returns a tunnel whose session is not gone, another one if need be.
func (w *way) living(ctx context.Context) (*tunnel.Tunnel, error) {
	w.opening.Lock()
	defer w.opening.Unlock()
	t, undone := w.now()
	lost := t.Err()
	if lost == nil {
		return t, nil
	}
	if w.mourned != t { // else an opening has failed since
		w.mourned = t
		w.u.warn(fmt.Sprintf("session %s is gone: %s", t.SessionID(), errorText(errors.Unwrap(lost))), "opening another one")
		if err := t.Close(); err == nil {
			undone()
		} else { // it may count among the two that a container serves
			w.u.warn(errorText(err), hintOf(err))
		}
	}
	if err := w.open(ctx); err != nil {
		return nil, err
	}
	t, _ = w.now()
	return t, nil
}

// wire returns how many bytes have been received in all.
func (w *way) wire() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.received + w.tunnel.WireBytes()
}

// close ends the session.
func (w *way) close(ctx context.Context) error {
	w.opening.Lock()
	defer w.opening.Unlock()
	t, undone := w.now()
	if ctx.Err() != nil {
		w.u.step("ending the session %s (another Ctrl-C abandons it)", t.SessionID())
	}
	err := t.Close()
	if err == nil {
		undone()
		w.u.step("closed the session %s", t.SessionID())
	}
	return err
}
