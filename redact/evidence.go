package redact

import (
	"bytes"
	"fmt"
	"io"
	"slices"
)

// evidence finds out where each text stands: from the nodes in memory and the edges, which
// it reads from the copy.
type evidence struct {
	h      *header
	nodes  *nodes
	texts  *table
	places []place // by string

	kinds, names []place // by type of node, by type of edge
	isElement    []bool  // by type of edge
	isObject     []bool  // by type of node
	isString     []bool  // by type of node
	isClosure    []bool  // by type of node
	descriptors  bits    // nodes that describe the properties of hidden classes
	// The numbers of strings that mean something; none if they are not there.
	descriptorsName, scriptName, privateName, globalNames, nameName, tagName map[uint32]bool
}

func newEvidence(h *header, n *nodes, texts *table) *evidence {
	v := &evidence{h: h, nodes: n, texts: texts, places: make([]place, texts.len()), kinds: nodePlaces(h.nodeTypes), names: edgePlaces(h.edgeTypes)}
	for _, t := range h.edgeTypes {
		v.isElement = append(v.isElement, t == "element")
	}
	for _, t := range h.nodeTypes {
		v.isObject = append(v.isObject, t == "object")
		v.isClosure = append(v.isClosure, t == "closure")
		v.isString = append(v.isString, t == "string" || t == "concatenated string" || t == "sliced string")
	}
	v.findWords()
	return v
}

// findWords finds the strings that mean something.
func (v *evidence) findWords() {
	words := map[string]*map[uint32]bool{
		"descriptors": &v.descriptorsName, "private symbol": &v.privateName, "global": &v.globalNames, "name": &v.nameName,
		"script": &v.scriptName, "script_or_debug_info": &v.scriptName, // the latter up to Node.js 14
		"<symbol Symbol.toStringTag>": &v.tagName,
	}
	for _, set := range words {
		*set = map[uint32]bool{}
	}
	var text []byte
	for i := range v.texts.len() {
		text = decode(text[:0], v.texts.raw(i))
		if set, ok := words[string(text)]; ok {
			(*set)[uint32(i)] = true
		} else if bytes.HasPrefix(text, []byte(globalPrefix)) {
			v.globalNames[uint32(i)] = true
		}
	}
}

// globalPrefix begins the name of a global object: global / https://host/, global (global).
const globalPrefix = "global "

// ofNodes takes the names of the nodes.
func (v *evidence) ofNodes() error {
	for i := range v.nodes.name.n {
		name := uint64(v.nodes.name.at(i))
		if name >= v.texts.len() {
			return v.badName(name)
		}
		v.places[name] |= v.kinds[v.nodes.kind.at(i)]
	}
	return nil
}

func (v *evidence) badName(name uint64) error {
	return &SyntaxError{Want: fmt.Sprintf("the index of one of %d strings", v.texts.len()), Got: fmt.Sprint(name)}
}

// edge is a reference.
type edge struct {
	source, target uint64 // nodes
	kind           uint64
	name           uint64 // or the index
	at             int64  // where the name or index stands in the file
}

// eachEdge reads the section of the edges.
func (v *evidence) eachEdge(in *input, each func(edge) error) error {
	kindAt, nameAt, toAt := slices.Index(v.h.edges, "type"), slices.Index(v.h.edges, "name_or_index"), slices.Index(v.h.edges, "to_node")
	fields := uint64(len(v.h.nodes))
	source, left := uint64(0), v.nodes.edges.at(0)
	n, err := in.numbers(array{name: "edges", fields: len(v.h.edges), signed: true, each: func(vals []uint64, at []int64) error {
		for left == 0 {
			if source++; source == v.nodes.edges.n {
				return &SyntaxError{Offset: at[0], Want: "no more edges than the nodes have", Got: "more"}
			}
			left = v.nodes.edges.at(source)
		}
		left--
		e := edge{source: source, target: vals[toAt] / fields, kind: vals[kindAt], name: vals[nameAt], at: at[nameAt]}
		if vals[toAt]%fields != 0 || e.target >= v.nodes.name.n {
			return &SyntaxError{Offset: at[toAt], Want: fmt.Sprintf("one of %d nodes", v.nodes.name.n), Got: fmt.Sprint(vals[toAt])}
		}
		if e.kind >= uint64(len(v.names)) {
			return &SyntaxError{Offset: at[kindAt], Want: fmt.Sprintf("one of %d edge types", len(v.names)), Got: fmt.Sprint(e.kind)}
		}
		if v.names[e.kind] != 0 && e.name >= v.texts.len() {
			return v.badName(e.name)
		}
		return each(e)
	}})
	if err != nil {
		return err
	}
	if n != v.h.numEdges {
		return &SyntaxError{Offset: in.offset(), Want: fmt.Sprintf("%d edges", v.h.numEdges), Got: fmt.Sprint(n)}
	}
	for left == 0 && source+1 < v.nodes.edges.n {
		source++
		left = v.nodes.edges.at(source)
	}
	if left > 0 {
		return &SyntaxError{Offset: in.offset(), Want: "as many edges as the nodes have", Got: fmt.Sprint(n)}
	}
	return nil
}

// findDescriptors is the first pass: an array of descriptors is known by the edge from its
// hidden class, which may come later than its own edges.
func (v *evidence) findDescriptors(in *input) error {
	v.descriptors = newBits(v.nodes.name.n)
	return v.eachEdge(in, func(e edge) error {
		if v.names[e.kind] == inEngine && v.descriptorsName[uint32(e.name)] {
			v.descriptors.add(e.target)
		}
		return nil
	})
}

// ofEdges is the second pass. Edges whose index is the key of an object go to key.
func (v *evidence) ofEdges(in *input, key func(edge) error) error {
	return v.eachEdge(in, func(e edge) error {
		place := v.names[e.kind]
		if place == 0 {
			if v.isElement[e.kind] && v.isKey(e) {
				return key(e)
			}
			return nil
		}
		v.places[e.name] |= place
		source := v.nodes.name.at(e.source)
		switch place {
		case inProperty:
			v.propertyEdge(e, source)
		case inEngine:
			v.engineEdge(e, source)
		}
		return nil
	})
}

// propertyEdge looks at a property that says something of its name or of its value.
func (v *evidence) propertyEdge(e edge, source uint32) {
	kind, name := v.nodes.kind.at(e.source), uint32(e.name)
	if v.globalNames[source] && v.isObject[kind] {
		v.places[e.name] |= inGlobal
	}
	// Other functions have no such property: the engine gets their names from the code.
	if v.isClosure[kind] && v.nameName[name] || v.isObject[kind] && v.tagName[name] {
		if target := v.nodes.name.at(e.target); target != source && v.isString[v.nodes.kind.at(e.target)] {
			v.places[target] |= inComputed
		}
	}
}

// engineEdge looks at an edge that says something of its target.
func (v *evidence) engineEdge(e edge, source uint32) {
	target := v.nodes.name.at(e.target)
	switch {
	case v.isString[v.nodes.kind.at(e.target)]:
		if v.descriptors.has(e.source) {
			v.places[target] |= inShape
		} else if v.privateName[source] && v.kinds[v.nodes.kind.at(e.source)] != inContent {
			v.places[target] |= inPrivate
		}
	case v.scriptName[uint32(e.name)] && v.kinds[v.nodes.kind.at(e.target)] == inFunction:
		v.places[target] |= inScript
	}
}

// minKey is the least index that can tell something: of more than three digits.
const minKey = 1000

// isKey says whether an index is the key of an object rather than a place in an array
// that is full.
func (v *evidence) isKey(e edge) bool {
	return e.name >= minKey && e.name >= uint64(v.nodes.edges.at(e.source)) && v.isObject[v.nodes.kind.at(e.source)]
}

// traceNames takes the names of the functions that allocations are traced to.
func traceNames(h *header, in *input, out io.Writer) (functions, scripts column[uint32], err error) {
	nameAt, scriptAt := slices.Index(h.traces, "name"), slices.Index(h.traces, "script_name")
	take := func(c *column[uint32], field int, vals []uint64, at []int64) error {
		if field < 0 {
			return nil
		}
		if vals[field] >= maxStrings {
			return &SyntaxError{Offset: at[field], Want: "the index of a string", Got: fmt.Sprint(vals[field])}
		}
		c.add(uint32(vals[field]))
		return nil
	}
	_, err = in.numbers(array{name: "trace_function_infos", fields: len(h.traces), out: out, each: func(vals []uint64, at []int64) error {
		if err := take(&functions, nameAt, vals, at); err != nil {
			return err
		}
		return take(&scripts, scriptAt, vals, at)
	}})
	return functions, scripts, err
}
