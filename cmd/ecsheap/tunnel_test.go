package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"go.uber.org/goleak"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/tunnel"
)

// held is an open session to an echo server behind port 7000 of a task.
type held struct {
	*fakeaws.Server
	*hold
	task string
	l    net.Listener // the local port
}

func newHeld(t *testing.T) *held {
	t.Helper()
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	far := echoServer(t)
	arn := server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", Exec: true, Containers: []fakeaws.Container{{
		Name: "api", Essential: true, Command: []string{"node", "main.js"}, Ports: map[int]string{7000: far.Addr().String()},
	}}})
	cfg := demoAWS(server)
	u, _ := silentUI(t)
	h := &held{Server: server, task: arn, hold: &hold{u: u, ecs: awsecs.NewFromConfig(cfg), ssm: awsssm.NewFromConfig(cfg), first: time.Millisecond}}
	if h.target, err = ecs.Find(t.Context(), h.ecs, ecs.Query{Cluster: "prod", Service: "api"}); err != nil {
		t.Fatal(err)
	}
	h.config = tunnel.Config{Target: h.target.SSM(), Port: 7000, Reason: "a test"}
	if h.l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.l.Close() })
	return h
}

func echoServer(t *testing.T) net.Listener {
	t.Helper()
	return serving(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
}

func serving(t *testing.T, serve func(net.Conn)) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); serve(c) }()
		}
	}()
	return l
}

// through runs the tunnel until it ends by itself.
func (h *held) through(t *testing.T) error {
	t.Helper()
	o := tunnelOptions{targetOptions: targetOptions{port: 7000}, local: h.l.Addr().(*net.TCPAddr).Port}
	ended := make(chan error, 1)
	go func() { ended <- o.through(t.Context(), h.u, h.hold, h.l, nil) }()
	h.lose(t)
	select {
	case err := <-ended:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the tunnel does not end")
		return nil
	}
}

// lose ends the first session for good, once it carries a connection.
func (h *held) lose(t *testing.T) {
	t.Helper()
	c, err := net.Dial("tcp", h.l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := fmt.Fprint(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	id := h.Sessions()[0].ID
	h.RefuseResume(id)
	h.KillClientSocket(id)
}

func (h *held) wantEnded(t *testing.T) {
	t.Helper()
	for _, s := range h.Sessions() {
		if s.EndedAt.IsZero() {
			t.Errorf("session %s was left open", s.ID)
		}
	}
}

// TestHoldGivesUp loses the session, and no other one can be had.
func TestHoldGivesUp(t *testing.T) {
	h := newHeld(t)
	h.reopened = func() { t.Error("it was opened again") }
	// The first session is made before the fault counts.
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Fault(fakeaws.Fault{Operation: "ssm.StartSession", Code: "TargetNotConnected", Message: "gone"})
	id := h.Sessions()[0].ID
	h.RefuseResume(id)
	h.KillClientSocket(id)
	err := h.keep(t.Context())
	if exitCode(err) != codeLost || !strings.Contains(err.Error(), fmt.Sprintf("tried %d times", reopenTries)) {
		t.Errorf("it ended with %v", err)
	}
	starts := 0
	for _, c := range h.Calls() {
		if c.Operation == "StartSession" {
			starts++
		}
	}
	if starts != 1+reopenTries {
		t.Errorf("%d sessions tried, want %d", starts, 1+reopenTries)
	}
	h.wantEnded(t)
}

// TestHoldDenied is told at once that it may not open another one.
func TestHoldDenied(t *testing.T) {
	h := newHeld(t)
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.Fault(fakeaws.Fault{Operation: "ssm.StartSession", Code: "AccessDeniedException", Message: "no"})
	id := h.Sessions()[0].ID
	h.RefuseResume(id)
	h.KillClientSocket(id)
	if err := h.keep(t.Context()); exitCode(err) != codeRefused {
		t.Errorf("it ended with %v", err)
	}
	h.wantEnded(t)
}

// TestHoldFollowsContainer reopens to a container that was restarted in its task.
func TestHoldFollowsContainer(t *testing.T) {
	h := newHeld(t)
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	runtime := strings.Repeat("c", 64)
	h.UpdateTask(h.task, func(task *fakeaws.Task) { task.Containers[0].RuntimeID = runtime })
	id := h.Sessions()[0].ID
	h.RefuseResume(id)
	h.KillClientSocket(id)
	ctx, cancel := context.WithCancel(t.Context())
	h.reopened = cancel
	if err := h.keep(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.close(t.Context()); err != nil {
		t.Error(err)
	}
	if s := h.Sessions(); len(s) != 2 || !strings.HasSuffix(s[1].Target, runtime) {
		t.Errorf("sessions %+v", s)
	}
	h.wantEnded(t)
}

// TestSessionListedLate has AWS list a session for a moment after its end, beside that
// of somebody else: the container is not taken for full, neither at first nor when
// ours is replaced.
func TestSessionListedLate(t *testing.T) {
	t.Parallel() // it waits for the list
	h, other := newWay(t)
	defer func() { _ = other.close(context.Background()) }()
	before := &way{u: h.u, client: h.ssm, config: h.config}
	if err := before.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.ListLate(time.Second)
	if err := before.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	id := h.Sessions()[2].ID
	h.RefuseResume(id)
	h.KillClientSocket(id)
	ctx, cancel := context.WithCancel(t.Context())
	h.reopened = cancel
	if err := h.keep(ctx); err != nil {
		t.Fatal(err)
	}
	if err := h.close(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(h.Sessions()); n != 4 {
		t.Errorf("%d sessions, want 4", n)
	}
}

// TestTunnelPanics has a defect in one of its goroutines: no session is left.
func TestTunnelPanics(t *testing.T) {
	h := newHeld(t)
	h.reopened = func() { panic("a defect") }
	err := h.through(t)
	if !isAs[*panicError](err) || exitCode(err) != codeUnexpected || !strings.Contains(err.Error(), "a defect") {
		t.Errorf("it ended with %v", err)
	}
	if s := h.Sessions(); len(s) != 2 {
		t.Errorf("%d sessions, want 2", len(s))
	}
	h.wantEnded(t)
}

// TestRelayPanics has a defect in a connection.
func TestRelayPanics(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{dial: func(context.Context) (net.Conn, error) { panic("a defect") }, linger: time.Second, stall: time.Second}
	served := make(chan error, 1)
	go func() { served <- r.serve(t.Context(), l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := <-served; !isAs[*panicError](err) {
		t.Errorf("it ended with %v", err)
	}
}

// panickingConn is a far end with a defect.
type panickingConn struct{ net.Conn }

func (panickingConn) Write([]byte) (int, error) { panic("a defect") }

// TestRelayPanicsUpwards has a defect where a connection is carried to the far end, which
// is a goroutine of its own.
func TestRelayPanicsUpwards(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	near, far := net.Pipe()
	defer far.Close()
	r := &relay{dial: func(context.Context) (net.Conn, error) { return panickingConn{near}, nil }, linger: time.Second, stall: time.Second}
	served := make(chan error, 1)
	go func() { served <- r.serve(t.Context(), l) }()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("a question")); err != nil {
		t.Fatal(err)
	}
	if err := <-served; !isAs[*panicError](err) {
		t.Errorf("it ended with %v", err)
	}
}

// TestWatchParent notices the end of the parent, also when that was before it looked:
// while a session is opened, many seconds pass.
func TestWatchParent(t *testing.T) {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP) // under nohup, too, it is not ignored then
	defer signal.Stop(hangUps)
	synctest.Test(t, func(t *testing.T) {
		err := watchParent(t.Context(), os.Getppid()+1)
		if !isAs[*interruptedError](err) || exitCode(err) != codeInterrupted {
			t.Errorf("it ended with %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := watchParent(ctx, os.Getppid()); err != nil || ctx.Err() == nil {
			t.Errorf("with the parent there: %v, context %v", err, ctx.Err())
		}
	})
}

// TestRelayStall has a client that does not read. Alone it may; when another one
// comes, it is reset.
func TestRelayStall(t *testing.T) {
	var sent atomic.Int64
	far := serving(t, func(c net.Conn) {
		for {
			n, err := c.Write(make([]byte, 64<<10))
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	r := &relay{
		dial: dialInspector(far.Addr().String()), linger: time.Second, stall: 50 * time.Millisecond,
		ended: func(err error) { ended <- err },
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- r.serve(ctx, l) }()
	first, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	select {
	case err := <-ended:
		t.Fatalf("alone it ended with %v", err)
	case <-time.After(time.Second): // many times the stall
	}
	second, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	go func() { _, _ = io.Copy(io.Discard, second) }()
	if err := <-ended; !errors.Is(err, errStalled) {
		t.Errorf("it ended with %v", err)
	}
	if open := r.open.Load(); open != 1 {
		t.Errorf("%d connections open, want the one that reads", open)
	}
	cancel()
	if err := <-served; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
