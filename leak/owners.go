package leak

import (
	"cmp"
	"context"
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// bigChild is the share of a node's growth from which on a child is followed.
	bigChild = 0.1
	// explained is the share of its growth that the followed children must leave to a
	// node for it to be a point of its own.
	explained = 0.6
	// minGrowth is the growth per interval, in bytes, below which nothing is followed.
	minGrowth = 2 << 10
	// maxParts is how many new objects below an owner are kept as examples.
	maxParts = 64
)

// owners returns the old objects in the dominator tree at which growth that no collection
// explains accumulates: where the objects below that existed before do not explain it.
func (v *survey) owners(ctx context.Context) ([]*candidate, error) {
	var found []*candidate
	open := []int{0}
	for turn := 1; len(open) > 0; turn++ {
		if err := alive(ctx, turn); err != nil {
			return nil, err
		}
		pos := open[len(open)-1]
		open = open[:len(open)-1]
		left := v.growthAt(pos)
		total := v.clock.judge(left, 0).score
		for child := pos + 1; child < v.tree.End(pos); child = v.tree.End(child) {
			if !v.follows(child) || !v.mayGrow(child) {
				continue
			}
			open = append(open, child)
			growth := v.growthAt(child)
			if score := v.clock.judge(growth, 0).score; score < max(minGrowth, bigChild*total) {
				continue
			}
			for w, b := range growth {
				left[w] -= b
			}
		}
		if rest := v.clock.judge(left, 0).score; rest < minGrowth || rest < (1-explained)*total {
			continue
		}
		if c := v.owner(pos, left); c != nil {
			found = append(found, c)
		}
	}
	return found, nil
}

// mayGrow says whether there is enough new below a node for it to be looked at. Its net
// growth does not tell: something else below it may have become smaller.
func (v *survey) mayGrow(pos int) bool {
	bytes := make([]int64, v.windows())
	v.bornIn(pos, bytes)
	v.grownIn(pos, bytes)
	return sum(bytes) >= minGrowth*int64(v.windows())
}

// follows says whether the search goes on with a child: it was there before. In a single
// snapshot it may be any object, but none of a chain, of which one is as good as the next.
func (v *survey) follows(child int) bool {
	if len(v.past) > 0 {
		return v.age[child] == 0
	}
	if v.covered != nil && v.covered[child] {
		return false
	}
	return !v.isLink(v.tree.At(child))
}

// growthAt returns by window what the node at pos has gained beyond what suspects have
// covered. Of the net growth of an old object, as its retained sizes tell, that much
// counts as new objects explain: bytes that were there before and that only have another
// dominator now do not. Bytes that are born later may stand for earlier ones, which they
// have replaced.
func (v *survey) growthAt(pos int) []int64 {
	born := make([]int64, v.windows())
	v.bornIn(pos, born)
	grown := make([]int64, v.windows())
	v.grownIn(pos, grown)
	n := v.tree.At(pos)
	if len(v.past) == 0 || !odd(v.ID(n)) && pos != 0 {
		for w := range born {
			born[w] += grown[w]
		}
		return born
	}
	covered := make([]int64, v.windows())
	v.everBornIn(pos, covered)
	var later int64
	for w := v.windows() - 1; w >= 0; w-- {
		covered[w] -= born[w]
		later += born[w]
		born[w] = later
	}
	sizes := v.sizesOf(n)
	for w := range born {
		net := sizes[w+1] - max(0, sizes[w]) - covered[w]
		born[w] = max(0, min(net, born[w]+grown[w]))
	}
	return born
}

// owner returns the candidate of an old object below which new ones hang.
func (v *survey) owner(pos int, growth []int64) *candidate {
	n := v.tree.At(pos)
	c := &candidate{kind: owner, node: n, slot: noEdge, growth: growth, survival: 1}
	c.bytes = v.clock.judge(growth, 0)
	c.more = make([]int64, v.windows())
	c.sizes = v.sizesOf(n)
	c.counts = make([]int, len(c.sizes))
	for k := range c.counts {
		c.counts[k] = -1
	}
	born := make([]int64, v.windows())
	type part struct {
		node heap.Node
		born int64
	}
	var parts []part
	for child := pos + 1; child < v.tree.End(pos); child = v.tree.End(child) {
		if v.age[child] == 0 {
			continue
		}
		mine := make([]int64, v.windows())
		v.bornIn(child, mine)
		var sum int64
		for w, b := range mine {
			born[w] += b
			sum += b
		}
		if sum > 0 {
			c.fresh++
			c.born += sum
			parts = append(parts, part{v.tree.At(child), sum})
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(b.born, a.born), cmp.Compare(b.node, a.node)) })
	for i := 0; i < min(len(parts), maxParts); i++ {
		c.parts = append(c.parts, parts[i].node)
	}
	if !v.shape(c, born) {
		return nil
	}
	return c
}

// sizesOf returns what an object retained at each snapshot, -1 before it was there.
func (v *survey) sizesOf(n heap.Node) []int64 {
	sizes := make([]int64, 0, len(v.past)+1)
	for k, o := range v.past {
		if n == v.Root() {
			sizes = append(sizes, o.snapshot.Total)
			continue
		}
		if v.of(v.ID(n)) > k {
			sizes = append(sizes, -1)
			continue
		}
		sizes = append(sizes, o.retained.get(v.ID(n)))
	}
	return append(sizes, v.Retained(n))
}

// shape finds out in what way the owner grows: by a chain of objects, by one value that is
// replaced, in place, or otherwise. It returns false if neither new objects nor the
// owner's own size explain the growth, which then is V8's: code, feedback, shapes.
func (v *survey) shape(c *candidate, born []int64) bool {
	growth := sum(c.growth)
	if c.born < growth/2 {
		c.kind = inside
		if len(v.past) == 0 {
			return v.Self(c.node) >= growth/2
		}
		own := make([]int64, v.windows())
		v.grownAt(c.node, own)
		return sum(own) >= growth/2
	}
	first := c.parts[0]
	most := sum(v.born(first))
	if float64(most) < explained*float64(c.born) {
		c.survival = survivalOf(born, c.growth)
		return true
	}
	c.slot = v.slotOf(c.node, first)
	if head, ok := v.chainFrom(first); ok {
		c.kind, c.parts = chain, append([]heap.Node{head}, c.parts...)
		c.survival = survivalOf(born, c.growth)
		v.climb(c)
		return true
	}
	if v.isValue(first) {
		c.kind = value
		return true
	}
	c.survival = survivalOf(born, c.growth)
	return true
}

// survivalOf says how much of the growth of all windows but the last is still made of
// what was born in them.
func survivalOf(born, growth []int64) float64 {
	var stayed, grown int64
	for w := range len(growth) - 1 {
		stayed += min(born[w], max(0, growth[w]))
		grown += max(0, growth[w])
	}
	if grown <= 0 {
		return 1
	}
	return float64(stayed) / float64(grown)
}

func sum(values []int64) (total int64) {
	for _, v := range values {
		total += v
	}
	return total
}

// maxValueNodes is how many objects a value may be made of: a Buffer is a view, an
// ArrayBuffer and its memory.
const maxValueNodes = 6

// isValue says whether the node is a string, an array of numbers or a buffer, that is
// something without objects of its own.
func (v *survey) isValue(n heap.Node) bool {
	pos := v.tree.Pos(n)
	return v.tree.End(pos)-pos <= maxValueNodes
}

// isSource says whether the node is the text of a script: V8 keeps it for as long as one of
// its functions, and no program has put it there.
func (v *survey) isSource(n heap.Node) bool {
	switch v.Type(n) {
	case heap.StringNode, heap.ConsStringNode, heap.SlicedStringNode:
		p, _, ok := v.parent(n)
		return ok && v.Type(p) == heap.CodeNode
	}
	return false
}

// isFinite says whether the new objects are the values of a few named fields of an instance
// or variables of a function: those are set when they are first needed, and there is an end
// to them.
func (v *survey) isFinite(c *candidate) bool {
	const fewParts = 4 // by window
	if c.kind != owner || len(c.parts) == 0 || c.fresh > fewParts*v.windows() || v.NameLabel(c.node) == v.plain || v.Type(c.node) != heap.ObjectNode {
		return false
	}
	for _, n := range c.parts {
		e := v.slotOf(c.node, n)
		if e == noEdge {
			return false
		}
		if t := v.Ref(e).Type; t != heap.PropertyEdge && t != heap.ContextEdge {
			return false
		}
	}
	return true
}

// slotOf returns the edge by which the owner holds a node, noEdge if it does so in some
// other way.
func (v *survey) slotOf(owner, n heap.Node) heap.Edge {
	best, rank := noEdge, uint8(0)
	for r := range v.Out(owner) {
		if r.To == n && r.Type != heap.WeakEdge && telling(r.Type) > rank {
			best, rank = r.Edge, telling(r.Type)
		}
	}
	return best
}
