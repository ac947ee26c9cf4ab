package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/remedy"
)

// undoOptions are the values of the flags of undo.
type undoOptions struct {
	targetOptions // for its AWS flags
	journal       remedy.Journal
	ids           []string // of entries, none = all
	list, force   bool
}

func undoCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "undo", Category: categorySetup,
		Usage:     "take back what fix --apply changed",
		UsageText: "ecsheap undo --list\necsheap undo\necsheap undo --id ID",
		Description: "Takes back the changes of the journal, the newest first. What somebody has changed since is left\n" +
			"alone, unless --force is given.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "list", Usage: "only list what can be taken back"},
			&cli.StringSliceFlag{Name: "id", Usage: "this change alone, by its `id`; repeatable"},
			&cli.BoolFlag{Name: "force", Category: categorySafety, Usage: "set back what somebody has changed since, too"},
			journalFlag(),
		}, awsFlags(), outputFlags()),
		Action: func(c *cli.Context) error {
			o := undoOptions{ids: c.StringSlice("id"), list: c.Bool("list"), force: c.Bool("force")}
			var err error
			if o.json, err = readOutput(c, u); err != nil {
				return err
			}
			if o.journal, err = readJournal(c); err != nil {
				return err
			}
			o.profile, o.region = c.String("profile"), c.String("region")
			return because(c.Context, runUndo(c.Context, u, o))
		},
	}
}

// undoJSON is the output of undo --output json.
type undoJSON struct {
	Schema  int            `json:"schema"`
	Changes []remedy.Entry `json:"changes"`
}

func runUndo(ctx context.Context, u *ui, o undoOptions) error {
	entries, err := o.journal.Entries()
	if err != nil {
		return err
	}
	open, err := chosen(remedy.Open(entries), o.ids)
	if err != nil {
		return err
	}
	var failed error
	if !o.list {
		for i := range open {
			if err := undoOne(ctx, u, o, &open[i]); err != nil {
				failed = u.both(failed, err)
			}
			if ctx.Err() != nil {
				break
			}
		}
	}
	if o.json {
		return u.both(failed, u.json(undoJSON{Schema: schema, Changes: append([]remedy.Entry{}, open...)}))
	}
	w := bufio.NewWriter(u.out)
	if len(open) == 0 {
		fmt.Fprintln(w, "nothing to take back")
	}
	for _, e := range open {
		fmt.Fprintf(w, "%-6s  %s  %s (%s)\n", e.Outcome, e.ID, printable(e.Change.What), printable(e.Change.After.String()+" → "+e.Change.Before.String()))
	}
	return u.both(failed, w.Flush())
}

// chosen are the entries with the ids.
func chosen(open []remedy.Entry, ids []string) ([]remedy.Entry, error) {
	if len(ids) == 0 {
		return open, nil
	}
	var out []remedy.Entry
	for _, id := range ids {
		i := slices.IndexFunc(open, func(e remedy.Entry) bool { return e.ID == id })
		if i < 0 {
			return nil, &usageError{text: fmt.Sprintf("no change %q can be taken back", id), hint: "ecsheap undo --list lists them"}
		}
		out = append(out, open[i])
	}
	return out, nil
}

// undoOne takes back one change, in the region where it was made.
func undoOne(ctx context.Context, u *ui, o undoOptions, e *remedy.Entry) error {
	target := o.targetOptions
	if target.region == "" {
		target.region = e.Change.Region
	}
	cfg, err := loadAWS(ctx, u, target)
	if err != nil {
		return err
	}
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), changeTimeout)
	defer cancel()
	if err := sameAccount(callCtx, cfg, e.Account); err != nil {
		return err
	}
	if e.Change.ScalesIn() {
		u.warn("ECS chooses which task it stops for that: it may be the one that was captured", "")
	}
	if err := remedy.Undo(callCtx, ecs.NewClients(cfg), e.Change, o.force); err != nil {
		return err
	}
	e.At, e.Outcome = time.Now(), remedy.Undone
	if err := o.journal.Append(*e); err != nil {
		return errors.Join(errors.New("it was taken back, but the journal does not know"), err)
	}
	u.step("%s: taken back", e.Change.What)
	return nil
}

// sameAccount refuses the credentials of another account than a change was made in.
// A role without our policy there, or a service of the same name, would count as taken
// back, or be changed.
func sameAccount(ctx context.Context, cfg aws.Config, account string) error {
	if account == "" {
		return nil
	}
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		return fmt.Errorf("asking for the account: %w", err)
	}
	if have := aws.ToString(identity.Account); have != account {
		return &usageError{text: fmt.Sprintf("the change was made in account %s, and these are credentials for %s", account, have), hint: "choose those of the account with --profile"}
	}
	return nil
}
