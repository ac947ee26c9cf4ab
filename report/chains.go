package report

import (
	"cmp"
	"math"
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// maxStacks is how many different stacks a profile has at most: pprof loads
	// that in a second, and nobody looks at more.
	maxStacks = 50_000

	// maxContexts bounds the chains that are kept in memory, of some 60 bytes
	// each. Real heaps of 1 GB have tens of thousands.
	maxContexts = 1 << 20

	// none is the context of the root, which has no class.
	none = math.MaxUint32
)

// chains add up the objects of a snapshot by the classes of their dominators.
//
// A chain names each class once, where it comes first from the root: of a list of
// a million links there is one. So it is a context, which is a context and one
// more class, and the class of the objects themselves.
type chains struct {
	s        *heap.Snapshot
	classes  []heap.Class
	byKey    map[string]uint32
	contexts []chain
	branches map[uint64]branch // by context << 32 | class
	samples  []stack
}

// chain is a context, a chain of classes, by its last one.
type chain struct {
	parent, class uint32
	sample        uint32 // of the objects of that class
}

// branch is where an object of a class in a context belongs.
type branch struct {
	context uint32 // of what it dominates
	sample  uint32
}

// stack is what the objects of a class in a context add up to. The class may be
// the last of the context.
type stack struct {
	context, class uint32
	count, bytes   int64
}

func newChains(s *heap.Snapshot) *chains {
	c := &chains{s: s, classes: s.Classes(), byKey: map[string]uint32{}, branches: map[uint64]branch{}}
	for i, class := range c.classes {
		c.byKey[class.Key] = uint32(i)
	}
	return c
}

// walk visits all nodes, dominators first. Those without a size are in no class:
// they belong to the object that has their bytes.
func (c *chains) walk() {
	const unknown = none - 1
	s := c.s
	of := make([]uint32, s.NumNodes())
	for i := range of {
		of[i] = unknown
	}
	of[s.Root()] = c.below(none, s.Root())
	var up []heap.Node // dominators that have not been visited, nearest first
	for i := range of {
		for n := heap.Node(i); of[n] == unknown; n = s.Dominator(n) {
			up = append(up, n)
		}
		for _, n := range slices.Backward(up) {
			of[n] = c.below(of[s.Dominator(n)], n)
		}
		up = up[:0]
	}
}

// below counts a node in the context of its dominator, and returns the context of
// what it dominates itself.
func (c *chains) below(in uint32, n heap.Node) uint32 {
	self := c.s.Self(n)
	if self == 0 {
		return in
	}
	class, ok := c.byKey[c.s.ClassKey(n)]
	if !ok {
		return in
	}
	key := uint64(in)<<32 | uint64(class)
	p, ok := c.branches[key]
	if !ok {
		p = c.newBranch(in, class)
		c.branches[key] = p
	}
	c.samples[p.sample].count++
	c.samples[p.sample].bytes += self
	return p.context
}

func (c *chains) newBranch(in, class uint32) branch {
	p := branch{context: in, sample: uint32(len(c.samples))}
	if in != none && c.contexts[in].class == class {
		p.sample = c.contexts[in].sample
		return p
	}
	if !c.has(in, class) && len(c.contexts) < maxContexts {
		p.context = uint32(len(c.contexts))
		c.contexts = append(c.contexts, chain{parent: in, class: class, sample: p.sample})
	}
	c.samples = append(c.samples, stack{context: p.context, class: class})
	return p
}

// has tells whether a class is in a context.
func (c *chains) has(in, class uint32) bool {
	for ; in != none; in = c.contexts[in].parent {
		if c.contexts[in].class == class {
			return true
		}
	}
	return false
}

// cut shortens contexts, those of the fewest bytes first, until there are at most
// limit samples, or one for each class. It returns how many contexts went.
func (c *chains) cut(limit int) int {
	if len(c.samples) <= limit {
		return 0
	}
	order := c.heaviest()
	for keep := min(limit, len(order)); ; keep /= 2 {
		if samples := c.merged(order[:keep]); len(samples) <= limit || keep == 0 {
			c.samples = samples
			return len(order) - keep
		}
	}
}

// heaviest returns the contexts by the bytes in them and in what continues them,
// most first: each behind the one that it continues.
func (c *chains) heaviest() []uint32 {
	bytes := make([]int64, len(c.contexts))
	for _, s := range c.samples {
		if s.context != none {
			bytes[s.context] += s.bytes
		}
	}
	order := make([]uint32, len(c.contexts))
	for i := len(bytes) - 1; i >= 0; i-- {
		order[i] = uint32(i)
		if parent := c.contexts[i].parent; parent != none {
			bytes[parent] += bytes[i]
		}
	}
	slices.SortFunc(order, func(a, b uint32) int { return cmp.Or(cmp.Compare(bytes[b], bytes[a]), cmp.Compare(a, b)) })
	return order
}

// merged returns the samples with their contexts cut back to those that are kept.
func (c *chains) merged(kept []uint32) []stack {
	to := make([]uint32, len(c.contexts))
	for i := range to {
		to[i] = none
	}
	for _, i := range kept {
		to[i] = i
	}
	for i, context := range c.contexts {
		if to[i] == none && context.parent != none {
			to[i] = to[context.parent]
		}
	}
	var samples []stack
	at := map[uint64]int{}
	for _, s := range c.samples {
		if s.context != none {
			s.context = to[s.context]
		}
		key := uint64(s.context)<<32 | uint64(s.class)
		i, ok := at[key]
		if !ok {
			i = len(samples)
			at[key] = i
			samples = append(samples, stack{context: s.context, class: s.class})
		}
		samples[i].count += s.count
		samples[i].bytes += s.bytes
	}
	return samples
}
