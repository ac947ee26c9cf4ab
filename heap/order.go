package heap

// DominatorTree is the dominator tree laid out in preorder: the nodes that a node
// dominates follow it without a gap. It takes 12 bytes a node, and the Snapshot does not
// keep it.
type DominatorTree struct {
	order []uint32 // node of a position
	pos   []uint32 // position of a node
	end   []uint32 // by position: the position behind the last node of the subtree
}

// DominatorTree lays out the tree. The root has position 0.
func (s *Snapshot) DominatorTree() *DominatorTree {
	need(&s.dominated, s.dominate)
	var own scratch // the slices go with the tree
	order, size := s.tree.preorder(&own)
	t := &DominatorTree{order: order, pos: own.get(len(order), false), end: column[uint32](len(order))}
	for p, number := range order {
		t.end[p] = uint32(p) + size[number]
	}
	for p, number := range order {
		n := s.tree.vertex[number]
		order[p] = n
		t.pos[n] = uint32(p)
	}
	return t
}

// Len returns how many nodes there are.
func (t *DominatorTree) Len() int { return len(t.order) }

// At returns the node at a position.
func (t *DominatorTree) At(pos int) Node { return Node(t.order[pos]) }

// Pos returns the position of a node.
func (t *DominatorTree) Pos(n Node) int { return int(t.pos[n]) }

// End returns the position behind the last node that the node at pos dominates. The
// children of pos are pos+1, End(pos+1) and so on up to there.
func (t *DominatorTree) End(pos int) int { return int(t.end[pos]) }

// Dominates says whether all paths from the root to n lead through d. A node dominates
// itself.
func (t *DominatorTree) Dominates(d, n Node) bool {
	return t.pos[d] <= t.pos[n] && t.pos[n] < t.end[t.pos[d]]
}
