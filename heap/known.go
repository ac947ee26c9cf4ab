package heap

import "math"

// textSet is the indexes of a string: one, if V8 does its work.
type textSet []textID

func (t *textSet) has(id uint32) bool {
	for _, have := range *t {
		if have == textID(id) {
			return true
		}
	}
	return false
}

// knownNames are the strings that the rules name.
type knownNames struct {
	object, proto, array, nativeContext, mapDescriptors      textSet
	sloppyMap, externalString, arrayBuffer, domTrees         textSet
	elements, first, second, shared, script                  textSet
	truncated, length, hash, value, boolean, integer, isTrue textSet
}

func (k *knownNames) byText() map[string]*textSet {
	return map[string]*textSet{
		"Object": &k.object, "__proto__": &k.proto, "Array": &k.array,
		"system / NativeContext": &k.nativeContext, "(map descriptors)": &k.mapDescriptors,
		"sloppy_function_map": &k.sloppyMap, "system / ExternalStringData": &k.externalString,
		"system / JSArrayBufferData": &k.arrayBuffer, "(Document DOM trees)": &k.domTrees,
		"elements": &k.elements, "first": &k.first, "second": &k.second, "shared": &k.shared,
		"script": &k.script, "script_or_debug_info": &k.script, // the latter up to Node.js 20
		"truncated": &k.truncated, "length": &k.length, "hash": &k.hash, "value": &k.value,
		"bool": &k.boolean, "int": &k.integer, "true": &k.isTrue,
	}
}

// textFilter tells most strings that are not in a small set from those that may be, by
// length and last byte: a snapshot has millions of strings, and looking each of them up
// would take as long as reading them.
type textFilter [64][4]uint64

// add adds a string of less than 64 bytes.
func (f *textFilter) add(s string) {
	last := lastByte(s)
	f[len(s)][last>>6] |= 1 << (last & 63)
}

func (f *textFilter) mayHave(s []byte) bool {
	if len(s) >= len(f) {
		return false
	}
	last := lastByte(s)
	return f[len(s)][last>>6]&(1<<(last&63)) != 0
}

func lastByte[S string | []byte](s S) byte {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1]
}

// prepareNames finds the strings that the rules name, and what follows from them alone.
func (s *Snapshot) prepareNames() {
	byText := s.known.byText()
	var filter textFilter
	for name := range byText {
		filter.add(name)
	}
	finder := ephemeronFinder{pairs: map[string]uint32{}, names: newBitset(s.text.len())}
	for i := range s.text.len() {
		b := s.text.at(textID(i))
		if filter.mayHave(b) {
			if set := byText[string(b)]; set != nil {
				*set = append(*set, textID(i))
			}
		}
		if len(b) > 0 && b[0]-'0' <= 9 && b[len(b)-1] == ')' {
			finder.consider(uint32(i), b)
		}
	}
	s.ephemeron = finder.found()
	s.propagateDetached()
	s.findSpecial()
}

// findSpecial marks the nodes whose edges the distances treat in their own way.
func (s *Snapshot) findSpecial() {
	s.special = newBitset(len(s.kind))
	for n, kind := range s.kind {
		switch s.types[kind] {
		case ArrayNode:
			if s.known.mapDescriptors.has(s.name[n]) {
				s.special.add(uint32(n))
			}
		case HiddenNode:
			if s.known.nativeContext.has(s.name[n]) {
				s.special.add(uint32(n))
			}
		}
	}
	if len(s.ephemeron.list) == 0 {
		return
	}
	half := len(s.kind) / 2 &^ 63 // no word of the set for both
	_ = both(func() error {
		s.findEphemerons(0, half)
		return nil
	}, func() error {
		s.findEphemerons(half, len(s.kind))
		return nil
	})
}

// findEphemerons marks the nodes from … to-1 that have an edge of such a name.
func (s *Snapshot) findEphemerons(from, to int) {
	names := s.ephemeron.names
	e := s.first[from]
	for n := from; n < to; n++ {
		for end := s.first[n+1]; e < end; e++ {
			if s.to[e].kind() == InternalEdge && names.has(s.edgeName[e]) {
				s.special.add(uint32(n))
			}
		}
	}
}

// manyEdges is a count that is not exact any more.
const manyEdges = math.MaxUint8

// countIncoming returns how many edges lead to each node, not counting weak ones, up to
// manyEdges.
func countIncoming(edges []target, nodes int) []uint8 {
	incoming := column[uint8](nodes)
	for _, t := range edges {
		if n := t.node(); t.kind() != WeakEdge && incoming[n] < manyEdges {
			incoming[n]++
		}
	}
	return incoming
}
