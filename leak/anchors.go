package leak

import (
	"strconv"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// anchor finds the object that a suspect is about: the thing in the source that should
// not grow. For a chain or a value that is what the named slot holds; if no name leads
// there, it is the nearest object on the path that has one.
func (w *words) anchor(c *candidate) {
	v := w.v
	c.anchor = c.node
	if c.kind == group && len(c.members) > 0 {
		// What holds all emitters is a list of Node.js or a pool: one of them says more.
		if last := c.members[len(c.members)-1]; w.hasListeners(last) {
			c.anchor = last
		}
		return
	}
	if c.kind == collection || c.kind == inside {
		return
	}
	if c.slot != noEdge && !w.isNamed(c.slot) {
		c.slot = noEdge
	}
	if _, emitter, ok := w.listeners(c.node); ok {
		c.anchor, c.slot = emitter, noEdge
		return
	}
	if c.slot != noEdge {
		c.anchor = v.Ref(c.slot).To
		w.descend(c)
		return
	}
	for range maxClimb {
		p, e, ok := v.holder(c.anchor)
		if !ok || p == v.Root() || w.isNamed(e) || w.speaks(c.anchor) {
			return
		}
		c.anchor = p
	}
}

// hasListeners says whether the node is a list of listeners.
func (w *words) hasListeners(n heap.Node) bool {
	_, _, ok := w.listeners(n)
	return ok
}

// descend goes on from a slot to the collection in it that has most of what is new: state
// that is replaced as a whole each time, with a list in it that grows.
func (w *words) descend(c *candidate) {
	v := w.v
	if c.kind != owner {
		return
	}
	for range maxClimb {
		next, ok := v.heir(c.anchor)
		if !ok || float64(v.Retained(next)) < explained*float64(v.Retained(c.anchor)) || v.Type(next) != heap.ObjectNode {
			return
		}
		slot := v.slotOf(c.anchor, next)
		if slot == noEdge || !w.isNamed(slot) {
			return
		}
		c.anchor, c.slot = next, slot
	}
}

// speaks says whether the object has a name of its own: a class that an application has
// defined, the global object, a function with a name.
func (w *words) speaks(n heap.Node) bool {
	v := w.v
	if w.isGlobal(n) || n == v.Root() {
		return true
	}
	if v.Type(n) == heap.ClosureNode {
		return v.RawName(n) != "" && w.place(n) != nil
	}
	return v.Type(n) == heap.ObjectNode && !w.isContext(n) && isTelling(v.RawName(n))
}

// listeners tells the event and the emitter of what holds the listeners: in an
// EventEmitter an array in the object _events, in an EventTarget of Node.js a list behind
// an entry of the map at the symbol kEvents.
func (w *words) listeners(n heap.Node) (event string, emitter heap.Node, ok bool) {
	v := w.v
	events, e, ok := v.holder(n)
	if !ok {
		return "", 0, false
	}
	emitter, held, ok := v.holder(events)
	if !ok {
		return "", 0, false
	}
	switch name := v.EdgeName(held); {
	case name == "_events" && v.Ref(e).Type == heap.PropertyEdge:
		return v.EdgeName(e), emitter, true
	case strings.Contains(name, "kEvents"):
		return w.keyOf(events, n), emitter, true
	}
	return "", 0, false
}

// keyOf returns the key of a Map's entry as text, "" if it is not a string.
func (w *words) keyOf(m, element heap.Node) (key string) {
	v := w.v
	v.eachEntry(m, func(e entry) {
		if e.pair && e.value == element && v.Type(e.key) == heap.StringNode {
			key = v.RawName(e.key)
		}
	})
	return key
}

// number returns the value of a number in snapshots that have them, else 0.
func (w *words) number(n heap.Node) float64 {
	v := w.v
	if v.Type(n) != heap.NumberNode {
		return 0
	}
	for r := range v.Out(n) {
		if r.Type == heap.InternalEdge && v.Type(r.To) == heap.StringNode {
			if value, err := strconv.ParseFloat(v.RawName(r.To), 64); err == nil {
				return value
			}
		}
	}
	return 0
}

// maxNames bounds the names that are looked at: more than that is no class.
const maxNames = 64

// ownNames returns the names of the properties that objects of a shape have.
func (w *words) ownNames(shape heap.Node) []string {
	v := w.v
	var names []string
	for r := range v.Out(shape) {
		if r.Type != heap.InternalEdge || v.EdgeLabel(r.Edge) != w.descriptors {
			continue
		}
		for d := range v.Out(r.To) {
			if t := v.Type(d.To); (t == heap.StringNode || t == heap.SymbolNode) && len(names) < maxNames {
				names = append(names, v.RawName(d.To))
			}
		}
	}
	return names
}
