package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// TestTunnelCommandInspector relays an inspector past AWS: the same addresses, a debugger
// attaches through them, and it stays open while the process is replaced.
func TestTunnelCommandInspector(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	f := &forward{run: w.start(t, "tunnel", "--inspector", node.Inspector, "--output", "json")}
	eventually(t, "the tunnel is open", func() bool { return json.Unmarshal([]byte(f.stdout.String()), f) == nil })
	if f.Inspector == nil || f.Launch == nil || f.Launch.Port != f.LocalPort || strings.HasSuffix(node.Inspector, f.Address) {
		t.Fatalf("it says %s", f.stdout)
	}
	d := f.attach(t)
	if got := d.value("1 + 1"); got != "2" {
		t.Errorf("it evaluates to %s", got)
	}
	_ = d.conn.CloseNow()
	f.says(t, "can execute code in the process behind "+node.Inspector)
	node.AwaitState(before)
	if err := node.Kill(); err != nil {
		t.Fatal(err)
	}
	f.wantReset(t)
	f.says(t, "connection refused")
	f.stop(t)
	if text := f.stderr.String(); !strings.Contains(text, "carried ") || strings.Contains(text, "session") || strings.Contains(text, "container") || strings.Contains(text, "--activate") {
		t.Errorf("stderr:\n%s", text)
	}
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("%d calls of AWS", len(calls))
	}
}
