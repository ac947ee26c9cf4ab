package cdp

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// TestNodeTraceGarbage gets V8's statistics of its objects, twice from one
// process, and leaves it as it was.
func TestNodeTraceGarbage(t *testing.T) {
	const category = "disabled-by-default-v8.gc_stats"
	eachNode(t, nodetest.Options{Script: idle}, func(t *testing.T, p *nodetest.Process) {
		before := p.State()
		c := openNode(t, p)
		for range 2 {
			args, err := c.TraceGarbage(t.Context(), category, "V8.GC_Objects_Stats")
			if err != nil {
				t.Fatal(err)
			}
			var text string
			if err := json.Unmarshal(args["live"], &text); err != nil || !strings.Contains(text, "type_data") {
				t.Errorf("got %.200s, %v", args["live"], err)
			}
		}
		if _, err := c.TraceGarbage(t.Context(), category, "No such event"); !errors.Is(err, ErrNoTrace) {
			t.Errorf("got %v, want ErrNoTrace", err)
		}
		c.Close()
		p.AwaitState(before)
	})
}
