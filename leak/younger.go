package leak

import "github.com/ecsheap/ecsheap/heap"

// grewUp says whether a collection that came after the first snapshot is one to look at
// beside its older siblings. As it came it is what its holder has gained. But a holder that
// lets none of its collections go, while these go on to grow, does not tell by its own count
// what becomes more: the rooms are all there, and each gets more sockets.
func (v *survey) grewUp(m minor) bool {
	born, later := v.ageOf(m.node), false
	v.eachEntry(m.node, func(e entry) { later = later || v.entry(v.graph, e) > born })
	if !later {
		return false
	}
	holder, _, ok := v.holder(m.node)
	for range maxClimb {
		if !ok || v.ageOf(holder) == 0 {
			break
		}
		holder, _, ok = v.holder(holder)
	}
	return ok && v.ageOf(holder) == 0 && v.keepsAll(holder)
}

// keepsAll says whether a collection is known to have let none of its elements go. Of one
// that does, only the members that have survived can be seen, and these always grow.
func (v *survey) keepsAll(n heap.Node) bool {
	now := make([]int, v.windows()+1)
	v.eachEntry(n, func(e entry) { now[v.entry(v.graph, e)]++ })
	known := false
	for _, o := range v.past {
		r, ok := o.hubs.get(v.ID(n))
		known = known || ok
		for age, count := range r.ages {
			if now[age] < int(count) {
				return false
			}
		}
	}
	return known
}

// empty counts a group that had no member yet as one with nothing in it, if what would have
// held them was there.
func (v *survey) empty(c *candidate, there []bool) {
	if c.kind != group {
		return
	}
	for k := range there {
		there[k] = there[k] || v.of(v.ID(c.node)) <= k
	}
}
