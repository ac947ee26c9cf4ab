package heap

import (
	"bytes"
	"context"
	"fmt"
	"math"
)

// row is a class of objects with one location, or none. DevTools tells rows apart by
// the index of the class's name, so that two can have one name; see mergeRows.
type row struct {
	class string // in WTF-8
	key   string // equal in other snapshots of the process
	place int32  // of the constructor, or -1
}

// rows are the classes of all nodes.
type rows struct {
	of         []uint32 // row of a node
	list       []row
	shapes     shapes
	interfaces []iface
	totals     []total // by row
}

// classifier is the classification at work.
type classifier struct {
	s      *Snapshot
	r      rows
	byName map[uint32]uint32 // rows of object and native nodes, by the name's index
	byText map[string]uint32 // of classes that are not in the file
	byType []int64           // rows by the number of the type, -1 where the name decides
}

// classify finds the class of each node.
func (s *Snapshot) classify(ctx context.Context) error {
	c := &classifier{
		s: s, byName: map[uint32]uint32{}, byText: map[string]uint32{},
		r: rows{of: s.scratch.get(len(s.kind), false), shapes: shapes{byKey: map[uint64]int32{}}},
	}
	c.types()
	for n, kind := range s.kind {
		if err := alive(ctx, n); err != nil {
			return err
		}
		if r := c.byType[kind]; r >= 0 {
			c.r.of[n] = uint32(r)
			continue
		}
		if name := s.name[n]; s.types[kind] == ObjectNode && s.known.object.has(name) {
			c.r.shapes.add(s, Node(n))
		} else {
			c.r.of[n] = c.named(name)
		}
	}
	c.r.shapes.byKey = nil
	c.r.interfaces = s.inferInterfaces(&c.r.shapes)
	c.plain()
	c.locate()
	s.rows = c.r
	return nil
}

// types finds the rows of the types that are classes.
func (c *classifier) types() {
	for i, t := range c.s.types {
		class := "(" + c.s.nodeTypes[i] + ")"
		switch t {
		case ObjectNode, NativeNode:
			c.byType = append(c.byType, -1)
			continue
		case HiddenNode:
			class = "(system)"
		case CodeNode:
			class = "(compiled code)"
		case ClosureNode:
			class = "Function"
		case RegExpNode:
			class = "RegExp"
		}
		c.byType = append(c.byType, int64(c.texted(class)))
	}
}

// add makes a row without a location.
func (c *classifier) add(class string) uint32 {
	c.r.list = append(c.r.list, row{class: class, key: "," + class, place: -1})
	return uint32(len(c.r.list) - 1)
}

// texted returns the row of a class that is not a name in the file.
func (c *classifier) texted(class string) uint32 {
	r, ok := c.byText[class]
	if !ok {
		r = c.add(class)
		c.byText[class] = r
	}
	return r
}

// named returns the row of an object or native node by its name. DOM nodes are classed
// by their tags.
func (c *classifier) named(name uint32) uint32 {
	if r, ok := c.byName[name]; ok {
		return r
	}
	text := c.s.text.at(textID(name))
	tag := -1 // where to look for the end of the tag
	if hasPrefix(text, "<") {
		tag = 0
	} else if hasPrefix(text, detachedPrefix+"<") {
		tag = len(detachedPrefix) + 1
	}
	var r uint32
	if tag < 0 {
		r = c.add(string(text))
	} else if i := bytes.IndexByte(text[tag:], ' '); i >= 0 {
		r = c.texted(string(text[:tag+i]) + ">")
	} else {
		r = c.texted(string(text))
	}
	c.byName[name] = r
	return r
}

// plain finds the rows of plain objects.
func (c *classifier) plain() {
	s := c.s
	m := newMatcher(c.r.interfaces)
	of := make([]uint32, len(c.r.interfaces))
	for i, def := range c.r.interfaces {
		of[i] = c.add(def.name)
	}
	byShape := make([]uint32, len(c.r.shapes.list))
	for i, sh := range c.r.shapes.list {
		if def := m.match(s.propertyTexts(sh.example)); def != noInterface {
			byShape[i] = of[def]
		} else {
			byShape[i] = math.MaxUint32
		}
	}
	for i, n := range c.r.shapes.plain {
		r := byShape[c.r.shapes.of[i]]
		if r == math.MaxUint32 {
			r = c.named(s.name[n])
		}
		c.r.of[n] = r
	}
}

// locate moves objects whose constructor has a location to rows of their own.
func (c *classifier) locate() {
	type pair struct{ which, row uint32 }
	known := map[pair]uint32{}
	byKey := map[string]uint32{}
	l := &c.s.locations
	l.sorted.Do(l.sort)
	for i, n := range l.nodes {
		if c.s.Type(n) != ObjectNode {
			continue
		}
		p := pair{l.which[i], c.r.of[n]}
		r, ok := known[p]
		if !ok {
			at, class := l.places[p.which], c.r.list[p.row].class
			key := fmt.Sprintf("%d,%d,%d,%s", at.script, at.line, at.column, class)
			if r, ok = byKey[key]; !ok {
				r = uint32(len(c.r.list))
				c.r.list = append(c.r.list, row{class: class, key: key, place: int32(p.which)})
				byKey[key] = r
			}
			known[p] = r
		}
		c.r.of[n] = r
	}
}

// Class returns the class of the node: the name of its row in Classes.
func (s *Snapshot) Class(n Node) string {
	need(&s.classed, s.classify)
	return toUTF8([]byte(s.rows.list[s.rows.of[n]].class))
}

// ClassKey returns the key of the node's row in Classes.
func (s *Snapshot) ClassKey(n Node) string {
	need(&s.classed, s.classify)
	return s.rows.list[s.rows.of[n]].key
}

// ClassNodes returns the nodes of the row with the key, in file order. Like in
// DevTools, nodes of size 0 are not among them.
func (s *Snapshot) ClassNodes(key string) []Node {
	need(&s.counted, s.countClasses)
	var nodes []Node
	row := s.rows.byKey(s.rows.totals, key)
	for n, r := range s.rows.of {
		if int64(r) == row && s.self[n] != 0 {
			nodes = append(nodes, Node(n))
		}
	}
	return nodes
}
