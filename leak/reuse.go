package leak

import (
	"iter"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// mostUsed is the share of the older elements that must have been used of late, for all
	// of them to be in use. In a pool new ones are made when all others are busy.
	mostUsed = 0.95
	// maxUsed is how many elements are looked at for that.
	maxUsed = 512
	// minMoved is how many neighbours must stand in the order of age, and how many against
	// it, for elements to have been put back where others already were.
	minMoved = 8
	// maxSiblings is how many fields or variables the holder of a collection has at most, for
	// those beside it to be looked at.
	maxSiblings = 256
	// reusedLimit bounds the confidence in a collection whose elements are all in use: it is
	// growth, and may be that of the load.
	reusedLimit = 0.5
)

// isReused says whether the elements of a collection are taken out, used and put back, all of
// them, as those of a pool are: what leaks is not used any more. It takes both. All elements
// of a list of subscribers whom nobody has signed off may be in use, and a cache without a
// limit may put those that are asked for at its end.
func (v *survey) isReused(c *candidate) bool {
	if c.kind != collection || len(v.past) == 0 || !v.allUsed(v.ages, c.node, v.isUsed) {
		return false
	}
	return v.isShuffled(v.ages, c.node) || v.hasShuffled(c.node)
}

// allUsed says whether the elements that were there at the snapshot before have all come by
// something new since.
func (g *graph) allUsed(a ages, n heap.Node, isUsed func(heap.Node) bool) bool {
	var older []heap.Node
	g.eachEntry(n, func(e entry) {
		if id := g.ID(e.value); odd(id) && a.of(id) < a.windows() {
			older = append(older, e.value)
		}
	})
	if len(older) < minFresh {
		return false
	}
	step := max(1, len(older)/maxUsed)
	looked, used := 0, 0
	for i := 0; i < len(older); i += step {
		looked++
		if isUsed(older[i]) {
			used++
		}
	}
	return float64(used) >= mostUsed*float64(looked)
}

// isUsed says whether an object has, or has in what is its own alone, something that came in
// the last window.
func (v *survey) isUsed(n heap.Node) bool {
	born := make([]int64, v.windows())
	v.everBornIn(v.tree.Pos(n), born)
	return born[len(born)-1] > 0 || v.hasNew(v.ages, n)
}

// hasNew says whether an object has something that came in the last window.
func (g *graph) hasNew(a ages, n heap.Node) bool {
	for r := range g.Out(n) {
		if id := g.ID(r.To); (r.Type == heap.PropertyEdge || r.Type == heap.ElementEdge) && odd(id) && a.of(id) == a.windows() {
			return true
		}
	}
	return false
}

// isSequence says whether an object has elements in an order of their own: an array or a Set.
func (g *graph) isSequence(n heap.Node) bool {
	name := g.RawName(n)
	return g.Type(n) == heap.ObjectNode && (name == "Array" || name == "Set")
}

// isShuffled says whether older elements of an array or a Set stand behind younger ones, and
// others before them: elements that are only ever added, at whichever end, are in the order
// of their ages.
func (g *graph) isShuffled(a ages, n heap.Node) bool {
	if a.windows() == 0 || !g.isSequence(n) {
		return false
	}
	up, down, before := 0, 0, -1
	g.eachEntry(n, func(e entry) {
		id := g.ID(e.value)
		if !odd(id) {
			return
		}
		age := a.of(id)
		switch {
		case before >= 0 && age > before:
			up++
		case before >= 0 && age < before:
			down++
		}
		before = age
	})
	return up >= minMoved && down >= minMoved
}

// hasShuffled says whether a list beside a collection, of most of the same elements, has
// them put back in whatever order: that of the free ones.
func (v *survey) hasShuffled(n heap.Node) bool {
	for beside := range v.beside(n) {
		if v.isShuffled(v.ages, beside) {
			return true
		}
	}
	return false
}

// beside yields the lists that the holder of a collection has beside it and that share
// most elements with it.
func (v *survey) beside(n heap.Node) iter.Seq[heap.Node] {
	return func(yield func(heap.Node) bool) {
		holder, _, ok := v.holder(n)
		if !ok || v.Degree(holder) > maxSiblings || holder == v.Root() {
			return
		}
		var mine map[heap.Node]bool
		for r := range v.Out(holder) {
			if r.To == n || r.Type != heap.PropertyEdge && r.Type != heap.ContextEdge || !v.isSequence(r.To) {
				continue
			}
			if mine == nil {
				mine = map[heap.Node]bool{}
				v.eachEntry(n, func(e entry) { mine[e.value] = true })
			}
			all, both := 0, 0
			v.eachEntry(r.To, func(e entry) {
				all++
				if mine[e.value] {
					both++
				}
			})
			if both*2 > all && both*2 > len(mine) && !yield(r.To) {
				return
			}
		}
	}
}
