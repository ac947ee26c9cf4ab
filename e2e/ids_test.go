package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/devtoolstest"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// idCases are what happens right after the first snapshot of three. where keep
// is true the ids must go on, else the break must be told with the text.
var idCases = map[string]struct {
	happens func(t *testing.T, w *world)
	keep    bool
	told    string
}{
	"socket": {func(t *testing.T, w *world) { w.KillClientSocket(w.Sessions()[0].ID) }, true, "session resumed"},
	"agent":  {func(t *testing.T, w *world) { w.KillAgentSocket(w.Sessions()[0].ID) }, true, ""},
	"session": {func(t *testing.T, w *world) {
		cuts["session"].cut(w, w.Sessions()[0].ID)
	}, false, "its objects get new ids"},
	"debugger": {func(t *testing.T, w *world) {
		conn := dialNode(t, w.node)
		if _, err := conn.Process(t.Context()); err != nil { // one that never asks leaves no trace
			t.Fatal(err)
		}
		_ = conn.Close()
	}, false, "object ids of snapshot 2 do not continue"},
	"another ecsheap": {func(t *testing.T, w *world) {
		r := w.start(t, "snapshot", "--inspector", w.node.Inspector, "--dir", "other")
		r.wantCode(t, 3)
		r.wantError(t, "another ecsheap", "is at work in this process")
		if n := w.wantWhole(t, "other"); n != 0 {
			t.Errorf("%d snapshots", n)
		}
	}, false, "object ids of snapshot 2 do not continue"},
	"restart": {func(t *testing.T, w *world) {
		if err := w.node.Kill(); err != nil {
			t.Fatal(err)
		}
		node := bulk(t, "", 2)
		w.UpdateTask(w.task, func(task *fakeaws.Task) { task.Containers[0].Ports = map[int]string{9229: node.Inspector} })
		w.node = node
	}, false, "another process answers"},
}

// TestIDs has the line cut, other debuggers come and go and the process replaced
// in the middle of a series: objects keep their ids, or it is told that not.
func TestIDs(t *testing.T) {
	t.Parallel()
	for name, c := range idCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeaws.Config{}, bulk(t, "", 2))
			before := w.node.State()
			r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--count", "3", "--interval", "4s", "--dir", "out")
			eventually(t, "the first snapshot is there", func() bool {
				_, err := os.Stat(filepath.Join(w.dir, "out", "s1.heapsnapshot"))
				return err == nil
			})
			first := w.node
			c.happens(t, w)
			r.wantCode(t, 0)
			if !strings.Contains(r.stderr.String(), c.told) {
				t.Errorf("no %q on stderr:\n%s", c.told, r.stderr)
			}
			if n := w.wantWhole(t, "out"); n != 3 {
				t.Errorf("%d snapshots", n)
			}
			w.wantIDs(t, "out", c.keep)
			if w.node == first {
				wantNothingLeft(t, w.node, before)
			}
		})
	}
}

// TestIDsCutInside cuts the socket while each snapshot is fetched.
func TestIDsCutInside(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 8))
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--count", "3", "--interval", "0s", "--dir", "out")
	for _, name := range []string{"s1", "s2", "s3"} {
		w.receiving(t, "out", name)
		w.KillClientSocket(w.Sessions()[0].ID)
	}
	r.wantCode(t, 0)
	w.wantIDs(t, "out", true)
	w.wantEnded(t, 1)
}

// wantIDs looks at every marked object in pairs of snapshots: where the manifest says that ids go on, they have all kept theirs. keep
// says what is to be between the first and the second; later ones go on.
func (w *world) wantIDs(t *testing.T, dir string, keep bool) {
	t.Helper()
	series := w.load(t, dir)
	var files []string
	for _, s := range series.Snapshots {
		files = append(files, filepath.Join(w.dir, dir, s.File))
	}
	report := devtoolstest.LoadMarked(t, "marker", files...)
	for _, c := range report.Continuity {
		from, to := slices.Index(files, c.From), slices.Index(files, c.To)
		same := true
		for _, s := range series.Snapshots[from+1 : to+1] {
			same = same && s.SameObjectIDs // with the one before it
		}
		if same && (c.Markers == 0 || c.SameID != c.Markers) {
			t.Errorf("%s to %s: %d of %d objects keep their id", c.From, c.To, c.SameID, c.Markers)
		}
		if want := keep || from > 0; same != want {
			t.Errorf("%s to %s: same ids %t, want %t", c.From, c.To, same, want)
		}
	}
	if len(report.Continuity) < len(files)-1 {
		t.Errorf("%d pairs of %d files", len(report.Continuity), len(files))
	}
}

// TestIDsByTransfer leaves a series alone: ids go on, however it is fetched.
func TestIDsByTransfer(t *testing.T) {
	t.Parallel()
	for _, transfer := range transfers {
		t.Run(string(transfer), func(t *testing.T) {
			t.Parallel()
			node := nodetest.Start(t, nodetest.Options{Script: nodetest.Bulk(), Args: []string{"2"}, Ready: nodetest.BulkReady, Inspect: true})
			w := newWorld(t, fakeaws.Config{}, node)
			r := w.start(t, snapshotBy(transfer, "--count", "3", "--interval", "0s")...)
			r.wantCode(t, 0)
			w.wantIDs(t, "out", true)
		})
	}
}
