package main

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/ecs"
)

// snapshotOptions are the values of the flags of snapshot.
type snapshotOptions struct {
	targetOptions
	inspector string // HOST:PORT, "" to go through AWS
	count     int
	interval  time.Duration
	dir       string // "" for the default
	transfer  string
	maxPause  time.Duration // 0 = none
	force     bool
	parting   *parting // nil without --detach
	s3        s3Options
	activate  bool
	protect   bool
	process   int // pid inside the container for --activate, 0 = choose
	audit     *auditor
	diagnosis *seriesDiagnosis // nil with --no-analyze

	trackAllocations bool
}

func (o snapshotOptions) reach() reachOptions {
	return reachOptions{targetOptions: o.targetOptions, command: "snapshot", inspector: o.inspector, audit: o.audit}
}

func snapshotCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "snapshot", Category: categoryCapture,
		Usage:       "take heap snapshots of a running container, and say what leaks",
		UsageText:   "ecsheap snapshot --cluster X --task Y\necsheap snapshot --cluster X --task Y --count 3 --interval 10m",
		Description: "Checks the task, opens a tunnel, and takes snapshots through the inspector of Node.js.\nEach snapshot STOPS the process for seconds and needs several times its heap in memory:\nwhat it will cost is forecast, and refused (exit 7) when it would likely kill the process.",
		Flags: slices.Concat(targetFlags(), []cli.Flag{
			&cli.StringFlag{Name: "inspector", Category: categoryTarget, Usage: "skip AWS: the inspector answers at `HOST:PORT`"},
			&cli.IntFlag{Name: "count", Aliases: []string{"n"}, Value: 1, Usage: "`number` of snapshots; three tell a leak from noise"},
			&cli.DurationFlag{Name: "interval", Value: 5 * time.Minute, Usage: "`time` from the start of one snapshot to the start of the next"},
			&cli.StringFlag{Name: "dir", Usage: "new `directory` for the files (default: ./ecsheap-<service>-<task>-<time>)"},
			&cli.StringFlag{Name: "transfer", Category: categorySafety, Value: transferAuto, Usage: "`way` out of the process: auto, disk, memory, s3 or stream"},
			&cli.DurationFlag{Name: "max-pause", Category: categorySafety, Usage: "refuse (exit 7) when the process will likely stand still for longer than this `time`"},
			&cli.BoolFlag{Name: "force", Category: categorySafety, Usage: "take the snapshot though the forecast says that it is unsafe; with --activate, signal though the program may handle SIGUSR1"},
			&cli.BoolFlag{Name: "protect", Category: categorySafety, Usage: "keep ECS from stopping the task meanwhile: scaling in, deployments (UpdateTaskProtection)"},
			&cli.BoolFlag{Name: "track-allocations", Category: categorySafety, Usage: "have V8 keep the stack of every allocation from now on; slows the process down"},
		}, activationFlags(), s3Flags(), detachedFlags(), seriesFlags(), outputFlags()),
		Action: func(c *cli.Context) error {
			if c.IsSet("resume") {
				o, err := readResume(c, u)
				if err != nil {
					return err
				}
				return because(c.Context, runResume(c.Context, u, o))
			}
			o, err := readSnapshot(c, u)
			if err != nil {
				return err
			}
			if err := because(c.Context, runSnapshot(c.Context, u, o)); err != nil {
				return err
			}
			return o.parting.tell(u, o)
		},
	}
}

func readSnapshot(c *cli.Context, u *ui) (snapshotOptions, error) {
	o := snapshotOptions{
		inspector: c.String("inspector"), count: c.Int("count"), interval: c.Duration("interval"), dir: c.String("dir"),
		transfer: c.String("transfer"), maxPause: c.Duration("max-pause"), force: c.Bool("force"), trackAllocations: c.Bool("track-allocations"),
		activate: c.Bool("activate"), protect: c.Bool("protect"), process: c.Int("process"), audit: &auditor{u: u},
	}
	var err error
	if o.targetOptions, err = readTarget(c, u); err != nil {
		return o, err
	}
	if err := validSeries(o.count, o.interval); err != nil {
		return o, err
	}
	if err := validTransfer(o.transfer, o.maxPause); err != nil {
		return o, err
	}
	if o.diagnosis, err = readSeriesDiagnosis(c); err != nil {
		return o, err
	}
	if o.parting, err = readParting(c, o); err != nil {
		return o, err
	}
	if o.s3, err = readS3(c, o.transfer); err != nil {
		return o, err
	}
	if err := validActivation(c); err != nil {
		return o, err
	}
	if o.protect && o.inspector != "" {
		return o, &usageError{text: "--inspector and --protect contradict each other", hint: "--inspector skips AWS; drop one of them"}
	}
	return o, validReach(c, o.reach())
}

// runSnapshot is the main job from the flags on.
func runSnapshot(ctx context.Context, u *ui, o snapshotOptions) error {
	if o.dir != "" { // a directory that cannot be is refused before AWS is asked anything
		if err := capture.CheckDir(o.dir); err != nil {
			return err
		}
	}
	if o.inspector != "" && o.s3.url == "" {
		return direct(ctx, u, o, aws.Config{})
	}
	cfg, err := loadAWS(ctx, u, o.targetOptions)
	if err != nil {
		return err
	}
	if o.inspector != "" {
		return direct(ctx, u, o, cfg)
	}
	return through(ctx, u, o, cfg)
}

// direct captures from an inspector that can be dialled. Only S3 needs cfg.
func direct(ctx context.Context, u *ui, o snapshotOptions, cfg aws.Config) error {
	if o.dir == "" {
		o.dir = defaultDir("local", localTask, time.Now())
	}
	depot, err := openDepot(ctx, u, o, cfg, capture.Target{})
	if err != nil {
		return err
	}
	series, err := captureFrom(ctx, u, o, source{dial: dialInspector(o.inspector), depot: depot, audit: o.audit})
	return tell(ctx, u, o, series, err)
}

// through captures through an SSM session, which has ended when it returns.
func through(ctx context.Context, u *ui, o snapshotOptions, cfg aws.Config) error {
	client := awsecs.NewFromConfig(cfg)
	target, findings, err := locate(ctx, u, o.reach(), cfg)
	if err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = defaultDir(serviceOrFamily(target), target.TaskID(), time.Now())
	}
	depot, err := openDepot(ctx, u, o, cfg, captureTarget(target))
	if err != nil {
		return err
	}
	facts, err := quickFacts(ctx, o, cfg, target)
	if err != nil {
		return err
	}
	u.warnOf(beyond(findings, ecs.Judge(facts)))
	findings = ecs.Judge(facts)
	if err := blocked(findings); err != nil {
		return err
	}
	budgets := facts.HealthBudgets()
	sessions := awsssm.NewFromConfig(cfg)
	u.endStale(ctx, cfg, target, o.audit)
	if err := besideSeries(ctx, u, o.force, sessions, target); err != nil {
		return err
	}
	shield, err := protectTask(ctx, u, o, cfg, target)
	if err != nil {
		return err
	}
	defer shield.release(ctx)
	if o.parting != nil {
		o.parting.shield = shield
	}
	var opened *inspector
	if o.activate {
		in := &container{u: u, audit: o.audit, log: o.log, ecs: client, sessions: sessions, target: target}
		if opened, err = openInspector(ctx, in, o); err != nil {
			return explain(ctx, client, target, err)
		}
		o.port = opened.Port
	}
	var series capture.Series
	err = tunnelled(ctx, u, o.reach(), sessions, target, findings, func(s source) (err error) {
		s.health, s.memory, s.depot, s.met, s.leaving = healthBudgets(budgets), memoryBounds(target.MemoryLimits()), depot, opened.met, opened.close
		series, err = captureFrom(ctx, u, o, s)
		return err
	})
	opened.finish(ctx)
	if o.parting != nil && o.parting.begun {
		shield.keep()
	}
	shield.release(ctx) // the diagnosis, which may take minutes, needs no task
	return tell(ctx, u, o, series, offerActivation(o, explain(ctx, client, target, err)))
}

// quickFacts are what a capture can know of the service without permissions of its
// own, and without being held up.
func quickFacts(ctx context.Context, o snapshotOptions, cfg aws.Config, target ecs.Target) (*ecs.Facts, error) {
	facts, err := ecs.Gather(ctx, ecs.NewClients(cfg), target, o.port, ecs.Quick)
	if err != nil {
		return facts, err
	}
	facts.Planned = time.Duration(o.count-1) * o.interval
	facts.Local.CredentialsEnd = credentialsEnd(ctx, cfg)
	return facts, nil
}

// beyond returns the findings whose rules have not spoken yet, or not as loud.
func beyond(told, findings []ecs.Finding) []ecs.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f ecs.Finding) bool {
		return slices.ContainsFunc(told, func(t ecs.Finding) bool { return t.ID == f.ID && t.Level == f.Level })
	})
}

// offerActivation names --activate where nothing listens and it was not tried.
func offerActivation(o snapshotOptions, err error) error {
	if o.activate || !isAs[*cdp.NoInspectorError](err) || isAs[*taskStoppedError](err) || isAs[*capture.PartialError](err) {
		return err
	}
	return &closedInspectorError{err: err}
}

// captureFrom connects to the inspector and takes the series over that one
// connection: the end of any inspector session makes V8 forget the ids of
// objects, and snapshots could no longer be compared.
func captureFrom(ctx context.Context, u *ui, o snapshotOptions, s source) (capture.Series, error) {
	in, err := enter(ctx, u, s, &cdp.Options{Log: o.log})
	if err != nil {
		return capture.Series{}, err
	}
	defer in.leave(ctx)
	if o.trackAllocations {
		defer o.audit.did("allocation tracking on", "the process", "the end of the inspector session")()
		u.warn("every allocation is tracked from now on: Node.js 22 and 24 run five to ten times slower", "it ends with this command")
		if err := in.line.now().TrackAllocations(ctx, true); err != nil {
			return capture.Series{}, err
		}
	}
	keeper := &gatekeeper{u: u, in: in, transfer: o.transfer, health: s.health, memory: s.memory, maxPause: o.maxPause, force: o.force, told: map[string]bool{}}
	if o.parting != nil {
		return capture.Series{}, o.parting.begin(ctx, u, o, s, in, keeper)
	}
	p := newProgress(o.count)
	u.status(p.line)
	defer u.status(nil)
	progress := p.funcs(u)
	shot := progress.Shot
	progress.Shot = func(n int) { // the directory is there from now on
		o.audit.begin(o.dir)
		shot(n)
	}
	return capture.Run(ctx, capture.Plan{
		Dir: o.dir, Count: o.count, Interval: o.interval, Target: s.target, Checks: checks(s.findings), Tool: "ecsheap " + version(),
	}, in.source(keeper), progress, o.diagnosis.taken(ctx, o.dir, o.count, p.taken(u)))
}
