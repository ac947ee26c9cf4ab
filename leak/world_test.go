package leak

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// world is a process whose heap a test makes anew for each snapshot. What has a key keeps
// its id, and what is new gets a greater one, as in V8.
type world struct {
	ids  map[string]uint64
	last uint64
}

// shot is a snapshot in the making.
type shot struct {
	*heaptest.Graph
	w *world
	k int // 1, 2 …
}

// firstID leaves room for the root.
const firstID = 101

// take makes a snapshot with a global object and a module's variables, "vars".
func (w *world) take(t *testing.T, k int, build func(s *shot)) *heap.Snapshot {
	t.Helper()
	s := &shot{Graph: heaptest.New(heaptest.Node24), w: w, k: k}
	s.node("global", "object", "global", 64)
	s.Edge(heaptest.Root, "shortcut", "global", "global")
	s.Edge(heaptest.Root, "element", "1", "global")
	s.node("main", "closure", "main", 64).At(7, 0, 0)
	s.Edge("global", "property", "main", "main")
	s.node("vars", "object", "system / Context", 64)
	s.Edge("main", "internal", "context", "vars")
	s.node("script", "code", "/app/server.js", 64)
	s.node("code", "code", "main", 64)
	s.Edge("main", "internal", "shared", "code")
	s.Edge("code", "internal", "script", "script")
	build(s)
	s.hold("global", "now", fmt.Sprint("now", k), "Date", 24) // there is always something new
	parsed, err := heap.Parse(t.Context(), s.Reader(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

// node adds a node with the id that its key has.
func (s *shot) node(key, kind, name string, size int64) *heaptest.Node {
	id, ok := s.w.ids[key]
	if !ok {
		s.w.last += 2
		id = s.w.last
		s.w.ids[key] = id
	}
	return s.Node(key, kind, name, size).ID(id)
}

// hold adds an object that another one holds by a property, or by a variable of "vars".
func (s *shot) hold(owner, edge, key, class string, size int64) *heaptest.Node {
	n := s.node(key, "object", class, size)
	kind := "property"
	if owner == "vars" {
		kind = "context"
	}
	s.Edge(owner, kind, edge, key)
	return n
}

// collect adds a Map or a Set with its elements, made by make from numbers.
func (s *shot) collect(owner, edge, key, class string, numbers []int, make func(i int) string) {
	s.hold(owner, edge, key, class, 32)
	table := fmt.Sprint(key, " table ", len(numbers)) // a new one when it grows
	s.node(table, "array", "", 64+24*int64(len(numbers)))
	s.Edge(key, "internal", "table", table)
	for row, i := range numbers {
		s.Edge(table, "internal", fmt.Sprint(100+3*row), make(i))
	}
}

// array adds an Array with its elements.
func (s *shot) array(owner, edge, key string, numbers []int, make func(i int) string) {
	s.hold(owner, edge, key, "Array", 32)
	for at, i := range numbers {
		s.Edge(key, "element", fmt.Sprint(at), make(i))
	}
}

// object returns a maker of objects of a class, each with a string of its own.
func (s *shot) object(prefix, class string) func(i int) string {
	return func(i int) string {
		key := fmt.Sprint(prefix, i)
		s.node(key, "object", class, 200)
		s.node(key+" body", "string", "x", 300)
		s.Edge(key, "property", "body", key+" body")
		return key
	}
}

// numbers returns from … to-1.
func numbers(from, to int) []int {
	var all []int
	for i := from; i < to; i++ {
		all = append(all, i)
	}
	return all
}

// start is the time of the first snapshot.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// interval is the time between two.
const interval = 10 * time.Minute

// diagnose makes a series and its diagnosis.
func diagnose(t *testing.T, shots int, o Options, build func(s *shot)) *Diagnosis {
	t.Helper()
	w := &world{ids: map[string]uint64{}, last: firstID}
	var earlier []*Observation
	for k := 1; ; k++ {
		s := w.take(t, k, build)
		m := Moment{At: start.Add(time.Duration(k-1) * interval), SameIDs: k > 1}
		if k == shots {
			d, err := Find(t.Context(), earlier, s, m, o)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		earlier = append(earlier, observe(t, s, m, earlier))
	}
}

func observe(t *testing.T, s *heap.Snapshot, m Moment, earlier []*Observation) *Observation {
	t.Helper()
	var before *Observation
	if len(earlier) > 0 {
		before = earlier[len(earlier)-1]
	}
	o, err := Observe(context.Background(), s, m, before)
	if err != nil {
		t.Fatal(err)
	}
	return o
}
