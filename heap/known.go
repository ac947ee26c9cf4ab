package heap

import (
	"bytes"
	"math"
	"slices"
)

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
	empty                                                    textSet
}

func (k *knownNames) byText() map[string]*textSet {
	return map[string]*textSet{
		"Object": &k.object, "__proto__": &k.proto, "Array": &k.array,
		"system / NativeContext": &k.nativeContext, "(map descriptors)": &k.mapDescriptors,
		"sloppy_function_map": &k.sloppyMap, "system / ExternalStringData": &k.externalString,
		"system / JSArrayBufferData": &k.arrayBuffer, "(Document DOM trees)": &k.domTrees,
		"elements": &k.elements, "first": &k.first, "second": &k.second, "shared": &k.shared, "script": &k.script,
		"truncated": &k.truncated, "length": &k.length, "hash": &k.hash, "value": &k.value,
		"bool": &k.boolean, "int": &k.integer, "true": &k.isTrue, "": &k.empty,
	}
}

// prepareNames finds the strings that the rules name, and what follows from them alone.
func (s *Snapshot) prepareNames() {
	byText := s.known.byText()
	var lengths [64]bool
	for name := range byText {
		lengths[len(name)] = true
	}
	s.ephemeron.pairs = map[uint32]ephemeron{}
	pairs := map[string]uint32{}
	for i := range s.text.len() {
		b := s.text.at(textID(i))
		if len(b) < len(lengths) && lengths[len(b)] {
			if set := byText[string(b)]; set != nil {
				*set = append(*set, textID(i))
			}
		}
		if len(b) > 0 && b[0]-'0' <= 9 && b[len(b)-1] == ')' {
			s.ephemeron.consider(uint32(i), b, pairs)
		}
	}
	s.propagateDetached()
	s.findSpecial()
}

// ephemeron is what the name of an edge to a WeakMap's value says. There are two edges
// for each entry, one from the key and one from the table.
type ephemeron struct {
	pair  uint32 // the same for both
	table uint64 // id of the table
}

// ephemerons are the names of such edges.
type ephemerons struct {
	pairs map[uint32]ephemeron // by textID
}

// consider adds the name if it is that of an ephemeron's edge. DevTools tells by /^\d+(
// \/ part of key \(.*? @\d+\) -> value \(.*? @\d+\) pair in WeakMap \(table @(\d+)\))$/
// and compares what is in the outer parentheses.
func (e *ephemerons) consider(id uint32, name []byte, pairs map[string]uint32) {
	pair := name[digits(name):]
	table, ok := parseEphemeron(pair)
	if !ok {
		return
	}
	number, ok := pairs[string(pair)]
	if !ok {
		number = uint32(len(pairs))
		pairs[string(pair)] = number
	}
	e.pairs[id] = ephemeron{number, table}
}

// parseEphemeron returns the id of the table.
func parseEphemeron(s []byte) (table uint64, ok bool) {
	s, ok = bytes.CutPrefix(s, []byte(" / part of key ("))
	if !ok || hasLineEnd(s) {
		return 0, false
	}
	const inTable = ") pair in WeakMap (table @"
	i := bytes.LastIndex(s, []byte(inTable))
	if i < 0 {
		return 0, false
	}
	number := s[i+len(inTable):]
	n := digits(number)
	if n == 0 || string(number[n:]) != ")" || !endsInID(s[:i]) {
		return 0, false
	}
	for _, d := range number[:n] {
		table = table*10 + uint64(d-'0')
	}
	return table, hasKey(s[:i])
}

// hasKey says whether s is: something, space, id, ") -> value (", something, space, id.
func hasKey(s []byte) bool {
	const arrow = ") -> value ("
	for from := 0; ; {
		i := bytes.Index(s[from:], []byte(arrow))
		if i < 0 {
			return false
		}
		i += from
		if endsInID(s[:i]) && endsInID(s[i+len(arrow):]) {
			return true
		}
		from = i + 1
	}
}

// endsInID says whether s ends in " @" and digits.
func endsInID(s []byte) bool {
	i := len(s)
	for i > 0 && s[i-1]-'0' <= 9 {
		i--
	}
	return i < len(s) && bytes.HasSuffix(s[:i], []byte(" @"))
}

// hasLineEnd says whether s has one of JavaScript's line terminators, which a dot does
// not match.
func hasLineEnd(s []byte) bool {
	for i, c := range s {
		if c == '\n' || c == '\r' || c == 0xe2 && (hasPrefix(s[i:], "\u2028") || hasPrefix(s[i:], "\u2029")) {
			return true
		}
	}
	return false
}

// digits returns how many digits s starts with.
func digits(s []byte) int {
	if n := slices.IndexFunc(s, func(c byte) bool { return c-'0' > 9 }); n >= 0 {
		return n
	}
	return len(s)
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
	if len(s.ephemeron.pairs) == 0 {
		return
	}
	names := newBitset(s.text.len())
	for name := range s.ephemeron.pairs {
		names.add(name)
	}
	half := len(s.kind) / 2 &^ 63 // no word of the set for both
	_ = both(func() error {
		s.findEphemerons(names, 0, half)
		return nil
	}, func() error {
		s.findEphemerons(names, half, len(s.kind))
		return nil
	})
}

// findEphemerons marks the nodes from … to-1 that have an edge of one of the names.
func (s *Snapshot) findEphemerons(names bitset, from, to int) {
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

// ephemeronEdge returns what the name of the edge says of a WeakMap.
func (s *Snapshot) ephemeronEdge(e uint32) (ephemeron, bool) {
	if s.to[e].kind() != InternalEdge {
		return ephemeron{}, false
	}
	pair, ok := s.ephemeron.pairs[s.edgeName[e]]
	return pair, ok
}

// ofTable says whether e, an edge of n, is the table's edge to a WeakMap's value. What
// the key keeps alive is no merit of the table.
func (s *Snapshot) ofTable(n Node, e uint32) bool {
	pair, ok := s.ephemeronEdge(e)
	return ok && pair.table == uint64(s.id[n])
}
