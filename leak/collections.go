package leak

import (
	"context"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// minFresh and minBorn are what a collection must have gained to be looked at: so
	// many elements, or bytes.
	minFresh = 8
	minBorn  = 4 << 10
)

// minor is a collection with new elements, of which it may be one of many.
type minor struct {
	node heap.Node
	born int64
}

// collections returns the collections that have gained elements, and all those that have
// gained any at all.
func (v *survey) collections(ctx context.Context) (found []*candidate, minors []minor, err error) {
	for n := range heap.Node(v.NumNodes()) {
		if err := alive(ctx, int(n)); err != nil {
			return nil, nil, err
		}
		if !odd(v.ID(n)) || v.of(v.ID(n)) > v.latest() || !v.collects(n) {
			continue
		}
		if len(v.past) == 0 && !v.isContainer(n) {
			continue
		}
		fresh, born := v.fresh(n)
		if fresh == 0 {
			continue
		}
		minors = append(minors, minor{n, born})
		if fresh >= minFresh || born >= minBorn && (len(v.past) > 0 || fresh >= minEntries) {
			found = append(found, v.collection(n))
		}
	}
	return found, minors, nil
}

// manyProperties is how many properties make an object a collection in a single snapshot,
// which does not show whether they become more.
const manyProperties = 256

// isContainer says whether an object is a collection by what V8 keeps it in.
func (v *survey) isContainer(n heap.Node) bool {
	if v.Degree(n) >= manyProperties {
		return true
	}
	for r := range v.Out(n) {
		if r.Type == heap.ElementEdge || r.Type == heap.InternalEdge && v.EdgeLabel(r.Edge) == v.table {
			return true
		}
	}
	return false
}

// latest is the age up to which an object can be judged: it was there for one window.
func (v *survey) latest() int {
	if len(v.past) == 0 {
		return v.windows()
	}
	return v.windows() - 1
}

// fresh counts the new elements of a collection and what they brought.
func (v *survey) fresh(n heap.Node) (count int, bytes int64) {
	v.eachEntry(n, func(e entry) {
		if v.entry(v.graph, e) == 0 {
			return
		}
		count++
		bytes += v.Retained(e.value)
		if e.pair {
			bytes += v.Retained(e.key)
		}
	})
	return count, bytes
}

// collection returns the candidate of one collection.
func (v *survey) collection(n heap.Node) *candidate {
	c := &candidate{kind: collection, node: n, slot: noEdge, members: []heap.Node{n}}
	v.fill(c)
	return c
}

// tally is what is counted of a candidate's collections.
type tally struct {
	now  []int   // elements by age
	born []int64 // their bytes, by window
	// firstSeen is how many elements there were of each age when that was new, those of age
	// 0 included, and left how many of them are still there.
	firstSeen, left int
	there           []bool // by snapshot
}

// fill computes the history of a candidate from its collections: a single one, or the
// members of a group.
func (v *survey) fill(c *candidate) {
	last := len(v.past)
	c.counts, c.sizes = make([]int, last+1), make([]int64, last+1)
	t := &tally{now: make([]int, v.windows()+1), born: make([]int64, v.windows()), there: make([]bool, last+1)}
	together := make([]int64, v.windows())
	for _, n := range c.members {
		v.tally(c, t, n)
		v.eachBelow(n, func(pos int) { v.bornIn(pos, together) })
	}
	v.visited.clear()
	v.empty(c, t.there)
	for k, there := range t.there {
		if !there {
			c.counts[k], c.sizes[k] = -1, -1
			c.from = max(c.from, k)
		}
	}
	c.removed = t.firstSeen - t.left
	for w := range t.born {
		c.fresh += t.now[w+1]
		c.born += max(t.born[w], together[w])
	}
	v.grow(c, t.now)
}

// tally adds one collection.
func (v *survey) tally(c *candidate, t *tally, n heap.Node) {
	last := len(v.past)
	now := make([]int, v.windows()+1)
	var size int64
	v.eachEntry(n, func(e entry) {
		age := v.entry(v.graph, e)
		now[age]++
		size += v.Retained(e.value)
		if age == 0 {
			return
		}
		v.bornOnce(e.value, t.born)
		if e.pair && v.ageOf(e.key) > 0 && !v.tree.Dominates(e.value, e.key) {
			v.bornOnce(e.key, t.born)
		}
	})
	for age, count := range now {
		t.now[age] += count
		c.counts[last] += count
	}
	c.sizes[last] += max(size, v.Retained(n))
	t.there[last] = true
	for k, o := range v.past {
		if v.of(v.ID(n)) > k {
			continue // was not there
		}
		t.there[k] = true
		r, known := o.hubs.get(v.ID(n))
		if !known {
			c.counts[k] += few(now[:k+1])
			c.sizes[k] += v.fewBytes(n, k)
			continue
		}
		c.counts[k] += r.count()
		c.sizes[k] += r.bytes
		t.firstSeen += int(r.ages[k])
		t.left += min(now[k], int(r.ages[k]))
	}
}

// few is how many elements a collection had that were too few to be remembered, as far as
// those tell that are still there, by age.
func few(now []int) (count int) {
	for _, n := range now {
		count += n
	}
	return min(count, minEntries-1)
}

// fewBytes is what those elements weighed at a snapshot, or what the collection retained.
func (v *survey) fewBytes(n heap.Node, k int) int64 {
	var bytes int64
	v.eachEntry(n, func(e entry) {
		if v.entry(v.graph, e) <= k {
			bytes += v.past[k].retained.get(v.ID(e.value))
		}
	})
	return max(bytes, v.past[k].retained.get(v.ID(n)))
}

// bornOnce is bornIn for objects that are held more than once: it counts them one time.
func (v *survey) bornOnce(n heap.Node, born []int64) {
	if pos := v.tree.Pos(n); v.visited.add(pos) {
		v.bornIn(pos, born)
	}
}

// grow computes the growth of each window from the counts, with what a new element
// weighs on average: elements that merely replace others are no growth.
func (v *survey) grow(c *candidate, now []int) {
	stayed := make([]int64, v.windows()) // elements that came in a window and are still there
	for w := range stayed {
		stayed[w] = int64(now[w+1])
	}
	c.growth, c.more = make([]int64, v.windows()), make([]int64, v.windows())
	if len(v.past) == 0 {
		c.growth[0], c.more[0] = c.born, int64(c.fresh)
	} else {
		own := make([]int64, v.windows()) // of the tables
		for _, n := range c.members {
			v.grownAt(n, own)
		}
		weight := float64(c.born) / float64(max(1, c.fresh))
		for w := range c.growth {
			c.more[w] = int64(c.counts[w+1] - max(0, c.counts[w]))
			c.growth[w] = int64(float64(c.more[w]) * weight)
		}
		c.spread(own)
	}
	c.bytes, c.count = v.clock.judge(c.growth, c.from), v.clock.judge(c.more, c.from)
	c.survival = survivalOf(stayed, c.more)
}

// spread adds the growth of tables to the windows in proportion to their new elements:
// tables double now and then, which says nothing of the pace.
func (c *candidate) spread(own []int64) {
	var sum, more int64
	for w, b := range own {
		sum += b
		more += max(0, c.more[w])
	}
	if more == 0 {
		return
	}
	for w := range c.growth {
		c.growth[w] += int64(float64(sum) * float64(max(0, c.more[w])) / float64(more))
	}
}

// grownAt adds the growth in place of the node itself, by window.
func (v *survey) grownAt(n heap.Node, bytes []int64) {
	pos := v.tree.Pos(n)
	if i, ok := v.grownIndex(pos); ok {
		for w, b := range v.grown[i].bytes {
			bytes[w] += b
		}
	}
}

// eachBelow calls f for the positions of the new objects that a collection dominates: its
// elements, and what these share among each other.
func (v *survey) eachBelow(n heap.Node, f func(pos int)) {
	open := []int{v.tree.Pos(n)}
	for len(open) > 0 {
		pos := open[len(open)-1]
		open = open[:len(open)-1]
		for child := pos + 1; child < v.tree.End(pos); child = v.tree.End(child) {
			switch {
			case v.isPart(v.tree.At(child)):
				open = append(open, child)
			case v.age[child] > 0:
				f(child)
			}
		}
	}
}
