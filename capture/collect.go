package capture

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Held is a snapshot that a process took by itself and keeps until it is fetched.
// Times are by the clock of the process, sizes are bytes.
type Held struct {
	N         int    // number in the series, from 1
	Transfer  string // where it is held, "" = where the series was to be
	StartedAt time.Time
	Pause     time.Duration

	RSSBefore, RSSAfter, RSSPeak  int64
	HeapUsedBefore, HeapUsedAfter int64

	// Fetch writes the whole snapshot to w.
	Fetch func(ctx context.Context, w io.Writer) error
}

// Collection is what there is to fetch of a detached series, and how.
type Collection struct {
	Dir      string // as Reserve made it; may hold some of the snapshots already
	Detached Detached
	Held     []Held // in order
	Samples  []Sample
	Warnings []Warning // of the time when nobody was there
	Scripts  Scripts
	Short    error // why there are fewer than asked for; nil = no reason is known

	// Memory is asked now and then, as the sign of life of the connection.
	Memory func(ctx context.Context) (Memory, error)
	// SameIDs tells from the files of two snapshots whether object ids continue
	// from one to the other. n is the number of the later one.
	SameIDs func(ctx context.Context, before, after string, n int) (bool, error)
	// WireBytes returns the bytes received on the wire so far, nil = unknown.
	WireBytes func() int64
}

// errShort is the cause of a *PartialError when no better one is known.
var errShort = errors.New("the process holds no more")

// Collect fetches a detached series into its directory, as [Run] would have put
// it there. It may be called again after an error, in another run of the program
// too: what is on disk is not fetched again. done is called with each snapshot
// that was fetched. Series.FinishedAt is set once all that is held is on disk.
//
// Errors: *DirError; when all is on disk and less than was asked for, a
// *PartialError around Short, or Short itself when there is none at all; otherwise
// why fetching ended, such as *SpaceError, *FormatError or what Fetch returned.
func Collect(ctx context.Context, c Collection, progress Progress, done func(Shot)) (Series, error) {
	dir, err := reopenStore(c.Dir)
	if err != nil {
		return Series{}, err
	}
	d := c.Detached
	r := &runner{
		plan: Plan{Dir: c.Dir, Count: d.Count}, progress: progress.filled(), done: done, store: dir,
		src: Source{Memory: c.Memory, WireBytes: c.WireBytes},
		series: Series{
			Schema: schema, Tool: d.Tool, StartedAt: d.StartedAt, Dir: c.Dir,
			Count: d.Count, IntervalMs: d.IntervalMs, SampleMs: d.SampleMs,
			Target: d.Target, Process: d.Process, Checks: d.Checks,
			Samples: c.Samples, Warnings: c.Warnings, Scripts: c.Scripts,
		},
	}
	if err := r.adopt(); err != nil {
		return Series{}, err
	}
	if err := r.collect(ctx, c); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return r.series.filled(), err
	}
	r.series.FinishedAt = now()
	if err := dir.save(r.series); err != nil {
		r.series.FinishedAt = time.Time{}
		return r.series.filled(), err
	}
	if len(r.series.Snapshots) < d.Count {
		return r.series.filled(), r.outcome(ctx, c.short())
	}
	return r.series.filled(), nil
}

// short is why there are fewer than asked for.
func (c Collection) short() error {
	if c.Short != nil {
		return c.Short
	}
	return errShort
}

// reopenStore takes up the directory of a series again, which may have been left
// in the middle of writing.
func reopenStore(dir string) (*store, error) {
	s := &store{dir: filepath.Clean(dir)}
	s.create = s.createFile
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, &DirError{Dir: s.dir, Problem: "cannot be read", Fix: "make it readable", Err: bare(err)}
	}
	for _, e := range entries {
		if name := e.Name(); name != manifestName+tmpSuffix && !strings.HasSuffix(name, ".heapsnapshot"+tmpSuffix) {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, &DirError{Dir: s.dir, Problem: "cannot be written to", Fix: "make it writable", Err: bare(err)}
		}
	}
	return s, nil
}

// adopt takes over what an earlier Collect has put into the directory.
func (r *runner) adopt() error {
	if !isCapture(r.plan.Dir) {
		return nil
	}
	there, err := Load(r.plan.Dir)
	if err != nil {
		return err
	}
	r.series.Snapshots = there.Snapshots
	news := r.series.Warnings
	r.series.Warnings = there.Warnings
	for _, w := range news {
		if !slices.ContainsFunc(there.Warnings, func(old Warning) bool { return old.Shot == w.Shot && old.Text == w.Text }) {
			r.series.Warnings = append(r.series.Warnings, w)
		}
	}
	return nil
}

// collect fetches what is not on disk yet.
func (r *runner) collect(ctx context.Context, c Collection) error {
	for _, h := range c.Held {
		if slices.ContainsFunc(r.series.Snapshots, func(s Shot) bool { return s.N == h.N }) {
			continue
		}
		if err := r.collectOne(ctx, c, h); err != nil {
			return err
		}
	}
	return nil
}

// collectOne fetches a snapshot and compares its ids with those of the one before.
func (r *runner) collectOne(ctx context.Context, c Collection, h Held) error {
	r.progress.Shot(h.N)
	s := Shot{
		N: h.N, File: fmt.Sprintf("s%d.heapsnapshot", h.N), StartedAt: h.StartedAt,
		RSSBefore: h.RSSBefore, HeapUsedBefore: h.HeapUsedBefore, RSSAfter: h.RSSAfter, HeapUsedAfter: h.HeapUsedAfter,
	}
	if h.N == 1 {
		s.Gate = c.Detached.Gate
	}
	r.src.Snapshot = func(ctx context.Context, w io.Writer, _ func(done, total int)) (Taken, error) {
		return Taken{Transfer: cmp.Or(h.Transfer, c.Detached.Transfer), Pause: h.Pause, PeakRSS: h.RSSPeak}, h.Fetch(ctx, w)
	}
	if err := r.receive(ctx, &s); err != nil {
		return err
	}
	if err := r.continuity(ctx, c, &s); err != nil {
		return err
	}
	r.series.Snapshots = append(r.series.Snapshots, s)
	err := r.store.save(r.series)
	if r.done != nil {
		r.done(s)
	}
	return err
}

// continuity looks in the files whether ids continue. Not to know is no reason to
// end.
func (r *runner) continuity(ctx context.Context, c Collection, s *Shot) error {
	taken := r.series.Snapshots
	if len(taken) == 0 {
		s.SameObjectIDs = true
		return nil
	}
	before := taken[len(taken)-1]
	same, err := c.SameIDs(ctx, filepath.Join(r.plan.Dir, before.File), filepath.Join(r.plan.Dir, s.File), s.N)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		r.warn(s.N, &UnknownIDsError{N: s.N, Err: err})
	case !same:
		r.warn(s.N, &IDsResetError{N: s.N})
	}
	s.SameObjectIDs = same && err == nil
	return nil
}

// UnknownIDsError is the warning that nobody can tell whether the object ids of a
// snapshot continue those of the one before.
type UnknownIDsError struct {
	N   int
	Err error
}

func (e *UnknownIDsError) Error() string {
	return fmt.Sprintf("whether object ids of snapshot %d continue is not known: %v", e.N, e.Err)
}

// Unwrap returns the cause.
func (e *UnknownIDsError) Unwrap() error { return e.Err }

// Hint says what follows.
func (e *UnknownIDsError) Hint() string {
	return "it is not compared object by object with the one before"
}
