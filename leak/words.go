package leak

import (
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// words finds names for objects as a programmer knows them.
type words struct {
	v       *survey
	resolve func(heap.Location) Place
	// functions has, for contexts that have been asked for, a function that runs in it.
	functions map[heap.Node]heap.Node
	// shared are the contexts that several functions run in.
	shared  map[heap.Node]bool
	scanned bool
	// labels of edges: from a closure to its context, from a shape to its properties
	contextOf, descriptors heap.Label
}

func newWords(v *survey, resolve func(heap.Location) Place) *words {
	if resolve == nil {
		resolve = asItStands
	}
	l := v.Labels("context", "descriptors")
	return &words{v: v, resolve: resolve, functions: map[heap.Node]heap.Node{}, shared: map[heap.Node]bool{}, contextOf: l[0], descriptors: l[1]}
}

// asItStands is the place of a location without source maps.
func asItStands(l heap.Location) Place {
	file := l.Script
	if file == "" {
		file = "script " + strconv.Itoa(l.ScriptID)
	}
	return Place{File: file, Line: l.Line + 1, Column: l.Column + 1}
}

func (w *words) placeOf(l *heap.Location) *Place {
	if l == nil {
		return nil
	}
	p := w.resolve(*l)
	return &p
}

// place returns where the function or the constructor of the object stands, nil = the
// snapshot does not know.
func (w *words) place(n heap.Node) *Place {
	l, ok := w.v.Location(n)
	if !ok {
		return nil
	}
	p := w.placeOf(&l)
	if w.v.Type(n) == heap.ClosureNode && p.Function == "" {
		p.Function = w.v.RawName(n)
	}
	return p
}

// isContext says whether the node is what holds the variables of a function.
func (w *words) isContext(n heap.Node) bool { return w.v.NameLabel(n) == w.v.contextName }

// function returns a function whose variables the context holds.
func (w *words) function(context heap.Node) (heap.Node, bool) {
	if !w.scanned {
		w.scanned = true
		v := w.v
		for n := range heap.Node(v.NumNodes()) {
			if v.Type(n) != heap.ClosureNode {
				continue
			}
			for r := range v.Out(n) {
				if r.Type != heap.InternalEdge || v.EdgeLabel(r.Edge) != w.contextOf {
					continue
				}
				old, ok := w.functions[r.To]
				w.shared[r.To] = w.shared[r.To] || ok
				if !ok || v.ID(n) < v.ID(old) {
					w.functions[r.To] = n
				}
			}
		}
	}
	n, ok := w.functions[context]
	return n, ok
}

// class returns the class as it is shown: long lists of properties are cut.
func (w *words) class(n heap.Node) string {
	const maxClass = 48
	class := w.v.Class(n)
	if w.v.Type(n) == heap.HiddenNode { // all of these are "(system)"
		class = strings.TrimPrefix(w.v.RawName(n), "system / ")
	}
	if len(class) <= maxClass {
		return class
	}
	cut := strings.LastIndex(class[:maxClass], ",")
	if cut < 0 {
		cut = maxClass
	}
	return class[:cut] + ", …}"
}

// maxClimb bounds how many plain objects a name goes through: a.b.c.d.
const maxClimb = 4

// title names an accumulation point: "ThrottlerStorageService.timeoutIds (Map)".
func (w *words) title(c *candidate) string {
	v := w.v
	switch c.kind {
	case group:
		inner := w.class(c.members[0])
		if event, emitter, ok := w.listeners(c.members[0]); ok {
			return fmt.Sprintf("%d × %s%s", len(c.members), w.class(emitter), eventText(event))
		}
		name := w.name(c.node, maxClimb)
		if p, e, ok := v.holder(c.members[0]); ok && p != c.node && w.isNamed(e) {
			return fmt.Sprintf("%s (%s) of %d %s in %s", strings.TrimPrefix(w.edge(e), "."), inner, len(c.members), w.class(p), name)
		}
		return fmt.Sprintf("%s (%d × %s)", name, len(c.members), inner)
	case chain:
		if event, emitter, ok := w.listeners(c.node); ok {
			return w.owner(emitter, maxClimb) + eventText(event)
		}
		return fmt.Sprintf("%s (chain of %s)", w.anchorName(c), w.class(c.parts[0]))
	}
	name, class := w.anchorName(c), w.class(c.anchor)
	if name == class || class == "(synthetic)" || w.isContext(c.anchor) || w.isGlobal(c.anchor) || strings.HasSuffix(name, "("+class+")") {
		return name
	}
	if whole := w.whose(c); whole != "" {
		name += " in " + whole
	}
	return fmt.Sprintf("%s (%s)", name, class)
}

// anchorName names what a suspect is about.
func (w *words) anchorName(c *candidate) string {
	if c.slot != noEdge {
		if slot := w.slot(w.v.Ref(c.slot).From, c.slot, maxClimb); slot != "" {
			return slot
		}
	}
	return w.name(c.anchor, maxClimb)
}

// name names an object by what holds it.
func (w *words) name(n heap.Node, climb int) string {
	v := w.v
	switch {
	case n == v.Root():
		return "the heap"
	case w.isContext(n):
		if f, ok := w.function(n); ok {
			return "variables of " + w.functionName(f)
		}
		return "variables of a function"
	case v.Type(n) == heap.ClosureNode:
		return w.functionName(n)
	case w.isGlobal(n):
		return "global"
	case climb == 0:
		return w.class(n)
	}
	holder, e, ok := v.holder(n)
	if !ok || holder == v.Root() {
		return w.class(n)
	}
	if event, emitter, ok := w.listeners(n); ok {
		return w.owner(emitter, climb-1) + eventText(event)
	}
	if slot := w.slot(holder, e, climb); slot != "" {
		return slot
	}
	return w.class(n)
}

// owner names an object that has what is spoken of: by its class if that is a name of its
// own, else by what holds it in turn.
func (w *words) owner(n heap.Node, climb int) string {
	v := w.v
	if v.Type(n) == heap.ObjectNode && !w.isContext(n) && !w.isGlobal(n) && v.NameLabel(n) != v.plain && isTelling(v.RawName(n)) {
		return v.RawName(n)
	}
	return w.name(n, climb)
}

// builtin are classes of objects that say nothing by themselves.
var builtin = map[string]bool{
	"Object": true, "Array": true, "Map": true, "Set": true, "WeakMap": true, "WeakSet": true, "Promise": true, "Generator": true,
}

// isTelling says whether the name of a class says something: not one that comes with the
// language, nor what a minifier has left of one.
func isTelling(class string) bool {
	const minName = 3
	return len(class) >= minName && !builtin[class]
}

// slot names a place in an object: "Service.cache", "cache in server.js", "global.cache".
func (w *words) slot(holder heap.Node, e heap.Edge, climb int) string {
	v := w.v
	edge := v.Ref(e)
	label := w.edge(e)
	if edge.Type == heap.PropertyEdge && !readsLikeCode(v.EdgeName(e)) {
		label = "[entry]"
	}
	switch {
	case edge.From != holder: // through a table
		return join(w.owner(holder, climb-1), label)
	case edge.Type == heap.ContextEdge:
		if f, ok := w.function(holder); ok {
			if l, ok := v.Location(f); ok {
				return label + " in " + path.Base(strings.TrimPrefix(w.resolve(l).File, "file://"))
			}
		}
		return label
	case edge.Type == heap.PropertyEdge || edge.Type == heap.ElementEdge || strings.HasPrefix(label, "."):
		return join(w.owner(holder, climb-1), label)
	}
	return ""
}

// join writes an edge behind its owner, and before the file if that is said.
func join(owner, edge string) string {
	if i := strings.LastIndex(owner, " in "); i > 0 && !strings.Contains(owner, "listeners of") {
		return owner[:i] + edge + owner[i:]
	}
	return owner + edge
}

// eventText is how the listeners of an event are spoken of.
func eventText(event string) string {
	if !readsLikeCode(event) {
		return " listeners of an event"
	}
	return fmt.Sprintf(" listeners of %q", event)
}

// readsLikeCode says whether a name seems to be a programmer's rather than data, an
// address or an id, which titles do not show.
func readsLikeCode(name string) bool {
	const (
		maxName   = 60
		maxDigits = 4 // in a row
	)
	if strings.HasPrefix(name, "<symbol ") {
		return true
	}
	digits := 0
	for _, r := range name {
		switch {
		case r >= '0' && r <= '9':
			if digits++; digits > maxDigits {
				return false
			}
			continue
		case r == ' ', r == '@', r == '"', r == '?', r == '&', r == '=', r == '%', r == '/', r == '\\', r < ' ':
			return false
		}
		digits = 0
	}
	return name != "" && len(name) <= maxName
}

// isNamed says whether the edge has a name that a programmer has given.
func (w *words) isNamed(e heap.Edge) bool {
	r := w.v.Ref(e)
	return r.Type == heap.PropertyEdge || r.Type == heap.ContextEdge || r.Type == heap.HiddenEdge && w.v.NameLabel(r.From) == w.v.proxy
}

// edge returns the edge as it is written behind its object.
func (w *words) edge(e heap.Edge) string {
	v := w.v
	r := v.Ref(e)
	name := v.EdgeName(e)
	if r.Type == heap.HiddenEdge && v.NameLabel(r.From) == v.proxy {
		return proxySlots[name]
	}
	switch r.Type {
	case heap.PropertyEdge:
		if w.isKeyed(r.From) {
			return "[entry]"
		}
		if isIdentifier(name) {
			return "." + name
		}
		if strings.HasPrefix(name, "<symbol ") {
			return "[" + strings.TrimSuffix(strings.TrimPrefix(name, "<symbol "), ">") + "]"
		}
		return "[" + strconv.Quote(name) + "]"
	case heap.ElementEdge:
		return "[" + name + "]"
	case heap.ContextEdge:
		return name
	case heap.InternalEdge:
		if _, ok := v.EdgeIndex(e); ok || strings.Contains(name, " / part of key ") {
			return "[entry]"
		}
	}
	return "(" + name + ")"
}

// isKeyed says whether the properties of an object are data, of one that is used as a map,
// rather than names in the source.
func (w *words) isKeyed(n heap.Node) bool { return !w.isGlobal(n) && w.v.isKeyed(n) }

// proxySlots are what V8 keeps in a Proxy, by the index of the edge.
var proxySlots = map[string]string{"1": ".target", "2": ".handler"}

func isIdentifier(s string) bool {
	for i, r := range s {
		letter := r == '_' || r == '$' || r == '#' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 127
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// functionName names a function.
func (w *words) functionName(f heap.Node) string {
	if name := w.v.RawName(f); name != "" {
		return name
	}
	if p := w.place(f); p != nil {
		return fmt.Sprintf("function at %s:%d", path.Base(p.File), p.Line)
	}
	return "a function"
}

// isGlobal says whether the node is the global object.
func (w *words) isGlobal(n heap.Node) bool {
	name := w.v.RawName(n)
	return w.v.Type(n) == heap.ObjectNode && (name == "global" || name == "Object / " || strings.HasPrefix(name, "Window"))
}
