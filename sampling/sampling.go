// Package sampling reads the profiles of V8's sampling heap profiler: who
// allocated what is alive, without a heap snapshot.
//
// V8 takes a sample every so many bytes of allocation, remembers the stack, and
// forgets the sample when the object dies. A profile therefore holds estimates
// (scaled to bytes by V8) of what was allocated since the sampling began and is
// still there. It is the content of a .heapprofile file of Chrome DevTools.
//
// # What V8 does not tell
//
// The position of a frame is where its function begins, not the line that
// allocates. What is allocated in a function that V8 has inlined counts for the
// function that it was inlined into. Objects from before are not in it, nor is
// memory outside of the heap.
package sampling

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

const (
	// MaxBytes is the size of the largest file that Parse reads. Profiles have
	// 0.1 to 2 MB; a day of samples with every stack of a large service some tens.
	MaxBytes = 256 << 20

	// maxSize is the largest size of a node or sample: above it JavaScript's
	// numbers are not exact, and no heap comes near it.
	maxSize = 1 << 53
)

// Profile is a sampling heap profile. Nodes of the tree are call stacks.
type Profile struct {
	Head    *Node    `json:"head"`
	Samples []Sample `json:"samples"` // of nodes that are there
}

// Node is a call stack: that of its parent, and one more call.
type Node struct {
	Frame    Frame   `json:"callFrame"`
	SelfSize float64 `json:"selfSize"` // bytes allocated right there that are alive, as V8 estimates; whole
	ID       int64   `json:"id"`
	Children []*Node `json:"children"`
}

// Frame is a function. Comparable: two frames of one function are equal.
type Frame struct {
	FunctionName string `json:"functionName"` // "" without a name; "(V8 API)", "(GC)" and the like for V8 itself
	ScriptID     string `json:"scriptId"`     // "0" for built-in functions
	URL          string `json:"url"`          // "" for built-in functions
	LineNumber   int    `json:"lineNumber"`   // where the function begins, from 0; -1 unknown
	ColumnNumber int    `json:"columnNumber"` // from 0; -1 unknown
}

// Sample is one sampled object that is alive.
type Sample struct {
	Size    float64 `json:"size"` // bytes for which it stands
	NodeID  int64   `json:"nodeId"`
	Ordinal float64 `json:"ordinal"` // grows with time
}

// FormatError says that a file is no sampling heap profile.
type FormatError struct {
	Problem string
	Err     error // detail, may be nil
}

func (e *FormatError) Error() string {
	s := "not a sampling heap profile: " + e.Problem
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the detail.
func (e *FormatError) Unwrap() error { return e.Err }

// Parse reads and validates a profile of at most MaxBytes. Errors: a
// [*FormatError], or what r said.
func Parse(r io.Reader) (*Profile, error) { return parse(r, MaxBytes) }

func parse(r io.Reader, limit int64) (*Profile, error) {
	limited := &io.LimitedReader{R: r, N: limit + 1}
	decoder := json.NewDecoder(limited)
	p := &Profile{}
	if err := decoder.Decode(p); err != nil {
		return nil, readError(limited, err)
	}
	if _, err := decoder.Token(); limited.N <= 0 || !errors.Is(err, io.EOF) {
		return nil, readError(limited, errFollows)
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	return p, nil
}

// errFollows says that a file does not end where its JSON does.
var errFollows = errors.New("something follows the JSON")

// readError tells a file that is no profile from one that cannot be read.
func readError(r *io.LimitedReader, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case r.N <= 0:
		return &FormatError{Problem: fmt.Sprintf("more than %d MB", MaxBytes>>20)}
	case errors.Is(err, errFollows):
		return &FormatError{Problem: err.Error()}
	case errors.Is(err, io.EOF):
		return &FormatError{Problem: "it is empty"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &FormatError{Problem: "it ends in the middle"}
	case errors.As(err, &syntax), errors.As(err, &kind):
		return &FormatError{Problem: "malformed", Err: err}
	}
	return fmt.Errorf("reading a profile: %w", err)
}

// validate checks what the rest of the package takes for granted.
func (p *Profile) validate() error {
	if p.Head == nil {
		return &FormatError{Problem: "no head"}
	}
	ids := make(map[int64]bool)
	total := 0.0
	for n := range p.Head.all() {
		switch {
		case n == nil:
			return &FormatError{Problem: "a node that is null"}
		case !validSize(n.SelfSize):
			return &FormatError{Problem: fmt.Sprintf("node %d has a size of %g", n.ID, n.SelfSize)}
		case ids[n.ID]:
			return &FormatError{Problem: fmt.Sprintf("two nodes have the id %d", n.ID)}
		}
		ids[n.ID] = true
		total += n.SelfSize
	}
	if total > maxSize {
		return &FormatError{Problem: fmt.Sprintf("a total of %g bytes", total)}
	}
	for _, s := range p.Samples {
		if !validSize(s.Size) {
			return &FormatError{Problem: fmt.Sprintf("a sample of node %d has a size of %g", s.NodeID, s.Size)}
		}
	}
	// V8 sometimes tells of a sample whose stack it has dropped (seen on Node.js
	// 24); its bytes are in no node.
	p.Samples = slices.DeleteFunc(p.Samples, func(s Sample) bool { return !ids[s.NodeID] })
	return nil
}

func validSize(size float64) bool { return size >= 0 && size <= maxSize && size == math.Trunc(size) }
