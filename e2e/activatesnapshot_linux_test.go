package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// world is the yard as the tests of the program see it.
func (y *yard) world(t *testing.T) *world {
	t.Helper()
	return &world{Server: y.Server, task: y.task, dir: t.TempDir()}
}

// TestSnapshotActivates takes a snapshot of a process without inspector, which
// has none afterwards, and needs no more rights than the policies grant.
func TestSnapshotActivates(t *testing.T) {
	t.Parallel()
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{Version: version, NoShell: true})
			w, before := y.world(t), y.State(1)
			r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--activate", "--dir", "out")
			r.wantCode(t, 0)
			y.AwaitState(1, before)
			y.wantEnded(t)
			if n := w.wantWhole(t, "out"); n != 1 {
				t.Errorf("%d snapshots", n)
			}
			text := r.stderr.String()
			for _, part := range []string{"Debugger listening on", "is closed again"} {
				if !strings.Contains(text, part) {
					t.Errorf("no %q on stderr:\n%s", part, text)
				}
			}
			audit := w.auditOf(t, "out")
			if left := open(audit); len(left) != 0 {
				t.Errorf("not undone: %v", left)
			}
			if !slices.ContainsFunc(audit, func(l auditLine) bool { return l.What == "inspector opened" && l.Done }) {
				t.Errorf("audit %+v", audit)
			}
			y.wantGranted(t)
		})
	}
}

// wantGranted checks that all that AWS saw is in the policies.
func (y *yard) wantGranted(t *testing.T) {
	t.Helper()
	granted := grantedActions(t, "../iam-policies/operator-activate.json")
	for action := range grantedActions(t, "../iam-policies/operator-snapshot.json") {
		granted[action] = true
	}
	for _, call := range y.Calls() {
		if !granted[call.Action] {
			t.Errorf("%s is used but not granted", call.Action)
		}
	}
}

// TestSnapshotClosesAfterRefusal closes the inspector when the gate says no.
func TestSnapshotClosesAfterRefusal(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{})
	w, before := y.world(t), y.State(1)
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--activate", "--max-pause", "1ms", "--dir", "out")
	r.wantCode(t, 7)
	y.AwaitState(1, before)
	y.wantEnded(t)
}

// TestSnapshotOffersActivation names the way out where nothing listens, and the
// processes where there are several.
func TestSnapshotOffersActivation(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{Script: clustered, Ready: "up"})
	w, before := y.world(t), y.State(1)
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "out")
	r.wantCode(t, 6)
	r.wantError(t, "nothing listens on port 9229", "add --activate")
	r = w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--activate", "--dir", "out")
	r.wantCode(t, 4)
	r.wantError(t, "3 Node.js processes", "--process")
	y.AwaitState(1, before)
	r = w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--activate", "--process", "1", "--dir", "out")
	r.wantCode(t, 0)
	y.AwaitState(1, before)
	y.wantEnded(t)
}

// TestSnapshotClosesWithoutTunnel closes the inspector over a session of its own
// when there was none for the snapshot, and says so where that fails, too.
func TestSnapshotClosesWithoutTunnel(t *testing.T) {
	for name, tt := range map[string]struct {
		times  int
		closed bool
	}{"once": {1, true}, "always": {0, false}} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{})
			w, before := y.world(t), y.State(1)
			y.Fault(fakeaws.Fault{Operation: "ssm.StartSession", Code: "AccessDeniedException", Message: "no", Times: tt.times})
			r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--activate", "--dir", "out")
			r.wantCode(t, 5)
			if tt.closed {
				y.AwaitState(1, before)
			}
			if told := strings.Contains(r.stderr.String(), "which we opened, may still listen on port 9229"); told == tt.closed {
				t.Errorf("told %t that it stays open:\n%s", told, r.stderr)
			}
			y.wantEnded(t)
		})
	}
}

// TestSnapshotInterruptedCloses closes the inspector after Ctrl-C in a series.
func TestSnapshotInterruptedCloses(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{})
	w, before := y.world(t), y.State(1)
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--activate", "--count", "2", "--interval", "1h", "--dir", "out")
	eventually(t, "the first snapshot is there", func() bool {
		return strings.Contains(r.stderr.String(), "snapshot 1 of 2: ") && w.has("out/s1.heapsnapshot")
	})
	if err := r.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	r.wantCode(t, 130)
	y.AwaitState(1, before)
	y.wantEnded(t)
	if left := open(w.auditOf(t, "out")); len(left) != 0 {
		t.Errorf("not undone: %v", left)
	}
}

// has tells whether a file is in the working directory of the program.
func (w *world) has(name string) bool {
	_, err := os.Stat(filepath.Join(w.dir, name))
	return err == nil
}

// grantedActions reads the actions that a policy allows.
func grantedActions(t *testing.T, file string) map[string]bool {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var policy struct{ Statement []struct{ Action any } }
	if err := json.Unmarshal(data, &policy); err != nil {
		t.Fatal(err)
	}
	actions := map[string]bool{}
	for _, s := range policy.Statement {
		switch a := s.Action.(type) {
		case string:
			actions[a] = true
		case []any:
			for _, each := range a {
				actions[each.(string)] = true
			}
		}
	}
	return actions
}
