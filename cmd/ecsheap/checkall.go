package main

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/ecs"
)

// allAlone refuses flags that mean one task beside --all.
func allAlone(c *cli.Context) error {
	for _, beside := range []struct{ flag, hint string }{
		{"task", "--task means one task; drop one of them"},
		{"pick", "--pick chooses one task; drop one of them"},
		{"probe", "a probe opens a session, one inspector at a time: probe one of the tasks, with --task or --pick"},
		{"wait", "--wait is for one task; while a service deploys its tasks come and go: `aws ecs wait services-stable` waits for it"},
	} {
		if c.IsSet(beside.flag) {
			return &usageError{text: fmt.Sprintf("--all and --%s contradict each other", beside.flag), hint: beside.hint}
		}
	}
	return nil
}

// runCheckAll is the whole command with --all. Nobody is asked to choose: what is not
// clear is told.
func runCheckAll(ctx context.Context, u *ui, o checkOptions) error {
	cfg, err := loadAWS(ctx, u, o.targetOptions)
	if err != nil {
		return err
	}
	calls := ecs.Count(&cfg)
	cfg.Retryer = func() aws.Retryer { return newPatient(o.log) }
	clients := ecs.NewClients(cfg)
	defer u.status(nil)
	u.status(func() string { return "looking for the tasks" })
	targets, unclear, err := ecs.FindAll(ctx, clients.ECS, o.query)
	if err != nil {
		return err
	}
	u.status(func() string { return "checking " + plural(len(targets), "task") })
	facts, err := ecs.GatherAll(ctx, clients, targets, o.port, ecs.Whole)
	if err != nil {
		return err
	}
	u.status(nil)
	u.flush()
	r := checkedAll{unclear: unclear, calls: calls, iac: o.iac, region: cfg.Region}
	if name := cmp.Or(o.query.Service, o.query.Family); name != "" {
		r.name = path.Base(name) // of an ARN the name
	}
	local := localFacts(ctx, cfg)
	for _, f := range facts {
		f.Local = local
		r.checks = append(r.checks, checked{target: f.Target, findings: ecs.Judge(f), iac: o.iac})
	}
	groups := r.groups()
	if o.json {
		err = u.json(r.json())
	} else {
		err = r.write(u, groups, o.verbose)
	}
	if err != nil {
		return err
	}
	return r.err(groups)
}

// checkedAll is the result of check --all.
type checkedAll struct {
	checks  []checked // by service, the oldest task first
	unclear []ecs.Unclear
	calls   *ecs.Calls
	iac     string
	name    string // of the service or the family that was asked for, "" for a cluster
	region  string
}

// checkAllJSON is the output of check --all --output json.
type checkAllJSON struct {
	Schema    int             `json:"schema"`
	Ready     bool            `json:"ready"` // every task that fits
	Checks    []taskCheckJSON `json:"checks"`
	Unchecked []uncheckedJSON `json:"unchecked"`
	Calls     int             `json:"calls"`   // to AWS, in all
	Skipped   []string        `json:"skipped"` // IAM actions that were not allowed
}

// uncheckedJSON is a task whose container to debug is not clear.
type uncheckedJSON struct {
	TaskARN string `json:"taskArn"`
	Service string `json:"service"` // "" for a task outside a service
	Reason  string `json:"reason"`
	Hint    string `json:"hint"`
}

func (r checkedAll) json() checkAllJSON {
	together := r.together()
	out := checkAllJSON{
		Schema: schema, Ready: ecs.Ready(together.findings) && len(r.unclear) == 0, Checks: []taskCheckJSON{}, Unchecked: []uncheckedJSON{},
		Calls: together.called(), Skipped: together.skipped(),
	}
	for _, c := range r.checks {
		out.Checks = append(out.Checks, c.taskJSON())
	}
	for _, t := range r.unclear {
		out.Unchecked = append(out.Unchecked, uncheckedJSON{TaskARN: t.Target.TaskARN, Service: t.Target.Service, Reason: t.Err.Error(), Hint: hintOf(t.Err)})
	}
	return out
}

// together is what counts for all of them.
func (r checkedAll) together() checked {
	all := checked{calls: r.calls.All(), iac: r.iac}
	for _, c := range r.checks {
		all.findings = append(all.findings, c.findings...)
	}
	return all
}

// total is how many tasks fit.
func (r checkedAll) total() int { return len(r.checks) + len(r.unclear) }

// blocked is how many tasks no capture can work on.
func (r checkedAll) blocked() int {
	n := 0
	for _, c := range r.checks {
		if !ecs.Ready(c.findings) {
			n++
		}
	}
	return n
}

// err is the error of findings that rule captures out, and failing that of tasks that
// were not checked.
func (r checkedAll) err(groups []*findingGroup) error {
	var blocks []ecs.Finding
	for _, g := range groups {
		known := func(f ecs.Finding) bool { return f.ID == g.finding.ID }
		if g.finding.Level == ecs.Block && !slices.ContainsFunc(blocks, known) {
			blocks = append(blocks, g.finding)
		}
	}
	switch {
	case len(blocks) > 0:
		return &blockedError{findings: blocks, told: true, on: ofTasks(r.blocked(), r.total())}
	case len(r.unclear) > 0:
		return &uncheckedError{unclear: r.unclear, of: r.total()}
	}
	return nil
}

// ofTasks says how many of the tasks are meant.
func ofTasks(n, total int) string {
	switch {
	case total == 1:
		return "the only task"
	case n == total:
		return fmt.Sprintf("all %d tasks", total)
	}
	return fmt.Sprintf("%d of %d tasks", n, total)
}

// uncheckedError means that of some tasks it is not clear which container is meant.
type uncheckedError struct {
	unclear []ecs.Unclear
	of      int
}

func (e *uncheckedError) Error() string {
	return fmt.Sprintf("not checked: %s, where %v", ofTasks(len(e.unclear), e.of), e.unclear[0].Err)
}

func (e *uncheckedError) Unwrap() error { return e.unclear[0].Err }
