package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// TestDetachedActivates opens an inspector for the beginning of a series and for
// its end; there is none in between.
func TestDetachedActivates(t *testing.T) {
	t.Parallel()
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{NoShell: true})
	w, before := y.world(t), y.State(1)
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--activate", "--detach", "--count", "2", "--interval", "1s", "--transfer", "memory", "--dir", "out")
	r.wantCode(t, 0)
	if !strings.Contains(r.stderr.String(), "ecsheap snapshot --resume out --activate") {
		t.Errorf("it does not say how to come back:\n%s", r.stderr)
	}
	y.AwaitState(1, before) // what is held is in memory
	y.wantEnded(t)
	w.due(t)
	closed := w.resume(t)
	closed.wantCode(t, 6)
	closed.wantError(t, "--activate")
	r = w.resume(t, "--activate")
	r.wantCode(t, 0)
	y.AwaitState(1, before)
	y.wantEnded(t)
	if n := w.wantWhole(t, "out"); n != 2 {
		t.Errorf("%d snapshots", n)
	}
	if left := open(w.auditOf(t, "out")); len(left) != 0 {
		t.Errorf("not undone: %v", left)
	}
	s, err := capture.Load(filepath.Join(w.dir, "out"))
	if err != nil || !s.Complete() || !s.Snapshots[1].SameObjectIDs {
		t.Errorf("%+v, %v", s, err)
	}
	y.wantGranted(t)
}
