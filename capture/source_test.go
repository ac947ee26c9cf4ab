package capture

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeProcess is a process to take snapshots of. Its zero value has no id for
// the sentinel; newProcess makes a healthy one.
type fakeProcess struct {
	process  Process
	memory   Memory
	id       string        // the sentinel's
	nextID   string        // what the next snapshot makes of it
	took     time.Duration // how long a snapshot takes to arrive
	pause    time.Duration
	snapshot func(ctx context.Context, n int, w io.Writer) error // instead of the regular one, if not nil
	fail     map[string]func(n int) error                        // by call, n from 1

	mu    sync.Mutex
	calls map[string]int
	log   []string
	wire  int64
}

func newProcess() *fakeProcess {
	return &fakeProcess{
		process: Process{PID: 7, NodeVersion: "v22.1.0", V8Version: "12.4", StartedAt: time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC),
			ExecArgv: []string{"--inspect"}, MemoryLimit: 512 << 20, EnvNames: []string{"HOME", "PATH"}},
		memory: Memory{RSS: 100, HeapUsed: 50, External: 5},
		nextID: "77",
		took:   2 * time.Second,
		pause:  1500 * time.Millisecond,
		fail:   map[string]func(int) error{},
		calls:  map[string]int{},
	}
}

// call counts and logs, and fails when it should.
func (p *fakeProcess) call(name string) (n int, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls[name]++
	p.log = append(p.log, name)
	if fail := p.fail[name]; fail != nil {
		err = fail(p.calls[name])
	}
	return p.calls[name], err
}

// at fails with err at the nth call.
func at(n int, err error) func(int) error {
	return func(m int) error {
		if m == n {
			return err
		}
		return nil
	}
}

func (p *fakeProcess) source() Source {
	return Source{
		Process: func(context.Context) (Process, error) {
			_, err := p.call("process")
			return p.process, err
		},
		Memory: func(context.Context) (Memory, error) {
			n, err := p.call("memory")
			m := p.memory
			m.HeapUsed += int64(n)
			return m, err
		},
		Snapshot: func(ctx context.Context, w io.Writer, progress func(done, total int)) (Taken, error) {
			n, err := p.call("snapshot")
			if err != nil {
				return Taken{}, err
			}
			progress(10, 10)
			taken := Taken{Transfer: "stream", Pause: p.pause, PeakRSS: 150}
			if p.snapshot != nil {
				return taken, p.snapshot(ctx, n, w)
			}
			return taken, p.send(ctx, w, snapshotText(10*n))
		},
		SentinelID: func(context.Context) (string, error) {
			_, err := p.call("sentinel")
			return p.id, err
		},
		Prepare: func(context.Context) error {
			_, err := p.call("prepare")
			return err
		},
		WireBytes: func() int64 { return p.wire },
	}
}

// send writes a snapshot in pieces, over the time that it takes.
func (p *fakeProcess) send(ctx context.Context, w io.Writer, text string) error {
	half := len(text) / 2
	if _, err := io.WriteString(w, text[:half]); err != nil {
		return err
	}
	select {
	case <-time.After(p.took):
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	p.wire += int64(len(text)) + 100
	p.id = p.nextID
	_, err := io.WriteString(w, text[half:])
	return err
}

// plan is one in a directory that does not exist yet.
func plan(t *testing.T, count int, interval time.Duration) Plan {
	t.Helper()
	return Plan{Dir: filepath.Join(t.TempDir(), "capture"), Count: count, Interval: interval, Tool: "ecsheap test"}
}

// names are the files in a directory, in order.
func names(t *testing.T, dir string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	return strings.Join(files, " ")
}
