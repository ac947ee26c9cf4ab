package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// joinCgroup is a prelude: the process enters the cgroup before it allocates
// anything, so that all of its memory is charged there.
const joinCgroup = "require('fs').writeFileSync(process.env.CGROUP + '/cgroup.procs', String(process.pid));\n"

// cgroup is a memory cgroup of the test's own.
type cgroup struct {
	dir string
	v2  bool
}

// newCgroup makes one, and skips the test where that is not possible. Once the
// folder could be made, all the rest must work.
func newCgroup(t *testing.T) cgroup {
	t.Helper()
	g := cgroup{dir: "/sys/fs/cgroup/memory"}
	if controllers, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		if !bytes.Contains(controllers, []byte("memory")) {
			t.Skip("the cgroup v2 of this machine has no memory controller")
		}
		g = cgroup{dir: "/sys/fs/cgroup", v2: true}
		// Where it is on already, or may not be switched on, the files tell.
		_ = os.WriteFile(filepath.Join(g.dir, "cgroup.subtree_control"), []byte("+memory"), 0o600)
	}
	dir, err := os.MkdirTemp(g.dir, "ecsheap-test-")
	if err != nil {
		t.Skipf("a memory-limited cgroup takes root and a writable %s: %v", g.dir, err)
	}
	g.dir = dir
	t.Cleanup(func() { g.remove(t) })
	if _, err := os.Stat(filepath.Join(dir, g.limitFile())); err != nil {
		t.Skipf("the memory controller is not on for children of %s: %v", filepath.Dir(dir), err)
	}
	return g
}

// remove waits until the kernel is done with the process: it ended just before.
func (g cgroup) remove(t *testing.T) {
	t.Helper()
	eventually(t, "the cgroup can go", func() bool {
		err := syscall.Rmdir(g.dir)
		return err == nil || errors.Is(err, os.ErrNotExist)
	})
}

func (g cgroup) limitFile() string {
	if g.v2 {
		return "memory.max"
	}
	return "memory.limit_in_bytes"
}

func (g cgroup) limit(t *testing.T, n int64) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(g.dir, g.limitFile()), strconv.AppendInt(nil, n, 10), 0o600); err != nil {
		t.Fatal(err)
	}
}

// used is what counts against the limit and cannot be taken back.
func (g cgroup) used(t *testing.T) int64 {
	t.Helper()
	usage, inactive := "memory.usage_in_bytes", "total_inactive_file"
	if g.v2 {
		usage, inactive = "memory.current", "inactive_file"
	}
	text, err := os.ReadFile(filepath.Join(g.dir, usage))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n - g.stat(t, "memory.stat", inactive)
}

// kills counts what the kernel killed for memory.
func (g cgroup) kills(t *testing.T) int64 {
	t.Helper()
	if g.v2 {
		return g.stat(t, "memory.events", "oom_kill")
	}
	return g.stat(t, "memory.oom_control", "oom_kill")
}

// stat reads one line "key number" of a file.
func (g cgroup) stat(t *testing.T, file, key string) int64 {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.dir, file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, number, _ := strings.Cut(strings.TrimSpace(line), " "); name == key {
			n, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}

// limited starts a process in a cgroup.
func limited(t *testing.T, c cell) (*probed, cgroup) {
	t.Helper()
	g := newCgroup(t)
	p := startProbed(t, c.node, c.shape, c.megabytes, joinCgroup, nodetest.Options{Env: []string{"CGROUP=" + g.dir}})
	t.Cleanup(func() { _ = p.Close() }) // ahead of the cgroup
	return p, g
}

// gateTrials is how many processes the gate decides on: few in an ordinary run.
func gateTrials() int {
	if full() {
		return 51 // of three kinds
	}
	return 3
}

// room is how much memory a trial leaves for the snapshot.
type room string

const (
	tooSmall room = "too-small" // half of what the gate thinks likely: must be refused
	roomy    room = "roomy"     // a little more than it thinks at most: must go
	justFits room = "just-fits" // a tenth more than the same heap took before: may go
)

// trialShapes are the usual shapes and those of real programs; texts, buffers and
// the like take next to nothing.
var trialShapes = []string{"mix", "tiny", "strings", "map", "closures", "records", "sessions", "documents", "trees", "callbacks", "list"}

// TestGateKeepsAlive lets the gate decide on processes in memory-limited
// cgroups. Where the snapshot cannot fit it must refuse, where it fits by its own
// forecast it must go, and where it just fits by what it really takes it may be
// wrong to one side alone: whatever it lets go, no process may die.
func TestGateKeepsAlive(t *testing.T) {
	versions, kinds := nodeVersions(), []room{tooSmall, roomy, justFits}
	let, refused := 0, 0
	for trial := range gateTrials() {
		i, kind := trial/len(kinds), kinds[trial%len(kinds)]
		c := cell{versions[(i+i/len(versions))%len(versions)], trialShapes[i%len(trialShapes)], 20 + 5*(i%4)}
		t.Run(fmt.Sprintf("%d/node%s/%s/%dMB/%s", trial, c.node, c.shape, c.megabytes, kind), func(t *testing.T) {
			took := int64(0)
			if kind == justFits {
				seen := measure(t, c, 1)[0].seen
				took = seen.RSSPeak - seen.RSSBefore
			}
			// The gate must hold without a census as well.
			d := tryGate(t, c, kind, took, kind != justFits && i%2 == 1)
			switch {
			case kind != justFits:
			case d.Err() != nil:
				refused++
			default:
				let++
			}
			t.Logf("%s: %s", d.Verdict, d.Reasons[0].Text)
		})
	}
	t.Logf("where it just fits: %d went, %d were refused", let, refused)
}

// tryGate has the gate decide on one process, and takes the snapshot if it says
// so. took is what the same heap took before.
func tryGate(t *testing.T, c cell, kind room, took int64, plain bool) gate.Decision {
	t.Helper()
	p, g := limited(t, c)
	v := p.vitals
	if plain {
		v.Census = nil
	}
	f := gate.Predict(v, gate.Disk, nil)
	free := map[room]int64{tooSmall: f.Extra.Likely / 2, roomy: f.Extra.High + f.Extra.High/50, justFits: took + took/10}[kind]
	used := g.used(t)
	g.limit(t, used+free)
	d := gate.Decide(f, gate.Limits{DiskFree: -1, Memory: []gate.Bound{{Name: "the cgroup", Limit: used + free, Used: used}}}, v)
	if refused := d.Err() != nil; kind != justFits && refused != (kind == tooSmall) {
		t.Fatalf("refused %t with %d MB of room: %+v", refused, free/1e6, d.Reasons)
	}
	if d.Err() == nil {
		_, seen, err := p.take(t.Context(), t)
		if err != nil {
			t.Fatalf("%v (%d kills); forecast %v", err, g.kills(t), f)
		}
		t.Logf("took %d MB with %d MB of room, likely %d MB", (seen.RSSPeak-seen.RSSBefore)/1e6, free/1e6, f.Extra.Likely/1e6)
	}
	wantAlive(t, p, g)
	return d
}

// wantAlive asks the process for an answer.
func wantAlive(t *testing.T, p *probed, g cgroup) {
	t.Helper()
	if n := g.kills(t); n != 0 {
		t.Errorf("the kernel killed %d processes", n)
	}
	if err := p.Signal(syscall.SIGHUP); err != nil {
		t.Error(err)
	}
	p.Line("stopped 1 ")
}

// TestGateIsRight takes a refused snapshot all the same: the process dies. It
// keeps the test above honest.
func TestGateIsRight(t *testing.T) {
	p, g := limited(t, cell{"24", "tiny", 30})
	f := gate.Predict(p.vitals, gate.Disk, nil)
	used, room := g.used(t), f.Extra.Likely/2
	g.limit(t, used+room)
	if _, _, err := p.take(t.Context(), t); err == nil {
		t.Errorf("a snapshot that needs %d MB has fitted into %d MB", f.Extra.Likely/1e6, room/1e6)
	}
	select {
	case <-p.Done():
	case <-time.After(time.Minute):
		t.Error("the process lives")
	}
	if n := g.kills(t); n != 1 {
		t.Errorf("the kernel killed %d processes, want 1", n)
	}
}
