package leak

import (
	"fmt"
	"math"

	"github.com/ecsheap/ecsheap/heap"
)

// judgeTogether gives the collections that are fields of one object, and that gain the same
// number of elements, the least confidence of any of them: they are the keys, the values and
// the index of one structure, and what limits one of them limits all.
func (f *finder) judgeTogether(suspects []Suspect) {
	v := f.survey
	least := make([]int, len(suspects))
	for i, a := range f.candidates[:len(suspects)] {
		least[i] = i
		owner, ok := v.fieldOwner(a)
		if !ok {
			continue
		}
		for j, b := range f.candidates[:len(suspects)] {
			if other, ok := v.fieldOwner(b); ok && other == owner && inStep(a, b) && suspects[j].Confidence < suspects[least[i]].Confidence {
				least[i] = j
			}
		}
	}
	careful := make([]float64, len(suspects))
	for i, j := range least {
		careful[i] = suspects[j].Confidence
	}
	for i, confidence := range careful {
		suspects[i].Confidence = confidence
	}
}

// fieldOwner returns the object that a collection is a named field of.
func (v *survey) fieldOwner(c *candidate) (heap.Node, bool) {
	if c.kind != collection && c.kind != owner {
		return 0, false
	}
	p, e, ok := v.holder(c.node)
	if !ok || v.Ref(e).From != p || v.Ref(e).Type != heap.PropertyEdge || v.Type(p) != heap.ObjectNode || p == v.Root() {
		return 0, false
	}
	return p, true
}

// inStep says whether two candidates have gained about as many elements.
func inStep(a, b *candidate) bool {
	const asMany = 0.9
	for w := range a.more {
		low, high := min(a.more[w], b.more[w]), max(a.more[w], b.more[w])
		if low < 0 || float64(low) < asMany*float64(high) {
			return false
		}
	}
	return sum(a.more) > 0
}

// escapes says whether the object that holds a growing collection has another one that is
// smaller and stays as it is: a limit that there is works for that one alone.
func (v *survey) escapes(c *candidate) bool {
	p, ok := v.fieldOwner(c)
	if v.isList(c.node) {
		p, ok = c.node, true // its ends are beside an index
	}
	if !ok || len(v.past) == 0 || c.kind != collection {
		return false
	}
	const steady = 0.95
	for r := range v.Out(p) {
		if r.Type != heap.PropertyEdge || r.To == c.node || !v.collects(r.To) || v.of(v.ID(r.To)) > 0 {
			continue
		}
		now := 0
		v.eachEntry(r.To, func(entry) { now++ })
		flat := now >= minSibling && now < c.counts[len(c.counts)-1]
		for _, o := range v.past {
			before, known := o.hubs.get(v.ID(r.To))
			low, high := min(now, before.count()), max(now, before.count())
			flat = flat && known && float64(low) >= steady*float64(high)
		}
		if flat && v.replaces(r.To) {
			return true
		}
	}
	return false
}

// minSibling is how many elements a collection has to have for its not growing to say
// something.
const minSibling = 16

// replaces says whether a collection has new elements in place of old ones.
func (v *survey) replaces(n heap.Node) bool {
	fresh, _ := v.fresh(n)
	return fresh >= minSibling
}

// limitFactor says by how much a limit that the collection seems to have makes a leak less
// likely.
func (f *finder) limitFactor(c *candidate) float64 {
	const believed = 0.5
	v := f.survey
	if v.escapes(c) {
		return 1
	}
	factor := 1.0
	if c.kind == collection || c.kind == group {
		if name, limit := f.words.bound(c.members[0]); name != "" && f.holdsBefore(c, limit) {
			c.bound, c.limit = name, limit
			factor = f.boundFactor(c)
		}
	}
	if c.room = v.room(c); c.room > 0 && f.holdsBefore(c, float64(c.room)) {
		factor = min(factor, believed)
	}
	return factor
}

// roomText tells of the room that was made for what is to come.
func roomText(c *candidate) string {
	if c.room == 0 || c.bound != "" && !math.IsNaN(c.limit) {
		return ""
	}
	return fmt.Sprintf(" There is room for %s elements, made before they came: it may be a limit.", grouped(c.room))
}
