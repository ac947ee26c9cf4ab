// Package capture takes a series of heap snapshots on a schedule and keeps them
// safely on disk, with a manifest that says what they are.
//
// [Run] knows neither AWS nor the inspector: a [Source] is a handful of funcs.
// It streams each snapshot to sN.heapsnapshot.tmp, verifies it on the way
// ([Verify]), and gives it its final name only when it is whole and on the disk.
// manifest.json is replaced in one step after every snapshot, so whatever
// happens, it describes what is there. [Load] reads a directory back.
//
// Heap snapshots contain the secrets of the process: directories are made with
// mode 0700, files with 0600.
package capture

import (
	"context"
	"fmt"
	"io"
	"time"
)

const (
	// defaultSampleEvery is how often memory is sampled between snapshots.
	defaultSampleEvery = 5 * time.Second

	// maxSampleEvery: the idle timer of Session Manager can be set to as little
	// as one minute and is reset only by what the client sends. The samples keep
	// the session alive.
	maxSampleEvery = time.Minute

	// keepAliveEvery is how often something is sent while a snapshot is coming
	// in, which on a slow link takes longer than that minute.
	keepAliveEvery = 30 * time.Second
)

// Plan says what to take and where to put it.
type Plan struct {
	Dir         string        // made by Run; must be absent or empty, or of a capture that took nothing
	Count       int           // snapshots wanted, at least 1
	Interval    time.Duration // from start to start, used when Count > 1; 0 = one right after the other
	SampleEvery time.Duration // between memory samples, below one minute; 0 = 5 s
	Target      Target        // for the manifest
	Checks      []any         // findings of the preflight for the manifest, anything that encodes as JSON
	Tool        string        // name and version of the program, for the manifest
}

// Source is where snapshots come from. The first four funcs are required. Memory
// may be called while Snapshot is running; otherwise one func is called at a time.
type Source struct {
	Process func(ctx context.Context) (Process, error)
	Memory  func(ctx context.Context) (Memory, error)

	// Snapshot writes a whole snapshot to w before it returns nil. It calls w and
	// progress (objects done and in total) from the caller's goroutine.
	Snapshot func(ctx context.Context, w io.Writer, progress func(done, total int)) (Taken, error)

	// SentinelID returns the id that V8 knows an object of ours by, "" or "0" if
	// V8 knows none. It changes when V8 has forgotten all ids.
	SentinelID func(ctx context.Context) (string, error)

	// Prepare is called before each snapshot, nil = nothing to prepare.
	Prepare func(ctx context.Context) error

	// Gate is asked before snapshot n whether it may be taken, and is told of
	// those that were. What it returns, anything that encodes as JSON, goes into
	// the manifest; its error ends the series. Nil = always.
	Gate func(ctx context.Context, n int, taken []Shot) (any, error)

	// Scripts returns the scripts of the process, nil = unknown.
	Scripts func(ctx context.Context) (Scripts, error)

	// WireBytes returns the bytes received on the wire so far, nil = unknown.
	WireBytes func() int64
}

// Taken is what a Source knows of a snapshot that it has delivered.
type Taken struct {
	Transfer string        // "stream", "disk", "memory" or "s3"
	Pause    time.Duration // how long the process stood still, by its own clock; 0 = unknown
	PeakRSS  int64         // the highest of the process meanwhile, 0 = unknown
	S3       string        // s3:// URL of the copy that stays there, "" = none does
}

// Progress is told what happens, all from Run's goroutine. Nil funcs are fine.
type Progress struct {
	Shot    func(n int)           // snapshot n (from 1) begins
	Objects func(done, total int) // V8 has visited so many objects of the running snapshot
	Bytes   func(n int64)         // so many bytes of the running snapshot are on disk
	Wait    func(until time.Time) // the next snapshot starts then
	Sample  func(Sample)          // memory was sampled
	// Warn is told of what the user should know though the series goes on:
	// *LateError, *ProcessChangedError, *IDsResetError, *AftermathError,
	// *ScriptsError.
	Warn func(error)
}

// Run takes the snapshots of plan from src. done (nil is fine) is called with
// each snapshot as soon as it bears its final name, from Run's goroutine.
//
// Errors: *PlanError, *DirError (nothing was touched); when some but not all
// snapshots were taken, *PartialError around the cause; otherwise the cause
// itself, such as *SpaceError, *FormatError or whatever src returned. When ctx
// ends, the cause is ctx's. The Series is valid in all cases but the first two,
// and manifest.json says the same.
func Run(ctx context.Context, plan Plan, src Source, progress Progress, done func(Shot)) (Series, error) {
	if err := plan.check(); err != nil {
		return Series{}, err
	}
	if err := src.check(); err != nil {
		return Series{}, err
	}
	dir, err := openStore(plan.Dir)
	if err != nil {
		return Series{}, err
	}
	r := &runner{plan: plan, src: src, progress: progress.filled(), done: done, store: dir}
	if err := r.begin(ctx); err != nil {
		dir.discard()
		return r.series.filled(), r.outcome(ctx, err)
	}
	err = r.take(ctx)
	r.series.FinishedAt = now()
	if saveErr := dir.save(r.series); err == nil {
		err = saveErr
	}
	return r.series.filled(), r.outcome(ctx, err)
}

// check fills in defaults and refuses what cannot be meant.
func (p *Plan) check() error {
	if p.SampleEvery == 0 {
		p.SampleEvery = defaultSampleEvery
	}
	switch {
	case p.Dir == "":
		return &PlanError{"no directory given"}
	case p.Count < 1:
		return &PlanError{fmt.Sprintf("%d snapshots asked for, want at least 1", p.Count)}
	case p.Interval < 0:
		return &PlanError{fmt.Sprintf("negative interval %v", p.Interval)}
	case p.SampleEvery < 0 || p.SampleEvery >= maxSampleEvery:
		return &PlanError{fmt.Sprintf("a memory sample every %v, want more than 0 and less than %v: samples keep the session alive", p.SampleEvery, maxSampleEvery)}
	}
	return nil
}

// check refuses a source that lacks a required func. Better now than by a panic
// after the process has stood still for a snapshot.
func (s Source) check() error {
	for _, f := range []struct {
		name   string
		absent bool
	}{
		{"Process", s.Process == nil}, {"Memory", s.Memory == nil}, {"Snapshot", s.Snapshot == nil}, {"SentinelID", s.SentinelID == nil},
	} {
		if f.absent {
			return &PlanError{"the source has no func " + f.name}
		}
	}
	return nil
}

// filled returns p without nil funcs.
func (p Progress) filled() Progress {
	if p.Shot == nil {
		p.Shot = func(int) {}
	}
	if p.Objects == nil {
		p.Objects = func(int, int) {}
	}
	if p.Bytes == nil {
		p.Bytes = func(int64) {}
	}
	if p.Wait == nil {
		p.Wait = func(time.Time) {}
	}
	if p.Sample == nil {
		p.Sample = func(Sample) {}
	}
	if p.Warn == nil {
		p.Warn = func(error) {}
	}
	return p
}

// now is the time as the manifest has it: UTC, to the millisecond, without the
// monotonic reading.
func now() time.Time { return time.Now().UTC().Round(0).Truncate(time.Millisecond) }
