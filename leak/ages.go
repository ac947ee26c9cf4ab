package leak

import "github.com/ecsheap/ecsheap/heap"

// ages tell when objects were allocated: 0 = before the first snapshot was taken, k =
// between the snapshots k and k+1. V8 hands out ids in ascending order, so that the
// greatest id of a snapshot parts old objects from new ones.
type ages struct {
	marks []heap.ID // greatest ids of the earlier snapshots
}

// windows is how many ages there are beside 0.
func (a ages) windows() int { return len(a.marks) }

// of returns the age of an id. Ids of native objects say nothing; see odd.
func (a ages) of(id heap.ID) int {
	k := 0
	for k < len(a.marks) && id > a.marks[k] {
		k++
	}
	return k
}

// odd says whether the id is that of a JavaScript object, so that it tells the age.
func odd(id heap.ID) bool { return id%2 == 1 }

// entry returns the age of an element: that of its younger half.
func (a ages) entry(g *graph, e entry) int {
	age := 0
	if id := g.ID(e.value); odd(id) {
		age = a.of(id)
	}
	if e.pair {
		if id := g.ID(e.key); odd(id) {
			age = max(age, a.of(id))
		}
	}
	return age
}
