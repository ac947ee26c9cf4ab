package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/remedy"
)

const (
	// protectedLonger is how much longer than planned a task is protected: for what the
	// transfer of the last snapshot takes. If nobody is left to take it back, it ends then.
	protectedLonger = 15 * time.Minute

	// mostProtected is the most that UpdateTaskProtection takes.
	mostProtected = 48 * time.Hour

	// protectAction protects, and ends that.
	protectAction = "ecs:UpdateTaskProtection"

	// releaseTimeout bounds the end of the protection.
	releaseTimeout = 10 * time.Second
)

// protection keeps ECS from stopping a task. The nil *protection is none.
type protection struct {
	u       *ui
	clients *ecs.Clients
	change  remedy.Change
	ends    time.Time // by itself, at the latest
	undone  func()    // tells the audit of its end
	over    bool      // it has ended, or is to stay
}

// detachedProtection is what detached.json keeps of the protection of a task, for the
// --resume that ends it.
type detachedProtection struct {
	Ends   time.Time     `json:"ends"`
	Change remedy.Change `json:"change"`
}

// protectTask keeps ECS from stopping the task while it is captured, with --protect.
// A task that is protected for longer already is left as it is: the application may
// have asked for that itself.
func protectTask(ctx context.Context, u *ui, o snapshotOptions, cfg aws.Config, target ecs.Target) (*protection, error) {
	if !o.protect {
		return nil, nil //nolint:nilnil // the nil *protection is none
	}
	planned := min(time.Duration(o.count-1)*o.interval+protectedLonger, mostProtected)
	p := &protection{u: u, clients: ecs.NewClients(cfg)}
	var err error
	if p.change, err = remedy.Protect(ctx, p.clients, target, int((planned+time.Minute-1)/time.Minute)); err != nil {
		return nil, fmt.Errorf("protecting the task: %w", err)
	}
	p.ends = time.Now().Add(planned)
	if until := p.change.Before.ProtectedUntil(); until.After(p.ends) {
		u.step("the task is protected until %s already", until.Format(time.RFC3339))
		return nil, nil //nolint:nilnil // as above
	}
	line := protectedLine(p.ends, target.TaskARN)
	p.undone = o.audit.did(line.What, line.Where, line.Undo)
	changed, err := remedy.Apply(ctx, p.clients, p.change)
	if err != nil {
		p.takeBack(ctx)
		return nil, err
	}
	p.change = changed
	u.step("protected the task for %s: ECS does not stop it to scale in or to deploy", planned)
	return p, nil
}

// protectedLine is what the audit says of a protection.
func protectedLine(ends time.Time, taskARN string) auditLine {
	return auditLine{What: "task protected until " + ends.UTC().Format(time.RFC3339), Where: taskARN, Undo: protectAction}
}

// text is the protection as detached.json has it, nil when there is none.
func (p *protection) text() (json.RawMessage, error) {
	if p == nil {
		return nil, nil
	}
	return json.Marshal(detachedProtection{Ends: p.ends.UTC().Truncate(time.Second), Change: p.change})
}

// protectionOf is the protection that a detached series was begun with, nil when there
// was none or its time is over. A file that would have something else taken back is an
// error.
func protectionOf(u *ui, cfg aws.Config, d capture.Detached, audit *auditor) (*protection, error) {
	if len(d.Protection) == 0 {
		return nil, nil //nolint:nilnil // the nil *protection is none
	}
	var kept detachedProtection
	if err := json.Unmarshal(d.Protection, &kept); err != nil {
		return nil, fmt.Errorf("reading the protection of the task: %w", err)
	}
	if c := kept.Change; c.Action != protectAction || c.Where != d.Target.TaskARN || !strings.HasSuffix(c.Where, "/"+c.Target[ecs.ParamTask]) {
		return nil, fmt.Errorf("reading the protection of the task: it is of %s for %s", c.Action, c.Where)
	}
	line := protectedLine(kept.Ends, kept.Change.Where)
	line.Done = true
	undone := func() { audit.write(line) }
	if time.Now().After(kept.Ends) {
		undone()
		return nil, nil //nolint:nilnil // as above
	}
	return &protection{u: u, clients: ecs.NewClients(cfg), change: kept.Change, ends: kept.Ends, undone: undone}, nil
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
		p.u.warn("the task may be protected: "+errorText(err), "it ends by itself at "+localTime(p.ends)+" at the latest")
	}
}

// keep leaves the task protected, for a detached series: until that is fetched, or the
// time is over.
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
	case isAs[*remedy.ChangedError](err): // whoever did that knows why
		p.u.step("the protection of the task has been changed by somebody else: it is left as it is")
		p.undone()
	default:
		hint := "it ends by itself at " + localTime(p.ends) + " at the latest"
		if more := hintOf(err); more != "" {
			hint += "; " + more
		}
		p.u.warn("the task is still protected: "+errorText(err), hint)
	}
}
