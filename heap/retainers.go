package heap

import (
	"context"
	"iter"
	"sort"
)

// reverse are the edges that lead to each node: to n those of
// edges[start[n]:start[n+1]], later ones first as in DevTools.
type reverse struct {
	start []uint32
	edges []Edge
}

// Retainers yields the edges that lead to the node, weak ones and loops too, later ones
// of the file first.
func (s *Snapshot) Retainers(n Node) iter.Seq[Ref] {
	need(&s.reversed, s.reverseEdges)
	return func(yield func(Ref) bool) {
		for _, e := range s.retaining(n) {
			if !yield(s.ref(s.source(e), e)) {
				return
			}
		}
	}
}

func (s *Snapshot) retaining(n Node) []Edge {
	return s.reverse.edges[s.reverse.start[n]:s.reverse.start[n+1]]
}

// source returns the node that the edge belongs to.
func (s *Snapshot) source(e Edge) Node {
	next := sort.Search(len(s.kind), func(n int) bool { return s.first[n+1] > uint32(e) })
	return Node(next)
}

// reverseEdges sorts the edges by their targets.
func (s *Snapshot) reverseEdges(ctx context.Context) error {
	start := column[uint32](len(s.kind) + 1)
	for _, t := range s.to {
		start[t.node()]++
	}
	sum := uint32(0)
	for n, count := range start {
		sum += count
		start[n] = sum // the end, as long as the edges go in from behind
	}
	edges := column[Edge](len(s.to))
	for e, t := range s.to {
		if err := alive(ctx, e); err != nil {
			return err
		}
		n := t.node()
		start[n]--
		edges[start[n]] = Edge(e)
	}
	s.reverse = reverse{start: start, edges: edges}
	return nil
}
