package main

import (
	"context"
	"fmt"
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

// protection keeps ECS from stopping a task. The nil *protection is none.
type protection struct {
	u       *ui
	clients *ecs.Clients
	change  remedy.Change
	planned time.Duration
	undone  func() // tells the audit of its end
	over    bool   // it has ended, or is to stay
}

// protectTask keeps ECS from stopping the task while it is captured, with --protect.
// A task that is protected for longer already is left as it is: the application may
// have asked for that itself.
func protectTask(ctx context.Context, u *ui, o snapshotOptions, cfg aws.Config, target ecs.Target) (*protection, error) {
	if !o.protect {
		return nil, nil //nolint:nilnil // the nil *protection is none
	}
	p := &protection{u: u, clients: ecs.NewClients(cfg), planned: min(time.Duration(o.count-1)*o.interval+protectedLonger, mostProtected)}
	var err error
	if p.change, err = remedy.Protect(ctx, p.clients, target, int((p.planned+time.Minute-1)/time.Minute)); err != nil {
		return nil, fmt.Errorf("protecting the task: %w", err)
	}
	ends := time.Now().Add(p.planned)
	if until := p.change.Before.ProtectedUntil(); until.After(ends) {
		u.step("the task is protected until %s already", until.Format(time.RFC3339))
		return nil, nil //nolint:nilnil // as above
	}
	p.undone = o.audit.did("task protected until "+ends.UTC().Format(time.RFC3339), target.TaskARN, "ecs:UpdateTaskProtection")
	changed, err := remedy.Apply(ctx, p.clients, p.change)
	if err != nil {
		p.takeBack(ctx)
		return nil, err
	}
	p.change = changed
	u.step("protected the task for %s: ECS does not stop it to scale in or to deploy", p.planned)
	return p, nil
}

// takeBack ends a protection of which it is not known whether it came about, such as
// after a Ctrl-C.
func (p *protection) takeBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	switch err := remedy.Undo(ctx, p.clients, p.change, true); {
	case err == nil:
		p.undone()
	case !isAs[*remedy.FailedError](err): // else there is no such task any more
		p.u.warn("the task may be protected: "+errorText(err), "it ends by itself in "+p.planned.String()+" at the latest")
	}
}

// keep leaves the task protected until the time is over, for a detached series.
func (p *protection) keep() {
	if p != nil {
		p.over = true
	}
}

// release ends the protection, whatever has become of ctx. Further calls do nothing.
func (p *protection) release(ctx context.Context) {
	if p == nil || p.over {
		return
	}
	p.over = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	switch err := remedy.Undo(ctx, p.clients, p.change, false); {
	case err == nil:
		p.undone()
		p.u.step("ended the protection of the task")
	case isAs[*remedy.FailedError](err): // it was stopped: there is nothing to protect
		p.undone()
	default:
		p.u.warn("the task is still protected: "+errorText(err), "it ends by itself in "+p.planned.String()+" at the latest; "+hintOf(err))
	}
}
