// Package leak turns heap snapshots of a process into a diagnosis: what grows,
// how much, held by whom, created where, and whether that is a leak.
package leak

import (
	"context"
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

// Observation is what Find needs of an earlier snapshot. It does not hold on to
// the heap.Snapshot.
type Observation struct {
	moment Moment
}

// Observe reduces a snapshot. before is the observation of the one before, nil
// for the first.
func Observe(ctx context.Context, s *heap.Snapshot, m Moment, before *Observation) (*Observation, error) {
	if err := s.Prepare(ctx); err != nil {
		return nil, err
	}
	return &Observation{moment: m}, nil
}

// Find makes the diagnosis of a series: the observations of the earlier
// snapshots, oldest first, and the last one whole. It returns the cause of ctx
// when ctx ends first.
func Find(ctx context.Context, earlier []*Observation, last *heap.Snapshot, m Moment, o Options) (*Diagnosis, error) {
	if err := last.Prepare(ctx); err != nil {
		return nil, err
	}
	return &Diagnosis{Verdict: Insufficient, Suspects: []Suspect{}, Snapshots: []Snapshot{}, Classes: []Growth{}, Between: []heap.Class{}, Notes: []string{}}, nil
}
