package heap

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// phase is a computation that is done once, when it is first needed. One that was
// cancelled can be tried again.
type phase struct {
	mu   sync.Mutex
	done atomic.Bool
}

func (p *phase) run(ctx context.Context, f func(context.Context) error) error {
	if p.done.Load() {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done.Load() {
		return nil
	}
	if err := f(ctx); err != nil {
		return err
	}
	p.done.Store(true)
	return nil
}

// computed is what is known beyond the file, and whether it is already.
type computed struct {
	folded, dominated, measured, classed, counted, reversed phase

	scratch scratch
	tree    tree    // by dominated
	steps   []int32 // distances, by measured
	rows    rows    // by classed, sizes by counted
	reverse reverse // by reversed
}

// Prepare computes what the methods would compute on first need: shallow and retained
// sizes, dominators, distances and classes, on two cores. It returns the cause of ctx
// when ctx ends first.
func (s *Snapshot) Prepare(ctx context.Context) error {
	return s.counted.run(ctx, s.countClasses)
}

// need runs a phase for a method that cannot fail.
func need(p *phase, f func(context.Context) error) {
	_ = p.run(context.Background(), f) // only the end of its context makes a phase fail
}

// both runs two functions beside each other.
func both(f, g func() error) error {
	var err error
	var wg sync.WaitGroup
	wg.Go(func() { err = f() })
	other := g()
	wg.Wait()
	if err != nil {
		return err
	}
	return other
}

// patience is how many nodes are worked on between two looks at the context.
const patience = 1 << 16

// alive returns the cause of the context's end, now and then.
func alive(ctx context.Context, n int) error {
	if n%patience == 0 && ctx.Err() != nil {
		return fmt.Errorf("analysing snapshot: %w", context.Cause(ctx))
	}
	return nil
}

// scratch lends slices of one length, so that a phase reuses the memory of the one
// before it instead of waiting for the garbage collector.
type scratch struct {
	mu   sync.Mutex
	free [][]uint32
}

// get returns a slice of n numbers, zero if clean is asked for.
func (s *scratch) get(n int, clean bool) []uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, b := range s.free {
		if cap(b) >= n {
			s.free = append(s.free[:i], s.free[i+1:]...)
			b = b[:n]
			if clean {
				clear(b)
			}
			return b
		}
	}
	return column[uint32](n)
}

func (s *scratch) put(bs ...[]uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, bs...)
}

// drop forgets what has been lent back.
func (s *scratch) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = nil
}
