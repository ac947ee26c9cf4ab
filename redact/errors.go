package redact

import (
	"fmt"
	"strconv"
)

// SyntaxError says that the input is not a heap snapshot, or not a whole one.
type SyntaxError struct {
	Offset int64  // of the first byte that is wrong, in the uncompressed input
	Want   string // what was expected there
	Got    string // what is there
}

// Error names the place, what was expected and what is there.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("byte %d: want %s, got %s", e.Offset, e.Want, e.Got)
}

// Hint says what to do about it.
func (e *SyntaxError) Hint() string {
	if e.Got == endOfInput {
		return "the snapshot is cut off: copy it again, or take a new one"
	}
	return "this is not a .heapsnapshot file of V8, or it is damaged"
}

// LimitError says that a snapshot is bigger than this package can hold.
type LimitError struct {
	What string // what there is too much of
	Max  uint64 // how much of it can be held
}

// Error names the limit.
func (e *LimitError) Error() string { return fmt.Sprintf("more than %d %s", e.Max, e.What) }

// Hint says what the reason may be.
func (e *LimitError) Hint() string {
	return "no process that V8 writes snapshots of is that large: the file may be damaged"
}

// ProofError says that the copy, read again, holds something that it should not. The copy
// is gone when this is returned.
type ProofError struct {
	What string // without the text itself
}

// Error tells what is wrong.
func (e *ProofError) Error() string { return "the redacted copy is not clean: " + e.What }

// Hint asks for a report.
func (e *ProofError) Hint() string {
	return "nothing was written; please report this as a defect of ecsheap"
}

// ExistsError says that there is a file already where the copy should be.
type ExistsError struct {
	File string
}

// Error names the file.
func (e *ExistsError) Error() string { return e.File + " exists already" }

const (
	// endOfInput is what a truncated snapshot has instead of its next byte.
	endOfInput = "end of input"
	// shown is how many bytes of the input an error quotes: enough to recognise the
	// place, too few to spill secrets.
	shown = 16
)

// quote returns the start of what is in the input, for an error.
func quote(b []byte) string {
	if len(b) == 0 {
		return endOfInput
	}
	return strconv.QuoteToASCII(string(b[:min(len(b), shown)]))
}
