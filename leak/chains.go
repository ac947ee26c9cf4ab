package leak

import (
	"github.com/ecsheap/ecsheap/heap"
)

const (
	// minLinks is how many objects in a row make a chain.
	minLinks = 8
	// maxStride is how many objects a link of a chain may consist of: the closure, its
	// context and the object that holds it, say.
	maxStride = 6
)

// chainFrom says whether the node is the first of a chain: objects of the same kind that
// dominate each other, each with most of what the one before has, by up to maxStride steps.
// It returns the first link.
func (v *survey) chainFrom(n heap.Node) (head heap.Node, ok bool) {
	for range maxStride {
		if v.isLink(n) {
			return n, true
		}
		if n, ok = v.heir(n); !ok {
			return 0, false
		}
	}
	return 0, false
}

// isLink says whether a chain begins with the node.
func (v *survey) isLink(n heap.Node) bool { return v.links(n, minLinks) >= minLinks }

// links counts the objects of the same kind as n, n included, down the line of heirs, up
// to a limit.
func (v *survey) links(n heap.Node, limit int) int {
	links, stride := 1, 0
	for next, ok := v.heir(n); ok && stride < maxStride && links < limit; next, ok = v.heir(next) {
		stride++
		if v.alike(n, next) {
			links, stride = links+1, 0
		}
	}
	return links
}

// heir returns the child in the dominator tree that retains most. What a long chain
// retains hangs by its next link.
func (v *survey) heir(n heap.Node) (heap.Node, bool) {
	const maxChildren = 64 // a link has few; a collection is none
	pos := v.tree.Pos(n)
	best, most, children := heap.Node(0), int64(0), 0
	for child := pos + 1; child < v.tree.End(pos); child = v.tree.End(child) {
		if children++; children > maxChildren {
			return 0, false
		}
		if size := v.Retained(v.tree.At(child)); size > most {
			best, most = v.tree.At(child), size
		}
	}
	return best, most > 0
}

// alike says whether two nodes are of one type and name: of one class but for the shapes
// of plain objects, which may differ from link to link.
func (v *survey) alike(a, b heap.Node) bool {
	return v.Type(a) == v.Type(b) && v.NameLabel(a) == v.NameLabel(b)
}

// stride returns how many steps lie between a link and the next one.
func (v *survey) stride(link heap.Node) int {
	steps := 0
	for next, ok := v.heir(link); ok && steps < maxStride; next, ok = v.heir(next) {
		if steps++; v.alike(link, next) {
			break
		}
	}
	return steps
}

// climb moves a chain's candidate from one of its links, the last one that was there
// before, to what holds the first of them.
func (v *survey) climb(c *candidate) {
	link := c.parts[0]
	class, most := v.ClassKey(link), v.stride(link)
	top, stride := c.node, 0
	inChain := false
	for n := c.node; n != v.Root() && stride < most; n = v.Dominator(n) {
		if v.ClassKey(n) == class {
			top, stride, inChain = n, 0, true
		} else {
			stride++
		}
	}
	if inChain {
		c.node = v.Dominator(top)
		c.slot = v.slotOf(c.node, top)
		c.sizes = v.sizesOf(c.node)
		link = top
	}
	c.counts = v.countLinks(link, len(c.sizes))
}

// countLinks counts the links of a chain by snapshot: those of today that were there.
func (v *survey) countLinks(link heap.Node, snapshots int) []int {
	counts := make([]int, snapshots)
	add := func(n heap.Node) {
		for k := min(v.ageOf(n), snapshots-1); k < snapshots; k++ {
			counts[k]++
		}
	}
	add(link)
	stride := 0
	for next, ok := v.heir(link); ok && stride < maxStride; next, ok = v.heir(next) {
		if stride++; v.alike(link, next) {
			add(next)
			stride = 0
		}
	}
	return counts
}
