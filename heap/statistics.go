package heap

// Statistics are sizes by kind in bytes, as DevTools' "Statistics" shows them. The
// kinds do not add up to Total: the rest is "other".
type Statistics struct {
	Total       int64 // as Snapshot.Total
	V8Heap      int64 // Total without Native
	Code        int64
	Arrays      int64 // JavaScript arrays with their elements
	Strings     int64
	System      int64 // hidden nodes
	Native      int64
	TypedArrays int64 // the part of Native that array buffers hold
}

// Statistics returns the sizes by kind.
func (s *Snapshot) Statistics() Statistics {
	need(&s.folded, s.fold)
	st := Statistics{Total: s.Total(), Native: s.extraNative}
	var elements []Node // of arrays
	for n, kind := range s.kind {
		size := int64(s.size(Node(n)))
		switch s.types[kind] {
		case HiddenNode:
			st.System += size
		case NativeNode:
			st.Native += size
			if s.known.arrayBuffer.has(s.name[n]) {
				st.TypedArrays += size
			}
		case CodeNode:
			st.Code += size
		case StringNode, ConsStringNode, SlicedStringNode:
			st.Strings += size
		default:
			if s.known.array.has(s.name[n]) {
				st.Arrays += size
				if e, ok := s.internalTarget(Node(n), &s.known.elements); ok {
					elements = append(elements, e)
				}
			}
		}
	}
	st.Arrays += s.owned(elements)
	st.V8Heap = st.Total - st.Native
	return st
}

// owned returns the size of the nodes that only one edge leads to.
func (s *Snapshot) owned(nodes []Node) int64 {
	once, twice, wanted := newBitset(len(s.kind)), newBitset(len(s.kind)), newBitset(len(s.kind))
	for _, n := range nodes {
		wanted.add(uint32(n))
	}
	for _, t := range s.to {
		n := uint32(t.node())
		if !wanted.has(n) {
			continue
		}
		if once.has(n) {
			twice.add(n)
		}
		once.add(n)
	}
	var sum int64
	for _, n := range nodes {
		if !twice.has(uint32(n)) {
			sum += int64(s.size(n))
		}
	}
	return sum
}
