package leak

import (
	"cmp"
	"slices"
)

const (
	// minSteady and minSurvival are what a collection needs for its growth to be taken as
	// explained by it. What falls short may still be part of something that does not.
	minSteady   = 0.1
	minSurvival = 0.3
	// newShare is the share of a candidate's new objects that none before it explains,
	// for it to be a suspect of its own.
	newShare = 0.4
)

// accept returns the collections that explain growth, best first. Of those that hold the
// same objects the best one stays.
func (v *survey) accept(found []*candidate) []*candidate {
	slices.SortStableFunc(found, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(v.remoteness(a), v.remoteness(b)), cmp.Compare(a.node, b.node))
	})
	var accepted []*candidate
	for _, c := range found {
		if c.bytes.score <= 0 || c.bytes.steady < minSteady || c.survival < minSurvival || c.score() < minGrowth/2 {
			continue
		}
		if left := v.uncovered(c); float64(left) < newShare*float64(c.born) {
			continue
		}
		v.coverNew(c)
		accepted = append(accepted, c)
	}
	return accepted
}

// remoteness breaks ties: what is nearer to a root comes first.
func (v *survey) remoteness(c *candidate) int { return v.Distance(c.node) }

// eachNew calls f for the positions of the new elements of a candidate's collections, keys
// and values.
func (v *survey) eachNew(c *candidate, f func(pos int)) {
	for _, n := range c.members {
		v.eachEntry(n, func(e entry) {
			if v.entry(v.graph, e) == 0 {
				return
			}
			if v.ageOf(e.value) > 0 {
				f(v.tree.Pos(e.value))
			}
			if e.pair && v.ageOf(e.key) > 0 {
				f(v.tree.Pos(e.key))
			}
		})
	}
}

// uncovered returns the bytes of a candidate's new elements that no suspect explains.
func (v *survey) uncovered(c *candidate) int64 {
	if v.covered == nil {
		return c.born
	}
	var left int64
	born := make([]int64, v.windows())
	v.eachNew(c, func(pos int) {
		if !v.covered[pos] {
			clear(born)
			v.bornIn(pos, born)
			left += sum(born)
		}
	})
	return left
}

// coverNew marks what a candidate explains: its new elements and its own tables.
func (v *survey) coverNew(c *candidate) {
	if v.covered == nil {
		v.covered = make([]bool, v.tree.Len())
	}
	v.eachNew(c, v.cover)
	for _, n := range c.members {
		v.eachBelow(n, v.cover)
		v.covered[v.tree.Pos(n)] = true
	}
}
