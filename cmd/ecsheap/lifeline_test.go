package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/coder/websocket"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/guest"
	"github.com/ecsheap/ecsheap/tunnel"
)

var errCut = errors.New("cut")

// reconnectCases are errors of a dial, and for how long it is tried again: until
// the first try after that. The longest pauses add up to more than the limit.
var reconnectCases = map[string]struct {
	err   error
	tried time.Duration
	code  int // in the end
}{
	"nothing listens":    {&tunnel.RefusedError{Port: 9229}, refusedFor, codeLost},
	"no agent":           {&tunnel.NotConnectedError{Target: "ecs:x"}, refusedFor, codeLost},
	"cannot be dialled":  {&dialError{errCut}, refusedFor, codeLost},
	"closed at once":     {io.EOF, refusedFor, codeLost},
	"no handshake":       {&tunnel.NoHandshakeError{}, reconnectFor, codeLost},
	"AWS out of reach":   {&url.Error{Op: "Post", URL: "https://ssm.eu-west-1.amazonaws.com/", Err: errCut}, reconnectFor, codeLost},
	"credentials ended":  {&smithy.GenericAPIError{Code: "ExpiredTokenException"}, 0, codeRefused},
	"AWS is busy":        {&smithy.GenericAPIError{Code: "ThrottlingException"}, reconnectFor, codeLost},
	"AWS is ill":         {&smithy.GenericAPIError{Code: "InternalServerError", Fault: smithy.FaultServer}, reconnectFor, codeLost},
	"too many sessions":  {&tunnel.BusyError{}, 0, codeBlocked},
	"an error of others": {errCut, reconnectFor, codeLost},
}

func TestRedial(t *testing.T) {
	for name, c := range reconnectCases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &lifeline{s: source{dial: func(context.Context) (net.Conn, error) { return nil, c.err }}}
				began := time.Now()
				_, _, err := l.redial(t.Context(), &cdp.LostError{Err: errCut})
				if took := time.Since(began); took < c.tried || took > c.tried+2*lastRetry {
					t.Errorf("tried for %v, want %v", took, c.tried)
				}
				if got := exitCode(err); got != c.code {
					t.Errorf("exit code %d, want %d: %v", got, c.code, err)
				}
			})
		})
	}
}

// TestRedialInterrupted ends with the reason of the context.
func TestRedialInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		l := &lifeline{s: source{dial: func(context.Context) (net.Conn, error) { return nil, errCut }}}
		reason := errors.New("enough")
		time.AfterFunc(time.Second, func() { cancel(reason) })
		began := time.Now()
		if _, _, err := l.redial(ctx, errCut); !errors.Is(err, reason) || time.Since(began) > time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// cutConn is a connection to an inspector that has been lost.
func cutConn(t *testing.T) *cdp.Conn {
	t.Helper()
	const target = `[{"id": "abc", "type": "node", "webSocketDebuggerUrl": "ws://127.0.0.1:9229/abc"}]`
	serve := http.NewServeMux()
	serve.HandleFunc("/json/version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"Browser": "node.js"}`) })
	serve.HandleFunc("/json/list", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, target) })
	serve.HandleFunc("/abc", func(w http.ResponseWriter, r *http.Request) {
		if ws, err := websocket.Accept(w, r, nil); err == nil {
			_ = ws.CloseNow()
		}
	})
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	conn, err := cdp.Dial(t.Context(), dialInspector(server.Listener.Addr().String()), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	<-conn.Done()
	return conn
}

// TestReconnectHoldsNothing has a dial that takes its time: who only asks what there is
// does not wait for it, and who waits for the connection can stop that.
func TestReconnectHoldsNothing(t *testing.T) {
	u, _ := silentUI(t)
	conn := cutConn(t)
	dialling, dialled := make(chan struct{}), make(chan struct{})
	l := &lifeline{u: u, conn: conn, mending: make(chan struct{}, 1), s: source{dial: func(context.Context) (net.Conn, error) {
		close(dialling)
		<-dialled
		return nil, &smithy.GenericAPIError{Code: "ExpiredTokenException"} // which nothing comes after
	}}}
	mended := make(chan error, 1)
	go func() { mended <- l.reconnect(t.Context(), conn, &cdp.LostError{Err: errCut}) }()
	<-dialling
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	in := &inProcess{line: l}
	for name, ask := range map[string]func() bool{
		"now":      func() bool { return l.now() == conn },
		"wire":     func() bool { return l.wire() == conn.Received() },
		"wasLost":  l.wasLost,
		"fleeting": func() bool { return l.fleeting(1 << 30) },
		"tenant":   func() bool { g, _ := in.tenant(); return g == nil },
		"another":  func() bool { return errors.Is(l.reconnect(ctx, conn, errCut), enough) },
	} {
		answer := make(chan bool, 1)
		go func() { answer <- ask() }()
		select {
		case right := <-answer:
			if !right {
				t.Errorf("%s: a wrong answer", name)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s waits for the dial", name)
		}
	}
	close(dialled)
	if err := <-mended; exitCode(err) != codeRefused {
		t.Errorf("it ended with %v", err)
	}
}

func TestMendable(t *testing.T) {
	for want, errs := range map[bool][]error{
		true: {&cdp.LostError{Err: errCut}, fmt.Errorf("asking: %w", &cdp.LostError{Err: io.EOF})},
		false: {
			nil, errCut, &cdp.LostError{Err: &cdp.SilentError{}}, &cdp.LostError{Err: cdp.ErrExiting}, &guest.GoneError{},
			&replacedError{&cdp.LostError{Err: errCut}}, // or it would be asked for over and over
		},
	} {
		for _, err := range errs {
			if got := mendable(t.Context(), err); got != want {
				t.Errorf("%v: mendable %t, want %t", err, got, want)
			}
		}
	}
	if code := exitCode(&replacedError{errCut}); code != codeLost {
		t.Errorf("exit code %d", code)
	}
}

func TestSameProcess(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	one := cdp.Process{PID: 1, StartedAt: at}
	for _, c := range []struct {
		other cdp.Process
		want  bool
	}{
		{cdp.Process{PID: 1, StartedAt: at.Add(time.Second)}, true},
		{cdp.Process{PID: 1, StartedAt: at.Add(time.Minute)}, false}, // pid 1 of the next container
		{cdp.Process{PID: 2, StartedAt: at}, false},
	} {
		if got := sameProcess(one, c.other); got != c.want {
			t.Errorf("%+v: %t", c.other, got)
		}
	}
}

func TestAbandoned(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	here := func(pid int) string { return fmt.Sprintf("ecsheap snapshot on %s, pid %d", host, pid) }
	const nobody = 1 << 30 // above every kernel's highest pid
	for name, c := range map[string]struct {
		busy guest.BusyError
		want bool
	}{
		"killed here":          {guest.BusyError{Label: here(nobody)}, true},
		"alive here":           {guest.BusyError{Label: here(os.Getppid()), Silent: time.Hour}, false},
		"ourselves":            {guest.BusyError{Label: here(os.Getpid())}, true},
		"elsewhere":            {guest.BusyError{Label: "ecsheap snapshot on mars, pid 1", Silent: time.Second}, false},
		"elsewhere and silent": {guest.BusyError{Label: "ecsheap snapshot on mars, pid 1", Silent: abandonedAfter + 1}, true},
		"detached":             {guest.BusyError{Label: here(nobody), Silent: time.Hour, Detached: true}, false},
	} {
		if got := abandoned(&c.busy); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
