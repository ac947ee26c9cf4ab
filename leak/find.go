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
	// NewProcess says that the snapshot is of another process than the one before. Ids
	// that do not continue although SameIDs said so leave it open, whatever this says.
	NewProcess bool
}

// Options are what else is known of the process. The zero value is fine.
type Options struct {
	MemoryLimit int64         // bytes, 0 = none or unknown
	RSS         []int64       // resident memory at each snapshot, bytes; nil = unknown
	Uptime      time.Duration // of the process at the first snapshot; 0 = unknown
	// Copies is how many files were left out as they are the same snapshot as another one.
	Copies int
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
	options Options
	earlier []*Observation // all
	past    []*Observation // those whose ids continue up to the last snapshot
	links   []link         // by snapshot
	since   int            // the first snapshot that can be compared with the last, by id or by path
	doubt   bool           // one of those may be of another process
	// repeated says that two of the snapshots are one and the same.
	repeated bool
	places   *places // nil = nothing is compared by path
	// unexplained says that the heap grows and that no path tells why.
	unexplained bool
	graph       *graph
	survey      *survey
	words       *words
	candidates  []*candidate
	diagnosis   *Diagnosis
}

// search finds the candidates and makes suspects of the best.
func (f *finder) search(ctx context.Context) error {
	v, err := newSurvey(ctx, f.graph, f.past)
	if err != nil {
		return err
	}
	v.clock = newClock(f.times(len(f.earlier) - len(f.past)))
	f.survey, f.words = v, newWords(v, f.options.Resolve)
	if err := f.lookBack(ctx); err != nil {
		return err
	}
	if err := f.compare(ctx); err != nil {
		return err
	}
	if f.places != nil {
		if err := f.compareByPath(ctx); err != nil {
			return err
		}
	}
	f.growth()
	f.liftAll()
	for i, c := range f.candidates[:min(len(f.candidates), maxSuspects)] {
		s := f.suspect(c)
		s.Rank = i + 1
		f.diagnosis.Suspects = append(f.diagnosis.Suspects, s)
	}
	f.mergeLifted()
	f.judgeTogether(f.diagnosis.Suspects)
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
	found = f.weigh(found)
	if f.judgesByPath() {
		found = f.recallAll(found)
	}
	f.candidates = v.accept(found)
	v.sum()
	search := v.owners
	if f.judgesByPath() {
		search = f.grownOwners
	}
	owners, err := search(ctx)
	if err != nil {
		return err
	}
	owners = f.weigh(owners)
	if f.judgesByPath() {
		owners = f.recallOwners(owners)
	}
	f.candidates = append(f.candidates, owners...)
	f.sort()
	return nil
}

// weigh gives candidates their weights, and drops texts of scripts, what belongs to the
// observer, and those that a
// single snapshot, which does not show what grows, would be full of.
func (f *finder) weigh(found []*candidate) []*candidate {
	return slices.DeleteFunc(found, func(c *candidate) bool {
		f.prefer(c)
		return f.survey.isSource(c.node) || f.isObserver(c) || len(f.past) == 0 && !f.judgesByPath() && f.isRuntimes(c)
	})
}

func (f *finder) sort() {
	slices.SortStableFunc(f.candidates, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.score(), a.score()), cmp.Compare(b.bytes.score, a.bytes.score), cmp.Compare(a.node, b.node))
	})
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
