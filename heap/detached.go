package heap

import "slices"

// propagateDetached spreads the states of DOM nodes to the native nodes that are
// reached from them, attached ones first, and puts "Detached " before the names of
// detached ones.
func (s *Snapshot) propagateDetached() {
	if !s.hasDetached {
		s.detachByName()
		return
	}
	d := detacher{s: s, visited: map[Node]bool{}, names: map[uint32]uint32{}}
	start := make([]Node, 0, len(s.odd.detached))
	for n := range s.odd.detached {
		start = append(start, n)
	}
	slices.Sort(start)
	for _, n := range start {
		d.visit(n, s.odd.detached[n])
	}
	for len(d.attached) > 0 {
		n := d.attached[len(d.attached)-1]
		d.attached = d.attached[:len(d.attached)-1]
		d.spread(n, Attached)
	}
	for len(d.detached) > 0 {
		n := d.detached[len(d.detached)-1]
		d.detached = d.detached[:len(d.detached)-1]
		if s.odd.detached[n] != Attached {
			d.spread(n, Detached)
		}
	}
}

// detachByName reads the state from the names, as Node.js 14 has no other place for it.
func (s *Snapshot) detachByName() {
	for n, kind := range s.kind {
		if s.types[kind] == NativeNode && hasPrefix(s.text.at(textID(s.name[n])), detachedPrefix) {
			s.odd.setDetached(Node(n), Detached)
		}
	}
}

const detachedPrefix = "Detached "

func hasPrefix(s []byte, prefix string) bool {
	return len(s) >= len(prefix) && string(s[:len(prefix)]) == prefix
}

// detacher is propagateDetached at work.
type detacher struct {
	s                  *Snapshot
	visited            map[Node]bool
	attached, detached []Node
	names              map[uint32]uint32 // with the prefix, by those without
}

func (d *detacher) visit(n Node, state Detachedness) {
	if d.visited[n] {
		return
	}
	d.visited[n] = true
	if d.s.Type(n) != NativeNode {
		return
	}
	d.s.odd.setDetached(n, state)
	switch state {
	case Attached:
		d.attached = append(d.attached, n)
	case Detached:
		d.rename(n)
		d.detached = append(d.detached, n)
	}
}

func (d *detacher) spread(n Node, state Detachedness) {
	for _, t := range d.s.targets(n) {
		if k := t.kind(); k != HiddenEdge && k != WeakEdge {
			d.visit(t.node(), state)
		}
	}
}

func (d *detacher) rename(n Node) {
	old := d.s.name[n]
	name, ok := d.names[old]
	if !ok {
		name = uint32(d.s.text.add(append([]byte(detachedPrefix), d.s.text.at(textID(old))...)))
		d.names[old] = name
	}
	d.s.name[n] = name
}
