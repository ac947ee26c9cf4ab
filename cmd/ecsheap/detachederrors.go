package main

import (
	"fmt"
	"time"
)

// earlyError says that a detached series still goes on: the end of a connection
// now would make V8 forget the ids of objects, and the snapshots to come could
// not be compared with those that there are.
type earlyError struct {
	due time.Time
	dir string
}

func (e *earlyError) Error() string {
	return fmt.Sprintf("the last snapshot is due at %s, in %s: to connect before spoils the object ids of those to come", localTime(e.due), durationText(time.Until(e.due)))
}

// Hint says when to come back, and how not to wait.
func (e *earlyError) Hint() string {
	return fmt.Sprintf("come back then; `%s` fetches what there is now and ends the series", shellLine("ecsheap", "snapshot", "--resume", e.dir, "--force"))
}

// noRoomError says that the process has no place for the snapshots of a series
// until somebody fetches them.
type noRoomError struct{ why string }

func (e *noRoomError) Error() string {
	return "the process cannot keep the snapshots until they are fetched: " + e.why
}

// Hint says what works.
func (e *noRoomError) Hint() string {
	return "take fewer, or stay connected: the same command without --detach"
}

// goneError says that the process does not hold a detached series any more.
type goneError struct {
	why string
	err error // as it showed, may be nil
}

func (e *goneError) Error() string {
	text := "the detached series is gone: " + e.why
	if e.err != nil {
		text += " (" + e.err.Error() + ")"
	}
	return text
}

func (e *goneError) Unwrap() error { return e.err }

// Hint says what is left to do.
func (e *goneError) Hint() string {
	return "its snapshots went with it; start another one with `ecsheap snapshot --detach`, and fetch it before the process is replaced or the deadline"
}

// localTime prints a time for people, by their own clock.
func localTime(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }

// unfetchedError says that fetching ended before all was on disk.
type unfetchedError struct {
	got, of int
	until   time.Time
	err     error
}

func (e *unfetchedError) Error() string {
	return fmt.Sprintf("%d of %s fetched: %v", e.got, plural(e.of, "snapshot"), e.err)
}

func (e *unfetchedError) Unwrap() error { return e.err }

// Hint says that nothing is lost.
func (e *unfetchedError) Hint() string {
	again := "what is fetched is on disk, and the process keeps the rest until " + localTime(e.until) + ": run the same command again"
	if hint := hintOf(e.err); hint != "" {
		return hint + "; " + again
	}
	return again
}
