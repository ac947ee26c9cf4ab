package heap

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"
)

// place is a place in a script as the file has it.
type place struct{ script, line, column uint32 }

// locations say where nodes come from. There are few places for many nodes, so both are
// kept apart.
type locations struct {
	places []place
	known  map[place]uint32 // places by themselves, until sorted
	raw    []locatedBlock   // until sorted

	sorted sync.Once
	nodes  []Node // ascending
	which  []uint32

	scripts sync.Once
	names   map[uint32]textID // of scripts, by id
}

// locatedBlock is a segment of the section: node << 32 | index of the place.
type locatedBlock struct {
	first   int // ordinal of the first entry
	entries []uint64
}

// of returns the place of the node.
func (l *locations) of(n Node) (uint32, bool) {
	l.sorted.Do(l.sort)
	i, ok := slices.BinarySearch(l.nodes, n)
	if !ok {
		return 0, false
	}
	return l.which[i], true
}

// locations reads the section of that name.
func (p *parser) locations() error {
	fields := p.h.locations.fields
	if fields == 0 { // a header without location_fields
		return p.skip()
	}
	l := &p.s.locations
	l.known = map[place]uint32{}
	var mu sync.Mutex
	_, err := p.records(section{
		name: "locations", fields: fields, count: unknownCount,
		room: func(int) {},
		parse: func(seg segment) error {
			nodes, places, err := p.h.parseLocations(seg)
			mu.Lock()
			defer mu.Unlock()
			l.add(seg.first, nodes, places)
			return err
		},
	})
	return err
}

func (h *header) parseLocations(seg segment) (nodes []Node, places []place, err error) {
	lay := h.locations
	nodeAt, scriptAt, lineAt, columnAt := lay.at["object_index"], lay.at["script_id"], lay.at["line"], lay.at["column"]
	fields := uint64(h.nodes.fields)
	vals := make([]uint64, lay.fields)
	nodes, places = make([]Node, seg.n), make([]place, seg.n)
	pos := seg.start
	for i := range seg.n {
		start := pos
		next, ok := record(seg.buf, pos, seg.end, vals)
		if !ok {
			return nil, nil, seg.badNumber(next)
		}
		pos = next
		n := vals[nodeAt] / fields
		if vals[nodeAt]%fields != 0 || n >= uint64(h.numNodes) {
			return nil, nil, seg.bad(start, fmt.Sprintf("the location of one of %d nodes", h.numNodes), vals[nodeAt])
		}
		if big := max(vals[scriptAt], vals[lineAt], vals[columnAt]); big > math.MaxUint32 {
			return nil, nil, seg.bad(start, "a location with 32-bit numbers", big)
		}
		nodes[i] = Node(n)
		places[i] = place{uint32(vals[scriptAt]), uint32(vals[lineAt]), uint32(vals[columnAt])}
	}
	return nodes, places, nil
}

// add keeps a segment.
func (l *locations) add(first int, nodes []Node, places []place) {
	entries := make([]uint64, len(nodes))
	which := uint32(0)
	for i, p := range places {
		if i == 0 || p != places[i-1] { // neighbours often come from one place
			var ok bool
			if which, ok = l.known[p]; !ok {
				which = uint32(len(l.places))
				l.known[p] = which
				l.places = append(l.places, p)
			}
		}
		entries[i] = uint64(nodes[i])<<32 | uint64(which)
	}
	l.raw = append(l.raw, locatedBlock{first, entries})
}

// sort sorts the locations by node. Of several for a node the last one counts, as in
// DevTools.
func (l *locations) sort() {
	slices.SortFunc(l.raw, func(a, b locatedBlock) int { return cmp.Compare(a.first, b.first) })
	n := 0
	for _, block := range l.raw {
		n += len(block.entries)
	}
	all := make([]uint64, 0, n)
	for _, block := range l.raw {
		all = append(all, block.entries...)
	}
	l.raw, l.known = nil, nil
	all = radixSort(all, func(e uint64) uint32 { return uint32(e >> 32) })
	l.nodes, l.which = make([]Node, 0, n), make([]uint32, 0, n)
	for i, e := range all {
		if n := Node(e >> 32); i+1 == len(all) || Node(all[i+1]>>32) != n {
			l.nodes, l.which = append(l.nodes, n), append(l.which, uint32(e))
		}
	}
}

// Location is a place in a script.
type Location struct {
	ScriptID int
	Script   string // name or URL; empty when the file does not have it
	Line     int    // counts from 0
	Column   int    // counts from 0
}

// String returns script:line:column, counted from 1 as in editors.
func (l Location) String() string {
	script := l.Script
	if script == "" {
		script = "script " + strconv.Itoa(l.ScriptID)
	}
	return fmt.Sprintf("%s:%d:%d", script, l.Line+1, l.Column+1)
}

// Location returns where the function, or the constructor of the object, stands in the
// source.
func (s *Snapshot) Location(n Node) (Location, bool) {
	which, ok := s.locations.of(n)
	if !ok {
		return Location{}, false
	}
	return s.location(s.locations.places[which]), true
}

func (s *Snapshot) location(p place) Location {
	l := Location{ScriptID: int(p.script), Line: int(p.line), Column: int(p.column)}
	s.locations.scripts.Do(s.nameScripts)
	if name, ok := s.locations.names[p.script]; ok {
		l.Script = s.text.string(name)
	}
	return l
}

// notScript starts the names of what is no script where one was expected: a function
// that a debugger has stopped at has its DebugInfo there.
const notScript = "system / "

// nameScripts finds the name of each script through a function that stands in it:
// closure -> shared -> script.
func (s *Snapshot) nameScripts() {
	l := &s.locations
	l.sorted.Do(l.sort)
	l.names = map[uint32]textID{}
	for i, n := range l.nodes {
		script := l.places[l.which[i]].script
		if _, known := l.names[script]; known {
			continue
		}
		shared, ok := s.internalTarget(n, &s.known.shared)
		if !ok {
			continue
		}
		node, ok := s.internalTarget(shared, &s.known.script)
		if name := textID(s.name[node]); ok && !hasPrefix(s.text.at(name), notScript) {
			l.names[script] = name
		}
	}
}
