package report

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

const (
	// cutString is where V8 cuts the strings of a snapshot, in characters, unless
	// it is told otherwise (v8::internal::HeapSnapshotGenerator).
	cutString = 1024

	// shownString is how much of a string is shown, if contents are shown at all,
	// in bytes: enough to know it by.
	shownString = 200

	// maxName bounds any other name, in bytes: minified code has names of
	// kilobytes.
	maxName = 160
)

// namer gives nodes, edges and classes the names that a page may show. Contents
// of strings, and names that programs take from data, are not among them unless
// wanted.
type namer struct {
	heap *heap.Snapshot
	open bool               // show everything
	maps map[heap.Node]bool // what isMap has said

	isCode     func(string) bool // see Report, nil = all
	isConstant func(string) bool // see Report, nil = none
}

// node returns the name of a node.
func (m namer) node(n heap.Node) string {
	kind := m.heap.Type(n)
	if m.open {
		return cut(m.heap.Name(n), shownString)
	}
	switch kind {
	case heap.StringNode, heap.ConsStringNode, heap.SlicedStringNode:
		return "string, " + length(m.heap.Name(n))
	case heap.RegExpNode:
		return "RegExp, " + length(m.heap.RawName(n))
	case heap.NumberNode:
		return "number"
	case heap.BigIntNode:
		return "bigint"
	case heap.ObjectNode:
		return m.class(m.heap.Class(n))
	case heap.ClosureNode, heap.SymbolNode:
		return m.function(m.heap.RawName(n))
	case heap.CodeNode:
		name := m.heap.RawName(n)
		if inner, ok := strings.CutPrefix(name, "(code for "); ok {
			return "(code for " + m.function(strings.TrimSuffix(inner, ")")) + ")"
		}
		return cut(name, maxName)
	}
	return cut(m.heap.RawName(n), maxName)
}

// length tells how long a string is. What V8 has cut is longer than that.
func length(text string) string {
	n := utf8.RuneCountInString(text)
	switch {
	case n == 1:
		return "1 char"
	case n >= cutString:
		return grouped(n) + " chars or more"
	}
	return grouped(n) + " chars"
}

// cut bounds a name at a whole character.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}

// functionWords stand in names of functions that V8 makes up itself.
var functionWords = []string{"<anonymous>", "<computed>", "<instance_members_initializer>", "<static_initializer>"}

// function returns the name of a function or symbol. handlers[email] = () => …
// names a function by data.
func (m namer) function(name string) string {
	if m.open || name == "" {
		return cut(name, maxName)
	}
	rest := name
	for _, word := range []string{"bound ", "get ", "set ", "async ", "static "} {
		rest = strings.TrimPrefix(rest, word)
	}
	rest = strings.TrimSuffix(strings.TrimPrefix(rest, "[Symbol."), "]")
	for part := range strings.SplitSeq(rest, ".") {
		if !slices.Contains(functionWords, part) && !m.isName(part) {
			return maskedKey
		}
	}
	return cut(name, maxName)
}

// edge returns the name of an edge.
func (m namer) edge(kind heap.EdgeType, name string) string {
	if m.open {
		return cut(name, shownString)
	}
	switch kind {
	case heap.PropertyEdge:
		inner := name
		if symbol, ok := strings.CutPrefix(name, "<symbol "); ok {
			inner = strings.TrimSuffix(symbol, ">")
		}
		// Indexes are edges of their own: a property that looks like one is a key.
		if !m.isName(inner) || strings.HasPrefix(inner, "[") {
			return maskedKey
		}
	case heap.InternalEdge:
		// V8 puts the names of key and value, which may be strings, into this one.
		if strings.Contains(name, "part of key (") {
			return "(pair of a WeakMap)"
		}
	}
	return cut(name, maxName)
}

// ref returns the name of an edge. An object that holds many of one class by their names
// is a map, and the names are its keys: none of them is shown.
func (m namer) ref(r heap.Ref) string {
	if !m.open && r.Type == heap.PropertyEdge {
		keyed, known := m.maps[r.From]
		if !known {
			keyed = m.isMap(r.From)
			m.maps[r.From] = keyed
		}
		if keyed {
			return maskedKey
		}
	}
	return m.edge(r.Type, m.heap.EdgeName(r.Edge))
}

// isMap tells whether an object is used as a map. One with many functions is a module, or
// the prototype of a class.
func (m namer) isMap(n heap.Node) bool {
	const (
		many   = 12   // properties of a class: more than objects in code have of one kind
		most   = 0.8  // of all properties
		enough = 2000 // properties that are looked at
	)
	counts, all, top := map[string]int{}, 0, 0
	for r := range m.heap.Out(n) {
		if r.Type != heap.PropertyEdge {
			continue
		}
		if all++; all > enough {
			break
		}
		if m.heap.Type(r.To) == heap.ClosureNode {
			continue
		}
		class := m.heap.Class(r.To)
		counts[class]++
		top = max(top, counts[class])
	}
	return top >= many && float64(top) >= most*float64(all)
}

// class returns the name of a class. Plain objects are classed by the names of
// their properties: {id, name}.
func (m namer) class(name string) string {
	inner, ok := strings.CutPrefix(name, "{")
	inner = strings.TrimSuffix(inner, "}")
	switch {
	case !m.open && !ok && !m.isClass(name):
		return maskedClass
	case m.open || !ok || inner == "":
		return cut(name, maxName)
	}
	var shown []string
	for _, property := range properties(inner) {
		if property != "…" && (!m.isName(property) || strings.HasPrefix(property, "[")) {
			property = maskedKey
			if slices.Contains(shown, property) {
				continue
			}
		}
		shown = append(shown, property)
	}
	return cut("{"+strings.Join(shown, ", ")+"}", maxName)
}

// properties splits a list of names at its commas; those that have some
// themselves are in quotes.
func properties(list string) []string {
	var names []string
	start, quoted := 0, false
	for i := 0; i < len(list); i++ {
		switch {
		case quoted && list[i] == '\\':
			i++
		case list[i] == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(list[i:], ", "):
			names = append(names, list[start:i])
			start = i + len(", ")
		}
	}
	return append(names, list[min(start, len(list)):])
}

// step returns the name of a step of a path.
func (r *Report) step(m namer, s leak.Step) string {
	if m.open {
		return cut(s.Edge, shownString)
	}
	if s.Type == heap.InternalEdge {
		return m.edge(s.Type, s.Edge)
	}
	return cut(r.edgeName(s), maxName)
}

// breakable lets long names of code break where people would break them: behind
// a dot or a slash, before a capital letter. The text is escaped.
func breakable(text string) template.HTML {
	var out strings.Builder
	start := 0
	for i := 1; i < len(text); i++ {
		before, here := text[i-1], text[i]
		inside := i > 1 && text[i-2] != ' ' // not behind the dot or slash that a path begins with
		if inside && here != ' ' && (before == '.' || before == '/') || lower(before) && upper(here) {
			out.WriteString(template.HTMLEscapeString(text[start:i]) + "<wbr>")
			start = i
		}
	}
	out.WriteString(template.HTMLEscapeString(text[start:]))
	return template.HTML(out.String())
}

func lower(c byte) bool { return 'a' <= c && c <= 'z' }
func upper(c byte) bool { return 'A' <= c && c <= 'Z' }

// idText is an object id as DevTools writes it.
func idText(id heap.ID) string { return "@" + strconv.FormatUint(uint64(id), 10) }
