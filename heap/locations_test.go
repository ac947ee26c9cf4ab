package heap

import (
	"testing"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// TestLocationNamesScripts finds the names of scripts as each version of V8 has them:
// up to Node.js 20, what a function that is being debugged has there is none.
func TestLocationNamesScripts(t *testing.T) {
	for edge, version := range map[string]heaptest.Version{"script_or_debug_info": heaptest.Node18, "script": heaptest.Node24} {
		g := heaptest.New(version)
		for _, f := range []struct{ name, at string }{{"stopped", "system / DebugInfo"}, {"free", "/srv/app.js"}, {"later", "/srv/other.js"}} {
			g.Node(f.name, "closure", f.name, 32).At(7, 3, 9)
			g.Node(f.name+" shared", "code", f.name, 48)
			g.Node(f.at, "code", f.at, 40)
			g.Edge(f.name, "internal", "shared", f.name+" shared")
			g.Edge(f.name+" shared", "internal", edge, f.at)
		}
		g.Node("thing", "object", "Thing", 32).At(7, 4, 1)
		s, err := Parse(t.Context(), g.Reader(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		for n, want := range map[Node]string{1: "/srv/app.js:4:10", 4: "/srv/app.js:4:10", 10: "/srv/app.js:5:2"} {
			if got, ok := s.Location(n); !ok || got.String() != want {
				t.Errorf("Node.js %v: node %d at %v, want %s", version, n, got, want)
			}
		}
	}
}
