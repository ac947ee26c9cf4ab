package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/tunnel"
)

// explainTimeout bounds the question what has become of the task.
const explainTimeout = 5 * time.Second

// callerTimeout bounds the question who we are at AWS, which only helps to tidy up.
const callerTimeout = 5 * time.Second

// explain adds to a lost connection what ECS says of the task: usually it was
// stopped, and the reason is what the user wants to know.
func explain(ctx context.Context, client *awsecs.Client, target ecs.Target, err error) error {
	if err == nil || !isConnection(err) && !isAs[*tunnel.LostError](err) && !isAs[*tunnel.NotConnectedError](err) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), explainTimeout)
	defer cancel()
	now, refreshErr := ecs.Refresh(ctx, client, target)
	if refreshErr != nil {
		return err // what is known already says more than that ECS does not answer
	}
	if reason, stopped := now.Stopped(); stopped {
		return &taskStoppedError{task: target.TaskID(), reason: reason, err: err}
	}
	return err
}

// taskStoppedError is a lost connection whose reason ECS knows.
type taskStoppedError struct {
	task, reason string
	err          error
}

func (e *taskStoppedError) Error() string {
	text := fmt.Sprintf("task %s was stopped", e.task)
	if e.reason != "" {
		text += ": " + e.reason
	}
	return text + " (" + e.err.Error() + ")"
}

func (e *taskStoppedError) Unwrap() error { return e.err }

// Hint says what is left to do.
func (e *taskStoppedError) Hint() string {
	if strings.Contains(e.reason, "OutOfMemory") {
		return "the task ran out of memory; capture earlier, or on a task with more memory"
	}
	return "choose another task of the service, as young a one as shows the growth"
}

// endStale ends sessions to the container that earlier runs on this machine left open,
// because they were killed or could not end them: nobody can use them any more, and each
// takes one of the container's two places. It ends none of which it is not sure; checkSessions names those.
func (u *ui) endStale(ctx context.Context, cfg aws.Config, target ecs.Target, audit *auditor) {
	caller := func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, callerTimeout)
		defer cancel()
		who, err := awssts.NewFromConfig(cfg).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
		if err != nil {
			return "", err
		}
		return aws.ToString(who.Arn), nil
	}
	ended, err := tunnel.EndAbandoned(ctx, awsssm.NewFromConfig(cfg), target.SSM(), caller, func(reason string) bool {
		by := startedBy(reason)
		return by.sure && by.gone
	})
	for _, s := range ended {
		audit.did("session ended", s.ID, "none: the ecsheap that started it is gone")
		u.step("ended session %s, which an earlier ecsheap (pid %d) had left open", s.ID, startedBy(s.Reason).pid)
	}
	if isAs[*tunnel.OpenSessionError](err) {
		u.warn(errorText(err), hintOf(err))
	}
}

// checkSessions tells of the other sessions to the container, and refuses to
// open one more than its agent serves. It cannot see a session that is started
// at the same moment.
func (u *ui) checkSessions(ctx context.Context, client *awsssm.Client, target ecs.Target) error {
	active, err := tunnel.Settled(ctx, client, target.SSM())
	if err != nil {
		if ctx.Err() == nil {
			u.warn("cannot see whether the container has other sessions: "+errorText(err), "a third session to a container waits, and a fourth wedges its agent")
		}
		return nil
	}
	if len(active) >= tunnel.Limit {
		return &tunnel.BusyError{Target: target.String(), Sessions: active}
	}
	for _, s := range active {
		if by := startedBy(s.Reason); by.here && by.gone {
			u.warn(fmt.Sprintf("the container still has session %s of an earlier ecsheap (pid %d), which has ended", s.ID, by.pid),
				fmt.Sprintf("AWS lists a session for a second or so after its end; if this one stays, end it with `aws ssm terminate-session --session-id %s`: a container serves two", s.ID))
			continue
		}
		hint := "a container serves two sessions: no third may be opened"
		if strings.HasPrefix(s.Reason, reasonPrefix) {
			hint = "if it takes snapshots too, object ids break in both series when one of them ends"
		}
		u.warn("the container has another session: "+s.String(), hint)
	}
	return nil
}
