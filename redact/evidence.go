package redact

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// evidence finds out where each text stands, while the nodes and edges are copied.
type evidence struct {
	h      *header
	nodes  nodes
	places spread // by string
	shape  []nodeShape
	code   []codeEdge

	// Of the edges.
	kindAt, nameAt, toAt int
	nodePlace            []place // by type of node
	edgePlace            []place // by type; 0 for those with an index
	isElement            []bool  // by type
	fields               uint64
	source, left         uint64 // whose edge is next, and how many it has still
}

// nodeShape is what the type of a node says of it.
type nodeShape uint8

const (
	isObject nodeShape = 1 << iota
	isString
	isCode  // compiled code, and what V8 keeps for it
	isInner // arrays and the like, which up to Node.js 16 are part of compiled code, too
)

// codeEdge is a reference of the engine's among what belongs to compiled code, or from it
// to a string.
type codeEdge struct {
	source, target uint32 // nodes
	name           uint32 // a string, or noName
}

const noName = 1<<32 - 1

func newEvidence(h *header) *evidence {
	v := &evidence{
		h: h, nodePlace: nodePlaces(h.nodeTypes), edgePlace: edgePlaces(h.edgeTypes), fields: uint64(len(h.nodes)),
		kindAt: slices.Index(h.edges, "type"), nameAt: slices.Index(h.edges, "name_or_index"), toAt: slices.Index(h.edges, "to_node"),
	}
	for _, t := range h.edgeTypes {
		v.isElement = append(v.isElement, t == "element")
	}
	for _, t := range h.nodeTypes {
		var s nodeShape
		switch t {
		case "object":
			s = isObject
		case "string", "concatenated string", "sliced string":
			s = isString
		case "code":
			s = isCode
		case "array", "hidden", "object shape":
			s = isInner
		}
		v.shape = append(v.shape, s)
	}
	return v
}

func tooFar(at int64, name uint64) error {
	return &SyntaxError{Offset: at, Want: "the index of a string", Got: fmt.Sprint(name)}
}

// node takes a node.
func (v *evidence) node(kind uint8, name, edges uint32, at int64) error {
	v.nodes.kind.add(kind)
	v.nodes.name.add(name)
	v.nodes.edges.add(edges)
	if !v.places.or(name, v.nodePlace[kind]) {
		return tooFar(at, uint64(name))
	}
	return nil
}

// edge takes a reference. It says whether its index is the key of an object.
func (v *evidence) edge(vals []uint64, at []int64) (isKey bool, err error) {
	for v.left == 0 {
		if v.source == v.nodes.edges.n {
			return false, &SyntaxError{Offset: at[0], Want: "no more edges than the nodes have", Got: "more"}
		}
		v.left = uint64(v.nodes.edges.at(v.source))
		v.source++
	}
	v.left--
	source := v.source - 1
	kind, name, to := vals[v.kindAt], vals[v.nameAt], vals[v.toAt]
	target := to / v.fields
	switch {
	case to != target*v.fields || target >= v.nodes.name.n:
		return false, &SyntaxError{Offset: at[v.toAt], Want: fmt.Sprintf("one of %d nodes", v.nodes.name.n), Got: fmt.Sprint(to)}
	case kind >= uint64(len(v.edgePlace)):
		return false, &SyntaxError{Offset: at[v.kindAt], Want: fmt.Sprintf("one of %d edge types", len(v.edgePlace)), Got: fmt.Sprint(kind)}
	}
	shape := v.shape[v.nodes.kind.at(source)]
	p := v.edgePlace[kind]
	if p == 0 {
		if v.isElement[kind] {
			return shape == isObject && name >= minKey && name >= uint64(v.nodes.edges.at(source)), nil
		}
		name = noName
	} else {
		if name >= maxStrings || !v.places.or(uint32(name), p) {
			return false, tooFar(at[v.nameAt], name)
		}
		if p != inEngine {
			return false, nil
		}
	}
	if shape == isCode && v.shape[v.nodes.kind.at(target)]&(isCode|isInner|isString) != 0 {
		v.code = append(v.code, codeEdge{uint32(source), uint32(target), uint32(name)})
	}
	return false, nil
}

// minKey is the least index that can tell something: of more than three digits.
const minKey = 1000

// end is called behind the last edge.
func (v *evidence) end(at int64) error {
	for v.left == 0 && v.source < v.nodes.edges.n {
		v.left = uint64(v.nodes.edges.at(v.source))
		v.source++
	}
	if v.left > 0 {
		return &SyntaxError{Offset: at, Want: "as many edges as the nodes have", Got: "fewer"}
	}
	return nil
}

// conclude finds the names of code, once the strings are there. reread gives the edges
// among what belongs to compiled code in snapshots of Node.js up to 16.
func (v *evidence) conclude(texts *table, reread func(keep func(source, target uint64) bool) error) error {
	if i, bad := v.places.beyond(texts.len()); bad {
		return &SyntaxError{Want: fmt.Sprintf("the index of one of %d strings", texts.len()), Got: fmt.Sprint(i)}
	}
	named := func(n uint32) string { return string(texts.raw(uint64(v.nodes.name.at(uint64(n))))) }
	scripts, bytecode := v.codeNodes(texts)
	for i := range v.nodes.name.n {
		if v.shape[v.nodes.kind.at(i)] != isCode {
			continue
		}
		p := inFunction
		if scripts[uint32(i)] {
			p = inScript
		}
		v.places.or(v.nodes.name.at(i), p)
	}
	if len(bytecode) == 0 {
		if err := v.oldBytecode(texts, bytecode, reread); err != nil {
			return err
		}
	}
	v.constants(texts, named, bytecode)
	return nil
}

// codeNodes returns the nodes of scripts and those of bytecode.
func (v *evidence) codeNodes(texts *table) (scripts, bytecode map[uint32]bool) {
	scripts, bytecode = map[uint32]bool{}, map[uint32]bool{}
	for _, e := range v.code {
		if e.name == noName {
			continue
		}
		target := v.shape[v.nodes.kind.at(uint64(e.target))]
		switch string(texts.raw(uint64(e.name))) {
		case "source": // its text
			if target == isString {
				scripts[e.source] = true
			}
		case "script", "script_or_debug_info": // the latter up to Node.js 14
			if target == isCode {
				scripts[e.target] = true
			}
		}
	}
	for i := range v.nodes.name.n {
		if v.shape[v.nodes.kind.at(i)] == isCode && string(texts.raw(uint64(v.nodes.name.at(i)))) == bytecodeArray {
			bytecode[uint32(i)] = true
		}
	}
	return scripts, bytecode
}

// bytecodeArray is the name of V8's compiled code. Its constants are the names and
// literals that stand in the source text of the function.
const bytecodeArray = "system / BytecodeArray"

// oldBytecode finds the bytecode of snapshots that have it among the hidden nodes, and
// the edges that matter.
func (v *evidence) oldBytecode(texts *table, bytecode map[uint32]bool, reread func(func(source, target uint64) bool) error) error {
	inner := newBits(v.nodes.name.n)
	for i := range v.nodes.name.n {
		if v.shape[v.nodes.kind.at(i)] != isInner {
			continue
		}
		switch name := string(texts.raw(uint64(v.nodes.name.at(i)))); {
		case name == bytecodeArray:
			bytecode[uint32(i)] = true
			inner.add(i)
		case isConstants(name):
			inner.add(i)
		}
	}
	if len(bytecode) == 0 {
		return nil
	}
	return reread(func(source, target uint64) bool {
		return inner.has(source) && (inner.has(target) || v.shape[v.nodes.kind.at(target)] == isString)
	})
}

// isConstants says whether nodes of this name are part of a table of constants, if they
// are reached from one.
func isConstants(name string) bool {
	switch name {
	case "", "(constant pool)", "(constant elements)", "system / ClassBoilerplate":
		return true
	}
	return strings.HasPrefix(name, "system / ") && strings.HasSuffix(name, "BoilerplateDescription")
}

// constants marks the strings that are constants of compiled code. It returns how many
// references it has followed, none of them twice, whatever order a hostile file has them in.
func (v *evidence) constants(texts *table, named func(uint32) string, bytecode map[uint32]bool) (followed int) {
	reached := bytecode
	isIndex := func(name uint32) bool {
		if name == noName {
			return true
		}
		s := texts.raw(uint64(name))
		return anyIndex.Match(s) || string(s) == "constant_elements"
	}
	v.code = slices.DeleteFunc(v.code, func(e codeEdge) bool {
		return !isIndex(e.name) || !reached[e.source] && !isConstants(named(e.source))
	})
	bySource := func(a, b codeEdge) int { return cmp.Compare(a.source, b.source) }
	if !slices.IsSortedFunc(v.code, bySource) { // those that are read again come behind the others
		slices.SortStableFunc(v.code, bySource)
	}
	open := make([]uint32, 0, len(bytecode)) // nodes whose references are yet to be followed
	for n := range bytecode {
		open = append(open, n)
	}
	for len(open) > 0 {
		source := open[len(open)-1]
		open = open[:len(open)-1]
		at, _ := slices.BinarySearchFunc(v.code, source, func(e codeEdge, source uint32) int { return cmp.Compare(e.source, source) })
		for ; at < len(v.code) && v.code[at].source == source; at++ {
			followed++
			target := v.code[at].target
			if v.shape[v.nodes.kind.at(uint64(target))] == isString {
				v.places.or(v.nodes.name.at(uint64(target)), inConstant)
			} else if !reached[target] && isConstants(named(target)) {
				reached[target] = true
				open = append(open, target)
			}
		}
	}
	return followed
}
