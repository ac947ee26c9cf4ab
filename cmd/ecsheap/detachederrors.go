package main

import (
	"fmt"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/tunnel"
)

// earlyError says that a series of snapshots still goes on: the end of a connection
// now would make V8 forget the ids of objects, and the snapshots to come could not
// be compared with those that there are.
type earlyError struct{ text, hint string }

// notDue is the error of --resume before the last snapshot of a detached series.
func notDue(due time.Time, dir string) *earlyError {
	return &earlyError{
		text: fmt.Sprintf("the last snapshot is due at %s, in %s: to connect before spoils the object ids of those to come", localTime(due), durationText(time.Until(due))),
		hint: fmt.Sprintf("come back then; `%s` fetches what there is now and ends the series", shellLine("ecsheap", "snapshot", "--resume", dir, "--force")),
	}
}

func (e *earlyError) Error() string { return e.text }

// Hint says when to come back, and how not to wait.
func (e *earlyError) Hint() string { return e.hint }

// maybeBegunError says that the connection was lost while a process was told to
// begin a detached series: nobody knows whether it has.
type maybeBegunError struct {
	detached capture.Detached
	resume   []string // the command, in words
	err      error
}

func (e *maybeBegunError) Error() string {
	return "the process was told to begin the series, and did not answer: " + errorText(e.err)
}

func (e *maybeBegunError) Unwrap() error { return e.err }

// Hint says what it holds if it has begun, until when, and how to find out.
func (e *maybeBegunError) Hint() string {
	d := e.detached
	return fmt.Sprintf("if it has begun it holds up to %s until %s: run `%s` after %s; if not, our helper removes itself after a minute",
		plural(d.Count, "snapshot"), localTime(d.Deadline), shellLine(e.resume...), localTime(d.Due))
}

// stillHeldError is a loss of the connection to a process that holds a detached
// series.
type stillHeldError struct {
	until time.Time
	err   error
}

// stillHeld says of a lost connection that the series is not lost with it.
func stillHeld(err error, until time.Time) error {
	lost := isConnection(err) || isAs[*tunnel.LostError](err) || isAs[*tunnel.NotConnectedError](err)
	if !lost || isAs[*goneError](err) || isAs[*taskStoppedError](err) || isAs[*unfetchedError](err) || isAs[*capture.PartialError](err) {
		return err
	}
	return &stillHeldError{until: until, err: err}
}

func (e *stillHeldError) Error() string { return e.err.Error() }
func (e *stillHeldError) Unwrap() error { return e.err }

// Hint says until when there is time.
func (e *stillHeldError) Hint() string {
	kept := "if the process still runs, it holds what it has taken until " + localTime(e.until) + ": run the same command again"
	if hint := hintOf(e.err); hint != "" {
		return hint + "; " + kept
	}
	return kept
}

// noRoomError says that the process has no place for the snapshots of a series
// until somebody fetches them.
type noRoomError struct {
	why   string
	other string // another place, in words; "" = none is known
}

func (e *noRoomError) Error() string {
	return "the process cannot keep the snapshots until they are fetched: " + e.why
}

// Hint says what works.
func (e *noRoomError) Hint() string {
	const stay = "stay connected: the same command without --detach"
	if e.other != "" {
		return e.other + "; or " + stay
	}
	return "take fewer, or " + stay
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
