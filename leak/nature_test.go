package leak

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
)

// promises adds a Map of promises that have a result, or that something waits for.
func (s *shot) promises(settled bool) {
	s.hold("vars", "loader", "loader", "Loader", 40)
	s.collect("loader", "results", "results", "Map", numbers(0, s.k*each), func(i int) string {
		key := fmt.Sprint("promise", i)
		s.node(key, "object", "Promise", 48)
		if settled {
			s.node(key+" user", "object", "User", 300)
			s.Edge(key, "internal", "reactions_or_result", key+" user")
			return key
		}
		s.node(key+" reaction", "hidden", "system / PromiseReaction", 300)
		s.Edge(key, "internal", "reactions_or_result", key+" reaction")
		return key
	})
}

// requests adds a list of requests that wait for something, or that do not.
func (s *shot) requests(waiting bool) {
	s.hold("vars", "pool", "pool", "Pool", 40)
	s.array("pool", "waiters", "waiters", numbers(0, s.k*each), func(i int) string {
		key := fmt.Sprint("waiter", i)
		s.node(key, "object", "Waiter", 40)
		s.hold(key, "request", key+" request", "IncomingMessage", 400)
		if waiting {
			s.hold(key, "promise", key+" promise", "Promise", 48)
			s.node(key+" reaction", "hidden", "system / PromiseReaction", 40)
			s.Edge(key+" promise", "internal", "reactions_or_result", key+" reaction")
		}
		return key
	})
}

// cells adds a FinalizationRegistry with its chain of cells. What they hold leads to their
// targets, or the targets live on for another reason.
func (s *shot) cells(own bool) {
	s.hold("vars", "registry", "registry", "FinalizationRegistry", 40)
	from := "registry"
	for _, i := range numbers(0, s.k*each) {
		key := fmt.Sprint("cell", i)
		s.node(key, "hidden", "system / WeakCell", 72)
		s.Edge(from, "hidden", "4", key)
		s.node(key+" held", "object", "Held", 400)
		s.Edge(key, "hidden", "2", key+" held")
		s.node(key+" target", "object", "File", 48)
		s.Edge(key, "weak", "target", key+" target")
		s.Edge("global", "property", key, key+" target")
		if own {
			s.Edge(key+" held", "property", "file", key+" target")
		}
		from = key
	}
}

func TestNatureOfElements(t *testing.T) {
	tests := []struct {
		name    string
		build   func(s *shot)
		pattern Pattern
		text    string // in the explanation
	}{
		{"a cache of settled promises", func(s *shot) { s.promises(true) }, UnboundedCache, "never removed"},
		{"promises that nobody settles", func(s *shot) { s.promises(false) }, PendingPromises, "never settle"},
		{"waiters", func(s *shot) { s.requests(true) }, PendingPromises, "waits"},
		{"requests kept", func(s *shot) { s.requests(false) }, RequestRetention, "answered"},
	}
	for _, test := range tests {
		d := diagnose(t, 3, Options{}, test.build)
		if len(d.Suspects) == 0 || d.Suspects[0].Pattern != test.pattern || !strings.Contains(d.Suspects[0].Explanation, test.text) {
			t.Errorf("%s: %+v", test.name, d.Suspects)
		}
	}
}

// TestFinalizers tells registrations that hold their own targets.
func TestFinalizers(t *testing.T) {
	for _, own := range []bool{true, false} {
		w := &world{ids: map[string]uint64{}, last: firstID}
		v := surveyOf(t, w.take(t, 1, func(s *shot) { s.cells(own) }), 1)
		seen := 0
		for n := range heap.Node(v.NumNodes()) {
			if v.RawName(n) == "system / WeakCell" {
				if seen++; v.holdsTarget(n) != own {
					t.Errorf("cell %d holds its target: %v, want %v", seen, !own, own)
				}
			}
		}
		if seen != each {
			t.Errorf("%d cells", seen)
		}
	}
}
