package heap

import "context"

// tree is the dominator tree, by the numbers of a forest. A node's number is greater
// than that of its dominator.
type tree struct {
	number []uint32 // of a node
	vertex []uint32 // node of a number
	idom   []uint32 // number of the dominator
	bytes  []uint32 // retained size, or hugeSize
	huge   map[uint32]uint64
}

// retained returns the retained size of a number.
func (t *tree) retained(i uint32) uint64 {
	if v := t.bytes[i]; v != hugeSize {
		return uint64(v)
	}
	return t.huge[i]
}

// retain adds to the retained size of a number.
func (t *tree) retain(i uint32, size uint64) {
	sum := t.retained(i) + size
	if sum >= hugeSize {
		t.huge[i] = sum
		sum = hugeSize
	}
	t.bytes[i] = uint32(sum)
}

// Retained returns how many bytes would be free if the node were.
func (s *Snapshot) Retained(n Node) int64 {
	need(&s.dominated, s.dominate)
	return int64(s.tree.retained(s.tree.number[n]))
}

// Dominator returns the nearest node that all paths from the root lead through. The
// root is its own. Nodes without a path have the root, too.
func (s *Snapshot) Dominator(n Node) Node {
	need(&s.dominated, s.dominate)
	t := &s.tree
	return Node(t.vertex[t.idom[t.number[n]]])
}

// Total returns the size of the heap in bytes: what the root retains, and the native
// memory that V8 counts outside of the graph.
func (s *Snapshot) Total() int64 { return s.Retained(s.root) + s.extraNative }

// DominatorChain returns the dominators of the node, nearest first, the root last. Of
// the root it is empty.
func (s *Snapshot) DominatorChain(n Node) []Node {
	var chain []Node
	for n != s.root {
		n = s.Dominator(n)
		chain = append(chain, n)
	}
	return chain
}

// dominate computes dominators and retained sizes.
func (s *Snapshot) dominate(ctx context.Context) error {
	f, err := s.walk(ctx)
	if err != nil {
		return err
	}
	// The numbers of nodes follow from the nodes of numbers, and their memory is needed.
	from, links := f.back.sort(f.number)
	links = links[:len(s.kind)]
	f.semidominators(from, links)
	f.dominators(links)
	for i, n := range f.vertex {
		f.number[n] = uint32(i)
	}
	if err := s.folded.run(ctx, s.fold); err != nil {
		return err
	}
	t := tree{number: f.number, vertex: f.vertex, idom: f.semi, bytes: f.parent, huge: map[uint32]uint64{}}
	clear(t.bytes)
	for i := len(t.vertex) - 1; i > 0; i-- {
		t.retain(uint32(i), s.size(Node(t.vertex[i])))
		t.retain(t.idom[i], t.retained(uint32(i)))
	}
	t.retain(0, s.size(s.root))
	s.scratch.put(from.all)
	s.scratch.put(words(links)...)
	s.tree = t
	return nil
}

// sources are the numbers that edges come from which lead to earlier numbers: to i
// those of all[ends[i-1]:ends[i]].
type sources struct {
	all  []uint32
	ends []uint32
}

func (s *sources) of(i uint32) []uint32 { return s.all[s.ends[i-1]:s.ends[i]] }

// sort sorts the edges by their targets. ends is memory with a number for each target.
// It is the end of b, but for the memory of its list.
func (b *backEdges) sort(ends []uint32) (sources, []uint64) {
	clear(ends)
	for _, e := range b.list[:b.n] {
		ends[uint32(e)]++
	}
	sum := uint32(0)
	for i, n := range ends {
		ends[i] = sum
		sum += n
	}
	all := column[uint32](b.n)
	for _, e := range b.list[:b.n] {
		to := uint32(e)
		all[ends[to]] = uint32(e >> 32)
		ends[to]++
	}
	links := b.list
	*b = backEdges{}
	return sources{all: all, ends: ends}, links
}

// A link of the forest of semidominators is two numbers in one word, so that both are
// fetched at once: the ancestor up to which the path has been compressed, and the least
// semidominator on the path below it.
const ancestorShift = 32

// semidominators is the first step of Semi-NCA (Georgiadis and Tarjan, "Finding
// dominators revisited", 2004): semi becomes the semidominators. links is scratch
// memory.
func (f *forest) semidominators(from sources, links []uint64) {
	for i, p := range f.parent[:f.reached] {
		links[i] = uint64(p) << ancestorShift
	}
	var path []uint32
	for i := uint32(f.reached) - 1; i > 0; i-- {
		semi := f.semi[i]
		for _, v := range from.of(i) {
			if semi == 0 {
				break
			}
			least := uint32(links[v])
			if uint32(links[v]>>ancestorShift) > i {
				least, path = compress(links, v, i, path)
			}
			semi = min(semi, least)
		}
		f.semi[i] = semi
		links[i] |= uint64(semi)
	}
}

// compress makes all on the path from v to the last ancestor above limit point to that
// one's ancestor, and returns the least semidominator on it. path is scratch memory.
func compress(links []uint64, v, limit uint32, path []uint32) (uint32, []uint32) {
	path = path[:0]
	for uint32(links[v]>>ancestorShift) > limit {
		path = append(path, v)
		v = uint32(links[v] >> ancestorShift)
	}
	top := links[v]
	least := uint32(top)
	for i := len(path) - 1; i >= 0; i-- {
		v := path[i]
		least = min(least, uint32(links[v]))
		links[v] = top>>ancestorShift<<ancestorShift | uint64(least)
	}
	return least, path
}

// dominators is the second step of Semi-NCA: semi becomes the dominators. The dominator
// of a node is its parent's nearest dominator that is no later than the semidominator.
//
// A chain of dominators can be as long as the heap is deep, so each has a jump besides
// (Myers, "An applicative random-access stack", 1983): every chain is walked in
// logarithmic time. links is scratch memory: its words become the jump and the depth of
// a node.
func (f *forest) dominators(links []uint64) {
	links[0] = 0
	for i := uint32(1); i < uint32(f.reached); i++ {
		d, semi := f.parent[i], f.semi[i]
		for d > semi {
			if jump := uint32(links[d] >> jumpShift); jump >= semi {
				d = jump
			} else {
				d = f.semi[d]
			}
		}
		f.semi[i] = d
		links[i] = nextJump(links, d)
	}
	f.semi[0] = 0
	clear(f.semi[f.reached:])
}

const jumpShift = 32

// nextJump returns the word of a child of d.
func nextJump(links []uint64, d uint32) uint64 {
	depth := func(i uint32) uint32 { return uint32(links[i]) }
	jump := func(i uint32) uint32 { return uint32(links[i] >> jumpShift) }
	to := d
	if j := jump(d); depth(d)-depth(j) == depth(j)-depth(jump(j)) {
		to = jump(j)
	}
	return uint64(to)<<jumpShift | uint64(depth(d)+1)
}
