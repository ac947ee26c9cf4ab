package cdp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// everyNode runs the test on each Node.js there is.
func everyNode(t *testing.T, script string, test func(*testing.T, *nodetest.Process)) {
	for _, version := range append(nodetest.Versions(), nodetest.System) {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			test(t, nodetest.Start(t, nodetest.Options{
				Version: version, Script: script + "\nconsole.log('ready')", Ready: "ready", Inspect: true,
				Env: []string{"ECSHEAP_TEST_SECRET=hunter2"},
			}))
		})
	}
}

func openNode(t *testing.T, p *nodetest.Process) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", p.Inspector)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

const someObjects = `globalThis.kept = []; for (let i = 0; i < 20000; i++) kept.push({ i, text: 'é😀"\\\n' + i }); setInterval(() => {}, 1000);`

func TestNodeSnapshotSeries(t *testing.T) {
	everyNode(t, someObjects, func(t *testing.T, p *nodetest.Process) {
		before := p.State()
		c := openNode(t, p)
		id, err := c.SentinelID(t.Context())
		if err != nil || id != "" {
			t.Errorf("sentinel before the first snapshot is %q, %v", id, err)
		}
		var ids []string
		for range 2 {
			if err := c.DiscardConsole(t.Context()); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			reports, began := 0, time.Now()
			var first time.Duration // to the first chunk
			w := writerFunc(func(p []byte) (int, error) {
				if first == 0 {
					first = time.Since(began)
				}
				return out.Write(p)
			})
			if err := c.HeapSnapshot(t.Context(), w, func(int, int) { reports++ }); err != nil {
				t.Fatal(err)
			}
			if !json.Valid(out.Bytes()) || !strings.Contains(out.String(), "EcsheapSentinel") {
				t.Errorf("snapshot of %d bytes is not whole", out.Len())
			}
			// Up to its first chunk the process does nothing but stand still.
			if elapsed := time.Since(began); reports == 0 || c.LastPause() < first/2 || c.LastPause() > elapsed {
				t.Errorf("%d progress reports, pause %v of %v, the first chunk after %v", reports, c.LastPause(), elapsed, first)
			}
			id, err := c.SentinelID(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if ids[0] == "" || ids[0] != ids[1] {
			t.Errorf("sentinel ids %q", ids)
		}
		// Another inspector session that ends resets V8's ids, even one that never
		// came near the heap profiler: the reason why there is a sentinel at all.
		other := openNode(t, p)
		if _, err := other.Memory(t.Context()); err != nil {
			t.Fatal(err)
		}
		other.Close()
		eventually(t, func() bool { id, err := c.SentinelID(t.Context()); return err == nil && id == "" })
		c.Close()
		p.AwaitState(before)
	})
}

// eventually waits for what the other process does in its own time.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		if ok() {
			return
		}
		<-tick.C
	}
	t.Error("never came true")
}

func TestNodeProcess(t *testing.T) {
	everyNode(t, "setInterval(() => {}, 1000);", func(t *testing.T, p *nodetest.Process) {
		c := openNode(t, p)
		got, err := c.Process(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got.PID != p.PID || got.NodeVersion != "v"+p.Version || got.V8Version == "" || got.Arch == "" || got.Platform == "" || got.HeapSizeLimit <= 0 {
			t.Errorf("got %+v", got)
		}
		if age := time.Since(got.StartedAt); age < 0 || age > 5*time.Minute {
			t.Errorf("started %v ago", age)
		}
		if !slices.Contains(got.EnvNames, "ECSHEAP_TEST_SECRET") || !slices.ContainsFunc(got.ExecArgv, func(s string) bool { return strings.HasPrefix(s, "--inspect") }) {
			t.Errorf("env names %q, execArgv %q", got.EnvNames, got.ExecArgv)
		}
		if text, _ := json.Marshal(got); strings.Contains(string(text), "hunter2") {
			t.Error("the value of an environment variable came along")
		}
		again, err := c.Process(t.Context())
		if d := again.StartedAt.Sub(got.StartedAt).Abs(); err != nil || d > 50*time.Millisecond {
			t.Errorf("start time moved by %v, %v", d, err)
		}
		m, err := c.Memory(t.Context())
		if err != nil || m.RSS < 1<<20 || m.HeapUsed <= 0 || m.HeapTotal < m.HeapUsed || m.External <= 0 {
			t.Errorf("got %+v, %v", m, err)
		}
	})
}

func TestNodeKilledInTheMiddle(t *testing.T) {
	everyNode(t, someObjects, func(t *testing.T, p *nodetest.Process) {
		c := openNode(t, p)
		var once sync.Once
		w := writerFunc(func(b []byte) (int, error) {
			once.Do(func() {
				if proc, err := os.FindProcess(p.PID); err != nil || proc.Kill() != nil {
					t.Error("could not kill the process")
				}
			})
			return len(b), nil
		})
		err := c.HeapSnapshot(t.Context(), w, nil)
		var lost *LostError
		if !errors.As(err, &lost) && err != nil {
			t.Errorf("got %v", err)
		}
		<-c.Done()
		if !errors.As(c.Err(), &lost) {
			t.Errorf("Err is %v", c.Err())
		}
		if err := c.HeapSnapshot(t.Context(), io.Discard, nil); !errors.As(err, &lost) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// A process that ends by itself must not have to wait for us.
func TestNodeExits(t *testing.T) {
	everyNode(t, someObjects, func(t *testing.T, p *nodetest.Process) {
		c := openNode(t, p)
		if err := c.HeapSnapshot(t.Context(), io.Discard, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.Call(t.Context(), "Runtime.evaluate", evaluation("setTimeout(() => process.exit(7), 10)", false), nil); err != nil {
			t.Fatal(err)
		}
		<-c.Done()
		if !errors.Is(c.Err(), ErrExiting) {
			t.Errorf("Err is %v", c.Err())
		}
		<-p.Done()
	})
}
