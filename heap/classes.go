package heap

import (
	"bytes"
	"context"
	"fmt"
)

// row is a class of objects with one location, or none. DevTools tells rows apart by
// the index of the class's name, so that two can have one name; see mergeRows.
type row struct {
	class string // in WTF-8
	key   string // equal in other snapshots of the process
	place int32  // of the constructor, or -1
}

// group is what nodes of one row, and of one shape if they are plain objects, have in
// common.
type group struct {
	row   uint32
	shape uint32 // or noShape
}

// noShape is the shape of what is no plain object.
const noShape = 1<<32 - 1

// rows are the classes of all nodes.
type rows struct {
	of         []uint32 // group of a node
	groups     []group
	list       []row
	shapes     shapes
	interfaces []iface
	totals     []total // by row
}

// row returns the row of the node.
func (r *rows) row(n Node) uint32 { return r.groups[r.of[n]].row }

// classifier is the classification at work.
type classifier struct {
	s      *Snapshot
	r      rows
	byName map[uint32]uint32 // groups of object and native nodes, by the name's index
	byText map[string]uint32 // of classes that are not in the file
	byType []int64           // groups by the number of the type, -1 where the name decides
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
		if fixed := c.byType[kind]; fixed >= 0 {
			c.r.of[n] = uint32(fixed)
			continue
		}
		if name := s.name[n]; s.types[kind] == ObjectNode && s.known.object.has(name) {
			c.r.of[n] = c.shaped(Node(n))
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

// types finds the groups of the types that are classes.
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
	return c.addRow(row{class: class, key: "," + class, place: -1})
}

func (c *classifier) addRow(r row) uint32 {
	c.r.list = append(c.r.list, r)
	return uint32(len(c.r.list) - 1)
}

func (c *classifier) addGroup(g group) uint32 {
	c.r.groups = append(c.r.groups, g)
	return uint32(len(c.r.groups) - 1)
}

// shaped returns the group of a plain object, whose row is found later, by plain.
func (c *classifier) shaped(n Node) uint32 {
	i, isNew := c.r.shapes.add(c.s, n)
	if sh := &c.r.shapes.list[i]; isNew {
		sh.group = c.addGroup(group{shape: uint32(i)})
	}
	return c.r.shapes.list[i].group
}

// texted returns the group of a class that is not a name in the file.
func (c *classifier) texted(class string) uint32 {
	i, ok := c.byText[class]
	if !ok {
		i = c.addGroup(group{c.add(class), noShape})
		c.byText[class] = i
	}
	return i
}

// named returns the group of an object or native node by its name. DOM nodes are classed
// by their tags.
func (c *classifier) named(name uint32) uint32 {
	if i, ok := c.byName[name]; ok {
		return i
	}
	text := c.s.text.at(textID(name))
	tag := -1 // where to look for the end of the tag
	if hasPrefix(text, "<") {
		tag = 0
	} else if hasPrefix(text, detachedPrefix+"<") {
		tag = len(detachedPrefix) + 1
	}
	var i uint32
	if tag < 0 {
		i = c.addGroup(group{c.add(string(text)), noShape})
	} else if end := bytes.IndexByte(text[tag:], ' '); end >= 0 {
		i = c.texted(string(text[:tag+end]) + ">")
	} else {
		i = c.texted(string(text))
	}
	c.byName[name] = i
	return i
}

// plain finds the rows of plain objects.
func (c *classifier) plain() {
	s := c.s
	m := newMatcher(c.r.interfaces)
	of := make([]uint32, len(c.r.interfaces))
	for i, def := range c.r.interfaces {
		of[i] = c.add(def.name)
	}
	for _, sh := range c.r.shapes.list {
		if def := m.match(s.propertyTexts(sh.example)); def != noInterface {
			c.r.groups[sh.group].row = of[def]
		} else {
			c.r.groups[sh.group].row = c.r.groups[c.named(s.name[sh.example])].row
		}
	}
}

// locate moves objects whose constructor has a location to rows of their own.
func (c *classifier) locate() {
	type pair struct{ which, group uint32 }
	known := map[pair]uint32{}
	byKey := map[string]uint32{}
	l := &c.s.locations
	l.sorted.Do(l.sort)
	for i, n := range l.nodes {
		if c.s.Type(n) != ObjectNode {
			continue
		}
		p := pair{l.which[i], c.r.of[n]}
		located, ok := known[p]
		if !ok {
			from := c.r.groups[p.group]
			at, class := l.places[p.which], c.r.list[from.row].class
			key := fmt.Sprintf("%d,%d,%d,%s", at.script, at.line, at.column, class)
			r, ok := byKey[key]
			if !ok {
				r = c.addRow(row{class: class, key: key, place: int32(p.which)})
				byKey[key] = r
			}
			located = c.addGroup(group{r, from.shape})
			known[p] = located
		}
		c.r.of[n] = located
	}
}

// Class returns the class of the node: the name of its row in Classes.
func (s *Snapshot) Class(n Node) string {
	need(&s.classed, s.classify)
	return toUTF8([]byte(s.rows.list[s.rows.row(n)].class))
}

// ClassKey returns the key of the node's row in Classes.
func (s *Snapshot) ClassKey(n Node) string {
	need(&s.classed, s.classify)
	return s.rows.list[s.rows.row(n)].key
}

// ClassNodes returns the nodes of the rows with the keys, in file order. Like in
// DevTools, nodes of size 0 are not among them.
func (s *Snapshot) ClassNodes(keys ...string) []Node {
	need(&s.counted, s.countClasses)
	wanted := newBitset(len(s.rows.list))
	for _, key := range keys {
		if row := s.rows.byKey(s.rows.totals, key); row >= 0 {
			wanted.add(uint32(row))
		}
	}
	var nodes []Node
	for n, i := range s.rows.of {
		if s.self[n] != 0 && wanted.has(s.rows.groups[i].row) {
			nodes = append(nodes, Node(n))
		}
	}
	return nodes
}
