package heap

import (
	"iter"
	"math/bits"
)

// Snapshot is a heap snapshot: the graph as flat columns, and what has been computed
// from it.
type Snapshot struct {
	nodeTypes   []string   // by the type's number in the file
	types       []NodeType // the same
	root        Node
	extraNative int64
	hasDetached bool // the file says which nodes are detached

	kind []uint8  // types of nodes, as numbered in the file
	name []uint32 // textID
	id   []uint32
	self []uint32 // bytes, or hugeSize
	// first is the first edge of each node, and behind them all the number of edges.
	first    []uint32
	to       []target
	edgeName []uint32 // textID, or index
	odd      odd
	tracked  bool // the file has the stacks of allocations
	traces   traces

	text      text
	known     knownNames
	locations locations
	// incoming is how many edges lead to each node, not counting weak ones, up to
	// manyEdges. It serves the walk, which uses it up.
	incoming []uint8
	// special nodes have edges that the distances treat in their own way.
	special   bitset
	ephemeron ephemerons
	ropes     ropes

	computed
}

func (s *Snapshot) setHeader(h *header) {
	s.nodeTypes = h.nodeTypes
	for _, name := range h.nodeTypes {
		s.types = append(s.types, NodeType(kindOf(nodeTypeNames[:], name)))
	}
	s.root, s.extraNative = Node(h.root), h.extraNative
	s.tracked = h.tracked
	s.hasDetached = h.nodes.index("detachedness") >= 0
}

// NumNodes returns how many nodes there are.
func (s *Snapshot) NumNodes() int { return len(s.kind) }

// NumEdges returns how many edges there are.
func (s *Snapshot) NumEdges() int { return len(s.to) }

// Root returns the root of the graph.
func (s *Snapshot) Root() Node { return s.root }

// ExtraNative returns the native memory, in bytes, that V8 counts outside of the graph.
func (s *Snapshot) ExtraNative() int64 { return s.extraNative }

// Find returns the node with the id.
func (s *Snapshot) Find(id ID) (Node, bool) {
	for n, have := range s.id {
		if ID(have) == id {
			return Node(n), true
		}
	}
	return 0, false
}

// ID returns the snapshot object id of the node.
func (s *Snapshot) ID(n Node) ID { return ID(s.id[n]) }

// Type returns the type of the node.
func (s *Snapshot) Type(n Node) NodeType { return s.types[s.kind[n]] }

// TypeName returns the type of the node as the file names it.
func (s *Snapshot) TypeName(n Node) string { return s.nodeTypes[s.kind[n]] }

// RawName returns the name of the node in the file. Detached native nodes have
// "Detached " in front of it, as in DevTools.
func (s *Snapshot) RawName(n Node) string { return s.text.string(textID(s.name[n])) }

// Detachedness returns the DOM state of the node.
func (s *Snapshot) Detachedness(n Node) Detachedness { return s.odd.detached[n] }

// size returns the size column's value of n.
func (s *Snapshot) size(n Node) uint64 {
	if v := s.self[n]; v != hugeSize {
		return uint64(v)
	}
	return s.odd.huge[n]
}

// setSize sets the size column's value of n.
func (s *Snapshot) setSize(n Node, size uint64) {
	if size >= hugeSize {
		s.odd.setHuge(n, size)
		size = hugeSize
	}
	s.self[n] = uint32(size)
}

// Ref is an edge with both its ends.
type Ref struct {
	Edge     Edge
	From, To Node
	Type     EdgeType
}

func (s *Snapshot) ref(from Node, e Edge) Ref {
	return Ref{Edge: e, From: from, To: s.to[e].node(), Type: s.to[e].kind()}
}

// Out yields the edges of the node in file order.
func (s *Snapshot) Out(n Node) iter.Seq[Ref] {
	return func(yield func(Ref) bool) {
		for e := s.first[n]; e < s.first[n+1]; e++ {
			if !yield(s.ref(n, Edge(e))) {
				return
			}
		}
	}
}

// targets are the edges of n without their names.
func (s *Snapshot) targets(n Node) []target { return s.to[s.first[n]:s.first[n+1]] }

// internalTarget returns where the first internal edge of that name leads.
func (s *Snapshot) internalTarget(n Node, name *textSet) (Node, bool) {
	for e := s.first[n]; e < s.first[n+1]; e++ {
		if s.to[e].kind() == InternalEdge && name.has(s.edgeName[e]) {
			return s.to[e].node(), true
		}
	}
	return 0, false
}

// bitset is a set of nodes or strings.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(i uint32) bool { return b[i>>6]&(1<<(i&63)) != 0 }
func (b bitset) add(i uint32)      { b[i>>6] |= 1 << (i & 63) }

// each yields the members in ascending order.
func (b bitset) each(yield func(uint32) bool) {
	for i, word := range b {
		for ; word != 0; word &= word - 1 {
			if !yield(uint32(i<<6 + bits.TrailingZeros64(word))) {
				return
			}
		}
	}
}
