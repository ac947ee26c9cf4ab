package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/remedy"
)

// schema is the version of our JSON: fields are added, never renamed.
const schema = 1

// checkOptions are the values of the flags of check.
type checkOptions struct {
	targetOptions
	wait    time.Duration // for the task and its agent, 0 = look once
	iac     string        // the tool that fixes are told for
	probe   bool
	all     bool // every task that fits
	verbose bool
}

// iacTools are what --iac can be.
var iacTools = []string{iacCLI, "json", "terraform", "cloudformation", "cdk"}

// iacCLI tells fixes as commands of the AWS CLI.
const iacCLI = "cli"

func checkCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "check", Category: categoryCapture,
		Usage:     "say what stands between a task and a debugger",
		UsageText: "ecsheap check --cluster X --task Y\necsheap check --cluster X --service Y --probe\necsheap check --cluster X --service Y --all\necsheap check --cluster X --service Y --output json",
		Description: "Asks AWS about the task, its service, role and network, and says what would keep a capture from\n" +
			"working or make it dangerous, each with its fix. It changes nothing, and opens nothing unless --probe\n" +
			"is given. What you may not ask is skipped, and named. Exit code 3 means that something blocks.\n\n" +
			"With --all it checks every running task of the service, the family or the cluster, and tells what tasks\n" +
			"have in common once.",
		Flags: slices.Concat(targetFlags(), []cli.Flag{
			&cli.DurationFlag{Name: "wait", Usage: "look again for this `time` until the task is found and its agent is connected"},
			&cli.BoolFlag{Name: "probe", Usage: "open the tunnel and ask whether an inspector answers"},
			&cli.BoolFlag{Name: "all", Category: categoryTarget, Usage: "every running task that fits, with what they share asked and told once"},
			&cli.StringFlag{Name: "iac", Value: iacCLI, Usage: "`tool` to tell the fixes for: " + strings.Join(iacTools, ", ")},
			&cli.BoolFlag{Name: "verbose", Category: categoryOutput, Usage: "list what is fine, too"},
		}, outputFlags()),
		Action: func(c *cli.Context) error {
			o, err := readCheck(c, u)
			if err != nil {
				return err
			}
			if o.all {
				return because(c.Context, runCheckAll(c.Context, u, o))
			}
			return because(c.Context, runCheck(c.Context, u, o))
		},
	}
}

func readCheck(c *cli.Context, u *ui) (checkOptions, error) {
	o := checkOptions{wait: c.Duration("wait"), iac: c.String("iac"), probe: c.Bool("probe"), all: c.Bool("all"), verbose: c.Bool("verbose")}
	var err error
	if o.targetOptions, err = readTarget(c, u); err != nil {
		return o, err
	}
	switch {
	case o.wait < 0:
		return o, &usageError{text: fmt.Sprintf("--wait %s is negative", o.wait), hint: "for example --wait 2m"}
	case !slices.Contains(iacTools, o.iac):
		return o, &usageError{text: fmt.Sprintf("--iac %q is no tool", o.iac), hint: "it is one of " + strings.Join(iacTools, ", ")}
	}
	if o.all {
		return o, allAlone(c)
	}
	return o, o.needTarget("check")
}

// runCheck is the whole command from the flags on.
func runCheck(ctx context.Context, u *ui, o checkOptions) error {
	cfg, err := loadAWS(ctx, u, o.targetOptions)
	if err != nil {
		return err
	}
	calls := ecs.Count(&cfg)
	clients := ecs.NewClients(cfg)
	target, err := findWaiting(ctx, u, o, cfg, clients)
	if err != nil {
		return err
	}
	facts, err := ecs.Gather(ctx, clients, target, o.port, ecs.Whole)
	if err != nil {
		return err
	}
	facts.Local = localFacts(ctx, cfg)
	if o.probe {
		if facts.Local.Inspector, err = probe(ctx, u, o, clients.SSM, facts); err != nil {
			return err
		}
	}
	r := checked{target: target, findings: ecs.Judge(facts), calls: calls.All(), iac: o.iac}
	if o.json {
		err = u.json(r.json())
	} else {
		err = r.write(u, o.verbose)
	}
	if err != nil {
		return err
	}
	if blocks := blockers(r.findings); len(blocks) > 0 {
		return &blockedError{findings: blocks, told: true}
	}
	return nil
}

// localFacts are what a capture needs of this machine and this process.
func localFacts(ctx context.Context, cfg aws.Config) ecs.Local {
	local := ecs.Local{CredentialsEnd: credentialsEnd(ctx, cfg)}
	if free := capture.FreeSpace("."); free >= 0 {
		local.Disk = ecs.Known(ecs.Disk{Dir: "the working directory", Free: free})
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err == nil {
		_ = l.Close() // nobody has connected
	}
	local.Listen = ecs.Known(err)
	return local
}

// credentialsEnd is when the credentials expire, the zero time if they do not.
func credentialsEnd(ctx context.Context, cfg aws.Config) ecs.Fact[time.Time] {
	c, err := cfg.Credentials.Retrieve(ctx)
	switch {
	case err != nil:
		return ecs.Unknown[time.Time]("%s", oneLine(err.Error()))
	case !c.CanExpire:
		return ecs.Known(time.Time{})
	}
	return ecs.Known(c.Expires)
}

// checked is the result of check.
type checked struct {
	target   ecs.Target
	findings []ecs.Finding
	calls    map[string]int // by "service:Operation"
	iac      string
}

// checkJSON is the output of check --output json.
type checkJSON struct {
	Schema int `json:"schema"`
	taskCheckJSON
	Calls   int      `json:"calls"`   // to AWS
	Skipped []string `json:"skipped"` // IAM actions that were not allowed
}

// taskCheckJSON is what is told of a task.
type taskCheckJSON struct {
	Target   capture.Target `json:"target"`
	Ready    bool           `json:"ready"`
	Findings []ecs.Finding  `json:"findings"`
}

func (r checked) json() checkJSON {
	return checkJSON{Schema: schema, taskCheckJSON: r.taskJSON(), Calls: r.called(), Skipped: r.skipped()}
}

func (r checked) taskJSON() taskCheckJSON {
	findings := slices.Clone(r.findings)
	for i := range findings {
		findings[i].Fix = fixText(r.iac, findings[i])
	}
	return taskCheckJSON{Target: captureTarget(r.target), Ready: ecs.Ready(findings), Findings: findings}
}

// called is how many calls were made.
func (r checked) called() int {
	n := 0
	for _, of := range r.calls {
		n += of
	}
	return n
}

// skipped are the IAM actions that the caller lacks, sorted.
func (r checked) skipped() []string {
	needs := []string{}
	for _, f := range r.findings {
		needs = append(needs, f.Needs...)
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}

// fixText is the fix of a finding in the words of a tool: one line for the CLI, several
// for what is written into a template. Where the task can be spared it is.
func fixText(tool string, f ecs.Finding) string {
	if m, ok := remedy.Of(f, remedy.Tool(tool)); ok && tool != iacCLI && m.Effect != remedy.None && (m.Effect != remedy.Replaces || f.Replaces()) {
		return m.How
	}
	return f.Fix
}

// blocked is the error of findings that rule a capture out, or nil.
func blocked(findings []ecs.Finding) error {
	if blocks := blockers(findings); len(blocks) > 0 {
		return &blockedError{findings: blocks}
	}
	return nil
}

// blockers are the findings that rule a capture out.
func blockers(findings []ecs.Finding) []ecs.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f ecs.Finding) bool { return f.Level != ecs.Block })
}

// captureTarget is the target as the manifest and the JSON outputs tell it.
func captureTarget(t ecs.Target) capture.Target {
	return capture.Target{
		Cluster: t.Cluster, Service: t.Service, TaskARN: t.TaskARN, TaskDefinitionARN: t.TaskDefinitionARN,
		Container: t.Container, RuntimeID: t.RuntimeID, Image: t.Image, ImageDigest: t.ImageDigest,
	}
}
