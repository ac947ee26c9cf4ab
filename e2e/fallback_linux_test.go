package e2e

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

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

// TestDetachedDiskFails has a series that nobody waits for turn to memory when the disk
// does not take what it has room for, from the first snapshot on or later, and stay there.
func TestDetachedDiskFails(t *testing.T) {
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			t.Parallel()
			checkDetachedDiskFails(t, version, 1)
		})
	}
	t.Run("later", func(t *testing.T) {
		t.Parallel()
		checkDetachedDiskFails(t, "", 2)
	})
}

// checkDetachedDiskFails has the disk fail from snapshot first on.
func checkDetachedDiskFails(t *testing.T, version string, first int) {
	node := bulk(t, version, 8)
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	const interval = 10 * time.Second
	if first == 1 {
		smallFiles(t, node, 1e6)
	}
	w.detach(t, "--count", "3", "--interval", interval.String())
	d := w.detached(t)
	if first > 1 { // in the middle between two
		at := d.Due.Add(-time.Duration(d.Count-first)*interval - interval/2)
		eventually(t, "the disk has taken some", func() bool { return time.Now().After(at) })
		smallFiles(t, node, 1e6)
	}
	w.due(t)
	r := w.resume(t)
	r.wantCode(t, 0)
	if n := w.wantWhole(t, "out"); n != 3 {
		t.Errorf("%d snapshots", n)
	}
	s := w.series(t)
	for i, shot := range s.Snapshots {
		want := "memory"
		if shot.N < first {
			want = "disk"
		}
		if shot.N != i+1 || shot.Transfer != want || !shot.SameObjectIDs {
			t.Errorf("snapshot %d: %d by %s, want %s, same ids %t", i+1, shot.N, shot.Transfer, want, shot.SameObjectIDs)
		}
	}
	told := fmt.Sprintf("snapshot %d of the series: writing the snapshot in ", first)
	if text := r.stderr.String(); strings.Count(text, told) != 1 || strings.Count(text, "; from then on the series went to memory") != 1 || strings.Contains(text, "--transfer memory") {
		t.Errorf("on stderr:\n%s", text)
	}
	if len(s.Warnings) != 1 || s.Warnings[0].Shot != first {
		t.Errorf("warnings %+v", s.Warnings)
	}
	wantNothingLeft(t, node, before)
}

// TestDetachedDiskFailsTight: what V8 has made for the disk takes the memory that another
// way would need. The process looks whether it still suffices, and lives.
func TestDetachedDiskFailsTight(t *testing.T) {
	t.Parallel()
	for _, limit := range []int64{300, 340} {
		t.Run(fmt.Sprintf("%d MB", limit), func(t *testing.T) {
			node := bulk(t, "", 60)
			before := node.State()
			smallFiles(t, node, 1e6)
			w := newWorld(t, fakeaws.Config{}, node)
			cgroupWith(t, node, limit<<20)
			w.detach(t)
			w.due(t)
			r := w.resume(t)
			if code := r.code(t); code != 0 { // the series says why it has ended
				r.wantError(t, "snapshot 1 of the series: it was not safe any more: a snapshot needs ", "give the task more memory")
				if code != 7 {
					t.Errorf("exit code %d", code)
				}
			}
			if n := w.wantWhole(t, "out"); n != len(w.series(t).Snapshots) || strings.Contains(r.stderr.String(), "could not be told") {
				t.Errorf("%d snapshots; on stderr:\n%s", n, r.stderr)
			}
			t.Logf("exit code %d", r.ProcessState.ExitCode())
			wantNothingLeft(t, node, before)
		})
	}
}

// TestDetachedNoDisk refuses a series for a disk that the process may not write to before
// it begins, and has auto keep it in memory.
func TestDetachedNoDisk(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t, nodetest.Options{
		Version: "26", Inspect: true, Ready: "up", NodeArgs: []string{"--permission", "--allow-inspector", "--allow-fs-read=*"},
		Script: `console.log("up"); process.stdin.on('end', () => process.exit(0)).resume()`,
	})
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--detach", "--transfer", "disk", "--dir", "out")
	r.wantCode(t, 7)
	r.wantError(t, "the snapshot is too dangerous: the file takes about ", "--transfer memory")
	r = w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--detach", "--transfer", "disk", "--force", "--dir", "out")
	r.wantCode(t, 7)
	r.wantError(t, "the process cannot keep the snapshots until they are fetched: no directory in the container takes a snapshot", "(not permitted to Node.js)",
		"--transfer memory has it keep them there; or stay connected: the same command without --detach")
	if n := w.wantWhole(t, "out"); n != 0 {
		t.Errorf("%d snapshots", n)
	}
	w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--detach", "--dir", "out").wantCode(t, 0)
	w.due(t)
	w.resume(t).wantCode(t, 0)
	if s := w.series(t); len(s.Snapshots) != 1 || s.Snapshots[0].Transfer != "memory" || len(s.Warnings) != 0 {
		t.Errorf("%+v, %+v", s.Snapshots, s.Warnings)
	}
	wantNoGuest(t, dialNode(t, node))
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
