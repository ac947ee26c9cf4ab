package leak

import (
	"context"
	"math"

	"github.com/ecsheap/ecsheap/heap"
)

// viaEdges are, by node, the edges by which the nearest paths from a root come.
type viaEdges []heap.Edge

// noEdge is the via edge of the root and of what no path leads to.
const noEdge heap.Edge = math.MaxUint32

// findVia finds the via edges. Of several as near as each other the one counts that
// says most to a programmer, then the first in the file.
func findVia(ctx context.Context, g *graph) (viaEdges, error) {
	via := make(viaEdges, g.NumNodes())
	rank := make([]uint8, g.NumNodes())
	for n := range via {
		via[n] = noEdge
	}
	for n := range heap.Node(g.NumNodes()) {
		if err := alive(ctx, int(n)); err != nil {
			return nil, err
		}
		next := g.Distance(n) + 1
		if next <= 0 {
			continue
		}
		for r := range g.Out(n) {
			if r.Type == heap.WeakEdge || g.Distance(r.To) != next || r.To == g.Root() {
				continue
			}
			if says := telling(r.Type); says > rank[r.To] {
				rank[r.To], via[r.To] = says, r.Edge
			}
		}
	}
	return via, nil
}

// telling says how much an edge of a type tells a programmer.
func telling(t heap.EdgeType) uint8 {
	switch t {
	case heap.PropertyEdge, heap.ElementEdge:
		return 4
	case heap.ContextEdge:
		return 3
	case heap.InternalEdge, heap.ShortcutEdge:
		return 2
	}
	return 1
}

// parent returns the node from which the nearest path comes to n.
func (v *survey) parent(n heap.Node) (heap.Node, heap.Edge, bool) {
	e := v.via[n]
	if e == noEdge {
		return 0, 0, false
	}
	return v.Ref(e).From, e, true
}
