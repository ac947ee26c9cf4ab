package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/tunnel"
)

// explainTimeout bounds the question what has become of the task.
const explainTimeout = 5 * time.Second

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

// checkSessions tells of the other sessions to the container, and refuses to
// open one more than its agent serves. It cannot see a session that is started
// at the same moment.
func (u *ui) checkSessions(ctx context.Context, client *awsssm.Client, target ecs.Target) error {
	active, err := tunnel.Active(ctx, client, target.SSM())
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
		if pid, here := runOnThisHost(s.Reason); here && !alive(pid) {
			u.warn(fmt.Sprintf("session %s was left open by an ecsheap that was killed (pid %d)", s.ID, pid),
				fmt.Sprintf("end it with `aws ssm terminate-session --session-id %s`; a container serves two sessions", s.ID))
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

// runOnThisHost reads the reason of a session that runReason made.
func runOnThisHost(reason string) (pid int, here bool) {
	host, err := os.Hostname()
	if err != nil {
		return 0, false
	}
	_, rest, ok := strings.Cut(reason, " on "+host+", pid ")
	if !ok {
		return 0, false
	}
	n, err := fmt.Sscanf(rest, "%d", &pid)
	return pid, err == nil && n == 1
}

// alive tells whether a process exists. On systems without signal 0 it says yes.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}
