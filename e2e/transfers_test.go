package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// transfers are those that need nothing beside the process.
var transfers = []gate.Transfer{gate.Disk, gate.Memory, gate.Stream}

// someNodes are the majors that an ordinary run takes for what FULL=1 tries on all
// that are installed: the oldest that is tested, and the newest LTS. The main job
// and the packages themselves are tested on every version always.
var someNodes = []string{"18", "24"}

// nodeVersions are those that a test takes.
func nodeVersions() []string {
	if full() {
		return nodetest.Versions()
	}
	return someNodes
}

// full tells whether the tests that take long are wanted.
func full() bool { return os.Getenv("FULL") == "1" }

// wantNothingLeft checks that a process is as it was, from outside and inside.
func wantNothingLeft(t *testing.T, node *nodetest.Process, before nodetest.State) {
	t.Helper()
	node.AwaitState(before)
	conn := dialNode(t, node)
	wantNoGuest(t, conn)
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func (w *world) load(t *testing.T, dir string) capture.Series {
	t.Helper()
	series, err := capture.Load(filepath.Join(w.dir, dir))
	if err != nil {
		t.Fatal(err)
	}
	return series
}

func (w *world) parse(t *testing.T, dir, file string) *heap.Snapshot {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, dir, file))
	if err != nil {
		t.Fatal(err)
	}
	return parseHeap(t, data)
}

// TestTransfersAgree takes the same heap by each transfer.
func TestTransfersAgree(t *testing.T) {
	everyNode(t, func(t *testing.T, version string) {
		node := bulk(t, version, 8)
		before := node.State()
		w := newWorld(t, fakeaws.Config{}, node)
		var tables []map[string]int
		for _, transfer := range transfers {
			dir := string(transfer)
			r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--transfer", dir, "--dir", dir)
			r.wantCode(t, 0)
			if n := w.wantWhole(t, dir); n != 1 {
				t.Fatalf("%d snapshots", n)
			}
			if shot := w.load(t, dir).Snapshots[0]; shot.Transfer != dir || shot.PauseFrom != "process" || shot.Gate == nil {
				t.Errorf("shot %+v", shot)
			}
			tables = append(tables, classTable(t, w.parse(t, dir, "s1.heapsnapshot")))
			wantNothingLeft(t, node, before)
		}
		for i, table := range tables[1:] {
			wantSameTable(t, string(transfers[i+1]), table, tables[0])
		}
		w.wantEnded(t, len(transfers))
	})
}

// classTable counts the objects of each class that programs make.
func classTable(t *testing.T, s *heap.Snapshot) map[string]int {
	t.Helper()
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	table := map[string]int{}
	for _, c := range s.Classes() {
		table[c.Name] = c.Count
	}
	return table
}

// internals are V8's own objects, of which it makes and drops some by the hundred
// whenever code is compiled for the first time.
var internals = []string{"(array)", "(system)", "(compiled code)"}

// wantSameTable compares class tables. What asks for a snapshot is in it, and
// compiled code comes with each question, so classes may differ by a few objects
// or percent; those of the program may not.
func wantSameTable(t *testing.T, transfer string, got, want map[string]int) {
	t.Helper()
	names := slices.Collect(maps.Keys(want))
	for name := range got {
		if _, both := want[name]; !both {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, "{") || strings.HasSuffix(name, " / ") {
			continue // the inspector has names for objects that are nameless without it
		}
		allowed := 10 + want[name]/15
		if slices.Contains(internals, name) {
			allowed = 10 + want[name]/2
		}
		if d := got[name] - want[name]; max(d, -d) > allowed {
			t.Errorf("%s: %d of class %s, disk has %d", transfer, got[name], name, want[name])
		}
	}
	for _, name := range []string{"Order", "Line"} {
		if got[name] != want[name] || got[name] == 0 {
			t.Errorf("%s: %d of class %s, disk has %d", transfer, got[name], name, want[name])
		}
	}
}
