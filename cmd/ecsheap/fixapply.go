package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/smithy-go"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/remedy"
)

// applyFixes makes the changes that may be made, one after the other, each with a line
// in the journal before and after. The first that fails ends it; what was made stays,
// and undo takes it back.
func applyFixes(ctx context.Context, u *ui, o fixOptions, clients *ecs.Clients, r *fixed) error {
	changes, err := remedy.Plan(ctx, clients, r.findings)
	if err != nil {
		return err
	}
	var todo []remedy.Change
	for _, c := range changes {
		if c.Free() || slices.Contains(o.confirm, c.Finding) {
			todo = append(todo, c)
		} else {
			r.left = append(r.left, c)
		}
	}
	for _, id := range o.confirm {
		if !slices.ContainsFunc(todo, func(c remedy.Change) bool { return c.Finding == id }) {
			u.warn(id+" was confirmed, but there is nothing that --apply could change for it", "do what is printed for it by hand; what was not found, or left out by --only, is not printed")
		}
	}
	if len(todo) == 0 {
		u.step("nothing to apply that can be taken back and leaves the task alone")
		return nil
	}
	if err := agreed(ctx, u, o, todo); err != nil {
		return err
	}
	account := ""
	if ref, err := ecs.ParseTask(r.target.TaskARN); err == nil {
		account = ref.Account
	}
	for _, c := range todo {
		entry := remedy.Entry{ID: remedy.NewID(time.Now()), Account: account, Change: c}
		entry, err := makeChange(ctx, o.journal, clients, entry)
		r.applied = append(r.applied, entry)
		if err != nil {
			return err
		}
		u.step("%s: done", c.What)
	}
	u.step("`ecsheap undo` takes it back (journal: %s)", o.journal.Path)
	return nil
}

// makeChange makes one change. That it was begun is on the disk before AWS is asked:
// without a journal nothing is changed.
func makeChange(ctx context.Context, j remedy.Journal, clients *ecs.Clients, entry remedy.Entry) (remedy.Entry, error) {
	entry.At, entry.Outcome = time.Now(), remedy.Begun
	if err := j.Append(entry); err != nil {
		entry.Outcome = remedy.Failed
		return entry, err
	}
	// What is under way is brought to its end: a cancelled call may have been carried out.
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	made, err := remedy.Apply(callCtx, clients, entry.Change)
	entry.At, entry.Outcome, entry.Change = time.Now(), remedy.Made, made
	if err != nil {
		entry.Outcome = outcomeOf(err)
	}
	if err := errors.Join(err, j.Append(entry)); err != nil {
		return entry, err
	}
	return entry, context.Cause(ctx)
}

// changeTimeout bounds one change, the SDK's own retries included.
const changeTimeout = 45 * time.Second

// outcomeOf is what became of a change whose call failed: what AWS refused was not
// made, all else may have been.
func outcomeOf(err error) remedy.Outcome {
	var api smithy.APIError
	refused := errors.As(err, &api) && api.ErrorFault() != smithy.FaultServer
	if refused || isAs[*remedy.FailedError](err) {
		return remedy.Failed
	}
	return remedy.Begun
}

// agreed asks before changes are made, on a terminal; elsewhere --apply is enough.
func agreed(ctx context.Context, u *ui, o fixOptions, todo []remedy.Change) error {
	if o.yes || !u.prompt {
		return nil
	}
	for _, c := range todo {
		loss := ""
		if c.Effect == remedy.Replaces {
			loss = " (" + remedy.Loss + ")"
		}
		u.step("will %s%s", c.What, loss)
	}
	u.flush()
	fmt.Fprintf(u.err, "ecsheap: make %s? [y/N] ", plural(len(todo), "change"))
	answer := make(chan string, 1)
	go func() { // ends with the process at the latest: a read of a terminal knows no context
		line, err := bufio.NewReader(u.in).ReadString('\n')
		if err != nil {
			line = ""
		}
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case a := <-answer:
		if a == "y" || a == "yes" {
			return nil
		}
	}
	return &usageError{text: "nothing was changed", hint: "--yes does not ask; --only chooses"}
}
