package leak

import (
	"math"
	"slices"
	"time"

	"github.com/ecsheap/ecsheap/heap"
)

// suspect makes of a candidate what is told of it.
func (f *finder) suspect(c *candidate) Suspect {
	v, w := f.survey, f.words
	w.anchor(c)
	s := Suspect{
		Score: c.score(), Title: w.title(c), Node: c.anchor, ID: v.ID(c.anchor), Class: v.Class(c.anchor),
		Location: w.ownerPlace(c.anchor), Counts: f.pad(c.counts), Sizes: f.padSizes(c.sizes),
		Path: w.path(c), Keeps: []Kept{}, Samples: []heap.Node{}, candidate: c,
	}
	s.Retained = c.sizes[len(c.sizes)-1]
	if total := v.Total(); total > 0 {
		s.Share = min(1, float64(s.Retained)/float64(total))
	}
	s.SizeDelta = s.Retained - max(0, firstKnown(c.sizes))
	s.CountDelta = max(0, c.counts[len(c.counts)-1]) - max(0, firstKnown(c.counts))
	s.history = c.history
	i := f.inventory(c)
	s.Keeps, s.Samples = i.kept, i.samples
	s.AllocatedAt, s.CreatedAt, s.holds = f.words.allocatedAt(s.Samples), i.created, i.top
	if c.kind == chain {
		s.holds = w.class(c.parts[0])
	}
	s.Pattern = f.pattern(c, i)
	s.Kind = f.kindText(s.Pattern)
	if s.Pattern == OpenSockets && f.nature(c, i.top).open > mostly {
		s.Kind = "open connections"
	}
	s.Confidence = f.confidence(c, &s)
	s.Explanation, s.Advice = f.explain(c, &s)
	f.tellLift(c, &s)
	return s
}

// firstKnown returns the first value that is there, 0 if there is none.
func firstKnown[T int | int64](values []T) T {
	for _, v := range values {
		if v >= 0 {
			return v
		}
	}
	return 0
}

// pad puts -1 before the counts for snapshots that could not be compared.
func (f *finder) pad(counts []int) []int {
	return append(slices.Repeat([]int{-1}, len(f.earlier)+1-len(counts)), counts...)
}

func (f *finder) padSizes(sizes []int64) []int64 {
	return append(slices.Repeat([]int64{-1}, len(f.earlier)+1-len(sizes)), sizes...)
}

// exhausts tells how long the memory limit lasts at a rate. What is outside of the heap
// counts as it did at the last snapshot.
func (f *finder) exhausts(rate float64) time.Duration {
	if rate <= 0 || f.options.MemoryLimit <= 0 {
		return 0
	}
	used := f.survey.Total()
	if n := len(f.options.RSS); n > 0 {
		used = max(used, f.options.RSS[n-1])
	}
	seconds := float64(f.options.MemoryLimit-used) / rate
	if seconds <= 0 || seconds > math.MaxInt64/float64(time.Second) {
		return 0
	}
	return time.Duration(seconds * float64(time.Second)).Round(time.Second)
}
