package heap

import "slices"

// shape is the property names, in order, of some plain objects. Objects of one literal
// share a shape, so that what depends on the names alone is done once for each shape.
type shape struct {
	example Node
	count   int
	group   uint32 // of those without a location
	next    int32  // another shape of the same hash, or -1
}

// shapes are those of all plain objects: of type object and named "Object".
type shapes struct {
	objects int
	list    []shape
	byKey   map[uint64]int32 // the hash's first shape
}

func (s *Snapshot) isPlain(n Node) bool {
	return s.Type(n) == ObjectNode && s.known.object.has(s.name[n])
}

// properties yields the names of the properties of n, in file order.
func (s *Snapshot) properties(n Node) func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		for e := s.first[n]; e < s.first[n+1]; e++ {
			if s.to[e].kind() == PropertyEdge && !yield(s.edgeName[e]) {
				return
			}
		}
	}
}

// add adds a plain object and returns its shape.
func (h *shapes) add(s *Snapshot, n Node) (which int32, isNew bool) {
	const prime = 0x9e3779b97f4a7c15 // 2^64 over the golden ratio
	key := uint64(0)
	for name := range s.properties(n) {
		key = (key ^ uint64(name)) * prime
		key ^= key >> 32
	}
	head, ok := h.byKey[key]
	if !ok {
		head = -1
	}
	which = head
	for which >= 0 && !s.sameShape(h.list[which].example, n) {
		which = h.list[which].next
	}
	isNew = which < 0
	if isNew {
		which = int32(len(h.list))
		h.list = append(h.list, shape{example: n, next: head})
		h.byKey[key] = which
	}
	h.list[which].count++
	h.objects++
	return which, isNew
}

// sameShape says whether two objects have the same properties in the same order, and
// "Object" as their name under the same index.
func (s *Snapshot) sameShape(a, b Node) bool {
	if s.name[a] != s.name[b] {
		return false
	}
	i, endA := s.first[a], s.first[a+1]
	for name := range s.properties(b) {
		for i < endA && s.to[i].kind() != PropertyEdge {
			i++
		}
		if i == endA || s.edgeName[i] != name {
			return false
		}
		i++
	}
	return !slices.ContainsFunc(s.to[i:endA], func(t target) bool { return t.kind() == PropertyEdge })
}
