package heap

import (
	"context"
	"slices"
)

// forest is a depth-first spanning tree of the essential edges, by preorder number: the
// root has 0. It is what the dominators are computed from.
type forest struct {
	number []uint32 // of a node
	vertex []uint32 // node of a number
	parent []uint32
	// semi is the least number that an edge comes from, of ancestors alone.
	semi    []uint32
	back    backEdges
	reached int // numbers from here on are unreachable cycles, which hang off the root one by one
}

// backEdges are edges from later numbers to earlier ones, those that do not follow the
// tree.
type backEdges struct {
	// list has source << 32 | target. It has room for as many as there can be, most of
	// which is never touched, and it serves as links later on.
	list []uint64
	n    int
	// recent are edges that have been added. Most lead from objects to their map, and
	// come again and again; a few that are in the list twice do no harm.
	recent [recentEdges]uint64
}

// recentEdges is a power of two, so that what is remembered stays in the cache.
const recentEdges = 1 << 14

func (b *backEdges) add(from, to uint32) {
	e := uint64(from)<<32 | uint64(to)
	if recent := &b.recent[to%recentEdges]; *recent != e {
		*recent = e
		b.list[b.n] = e
		b.n++
	}
}

// While a node has no number, number holds the number of the first node that was seen
// to refer to it, and this bit. 0 stands for none.
const (
	unvisited  = 1 << 31
	numberMask = unvisited - 1
	endMark    = 1<<32 - 1 // on the stack: the children of a node end here
)

// walker is the depth-first search at work.
//
// An edge is essential, and counts for dominators, if it is neither weak nor a loop nor
// the table's edge to the value of a WeakMap; from other nodes than the root, also, if
// it is no shortcut and does not lead into the page, which is what the shortcuts of the
// root reach, from outside of it. The search visits the page first, so that one pass
// finds page and tree.
type walker struct {
	forest
	s *Snapshot
	// missing is how many edges to a node have not been met, and complete are the
	// numbers of those of which all have been: from ancestors alone, so that semi is
	// the semidominator.
	missing  []uint8
	complete bitset
	page     bitset // nil while the search is in it
	outside  []Node // targets of edges in the page that are not essential
	stack    []uint32
	count    uint32
	current  uint32 // number of the node whose children are on the stack
}

// walk builds the forest.
func (s *Snapshot) walk(ctx context.Context) (*forest, error) {
	n := len(s.kind)
	w := &walker{s: s, forest: forest{
		number: s.scratch.get(n, true), vertex: s.scratch.get(n, false), parent: s.scratch.get(n, false),
		semi: s.scratch.get(n, false), back: backEdges{list: column[uint64](max(n, len(s.to)))},
	}}
	w.missing, s.incoming = s.incoming, nil
	if w.missing == nil { // an earlier walk was cancelled
		w.missing = countIncoming(s.to, n)
	}
	w.complete = newBitset(n)
	page, rest := w.seeds()
	w.start(page, rest)
	if err := w.run(ctx, page); err != nil {
		return nil, err
	}
	w.markPage()
	if err := w.run(ctx, rest); err != nil {
		return nil, err
	}
	if int(w.count) < n {
		if err := w.strays(ctx); err != nil {
			return nil, err
		}
	}
	w.cycles()
	return &w.forest, nil
}

// seeds returns what the root refers to: what belongs to the page, and the rest.
func (w *walker) seeds() (page, rest []Node) {
	s := w.s
	for i, t := range s.targets(s.root) {
		n := t.node()
		if t.kind() == ShortcutEdge || t.kind() == ElementEdge && s.isDOMTrees(n) {
			page = append(page, n)
		} else if t.kind() != WeakEdge && !s.ofTable(s.root, s.first[s.root]+uint32(i)) {
			rest = append(rest, n)
		}
	}
	return page, rest
}

// start visits the root.
func (w *walker) start(page, rest []Node) {
	w.number[w.s.root] = 0
	w.vertex[0] = uint32(w.s.root)
	w.count = 1
	for _, n := range slices.Concat(page, rest) {
		if n != w.s.root {
			w.number[n] = unvisited // seen by number 0
			w.met(n)
		}
	}
	if slices.Contains(page, w.s.root) {
		w.outside = append(w.outside, w.s.root)
	}
}

// run visits what can be reached from children of the root.
func (w *walker) run(ctx context.Context, children []Node) error {
	for _, n := range slices.Backward(children) {
		if n != w.s.root {
			w.stack = append(w.stack, uint32(n))
		}
	}
	w.current = 0
	for turn := 1; len(w.stack) > 0; turn++ {
		if err := alive(ctx, turn); err != nil {
			return err
		}
		n := w.stack[len(w.stack)-1]
		w.stack = w.stack[:len(w.stack)-1]
		if n == endMark {
			w.current = w.parent[w.current]
		} else if w.number[n]&unvisited != 0 {
			w.visit(Node(n))
		}
	}
	return nil
}

// visit gives the node its number and looks at its edges. What has no number yet will
// be a descendant, because the search goes on from here.
func (w *walker) visit(n Node) {
	me := w.count
	w.count++
	w.vertex[me] = uint32(n)
	w.parent[me] = w.current
	w.semi[me] = w.number[n] & numberMask
	w.number[n] = me
	if w.missing[n] == 0 {
		w.complete.add(me)
	}
	bottom := len(w.stack)
	w.stack = append(w.stack, endMark)
	s := w.s
	special := s.special.has(uint32(n))
	outside := w.page != nil && !w.page.has(uint32(n))
	for i, t := range s.targets(n) { // the last one will be visited first
		to := t.node()
		kind := t.kind()
		if kind == WeakEdge || to == n {
			continue
		}
		if kind == ShortcutEdge || special && s.ofTable(n, s.first[n]+uint32(i)) {
			if w.page == nil {
				w.outside = append(w.outside, to)
			}
			continue
		}
		number := w.number[to]
		switch {
		case outside && w.page.has(uint32(to)):
		case number == 0 && to != s.root:
			w.number[to] = me | unvisited
			w.meet(to)
		case number&unvisited != 0:
			w.meet(to)
		case to != s.root:
			w.backEdge(me, number)
		case w.page == nil:
			w.outside = append(w.outside, to)
		}
	}
	if len(w.stack) == bottom+1 {
		w.stack = w.stack[:bottom]
	} else {
		w.current = me
	}
}

// meet puts a node without a number on the stack.
func (w *walker) meet(n Node) {
	w.stack = append(w.stack, uint32(n))
	w.met(n)
}

// met counts an edge to a node that has no number.
func (w *walker) met(n Node) {
	if w.missing[n] != manyEdges {
		w.missing[n]--
	}
}

// maxClimb bounds the search for a better source: a few steps are what it takes from
// the objects in an array of records to the array.
const maxClimb = 8

// backEdge takes note of an edge to an earlier number. What it brings for the target is
// the least semidominator on the tree's path from the source up to, but not including,
// an ancestor of the target. As far as that path is of complete nodes, whose
// semidominators are known, it need not be remembered: this saves most of the edges, as
// all objects refer to their map.
func (w *walker) backEdge(from, to uint32) {
	semi := w.semi[to]
	for range maxClimb {
		if !w.complete.has(from) {
			break
		}
		semi = min(semi, w.semi[from])
		if from = w.parent[from]; from <= to {
			w.semi[to] = semi
			return
		}
	}
	w.semi[to] = semi
	w.back.add(from, to)
}

// markPage ends the visit of the page: what the search has reached until now belongs to
// it, and what the edges reach that are not essential.
func (w *walker) markPage() {
	s := w.s
	w.page = newBitset(len(s.kind))
	for _, n := range w.vertex[1:w.count] {
		w.page.add(n)
	}
	for len(w.outside) > 0 {
		n := w.outside[len(w.outside)-1]
		w.outside = w.outside[:len(w.outside)-1]
		if w.page.has(uint32(n)) {
			continue
		}
		w.page.add(uint32(n))
		for _, t := range s.targets(n) {
			if t.kind() != WeakEdge {
				w.outside = append(w.outside, t.node())
			}
		}
	}
}

// strays visits what no essential edge leads to, as if it were children of the root.
func (w *walker) strays(ctx context.Context) error {
	s := w.s
	held := newBitset(len(s.kind))
	for n := range s.kind {
		if !w.isStray(Node(n)) {
			continue
		}
		outside := !w.page.has(uint32(n))
		for i, t := range s.targets(Node(n)) {
			to := t.node()
			if t.kind() == WeakEdge || t.kind() == ShortcutEdge || to == Node(n) ||
				outside && w.page.has(uint32(to)) || s.ofTable(Node(n), s.first[n]+uint32(i)) {
				continue
			}
			held.add(uint32(to))
		}
	}
	var loose []Node
	for n := range s.kind {
		if w.isStray(Node(n)) && !held.has(uint32(n)) {
			loose = append(loose, Node(n))
			w.number[n] = unvisited
		}
	}
	return w.run(ctx, loose)
}

// isStray says whether n has not been visited.
func (w *walker) isStray(n Node) bool {
	return w.number[n] == 0 && n != w.s.root
}

// cycles gives a number to what is still left: cycles that nothing refers to from
// outside, and what they alone refer to.
func (w *walker) cycles() {
	w.reached = int(w.count)
	if w.reached == len(w.s.kind) {
		return
	}
	for n := range w.s.kind {
		if w.isStray(Node(n)) {
			w.vertex[w.count] = uint32(n)
			w.number[n] = w.count
			w.count++
		}
	}
}
