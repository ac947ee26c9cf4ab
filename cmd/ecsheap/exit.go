package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/aws/smithy-go"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/activate"
	"github.com/ecsheap/ecsheap/bucket"
	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
	"github.com/ecsheap/ecsheap/remedy"
	"github.com/ecsheap/ecsheap/sourcemap"
	"github.com/ecsheap/ecsheap/tunnel"
)

// Exit codes. Scripts rely on them; new ones may be added.
const (
	codeOK          = 0
	codeUnexpected  = 1
	codeUsage       = 2
	codeBlocked     = 3 // a check says that a capture cannot work
	codeNotFound    = 4 // or ambiguous
	codeRefused     = 5 // AWS: denied, expired, throttled out, out of reach
	codeLost        = 6 // tunnel or inspector
	codeUnsafe      = 7 // refused by the gate
	codeFewer       = 8 // fewer snapshots than asked; what there is, is on disk
	codeLeak        = 9 // found, and --fail-on-leak given
	codeInterrupted = 130
)

// exit tells err on stderr and returns the exit code.
func (u *ui) exit(err error) int {
	if err == nil {
		return codeOK
	}
	var command *commandError
	if errors.As(err, &command) { // it has told itself what was wrong
		return command.code
	}
	code, text, hint := exitCode(err), errorText(err), hintOf(err)
	fmt.Fprintln(u.err, u.line(red, "error: ", text))
	if hint != "" {
		fmt.Fprintln(u.err, u.line("", "hint: ", hint))
	}
	var p *panicError
	if errors.As(err, &p) {
		fmt.Fprintf(u.err, "%s", p.stack)
	}
	if u.jsonError {
		line, err := json.Marshal(map[string]any{"error": printable(text), "hint": printable(hint), "code": code})
		if err == nil {
			fmt.Fprintf(u.err, "%s\n", line)
		}
	}
	return code
}

// exitCode is the one place that maps errors to exit codes. The order matters:
// an error is judged by its outermost meaning.
func exitCode(err error) int {
	switch {
	case isAs[*interruptedError](err), isAs[*unchosenError](err):
		return codeInterrupted
	case isAs[*usageError](err), isAs[*iampolicies.ValueError](err), isAs[*ecs.RefError](err), isAs[*ecs.ContradictionError](err), isAs[*bucket.URLError](err), isAs[*capture.DirError](err), isAs[*sourcemap.DirError](err), isAs[cli.ExitCoder](err):
		return codeUsage
	case isAs[*capture.PartialError](err):
		return codeFewer
	case isAs[*leakFoundError](err):
		return codeLeak
	case isAs[*gate.RefusedError](err), isAs[*guest.PlaceError](err), isAs[*guest.UnsafeError](err), isAs[*earlyError](err), isAs[*noRoomError](err):
		return codeUnsafe
	case isAs[*goneError](err):
		return codeLost
	case isAs[*blockedError](err), isAs[*remedy.ChangedError](err), isAs[*tunnel.NotConnectedError](err), isAs[*tunnel.BusyError](err), isAs[*guest.BusyError](err), isAs[*rivalError](err),
		isAs[*activate.NotEnabledError](err), isAs[*activate.NoNodeError](err), isAs[*activate.RefusedError](err):
		return codeBlocked
	case isAs[*ecs.NotFoundError](err), isAs[*ecs.AmbiguousError](err), isAs[*objectNotFoundError](err),
		isAs[*bucket.NoBucketError](err), isAs[*bucket.NoObjectError](err),
		isAs[*activate.NoProcessError](err), isAs[*activate.AmbiguousError](err), isAs[*otherProcessError](err):
		return codeNotFound
	case isAs[*tunnel.LostError](err), isAs[*tunnel.RefusedError](err), isAs[*tunnel.NoHandshakeError](err), isAs[*activate.SilentError](err), isConnection(err):
		return codeLost
	case isAs[*credentialsError](err), isAs[*remedy.FailedError](err), isBucket(err), isAs[*guest.UploadError](err), isAs[smithy.APIError](err), unreachable(err) != nil:
		return codeRefused
	}
	return codeUnexpected
}

// isConnection tells whether the inspector could not be reached, or was lost, or
// what stands behind it gives no more.
func isConnection(err error) bool {
	return isAs[*guest.GoneError](err) || isAs[*guest.StalledError](err) || isAs[*cdp.NoInspectorError](err) || isAs[*cdp.NotInspectorError](err) || isAs[*cdp.HostError](err) ||
		isAs[*cdp.NoTargetError](err) || isAs[*cdp.LostError](err) || isAs[*dialError](err)
}

// isBucket tells whether the error is one of S3 that says in its own words what
// is wrong, better than the SDK below it.
func isBucket(err error) bool {
	return isAs[*bucket.DeniedError](err) || isAs[*bucket.KeyError](err) || isAs[*bucket.NoBucketError](err) || isAs[*bucket.NoObjectError](err) ||
		isAs[*bucket.PartsError](err) || isAs[*bucket.UploadGoneError](err) || isAs[*bucket.VersionKeptError](err)
}

func isAs[T error](err error) bool {
	var target T
	return errors.As(err, &target)
}

// errorText is the error in one line.
func errorText(err error) string {
	var interrupted *interruptedError
	if errors.As(err, &interrupted) {
		var partial *capture.PartialError
		if errors.As(err, &partial) {
			return fmt.Sprintf("%s after %d of %s", interrupted, partial.Got, plural(partial.Want, "snapshot"))
		}
		return interrupted.Error()
	}
	var operation *smithy.OperationError
	var api smithy.APIError
	if errors.As(err, &operation) && errors.As(err, &api) && !isAs[*ecs.NotFoundError](err) && !isAs[*tunnel.NotConnectedError](err) && !isBucket(err) {
		refused := fmt.Sprintf("AWS refused %s:%s: %s: %s", strings.ToLower(operation.Service()), operation.Operation(), api.ErrorCode(), api.ErrorMessage())
		if meaning, ok := ecs.Explain(err); ok && meaning.Cause != "" {
			refused += fmt.Sprintf(" (%s)", meaning.Cause)
		}
		// What was going on stands before the SDK's own words.
		return oneLine(beforeRequest(err) + refused)
	}
	if e := unreachable(err); e != nil {
		return oneLine(e.Error())
	}
	return oneLine(err.Error())
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// hintOf returns the outermost hint in the chain of the error, and failing
// that what is known of the refusals of AWS.
func hintOf(err error) string {
	var hinter interface{ Hint() string }
	if errors.As(err, &hinter) {
		return hinter.Hint()
	}
	if e := unreachable(err); e != nil {
		return e.Hint()
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	if meaning, ok := ecs.Explain(err); ok {
		return meaning.Fix
	}
	switch code := api.ErrorCode(); {
	case code == "AccessDeniedException", code == "AccessDenied", code == "UnauthorizedOperation":
		return policyHint(err)
	}
	return ""
}

// policyHint names the policy that has the operation which was refused.
func policyHint(err error) string {
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		switch operation.Operation() {
		case "ExecuteCommand":
			return "`ecsheap policy operator-activate` prints what --activate needs"
		case "ListTasks", "DescribeTasks", "ListClusters":
			return "`ecsheap policy operator-preflight` prints what check and tasks need, operator-snapshot what a capture needs"
		case "UpdateTaskProtection", "GetTaskProtection":
			return "`ecsheap policy operator-protect` prints what it takes to protect a task"
		case "UpdateService", "GetRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "ModifyTargetGroup":
			return "`ecsheap policy operator-fix` prints what fix --apply and undo need"
		}
	}
	return "`ecsheap policy operator-snapshot` prints what ecsheap needs"
}

// usageError is a command line that says nothing ecsheap can do.
type usageError struct{ text, hint string }

func (e *usageError) Error() string { return e.text }

// Hint says what would be understood.
func (e *usageError) Hint() string { return e.hint }

// blockedError lists the findings that rule a capture out.
type blockedError struct {
	findings []ecs.Finding
	told     bool   // each in a line of its own
	on       string // the tasks, "" for the only one
}

// Error tells the first, and the ids of the others: one reason is enough.
func (e *blockedError) Error() string {
	text := "a capture cannot work"
	if e.on != "" {
		text += " on " + e.on
	}
	text += fmt.Sprintf(": %s (%s)", e.findings[0].Got, e.findings[0].ID)
	if len(e.findings) == 1 {
		return text
	}
	var others []string
	for _, f := range e.findings[1:] {
		others = append(others, f.ID)
	}
	text += ", and " + strings.Join(others, ", ")
	if !e.told {
		text += ", which `ecsheap check` explains"
	}
	return text
}

// Hint is the fix of the first finding.
func (e *blockedError) Hint() string { return fixLine(e.findings[0]) }

// credentialsError means that the usual chain of the SDK found no credentials.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "no AWS credentials: " + oneLine(e.err.Error()) }
func (e *credentialsError) Unwrap() error { return e.err }

// Hint names the usual ways in.
func (e *credentialsError) Hint() string {
	return "log in (for example `aws sso login`), choose --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
}

// dialError means that the address of --inspector cannot be reached.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() } // it has the address
func (e *dialError) Unwrap() error { return e.err }

// panicError is a defect of ours, told with its stack after the clean-up.
type panicError struct {
	value any
	stack []byte
}

func newPanicError(value any) *panicError { return &panicError{value: value, stack: debug.Stack()} }

func (e *panicError) Error() string { return fmt.Sprintf("ecsheap has a defect: %v", e.value) }

// Hint asks for a report.
func (e *panicError) Hint() string {
	return "please report this with the lines below; what was captured is on disk, and the session is ended"
}

// because prefers the reason that a context was cancelled for to the error that
// the cancellation caused somewhere below.
func because(ctx context.Context, err error) error {
	var interrupted *interruptedError
	if err != nil && errors.As(context.Cause(ctx), &interrupted) && !isAs[*interruptedError](err) {
		return interrupted
	}
	return err
}
