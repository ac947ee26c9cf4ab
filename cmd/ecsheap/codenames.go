package main

import (
	"strings"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/redact"
)

// maxClassName bounds the names of nodes of the engine, in bytes: theirs are shorter.
const maxClassName = 200

// codeNames returns a function that says whether a name in a report of the snapshot is one
// of code: of V8, Node.js, or the program, by the rule of redact. Functions and variables have
// their names from the source text alone, and so have the constants of compiled code;
// properties and classes may have theirs from data. The second one says whether a name of
// several words is one as a whole. nil = the snapshot has no compiled code, as no program's
// has, so that nothing can be said.
func codeNames(s *heap.Snapshot) (isCode, isConstant func(name string) bool) {
	c := codeNamer{s: s, names: redact.NewNames(), engine: map[string]bool{}, seen: map[heap.Label]bool{}, kinds: map[kindOfNode]bool{}}
	var bytecode []heap.Node
	labels := s.Labels(redact.BytecodeArray, "function_data", oldHidden)
	compiled, data, old := labels[0], labels[1], labels[2]
	for n := range heap.Node(s.NumNodes()) {
		c.ofEngine(n)
		if s.Type(n) == heap.ClosureNode {
			c.add(s.NameLabel(n), s.RawName(n))
		}
		if s.Type(n) != heap.ObjectNode && s.NameLabel(n) == compiled {
			bytecode = append(bytecode, n)
		}
		for r := range s.Out(n) {
			switch {
			case r.Type == heap.ContextEdge:
				c.add(s.EdgeLabel(r.Edge), s.EdgeName(r.Edge))
			case compiled == heap.NoLabel && s.Type(n) == heap.CodeNode && r.Type == heap.InternalEdge && s.EdgeLabel(r.Edge) == data && s.NameLabel(r.To) == old:
				bytecode = append(bytecode, r.To)
			}
		}
	}
	if len(bytecode) == 0 {
		return nil, nil
	}
	c.constants(bytecode)
	return func(name string) bool { return c.engine[name] || c.names.Has(name) }, c.names.HasWhole
}

// oldHidden is the name of all hidden nodes up to Node.js 14: compiled code among them is what
// a function has for its data.
const oldHidden = "system"

// codeNamer collects the names.
type codeNamer struct {
	s      *heap.Snapshot
	names  redact.Names
	engine map[string]bool // names that the engine gives its own nodes
	seen   map[heap.Label]bool
	kinds  map[kindOfNode]bool
}

func (c codeNamer) add(label heap.Label, name string) {
	if !c.seen[label] {
		c.seen[label] = true
		c.names.Add(name)
	}
}

// kindOfNode is what decides on the class of a node that is no object of the program.
type kindOfNode struct {
	kind heap.NodeType
	name heap.Label // 0 of strings and the like, whose names are data
}

// ofEngine adds the class of a node that is no object of the program: (string), (closure),
// system / Map.
func (c codeNamer) ofEngine(n heap.Node) {
	k := kindOfNode{kind: c.s.Type(n)}
	switch k.kind {
	case heap.ObjectNode:
		return
	case heap.HiddenNode, heap.ArrayNode, heap.CodeNode, heap.NativeNode, heap.SyntheticNode, heap.ShapeNode, heap.WasmNode, heap.OtherNode:
		k.name = c.s.NameLabel(n)
	}
	if !c.kinds[k] {
		c.kinds[k] = true
		if class := c.s.Class(n); len(class) <= maxClassName {
			c.engine[class] = true
			if k.kind == heap.HiddenNode { // as package leak names them
				c.engine[strings.TrimPrefix(c.s.RawName(n), "system / ")] = true
			}
		}
	}
}

// constants adds the strings that compiled code has in its tables of constants.
func (c codeNamer) constants(next []heap.Node) {
	reached := map[heap.Node]bool{}
	for len(next) > 0 {
		n := next[len(next)-1]
		next = next[:len(next)-1]
		for r := range c.s.Out(n) {
			switch c.s.Type(r.To) {
			case heap.StringNode, heap.ConsStringNode, heap.SlicedStringNode:
				if c.isConstant(r) {
					c.names.AddConstant(c.s.RawName(r.To))
				}
			case heap.CodeNode, heap.HiddenNode, heap.ArrayNode, heap.ShapeNode:
				if name := c.s.RawName(r.To); !reached[r.To] && (redact.IsConstantTable(name) || name == oldHidden) {
					reached[r.To] = true
					next = append(next, r.To)
				}
			}
		}
	}
}

// isConstant says whether an edge from a table is that to a constant: the others are of the
// engine's own fields.
func (c codeNamer) isConstant(r heap.Ref) bool {
	_, isIndex := c.s.EdgeIndex(r.Edge)
	return isIndex
}
