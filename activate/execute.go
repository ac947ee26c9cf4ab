package activate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// startTimeout bounds ExecuteCommand, which is not cancelled by the caller's
// context: a request that was given up may still have made a session.
const startTimeout = 30 * time.Second

// Target is a container, as ecs:ExecuteCommand wants it.
type Target struct {
	Cluster   string // name or ARN
	Task      string // id or ARN
	Container string // name
}

// NotEnabledError means that ECS Exec does not work for the container.
type NotEnabledError struct {
	Target Target
	Err    error
}

func (e *NotEnabledError) Error() string {
	return fmt.Sprintf("running a command in container %s: %v", e.Target.Container, e.Err)
}

// Unwrap returns the error of the API.
func (e *NotEnabledError) Unwrap() error { return e.Err }

// Hint says how to find out why.
func (*NotEnabledError) Hint() string {
	return "`ecsheap check` says what ECS Exec is missing; a young task needs up to a minute"
}

// Execute starts a command in a container by ecs:ExecuteCommand and returns the
// session to follow it with. A session is to be ended by ssm:TerminateSession
// whatever happens, so this call outlives a cancelled context.
//
// Errors: [*NotEnabledError], or what the SDK returned.
func Execute(ctx context.Context, client *awsecs.Client, target Target, command string) (ecstypes.Session, error) {
	if ctx.Err() != nil {
		return ecstypes.Session{}, context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	out, err := client.ExecuteCommand(ctx, &awsecs.ExecuteCommandInput{
		Cluster: aws.String(target.Cluster), Task: aws.String(target.Task), Container: aws.String(target.Container),
		Command: aws.String(command), Interactive: true, // ECS knows no other kind
	})
	var disabled *ecstypes.InvalidParameterException
	var notConnected *ecstypes.TargetNotConnectedException
	switch {
	case errors.As(err, &disabled), errors.As(err, &notConnected):
		return ecstypes.Session{}, &NotEnabledError{Target: target, Err: err}
	case err != nil:
		return ecstypes.Session{}, fmt.Errorf("running a command in container %s: %w", target.Container, err)
	case out.Session == nil:
		return ecstypes.Session{}, errors.New("ECS answered without a session")
	}
	return *out.Session, nil
}
