package cdp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	protocol "github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/coder/websocket"
)

func TestCallTyped(t *testing.T) {
	in := newInspector()
	in.answers[heapprofiler.CommandGetHeapObjectID] = func(p *peer, f frame) {
		if string(f.Params) != `{"objectId":"1.2.3"}` {
			t.Errorf("params are %s", f.Params)
		}
		p.result(f, `{"heapSnapshotObjectId":"77"}`)
	}
	c := in.open(t)
	res, err := protocol.Call(t.Context(), c, heapprofiler.GetHeapObjectID, heapprofiler.GetHeapObjectIDParams{ObjectID: "1.2.3"})
	if err != nil || res.HeapSnapshotObjectID != "77" {
		t.Errorf("got %v, %v", res, err)
	}
	if _, err := protocol.Call(t.Context(), c, heapprofiler.CollectGarbage, protocol.Empty{}); err != nil {
		t.Error(err)
	}
}

// Answers come in the reverse order of the calls and must find their callers.
func TestCallsAtOnce(t *testing.T) {
	const n = 8
	in := newInspector()
	var held []frame
	in.answers["X.y"] = func(p *peer, f frame) {
		held = append(held, f)
		if len(held) < n {
			return
		}
		slices.Reverse(held)
		for _, f := range held {
			p.result(f, fmt.Sprintf(`{"echo":%s}`, f.Params))
		}
	}
	c := in.open(t)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			var got struct {
				Echo int `json:"echo"`
			}
			if err := c.Call(t.Context(), "X.y", i, &got); err != nil || got.Echo != i {
				t.Errorf("call %d got %d, %v", i, got.Echo, err)
			}
		})
	}
	wg.Wait()
}

func TestCallRefused(t *testing.T) {
	in := newInspector()
	in.answers["Foo.bar"] = func(p *peer, f frame) {
		p.text(fmt.Sprintf(`{"error":{"code":-32601,"message":"'Foo.bar' wasn't found","data":{"x":1}},"id":%d}`, f.ID))
	}
	c := in.open(t)
	err := c.Call(t.Context(), "Foo.bar", nil, nil)
	want := &CallError{Method: "Foo.bar", Code: -32601, Message: "'Foo.bar' wasn't found", Data: `{"x":1}`}
	var got *CallError
	if !errors.As(err, &got) || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", err)
	}
	if err := c.Call(t.Context(), "Foo.ok", nil, nil); err != nil {
		t.Errorf("a refusal spoilt the connection: %v", err)
	}
}

func TestCallObeysContext(t *testing.T) {
	in := newInspector()
	asked := make(chan struct{})
	in.answers["X.never"] = func(*peer, frame) { close(asked) }
	c := in.open(t)
	why := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() { <-asked; cancel(why) }()
	if err := c.Call(ctx, "X.never", nil, nil); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if err := c.Call(ctx, "X.y", nil, nil); !errors.Is(err, why) {
		t.Errorf("with an ended context: got %v", err)
	}
	if err := c.Call(t.Context(), "X.y", nil, nil); err != nil {
		t.Errorf("the connection did not survive: %v", err)
	}
	if got := len(c.pending); got != 0 {
		t.Errorf("%d calls still pending", got)
	}
}

// A target that does not read must not hold a call beyond its context.
func TestCallOnStalledSocket(t *testing.T) {
	in := newInspector()
	stalled := make(chan struct{})
	in.answers["X.stall"] = func(*peer, frame) { <-stalled }
	c := in.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for range queuedCommands + 4 {
		wg.Go(func() {
			if err := c.Call(ctx, "X.stall", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	close(stalled)
}

func TestLostConnection(t *testing.T) {
	tests := []struct {
		name  string
		end   func(*peer)
		check func(error) bool
		text  string
	}{
		{"cut", func(p *peer) { p.conn.Close() }, func(err error) bool { return true }, "connection to the inspector lost: EOF"},
		{"closed by the process", func(p *peer) { p.write(0x88, []byte{3, 0xe8}) }, func(err error) bool {
			return websocket.CloseStatus(err) == websocket.StatusNormalClosure
		}, "the process closed it"},
		{"process wants to end", func(p *peer) { p.event(waitingMethod, `{}`) }, func(err error) bool { return errors.Is(err, ErrExiting) }, "lost: the process is ending"},
		{"not JSON", func(p *peer) { p.text(`{"id":`) }, func(err error) bool { return true }, "decoding a message"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInspector()
			in.answers["X.y"] = func(p *peer, f frame) { tt.end(p) }
			c := in.open(t)
			events, _ := c.Subscribe("A.b")
			err := c.Call(t.Context(), "X.y", nil, nil)
			var lost *LostError
			if !errors.As(err, &lost) || !tt.check(err) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %T %v", err, err)
			}
			if !strings.Contains(lost.Hint(), "ended") {
				t.Errorf("hint: %s", lost.Hint())
			}
			<-c.Done()
			if c.Err() != error(lost) {
				t.Errorf("Err is %v", c.Err())
			}
			if _, ok := <-events; ok {
				t.Error("subscription not closed")
			}
			late, cancel := c.Subscribe("A.b")
			defer cancel()
			if _, ok := <-late; ok {
				t.Error("late subscription not closed")
			}
			if err := c.Call(t.Context(), "X.y", nil, nil); !errors.As(err, &lost) {
				t.Errorf("later call: %v", err)
			}
			if err := c.Close(); err != nil || errors.Is(c.Err(), ErrClosed) {
				t.Errorf("Close gave %v and Err %v", err, c.Err())
			}
		})
	}
}

// flaky is a stream that fails or panics when told to.
type flaky struct {
	net.Conn
	fail *atomic.Pointer[func() error]
}

func (f flaky) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if fail := f.fail.Load(); fail != nil {
		return 0, (*fail)()
	}
	return n, err
}

func openFlaky(t *testing.T, in *inspector) (*Conn, *atomic.Pointer[func() error]) {
	t.Helper()
	var fail atomic.Pointer[func() error]
	c, err := Dial(t.Context(), func(ctx context.Context) (net.Conn, error) {
		conn, err := in.dial(ctx)
		return flaky{conn, &fail}, err
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); in.wg.Wait() })
	return c, &fail
}

func TestTransportCauseStaysVisible(t *testing.T) {
	c, fail := openFlaky(t, newInspector())
	f := func() error { return lostError{} }
	fail.Store(&f)
	err := c.Call(t.Context(), "X.y", nil, nil)
	var lost *LostError
	if !errors.As(err, &lost) || !errors.Is(err, lostError{}) || lost.Hint() != "mend the tunnel" {
		t.Errorf("got %v", err)
	}
}

func TestPanicBecomesAnError(t *testing.T) {
	c, fail := openFlaky(t, newInspector())
	f := func() error { panic("boom") }
	fail.Store(&f)
	err := c.Call(t.Context(), "X.y", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "panic in the connection: boom") {
		t.Errorf("got %v", err)
	}
	<-c.Done()
}

func TestCloseLeavesTheTargetAsBefore(t *testing.T) {
	in := newInspector()
	sentinel(in, "9")
	in.answers[heapprofiler.CommandTakeHeapSnapshot] = func(p *peer, f frame) { p.result(f, `{}`) }
	c := in.open(t)
	if _, err := c.SentinelID(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.HeapSnapshot(t.Context(), nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	in.wg.Wait()
	want := []string{"Runtime.releaseObjectGroup", "HeapProfiler.disable"}
	if got := in.sent(); !slices.Equal(got[len(got)-2:], want) {
		t.Errorf("sent %q, want %q at the end", got, want)
	}
	if len(in.dropped) > 0 {
		t.Errorf("sent frames that Node.js refuses: %q", in.dropped)
	}
	if !errors.Is(c.Err(), ErrClosed) {
		t.Errorf("Err is %v", c.Err())
	}
	if err := c.Call(t.Context(), "X.y", nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Call after Close: %v", err)
	}
}

func TestCloseSendsNothingNeedless(t *testing.T) {
	in := newInspector()
	c := in.open(t)
	c.Close()
	in.wg.Wait()
	if got := in.sent(); len(got) != 0 {
		t.Errorf("sent %q", got)
	}
}

// A target that answers nothing, not even the closing handshake.
func TestCloseHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		sentinel(in, "9")
		end := make(chan struct{})
		in.answers["Runtime.releaseObjectGroup"] = func(*peer, frame) { <-end }
		c, err := Dial(t.Context(), in.dial, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.SentinelID(t.Context()); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		c.Close()
		if d := time.Since(start); d > settleLimit+politeLimit {
			t.Errorf("took %v", d)
		}
		close(end)
		in.wg.Wait()
	})
}

// TestCloseSettles closes while the target owes answers that nobody waits for: it is
// not left before it has sent them.
func TestCloseSettles(t *testing.T) {
	for late, settles := range map[time.Duration]bool{0: true, settleLimit - time.Second: true, settleLimit + time.Second: false} {
		t.Run(late.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInspector()
				answered := false
				in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
					time.Sleep(late)
					answered = p.result(f, `{"result":{"type":"number","value":1}}`) == nil
				}
				c, err := Dial(t.Context(), in.dial, nil)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				called := make(chan error, 1)
				go func() { called <- c.Evaluate(ctx, "1", nil) }()
				synctest.Wait()
				cancel()
				if err := <-called; late > 0 && !errors.Is(err, context.Canceled) {
					t.Errorf("evaluation ended with %v", err)
				}
				start := time.Now()
				c.Close()
				took := time.Since(start)
				in.wg.Wait()
				if settles && (!answered || took != late) {
					t.Errorf("answered: %t, closed after %v", answered, took)
				}
				if !settles && took < settleLimit {
					t.Errorf("closed after %v", took)
				}
			})
		})
	}
}

func TestSubscribe(t *testing.T) {
	in := newInspector()
	in.answers["X.go"] = func(p *peer, f frame) {
		for i := range 5 {
			p.event("A.b", fmt.Sprintf(`{"n":%d}`, i))
			p.event("A.other", `{}`)
		}
		p.result(f, `{}`)
	}
	c := in.open(t)
	one, cancelOne := c.Subscribe("A.b")
	two, cancelTwo := c.Subscribe("A.b")
	defer cancelTwo()
	for round := range 2 {
		if err := c.Call(t.Context(), "X.go", nil, nil); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			want := fmt.Sprintf(`{"n":%d}`, i)
			if round == 0 {
				if got := string(<-one); got != want {
					t.Errorf("first subscriber got %s, want %s", got, want)
				}
			}
			if got := string(<-two); got != want {
				t.Errorf("second subscriber got %s, want %s", got, want)
			}
		}
		cancelOne()
		cancelOne()
	}
	if len(one) != 0 {
		t.Error("events after cancel")
	}
}

// A subscriber that does not read stops the target's sending; cancel and Close
// both free the reader.
func TestSubscribeBackPressure(t *testing.T) {
	for _, how := range []string{"read", "cancel", "close"} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const events = 10 * eventBuffer
				in := newInspector()
				var sent atomic.Int64
				in.answers["X.go"] = func(p *peer, f frame) {
					for range events {
						if p.event("A.b", `{}`) != nil {
							return
						}
						sent.Add(1)
					}
					p.result(f, `{}`)
				}
				c, err := Dial(t.Context(), in.dial, nil)
				if err != nil {
					t.Fatal(err)
				}
				ch, cancel := c.Subscribe("A.b")
				called := make(chan error, 1)
				go func() { called <- c.Call(t.Context(), "X.go", nil, nil) }()
				synctest.Wait()
				// The socket's reader holds some small events more: 4 KB of them.
				if n := sent.Load(); n < eventBuffer || int(n) > eventBuffer+4096/len(`{"method":"A.b","params":{}}`)+2 {
					t.Errorf("%d events sent with nobody reading", n)
				}
				switch how {
				case "read":
					for range events {
						<-ch
					}
					err = <-called
				case "cancel":
					cancel()
					err = <-called
				case "close":
					c.Close()
					// The answer may still come before the closing handshake.
					if err := <-called; err != nil && !errors.Is(err, ErrClosed) {
						t.Errorf("call ended with %v", err)
					}
				}
				if err != nil {
					t.Error(err)
				}
				c.Close()
				in.wg.Wait()
			})
		})
	}
}
