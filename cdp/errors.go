package cdp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// ErrClosed is the error of a Conn after Close.
var ErrClosed = errors.New("inspector connection closed")

// ErrExiting is the cause of a LostError when the process was about to end and
// the connection let it go.
var ErrExiting = errors.New("the process is ending")

// NoInspectorError says that nothing answers at the inspector's port: the
// stream could not be opened, or it ended or broke before the first byte.
type NoInspectorError struct {
	Err error // what the transport said
}

func (e *NoInspectorError) Error() string {
	if e.Err == io.EOF || e.Err == io.ErrUnexpectedEOF { //nolint:errorlint // around it there is a better text
		return "no inspector answers: the port closes the connection at once"
	}
	return fmt.Sprintf("no inspector answers: %v", e.Err)
}

// Unwrap returns the transport's error.
func (e *NoInspectorError) Unwrap() error { return e.Err }

// Hint says how to get an inspector, or passes on the hint of the transport.
func (e *NoInspectorError) Hint() string {
	return hintOf(e.Err, "start the process with --inspect (it listens on 127.0.0.1:9229), send it SIGUSR1 to open the inspector while it runs, or name another port")
}

// NotInspectorError says that something answers at the port, but not as a
// Node.js inspector does.
type NotInspectorError struct {
	Step string // what was asked for, such as "/json/version"
	Got  string // what came instead, in words
	Err  error  // detail, may be nil
}

func (e *NotInspectorError) Error() string {
	s := fmt.Sprintf("the port does not answer as a Node.js inspector does: asked for %s, got %s", e.Step, e.Got)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the detail.
func (e *NotInspectorError) Unwrap() error { return e.Err }

// Hint says what to check.
func (e *NotInspectorError) Hint() string {
	if errors.Is(e.Err, context.DeadlineExceeded) {
		return "the port is open but silent: check that it is the inspector's port (9229 unless --inspect or --inspect-port says otherwise) and that the process is not stopped"
	}
	return "check the port: the inspector listens on 9229 unless --inspect or --inspect-port says otherwise"
}

// HostError says that the inspector refused the request with HTTP 400, as it
// does when the Host header bears a name that it does not know.
type HostError struct {
	Step string // what was asked for
}

func (e *HostError) Error() string {
	return fmt.Sprintf("the inspector refuses the request for %s (HTTP 400)", e.Step)
}

// Hint says what the usual reason is.
func (e *HostError) Hint() string {
	return "the inspector accepts the host names localhost and IP addresses only: connect to it directly, without a proxy that rewrites the Host header"
}

// NoTargetError says that the inspector lists no Node.js target.
type NoTargetError struct {
	Targets []Target // what it lists instead; often none
}

func (e *NoTargetError) Error() string {
	if len(e.Targets) == 0 {
		return "the inspector lists no target"
	}
	types := make([]string, len(e.Targets))
	for i, t := range e.Targets {
		types[i] = fmt.Sprintf("%q", t.Type)
	}
	return "the inspector lists no target of type \"node\", only " + strings.Join(types, ", ")
}

// Hint says what to do.
func (e *NoTargetError) Hint() string {
	if len(e.Targets) == 0 {
		return "the process may be starting or ending: try again in a moment"
	}
	return "the port belongs to another kind of inspector, such as a browser's: give the port of the Node.js process"
}

// LostError says that an open connection broke.
type LostError struct {
	Err error // why; the transport's own error where it gave one
}

func (e *LostError) Error() string {
	var closed websocket.CloseError
	if errors.As(e.Err, &closed) {
		return fmt.Sprintf("connection to the inspector lost: the process closed it (websocket status %d)", closed.Code)
	}
	return fmt.Sprintf("connection to the inspector lost: %v", e.Err)
}

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// Hint passes on the hint of the cause, or says what to check.
func (e *LostError) Hint() string {
	if errors.Is(e.Err, ErrExiting) {
		return "the process ended by itself: check its log, its exit code and the task's stopped reason"
	}
	return hintOf(e.Err, "the process may have ended, run out of memory or been replaced: check the task's status and its stopped reason")
}

// SilentError is the cause of a LostError when the process was given up because
// it did not answer.
type SilentError struct {
	Method string        // the command without an answer
	For    time.Duration // how long it was waited for
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("no answer to %s for %v", e.Method, e.For)
}

// Hint says what the usual reason is.
func (e *SilentError) Hint() string { return "the process does not answer: is it stopped or frozen?" }

// CallError is the inspector's refusal of a command.
type CallError struct {
	Method  string // such as "HeapProfiler.takeHeapSnapshot"
	Code    int64  // JSON-RPC code, -32601 for an unknown method
	Message string
	Data    string // more detail, often empty
}

func (e *CallError) Error() string {
	s := fmt.Sprintf("%s: %s (%d)", e.Method, e.Message, e.Code)
	if e.Data != "" {
		s += ": " + e.Data
	}
	return s
}

// ExceptionError says that an expression evaluated in the target threw.
type ExceptionError struct {
	Text string // message and stack as V8 describes them
}

func (e *ExceptionError) Error() string {
	first, _, _ := strings.Cut(e.Text, "\n")
	return "the process threw while answering: " + first
}

// panicError carries a panic of one of the connection's goroutines to the
// caller, whose deferred clean-up (such as ending a remote session) must run.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string {
	return fmt.Sprintf("panic in the connection: %v\n%s", e.value, e.stack)
}

// hintOf returns the hint of the nearest error in err's tree that has one, or
// otherwise.
func hintOf(err error, otherwise string) string {
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		return h.Hint()
	}
	return otherwise
}
