package heap

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// slowConsText is what consText shortens: all parts in order, until it is enough.
func (s *Snapshot) slowConsText(n Node) string {
	var text strings.Builder
	units := 0
	stack := []Node{n}
	for len(stack) > 0 && units < enoughCons {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.Type(n) == ConsStringNode {
			first, second := s.consParts(n)
			stack = append(stack, second, first)
			continue
		}
		part := s.text.at(textID(s.name[n]))
		text.Write(part)
		units += utf16Len(part)
	}
	return text.String()
}

// rope adds a string of two others.
func rope(g *heaptest.Graph, key, first, second string) {
	g.Node(key, "concatenated string", "(concatenated string)", 32)
	g.Edge(key, "internal", "first", first)
	g.Edge(key, "internal", "second", second)
}

func TestRopes(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		g := heaptest.New(heaptest.Node24)
		for i := range 5 {
			g.Node(fmt.Sprint("leaf", i), "string", strings.Repeat(string(rune('a'+i)), 1+r.IntN(40)), 8)
		}
		keys := []string{"leaf0"}
		for i := range 600 {
			key := fmt.Sprint("rope", i)
			// Mostly onto the end of the last one, as a loop does, else of any two.
			first, second := keys[len(keys)-1], fmt.Sprint("leaf", r.IntN(5))
			switch r.IntN(12) {
			case 0:
				first, second = fmt.Sprint("leaf", r.IntN(5)), first
			case 1:
				second = keys[r.IntN(len(keys))]
			case 2:
				first = keys[r.IntN(len(keys))]
			}
			rope(g, key, first, second)
			keys = append(keys, key)
		}
		s := read(t, g)
		nodes := r.Perm(s.NumNodes()) // what is remembered depends on the order
		for _, i := range nodes {
			n := Node(i)
			if s.Type(n) != ConsStringNode {
				continue
			}
			if got, want := s.Name(n), s.slowConsText(n); got != want {
				t.Fatalf("seed %d, node %d: got %d bytes, want %d", seed, n, len(got), len(want))
			}
		}
	}
}

// TestDeepRope has the strings of a loop with +=: it takes no time that grows with the
// square of their number.
func TestDeepRope(t *testing.T) {
	const deep = 200_000
	g := heaptest.New(heaptest.Node24)
	g.Node("part", "string", "part ", 8)
	last := "part"
	for i := range deep {
		key := fmt.Sprint(i)
		rope(g, key, last, "part")
		last = key
	}
	s := read(t, g)
	want := strings.Repeat("part ", (enoughCons+4)/5)
	top := 0
	for n := range s.NumNodes() {
		if s.Type(Node(n)) != ConsStringNode {
			continue
		}
		name := s.Name(Node(n))
		if !strings.HasPrefix(want, name) || name == "" {
			t.Fatalf("node %d is %q", n, name)
		}
		if name == want {
			top++
		}
	}
	if want := deep - (enoughCons+4)/5 + 2; top != want {
		t.Errorf("%d are whole, want %d", top, want)
	}
}

// TestCircularRopes are what V8 does not write: they end.
func TestCircularRopes(t *testing.T) {
	const many = 3000
	g := heaptest.New(heaptest.Node24)
	g.Node("part", "string", "part", 8)
	for i := range many {
		g.Node(fmt.Sprint(i), "concatenated string", "(concatenated string)", 32)
	}
	for i := range many {
		g.Edge(fmt.Sprint(i), "internal", "first", fmt.Sprint((i+1)%many))
		g.Edge(fmt.Sprint(i), "internal", "second", "part")
	}
	g.Node("itself", "concatenated string", "(concatenated string)", 32)
	g.Edge("itself", "internal", "first", "itself")
	g.Edge("itself", "internal", "second", "itself")
	rope(g, "to a circle", "0", "part")
	rope(g, "second", "part", "itself")
	s := read(t, g)
	for n := range s.NumNodes() {
		if name := s.Name(Node(n)); s.Type(Node(n)) == ConsStringNode && name != "" && name != "part" {
			t.Errorf("node %d is %q", n, name)
		}
	}
}

// TestManyRetainingEdges has one object in each slot of a table: making the table's name
// for each would take minutes.
func TestManyRetainingEdges(t *testing.T) {
	const slots = 100_000
	g := heaptest.New(heaptest.Node24)
	g.Node("global", "object", "global", 8)
	g.Node("table", "object", "Object", 8)
	g.Node("shared", "object", "Status", 8)
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge("global", "property", "table", "table")
	for i := range slots {
		g.Edge("table", "element", fmt.Sprint(i), "shared")
	}
	s := read(t, g)
	path := s.PathToRoot(byName(t, s, "Status"))
	if len(path) != 2 || s.EdgeName(path[0].Edge) != fmt.Sprint(slots-1) || s.RawName(path[1].Node) != "global" {
		t.Errorf("got %v", path)
	}
}
