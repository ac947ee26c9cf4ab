package e2e

import (
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// TestGateRefuses asks for a pause that no snapshot can keep to.
func TestGateRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 8))
	before := w.node.State()
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--max-pause", "1ms", "--dir", "out", "--output", "json")
	r.wantCode(t, 7)
	r.wantError(t, "--max-pause allows", `"code":7`)
	if strings.Contains(r.stderr.String(), "stood still") {
		t.Errorf("the process stood still:\n%s", r.stderr)
	}
	if n := w.wantWhole(t, "out"); n != 0 {
		t.Errorf("%d snapshots", n)
	}
	w.wantEnded(t, 1)
	wantNothingLeft(t, w.node, before)
}

// TestForce goes on all the same, and the manifest says so.
func TestForce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 8))
	before := w.node.State()
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--max-pause", "1ms", "--force", "--dir", "out")
	r.wantCode(t, 0)
	if !strings.Contains(r.stderr.String(), "--force: taken all the same") {
		t.Errorf("stderr:\n%s", r.stderr)
	}
	if n := w.wantWhole(t, "out"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
	gate, ok := w.load(t, "out").Snapshots[0].Gate.(map[string]any)
	if !ok || gate["forced"] != true || gate["verdict"] != "refuse" {
		t.Errorf("the manifest says %v", gate)
	}
	w.wantEnded(t, 1)
	wantNothingLeft(t, w.node, before)
}

// TestTwoAtOnce: the second is told who is at work before it connects, and the first is
// not harmed.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 12))
	before := w.node.State()
	first := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "first")
	w.receiving(t, "first", "s1")
	second := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "second")
	second.wantCode(t, 3)
	second.wantError(t, "another ecsheap takes snapshots of this container", w.Sessions()[0].ID, "wait until it is done")
	forced := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "second", "--force")
	forced.wantCode(t, 3)
	forced.wantError(t, "another ecsheap (ecsheap snapshot on ", "is at work in this process", "wait until it is done")
	first.wantCode(t, 0)
	if n := w.wantWhole(t, "first") + w.wantWhole(t, "second"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
	w.wantEnded(t, 2)
	wantNothingLeft(t, w.node, before)
}
