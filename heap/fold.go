package heap

import "context"

// Owners of a node while sizes are folded, beside nodes.
const (
	noOwner    = 1<<32 - 1
	manyOwners = 1<<32 - 2
)

// Self returns the shallow size of the node in bytes as DevTools counts it: with the
// arrays and hidden parts that no other object shares.
func (s *Snapshot) Self(n Node) int64 {
	need(&s.folded, s.fold)
	return int64(s.size(n))
}

// folder is the folding at work.
type folder struct {
	s     *Snapshot
	parts bitset // nodes that give their size away
	owner []uint32
	again []Node // parts whose owner has changed
}

// fold moves the sizes of arrays, hidden nodes and data of external strings to the one
// node that owns them, directly or through others of them.
func (s *Snapshot) fold(ctx context.Context) error {
	if !s.hasUserRoots() {
		return nil
	}
	f := folder{s: s, parts: s.parts(), owner: s.scratch.get(len(s.kind), false)}
	for n := range f.parts.each {
		f.owner[n] = noOwner
	}
	for n := range s.kind {
		if err := alive(ctx, n); err != nil {
			return err
		}
		if !f.parts.has(uint32(n)) {
			f.spread(Node(n), uint32(n))
		}
	}
	for len(f.again) > 0 {
		n := f.again[len(f.again)-1]
		f.again = f.again[:len(f.again)-1]
		f.spread(n, f.owner[n])
	}
	f.transfer()
	s.scratch.put(f.owner)
	return nil
}

// parts returns the nodes that give their size away.
func (s *Snapshot) parts() bitset {
	parts := newBitset(len(s.kind))
	for n, kind := range s.kind {
		switch s.types[kind] {
		case HiddenNode, ArrayNode:
			parts.add(uint32(n))
		case NativeNode:
			if s.known.externalString.has(s.name[n]) {
				parts.add(uint32(n))
			}
		}
	}
	return parts
}

// spread tells the parts that n refers to that owner reaches them.
func (f *folder) spread(n Node, owner uint32) {
	for _, t := range f.s.targets(n) {
		part := t.node()
		if !f.parts.has(uint32(part)) || t.kind() == WeakEdge {
			continue
		}
		switch f.owner[part] {
		case owner, manyOwners:
			continue
		case noOwner:
			f.owner[part] = owner
		default:
			f.owner[part] = manyOwners
		}
		if f.s.first[part] < f.s.first[part+1] {
			f.again = append(f.again, part)
		}
	}
}

// transfer moves the sizes.
func (f *folder) transfer() {
	for n := range f.parts.each {
		owner := f.owner[n]
		if owner == noOwner || owner == manyOwners {
			continue
		}
		if o := Node(owner); f.s.Type(o) != SyntheticNode && o != f.s.root {
			f.s.setSize(o, f.s.size(o)+f.s.size(Node(n)))
			f.s.setSize(Node(n), 0)
		}
	}
}

// hasUserRoots says whether a JavaScript global, or a document, hangs off the root.
func (s *Snapshot) hasUserRoots() bool {
	for _, t := range s.targets(s.root) {
		if s.isUserRoot(t.node()) {
			return true
		}
	}
	return false
}

func (s *Snapshot) isUserRoot(n Node) bool {
	return s.Type(n) != SyntheticNode || s.isDOMTrees(n)
}

// isDOMTrees says whether n is the parent of all documents.
func (s *Snapshot) isDOMTrees(n Node) bool {
	return s.Type(n) == SyntheticNode && s.known.domTrees.has(s.name[n])
}
