package main

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/remedy"
)

const (
	// protectedLonger is how much longer than planned a task is protected: for what the
	// transfer of the last snapshot takes. If nobody is left to take it back, it ends then.
	protectedLonger = 15 * time.Minute

	// mostProtected is the most that UpdateTaskProtection takes.
	mostProtected = 48 * time.Hour

	// releaseTimeout bounds the end of the protection.
	releaseTimeout = 10 * time.Second
)

// protectTask keeps ECS from stopping the task while it is captured, with --protect.
// release takes that back, whatever has become of ctx; a detached series stays
// protected until the time is over. A protection that lasts longer is left as it is.
func protectTask(ctx context.Context, u *ui, o snapshotOptions, cfg aws.Config, target ecs.Target) (release func(), err error) {
	if !o.protect {
		return func() {}, nil
	}
	clients := ecs.NewClients(cfg)
	planned := min(time.Duration(o.count-1)*o.interval+protectedLonger, mostProtected)
	change, err := remedy.Protect(ctx, clients, target, int((planned+time.Minute-1)/time.Minute))
	if err != nil {
		return nil, err
	}
	if change.Protected() {
		u.step("the task is protected for longer than %s already", planned)
		return func() {}, nil
	}
	undone := o.audit.did("task protected until "+time.Now().Add(planned).UTC().Format(time.RFC3339), target.TaskARN, "ecs:UpdateTaskProtection")
	if change, err = remedy.Apply(ctx, clients, change); err != nil {
		return nil, err
	}
	u.step("protected the task for %s: ECS does not stop it to scale in or to deploy", planned)
	if o.parting != nil {
		return func() {}, nil
	}
	return func() {
		releaseCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
		defer cancel()
		if err := remedy.Undo(releaseCtx, clients, change, false); err != nil {
			u.warn("the task is still protected: "+errorText(err), "it ends by itself in "+planned.String()+" at the latest; "+hintOf(err))
			return
		}
		undone()
		u.step("ended the protection of the task")
	}, nil
}
