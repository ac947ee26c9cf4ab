package leak

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// random is a heap of n objects that refer to each other at random. Some are new, and
// some are code.
func random(t *testing.T, r *rand.Rand, n int) *heap.Snapshot {
	t.Helper()
	g := heaptest.New(heaptest.Node24)
	for i := range n {
		kind := []string{"object", "object", "array", "code", "native", "string"}[r.IntN(6)]
		id := uint64(2*i + 3)
		if kind == "native" {
			id++
		}
		g.Node(fmt.Sprint(i), kind, "X", int64(r.IntN(100))).ID(id)
	}
	g.Edge(heaptest.Root, "shortcut", "0", "0")
	for range 2 * n {
		from, to := r.IntN(n), r.IntN(n)
		g.Edge(fmt.Sprint(from), []string{"property", "weak", "internal"}[r.IntN(3)], fmt.Sprint("e", to), fmt.Sprint(to))
	}
	s, err := heap.Parse(t.Context(), g.Reader(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// surveyOf is a survey with snapshots taken before, of which only the greatest ids count.
func surveyOf(t *testing.T, s *heap.Snapshot, marks ...heap.ID) *survey {
	t.Helper()
	past := make([]*Observation, len(marks))
	for i := range past {
		past[i] = &Observation{marks: marks[:i+1]}
	}
	v, err := newSurvey(t.Context(), newGraph(s), past)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// slowAge is what survey.tell computes, by the chain of dominators.
func slowAge(s *heap.Snapshot, n heap.Node, marks []heap.ID) int {
	for s.ID(n)%2 == 0 && n != s.Root() {
		n = s.Dominator(n)
	}
	age := 0
	for _, m := range marks {
		if s.ID(n) > m {
			age++
		}
	}
	return age
}

// TestBornIsASum holds the running sums against a sum over all objects.
func TestBornIsASum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		s := random(t, r, 20+20*round)
		marks := []heap.ID{heap.ID(10 + 10*round), heap.ID(20 + 20*round)}
		v := surveyOf(t, s, marks...)
		covered := map[heap.Node]bool{}
		check := func() {
			t.Helper()
			for n := range heap.Node(s.NumNodes()) {
				want := make([]int64, len(marks))
				for m := range heap.Node(s.NumNodes()) {
					if age := slowAge(s, m, marks); age > 0 && v.ownsBytes(m) && !covered[m] && (m == n || slices.Contains(s.DominatorChain(m), n)) {
						want[age-1] += s.Self(m)
					}
				}
				if got := v.born(n); !slices.Equal(got, want) {
					t.Fatalf("round %d, node %d: born %v, want %v", round, n, got, want)
				}
			}
		}
		check()
		top := heap.Node(r.IntN(s.NumNodes()))
		v.covered = make([]bool, s.NumNodes())
		v.cover(v.tree.Pos(top))
		v.sum()
		for m := range heap.Node(s.NumNodes()) {
			covered[m] = m == top || slices.Contains(s.DominatorChain(m), top)
		}
		check()
	}
}

// TestViaIsTheNearestPath checks that each step of a via path is one step nearer.
func TestViaIsTheNearestPath(t *testing.T) {
	s := random(t, rand.New(rand.NewPCG(3, 4)), 300)
	v := surveyOf(t, s, 11)
	for n := range heap.Node(s.NumNodes()) {
		p, e, ok := v.parent(n)
		reached := s.Distance(n) > 1 && s.Distance(n) < heap.SystemDistance
		switch {
		case reached && !ok:
			t.Errorf("node %d at %d has no parent", n, s.Distance(n))
		case ok && (s.Distance(p)+1 != s.Distance(n) || s.Ref(e).To != n || s.Ref(e).Type == heap.WeakEdge):
			t.Errorf("node %d at %d has parent %d at %d by %v", n, s.Distance(n), p, s.Distance(p), s.Ref(e))
		}
	}
}

// TestLongChain has a chain that recursion would not survive.
func TestLongChain(t *testing.T) {
	const length = 200_000
	g := heaptest.New(heaptest.Node24)
	last := heaptest.Root
	for i := range length {
		key := fmt.Sprint(i)
		g.Node(key, "object", "Link", 40)
		g.Edge(last, "property", "next", key)
		last = key
	}
	s, err := heap.Parse(t.Context(), g.Reader(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	v := surveyOf(t, s, 101)
	if got := v.links(1, math.MaxInt); got != length {
		t.Errorf("%d links, want %d", got, length)
	}
	if got := sum(v.born(s.Root())); got != 40*(length-50) {
		t.Errorf("%d bytes, want %d", got, 40*(length-50))
	}
	if _, err := Find(t.Context(), nil, s, Moment{}, Options{}); err != nil {
		t.Error(err)
	}
}

// TestEntries checks how elements are counted whatever they are kept in.
func TestEntries(t *testing.T) {
	w := &world{ids: map[string]uint64{}, last: firstID}
	s := w.take(t, 1, func(s *shot) {
		s.hold("vars", "map", "map", "Map", 32)
		s.node("rows", "array", "", 200)
		s.Edge("map", "internal", "table", "rows")
		s.node("hole", "hidden", "system / Hole", 0)
		for _, key := range []string{"key1", "value1", "key2", "value3"} {
			s.node(key, "object", "X", 8)
		}
		for i, to := range []string{"key1", "value1", "", "key2", "", "", "", "value3", "", "hole", "hole"} {
			if to != "" {
				s.Edge("rows", "internal", fmt.Sprint(100+i), to)
			}
		}
		s.hold("vars", "weak", "weak", "WeakMap", 32)
		s.node("pairs", "array", "", 200)
		s.Edge("weak", "internal", "table", "pairs")
		s.Edge("pairs", "weak", "5", "key1")
		s.Edge("pairs", "internal", "6 / part of key (X @1) -> value (X @3) pair in WeakMap (table @5)", "value1")
		s.hold("vars", "object", "object", "Object", 32)
		s.node("dictionary", "array", "(object properties)", 200)
		s.Edge("object", "internal", "properties", "dictionary")
		s.Edge("dictionary", "internal", "8", "key1")
		s.Edge("dictionary", "internal", "11", "key2")
		s.Edge("dictionary", "internal", "12", "value3")
		s.Edge("object", "property", "two", "value3")
	})
	g := newGraph(s)
	want := map[string]int{"map": 3, "weak": 1, "object": 2}
	for key, count := range want {
		n, _ := s.Find(heap.ID(w.ids[key]))
		got := 0
		g.eachEntry(n, func(entry) { got++ })
		if got != count {
			t.Errorf("%s has %d elements, want %d", key, got, count)
		}
	}
}

// TestHeldTwiceCountsOnce has an array that holds one object again and again.
func TestHeldTwiceCountsOnce(t *testing.T) {
	w := &world{ids: map[string]uint64{}, last: firstID}
	s := w.take(t, 1, func(s *shot) {
		s.hold("vars", "array", "array", "Array", 32)
		s.node("shared", "object", "X", 1000)
		for i := range 10 {
			s.Edge("array", "element", fmt.Sprint(i), "shared")
		}
	})
	v := surveyOf(t, s)
	v.clock = newClock(nil)
	n, _ := s.Find(heap.ID(w.ids["array"]))
	if c := v.collection(n); c.born != 1000 || c.fresh != 10 {
		t.Errorf("%d elements with %d bytes, want 10 with 1000", c.fresh, c.born)
	}
}
