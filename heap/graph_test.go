package heap

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// byName returns the first node of the name.
func byName(t testing.TB, s *Snapshot, name string) Node {
	t.Helper()
	for n := range Node(s.NumNodes()) {
		if s.RawName(n) == name {
			return n
		}
	}
	t.Fatalf("no node %q", name)
	return 0
}

// TestEssentialEdges has the cases of DevTools' rules one by one.
func TestEssentialEdges(t *testing.T) {
	type edge struct{ from, kind, name, to string }
	tests := []struct {
		name  string
		edges []edge
		want  string // dominator of c
	}{
		{"a path", []edge{{"root", "shortcut", "a", "a"}, {"a", "property", "c", "c"}}, "a"},
		{"two paths", []edge{{"root", "shortcut", "a", "a"}, {"root", "shortcut", "b", "b"}, {"a", "property", "c", "c"}, {"b", "property", "c", "c"}}, ""},
		{"weak", []edge{{"root", "shortcut", "a", "a"}, {"root", "shortcut", "b", "b"}, {"a", "weak", "c", "c"}, {"b", "property", "c", "c"}}, "b"},
		{"shortcut", []edge{{"root", "shortcut", "a", "a"}, {"root", "shortcut", "b", "b"}, {"a", "shortcut", "c", "c"}, {"b", "property", "c", "c"}}, "b"},
		{"into the page", []edge{{"root", "element", "1", "a"}, {"root", "shortcut", "b", "b"}, {"a", "property", "c", "c"}, {"b", "property", "c", "c"}}, "b"},
		{"by a shortcut of the page", []edge{{"root", "element", "1", "a"}, {"root", "shortcut", "b", "b"}, {"a", "property", "c", "c"}, {"b", "shortcut", "c", "c"}}, ""},
		{"loop", []edge{{"root", "shortcut", "a", "a"}, {"a", "property", "c", "c"}, {"c", "property", "c", "c"}}, "a"},
		{"nothing", nil, ""},
		{"weak only", []edge{{"root", "shortcut", "a", "a"}, {"a", "weak", "b", "b"}, {"b", "property", "c", "c"}}, "b"},
		{"a cycle apart", []edge{{"b", "property", "c", "c"}, {"c", "property", "b", "b"}}, ""},
		{"back and cross", []edge{
			{"root", "shortcut", "a", "a"}, {"a", "property", "b", "b"}, {"b", "property", "c", "c"},
			{"a", "property", "d", "d"}, {"d", "property", "c", "c"}, {"c", "property", "b", "b"},
		}, "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := heaptest.New(heaptest.Node24)
			for _, key := range []string{"a", "b", "c", "d"} {
				g.Node(key, "object", key, 8)
			}
			for _, e := range tt.edges {
				g.Edge(e.from, e.kind, e.name, e.to)
			}
			s := read(t, g)
			if got := s.RawName(s.Dominator(byName(t, s, "c"))); got != tt.want {
				t.Errorf("the dominator is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestDominatorChain(t *testing.T) {
	s := read(t, sample(heaptest.Node24))
	var names []string
	for _, n := range s.DominatorChain(byName(t, s, "/srv/app.js")) {
		names = append(names, s.RawName(n))
	}
	if want := []string{"make", "make", "Object / ", ""}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	if got := s.DominatorChain(s.Root()); len(got) != 0 {
		t.Errorf("the root has %v", got)
	}
}

func TestPathToRoot(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	for _, key := range []string{"global", "near", "far", "zoo", "ant", "leaf", "lost", "friend"} {
		g.Node(key, "object", key, 8)
	}
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge(heaptest.Root, "element", "3", "leaf") // of the root DevTools shows nothing
	g.Edge("global", "property", "near", "near")
	g.Edge("near", "property", "zoo", "zoo")
	g.Edge("near", "property", "ant", "ant")
	g.Edge("near", "weak", "leaf", "leaf")
	g.Edge("zoo", "property", "far", "far")
	g.Edge("zoo", "property", "z", "lost")
	g.Edge("ant", "element", "7", "lost")
	g.Edge("far", "property", "lost", "lost")
	g.Edge("friend", "property", "friend", "friend")
	s := read(t, g)
	path := func(name string) (steps []string) {
		for _, step := range s.PathToRoot(byName(t, s, name)) {
			steps = append(steps, s.EdgeName(step.Edge)+" of "+s.RawName(step.Node))
		}
		return steps
	}
	tests := map[string][]string{
		"lost":   {"7 of ant", "ant of near", "near of global"}, // ant and zoo are equally near: by name
		"global": nil,
		"leaf":   nil,
		"friend": {"friend of friend"}, // no way out
	}
	for name, want := range tests {
		if got := path(name); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestRetainers(t *testing.T) {
	m := map[Edge]Ref{}
	s := read(t, sample(heaptest.Node24))
	for n := range Node(s.NumNodes()) {
		for r := range s.Out(n) {
			m[r.Edge] = r
		}
	}
	for n := range Node(s.NumNodes()) {
		last := Edge(s.NumEdges())
		for r := range s.Retainers(n) {
			if r != m[r.Edge] || r.To != n || r.Edge >= last {
				t.Errorf("retainer %+v of %d, want %+v", r, n, m[r.Edge])
			}
			last = r.Edge
			delete(m, r.Edge)
		}
	}
	if len(m) != 0 {
		t.Errorf("not among the retainers: %v", m)
	}
}

func TestFoldOwners(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	g.Node("a", "object", "a", 1)
	g.Node("b", "object", "b", 2)
	g.Node("roots", "synthetic", "(GC roots)", 0)
	g.Node("own", "array", "own", 10)
	g.Node("deep", "hidden", "deep", 20)
	g.Node("shared", "array", "shared", 40)
	g.Node("external", "native", "system / ExternalStringData", 80)
	g.Node("other", "native", "other", 160)
	g.Node("rooted", "array", "rooted", 320)
	g.Node("weakly", "array", "weakly", 640)
	g.Edge(heaptest.Root, "shortcut", "a", "a")
	g.Edge(heaptest.Root, "element", "1", "roots")
	g.Edge("a", "internal", "own", "own")
	g.Edge("a", "internal", "shared", "shared")
	g.Edge("b", "internal", "shared", "shared")
	g.Edge("b", "internal", "external", "external")
	g.Edge("b", "internal", "other", "other")
	g.Edge("b", "weak", "weakly", "weakly")
	g.Edge("roots", "element", "1", "rooted")
	g.Edge("own", "internal", "deep", "deep")
	g.Edge("deep", "internal", "own", "own")
	s := read(t, g)
	want := map[string]int64{
		"a": 31, "b": 82, "own": 0, "deep": 0, "shared": 40, "system / ExternalStringData": 0, "other": 160, "rooted": 320, "weakly": 640,
	}
	for name, size := range want {
		if got := s.Self(byName(t, s, name)); got != size {
			t.Errorf("%s: got %d, want %d", name, got, size)
		}
	}
}

// TestNoUserRoots is a snapshot with exposed internals: nothing is folded.
func TestNoUserRoots(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	g.Node("roots", "synthetic", "(GC roots)", 0)
	g.Node("a", "object", "a", 1)
	g.Node("own", "array", "own", 10)
	g.Edge(heaptest.Root, "element", "1", "roots")
	g.Edge("roots", "element", "1", "a")
	g.Edge("a", "internal", "own", "own")
	s := read(t, g)
	if got := s.Self(byName(t, s, "a")); got != 1 {
		t.Errorf("size %d, want 1", got)
	}
	if got := s.Distance(byName(t, s, "own")); got != 3 {
		t.Errorf("distance %d, want 3", got)
	}
}

func TestHugeSizes(t *testing.T) {
	const huge = 5 << 32
	g := heaptest.New(heaptest.Node24)
	g.Node("a", "object", "a", huge)
	g.Node("own", "array", "own", 1<<32-1)
	g.Node("small", "array", "small", 7)
	g.Node("b", "object", "b", 1<<32-8)
	g.Edge(heaptest.Root, "shortcut", "a", "a")
	g.Edge("a", "internal", "own", "own")
	g.Edge("a", "internal", "small", "small")
	g.Edge("a", "property", "b", "b")
	g.ExtraNative(3)
	s := read(t, g)
	if got, want := s.Self(byName(t, s, "a")), int64(huge+1<<32-1+7); got != want {
		t.Errorf("size %d, want %d", got, want)
	}
	if got, want := s.Total(), int64(huge+1<<32-1+7+1<<32-8+3); got != want {
		t.Errorf("total %d, want %d", got, want)
	}
	if got := s.ExtraNative(); got != 3 {
		t.Errorf("%d bytes outside, want 3", got)
	}
	rows := Diff(read(t, heaptest.New(heaptest.Node24)).Index(), s.Index())
	if len(rows) != 2 || rows[0].Name != "a" || rows[0].Alloc != huge+1<<32-1+7 {
		t.Errorf("comparison %+v", rows)
	}
}

func TestPrepareCancelled(t *testing.T) {
	s := read(t, sample(heaptest.Node24))
	tired := errors.New("tired")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(tired)
	if err := s.Prepare(ctx); !errors.Is(err, tired) {
		t.Errorf("got %v, want %v", err, tired)
	}
	if err := s.Prepare(t.Context()); err != nil {
		t.Errorf("a second time: %v", err)
	}
	useAll(t, s)
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	s := read(t, sample(heaptest.Node24))
	var users sync.WaitGroup
	for i := range 8 {
		users.Go(func() {
			for n := range Node(s.NumNodes()) {
				switch (int(n) + i) % 8 {
				case 0:
					s.Self(n)
				case 1:
					s.Distance(n)
				case 2:
					s.Class(n)
				case 3:
					s.Retained(n)
				case 4:
					s.Location(n)
				case 5:
					s.PathToRoot(n)
				case 6:
					s.Classes()
				case 7:
					s.Index()
				}
			}
		})
	}
	users.Wait()
	useAll(t, s)
}

// deep returns a graph that defeats what is recursive or quadratic.
func deep(shape string, n int) *model {
	m := &model{kinds: []NodeType{SyntheticNode}, sizes: []int64{0}}
	for range n {
		m.kinds, m.sizes = append(m.kinds, ObjectNode), append(m.sizes, 8)
	}
	for i := range n {
		switch shape {
		case "chain":
			m.edges = append(m.edges, modelEdge{i, i + 1, PropertyEdge})
		case "two ways": // the dominator of each even node is far above its parent
			m.edges = append(m.edges, modelEdge{i, i + 1, PropertyEdge})
			if i > 0 && i+2 <= n {
				m.edges = append(m.edges, modelEdge{i, i + 2, PropertyEdge})
			}
		case "and back":
			m.edges = append(m.edges, modelEdge{i, i + 1, PropertyEdge})
			if i > 1 {
				m.edges = append(m.edges, modelEdge{i, i - 1, PropertyEdge}, modelEdge{i, 1, InternalEdge})
			}
		case "fan":
			m.edges = append(m.edges, modelEdge{0, i + 1, PropertyEdge})
			if i > 0 {
				m.edges = append(m.edges, modelEdge{i, n, InternalEdge})
			}
		}
	}
	slices.SortStableFunc(m.edges, func(a, b modelEdge) int { return a.from - b.from })
	return m
}

func TestDeepGraphs(t *testing.T) {
	for _, shape := range []string{"chain", "two ways", "and back", "fan"} {
		t.Run(shape, func(t *testing.T) {
			deep(shape, 30).check(t)
			const n = 20_000
			s := deep(shape, n).snapshot(t)
			idom := map[string]Node{"chain": n - 1, "two ways": 1, "and back": n - 1, "fan": 0}[shape]
			if got := s.Dominator(n); got != idom {
				t.Errorf("dominator %d, want %d", got, idom)
			}
			if got := s.Total(); got != 8*n {
				t.Errorf("total %d, want %d", got, 8*n)
			}
		})
	}
}

func TestRows(t *testing.T) {
	s := read(t, sample(heaptest.Node24))
	var got []string
	for row := range s.Rows() {
		got = append(got, fmt.Sprintf("%d %s %s: %d %d, %d steps, of %d, %d",
			row.Node, row.Type, row.Class, row.Self, row.Retained, row.Distance, row.Dominator, row.Detachedness))
		if row.Node == 4 {
			break
		}
	}
	want := []string{
		"0 synthetic (synthetic): 0 4460, 100000000 steps, of 0, 0",
		"1 object Object / : 64 4460, 1 steps, of 0, 0",
		"2 object Cache: 4128 4252, 2 steps, of 1, 0",
		"3 array (array): 0 124, 3 steps, of 2, 0",
		"4 native Detached <div>: 100 100, 4 steps, of 3, 2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
