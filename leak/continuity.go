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

// sampleClasses returns the classes of some JavaScript objects, by id. Chance picks them:
// every so many objects of a file may all be of one kind, as when a list of pairs is in it.
func sampleClasses(g *graph) map[heap.ID]uint64 {
	sample := make(map[heap.ID]uint64, sampleSize)
	oneOf := uint64(max(1, g.NumNodes()/sampleSize))
	for n := range heap.Node(g.NumNodes()) {
		id := g.ID(n)
		if odd(id) && (mix(uint64(id), 0)>>1)%oneOf == 0 && stays(g, n) {
			sample[id] = classHash(g, n)
		}
	}
	return sample
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

// continues says whether the ids of a snapshot go on from the one before: nobody has
// said that they do not, there are greater ids than before, and the objects that have an id
// of before are of the same class.
func continues(g *graph, m Moment, before *Observation) bool {
	if before == nil || !m.SameIDs {
		return false
	}
	if marks := before.marks; g.Marks().MaxID < marks[len(marks)-1] {
		return false
	}
	found, strangers := 0, 0
	for n := range heap.Node(g.NumNodes()) {
		class, ok := before.sample[g.ID(n)]
		if !ok || !odd(g.ID(n)) {
			continue
		}
		found++
		if !stays(g, n) || classHash(g, n) != class {
			strangers++
		}
	}
	return found > 0 && float64(strangers) <= maxStrangers*float64(found)
}
