package capture

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// PlanError says that a Plan cannot be carried out as it is.
type PlanError struct {
	Problem string
}

func (e *PlanError) Error() string { return "cannot capture: " + e.Problem }

// DirError says that a directory cannot be used. Nothing in it was touched.
type DirError struct {
	Dir     string
	Problem string // in words
	Fix     string // what to do, in words
	Err     error  // what the system said, may be nil
}

func (e *DirError) Error() string {
	s := fmt.Sprintf("directory %s: %s", e.Dir, e.Problem)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the system's error.
func (e *DirError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *DirError) Hint() string { return e.Fix }

// PartialError says that fewer snapshots were taken than asked for, but at
// least one. Those that were taken are whole.
type PartialError struct {
	Want, Got int
	Dir       string
	Err       error // why no more
}

func (e *PartialError) Error() string {
	return fmt.Sprintf("only %d of %d snapshots taken: %v", e.Got, e.Want, e.Err)
}

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Err }

// Hint says what there is, after the hint of the cause.
func (e *PartialError) Hint() string {
	s := fmt.Sprintf("what was taken is whole, in %s", e.Dir)
	var h interface{ Hint() string }
	if errors.As(e.Err, &h) && h.Hint() != "" {
		if strings.HasSuffix(h.Hint(), "?") {
			return h.Hint() + " " + s
		}
		return h.Hint() + "; " + s
	}
	return s
}

// SpaceError says that the disk is full.
type SpaceError struct {
	Dir  string
	Free int64 // bytes free for us when it happened, -1 = unknown
	Err  error
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("no space left for the snapshot in %s: %v", e.Dir, e.Err)
}

// Unwrap returns the system's error.
func (e *SpaceError) Unwrap() error { return e.Err }

// Hint names the directory and the free space.
func (e *SpaceError) Hint() string {
	if e.Free < 0 {
		return fmt.Sprintf("a snapshot takes up to twice the used heap: make room on the disk of %s or choose another directory", e.Dir)
	}
	return fmt.Sprintf("a snapshot takes up to twice the used heap, and the disk of %s has %.1f MB free: make room or choose another directory", e.Dir, float64(e.Free)/1e6)
}

// FormatError says that what came is not a whole heap snapshot.
type FormatError struct {
	Offset int64  // bytes from the start at which it shows
	Want   string // what should stand there
	Got    string // what does
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("not a whole heap snapshot: at byte %d expected %s, got %s", e.Offset, e.Want, e.Got)
}

// Hint says what to do.
func (e *FormatError) Hint() string {
	return "the snapshot was cut off or damaged on its way: take it again"
}

// LateError is the warning that a snapshot took longer than the interval.
type LateError struct {
	N  int           // the snapshot that starts late
	By time.Duration // how late
}

func (e *LateError) Error() string {
	return fmt.Sprintf("snapshot %d starts %v late: the one before took longer than the interval", e.N, e.By.Round(time.Millisecond))
}

// Hint says what to do.
func (e *LateError) Hint() string { return "choose a longer interval" }

// ProcessChangedError is the warning that a snapshot comes from another process
// than the one before.
type ProcessChangedError struct {
	N        int // the first snapshot of the new process
	Old, New Process
}

func (e *ProcessChangedError) Error() string {
	return fmt.Sprintf("snapshot %d comes from another process (pid %d started %s, before it pid %d started %s)", e.N,
		e.New.PID, e.New.StartedAt.Format(time.RFC3339), e.Old.PID, e.Old.StartedAt.Format(time.RFC3339))
}

// Hint says what it means.
func (e *ProcessChangedError) Hint() string {
	return "the process was restarted; snapshots of two processes cannot be compared object by object"
}

// IDsResetError is the warning that V8 has numbered all objects anew.
type IDsResetError struct {
	N int // the first snapshot with the new numbers
}

func (e *IDsResetError) Error() string {
	return fmt.Sprintf("object ids of snapshot %d do not continue those of the snapshot before", e.N)
}

// Hint says why it happens.
func (e *IDsResetError) Hint() string {
	return "V8 forgets the ids when an inspector session of the process ends: let no other debugger or profiler connect during the series"
}

// ScriptsError is the warning that the scripts of the process are not known, so
// that places in the code cannot be named.
type ScriptsError struct {
	N   int
	Err error
}

func (e *ScriptsError) Error() string {
	return fmt.Sprintf("the scripts of snapshot %d are not known: %v", e.N, e.Err)
}

// Unwrap returns the cause.
func (e *ScriptsError) Unwrap() error { return e.Err }

// AftermathError is the warning that the last snapshot is whole, but the
// process could not be asked for its state afterwards.
type AftermathError struct {
	N   int
	Err error
}

func (e *AftermathError) Error() string {
	return fmt.Sprintf("after snapshot %d: %v", e.N, e.Err)
}

// Unwrap returns the cause.
func (e *AftermathError) Unwrap() error { return e.Err }
