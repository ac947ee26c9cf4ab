package leak

import (
	"hash/fnv"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// sampleSize is about how many objects are compared to tell whether ids continue.
	sampleSize = 4096
	// maxStrangers is the share of them that may be of another class. V8 changes the
	// kind of a few strings and maps in place; of reused ids most differ.
	maxStrangers = 0.1
)

// sample picks some of the objects by their ids. Chance picks them: every so many objects of
// a file may all be of one kind, as when a list of pairs is in it.
type sample uint64 // one of so many

func newSample(g *graph) sample { return sample(max(1, g.NumNodes()/sampleSize)) }

func (s sample) has(id heap.ID) bool { return odd(id) && (mix(uint64(id), 0)>>1)%uint64(s) == 0 }

// sampleClasses returns the classes of the JavaScript objects of a sample, by id.
func (s sample) classes(g *graph) map[heap.ID]uint64 {
	classes := make(map[heap.ID]uint64, sampleSize)
	for n := range heap.Node(g.NumNodes()) {
		if id := g.ID(n); s.has(id) && stays(g, n) {
			classes[id] = classHash(g, n)
		}
	}
	return classes
}

// stays says whether the node is of a type that V8 does not change in place.
func stays(g *graph, n heap.Node) bool {
	t := g.Type(n)
	return t == heap.ObjectNode || t == heap.ClosureNode || t == heap.RegExpNode
}

func classHash(g *graph, n heap.Node) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(g.RawName(n)))
	return h.Sum64()<<4 | uint64(g.Type(n))
}

// Imprint is what tells whether another snapshot is of the same process, and which of the
// two is the older one.
type Imprint struct {
	maxID        heap.ID // the greatest of a JavaScript object
	nodes, edges int
	sample       sample
	classes      map[heap.ID]uint64 // of the sample, as hashes
}

// NewImprint takes the imprint of a snapshot. The snapshot need not be prepared.
func NewImprint(s *heap.Snapshot) *Imprint { return imprintOf(newGraph(s)) }

func imprintOf(g *graph) *Imprint {
	s := newSample(g)
	return &Imprint{maxID: g.Marks().MaxID, nodes: g.NumNodes(), edges: g.NumEdges(), sample: s, classes: s.classes(g)}
}

// Order is how a snapshot stands to another one.
type Order uint8

// The orders.
const (
	// Unrelated is of another process, or object ids were reset in between.
	Unrelated Order = iota
	// Later was taken after the other one of the same process.
	Later
	// Earlier was taken before it.
	Earlier
	// Identical is the same snapshot once more: another one, be it of an idle process, has
	// new objects at least of the taking itself.
	Identical
)

// Order tells how a snapshot stands to the one of the imprint. V8 hands out ids in
// ascending order, and in one process an object keeps its own: of two snapshots in which
// the same ids are of the same classes the one with the greater ids is the later one.
func (i *Imprint) Order(s *heap.Snapshot) Order { return i.order(newGraph(s)) }

func (i *Imprint) order(g *graph) Order {
	found, strangers := 0, 0
	for n := range heap.Node(g.NumNodes()) {
		id := g.ID(n)
		if !i.sample.has(id) {
			continue
		}
		class, ok := i.classes[id]
		if !ok {
			continue
		}
		found++
		if !stays(g, n) || classHash(g, n) != class {
			strangers++
		}
	}
	if found == 0 || float64(strangers) > maxStrangers*float64(found) {
		return Unrelated
	}
	switch maxID := g.Marks().MaxID; {
	case maxID < i.maxID:
		return Earlier
	case maxID == i.maxID && g.NumNodes() == i.nodes && g.NumEdges() == i.edges && found == len(i.classes) && strangers == 0:
		return Identical
	}
	return Later
}

// Order tells how the snapshot stands to the one observed before it, Unrelated if there is
// none or if somebody has said that ids do not continue.
func (o *Observation) Order() Order { return o.order }

// Imprint returns that of the snapshot.
func (o *Observation) Imprint() *Imprint { return o.imprint }

// orderAfter tells how a snapshot stands to the one observed before, Unrelated if there is
// none or if somebody has said that ids do not continue.
func orderAfter(g *graph, m Moment, before *Observation) Order {
	if before == nil || !m.SameIDs {
		return Unrelated
	}
	return before.imprint.order(g)
}
