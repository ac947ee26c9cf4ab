package leak

import (
	"cmp"
	"context"
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

// blockBits is the log of how many nodes share a running sum: with 16 of them a sum costs
// a few additions at its ends, and the sums take half a byte a node and window.
const blockBits = 4

// survey is the last snapshot of a series, with the bytes of the objects that are new
// since the first one, wherever they hang in the dominator tree.
type survey struct {
	*graph
	ages
	tree    *heap.DominatorTree
	age     []uint8   // by position in the tree
	sums    [][]int64 // by window: bytes born in all blocks before a block, not covered
	all     [][]int64 // the same, covered or not
	covered []bool    // by position: explained by a suspect already; nil = nothing is
	grown   []inPlace // by position
	via     viaEdges  // how the nearest path comes to each node
	past    []*Observation
	clock   clock
	visited visits
}

// visits are the positions that a computation has been at.
type visits struct {
	bits []uint64
	list []int // those that are set, to be cleared
}

// add adds a position. It returns false if it is there already.
func (v *visits) add(pos int) bool {
	word, bit := pos>>6, uint64(1)<<(pos&63)
	if v.bits[word]&bit != 0 {
		return false
	}
	v.bits[word] |= bit
	v.list = append(v.list, word)
	return true
}

// clear forgets all.
func (v *visits) clear() {
	for _, word := range v.list {
		v.bits[word] = 0
	}
	v.list = v.list[:0]
}

// inPlace is an old object that has become bigger itself, as arrays of numbers do.
type inPlace struct {
	pos   int
	bytes []int64 // by window
}

func newSurvey(ctx context.Context, g *graph, past []*Observation) (*survey, error) {
	v := &survey{graph: g, past: past, tree: g.DominatorTree()}
	if len(past) == 0 {
		v.marks = []heap.ID{0} // all that there is counts as new
	} else {
		v.marks = past[len(past)-1].marks
	}
	v.age = make([]uint8, v.tree.Len())
	v.visited.bits = make([]uint64, v.tree.Len()>>6+1)
	if err := v.tell(ctx); err != nil {
		return nil, err
	}
	v.sum()
	v.findGrown()
	via, err := findVia(ctx, g)
	v.via = via
	return v, err
}

// tell finds the age of each node. Those whose ids say nothing, native memory foremost,
// are as old as what dominates them.
func (v *survey) tell(ctx context.Context) error {
	type open struct {
		end int
		age uint8
	}
	var path []open // from the root to the node
	for pos := range v.age {
		if err := alive(ctx, pos); err != nil {
			return err
		}
		for len(path) > 0 && pos >= path[len(path)-1].end {
			path = path[:len(path)-1]
		}
		age := uint8(0)
		if id := v.ID(v.tree.At(pos)); odd(id) {
			age = uint8(v.of(id))
		} else if len(path) > 0 {
			age = path[len(path)-1].age
		}
		v.age[pos] = age
		if end := v.tree.End(pos); end > pos+1 {
			path = append(path, open{end, age})
		}
	}
	return nil
}

// ageOf returns the age of a node.
func (v *survey) ageOf(n heap.Node) int { return int(v.age[v.tree.Pos(n)]) }

// sum computes the running sums of what no suspect has covered.
func (v *survey) sum() {
	blocks := v.tree.Len()>>blockBits + 1
	v.sums = make([][]int64, v.windows())
	total := make([]int64, v.windows())
	for w := range v.sums {
		v.sums[w] = make([]int64, blocks)
	}
	for pos := range v.age {
		if pos&(1<<blockBits-1) == 0 {
			for w := range v.sums {
				v.sums[w][pos>>blockBits] = total[w]
			}
		}
		if w, bytes := v.weigh(pos); bytes > 0 {
			total[w] += bytes
		}
	}
	if v.tree.Len()&(1<<blockBits-1) == 0 {
		for w := range v.sums {
			v.sums[w][blocks-1] = total[w]
		}
	}
	if v.all == nil {
		v.all = v.sums
	}
}

// weigh returns the window in which the node at a position was born, and its bytes.
// Covered ones weigh nothing.
func (v *survey) weigh(pos int) (window int, bytes int64) {
	if v.covered != nil && v.covered[pos] {
		return 0, 0
	}
	return v.weighAny(pos)
}

// weighAny is weigh of all, covered or not.
func (v *survey) weighAny(pos int) (window int, bytes int64) {
	age := int(v.age[pos])
	if age == 0 {
		return 0, 0
	}
	n := v.tree.At(pos)
	if !v.ownsBytes(n) {
		return 0, 0
	}
	return age - 1, v.Self(n)
}

// bornIn adds the bytes of new objects that the node at pos dominates, itself included,
// to born, by window. What is covered does not count.
func (v *survey) bornIn(pos int, born []int64) { v.add(v.sums, pos, born, v.weigh) }

// everBornIn is bornIn of all, covered or not.
func (v *survey) everBornIn(pos int, born []int64) { v.add(v.all, pos, born, v.weighAny) }

func (v *survey) add(sums [][]int64, pos int, born []int64, weigh func(pos int) (int, int64)) {
	from, to := pos, v.tree.End(pos)
	const mask = 1<<blockBits - 1
	addUp := func(from, to int) {
		for pos := from; pos < to; pos++ {
			if w, bytes := weigh(pos); bytes > 0 {
				born[w] += bytes
			}
		}
	}
	if to-from > 2*mask {
		first, last := (from+mask)>>blockBits, to>>blockBits
		for w := range born {
			born[w] += sums[w][last] - sums[w][first]
		}
		addUp(from, first<<blockBits)
		from = last << blockBits
	}
	addUp(from, to)
}

// born is bornIn of a node, as a slice of its own.
func (v *survey) born(n heap.Node) []int64 {
	born := make([]int64, v.windows())
	v.bornIn(v.tree.Pos(n), born)
	return born
}

// findGrown finds the old objects whose own size has grown.
func (v *survey) findGrown() {
	if len(v.past) == 0 {
		return
	}
	for pos := range v.age {
		n := v.tree.At(pos)
		if v.age[pos] != 0 || !odd(v.ID(n)) || v.Self(n) < minSelf || !v.ownsBytes(n) {
			continue
		}
		before := v.past[0].self.get(v.ID(n))
		if v.Self(n)-before < minSelf {
			continue
		}
		g := inPlace{pos: pos, bytes: make([]int64, v.windows())}
		for k := range g.bytes {
			now := v.Self(n)
			if k+1 < len(v.past) {
				now = v.past[k+1].self.get(v.ID(n))
			}
			g.bytes[k] = max(0, now-before)
			before = now
		}
		v.grown = append(v.grown, g)
	}
}

// grownIndex returns where in grown the position is, or would be.
func (v *survey) grownIndex(pos int) (int, bool) {
	return slices.BinarySearchFunc(v.grown, pos, func(g inPlace, pos int) int { return cmp.Compare(g.pos, pos) })
}

// grownIn adds what has grown in place below pos, itself included, by window.
func (v *survey) grownIn(pos int, bytes []int64) {
	end := v.tree.End(pos)
	i, _ := v.grownIndex(pos)
	for ; i < len(v.grown) && v.grown[i].pos < end; i++ {
		if v.covered != nil && v.covered[v.grown[i].pos] {
			continue
		}
		for w, b := range v.grown[i].bytes {
			bytes[w] += b
		}
	}
}

// cover marks what the node at pos dominates as explained.
func (v *survey) cover(pos int) {
	end := v.tree.End(pos)
	if v.covered[pos] && v.covered[end-1] {
		return
	}
	for p := pos; p < end; p++ {
		v.covered[p] = true
	}
}
