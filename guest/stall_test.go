package guest

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// hang has a target answer the pieces from a byte on only when its context ends, as
// one does whose thread pool hangs.
func hang(f *target, from int64) {
	f.read = func(ctx context.Context, offset int64, _ *packed) error {
		if offset < from {
			return nil
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}
}

// TestPullOfAHangingPool gives up what does not come, keeps what came, and calls no more.
func TestPullOfAHangingPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &target{size: pieceSize, plain: sampleText(9 * pieceSize)}
		hang(f, 2*pieceSize)
		g := f.install(t)
		var buf bytes.Buffer
		began := time.Now()
		pulled, err := g.Pull(t.Context(), Shot{Bytes: int64(len(f.plain))}, &buf, PullOptions{})
		stalled, ok := errors.AsType[*StalledError](err)
		if !ok || stalled.For < stallQuiet || !strings.Contains(err.Error(), "1m30s") || stalled.Hint() == "" {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took < stallQuiet || took > stallQuiet+stallLook {
			t.Errorf("given up after %v", took)
		}
		if pulled.Plain != 2*pieceSize || !bytes.Equal(buf.Bytes(), f.plain[:2*pieceSize]) {
			t.Errorf("%+v", pulled)
		}
		calls := f.count("read") + f.count("hello")
		time.Sleep(time.Hour)
		if again := f.count("read") + f.count("hello"); again != calls {
			t.Errorf("%d calls after the end", again-calls)
		}
	})
}

// TestPullWaits has pieces that are late for a good reason.
func TestPullWaits(t *testing.T) {
	late := func(d time.Duration) func(context.Context, int64, *packed) error {
		return func(context.Context, int64, *packed) error { time.Sleep(d); return nil }
	}
	for name, c := range map[string]struct {
		late  time.Duration
		rate  int64         // bytes a second over the connection
		loop  time.Duration // that the target takes for an answer
		whole bool
	}{
		"soon":                        {stallQuiet - stallLook, 0, 0, true},
		"late":                        {2 * stallQuiet, 0, 0, false},
		"late over a slow link":       {5 * stallQuiet, 2000, 0, true},
		"late, with signs of life":    {2 * stallQuiet, 100, 0, false},
		"never, though bytes come":    {2 * stallLimit, 2000, 0, false},
		"a loop that stands still":    {3 * stallQuiet, 0, 4 * stallQuiet, true},
		"a loop that never goes on":   {time.Hour, 0, 2 * time.Second, false},
		"a busy loop, and in the end": {stallQuiet + stallLook, 0, 2 * stallPrompt, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &target{size: pieceSize, plain: sampleText(3 * pieceSize), read: late(c.late)}
				g := f.install(t)
				began := time.Now()
				var greetings atomic.Int64
				g.Reconnect(func(ctx context.Context, expression string, out any) error {
					if strings.Contains(expression, `"hello"`) {
						greetings.Add(1)
						time.Sleep(c.loop)
					}
					return f.evaluate(ctx, expression, out)
				})
				var buf bytes.Buffer
				wire := func() int64 { return c.rate * int64(time.Since(began)/time.Second) }
				_, err := g.Pull(t.Context(), Shot{Bytes: int64(len(f.plain))}, &buf, PullOptions{Wire: wire})
				if _, stalled := errors.AsType[*StalledError](err); c.whole && err != nil || !c.whole && !stalled {
					t.Errorf("error %v after %v", err, time.Since(began))
				}
				if whole := bytes.Equal(buf.Bytes(), f.plain); whole != c.whole {
					t.Errorf("%d bytes", buf.Len())
				}
				if n := greetings.Load(); n > int64(stallLimit/stallQuiet) {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}

// TestPullOfALostTarget says that the connection is gone, not that the pool hangs.
func TestPullOfALostTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &target{size: pieceSize, plain: sampleText(pieceSize), answers: map[string]string{}}
		hang(f, 0)
		g := f.install(t)
		f.answers["hello"] = `{"error":{"code":"GONE"}}`
		_, err := g.Pull(t.Context(), Shot{Bytes: int64(len(f.plain))}, new(bytes.Buffer), PullOptions{})
		if _, gone := errors.AsType[*GoneError](err); !gone {
			t.Errorf("error %v", err)
		}
	})
}
