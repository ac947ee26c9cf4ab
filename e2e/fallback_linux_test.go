package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// smallFiles keeps a process from writing files of more than so many bytes: a disk
// that has room, and refuses, as one with a quota does.
func smallFiles(t *testing.T, p *nodetest.Process, bytes int) {
	t.Helper()
	path, err := exec.LookPath("prlimit")
	if err != nil {
		nodetest.Missing(t, err.Error(), "install util-linux")
	}
	if out, err := exec.Command(path, fmt.Sprintf("--pid=%d", p.PID), fmt.Sprintf("--fsize=%d", bytes)).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// TestDiskFails has --transfer auto take another way when the disk does not take
// what it has room for, and stay with it.
func TestDiskFails(t *testing.T) {
	t.Parallel()
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			node := bulk(t, version, 8)
			before := node.State()
			smallFiles(t, node, 1e6)
			w := newWorld(t, fakeaws.Config{}, node)
			r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--count", "2", "--interval", "0s", "--dir", "out")
			r.wantCode(t, 0)
			if n := w.wantWhole(t, "out"); n != 2 {
				t.Errorf("%d snapshots", n)
			}
			for i, s := range w.load(t, "out").Snapshots {
				var verdict struct{ Transfer, Why, Failed, Verdict string }
				text, err := json.Marshal(s.Gate)
				if err != nil || json.Unmarshal(text, &verdict) != nil {
					t.Fatalf("%v in %s", err, text)
				}
				if s.Transfer != "memory" || verdict.Transfer != "memory" || !strings.Contains(verdict.Failed, "writing the snapshot in ") || verdict.Verdict == "" || s.SameObjectIDs != true {
					t.Errorf("snapshot %d by %s, gate %+v", i+1, s.Transfer, verdict)
				}
			}
			// The pause of the first one has both tries, and the second one had but one.
			shots := w.load(t, "out").Snapshots
			if failed := []int64{pauseOfFailed(t, shots[0].Gate), pauseOfFailed(t, shots[1].Gate)}; failed[0] <= 0 || failed[1] != 0 || shots[0].PauseMs <= failed[0] {
				t.Errorf("the failed tries took %v ms, and the first snapshot %d", failed, shots[0].PauseMs)
			}
			text := r.stderr.String()
			for want, times := range map[string]int{
				"warning: taking a snapshot: writing the snapshot in ":           1,
				"hint: looking for another way":                                  1,
				" s of it for a try that failed":                                 1,
				"snapshot 1 by disk: ":                                           1,
				"snapshot 1 by memory: the disk of the process took no snapshot": 1,
				"snapshot 2 by memory: the disk of the process took no snapshot": 1,
				"ecsheap: forecast: ":                                            3,
			} {
				if n := strings.Count(text, want); n != times {
					t.Errorf("%d times %q on stderr:\n%s", n, want, text)
				}
			}
			wantNothingLeft(t, node, before)
			strict := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--transfer", "disk", "--dir", "strict")
			strict.wantCode(t, 1)
			strict.wantError(t, "writing the snapshot in ", "--transfer memory")
			wantNothingLeft(t, node, before)
		})
	}
}

// pauseOfFailed is what the record of the gate says.
func pauseOfFailed(t *testing.T, record any) int64 {
	t.Helper()
	var verdict struct{ FailedPauseMs int64 }
	text, err := json.Marshal(record)
	if err != nil || json.Unmarshal(text, &verdict) != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return verdict.FailedPauseMs
}

// TestDiskFailsUnsafe: what V8 has made for the disk takes the memory that another
// way would need, so none is safe, and none is taken.
func TestDiskFailsUnsafe(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", 60)
	before := node.State()
	smallFiles(t, node, 1e6)
	w := newWorld(t, fakeaws.Config{}, node)
	cgroupWith(t, node, 300<<20)
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "out")
	r.wantCode(t, 7)
	r.wantError(t, "snapshot 1 by disk", "looking for another way", "the snapshot is too dangerous: needs ",
		"`ecsheap profile --cluster prod --task "+w.task+" --container api`")
	wantNothingLeft(t, node, before)
}
