package e2e

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/internal/demoapp"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/sampling"
)

// profileFiles are what a profile leaves on disk.
var profileFiles = []string{"profile.heapprofile", "profile.json", "profile.pb.gz"}

// profiled is what the tests read of profile --output json.
type profiled struct {
	Schema        int
	Dir           string
	Target        struct{ TaskARN string }
	Process       struct{ PID int }
	DurationMs    int64
	IntervalBytes int
	Samples       int
	TotalBytes    int64
	Sites         []struct {
		Function, URL         string
		Line, Column          int
		SelfBytes, TotalBytes int64
		Share                 float64
	}
}

// leaking starts the demo's service.
func leaking(t testing.TB, version string) *nodetest.Process {
	t.Helper()
	return nodetest.Start(t, nodetest.Options{Version: version, Script: demoapp.Script(), Args: []string{"--rate=2000"}, Ready: demoapp.Ready, Inspect: true})
}

// theLeak are the functions that make what leaks, and their callers: V8 inlines
// each of them into the one after it, sooner or later.
var theLeak = []string{"ThrottlerHit", "setExpirationTime", "increment", "canActivate", "handle", "(anonymous)"}

// TestProfile profiles the demo's service on every tested version of Node.js.
func TestProfile(t *testing.T) {
	t.Parallel()
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			node := leaking(t, version)
			w := newWorld(t, fakeaws.Config{RTT: 10 * time.Millisecond}, node)
			r := w.start(t, "profile", "--cluster", "prod", "--task", taskID[:6], "--duration", "5s", "--sampling-interval", "16384", "--dir", "out", "--output", "json")
			r.wantCode(t, 0)
			p := readProfile(t, r.stdout.String())
			if p.Target.TaskARN != w.task || p.Process.PID != node.PID || p.Dir != "out" || p.DurationMs < 5000 || p.IntervalBytes != 16384 || p.TotalBytes <= 0 || p.Samples == 0 {
				t.Errorf("got %+v", p)
			}
			top := p.Sites[0]
			if !slices.Contains(theLeak, top.Function) || !strings.Contains(top.URL, filepath.Base(node.Script)) || top.Line == 0 || top.Column == 0 || top.Share <= 0 {
				t.Errorf("the leak is not at the top: %+v", p.Sites[:min(len(p.Sites), 8)])
			}
			w.wantProfileFiles(t, "out")
			w.wantEnded(t, 1)
			wantNotSampling(t, node)
		})
	}
}

func readProfile(t *testing.T, text string) profiled {
	t.Helper()
	var p profiled
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Schema != 1 || len(p.Sites) == 0 {
		t.Fatalf("%v, schema %d, %d sites in %.500s", err, p.Schema, len(p.Sites), text)
	}
	return p
}

// wantProfileFiles checks what is on disk, and that pprof and the parser, which
// share nothing, see the same bytes.
func (w *world) wantProfileFiles(t *testing.T, dir string) {
	t.Helper()
	root := filepath.Join(w.dir, dir)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 || info.Size() == 0 {
			t.Errorf("%s: %v, %v", e.Name(), info, err)
		}
	}
	if info, err := os.Stat(root); err != nil || info.Mode().Perm() != 0o700 || !slices.Equal(names, profileFiles) {
		t.Fatalf("%s with mode %v has %q, %v", dir, info.Mode(), names, err)
	}
	data, err := os.ReadFile(filepath.Join(root, "profile.json"))
	if err != nil {
		t.Fatal(err)
	}
	summary := readProfile(t, string(data))
	f, err := os.Open(filepath.Join(root, "profile.heapprofile"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := sampling.Parse(f)
	if err != nil || raw.TotalBytes() != summary.TotalBytes {
		t.Errorf("profile.heapprofile: %v, profile.json has %d bytes", err, summary.TotalBytes)
	}
	top, err := exec.Command("go", "tool", "pprof", "-top", "-lines", "-nodecount=5", filepath.Join(root, "profile.pb.gz")).CombinedOutput()
	if err != nil || !strings.Contains(string(top), "Type: inuse_space") {
		t.Errorf("pprof: %v\n%s", err, top)
	}
}

// wantNotSampling checks that the process's sampling profiler is free.
func wantNotSampling(t *testing.T, node *nodetest.Process) {
	t.Helper()
	conn, err := cdp.Dial(t.Context(), func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", node.Inspector)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Sample(t.Context(), time.Millisecond, cdp.SampleOptions{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestProfileState compares the process before and after.
func TestProfileState(t *testing.T) {
	node := bulk(t, "", 8)
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "profile", "--cluster", "prod", "--task", taskID, "--duration", "500ms", "--dir", "out")
	r.wantCode(t, 0)
	for _, want := range []string{"a few per cent", "profile of "} {
		if !strings.Contains(r.stderr.String(), want) {
			t.Errorf("no %q on stderr:\n%s", want, r.stderr)
		}
	}
	// It hardly does anything: a few samples, or none.
	few := strings.Contains(r.stdout.String(), "are still alive") && strings.Contains(r.stderr.String(), "guesses")
	if none := strings.Contains(r.stdout.String(), "no sample in"); few == none {
		t.Errorf("on stdout:\n%s", r.stdout)
	}
	node.AwaitState(before)
}

// TestProfileInterrupted keeps what there is.
func TestProfileInterrupted(t *testing.T) {
	node := leaking(t, "")
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "profile", "--cluster", "prod", "--task", taskID, "--duration", "1h", "--sampling-interval", "4096", "--dir", "out", "--debug")
	eventually(t, "it samples", func() bool { return strings.Contains(r.stderr.String(), "method=HeapProfiler.startSampling") })
	ticks := 0
	eventually(t, "there are samples", func() bool { ticks++; return ticks > 100 })
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.wantCode(t, 130)
	if text := r.stderr.String(); !strings.Contains(text, "in out: profile.heapprofile") || !strings.Contains(text, "stopped by a signal") {
		t.Errorf("on stderr:\n%s", text)
	}
	w.wantProfileFiles(t, "out")
	w.wantEnded(t, 1)
	wantNotSampling(t, node)
}

// TestProfileInterruptedTwice has a process that answers nothing: the first Ctrl-C says at
// once what is waited for, and the second one does not wait for it.
func TestProfileInterruptedTwice(t *testing.T) {
	node := leaking(t, "")
	w := newWorld(t, fakeaws.Config{}, node)
	process, err := os.FindProcess(node.PID)
	if err != nil {
		t.Fatal(err)
	}
	r := w.start(t, "profile", "--inspector", node.Inspector, "--duration", "1h", "--dir", "out", "--debug")
	eventually(t, "it samples", func() bool { return strings.Contains(r.stderr.String(), "method=HeapProfiler.startSampling") })
	if err := process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = process.Signal(syscall.SIGCONT) }()
	for _, told := range []string{"stopping the sampling, to keep what there is (another Ctrl-C abandons it)", ""} {
		interrupted := time.Now()
		if err := r.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if told == "" {
			if code := r.code(t); code != -1 { // killed by the signal
				t.Errorf("exit code %d", code)
			}
		} else {
			eventually(t, "it says so", func() bool { return strings.Contains(r.stderr.String(), told) })
		}
		if took := time.Since(interrupted); took > 5*time.Second { // the process is waited for twice as long
			t.Errorf("%q took %v", told, took)
		}
	}
	if _, err := os.Stat(filepath.Join(w.dir, "out")); !os.IsNotExist(err) {
		t.Errorf("a directory was made: %v", err)
	}
}

// TestProfileTaken does not end the sampling of somebody else.
func TestProfileTaken(t *testing.T) {
	node := nodetest.Start(t, nodetest.Options{Ready: "ready", Inspect: true, Script: `
const session = new (require('inspector').Session)(); session.connect();
session.post('HeapProfiler.startSampling', {}, () => console.log('ready'));
setInterval(() => session.post('HeapProfiler.getSamplingProfile', (err) => { if (err) process.exit(1); }), 100);`})
	w := newWorld(t, fakeaws.Config{}, node)
	for range 2 {
		r := w.start(t, "profile", "--inspector", node.Inspector, "--duration", "1s", "--dir", "out")
		r.wantCode(t, 3)
		r.wantError(t, "somebody samples allocations of the process already")
	}
	if _, err := os.Stat(filepath.Join(w.dir, "out")); !os.IsNotExist(err) {
		t.Errorf("a directory was made: %v", err)
	}
}

// TestProfileLost: a process that ends meanwhile takes its profile with it.
func TestProfileLost(t *testing.T) {
	node := bulk(t, "", 2)
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "profile", "--inspector", node.Inspector, "--duration", "1h", "--dir", "out")
	eventually(t, "it samples", func() bool { return strings.Contains(r.stderr.String(), "sampling allocations") })
	process, err := os.FindProcess(node.PID)
	if err != nil || process.Kill() != nil {
		t.Fatal("cannot kill the process")
	}
	r.wantCode(t, 6)
	if _, err := os.Stat(filepath.Join(w.dir, "out")); !os.IsNotExist(err) {
		t.Errorf("a directory was made: %v", err)
	}
}

// TestProfileIdle: a service that allocates nothing gets a text, and no table.
func TestProfileIdle(t *testing.T) {
	node := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "profile", "--inspector", node.Inspector, "--duration", "200ms", "--sampling-interval", "1073741824", "--dir", "out")
	r.wantCode(t, 0)
	if text := r.stdout.String(); !strings.Contains(text, "no sample in 0.") || strings.Contains(text, "SELF") {
		t.Errorf("on stdout:\n%s", text)
	}
	if strings.Contains(r.stderr.String(), "guesses") {
		t.Errorf("on stderr:\n%s", r.stderr)
	}
	for _, name := range profileFiles {
		if info, err := os.Stat(filepath.Join(w.dir, "out", name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

// TestProfileDuringSeries is refused before anything is connected, when that can be
// known, unless it is forced; the series then says that its ids are lost.
func TestProfileDuringSeries(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", 4)
	w := newWorld(t, fakeaws.Config{}, node)
	series := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--count", "2", "--interval", "8s", "--no-analyze", "--dir", "series")
	eventually(t, "the first snapshot is there", func() bool {
		_, err := os.Stat(filepath.Join(w.dir, "series", "s1.heapsnapshot"))
		return err == nil
	})
	r := w.start(t, "profile", "--cluster", "prod", "--task", taskID, "--duration", "200ms", "--dir", "refused")
	r.wantCode(t, 7)
	r.wantError(t, "another ecsheap takes snapshots of this container", "--force")
	r = w.start(t, "profile", "--cluster", "prod", "--task", taskID, "--duration", "200ms", "--force", "--dir", "forced")
	r.wantCode(t, 0)
	for _, want := range []string{"--force: profiled all the same", "snapshots are taken of this process by another ecsheap (ecsheap snapshot on "} {
		if !strings.Contains(r.stderr.String(), want) {
			t.Errorf("no %q on stderr:\n%s", want, r.stderr)
		}
	}
	series.wantCode(t, 0)
	if s := w.load(t, "series"); len(s.Snapshots) != 2 || s.Snapshots[1].SameObjectIDs {
		t.Errorf("%+v", s.Snapshots)
	}
	w.wantEnded(t, 2)
}
