package leak

import (
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
)

// TestPathStarts has the path start where a programmer begins to look: at the object of
// Node.js that holds the first piece of the application.
func TestPathStarts(t *testing.T) {
	const runtimeScript = 9
	options := Options{Resolve: func(l heap.Location) Place {
		if l.ScriptID == runtimeScript {
			return Place{File: "node:net", Line: 1}
		}
		return Place{File: "/app/server.js", Line: l.Line + 1}
	}}
	d := diagnose(t, 3, options, func(s *shot) {
		s.hold("global", "timers", "list", "TimersList", 40).At(runtimeScript, 1, 1)
		s.hold("list", "_idleNext", "server", "Server", 40).At(runtimeScript, 2, 1)
		s.hold("server", "_events", "events", "Object", 40)
		s.node("handler", "closure", "handler", 64).At(7, 3, 0)
		s.Edge("events", "property", "request", "handler")
		s.node("scope", "object", "system / Context", 40)
		s.Edge("handler", "internal", "context", "scope")
		s.hold("scope", "state", "state", "State", 40)
		s.collect("state", "seen", "seen", "Map", numbers(0, 500*s.k), s.object("hit", "Hit"))
	})
	if len(d.Suspects) == 0 {
		t.Fatal("no suspect")
	}
	var edges []string
	for _, step := range d.Suspects[0].Path {
		edges = append(edges, step.Edge)
	}
	if want := []string{"Server", "_events", "request", "(context)", "state", "seen"}; !slices.Equal(edges, want) {
		t.Errorf("path %s, want %s", strings.Join(edges, " > "), strings.Join(want, " > "))
	}
}

// TestObserver leaves out what the taking of snapshots keeps, and nothing else.
func TestObserver(t *testing.T) {
	const ourScript = 9
	for file, want := range map[string]int{"ecsheap:guest.js": 0, "/app/ecsheap.js": 1} {
		options := Options{Resolve: func(l heap.Location) Place {
			if l.ScriptID == ourScript {
				return Place{File: file, Line: 1}
			}
			return Place{File: "/app/server.js", Line: l.Line + 1}
		}}
		d := diagnose(t, 3, options, func(s *shot) {
			s.node("guest", "closure", "guest", 64).At(ourScript, 3, 0)
			s.Edge("global", "property", "guest", "guest")
			s.node("scope", "object", "system / Context", 40)
			s.Edge("guest", "internal", "context", "scope")
			s.collect("scope", "shots", "shots", "Map", numbers(0, 500*s.k), s.object("block", "Block"))
		})
		if len(d.Suspects) != want {
			t.Errorf("%s: %d suspects, want %d", file, len(d.Suspects), want)
		}
	}
}
