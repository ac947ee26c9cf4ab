package leak

import (
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

// graph is a snapshot with the labels that a diagnosis asks for again and again.
type graph struct {
	*heap.Snapshot
	table, properties, proto, hiddenMap heap.Label // of edges
	reaction, contextName, plain, proxy heap.Label // of nodes
	holes                               [2]heap.Label
	fillers                             [3]heap.Label
	// keyed is the last answer of isKeyed, which is asked for each edge of an object.
	keyed struct {
		node      heap.Node
		known, is bool
	}
}

func newGraph(s *heap.Snapshot) *graph {
	l := s.Labels("table", "properties", "__proto__", "map",
		"system / PromiseReaction", "system / Context", "Object", "system / JSProxy", "system / Hole", "hole",
		"system / Oddball", "undefined", "null")
	return &graph{
		Snapshot: s,
		table:    l[0], properties: l[1], proto: l[2], hiddenMap: l[3],
		reaction: l[4], contextName: l[5], plain: l[6], proxy: l[7], holes: [2]heap.Label{l[8], l[9]},
		fillers: [3]heap.Label{l[10], l[11], l[12]},
	}
}

// entry is an element of a collection: of a Map both key and value.
type entry struct {
	key, value heap.Node
	pair       bool // both are there; else value alone
}

// minProperties is how many properties make an object a collection: one that is used as
// a map has more than what a programmer writes by hand.
const minProperties = 24

// collects says whether the node may be a collection: an array, a Map, a Set, an object
// that is used as a map. Objects that are neither have a few properties and no elements.
func (g *graph) collects(n heap.Node) bool {
	if t := g.Type(n); t != heap.ObjectNode && t != heap.ClosureNode {
		return false
	}
	properties := 0
	for r := range g.Out(n) {
		switch r.Type {
		case heap.ElementEdge:
			return true
		case heap.PropertyEdge:
			if properties++; properties >= minProperties {
				return true
			}
		case heap.InternalEdge:
			if g.EdgeLabel(r.Edge) == g.table && g.Type(r.To) == heap.ArrayNode {
				return true
			}
		}
	}
	_, ok := g.listOf(n)
	return ok
}

// eachEntry calls f for each element of a collection, whatever V8 keeps it in.
func (g *graph) eachEntry(n heap.Node, f func(entry)) {
	if l, ok := g.listOf(n); ok {
		g.eachLink(l, f)
		return
	}
	if dictionary, ok := g.dictionaryOf(n); ok {
		g.eachRow(dictionary, f)
		g.eachOwn(n, false, f)
		return
	}
	g.eachOwn(n, true, f)
}

// eachOwn is eachEntry for what hangs on the node itself.
func (g *graph) eachOwn(n heap.Node, properties bool, f func(entry)) {
	for r := range g.Out(n) {
		switch r.Type {
		case heap.ElementEdge:
			if !g.isHole(r.To) && !g.isFiller(r.To) {
				f(entry{value: r.To})
			}
		case heap.PropertyEdge:
			if properties && g.EdgeLabel(r.Edge) != g.proto {
				f(entry{value: r.To})
			}
		case heap.InternalEdge:
			if g.EdgeLabel(r.Edge) == g.table && g.Type(r.To) == heap.ArrayNode {
				g.eachRow(r.To, f)
			}
		}
	}
}

// dictionaryOf returns the table in which V8 keeps the properties of an object that has
// many of them or that has lost some: there the names can be seen, even of those whose
// values are small numbers.
func (g *graph) dictionaryOf(n heap.Node) (heap.Node, bool) {
	for r := range g.Out(n) {
		if r.Type == heap.InternalEdge && g.EdgeLabel(r.Edge) == g.properties && g.Type(r.To) == heap.ArrayNode {
			return r.To, true
		}
	}
	return 0, false
}

// isKeyed says whether the properties of an object are data: it has many, in a table, and
// they are not the methods and fields of an application or a router that has been given
// them one by one.
func (g *graph) isKeyed(n heap.Node) bool {
	if g.Degree(n) < minProperties || g.NameLabel(n) != g.plain {
		return false
	}
	if g.keyed.known && g.keyed.node == n {
		return g.keyed.is
	}
	_, ok := g.dictionaryOf(n)
	g.keyed.node, g.keyed.known, g.keyed.is = n, true, ok && !g.hasMethods(n)
	return g.keyed.is
}

// hasMethods says whether many of the properties are functions, each with a name of its own:
// callbacks that are kept by a key are of one name, or have none.
func (g *graph) hasMethods(n heap.Node) bool {
	const (
		maxLooked  = 32 // properties
		minMethods = 6
	)
	looked, names := 0, map[heap.Label]bool{}
	for r := range g.Out(n) {
		if r.Type != heap.PropertyEdge || g.EdgeLabel(r.Edge) == g.proto {
			continue
		}
		if looked++; g.Type(r.To) == heap.ClosureNode && g.RawName(r.To) != "" {
			names[g.NameLabel(r.To)] = true
		}
		if looked == maxLooked {
			break
		}
	}
	return len(names) >= max(minMethods, looked/3)
}

// eachRow calls f for each entry of a hash table of V8. The key and the value of an entry
// are neighbours; a small number between them and the next entry has no edge.
func (g *graph) eachRow(table heap.Node, f func(entry)) {
	last := -2
	var row entry
	open := false
	flush := func() {
		if open {
			f(row)
		}
		open, row = false, entry{}
	}
	for r := range g.Out(table) {
		if r.Type == heap.WeakEdge || r.Type == heap.ShortcutEdge || r.Type == heap.InternalEdge && g.EdgeLabel(r.Edge) == g.hiddenMap {
			continue
		}
		if g.isHole(r.To) {
			continue
		}
		i, ok := g.EdgeIndex(r.Edge)
		if !ok { // of a WeakMap: "7 / part of key … -> value … pair in WeakMap"
			flush()
			f(entry{value: r.To})
			last = -2
			continue
		}
		if open && i == last+1 && !row.pair {
			row = entry{key: row.value, value: r.To, pair: true}
		} else {
			flush()
			row, open = entry{value: r.To}, true
		}
		last = i
	}
	flush()
}

// isHole says whether the node is what V8 leaves where an element has been removed.
func (g *graph) isHole(n heap.Node) bool {
	l := g.NameLabel(n)
	return (l == g.holes[0] || l == g.holes[1]) && g.Type(n) == heap.HiddenNode
}

// isFiller says whether the node is undefined or null, which an array is filled with before
// it has elements; booleans look the same, and weigh as little.
func (g *graph) isFiller(n heap.Node) bool {
	return g.Type(n) == heap.HiddenNode && slices.Contains(g.fillers[:], g.NameLabel(n))
}

// ownsBytes says whether objects of the node's type are an application's own. Code, and
// what V8 knows of the shapes of objects, comes and goes with the optimizer.
func (g *graph) ownsBytes(n heap.Node) bool {
	switch g.Type(n) {
	case heap.CodeNode, heap.ShapeNode, heap.SyntheticNode:
		return false
	case heap.HiddenNode:
		l := g.NameLabel(n)
		return l == g.reaction || l == g.contextName
	}
	return true
}
