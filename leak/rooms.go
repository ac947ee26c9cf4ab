package leak

import (
	"github.com/ecsheap/ecsheap/heap"
)

const (
	// pointer is how many bytes an element of an array takes, and arrayHeader what an Array
	// has beside its elements.
	pointer     = 8
	arrayHeader = 48
	// typedHeader is what a typed array has beside its elements, with its buffer.
	typedHeader = 184
	// spareRoom and spareSlots are what an array that grows has at most: half as many slots
	// as elements, and some. What has more was made for what is to come.
	spareRoom  = 1.6
	spareSlots = 64
	// fewFillers is how many undefined an array has to be filled with for that to be its
	// maker's intention.
	fewFillers = 8
	// columns is how many arrays of one length an object has to have for their length to be
	// that of its collections, and no mere buffer's.
	columns = 2
)

// room returns for how many elements the object that holds a collection, or the collection
// itself, has made room before they came: 0 = it grows with them. Room that is as big as at
// the first snapshot, when there was much less in it, is a limit in all likelihood.
func (v *survey) room(c *candidate) int {
	if len(v.past) == 0 || c.kind == group || c.kind == chain {
		return 0
	}
	first, last := firstKnown(c.counts), c.counts[len(c.counts)-1]
	if capacity, ok := v.capacity(c.node); ok && capacity >= last && v.isRoomy(c.node, capacity, first) {
		return capacity
	}
	p, _, ok := v.holder(c.node)
	if !ok || v.Type(p) != heap.ObjectNode || v.NameLabel(p) == v.contextName || p == v.Root() {
		return 0
	}
	found := map[int]int{} // how many arrays there are of a length
	most := 0
	for r := range v.Out(p) {
		if r.Type != heap.PropertyEdge {
			continue
		}
		capacity, ok := v.capacity(r.To)
		if !ok || capacity < last || !v.isRoomy(r.To, capacity, first) {
			continue
		}
		if found[capacity]++; found[capacity] >= columns {
			most = max(most, capacity)
		}
	}
	return most
}

// capacity returns how many slots an array has.
func (v *survey) capacity(n heap.Node) (int, bool) {
	if v.Type(n) != heap.ObjectNode {
		return 0, false
	}
	name := v.RawName(n)
	if name == "Array" {
		return int(v.Self(n)-arrayHeader) / pointer, true
	}
	if bytes := typedSizes[name]; bytes > 0 {
		return int(v.Retained(n)-typedHeader) / bytes, true
	}
	return 0, false
}

// typedSizes are the bytes of an element of typed arrays. Those of single bytes are buffers
// more often than columns.
var typedSizes = map[string]int{
	"Uint16Array": 2, "Int16Array": 2, "Uint32Array": 4, "Int32Array": 4, "Float32Array": 4, "Float64Array": 8,
	"BigInt64Array": 8, "BigUint64Array": 8, "Uint8Array": 1,
}

// isRoomy says whether an array has had the same size from the first snapshot on, and that
// is more than its elements then ask for, or the rest of it is filled with undefined.
func (v *survey) isRoomy(n heap.Node, capacity, first int) bool {
	o := v.past[0]
	before, now := o.retained.get(v.ID(n)), v.Retained(n)
	if v.RawName(n) == "Array" {
		before, now = o.self.get(v.ID(n)), v.Self(n)
	}
	if before != now || now == 0 {
		return false
	}
	if float64(capacity) > spareRoom*float64(first)+spareSlots {
		return true
	}
	fillers := 0
	for r := range v.Out(n) {
		if r.Type == heap.ElementEdge && v.isFiller(r.To) {
			if fillers++; fillers >= fewFillers {
				return true
			}
		}
	}
	return false
}

// areFields says whether the collections are named fields of one object: those hold the
// same things in several ways, and are no group of many of a kind.
func (v *survey) areFields(holder heap.Node, family []minor) bool {
	if v.Type(holder) != heap.ObjectNode || v.Degree(holder) > manyProperties {
		return false
	}
	if _, ok := v.dictionaryOf(holder); ok && v.NameLabel(holder) == v.plain {
		return false
	}
	for _, m := range family {
		p, e, ok := v.holder(m.node)
		if !ok || p != holder || v.Ref(e).From != holder || v.Ref(e).Type != heap.PropertyEdge {
			return false
		}
	}
	return true
}
