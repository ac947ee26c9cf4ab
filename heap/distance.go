package heap

import (
	"context"
	"strconv"
)

// Distance returns the number of steps to the node from the nearest JavaScript global,
// which has 1. Nodes behind the root alone have SystemDistance and more; Unreached
// stands for no path at all.
func (s *Snapshot) Distance(n Node) int {
	need(&s.measured, s.measure)
	return int(s.steps[n])
}

// measurer is the breadth-first search at work.
type measurer struct {
	s       *Snapshot
	seen    bitset
	steps   []int32
	queue   []uint32
	pending map[uint32]bool // pairs of a WeakMap of which one edge has been seen
}

// measure computes the distances.
func (s *Snapshot) measure(ctx context.Context) error {
	m := measurer{
		s: s, seen: newBitset(len(s.kind)), steps: column[int32](len(s.kind)),
		queue: s.scratch.get(len(s.kind), false)[:0], pending: map[uint32]bool{},
	}
	for i := range m.steps {
		m.steps[i] = Unreached
	}
	for _, t := range s.targets(s.root) {
		if n := t.node(); s.isUserRoot(n) {
			m.steps[n] = 1
			m.seen.add(uint32(n))
			m.queue = append(m.queue, uint32(n)) // once for each edge, as DevTools does
		}
	}
	start := int32(0)
	if len(m.queue) > 0 {
		start = SystemDistance
	}
	if err := m.search(ctx); err != nil {
		return err
	}
	m.steps[s.root] = start
	m.seen.add(uint32(s.root))
	m.queue = append(m.queue[:0], uint32(s.root))
	if err := m.search(ctx); err != nil {
		return err
	}
	s.scratch.put(m.queue)
	s.steps = m.steps
	return nil
}

// search goes on from the nodes in the queue.
func (m *measurer) search(ctx context.Context) error {
	for i := 0; i < len(m.queue); i++ {
		if err := alive(ctx, i); err != nil {
			return err
		}
		n := Node(m.queue[i])
		if m.s.special.has(uint32(n)) {
			m.visitSpecial(n)
			continue
		}
		next := m.steps[n] + 1
		for _, t := range m.s.targets(n) {
			to := uint32(t.node())
			if !m.seen.has(to) && t.kind() != WeakEdge {
				m.seen.add(to)
				m.steps[to] = next
				m.queue = append(m.queue, to)
			}
		}
	}
	return nil
}

// visitSpecial visits a node of which some edges do not count.
func (m *measurer) visitSpecial(n Node) {
	for e := m.s.first[n]; e < m.s.first[n+1]; e++ {
		t := m.s.to[e]
		to := uint32(t.node())
		if m.seen.has(to) || t.kind() == WeakEdge || !m.counts(n, e) {
			continue
		}
		m.seen.add(to)
		m.steps[to] = m.steps[n] + 1
		m.queue = append(m.queue, to)
	}
}

// counts says whether the edge makes a path that helps to understand who holds what:
// function maps of a context, and the descriptors of a map that are keys, do not. The
// value of a WeakMap is reached by the second of its key and its table.
func (m *measurer) counts(n Node, e uint32) bool {
	s := m.s
	switch s.Type(n) {
	case HiddenNode:
		if s.known.nativeContext.has(s.name[n]) && s.to[e].kind().named() && s.known.sloppyMap.has(s.edgeName[e]) {
			return false
		}
	case ArrayNode:
		if s.known.mapDescriptors.has(s.name[n]) {
			i, ok := s.edgeIndex(e)
			return !ok || i < 2 || i%3 != 1
		}
	}
	pair, ok := s.ephemeronEdge(e)
	if !ok {
		return true
	}
	if m.pending[pair.pair] {
		delete(m.pending, pair.pair)
		return true
	}
	m.pending[pair.pair] = true
	return false
}

// edgeIndex returns the number that the name of the edge starts with, like JavaScript's
// parseInt.
func (s *Snapshot) edgeIndex(e uint32) (uint64, bool) {
	if !s.to[e].kind().named() {
		return uint64(s.edgeName[e]), true
	}
	name := s.text.at(textID(s.edgeName[e]))
	i, err := strconv.ParseUint(string(name[:digits(name)]), 10, 64)
	return i, err == nil
}
