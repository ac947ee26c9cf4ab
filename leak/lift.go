package leak

import (
	"fmt"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// lifted is how many times the growth of a collection its owner has to grow by, for the
	// owner's numbers to be told: siblings that share their elements explain little each.
	lifted = 3
	// higher is the same for an owner of that owner.
	higher = 1.5
	// maxExplained is the share of an owner's growth that collections below it may explain
	// by themselves. An application object that has several leaks is no suspect.
	maxExplained = 0.5
	// maxOwners bounds how far an owner is looked for.
	maxOwners = 8
)

// lift is the object of an application that grows with a collection in it, by more than that
// shows, as it shares what grows with others.
type lift struct {
	node  heap.Node
	sizes []int64
	bytes trend
}

// liftAll finds owners that tell more than their collections.
func (f *finder) liftAll() {
	if len(f.survey.past) < 2 || f.judgesByPath() {
		return
	}
	for _, c := range f.candidates {
		if c.kind == collection || c.kind == group {
			c.lift = f.ownerOf(c)
		}
	}
	f.sort()
}

// ownerOf returns the owner of a collection that grows by several times as much, nil if
// there is none.
func (f *finder) ownerOf(c *candidate) *lift {
	v := f.survey
	gained := c.sizes[len(c.sizes)-1] - max(0, firstKnown(c.sizes))
	factor := float64(lifted)
	var best *lift
	n := c.node
	for range maxOwners {
		if n = v.Dominator(n); n == v.Root() || v.ageOf(n) > 0 || f.words.isGlobal(n) || f.words.isContext(n) || v.Type(n) == heap.ClosureNode {
			break
		}
		if v.Type(n) != heap.ObjectNode || !f.words.speaks(n) || v.NameLabel(n) == v.plain {
			continue
		}
		l := &lift{node: n, sizes: v.sizesOf(n)}
		growth := make([]int64, v.windows())
		for w := range growth {
			growth[w] = l.sizes[w+1] - l.sizes[w]
		}
		l.bytes = v.clock.judge(growth, 0)
		if all := sum(growth); l.bytes.steady >= minSteady && float64(all) >= factor*float64(max(1, gained)) && !f.explains(l, all) {
			best, gained, factor = l, all, higher
		}
	}
	return best
}

// explains says whether the candidates below an owner explain most of what it has gained.
func (f *finder) explains(l *lift, gained int64) bool {
	v := f.survey
	var told int64
	for _, c := range f.candidates {
		if c.node != l.node && v.tree.Dominates(l.node, c.node) {
			told += c.sizes[len(c.sizes)-1] - max(0, firstKnown(c.sizes))
		}
	}
	return float64(told) > maxExplained*float64(gained)
}

// tellLift puts the owner's numbers into the suspect.
func (f *finder) tellLift(c *candidate, s *Suspect) {
	if c.lift == nil {
		return
	}
	l, own, class := c.lift, s.Retained, f.words.class(c.lift.node)
	s.lift = l
	s.Title += " in " + class
	s.Sizes, s.Retained = f.padSizes(l.sizes), l.sizes[len(l.sizes)-1]
	s.Share = min(1, float64(s.Retained)/float64(max(1, f.survey.Total())))
	s.SizeDelta = s.Retained - max(0, l.sizes[0])
	s.Explanation += fmt.Sprintf(" The sizes are those of the %s that has it and grows with it, by more than this holds by itself (%s): it shares what it holds with others.", class, size(own))
}

// mergeLifted leaves one suspect of those that are parts of one such owner: the surest.
func (f *finder) mergeLifted() {
	suspects := f.diagnosis.Suspects
	best := map[heap.Node]int{}
	for i, s := range suspects {
		if s.lift == nil {
			continue
		}
		if k, ok := best[s.lift.node]; !ok || s.Confidence > suspects[k].Confidence {
			best[s.lift.node] = i
		}
	}
	var keep []Suspect
	for i, s := range suspects {
		part := false
		for n, k := range best {
			part = part || i != k && s.Confidence <= suspects[k].Confidence && f.survey.tree.Dominates(n, s.Node)
		}
		if !part {
			s.Rank = len(keep) + 1
			keep = append(keep, s)
		}
	}
	if len(best) > 0 {
		f.diagnosis.Suspects = keep
	}
}
