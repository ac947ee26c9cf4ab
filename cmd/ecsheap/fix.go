package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/remedy"
)

// fixOptions are the values of the flags of fix.
type fixOptions struct {
	targetOptions
	tool    remedy.Tool
	only    []string // ids of findings, none = all
	confirm []string // ids whose change may be made though it cannot be taken back, or replaces tasks
	apply   bool
	yes     bool // do not ask
	journal remedy.Journal
}

func fixCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "fix", Category: categorySetup,
		Usage:     "say how to remove what check finds, or do it",
		UsageText: "ecsheap fix --cluster X --service Y\necsheap fix --cluster X --service Y --iac terraform\necsheap fix --cluster X --task Y --apply --only svc.autoscale",
		Description: "Prints the remedy for each finding of check, for the tool that the service was made with, and the\n" +
			"exact change of the task definition. What replaces the tasks destroys the leaked heap, and says so.\n\n" +
			"--apply makes the changes that can be taken back and leave the task alone: protection from scaling in,\n" +
			"one more task, the task role's permissions, patience of the target group. Others need --confirm ID.\n" +
			"Each is written to a journal before it is made; `ecsheap undo` takes it back.",
		Flags: slices.Concat(targetFlags(), []cli.Flag{
			&cli.StringFlag{Name: "iac", Value: iacCLI, Usage: "`tool` that the service was made with: " + strings.Join(iacTools, ", ")},
			&cli.StringSliceFlag{Name: "only", Usage: "this finding alone, by its `id`; repeatable"},
			&cli.BoolFlag{Name: "apply", Category: categorySafety, Usage: "make the changes that can be taken back"},
			&cli.StringSliceFlag{Name: "confirm", Category: categorySafety, Usage: "make the change for the finding with this `id` even if it replaces the tasks or cannot be taken back; repeatable"},
			&cli.BoolFlag{Name: "yes", Category: categorySafety, Usage: "do not ask before the changes are made"},
			journalFlag(),
		}, outputFlags()),
		Action: func(c *cli.Context) error {
			o, err := readFix(c, u)
			if err != nil {
				return err
			}
			return because(c.Context, runFix(c.Context, u, o))
		},
	}
}

func journalFlag() cli.Flag {
	return &cli.StringFlag{Name: "journal", Category: categoryOutput, Usage: "`file` with the changes made (default: ecsheap/fixes.jsonl in XDG_STATE_HOME or ~/.local/state)"}
}

// readJournal is the file of --journal, or the user's own.
func readJournal(c *cli.Context) (remedy.Journal, error) {
	if path := c.String("journal"); path != "" {
		return remedy.Journal{Path: path}, nil
	}
	state := os.Getenv("XDG_STATE_HOME")
	if state == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return remedy.Journal{}, &usageError{text: "no place for the journal: " + err.Error(), hint: "give --journal FILE"}
		}
		state = filepath.Join(home, ".local", "state")
	}
	return remedy.Journal{Path: filepath.Join(state, "ecsheap", "fixes.jsonl")}, nil
}

func readFix(c *cli.Context, u *ui) (fixOptions, error) {
	o := fixOptions{only: c.StringSlice("only"), confirm: c.StringSlice("confirm"), apply: c.Bool("apply"), yes: c.Bool("yes")}
	var err error
	if o.targetOptions, err = readTarget(c, u); err != nil {
		return o, err
	}
	if o.apply { // what only prints needs no place for a journal
		if o.journal, err = readJournal(c); err != nil {
			return o, err
		}
	}
	if o.tool, err = readTool(c); err != nil {
		return o, err
	}
	for _, id := range slices.Concat(o.only, o.confirm) {
		if err := knownRule(id); err != nil {
			return o, err
		}
	}
	if len(o.confirm) > 0 && !o.apply {
		return o, &usageError{text: "--confirm makes no change without --apply", hint: "add --apply"}
	}
	return o, o.needTarget("fix")
}

// readTool is the tool of --iac.
func readTool(c *cli.Context) (remedy.Tool, error) {
	tool := c.String("iac")
	if !slices.Contains(iacTools, tool) {
		return "", &usageError{text: fmt.Sprintf("--iac %q is no tool", tool), hint: "it is one of " + strings.Join(iacTools, ", ")}
	}
	return remedy.Tool(tool), nil
}

// knownRule refuses the id of a finding that no check makes.
func knownRule(id string) error {
	var ids []string
	for _, r := range ecs.Rules() {
		ids = append(ids, r.ID)
	}
	if slices.Contains(ids, id) {
		return nil
	}
	hint := "ecsheap check --verbose lists the ids"
	if near := nearest(id, ids); near != "" {
		hint = "did you mean " + near + "?"
	}
	return &usageError{text: fmt.Sprintf("no check is called %q", id), hint: hint}
}

// fixed is the result of fix.
type fixed struct {
	target   ecs.Target
	findings []ecs.Finding // that have a remedy
	remedies []remedy.Remedy
	revision remedy.Revision
	applied  []remedy.Entry
	left     []remedy.Change // that need a confirmation
}

// fixJSON is the output of fix --output json.
type fixJSON struct {
	Schema      int              `json:"schema"`
	Target      capture.Target   `json:"target"`
	Remedies    []remedy.Remedy  `json:"remedies"`
	Revision    *remedy.Revision `json:"revision"` // of the task definition; null when nothing changes
	Applied     []remedy.Entry   `json:"applied"`
	Unconfirmed []remedy.Change  `json:"unconfirmed"`
}

func (r fixed) json() fixJSON {
	out := fixJSON{Schema: schema, Target: captureTarget(r.target), Remedies: r.remedies, Applied: r.applied, Unconfirmed: r.left}
	if r.revision.Diff != "" {
		out.Revision = &r.revision
	}
	if out.Applied == nil {
		out.Applied = []remedy.Entry{}
	}
	if out.Unconfirmed == nil {
		out.Unconfirmed = []remedy.Change{}
	}
	return out
}

// runFix is the whole command from the flags on.
func runFix(ctx context.Context, u *ui, o fixOptions) error {
	cfg, err := loadAWS(ctx, u, o.targetOptions)
	if err != nil {
		return err
	}
	clients := ecs.NewClients(cfg)
	target, err := o.find(ctx, u, cfg)
	if err != nil {
		return err
	}
	facts, err := ecs.Gather(ctx, clients, target, o.port, ecs.Whole)
	if err != nil {
		return err
	}
	facts.Local = localFacts(ctx, cfg)
	r := fixed{target: target}
	for _, f := range ecs.Judge(facts) {
		if len(o.only) == 0 || slices.Contains(o.only, f.ID) {
			r.findings = append(r.findings, f)
		}
	}
	r.remedies = remedy.All(r.findings, o.tool)
	if reason, undefined := target.Undefined(); undefined {
		u.warn("the task definition is not known, and no new revision of it shown: "+reason, "")
	} else if r.revision, err = remedy.Revise(target.Definition(), r.remedies); err != nil {
		return err
	}
	if o.apply {
		err = applyFixes(ctx, u, o, clients, &r)
	}
	if o.json {
		return u.both(err, u.json(r.json()))
	}
	return u.both(err, r.write(u, o))
}
