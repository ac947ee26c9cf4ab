package remedy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/ecs"
)

// action is how one kind of change is made.
type action struct {
	// look reads the state now: the keys that the change concerns.
	look func(context.Context, *ecs.Clients, Change) (State, error)
	// set makes the state so. from is the state that it replaces.
	set func(ctx context.Context, c *ecs.Clients, change Change, to State) error
}

// actions by the IAM action of a change.
var actions = map[string]action{
	"ecs:UpdateTaskProtection":               {lookProtection, setProtection},
	"ecs:UpdateService":                      {lookService, setService},
	"iam:PutRolePolicy":                      {lookPolicy, setPolicy},
	"elasticloadbalancing:ModifyTargetGroup": {lookTargetGroup, setTargetGroup},
	"ssm:TerminateSession":                   {lookSession, endSessionNow},
}

// UnknownError means that a journal holds a change of a newer ecsheap.
type UnknownError struct{ Action string }

func (e *UnknownError) Error() string { return "no way is known to take back " + e.Action }

// ChangedError means that somebody else has changed what is to be taken back.
type ChangedError struct {
	Change Change
	Now    State
}

func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s is not as it was left: it has been changed since", e.Change.Where)
}

// Hint says what the two sides are.
func (e *ChangedError) Hint() string {
	return fmt.Sprintf("it was set to %s and is %s now; --force sets it back to %s all the same", e.Change.After, e.Now, e.Change.Before)
}

// FailedError is a failure that ECS tells in an answer of its own.
type FailedError struct{ Reason, Detail string }

func (e *FailedError) Error() string {
	if e.Detail == "" {
		return "ECS refused: " + e.Reason
	}
	return fmt.Sprintf("ECS refused: %s (%s)", e.Reason, e.Detail)
}

// Hint says what to do about the reasons that ECS documents for UpdateTaskProtection.
func (e *FailedError) Hint() string {
	switch e.Reason {
	case "TASK_NOT_VALID":
		return "only running tasks of a service can be protected: do without, or choose another"
	case "DEPLOYMENT_BLOCKED":
		return "a deployment waits for protected tasks to end: protect none until it is through"
	}
	return ""
}

// Apply makes the change, and returns it with the state that it has led to.
// Errors: [*FailedError], [*UnknownError], or what the SDK returned.
func Apply(ctx context.Context, c *ecs.Clients, change Change) (Change, error) {
	act, ok := actions[change.Action]
	if !ok {
		return change, &UnknownError{Action: change.Action}
	}
	if err := act.set(ctx, c, change, change.After); err != nil {
		return change, fmt.Errorf("trying to %s: %w", change.What, err)
	}
	now, err := act.look(ctx, c, change)
	if err != nil {
		return change, fmt.Errorf("looking at %s afterwards: %w", change.Where, err)
	}
	change.After = now
	return change, nil
}

// Undo takes the change back. Without force, what is not as the change has left it
// is left alone: the error is a [*ChangedError]. What is as it was before already is
// no error.
func Undo(ctx context.Context, c *ecs.Clients, change Change, force bool) error {
	act, ok := actions[change.Action]
	if !ok || !change.Reversible {
		return &UnknownError{Action: change.Action}
	}
	now, err := act.look(ctx, c, change)
	if err != nil {
		return fmt.Errorf("looking at %s: %w", change.Where, err)
	}
	switch {
	case maps.Equal(now, change.Before):
		return nil
	case !now.has(change.After) && !force:
		return &ChangedError{Change: change, Now: now}
	}
	if err := act.set(ctx, c, change, change.Before); err != nil {
		return fmt.Errorf("taking back %s: %w", change.Where, err)
	}
	return nil
}

// String is a state in one line. A policy is named, not shown: the journal has its text.
func (s State) String() string {
	if len(s) == 0 {
		return "nothing"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		if k == keyDocument {
			parts = append(parts, fmt.Sprintf("a policy of %d bytes", len(s[k])))
			continue
		}
		parts = append(parts, k+" "+s[k])
	}
	return strings.Join(parts, ", ")
}
