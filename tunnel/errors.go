package tunnel

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

var (
	// errClosed ends the tunnel's own goroutines after Close.
	errClosed = errors.New("tunnel closed")
	// errConnectTimeout is the cause of a websocket that does not open.
	errConnectTimeout = errors.New("no answer from the message gateway")
)

// NotConnectedError means that Systems Manager knows of no agent for the target.
type NotConnectedError struct {
	Target string
	Err    error
}

func (e *NotConnectedError) Error() string {
	return fmt.Sprintf("the SSM agent of %s is not connected", e.Target)
}

// Unwrap returns the error of the API.
func (e *NotConnectedError) Unwrap() error { return e.Err }

// Hint names the usual causes.
func (e *NotConnectedError) Hint() string {
	return "the task role needs ssmmessages:CreateControlChannel, CreateDataChannel, OpenControlChannel and OpenDataChannel, and the subnet a way to ssmmessages; a young task needs up to a minute"
}

// NoHandshakeError means that the session was started but the agent never
// shook hands: the container's session limit is reached, or the agent hangs.
type NoHandshakeError struct {
	Target string
	Waited time.Duration
	Others []Session // active sessions to the same target, as far as they may be listed
}

func (e *NoHandshakeError) Error() string {
	return fmt.Sprintf("the SSM agent of %s did not answer within %s", e.Target, e.Waited)
}

// Hint names the sessions that may be in the way.
func (e *NoHandshakeError) Hint() string {
	if len(e.Others) == 0 {
		return "no other session is active, so the agent itself hangs: `aws ecs execute-command` will not work either; use another task, or another container of this one"
	}
	return "a container serves two sessions at a time; active now: " + list(e.Others)
}

// RefusedError means that nothing listens on the port inside the container.
type RefusedError struct{ Port int }

func (e *RefusedError) Error() string {
	return fmt.Sprintf("nothing listens on port %d inside the container", e.Port)
}

// Hint says how to get something to listen there.
func (e *RefusedError) Hint() string {
	return "Node.js listens there when it was started with --inspect, or after a SIGUSR1; --port names another port"
}

// BusyError means that the container has as many sessions as its agent serves.
type BusyError struct {
	Target   string
	Sessions []Session
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("%s has %d sessions already, and one more would wedge its SSM agent: %s", e.Target, len(e.Sessions), list(e.Sessions))
}

// Hint says what to do.
func (e *BusyError) Hint() string {
	return "wait until one of them ends, or agree with its owner and end it with `aws ssm terminate-session --session-id …`"
}

// list names sessions by id, owner, age and reason.
func list(sessions []Session) string {
	texts := make([]string, len(sessions))
	for i, s := range sessions {
		texts[i] = s.String()
	}
	return strings.Join(texts, "; ")
}

// LostError means that the session is gone for good.
type LostError struct {
	Session string
	Err     error
}

func (e *LostError) Error() string { return fmt.Sprintf("session %s was lost: %v", e.Session, e.Err) }

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *LostError) Hint() string {
	return "check that the task is still running, then run the same command again"
}

// ClosedByPeerError means that AWS or the agent ended the session.
type ClosedByPeerError struct{ Output string }

func (e *ClosedByPeerError) Error() string {
	if e.Output == "" {
		return "the session was ended from the other side"
	}
	return "the session was ended from the other side: " + e.Output
}

// OpenSessionError means that AWS did not confirm the end of a session.
type OpenSessionError struct {
	Session string
	Err     error
}

func (e *OpenSessionError) Error() string {
	return fmt.Sprintf("session %s may still be open: %v", e.Session, e.Err)
}

// Unwrap returns the error of the API.
func (e *OpenSessionError) Unwrap() error { return e.Err }

// Hint says how to end the session.
func (e *OpenSessionError) Hint() string {
	return fmt.Sprintf("end it with `aws ssm terminate-session --session-id %s`; unused, it ends by itself after 20 minutes", e.Session)
}

// startError gives the refusal of StartSession its type.
func startError(target string, err error) error {
	var notConnected *ssmtypes.TargetNotConnected
	if errors.As(err, &notConnected) {
		return &NotConnectedError{Target: target, Err: err}
	}
	return fmt.Errorf("starting the session: %w", err)
}

// isOver tells whether the API says that a session no longer exists.
func isOver(err error) bool {
	var gone *ssmtypes.DoesNotExistException
	return errors.As(err, &gone)
}

// isRefusal tells whether the API answered with a refusal that another try
// does not change (as against a network that is down, or throttling).
func isRefusal(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "InternalServerError", "ServiceUnavailable":
		return false
	}
	return api.ErrorFault() != smithy.FaultServer
}

// recovered runs f and returns its panic as an error, with the stack.
func recovered(name string, f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in %s: %v\n%s", name, r, debug.Stack())
		}
	}()
	return f()
}
