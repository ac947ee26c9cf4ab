package nodeproc

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"
)

// ErrEnded says that the process ended before it printed what was awaited.
var ErrEnded = errors.New("process ended")

// StartError says that Node.js did not start, or that it ended at once.
type StartError struct {
	Node   string // the binary that was asked for
	Output string // what the process said, "" when it did not run
	Err    error
}

// Error names the binary and, when there was one, the last line of output.
func (e *StartError) Error() string {
	msg := fmt.Sprintf("starting %s: %v", e.Node, e.Err)
	if out := strings.TrimSpace(e.Output); out != "" {
		msg += ": " + out[strings.LastIndexByte(out, '\n')+1:]
	}
	return msg
}

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Hint says how to get Node.js when there is none, else "".
func (e *StartError) Hint() string {
	if errors.Is(e.Err, exec.ErrNotFound) {
		return "install Node.js 18 or newer and have it on PATH"
	}
	return ""
}
