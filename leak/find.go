// Package leak turns heap snapshots of a process into a diagnosis: what grows,
// how much, held by whom, created where, and whether that is a leak.
//
// The evidence, for three snapshots or more: objects that were allocated after the
// first snapshot and are still there (survivors), collections that gain elements in
// every interval and lose none, and old objects below which the dominator tree grows.
// Growth alone is not enough, as traffic comes in bursts, nor is survival, as a cache
// that is full replaces its elements all the time. See decisions in verdict.go.
package leak

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/ecsheap/ecsheap/heap"
)

// Moment is what is known of a snapshot beside its graph.
type Moment struct {
	At      time.Time // when it was taken; zero = unknown
	SameIDs bool      // object ids continue from the snapshot before, as far as is known
}

// Options are what else is known of the process. The zero value is fine.
type Options struct {
	MemoryLimit int64         // bytes, 0 = none or unknown
	RSS         []int64       // resident memory at each snapshot, bytes; nil = unknown
	Uptime      time.Duration // of the process at the first snapshot; 0 = unknown
	// Resolve turns a place in a script into one of the source, nil = as it stands.
	Resolve func(heap.Location) Place
}

// maxSuspects is how many suspects a diagnosis has at most: what comes behind them
// explains little, and nobody reads on.
const maxSuspects = 12

// Find makes the diagnosis of a series: the observations of the earlier
// snapshots, oldest first, and the last one whole. It returns the cause of ctx
// when ctx ends first.
func Find(ctx context.Context, earlier []*Observation, last *heap.Snapshot, m Moment, o Options) (*Diagnosis, error) {
	if err := last.Prepare(ctx); err != nil {
		return nil, err
	}
	f := &finder{options: o, earlier: earlier, diagnosis: &Diagnosis{
		Suspects: []Suspect{}, Classes: []Growth{}, Between: []heap.Class{}, Notes: []string{},
	}}
	f.begin(newGraph(last), m)
	if err := f.search(ctx); err != nil {
		return nil, err
	}
	f.conclude()
	return f.diagnosis, nil
}

// finder is Find at work.
type finder struct {
	options    Options
	earlier    []*Observation // all
	past       []*Observation // those whose ids continue up to the last snapshot
	graph      *graph
	survey     *survey
	words      *words
	candidates []*candidate
	diagnosis  *Diagnosis
}

// begin tells the snapshots of the series, and which of them can be compared by id.
func (f *finder) begin(g *graph, m Moment) {
	f.graph = g
	d := f.diagnosis
	same := false
	if n := len(f.earlier); n > 0 {
		same = continues(g, m, f.earlier[n-1])
	}
	for _, o := range f.earlier {
		d.Snapshots = append(d.Snapshots, o.snapshot)
	}
	d.Snapshots = append(d.Snapshots, describe(g.Snapshot, m))
	d.Snapshots[len(d.Snapshots)-1].SameIDs = same
	if same {
		start := len(f.earlier) - 1
		for start > 0 && f.earlier[start].sameIDs {
			start--
		}
		f.past = f.earlier[start:]
	}
	switch {
	case len(f.past) >= 2:
		d.Method = Survivors
	case len(f.past) == 1 && len(f.earlier) == 1:
		d.Method = Comparison
	case len(f.earlier) == 0:
		d.Method = Accumulation
	case len(f.past) == 1:
		d.Method = Comparison
	default:
		d.Method = ClassComparison
	}
}

// search finds the candidates and makes suspects of the best.
func (f *finder) search(ctx context.Context) error {
	v, err := newSurvey(ctx, f.graph, f.past)
	if err != nil {
		return err
	}
	at := make([]time.Time, 0, len(f.past)+1)
	for _, o := range f.past {
		at = append(at, o.moment.At)
	}
	v.clock = newClock(append(at, f.diagnosis.Snapshots[len(f.earlier)].At))
	f.survey, f.words = v, newWords(v, f.options.Resolve)
	if err := f.compare(ctx); err != nil {
		return err
	}
	f.growth()
	for i, c := range f.candidates[:min(len(f.candidates), maxSuspects)] {
		s := f.suspect(c)
		s.Rank = i + 1
		f.diagnosis.Suspects = append(f.diagnosis.Suspects, s)
	}
	return nil
}

// compare finds candidates: first the collections, then what grows without any.
func (f *finder) compare(ctx context.Context) error {
	v := f.survey
	found, minors, err := v.collections(ctx)
	if err != nil {
		return err
	}
	found = append(found, v.groups(minors)...)
	found = slices.DeleteFunc(found, func(c *candidate) bool {
		f.prefer(c)
		return len(v.past) == 0 && f.isRuntimes(c)
	})
	f.candidates = v.accept(found)
	v.sum()
	owners, err := v.owners(ctx)
	if err != nil {
		return err
	}
	for _, c := range owners {
		f.prefer(c)
		if len(v.past) > 0 || !f.isRuntimes(c) {
			f.candidates = append(f.candidates, c)
		}
	}
	slices.SortStableFunc(f.candidates, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(a.node, b.node))
	})
	return nil
}

// growth makes the table of classes, and the one of what was allocated between the first
// two snapshots.
func (f *finder) growth() {
	d := f.diagnosis
	var series [][]classRow
	for _, o := range f.earlier {
		series = append(series, o.classes)
	}
	series = append(series, classRows(f.graph.Snapshot))
	byName := len(f.past) < len(f.earlier)
	d.Classes = growths(series, byName, f.words.placeOf)
	if len(f.past) >= 2 {
		marks := f.past[1].marks
		d.Between = f.graph.Between(&heap.Marks{MaxID: marks[0]}, &heap.Marks{MaxID: marks[1]})
	}
}
