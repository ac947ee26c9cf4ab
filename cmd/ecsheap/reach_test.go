package main

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/tunnel"
)

// TestDialPast refuses every way back to a listener of ours, and no other.
func TestDialPast(t *testing.T) {
	listener := func() *net.TCPAddr {
		l, err := net.Listen("tcp4", net.JoinHostPort(loopback, "0"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		return l.Addr().(*net.TCPAddr)
	}
	own, other := listener(), listener()
	for _, host := range []string{loopback, "localhost", "0.0.0.0", "::ffff:127.0.0.1"} {
		address := net.JoinHostPort(host, strconv.Itoa(own.Port))
		conn, err := dialPast(address, own)(t.Context())
		if err == nil {
			_ = conn.Close()
		}
		if !errors.Is(err, errOwnPort) || !isAs[*dialError](err) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, one := range []*net.TCPAddr{own, nil} {
		conn, err := dialPast(other.String(), one)(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
	}
}

// newWay is an open way to the echo server of held.
func newWay(t *testing.T) (*held, *way) {
	t.Helper()
	h := newHeld(t)
	w := &way{u: h.u, client: h.ssm, config: h.config}
	if err := w.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h, w
}

// TestWayCountsWhileItOpens has the live line ask for the bytes while the session is
// replaced by one that does not come: who draws the line prints what the opening has to
// say, so that each would wait for the other.
func TestWayCountsWhileItOpens(t *testing.T) {
	h, w := newWay(t)
	id := h.Sessions()[0].ID
	h.RefuseResume(id)
	h.KillClientSocket(id)
	<-w.tunnel.Lost()
	h.Silence(true)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	ended := make(chan error, 1)
	go func() { _, err := w.dial(ctx); ended <- err }()
	for len(h.Sessions()) < 2 {
		select {
		case err := <-ended:
			t.Fatal(err)
		case <-time.After(time.Millisecond):
		}
	}
	counted := make(chan int64, 1)
	go func() { counted <- w.wire() }()
	select {
	case n := <-counted:
		if n == 0 {
			t.Error("nothing was received over the first session")
		}
	case <-ended:
		t.Error("it was counted only after the opening")
	}
	cancel(why)
	if err := <-ended; !errors.Is(err, why) {
		t.Errorf("dial: %v", err)
	}
	if err := w.close(t.Context()); err != nil {
		t.Error(err)
	}
	h.wantEnded(t)
}

// TestWayTellsOnce has AWS refuse to end the session that is gone, and then another one:
// both are told, but not with each try.
func TestWayTellsOnce(t *testing.T) {
	h, w := newWay(t)
	u, said := silentUI(t)
	w.u = u
	id := h.Sessions()[0].ID
	h.RefuseResume(id)
	h.KillClientSocket(id)
	<-w.tunnel.Lost()
	h.Fault(fakeaws.Fault{Operation: "ssm.TerminateSession", Code: "AccessDeniedException", Message: "no", Times: 1})
	h.Fault(fakeaws.Fault{Operation: "ssm.StartSession", Code: "AccessDeniedException", Message: "no", Times: 2})
	for range 2 {
		if _, err := w.dial(t.Context()); exitCode(err) != codeRefused {
			t.Errorf("dial: %v", err)
		}
	}
	conn, err := w.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	text := said()
	for _, want := range []string{"session " + id + " is gone: ", "terminate-session --session-id " + id} {
		if strings.Count(text, want) != 1 {
			t.Errorf("want once %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "is gone: session") {
		t.Errorf("it names the session twice:\n%s", text)
	}
	if err := w.close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTunnelledPanics has a defect in what snapshot and profile do through a tunnel: the
// session is ended on the way out.
func TestTunnelledPanics(t *testing.T) {
	h := newHeld(t)
	o := reachOptions{targetOptions: targetOptions{port: 7000}, command: "snapshot"}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is lost")
			}
		}()
		_ = tunnelled(t.Context(), h.u, o, h.ssm, h.target, nil, func(source) error { panic("a defect") })
	}()
	if n := len(h.Sessions()); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
	h.wantEnded(t)
}

// TestWayBusy is told of sessions that came in its place.
func TestWayBusy(t *testing.T) {
	h, w := newWay(t)
	id := h.Sessions()[0].ID
	h.RefuseResume(id)
	h.KillClientSocket(id)
	<-w.tunnel.Lost()
	_ = w.tunnel.Close() // AWS lists it until then
	for range tunnel.Limit {
		other := &way{u: h.u, client: h.ssm, config: h.config}
		if err := other.open(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = other.close(context.Background()) }()
	}
	if _, err := w.dial(t.Context()); exitCode(err) != codeBlocked {
		t.Errorf("dial: %v", err)
	}
	if w.wire() == 0 {
		t.Error("what was received before is forgotten")
	}
	if err := w.close(t.Context()); err != nil {
		t.Error(err)
	}
}
