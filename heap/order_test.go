package heap

import (
	"slices"
	"testing"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// TestDominatorTree holds the layout against the chain of dominators of each node.
func TestDominatorTree(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		g.Node(key, "object", key, 8)
	}
	for _, e := range [][2]string{{heaptest.Root, "a"}, {"a", "b"}, {"a", "c"}, {"b", "d"}, {"c", "d"}, {"d", "e"}, {heaptest.Root, "f"}} {
		g.Edge(e[0], "property", "to"+e[1], e[1])
	}
	s := read(t, g)
	tree := s.DominatorTree()
	if tree.Len() != s.NumNodes() || tree.At(0) != s.Root() || tree.End(0) != s.NumNodes() {
		t.Fatalf("%d nodes from %d to %d", tree.Len(), tree.At(0), tree.End(0))
	}
	for n := range Node(s.NumNodes()) {
		if got := tree.At(tree.Pos(n)); got != n {
			t.Errorf("position %d has node %d, want %d", tree.Pos(n), got, n)
		}
		for d := range Node(s.NumNodes()) {
			want := d == n || slices.Contains(s.DominatorChain(n), d)
			if got := tree.Dominates(d, n); got != want {
				t.Errorf("%d dominates %d: %v, want %v", d, n, got, want)
			}
		}
	}
}

func TestLabels(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	g.Node("map", "object", "Map", 8)
	g.Node("table", "array", "", 8)
	g.Node("key", "string", "table", 8)
	g.Edge(heaptest.Root, "property", "cache", "map")
	g.Edge("map", "internal", "table", "table")
	g.Edge("table", "internal", "1027", "key")
	g.Edge("table", "hidden", "7", "key")
	g.Edge("table", "internal", "99999999999", "key")
	s := read(t, g)
	labels := s.Labels("table", "missing", "Map")
	var indexes []int
	for r := range s.Out(1) {
		if s.EdgeLabel(r.Edge) != labels[0] || s.Ref(r.Edge) != r {
			t.Errorf("edge %v with label %d, want %v with %d", s.Ref(r.Edge), s.EdgeLabel(r.Edge), r, labels[0])
		}
	}
	for r := range s.Out(2) {
		if i, ok := s.EdgeIndex(r.Edge); ok {
			indexes = append(indexes, i)
		}
	}
	if !slices.Equal(indexes, []int{1027, 7}) || s.Degree(2) != 3 {
		t.Errorf("indexes %v of %d edges", indexes, s.Degree(2))
	}
	if labels[1] != NoLabel || s.NameLabel(1) != labels[2] || s.NameLabel(3) != labels[0] {
		t.Errorf("labels %v", labels)
	}
}
