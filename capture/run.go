package capture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"
	"time"
)

// runner is one Run.
type runner struct {
	plan     Plan
	src      Source
	progress Progress
	done     func(Shot)
	store    *store
	series   Series
	process  Process // where the latest snapshot came from
	lastID   string  // the sentinel's id right after the latest snapshot
	idsLost  bool    // V8 forgot the ids while the latest snapshot was taken
}

// begin makes the manifest, so that even a capture that is killed at once says
// what it was.
func (r *runner) begin(ctx context.Context) error {
	p, err := r.src.Process(ctx)
	if err != nil {
		return err
	}
	p.StartedAt = p.StartedAt.UTC()
	r.process = p
	r.series = Series{
		Schema: schema, Tool: r.plan.Tool, StartedAt: now(), Dir: r.plan.Dir,
		Count: r.plan.Count, IntervalMs: r.plan.Interval.Milliseconds(), SampleMs: r.plan.SampleEvery.Milliseconds(),
		Target: r.plan.Target, Process: p, Checks: r.plan.Checks,
	}
	return r.store.save(r.series)
}

// take takes all snapshots, from start to start of each the interval.
func (r *runner) take(ctx context.Context) error {
	for n := 1; ; n++ {
		began := time.Now()
		if err := r.shot(ctx, n); err != nil {
			return err
		}
		if n == r.plan.Count {
			return nil
		}
		next := began.Add(r.plan.Interval)
		if late := time.Since(next); late > 0 && r.plan.Interval > 0 {
			r.warn(n+1, &LateError{N: n + 1, By: late})
		}
		r.progress.Wait(next)
		if err := r.wait(ctx, next); err != nil {
			return err
		}
	}
}

// wait samples memory until it is time. A failing sample ends the series: there
// would be no snapshot either.
func (r *runner) wait(ctx context.Context, until time.Time) error {
	due := time.NewTimer(time.Until(until))
	defer due.Stop()
	tick := time.NewTicker(r.plan.SampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-due.C:
			return nil
		case <-tick.C:
			if _, err := r.sample(ctx); err != nil {
				return err
			}
		}
	}
}

// sample records the memory of this moment.
func (r *runner) sample(ctx context.Context) (Memory, error) {
	m, err := r.src.Memory(ctx)
	if err != nil {
		return Memory{}, err
	}
	s := Sample{At: now(), RSS: m.RSS, HeapUsed: m.HeapUsed, External: m.External}
	r.series.Samples = append(r.series.Samples, s)
	r.progress.Sample(s)
	return m, nil
}

// shot takes snapshot n and all that is known around it.
func (r *runner) shot(ctx context.Context, n int) error {
	r.progress.Shot(n)
	if err := r.recognize(ctx, n); err != nil {
		return err
	}
	if r.src.Prepare != nil {
		if err := r.src.Prepare(ctx); err != nil {
			return err
		}
	}
	var verdict any
	if r.src.Gate != nil {
		var err error
		if verdict, err = r.src.Gate(ctx, n, r.series.Snapshots); err != nil {
			return err
		}
	}
	before, err := r.sample(ctx)
	if err != nil {
		return err
	}
	id, err := r.src.SentinelID(ctx)
	if err != nil {
		return err
	}
	s := Shot{
		N: n, File: fmt.Sprintf("s%d.heapsnapshot", n), StartedAt: now(), Gate: verdict,
		RSSBefore: before.RSS, HeapUsedBefore: before.HeapUsed,
	}
	if err := r.receive(ctx, &s); err != nil {
		return err
	}
	lost := r.aftermath(ctx, &s, id)
	if lost == nil {
		lost = r.scripts(ctx, n)
	}
	r.series.Snapshots = append(r.series.Snapshots, s)
	err = r.store.save(r.series)
	if r.done != nil {
		r.done(s)
	}
	switch {
	case err != nil:
		return err
	case lost != nil && n < r.plan.Count:
		return lost
	case lost != nil:
		r.warn(n, &AftermathError{N: n, Err: lost})
	}
	return nil
}

// scripts asks for the scripts of the process after a snapshot, so that all in it
// are known. Not knowing them ends no series, but a lost connection does.
func (r *runner) scripts(ctx context.Context, n int) error {
	if r.src.Scripts == nil {
		return nil
	}
	scripts, err := r.src.Scripts(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.warn(n, &ScriptsError{N: n, Err: err})
		return nil
	}
	if r.series.Scripts == nil {
		r.series.Scripts = Scripts{}
	}
	maps.Copy(r.series.Scripts, scripts) // ids are never used again in one process
	return nil
}

// recognize notices that the process is another one than at the snapshot
// before.
func (r *runner) recognize(ctx context.Context, n int) error {
	if n == 1 {
		return nil // begin has just asked
	}
	p, err := r.src.Process(ctx)
	if err != nil {
		return err
	}
	if !p.Same(r.process) {
		r.warn(n, &ProcessChangedError{N: n, Old: r.process, New: p})
		r.lastID = ""
		r.series.Scripts = nil // the ids of another process would be taken for these
	}
	r.process = p
	return nil
}

// receive streams one snapshot to its file and fills in what is known of it.
// Whatever goes wrong, a panic of a callback included, no .tmp file stays.
func (r *runner) receive(ctx context.Context, s *Shot) error {
	f, err := r.store.create(s.File + tmpSuffix)
	if err != nil {
		return r.store.explain(err)
	}
	committed := false
	defer func() {
		if !committed {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	var wire int64
	if r.src.WireBytes != nil {
		wire = r.src.WireBytes()
	}
	out := newSink(f, r.progress.Bytes)
	stop := r.keepAlive(ctx)
	began := time.Now()
	taken, err := r.src.Snapshot(ctx, out, r.progress.Objects)
	elapsed := time.Since(began)
	stop()
	if out.err != nil {
		return r.store.explain(out.err)
	}
	if err != nil {
		return err
	}
	if err := out.describe(s); err != nil {
		return err
	}
	s.ElapsedMs, s.PauseMs, s.PauseFrom = elapsed.Milliseconds(), elapsed.Milliseconds(), pauseFromElapsed
	if taken.Pause > 0 {
		s.PauseMs, s.PauseFrom = taken.Pause.Milliseconds(), pauseFromProcess
	}
	s.Transfer, s.RSSPeak, s.S3 = taken.Transfer, taken.PeakRSS, taken.S3
	if r.src.WireBytes != nil {
		s.WireBytes = r.src.WireBytes() - wire
	}
	if err := r.store.commit(f, s.File); err != nil {
		return r.store.explain(err)
	}
	committed = true
	return nil
}

// aftermath looks at the process right after a snapshot, before which the
// sentinel's id was id.
func (r *runner) aftermath(ctx context.Context, s *Shot, id string) error {
	after, err := r.src.SentinelID(ctx)
	if err != nil {
		after = ""
	}
	s.SameObjectIDs = s.N == 1 || known(after) && after == id && id == r.lastID
	// Without an answer the ids are unknown, which is no news of a reset.
	told := !s.SameObjectIDs && (known(r.lastID) || r.idsLost) && err == nil
	if told {
		r.warn(s.N, &IDsResetError{N: s.N})
	}
	// After a snapshot all that lives has an id. If the sentinel has none, or another
	// than before, nobody knows which numbers the file has.
	lost := err == nil && (!known(after) || known(id) && after != id)
	r.idsLost = lost && !told
	r.lastID = after
	if lost {
		r.lastID = ""
	}
	if err != nil {
		return err
	}
	m, err := r.sample(ctx)
	s.RSSAfter, s.HeapUsedAfter = m.RSS, m.HeapUsed
	return err
}

// known reports whether id is one that V8 gave.
func known(id string) bool { return id != "" && id != "0" }

// warn tells the user, now and in the manifest.
func (r *runner) warn(n int, err error) {
	r.series.Warnings = append(r.series.Warnings, Warning{At: now(), Shot: n, Text: err.Error()})
	r.progress.Warn(err)
}

// keepAlive asks the process for its memory now and then while a snapshot comes
// in, for the sake of the asking: the answers come after the snapshot and are
// dropped. The func that it returns ends it, and passes on a panic.
func (r *runner) keepAlive(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var panicked any
	wg.Go(func() {
		// A panic here must not end the program before the caller's clean-up.
		defer func() { panicked = recover() }()
		tick := time.NewTicker(keepAliveEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			once, done := context.WithTimeout(ctx, keepAliveEvery)
			_, _ = r.src.Memory(once)
			done()
		}
	})
	return func() {
		cancel()
		wg.Wait()
		if panicked != nil {
			panic(panicked)
		}
	}
}

// outcome gives the error of a Run its final form.
func (r *runner) outcome(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && !errors.Is(err, context.Cause(ctx)) {
		err = context.Cause(ctx)
	}
	if got := len(r.series.Snapshots); got > 0 && got < r.plan.Count {
		return &PartialError{Want: r.plan.Count, Got: got, Dir: r.plan.Dir, Err: err}
	}
	return err
}
