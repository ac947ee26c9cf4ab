package heap

import (
	"bytes"
	"math/bits"
	"unsafe"
)

// ephemeron is what the name of an edge to a WeakMap's value says. There are two edges
// for each entry, one from the key and one from the table.
type ephemeron struct {
	pair  uint32 // the same for both
	table uint64 // id of the table
}

// ephemerons are the names of such edges.
type ephemerons struct {
	names bitset   // their textIDs
	rank  []uint32 // how many there are before each word of names
	list  []ephemeron
}

// get returns what the name says.
func (e *ephemerons) get(name uint32) (ephemeron, bool) {
	if len(e.list) == 0 || !e.names.has(name) {
		return ephemeron{}, false
	}
	before := e.names[name>>6] & (1<<(name&63) - 1)
	return e.list[int(e.rank[name>>6])+bits.OnesCount64(before)], true
}

// ephemeronFinder collects them, in the order of their textIDs. A service can have
// millions of entries in WeakMaps.
type ephemeronFinder struct {
	names bitset
	list  []ephemeron
	pairs map[string]uint32 // by what is behind the number
	last  []byte            // the pair of the latest: V8 writes both its names one after the other
}

// consider adds the name if it is that of an ephemeron's edge. DevTools tells by /^\d+(
// \/ part of key \(.*? @\d+\) -> value \(.*? @\d+\) pair in WeakMap \(table @(\d+)\))$/
// and compares what is in the outer parentheses.
func (f *ephemeronFinder) consider(id uint32, name []byte) {
	pair := name[digits(name):]
	if len(f.list) > 0 && bytes.Equal(pair, f.last) {
		f.names.add(id)
		f.list = append(f.list, f.list[len(f.list)-1])
		return
	}
	table, ok := parseEphemeron(pair)
	if !ok {
		return
	}
	number, ok := f.pairs[string(pair)]
	if !ok {
		number = uint32(len(f.pairs))
		// The text never changes, so that the key need not be a copy.
		f.pairs[unsafe.String(unsafe.SliceData(pair), len(pair))] = number
	}
	f.names.add(id)
	f.list, f.last = append(f.list, ephemeron{number, table}), pair
}

// found returns what has been collected.
func (f *ephemeronFinder) found() ephemerons {
	if len(f.list) == 0 {
		return ephemerons{}
	}
	e := ephemerons{names: f.names, list: f.list, rank: make([]uint32, len(f.names))}
	sum := 0
	for i, word := range f.names {
		e.rank[i] = uint32(sum)
		sum += bits.OnesCount64(word)
	}
	return e
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
	return bytes.IndexByte(s, '\n') >= 0 || bytes.IndexByte(s, '\r') >= 0 ||
		bytes.Contains(s, []byte("\u2028")) || bytes.Contains(s, []byte("\u2029"))
}

// digits returns how many digits s starts with.
func digits(s []byte) int {
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return n
}

// ephemeronEdge returns what the name of the edge says of a WeakMap.
func (s *Snapshot) ephemeronEdge(e uint32) (ephemeron, bool) {
	if s.to[e].kind() != InternalEdge {
		return ephemeron{}, false
	}
	return s.ephemeron.get(s.edgeName[e])
}

// ofTable says whether e, an edge of n, is the table's edge to a WeakMap's value. What
// the key keeps alive is no merit of the table.
func (s *Snapshot) ofTable(n Node, e uint32) bool {
	pair, ok := s.ephemeronEdge(e)
	return ok && pair.table == uint64(s.id[n])
}
