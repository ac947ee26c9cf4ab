package cdp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// openBubble dials within a synctest bubble. What blocks in the inspector does
// so until the connection is closed.
func openBubble(t *testing.T, in *inspector) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), in.dial, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// frozen is an answer that never comes, until the end of the connection.
func frozen(c **Conn) func(*peer, frame) {
	return func(*peer, frame) { <-(*c).Done() }
}

// wantSilence checks that err and the connection tell of a silent process.
func wantSilence(t *testing.T, c *Conn, err error, method string, limit time.Duration) {
	t.Helper()
	var lost *LostError
	var silent *SilentError
	if !errors.As(err, &lost) || !errors.As(err, &silent) || *silent != (SilentError{method, limit}) {
		t.Errorf("got %v", err)
		return
	}
	if got := lost.Hint(); got != "the process does not answer: is it stopped or frozen?" {
		t.Errorf("hint: %s", got)
	}
	if c.Err() != error(lost) {
		t.Errorf("Err is %v", c.Err())
	}
}

// small are the small commands: what is called, and the command in it that is
// not answered.
var small = []struct {
	name, method string
	call         func(context.Context, *Conn) error
}{
	{"Memory", "Runtime.evaluate", func(ctx context.Context, c *Conn) error { _, err := c.Memory(ctx); return err }},
	{"Process", "Runtime.evaluate", func(ctx context.Context, c *Conn) error { _, err := c.Process(ctx); return err }},
	{"DiscardConsole", "Runtime.discardConsoleEntries", func(ctx context.Context, c *Conn) error { return c.DiscardConsole(ctx) }},
	{"SentinelID, making it", "Runtime.evaluate", func(ctx context.Context, c *Conn) error { _, err := c.SentinelID(ctx); return err }},
	{"SentinelID", "HeapProfiler.getHeapObjectId", func(ctx context.Context, c *Conn) error { _, err := c.SentinelID(ctx); return err }},
	{"HeapSnapshot, enabling", "HeapProfiler.enable", func(ctx context.Context, c *Conn) error { return c.HeapSnapshot(ctx, io.Discard, nil) }},
}

func TestFrozenProcess(t *testing.T) {
	for _, tt := range small {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInspector()
				sentinel(in, "9")
				var c *Conn
				in.answers[tt.method] = frozen(&c)
				c = openBubble(t, in)
				start := time.Now()
				err := tt.call(t.Context(), c)
				if d := time.Since(start); d != callLimit {
					t.Errorf("took %v", d)
				}
				wantSilence(t, c, err, tt.method, callLimit)
				start = time.Now()
				c.Close()
				if d := time.Since(start); d != 0 {
					t.Errorf("Close took %v", d)
				}
				in.wg.Wait()
			})
		})
	}
}

// A process that is only busy is waited for, each time anew.
func TestBusyProcess(t *testing.T) {
	for _, tt := range small {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInspector()
				sentinel(in, "9")
				late := in.answers[tt.method]
				in.answers[tt.method] = func(p *peer, f frame) {
					time.Sleep(callLimit - time.Second)
					if late == nil {
						p.result(f, `{}`)
						return
					}
					late(p, f)
				}
				c := openBubble(t, in)
				for range 3 {
					if err := tt.call(t.Context(), c); errors.As(err, new(*LostError)) {
						t.Error(err)
					}
				}
				time.Sleep(2 * callLimit) // a limit that is still running would end the connection
				if err := c.Err(); err != nil {
					t.Error(err)
				}
				c.Close()
				in.wg.Wait()
			})
		})
	}
}

// An inspector that talks of everything but the answer.
func TestChattyProcess(t *testing.T) {
	for method, limit := range map[string]time.Duration{"Runtime.evaluate": callLimit, takeSnapshot: stallLimit} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInspector()
				in.answers[method] = func(p *peer, f frame) {
					for p.event("Runtime.consoleAPICalled", `{}`) == nil {
						time.Sleep(100 * time.Millisecond)
					}
				}
				c := openBubble(t, in)
				var err error
				if method == takeSnapshot {
					err = c.HeapSnapshot(t.Context(), io.Discard, nil)
				} else {
					_, err = c.Memory(t.Context())
				}
				wantSilence(t, c, err, method, limit)
				c.Close()
				in.wg.Wait()
			})
		})
	}
}

func TestSnapshotStalls(t *testing.T) {
	almost := stallLimit - time.Second
	slowly := func(p *peer, steps int) { // 50 minutes with signs of life
		for i := range steps {
			time.Sleep(almost)
			if i%2 == 0 {
				p.event(progressMethod, `{"done":1,"total":9}`)
			} else {
				p.chunk("x")
			}
		}
	}
	tests := []struct {
		name string
		take func(*peer, frame)
		lost bool
		took time.Duration
	}{
		{"at once", func(p *peer, f frame) { <-p.gone() }, true, stallLimit},
		{"after some chunks", func(p *peer, f frame) { slowly(p, 5); <-p.gone() }, true, 5*almost + stallLimit},
		{"in the middle of a frame", func(p *peer, f frame) {
			p.chunk("x")
			p.conn.Write([]byte{0x81, 126, 0x40, 0, '{'})
			<-p.gone()
		}, true, stallLimit},
		{"never", func(p *peer, f frame) { slowly(p, 5); time.Sleep(almost); p.result(f, `{}`) }, false, 6 * almost},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInspector()
				in.answers[takeSnapshot] = tt.take
				c := openBubble(t, in)
				start := time.Now()
				err := c.HeapSnapshot(t.Context(), io.Discard, nil)
				if d := time.Since(start); d != tt.took {
					t.Errorf("took %v, want %v", d, tt.took)
				}
				if tt.lost {
					wantSilence(t, c, err, takeSnapshot, stallLimit)
				} else if err != nil {
					t.Error(err)
				}
				time.Sleep(2 * stallLimit) // nothing may be left of the limit
				if !tt.lost && c.Err() != nil {
					t.Error(c.Err())
				}
				c.Close()
				in.wg.Wait()
			})
		})
	}
}

// gone is closed when the other side closes the connection.
func (p *peer) gone() <-chan struct{} {
	ch := make(chan struct{})
	go func() {
		defer close(ch)
		for {
			if _, err := p.br.Discard(1); err != nil {
				return
			}
		}
	}()
	return ch
}

// The disk may take its time: that is not the process's silence.
func TestSlowWriterIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		in.answers[takeSnapshot] = func(p *peer, f frame) {
			for range 5 {
				p.chunk("x")
			}
			p.result(f, `{}`)
		}
		c := openBubble(t, in)
		w := writerFunc(func(p []byte) (int, error) { time.Sleep(3 * stallLimit); return len(p), nil })
		if err := c.HeapSnapshot(t.Context(), w, nil); err != nil {
			t.Error(err)
		}
		c.Close()
		in.wg.Wait()
	})
}

// The rest of a snapshot that nobody wants any more is waited for, but not for
// ever.
func TestDroppedSnapshotStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		in.answers[takeSnapshot] = func(p *peer, f frame) {
			p.chunk("x")
			time.Sleep(stallLimit / 2)
			p.chunk("x")
			<-p.gone()
		}
		c := openBubble(t, in)
		full := errors.New("disk full")
		if err := c.HeapSnapshot(t.Context(), &failing{err: full}, nil); !errors.Is(err, full) {
			t.Fatal(err)
		}
		start := time.Now()
		err := c.HeapSnapshot(t.Context(), io.Discard, nil)
		wantSilence(t, c, err, takeSnapshot, stallLimit)
		if d := time.Since(start); d != stallLimit*3/2 {
			t.Errorf("took %v", d)
		}
		c.Close()
		in.wg.Wait()
	})
}

// Signs of life during a snapshot are answered after it, however long it takes;
// their minute begins then.
func TestCallsDuringASnapshot(t *testing.T) {
	const long = 5 * stallLimit / 2
	for _, answered := range []bool{true, false} {
		t.Run(fmt.Sprintf("answered %v", answered), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := newInspector()
				in.answers[takeSnapshot] = func(p *peer, f frame) {
					p.chunk("x")
					for range 5 {
						time.Sleep(stallLimit / 2)
						p.chunk("x")
					}
					p.result(f, `{}`)
				}
				in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
					if strings.Contains(string(f.Params), "hrtime") {
						p.value(f, "1")
						return
					}
					if !answered {
						<-p.gone()
					}
					time.Sleep(callLimit - time.Second)
					p.value(f, `{}`)
				}
				c := openBubble(t, in)
				start := time.Now()
				called := make(chan error, 1)
				go func() {
					time.Sleep(30 * time.Second)
					_, err := c.Memory(t.Context())
					called <- err
				}()
				if err := c.HeapSnapshot(t.Context(), io.Discard, nil); err != nil {
					t.Errorf("snapshot: %v", err)
				}
				err, d := <-called, time.Since(start)
				switch {
				case !answered:
					wantSilence(t, c, err, "Runtime.evaluate", callLimit)
					if d != long+callLimit {
						t.Errorf("took %v", d)
					}
				case err != nil || d != long+callLimit-time.Second:
					t.Errorf("got %v after %v", err, d)
				}
				c.Close()
				in.wg.Wait()
			})
		})
	}
}

// A socket that takes nothing more must not hold a call for ever either.
func TestStalledSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		end := make(chan struct{})
		in.answers["X.stall"] = func(*peer, frame) { <-end }
		c := openBubble(t, in)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range queuedCommands + 4 {
			go c.Call(ctx, "X.stall", nil, nil)
		}
		synctest.Wait()
		_, err := c.Memory(t.Context())
		wantSilence(t, c, err, "Runtime.evaluate", callLimit)
		close(end)
		c.Close()
		in.wg.Wait()
	})
}

// A Call of one's own has no limit but its context.
func TestCallHasNoLimitOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := newInspector()
		in.answers["X.slow"] = func(p *peer, f frame) { time.Sleep(10 * stallLimit); p.result(f, `{}`) }
		c := openBubble(t, in)
		if err := c.Call(t.Context(), "X.slow", nil, nil); err != nil {
			t.Error(err)
		}
		c.Close()
		in.wg.Wait()
	})
}

// A frame that declares 1 TB must not be believed.
func TestHugeMessage(t *testing.T) {
	in := newInspector()
	in.answers["Runtime.evaluate"] = func(p *peer, f frame) {
		p.conn.Write([]byte{0x81, 127, 0, 0, 1, 0, 0, 0, 0, 0})
		for block := make([]byte, 1<<16); ; {
			if _, err := p.conn.Write(block); err != nil {
				return
			}
		}
	}
	c := in.open(t)
	_, err := c.Memory(t.Context())
	var lost *LostError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "message of more than 16777216 bytes") {
		t.Errorf("got %v", err)
	}
	if got := c.Received(); got > maxMessage+1<<20 {
		t.Errorf("%d bytes received", got)
	}
}

// A snapshot after a refused HeapProfiler.enable asks for it again.
func TestEnableIsRepeatedUntilItWorks(t *testing.T) {
	in := newInspector()
	snapshots(in, []string{"{}"}, "1", "2")
	refuse := true
	in.answers["HeapProfiler.enable"] = func(p *peer, f frame) {
		if refuse {
			refuse = false
			p.text(fmt.Sprintf(`{"error":{"code":-32000,"message":"not now"},"id":%d}`, f.ID))
			return
		}
		p.result(f, `{}`)
	}
	c := in.open(t)
	var refused *CallError
	if err := c.HeapSnapshot(t.Context(), io.Discard, nil); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	for range 2 {
		if err := c.HeapSnapshot(t.Context(), io.Discard, nil); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(strings.Join(in.sent(), " "), "HeapProfiler.enable"); n != 2 {
		t.Errorf("enable was sent %d times", n)
	}
}

// An enable that was given up may still take effect, so Close undoes it.
func TestCloseUndoesAnUncertainEnable(t *testing.T) {
	in := newInspector()
	asked := make(chan struct{})
	in.answers["HeapProfiler.enable"] = func(*peer, frame) { close(asked) }
	c := in.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if err := c.HeapSnapshot(ctx, io.Discard, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	c.Close()
	in.wg.Wait()
	if got := strings.Join(in.sent(), " "); got != "HeapProfiler.enable HeapProfiler.disable" {
		t.Errorf("sent %s", got)
	}
}
