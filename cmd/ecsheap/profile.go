package main

import (
	"context"
	"errors"
	"fmt"
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

const (
	// defaultSampling is the number of bytes between two samples: a quarter of
	// the samples that V8 takes by default, so that a busy service hardly feels
	// it, and enough of them in half a minute to name a leak.
	defaultSampling = 128 << 10

	// minSampling is where sampling gets as dear as tracking every allocation.
	minSampling = 1 << 10

	// maxSampling is far above the interval at which nothing is seen any more.
	maxSampling = 1 << 30
)

// profileOptions are the values of the flags of profile.
type profileOptions struct {
	targetOptions
	inspector string // HOST:PORT, "" to go through AWS
	duration  time.Duration
	interval  int // bytes
	collected bool
	force     bool
	dir       string // "" for the default
}

func (o profileOptions) reach() reachOptions {
	return reachOptions{targetOptions: o.targetOptions, command: "profile", inspector: o.inspector}
}

func profileCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "profile", Category: categoryCapture,
		Usage:     "sample who allocates what stays, when a snapshot is too dangerous",
		UsageText: "ecsheap profile --cluster X --task Y\necsheap profile --cluster X --task Y --duration 5m",
		Description: "Has V8 sample the allocations of a running container, and shows which functions allocated\n" +
			"what is still alive at the end. It does not stop the process, but for one garbage collection\n" +
			"at the end, and takes little memory. Only what is allocated meanwhile is seen.\n" +
			"Ctrl-C ends it early and keeps what there is.",
		Flags: slices.Concat(targetFlags(), []cli.Flag{
			&cli.StringFlag{Name: "inspector", Category: categoryTarget, Usage: "skip AWS: the inspector answers at `HOST:PORT`"},
			&cli.DurationFlag{Name: "duration", Value: 30 * time.Second, Usage: "`time` to sample for; the longer, the surer"},
			&cli.IntFlag{Name: "sampling-interval", Value: defaultSampling, Usage: "`bytes` between two samples; fewer see more and cost more"},
			&cli.BoolFlag{Name: "include-collected", Usage: "also what has been collected by the end: who allocates, not who keeps (Node.js 20 and later)"},
			&cli.BoolFlag{Name: "force", Usage: "profile though another ecsheap takes snapshots of the container, whose series then loses its object ids"},
			&cli.StringFlag{Name: "dir", Usage: "new `directory` for the files (default: ./ecsheap-<service>-<task>-<time>)"},
		}, outputFlags()),
		Action: func(c *cli.Context) error {
			o, err := readProfile(c, u)
			if err != nil {
				return err
			}
			return because(c.Context, runProfile(c.Context, u, o))
		},
	}
}

func readProfile(c *cli.Context, u *ui) (profileOptions, error) {
	o := profileOptions{
		inspector: c.String("inspector"), duration: c.Duration("duration"), interval: c.Int("sampling-interval"),
		collected: c.Bool("include-collected"), force: c.Bool("force"), dir: c.String("dir"),
	}
	var err error
	if o.targetOptions, err = readTarget(c, u); err != nil {
		return o, err
	}
	if err := validSampling(o.duration, o.interval); err != nil {
		return o, err
	}
	return o, validReach(c, o.reach())
}

// validSampling refuses what V8 would not sample, or would sample to death.
func validSampling(duration time.Duration, interval int) error {
	switch {
	case duration <= 0:
		return &usageError{text: fmt.Sprintf("--duration %s is no time to sample for", duration), hint: "for example --duration 30s"}
	case interval < minSampling || interval > maxSampling:
		return &usageError{
			text: fmt.Sprintf("--sampling-interval %d is not between %d and %d bytes", interval, minSampling, maxSampling),
			hint: fmt.Sprintf("the default of %d suits most services; 32768 sees four times as much", defaultSampling),
		}
	}
	return nil
}

// runProfile is the whole command from the flags on.
func runProfile(ctx context.Context, u *ui, o profileOptions) error {
	if o.dir != "" { // a directory that cannot be is refused before AWS is asked anything
		if err := capture.CheckDir(o.dir); err != nil {
			return err
		}
	}
	if o.inspector != "" {
		if o.dir == "" {
			o.dir = defaultDir("local", localTask, time.Now())
		}
		result, err := sampleFrom(ctx, u, o, source{dial: dialInspector(o.inspector)})
		return tellProfile(u, o, result, err)
	}
	cfg, err := loadAWS(ctx, u, o.targetOptions)
	if err != nil {
		return err
	}
	return profileThrough(ctx, u, o, cfg)
}

// profileThrough samples through an SSM session, which has ended when it returns.
func profileThrough(ctx context.Context, u *ui, o profileOptions, cfg aws.Config) error {
	client := awsecs.NewFromConfig(cfg)
	target, findings, err := locate(ctx, u, o.reach(), cfg)
	if err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = defaultDir(serviceOrFamily(target), target.TaskID(), time.Now())
	}
	sessions := awsssm.NewFromConfig(cfg)
	u.endStale(ctx, cfg, target, nil)
	if err := beforeSeries(ctx, u, o, sessions, target); err != nil {
		return err
	}
	var result sampled
	err = tunnelled(ctx, u, o.reach(), sessions, target, findings, func(s source) (err error) {
		result, err = sampleFrom(ctx, u, o, s)
		return err
	})
	return tellProfile(u, o, result, explain(ctx, client, target, err))
}

// sampled is what came of sampling.
type sampled struct {
	raw       []byte // as V8 sent it, nil if there is none
	target    capture.Target
	process   capture.Process
	startedAt time.Time
	duration  time.Duration
	wireBytes int64
}

// sampleFrom connects to the inspector and samples. When ctx ends meanwhile it
// returns what there is, and the error.
func sampleFrom(ctx context.Context, u *ui, o profileOptions, s source) (sampled, error) {
	conn, err := cdp.Dial(ctx, s.dial, &cdp.Options{Log: o.log})
	if err != nil {
		return sampled{}, err
	}
	untold := u.onInterrupt(ctx, leavingProcess) // which takes seconds when it answers slowly
	defer func() { untold() }()
	defer conn.Close() //nolint:errcheck // it only says that the connection was lost, which the sampling says better
	if s.wire == nil {
		s.wire = conn.Received
	}
	r := sampled{target: s.target}
	who, err := conn.Process(ctx)
	if err != nil {
		return r, err
	}
	r.process = processOf(who)
	lookForSeries(ctx, u, conn)
	u.step("sampling allocations of pid %d (Node.js %s) for %s, a sample every %s", r.process.PID, r.process.NodeVersion, o.duration, bytesText(int64(o.interval)))
	u.step("this usually costs a few per cent of the throughput and little memory; at the end V8 collects all garbage once")
	r.startedAt = time.Now()
	u.status(samplingLine(ctx, r.startedAt, o.duration))
	defer u.status(nil)
	if untold() {
		untold = u.onInterrupt(ctx, "stopping the sampling, to keep what there is")
	}
	r.raw, err = conn.Sample(ctx, o.duration, cdp.SampleOptions{Interval: o.interval, Collected: o.collected})
	if untold() {
		untold = u.onInterrupt(ctx, leavingProcess)
	}
	r.duration, r.wireBytes = time.Since(r.startedAt), s.wire()
	if errors.Is(err, cdp.ErrSampling) {
		return r, &blockedError{findings: []ecs.Finding{{
			ID: "sampling", Level: ecs.Block, Got: "somebody samples allocations of the process already: a DevTools, or a profiler within the service",
			Fix: "let them finish, or take their profile: V8 has only one sampling profiler, and ending ours would end theirs",
		}}}
	}
	return r, err
}

// leavingProcess is what is done when a connection ends.
const leavingProcess = "leaving the process"

// onInterrupt tells at once what is done about a signal, when ctx ends before the func
// that it returns is called. That reports whether nothing was told.
func (u *ui) onInterrupt(ctx context.Context, doing string) (stop func() bool) {
	return context.AfterFunc(ctx, func() { u.step("%s (another Ctrl-C abandons it)", doing) })
}

// samplingLine is the live line.
func samplingLine(ctx context.Context, began time.Time, duration time.Duration) func() string {
	return func() string {
		if elapsed := time.Since(began); elapsed < duration && ctx.Err() == nil {
			return fmt.Sprintf("sampling, %s of %s", clock(elapsed), clock(duration))
		}
		return "collecting garbage and fetching the profile"
	}
}
