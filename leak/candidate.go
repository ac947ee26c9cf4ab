package leak

import (
	"github.com/ecsheap/ecsheap/heap"
)

// kind is how a candidate was found.
type kind uint8

const (
	collection kind = iota // its elements are counted
	group                  // many collections of one kind, each of which grows a little
	chain                  // objects that hold each other, each the next one
	value                  // one string, array or buffer that is replaced by bigger ones
	inside                 // grows in place: an array of numbers
	owner                  // dominates what is new, in whatever way
)

// candidate is what may become a suspect.
type candidate struct {
	kind    kind
	node    heap.Node
	anchor  heap.Node   // what the suspect is about, see words.anchor
	slot    heap.Edge   // by which node holds what grows, noEdge = not by one
	members []heap.Node // the collections: one, or those of a group
	parts   []heap.Node // of an owner, chain or value: the objects below it that are new
	counts  []int       // elements by snapshot, -1 = was not there or is unknown
	sizes   []int64     // by snapshot
	growth  []int64     // bytes by window
	more    []int64     // elements by window
	fresh   int         // new elements
	born    int64       // their bytes
	// survival is how much of the growth of all windows but the last is made of what came
	// in them and is still there, 0 … 1: of traffic that becomes more nothing stays.
	survival float64
	removed  int // elements that are known to be gone
	from     int // first window in which it was there as a whole
	weight   float64
	bytes    trend
	count    trend
	history  *history // by path, nil = unknown
	lift     *lift    // the owner that grows by several times as much, nil = none
	bound    string   // the property that limits the collection, "" = none
	limit    float64  // its value, NaN = unknown
	room     int      // for how many elements there is room made in advance, 0 = none
}

// score ranks candidates: bytes of steady growth per interval that stay.
func (c *candidate) score() float64 {
	score := c.bytes.score
	if c.lift != nil {
		score = max(score, c.lift.bytes.score)
	}
	return score * c.survival * c.weight
}

// prefer weighs a candidate. Of those that explain the same growth, what says more comes
// first: a collection with a count before what merely dominates it, and what holds objects
// itself before a WeakMap, whose elements somebody else keeps alive.
func (f *finder) prefer(c *candidate) {
	v := f.survey
	switch {
	case c.kind == collection && v.isWeak(c.node):
		c.weight = 0.5
	case c.kind == collection && v.isList(c.node):
		c.weight = 0.9 // a collection of an application that has the links as well says more
	case c.kind == collection:
		c.weight = 1
	case c.kind == group || c.kind == chain:
		c.weight = 0.95
	case c.kind == value || c.kind == inside:
		c.weight = 0.9
	default:
		c.weight = 0.7
	}
}

// isRuntimes says whether the candidate belongs to Node.js itself. A single snapshot, which
// does not tell what grows, would be full of that.
func (f *finder) isRuntimes(c *candidate) bool {
	if c.node == f.survey.Root() || f.words.isGlobal(c.node) {
		return true
	}
	if _, _, ok := f.words.listeners(c.node); ok {
		return false
	}
	if p, e, ok := f.survey.holder(c.node); ok && f.words.isGlobal(p) && f.survey.Ref(e).Type == heap.PropertyEdge {
		return f.survey.Type(c.node) == heap.ClosureNode
	}
	p := f.words.ownerFile(c.node)
	return p == nil || isRuntime(p)
}
