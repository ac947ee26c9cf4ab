package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// TestTunnelCommandActivates opens the inspector of a process that has none, has a debugger
// attach, and closes it again though the debugger is still there.
func TestTunnelCommandActivates(t *testing.T) {
	y := newYard(t, fakeaws.Config{RTT: 20 * time.Millisecond}, nodetest.ContainerOptions{NoShell: true})
	w, before := y.world(t), y.State(1)
	f := w.forward(t, "--activate")
	if f.Inspector == nil {
		t.Fatalf("it says %s", f.stdout)
	}
	d := f.attach(t)
	d.call("Runtime.enable", nil, nil)
	f.stop(t)
	y.AwaitState(1, before)
	y.wantEnded(t)
	y.wantGranted(t)
	if text := f.stderr.String(); !strings.Contains(text, "is closed again") || strings.Contains(text, "stays open") {
		t.Errorf("stderr:\n%s", text)
	}
	if n := len(w.Sessions()); n != 3 { // two commands and the tunnel
		t.Errorf("%d sessions", n)
	}
}
