package leak

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

// places is the last snapshot by path, to be compared with the earlier ones.
type places struct {
	keys  *pathKeys
	now   *Observation
	clock clock // from the first snapshot that is compared on
}

// history is a candidate over snapshots whose ids do not continue, by its path. It has an
// element for each snapshot, or window, since the first that is compared.
type history struct {
	nodes  []int   // objects at the path
	counts []int   // elements, -1 = was not there or is unknown
	sizes  []int64 // the same in bytes
	growth []int64
	more   []int64
	bytes  trend
	count  trend
	from   int // first snapshot that it is known of
	// came and gone are elements over the intervals in which ids continue: those that are
	// new, and those that were let go. watched is how many of these intervals there are.
	came, gone, watched int
	// reused says that in one of these all that was there was used, and put back.
	reused bool
}

// windows is how many intervals it is known over.
func (h *history) windows() int { return len(h.growth) - h.from }

// evicts says whether elements are seen to be let go in a way that stands for a limit.
func (h *history) evicts() bool {
	const fewGone = 0.1
	return float64(h.gone) > fewGone*float64(max(1, h.came))
}

// lookBack makes the table of the last snapshot by path.
func (f *finder) lookBack(ctx context.Context) error {
	if !f.byPath() {
		return nil
	}
	last := len(f.earlier)
	keys, err := newPathKeys(ctx, f.graph)
	if err != nil {
		return err
	}
	p := &places{keys: keys, clock: newClock(f.times(f.since))}
	p.now = &Observation{}
	if f.links[last] == followed {
		p.now.order = Later
	}
	if err := p.now.take(ctx, p.keys, f.earlier[last-1]); err != nil {
		return err
	}
	if f.doubt {
		p.clock.known = false // nobody knows whether there is a rate
	}
	f.places = p
	return nil
}

// misfit is how far the place of a candidate may differ from the candidate in the last
// snapshot: where it does more, several things share a path, and the one of the
// candidate cannot be told from the others.
const misfit = 0.05

// recall returns the history of a candidate, nil if its path does not tell one.
func (f *finder) recall(c *candidate) *history {
	counted := c.kind == collection || c.kind == group
	keys := f.keysOf(c)
	var beside []uint64 // the keys of the lists that tell whether elements are put back
	if c.kind == collection {
		for n := range f.survey.beside(c.node) {
			key, _ := f.places.keys.of(n)
			beside = append(beside, key)
		}
	}
	h := &history{from: -1}
	for k := f.since; k <= len(f.earlier); k++ {
		o := f.places.now
		if k < len(f.earlier) {
			o = f.earlier[k]
		}
		sum, found := pathRow{}, false
		for _, key := range keys {
			if r, ok := o.paths.get(key); ok {
				sum.bytes, sum.count = sum.bytes+r.bytes, sum.count+r.count
				sum.old, sum.nodes, sum.used, sum.reused, found = sum.old+r.old, sum.nodes+r.nodes, sum.used+r.used, sum.reused+r.reused, true
			}
		}
		if c.node == f.graph.Root() {
			sum.bytes, found = f.diagnosis.Snapshots[k].Total, true
		}
		watched := f.links[k] == followed && counted && k > f.since
		h.note(sum, found, watched)
		h.reused = h.reused || watched && k > h.from && found && (sum.allReused() || sum.allUsed() && o.hasReused(beside))
	}
	last := len(h.counts) - 1
	if h.from < 0 || h.from == last || !fits(h.sizes[last], c.sizes[len(c.sizes)-1]) ||
		counted && !fits(int64(h.counts[last]), int64(c.counts[len(c.counts)-1])) {
		return nil
	}
	h.judge(f.places.clock, c, counted)
	return h
}

// hasReused says whether one of the places is that of a pool.
func (o *Observation) hasReused(keys []uint64) bool {
	return slices.ContainsFunc(keys, func(key uint64) bool {
		r, ok := o.paths.get(key)
		return ok && r.allReused()
	})
}

func fits(a, b int64) bool {
	return math.Abs(float64(a-b)) <= misfit*float64(max(a, b))
}

// keysOf returns the keys of what a candidate is made of.
func (f *finder) keysOf(c *candidate) []uint64 {
	nodes := c.members
	if len(nodes) == 0 {
		nodes = []heap.Node{c.node}
	}
	keys := make([]uint64, len(nodes))
	for i, n := range nodes {
		keys[i], _ = f.places.keys.of(n)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// note adds a snapshot. watched says that it has the ids of the one before.
func (h *history) note(r pathRow, found, watched bool) {
	k := len(h.counts)
	h.nodes = append(h.nodes, int(r.nodes))
	if !found && h.from < 0 {
		h.counts, h.sizes = append(h.counts, -1), append(h.sizes, -1)
		return
	}
	if h.from < 0 {
		h.from = k
	}
	h.counts, h.sizes = append(h.counts, int(r.count)), append(h.sizes, r.bytes)
	if watched && k > h.from {
		h.watched++
		h.came += int(r.count - r.old)
		h.gone += max(0, h.counts[k-1]-int(r.old))
	}
}

// judge judges the growth: of collections that of their elements, with what one of them
// weighs now, since elements that are replaced by bigger ones are no growth. What further
// collections bring is growth of what holds these, and not theirs.
func (h *history) judge(clock clock, c *candidate, counted bool) {
	weight := float64(c.born) / float64(max(1, c.fresh))
	for k := 1; k < len(h.counts); k++ {
		growth, more := int64(0), int64(0)
		if k > h.from {
			growth, more = h.sizes[k]-h.sizes[k-1], int64(h.counts[k]-h.counts[k-1])
			if further := h.nodes[k] - h.nodes[k-1]; further > 0 {
				more -= int64(h.counts[k]) * int64(further) / int64(h.nodes[k])
			}
		}
		if counted {
			growth = int64(float64(more) * weight)
		} else if h.counts[k] >= 0 {
			h.counts[k] = -1 // as of all that are not counted
		}
		h.growth, h.more = append(h.growth, growth), append(h.more, more)
	}
	if !counted {
		h.counts[0] = -1
		clear(h.more)
	}
	h.weigh(clock)
}

func (h *history) weigh(clock clock) {
	h.bytes, h.count = clock.judge(h.growth, h.from), clock.judge(h.more, h.from)
}

// recallAll gives candidates of a single snapshot their growth by path, and drops those
// that do not grow.
func (f *finder) recallAll(found []*candidate) []*candidate {
	return slices.DeleteFunc(found, func(c *candidate) bool {
		h := f.recall(c)
		if h == nil || h.bytes.score <= 0 {
			return true
		}
		c.history, c.bytes, c.count, c.survival = h, h.bytes, h.count, 1
		return false
	})
}

// grownOwners returns the objects that dominate more and more, as their paths tell. Links of
// a chain do not count, of which one is as good as the next.
func (f *finder) grownOwners(ctx context.Context) ([]*candidate, error) {
	v := f.survey
	var found []*candidate
	for pos := range v.tree.Len() {
		if err := alive(ctx, pos); err != nil {
			return nil, err
		}
		n := v.tree.At(pos)
		if v.Retained(n) < minPathBytes || v.covered != nil && v.covered[pos] {
			continue
		}
		key, _ := f.places.keys.of(n)
		if r, ok := f.places.now.paths.get(key); !ok || r.nodes != 1 {
			continue
		}
		h := f.recall(&candidate{kind: owner, node: n, counts: []int{-1}, sizes: []int64{v.Retained(n)}})
		if h == nil || h.bytes.score < minGrowth || v.isLink(n) {
			continue
		}
		growth := v.growthAt(pos)
		if sum(growth) < minGrowth { // all that it holds is covered
			continue
		}
		if c := v.owner(pos, growth); c != nil {
			found = append(found, c)
		}
	}
	return found, nil
}

// recallOwners is recallAll for objects that dominate what grows: what the suspects below
// them explain is not theirs.
func (f *finder) recallOwners(owners []*candidate) []*candidate {
	tree := f.survey.tree
	owners = f.recallAll(owners)
	slices.SortFunc(owners, func(a, b *candidate) int { return cmp.Compare(tree.Pos(b.node), tree.Pos(a.node)) })
	told := slices.Clone(f.candidates)
	return slices.DeleteFunc(owners, func(c *candidate) bool {
		whole := c.bytes.score
		for _, t := range told {
			if t == c || t.history == nil || !tree.Dominates(c.node, t.stand()) {
				continue
			}
			for w := range c.history.growth {
				c.history.growth[w] -= t.history.growth[w]
			}
		}
		c.history.weigh(f.places.clock)
		c.bytes = c.history.bytes
		if c.bytes.score < minGrowth || c.bytes.score < (1-explained)*whole {
			return true
		}
		told = append(told, c)
		return false
	})
}

// stand returns a node that stands for what a candidate is made of.
func (c *candidate) stand() heap.Node {
	if len(c.members) > 0 {
		return c.members[0]
	}
	return c.node
}

// judgesByPath says whether there is nothing but paths to tell growth by.
func (f *finder) judgesByPath() bool {
	return f.places != nil && len(f.past) == 0 && !f.doubt && !f.unexplained
}

// compareByPath adds to the candidates what their paths tell. When a heap has become bigger
// and no path says why, or when the process may be another one, they are what a single
// snapshot shows to be big.
func (f *finder) compareByPath(ctx context.Context) error {
	if f.judgesByPath() {
		if len(f.candidates) > 0 || !f.heapGrows() {
			return nil
		}
		f.unexplained = true
		return f.compare(ctx)
	}
	f.extend()
	f.sort()
	return nil
}

// heapGrows says whether the heap as a whole becomes bigger in every interval.
func (f *finder) heapGrows() bool {
	var growth []int64
	all := f.diagnosis.Snapshots[f.since:]
	for k := 1; k < len(all); k++ {
		growth = append(growth, all[k].Total-all[k-1].Total)
	}
	return f.places.clock.judge(growth, 0).score > vagueShare*float64(f.survey.Total())
}

// extend judges candidates that two snapshots with the same ids tell over those before,
// too. What did not grow there may be a burst.
func (f *finder) extend() {
	for _, c := range f.candidates {
		h := f.recall(c)
		if h == nil {
			continue
		}
		c.history = h
		if h.bytes.score > 0 && !f.doubt {
			c.bytes, c.count = h.bytes, h.count
		}
	}
}
