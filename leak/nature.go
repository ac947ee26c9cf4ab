package leak

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/ecsheap/ecsheap/heap"
)

// maxElements is how many elements are looked at to tell what state they are in, and
// maxReach how many objects around each of them.
const (
	maxElements = 64
	maxReach    = 200
)

// nature is the state that the elements of a candidate are in, as far as V8 and Node.js
// tell. All are shares of those that have been looked at.
type nature struct {
	pending, settled float64       // promises
	awaited          float64       // other elements that have a promise which is waited for
	waiting          float64       // timers that have not fired, or go on to
	repeating        float64       // timers of setInterval
	delay            time.Duration // after which timers fire, 0 = unknown
	timers           bool          // they are timers
	promises         bool          // they are parts of promises that V8 makes
	cells            bool          // they are registrations for finalization
	signals          bool          // they are abort signals
	open             float64       // connections that have not been closed
	selfHeld         bool          // what such a registration holds leads to its own target
}

// nature looks at the elements of a candidate.
func (f *finder) nature(c *candidate, top string) nature {
	v := f.survey
	elements := f.newest(c)
	step := max(1, len(elements)/maxElements)
	var t nature
	looked := 0.0
	for i := 0; i < len(elements); i += step {
		n := elements[i]
		looked++
		switch {
		case top == "Promise":
			waits, done := v.promiseState(n)
			t.pending, t.settled = t.pending+one(waits), t.settled+one(done)
		case top == "Timeout":
			waits, repeats := v.timerState(n)
			t.timers = true
			t.waiting, t.repeating = t.waiting+one(waits), t.repeating+one(repeats)
		case top == "AbortSignal":
			t.signals = true
		case sockets[top]:
			t.open += one(v.isConnected(n))
		case v.RawName(n) == "system / WeakCell":
			t.cells, t.selfHeld = true, t.selfHeld || v.holdsTarget(n)
		case strings.HasPrefix(v.RawName(n), "system / Promise"):
			t.promises = true
		default:
			t.awaited += one(v.isAwaited(n))
		}
	}
	looked = max(1, looked)
	for _, share := range []*float64{&t.pending, &t.settled, &t.awaited, &t.waiting, &t.repeating, &t.open} {
		*share /= looked
	}
	if top == "Timeout" {
		t.delay = f.delay(c)
	}
	return t
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// promiseState says whether a promise has something that waits for it, or a result. Of one
// that nobody waits for, and of one with a small number for a result, neither can be seen.
func (v *survey) promiseState(n heap.Node) (pending, settled bool) {
	for r := range v.Out(n) {
		if r.Type == heap.InternalEdge && v.EdgeName(r.Edge) == "reactions_or_result" {
			pending = v.NameLabel(r.To) == v.reaction && v.Type(r.To) == heap.HiddenNode
			return pending, !pending
		}
	}
	return false, false
}

// sockets are the classes of connections.
var sockets = map[string]bool{"Socket": true, "TLSSocket": true, "WebSocket": true, "Http2Session": true, "ServerHttp2Stream": true}

// isConnected says whether a socket, or the one that an object has in a property, has a
// handle of libuv: Node.js takes it away when the connection is closed.
func (v *survey) isConnected(n heap.Node) bool {
	has := func(n heap.Node) bool {
		for r := range v.Out(n) {
			if r.Type != heap.PropertyEdge {
				continue
			}
			if name := v.EdgeName(r.Edge); name == "_handle" || name == "<symbol kHandle>" {
				return v.Type(r.To) == heap.ObjectNode
			}
		}
		return false
	}
	if has(n) {
		return true
	}
	for r := range v.Out(n) {
		if r.Type == heap.PropertyEdge && v.Type(r.To) == heap.ObjectNode && sockets[v.RawName(r.To)] && has(r.To) {
			return true
		}
	}
	return false
}

// timerState says whether a timer is in the list of those that wait, and whether it will
// fire again and again: of one that fires once the interval is null.
func (v *survey) timerState(n heap.Node) (waiting, repeating bool) {
	repeating = true
	for r := range v.Out(n) {
		if r.Type != heap.PropertyEdge {
			continue
		}
		switch v.EdgeName(r.Edge) {
		case "_idleNext":
			waiting = v.Type(r.To) == heap.ObjectNode
		case "_repeat":
			repeating = !v.isFiller(r.To)
		}
	}
	return waiting, repeating
}

// delay returns how long the timers of a list of Node.js wait, which is its key, 0 if the
// candidate is no such list.
func (f *finder) delay(c *candidate) time.Duration {
	v := f.survey
	if c.kind != collection || !v.isList(c.node) {
		return 0
	}
	_, e, ok := v.holder(c.node)
	if !ok {
		return 0
	}
	ms, err := strconv.ParseInt(v.EdgeName(e), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ms) * time.Millisecond
}

// holdsTarget says whether what a FinalizationRegistry has been given to hold leads to the
// object whose end it is to report: then that never ends.
func (v *survey) holdsTarget(cell heap.Node) bool {
	target := v.Root()
	var open []heap.Node
	for r := range v.Out(cell) {
		switch {
		case r.Type == heap.WeakEdge && v.EdgeName(r.Edge) == "target":
			target = r.To
		case r.Type == heap.HiddenEdge && v.RawName(r.To) != "system / WeakCell" && v.RawName(r.To) != "FinalizationRegistry":
			open = append(open, r.To)
		}
	}
	found := false
	v.around(open, func(n heap.Node) bool {
		found = found || n == target
		return !found
	})
	return found && target != v.Root()
}

// isAwaited says whether the element has, by its properties, a promise that something
// waits for.
func (v *survey) isAwaited(n heap.Node) bool {
	const depth = 4
	level := []heap.Node{n}
	for range depth {
		var next []heap.Node
		for _, n := range level {
			if pending, _ := v.promiseState(n); pending && v.RawName(n) == "Promise" {
				return true
			}
			for r := range v.Out(n) {
				if (r.Type == heap.PropertyEdge || r.Type == heap.ElementEdge) && v.Type(r.To) == heap.ObjectNode && v.EdgeLabel(r.Edge) != v.proto && v.ageOf(r.To) > 0 && len(next) < maxReach {
					next = append(next, r.To)
				}
			}
		}
		level = next
	}
	return false
}

// around calls f for what the nodes lead to, near ones first, until it returns false.
func (v *survey) around(open []heap.Node, f func(heap.Node) bool) {
	seen := map[heap.Node]bool{}
	for len(open) > 0 && len(seen) < maxReach {
		n := open[0]
		open = open[1:]
		if seen[n] {
			continue
		}
		seen[n] = true
		if !f(n) {
			return
		}
		for r := range v.Out(n) {
			if r.Type != heap.WeakEdge && v.EdgeLabel(r.Edge) != v.proto && v.EdgeLabel(r.Edge) != v.hiddenMap {
				open = append(open, r.To)
			}
		}
	}
}

// mostly is the share of the elements from which on all are spoken of.
const mostly = 0.5

// refine corrects a pattern that the class of the elements suggests by the state that they
// are in, "" = it is none of those.
func (t nature) refine(p Pattern, top string) Pattern {
	switch {
	case t.cells:
		return Finalizers
	case p == PendingPromises && top == "Promise" && t.settled > t.pending:
		return ""
	case p == PendingPromises && top == "(system)" && !t.promises:
		return ""
	case p == RequestRetention && t.awaited > mostly:
		return PendingPromises
	}
	return p
}

// lesson is what is said of a pattern where the state of the elements tells more.
func (t nature) lesson(p Pattern) (lesson, bool) {
	switch {
	case p == TimerLeak && !t.timers:
		return lesson{}, false
	case p == TimerLeak && t.waiting > mostly && t.repeating > mostly:
		return lesson{
			explanation: fmt.Sprintf("Intervals%s go on for ever: nothing has cleared them. Each keeps its callback, with all that this uses.", t.every()),
			advice:      "Call clearInterval when what the interval is for ends: when the connection closes, the job is done. unref() does not free it.",
		}, true
	case p == TimerLeak && t.waiting > mostly:
		return lesson{
			explanation: fmt.Sprintf("Timers%s are still waiting. Until it fires or is cleared, each keeps its callback, with all that this uses.", t.after()),
			advice:      "Call clearTimeout when it has become needless, and let the callback use an id rather than the object. For long delays keep a list of ids with their times, and one timer that works it off.",
		}, true
	case p == TimerLeak && t.waiting == 0:
		return lesson{
			explanation: "Timers are kept after they have fired or have been cleared, with all that their callbacks use.",
			advice:      "Take the timer out of what holds it when it fires, or do not keep it at all.",
		}, true
	case p == ListenerLeak && t.signals:
		return lesson{
			explanation: "Signals that were made from another one, as by AbortSignal.any, are kept while they have listeners and while that other one has not been aborted.",
			advice:      "Take the listener off when the work is done, abort a signal of the work's own in a finally, or do not make signals from one that lives as long as the process.",
		}, true
	case p == OpenSockets && t.open > mostly:
		return lesson{
			explanation: "The connections are open. If as many clients are connected, this is load and no leak; if not, nothing closes those that have gone.",
			advice:      "Compare with the number of clients, and set a timeout on idle connections, or ping them.",
		}, true
	case p == Finalizers && t.selfHeld:
		return lesson{
			explanation: "What the FinalizationRegistry has been given to hold leads to the object whose end it is to report, so that this never comes: registering it has made it live for ever.",
			advice:      "Give register() a held value that does not refer to the object: an id, a file name, a handle. A closure made in its methods or its constructor refers to it by this.",
		}, true
	case p == PendingPromises && t.awaited > mostly:
		return lesson{
			explanation: "What is in here waits: each element has a promise that has not settled, and what waits for it is kept as well, requests with their sockets and bodies among it.",
			advice:      "See why their turn does not come: resources that are not given back to a pool, a worker that stands still, a limit that is too low. Give waiting a timeout and the queue a greatest length.",
		}, true
	}
	return lesson{}, false
}

func (t nature) every() string {
	if t.delay == 0 {
		return ""
	}
	return " of " + spanText(t.delay)
}

func (t nature) after() string {
	if t.delay == 0 {
		return ""
	}
	return " with a delay of " + spanText(t.delay)
}

// whose names what a list belongs to as an application sees it: the outermost object of the
// same package, with the field that leads to the list. A package has its lists in several
// layers. It returns "" if there is no more to say.
func (w *words) whose(c *candidate) string {
	v := w.v
	p := w.place(c.node)
	if c.kind != collection || p == nil || isRuntime(p) || !v.isList(c.node) {
		return ""
	}
	const layers = 10
	dir, found, depth := path.Dir(p.File), "", 0
	n, e, ok := v.holder(c.node)
	for range layers {
		if !ok || n == v.Root() || w.isContext(n) {
			break
		}
		if at := w.place(n); at != nil && path.Dir(at.File) == dir && w.speaks(n) && w.isNamed(e) {
			if depth++; depth > 1 {
				found = join(w.owner(n, 1), w.edge(e))
			}
		}
		n, e, ok = v.holder(n)
	}
	return strings.TrimSpace(found)
}
