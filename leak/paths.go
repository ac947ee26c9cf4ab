package leak

import (
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// path returns the nearest path from a root to what the candidate is about.
func (w *words) path(c *candidate) []Step {
	v := w.v
	to := c.anchor
	if c.slot != noEdge {
		to = v.Ref(c.slot).From
	}
	if c.kind == group && len(c.members) > 0 {
		to = c.members[len(c.members)-1]
	}
	var edges []heap.Edge
	for n := to; ; {
		p, e, ok := v.parent(n)
		if !ok {
			break
		}
		edges = append(edges, e)
		n = p
	}
	slices.Reverse(edges)
	steps := []Step{}
	for _, e := range edges {
		r := v.Ref(e)
		if v.isPart(r.To) && r.To != to {
			continue // the table of the next step's collection
		}
		steps = append(steps, w.step(r))
	}
	if c.slot != noEdge {
		steps = append(steps, w.step(v.Ref(c.slot)))
	}
	return w.fromGlobal(steps)
}

func (w *words) step(r heap.Ref) Step {
	v := w.v
	edge := w.edge(r.Edge)
	if r.Type == heap.ContextEdge {
		edge = "context." + edge
	}
	if len(edge) > 1 && edge[0] == '.' {
		edge = edge[1:]
	}
	if w.isGlobal(r.From) && r.Type == heap.PropertyEdge {
		edge = "global." + edge
	}
	return Step{Edge: edge, Type: r.Type, ID: v.ID(r.To), Node: r.To, Class: w.class(r.To), Place: w.place(r.To)}
}

// fromGlobal leaves out what leads from the root of the graph to what a program can name:
// the process object, the server, timer or other object of Node.js that holds the first
// piece of the application, or else a property of the global object.
func (w *words) fromGlobal(steps []Step) []Step {
	for i, s := range slices.Backward(steps) {
		if s.Class == "process" && w.v.Type(s.Node) == heap.ObjectNode {
			steps[i].Edge = "process"
			return steps[i:]
		}
	}
	global := max(0, slices.IndexFunc(steps, func(s Step) bool { return strings.HasPrefix(s.Edge, "global.") }))
	app := slices.IndexFunc(steps, func(s Step) bool { return s.Place != nil && !isRuntime(s.Place) })
	for i := app - 1; i > global; i-- {
		if w.isRuntimes(steps[i].Node) {
			steps[i].Edge = steps[i].Class
			return steps[i:]
		}
	}
	return steps[global:]
}

// isRuntimes says whether the node is an object of a class of Node.js.
func (w *words) isRuntimes(n heap.Node) bool {
	v := w.v
	if v.Type(n) != heap.ObjectNode || w.isContext(n) || w.isGlobal(n) || v.NameLabel(n) == v.plain || builtin[v.RawName(n)] {
		return false
	}
	p := w.place(n)
	return p != nil && isRuntime(p)
}

// ownerPlace returns the place of the code that owns an object: of its own constructor,
// or of the nearest function or object with a known constructor on the path to it. Of a
// variable that several functions see, as those of a module, it is the one of them that the
// path leads through: which fills it, or where it is declared, is not known.
func (w *words) ownerPlace(n heap.Node) *Place {
	v := w.v
	var runtimes *Place // the nearest one in Node.js itself, if there is none but such
	for range maxClimb {
		p := w.place(n)
		if f, ok := heap.Node(0), false; p == nil && w.isContext(n) {
			if f, ok = w.function(n); ok {
				p = w.place(f)
			}
			if p != nil && w.shared[n] {
				p = w.onPath(n, p)
			}
		}
		if p != nil && !isRuntime(p) {
			return p
		}
		if runtimes == nil {
			runtimes = p
		}
		next, _, ok := v.holder(n)
		if !ok || next == v.Root() || w.isGlobal(next) {
			break
		}
		n = next
	}
	return runtimes
}

// onPath returns the place of the function that a path goes through to a context, or the file
// alone of another one that runs in it.
func (w *words) onPath(context heap.Node, other *Place) *Place {
	n, ok := context, true
	for range maxClimb {
		if n, _, ok = w.v.holder(n); !ok || !w.isContext(n) {
			break
		}
	}
	if p := w.place(n); ok && w.v.Type(n) == heap.ClosureNode && p != nil {
		return p
	}
	return &Place{File: other.File, Original: other.Original}
}

// ownerFile returns the place of the nearest code on the path to an object, be it that of
// Node.js itself.
func (w *words) ownerFile(n heap.Node) *Place {
	for range maxClimb {
		if p := w.place(n); p != nil {
			return p
		}
		if w.isContext(n) {
			if f, ok := w.function(n); ok {
				return w.place(f)
			}
		}
		p, _, ok := w.v.holder(n)
		if !ok || p == w.v.Root() || w.isGlobal(p) {
			return nil
		}
		n = p
	}
	return nil
}

// isRuntime says whether the place is in Node.js itself, or in what took the snapshot.
func isRuntime(p *Place) bool {
	return strings.HasPrefix(p.File, "node:") || strings.HasPrefix(p.File, "internal/") || isOurs(p) // before Node.js 16
}

// isOurs says whether the place is in the JavaScript that ecsheap has in a process while it
// takes snapshots (scriptName of the room guest).
func isOurs(p *Place) bool { return strings.HasPrefix(p.File, "ecsheap:") }

// isObserver says whether the candidate is what the taking of snapshots has left in the
// heap: no leak of the application.
func (f *finder) isObserver(c *candidate) bool {
	const deep = 16 // objects, from a piece of a held snapshot to the function that holds it
	v, n := f.survey, c.node
	for range deep {
		if w := f.words; w.isContext(n) {
			if of, ok := w.function(n); ok {
				n = of
			}
		}
		if p := f.words.place(n); p != nil && isOurs(p) {
			return true
		}
		p, _, ok := v.holder(n)
		if !ok || p == v.Root() {
			return false
		}
		n = p
	}
	return false
}

// createdAt returns the function whose closures, or the constructor whose objects, the
// element and what hangs on it are: the first in the application's own code, or else in
// that of a package which it uses.
func (w *words) createdAt(n heap.Node) *Place {
	const maxLooked = 200
	v := w.v
	var library *Place
	take := func(n heap.Node) *Place {
		place := w.place(n)
		switch {
		case place == nil || isRuntime(place):
			return nil
		case !isPackages(place):
			return place
		case library == nil:
			library = place
		}
		return nil
	}
	pos := v.tree.Pos(n)
	for p := pos; p < min(v.tree.End(pos), pos+maxLooked); p++ {
		if place := take(v.tree.At(p)); place != nil {
			return place
		}
	}
	// The function itself may be shared: look one step ahead.
	for r := range v.Out(n) {
		if r.Type == heap.PropertyEdge || r.Type == heap.ElementEdge {
			if v.Type(r.To) != heap.ClosureNode || v.EdgeLabel(r.Edge) == v.proto {
				continue
			}
			if place := take(r.To); place != nil {
				return place
			}
		}
	}
	return library
}

// isPackages says whether the place is in a package that the application uses.
func isPackages(p *Place) bool {
	file := strings.ReplaceAll(p.File, `\`, "/") // of Windows
	return strings.Contains(file, "/node_modules/") || strings.HasPrefix(file, "node_modules/")
}

// allocatedAt returns the innermost function of an application by which one of the objects
// was allocated, nil if the snapshot does not know.
func (w *words) allocatedAt(samples []heap.Node) *Place {
	for _, n := range samples {
		for _, frame := range w.v.Allocation(n) {
			if frame.Line < 0 {
				continue
			}
			p := w.resolve(frame.Location)
			if isRuntime(&p) || frame.Script == "" {
				continue
			}
			if p.Function == "" {
				p.Function = frame.Function
			}
			return &p
		}
	}
	return nil
}
