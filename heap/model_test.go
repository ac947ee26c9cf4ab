package heap

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// read parses the graph.
func read(t testing.TB, g *heaptest.Graph) *Snapshot {
	t.Helper()
	s, err := Parse(t.Context(), g.Reader(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// model is a graph for the slow oracles, which follow the rules word by word.
type model struct {
	kinds []NodeType
	sizes []int64
	edges []modelEdge
}

type modelEdge struct {
	from, to int
	kind     EdgeType
}

// randomModel makes a graph of up to n nodes. Node 0 is the root.
func randomModel(r *rand.Rand, n int) *model {
	m := &model{kinds: []NodeType{SyntheticNode}, sizes: []int64{0}}
	for range r.IntN(n) {
		kinds := []NodeType{ObjectNode, ObjectNode, ArrayNode, HiddenNode, SyntheticNode, ClosureNode, StringNode}
		m.kinds = append(m.kinds, kinds[r.IntN(len(kinds))])
		m.sizes = append(m.sizes, int64(r.IntN(4))*8)
	}
	all := []EdgeType{PropertyEdge, PropertyEdge, InternalEdge, InternalEdge, HiddenEdge, ElementEdge, ShortcutEdge, WeakEdge}
	total := len(m.kinds)
	for range r.IntN(3 * total) {
		e := modelEdge{r.IntN(total), r.IntN(total), all[r.IntN(len(all))]}
		if r.IntN(3) > 0 && e.from+1 < total { // chains are what the deep algorithms are about
			e.to = e.from + 1
		}
		m.edges = append(m.edges, e)
	}
	for range 1 + r.IntN(3) {
		m.edges = append(m.edges, modelEdge{0, r.IntN(total), all[r.IntN(len(all))]})
	}
	slices.SortStableFunc(m.edges, func(a, b modelEdge) int { return cmp.Compare(a.from, b.from) })
	return m
}

func (m *model) snapshot(t testing.TB) *Snapshot {
	g := heaptest.New(heaptest.Node24)
	key := func(n int) string {
		if n == 0 {
			return heaptest.Root
		}
		return strconv.Itoa(n)
	}
	for n, kind := range m.kinds[1:] {
		g.Node(key(n+1), kind.String(), fmt.Sprint("name", n%3), m.sizes[n+1])
	}
	for i, e := range m.edges {
		g.Edge(key(e.from), e.kind.String(), strconv.Itoa(i), key(e.to))
	}
	return read(t, g)
}

// reach returns what can be reached from the nodes by edges that fit, not through
// without.
func (m *model) reach(from []int, without int, fits func(modelEdge) bool) []bool {
	seen := make([]bool, len(m.kinds))
	for _, n := range from {
		seen[n] = n != without
	}
	for again := true; again; {
		again = false
		for _, e := range m.edges {
			if seen[e.from] && !seen[e.to] && e.to != without && fits(e) {
				seen[e.to], again = true, true
			}
		}
	}
	return seen
}

func (m *model) strong(e modelEdge) bool { return e.kind != WeakEdge }

// page returns the nodes that the root's shortcuts reach.
func (m *model) page() []bool {
	var seeds []int
	for _, e := range m.edges {
		if e.from == 0 && e.kind == ShortcutEdge {
			seeds = append(seeds, e.to)
		}
	}
	return m.reach(seeds, -1, m.strong)
}

// essential returns the edges that count for dominators.
func (m *model) essential() *model {
	page := m.page()
	result := &model{kinds: m.kinds, sizes: m.sizes}
	held := make([]bool, len(m.kinds))
	for _, e := range m.edges {
		if e.kind == WeakEdge || e.from == e.to ||
			e.from != 0 && (e.kind == ShortcutEdge || !page[e.from] && page[e.to]) {
			continue
		}
		result.edges = append(result.edges, e)
		held[e.to] = true
	}
	for n := range m.kinds {
		if n != 0 && !held[n] {
			result.edges = append(result.edges, modelEdge{0, n, InternalEdge})
		}
	}
	return result
}

// dominators returns the dominator of each node: what cannot be reached without it.
func (m *model) dominators() []int {
	g := m.essential()
	anything := func(modelEdge) bool { return true }
	reached := g.reach([]int{0}, -1, anything)
	strict := make([][]int, len(m.kinds)) // strict dominators
	for d := range m.kinds {
		if !reached[d] {
			continue
		}
		left := g.reach([]int{0}, d, anything)
		for n := range m.kinds {
			if n != d && reached[n] && !left[n] {
				strict[n] = append(strict[n], d)
			}
		}
	}
	idom := make([]int, len(m.kinds))
	for n, ds := range strict {
		for _, d := range ds { // the nearest has the most of its own
			if len(strict[d]) == len(ds)-1 {
				idom[n] = d
			}
		}
	}
	return idom
}

// folded returns the sizes after folding.
func (m *model) folded() []int64 {
	sizes := slices.Clone(m.sizes)
	part := func(n int) bool { return m.kinds[n] == ArrayNode || m.kinds[n] == HiddenNode }
	if !slices.ContainsFunc(m.edges, func(e modelEdge) bool { return e.from == 0 && m.kinds[e.to] != SyntheticNode }) {
		return sizes
	}
	for p := range m.kinds {
		if !part(p) {
			continue
		}
		var owners []int
		for n := range m.kinds {
			if !part(n) && m.reach([]int{n}, -1, func(e modelEdge) bool { return m.strong(e) && part(e.to) && (e.from == n || part(e.from)) })[p] {
				owners = append(owners, n)
			}
		}
		if len(owners) == 1 && m.kinds[owners[0]] != SyntheticNode {
			sizes[owners[0]] += m.sizes[p]
			sizes[p] = 0
		}
	}
	return sizes
}

// distances returns the distances.
func (m *model) distances() []int {
	steps := make([]int, len(m.kinds))
	for n := range steps {
		steps[n] = Unreached
	}
	spread := func() {
		for again := true; again; {
			again = false
			for _, e := range m.edges {
				if !m.strong(e) || steps[e.from] == Unreached {
					continue
				}
				if d := steps[e.from] + 1; steps[e.to] == Unreached || steps[e.to] > d {
					steps[e.to], again = d, true
				}
			}
		}
	}
	start := 0
	for _, e := range m.edges {
		if e.from == 0 && m.kinds[e.to] != SyntheticNode {
			steps[e.to], start = 1, SystemDistance
		}
	}
	spread()
	steps[0] = start // the root has this even when it can be reached
	before := slices.Clone(steps)
	for _, e := range m.edges {
		if e.from == 0 && m.strong(e) && steps[e.to] == Unreached {
			steps[e.to] = start + 1
		}
	}
	spread()
	for n, d := range before { // what had a distance keeps it
		if d != Unreached {
			steps[n] = d
		}
	}
	return steps
}

// check compares a snapshot of the model with the slow oracles.
func (m *model) check(t *testing.T) {
	t.Helper()
	s := m.snapshot(t)
	idom, sizes, steps := m.dominators(), m.folded(), m.distances()
	retained := slices.Clone(sizes)
	for n := range retained {
		for d := n; d != 0; {
			d = idom[d]
			retained[d] += sizes[n]
		}
	}
	for n := range m.kinds {
		node := Node(n)
		if got := s.Dominator(node); got != Node(idom[n]) {
			t.Errorf("node %d: dominator %d, want %d", n, got, idom[n])
		}
		if got := s.Self(node); got != sizes[n] {
			t.Errorf("node %d: size %d, want %d", n, got, sizes[n])
		}
		if got := s.Retained(node); got != retained[n] {
			t.Errorf("node %d: retains %d, want %d", n, got, retained[n])
		}
		if got := s.Distance(node); got != steps[n] {
			t.Errorf("node %d: distance %d, want %d", n, got, steps[n])
		}
	}
	m.checkClasses(t, s, idom)
	if t.Failed() {
		t.Fatalf("graph %+v", m)
	}
}

// checkClasses compares the classes with sums over nodes.
func (m *model) checkClasses(t *testing.T, s *Snapshot, idom []int) {
	t.Helper()
	want := map[string]*Class{}
	for n := range m.kinds {
		node := Node(n)
		if s.Self(node) == 0 {
			continue
		}
		c := want[s.Class(node)]
		if c == nil {
			c = &Class{Distance: s.Distance(node)}
			want[s.Class(node)] = c
		}
		c.Count++
		c.Shallow += s.Self(node)
		c.Distance = min(c.Distance, s.Distance(node))
		held := false
		for d := n; d != 0 && !held; {
			d = idom[d]
			held = s.Self(Node(d)) > 0 && s.Class(Node(d)) == s.Class(node)
		}
		if !held {
			c.Retained += s.Retained(node)
		}
	}
	for _, got := range s.Classes() {
		w := want[got.Name]
		if w == nil || got.Count != w.Count || got.Shallow != w.Shallow || got.Retained != w.Retained || got.Distance != w.Distance {
			t.Errorf("class %+v, want %+v", got, w)
		}
	}
	if got := len(s.Classes()); got != len(want) {
		t.Errorf("%d classes, want %d", got, len(want))
	}
}

func TestRandomGraphs(t *testing.T) {
	for seed := range uint64(400) {
		randomModel(rand.New(rand.NewPCG(seed, 1)), 24).check(t)
	}
}

func FuzzGraph(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint8(12))
	f.Add(uint64(7), uint64(7), uint8(40))
	f.Fuzz(func(t *testing.T, a, b uint64, n uint8) {
		randomModel(rand.New(rand.NewPCG(a, b)), 1+int(n)%40).check(t)
	})
}
