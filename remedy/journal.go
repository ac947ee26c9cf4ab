package remedy

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Journal is a file of JSON lines with every change that was begun, and what became of
// it. A line is on the disk before the call to AWS that it tells of: after a crash a
// change that may have been made is known. It is appended to, never rewritten.
type Journal struct{ Path string }

// JournalError means that the journal cannot be read or written.
type JournalError struct {
	doing string
	err   error
}

func (e *JournalError) Error() string { return e.doing + " the journal: " + e.err.Error() }
func (e *JournalError) Unwrap() error { return e.err }

// Hint says what to do about the file.
func (e *JournalError) Hint() string {
	if e.doing == "writing" {
		return "nothing is changed that could not be taken back later: --journal FILE names a place that can be written"
	}
	return "mend the file, or name another with --journal FILE"
}

// Outcome is what became of a change.
type Outcome string

// The outcomes, in the order in which they can follow each other.
const (
	Begun  Outcome = "begun"  // may or may not have been made
	Made   Outcome = "made"   // and is there
	Failed Outcome = "failed" // was not made
	Undone Outcome = "undone"
)

// Entry is a change and what became of it last.
type Entry struct {
	ID      string    `json:"id"` // of the change, in this journal
	At      time.Time `json:"at"`
	Outcome Outcome   `json:"outcome"`
	Account string    `json:"account"`
	Change  Change    `json:"change"`
}

// NewID returns an id for a change that is begun now: the time, for whoever reads it, and
// what keeps two programs apart that write to one journal at once.
func NewID(now time.Time) string {
	return now.UTC().Format("20060102T150405Z-") + strings.ToLower(rand.Text()[:6])
}

// maxLine bounds a line of a journal. A policy of a role has at most 10 kB.
const maxLine = 1 << 20

// Append adds a line, and has it on the disk when it returns. The directory is made
// with mode 0700, the file with 0600. The error is a [*JournalError].
func (j Journal) Append(e Entry) error {
	e.At = e.At.UTC().Truncate(time.Millisecond)
	line, err := json.Marshal(e)
	if err != nil {
		return &JournalError{doing: "writing", err: err}
	}
	if err := os.MkdirAll(filepath.Dir(j.Path), 0o700); err != nil {
		return &JournalError{doing: "writing", err: err}
	}
	f, err := os.OpenFile(j.Path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return &JournalError{doing: "writing", err: err}
	}
	if !wholeLines(f) { // what a crash has cut off must not swallow this line
		line = append([]byte("\n"), line...)
	}
	_, err = f.Write(append(line, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return &JournalError{doing: "writing", err: err}
	}
	return nil
}

// wholeLines tells whether a journal ends with a line that has its end.
func wholeLines(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return true
	}
	last := make([]byte, 1)
	_, err = f.ReadAt(last, info.Size()-1)
	return err != nil || last[0] == '\n'
}

// Entries reads the changes in the order in which they were begun, each with its last
// outcome. No file means none. A line that a crash or a full disk has cut off is passed
// over: the call that it tells of was not made yet, or is known from the line before it.
// Any other damage is a [*JournalError] that names the line.
func (j Journal) Entries() ([]Entry, error) {
	text, err := os.ReadFile(j.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &JournalError{doing: "reading", err: err}
	}
	var list []Entry
	at := map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, maxLine)
	for n := 1; lines.Scan(); n++ {
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			if cutOff(lines.Bytes()) {
				continue
			}
			return nil, &JournalError{doing: "reading", err: fmt.Errorf("line %d: %w", n, err)}
		}
		if i, ok := at[e.ID]; ok {
			list[i] = e
			continue
		}
		at[e.ID] = len(list)
		list = append(list, e)
	}
	if err := lines.Err(); err != nil {
		return nil, &JournalError{doing: "reading", err: err}
	}
	return list, nil
}

// cutOff tells whether a line is the beginning of one, or nothing.
func cutOff(line []byte) bool {
	var v json.RawMessage
	err := json.NewDecoder(bytes.NewReader(line)).Decode(&v)
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// Open lists what may still be there and can be taken back, the newest first.
func Open(entries []Entry) []Entry {
	var out []Entry
	for i := len(entries) - 1; i >= 0; i-- {
		if e := entries[i]; (e.Outcome == Made || e.Outcome == Begun) && e.Change.Reversible {
			out = append(out, e)
		}
	}
	return out
}
