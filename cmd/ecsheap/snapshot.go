package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/tunnel"
)

// snapshotOptions are the values of the flags of snapshot.
type snapshotOptions struct {
	targetOptions
	inspector string // HOST:PORT, "" to go through AWS
	count     int
	interval  time.Duration
	dir       string // "" for the default
	json      bool
	log       *slog.Logger
}

func snapshotCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "snapshot", Category: categoryCapture,
		Usage:       "take heap snapshots of a running container",
		UsageText:   "ecsheap snapshot --cluster X --task Y\necsheap snapshot --cluster X --task Y --count 3 --interval 10m",
		Description: "Checks the task, opens a tunnel, and takes snapshots through the inspector of Node.js.\nEach snapshot STOPS the process for seconds and needs several times its heap in memory.",
		Flags: slices.Concat(targetFlags(), []cli.Flag{
			&cli.StringFlag{Name: "inspector", Category: categoryTarget, Usage: "skip AWS: the inspector answers at `HOST:PORT`"},
			&cli.IntFlag{Name: "count", Aliases: []string{"n"}, Value: 1, Usage: "`number` of snapshots; three tell a leak from noise"},
			&cli.DurationFlag{Name: "interval", Value: 5 * time.Minute, Usage: "`time` from the start of one snapshot to the start of the next"},
			&cli.StringFlag{Name: "dir", Usage: "new `directory` for the files (default: ./ecsheap-<service>-<task>-<time>)"},
		}, outputFlags()),
		Action: func(c *cli.Context) error {
			o, err := readSnapshot(c, u)
			if err != nil {
				return err
			}
			return because(c.Context, runSnapshot(c.Context, u, o))
		},
	}
}

func readSnapshot(c *cli.Context, u *ui) (snapshotOptions, error) {
	o := snapshotOptions{inspector: c.String("inspector"), count: c.Int("count"), interval: c.Duration("interval"), dir: c.String("dir")}
	var err error
	if o.json, err = readOutput(c, u); err != nil {
		return o, err
	}
	if o.targetOptions, err = readTarget(c); err != nil {
		return o, err
	}
	o.log = debugLog(u, c.Bool("debug"))
	if err := validSeries(o.count, o.interval); err != nil {
		return o, err
	}
	if o.inspector == "" {
		return o, o.needTarget("snapshot")
	}
	if err := validInspector(o.inspector); err != nil {
		return o, err
	}
	return o, inspectorAlone(c)
}

// runSnapshot is the main job from the flags on.
func runSnapshot(ctx context.Context, u *ui, o snapshotOptions) error {
	if o.dir != "" { // a directory that cannot be is refused before AWS is asked anything
		if err := capture.CheckDir(o.dir); err != nil {
			return err
		}
	}
	if o.inspector != "" {
		return direct(ctx, u, o)
	}
	cfg, err := loadAWS(ctx, u, o.targetOptions)
	if err != nil {
		return err
	}
	return through(ctx, u, o, cfg)
}

// direct captures from an inspector that can be dialled.
func direct(ctx context.Context, u *ui, o snapshotOptions) error {
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", o.inspector)
		if err != nil {
			return nil, &dialError{err: err}
		}
		return conn, nil
	}
	if o.dir == "" {
		o.dir = defaultDir("local", "inspector", time.Now())
	}
	series, err := captureFrom(ctx, u, o, source{dial: dial})
	return tell(u, o, series, err)
}

// through captures through an SSM session, which has ended when it returns.
func through(ctx context.Context, u *ui, o snapshotOptions, cfg aws.Config) error {
	u.step("looking for the task in %s", cfg.Region)
	client := awsecs.NewFromConfig(cfg)
	target, err := ecs.Find(ctx, client, o.query)
	if err != nil {
		return err
	}
	u.step("found %s", target)
	findings := ecs.Check(target, o.port)
	for _, f := range findings {
		if f.Level == ecs.Warn || f.Level == ecs.Danger {
			u.warn(fmt.Sprintf("%s (%s)", f.Got, f.ID), f.Fix)
		}
	}
	if err := blocked(findings); err != nil {
		return err
	}
	if o.dir == "" {
		o.dir = defaultDir(serviceOrFamily(target), target.TaskID(), time.Now())
	}
	series, err := tunnelled(ctx, u, o, awsssm.NewFromConfig(cfg), target, findings)
	return tell(u, o, series, explain(ctx, client, target, err))
}

// tunnelled opens the session, captures, and ends the session.
func tunnelled(ctx context.Context, u *ui, o snapshotOptions, client *awsssm.Client, target ecs.Target, findings []ecs.Finding) (series capture.Series, err error) {
	if err := u.checkSessions(ctx, client, target); err != nil {
		return series, err
	}
	u.step("opening a tunnel to port %d of container %s", o.port, target.Container)
	t, err := tunnel.Open(ctx, client, tunnel.Config{
		Target: target.SSM(), Port: o.port, Reason: runReason("snapshot"), Log: o.log,
		Notice: func(text string) { u.step("%s", text) },
	})
	if err != nil {
		return series, err
	}
	defer func() {
		if ctx.Err() != nil {
			u.step("ending the session %s (another Ctrl-C abandons it)", t.SessionID())
		}
		switch closeErr := t.Close(); {
		case closeErr == nil:
			u.step("closed the session %s", t.SessionID())
		case err == nil && ctx.Err() == nil:
			err = closeErr
		default: // the capture's own error is the one to tell
			u.warn(errorText(closeErr), hintOf(closeErr))
		}
	}()
	return captureFrom(ctx, u, o, source{dial: t.Dial, wire: t.WireBytes, target: captureTarget(target), findings: findings})
}

// source is where snapshots come from.
type source struct {
	dial     func(context.Context) (net.Conn, error)
	wire     func() int64 // bytes received so far; nil: count at the inspector's connection
	target   capture.Target
	findings []ecs.Finding
}

// captureFrom connects to the inspector and takes the series over that one
// connection: the end of any inspector session makes V8 forget the ids of
// objects, and snapshots could no longer be compared.
func captureFrom(ctx context.Context, u *ui, o snapshotOptions, s source) (capture.Series, error) {
	conn, err := cdp.Dial(ctx, s.dial, &cdp.Options{Log: o.log})
	if err != nil {
		return capture.Series{}, err
	}
	defer conn.Close() //nolint:errcheck // it only says that the connection was lost, which the capture says better
	if s.wire == nil {
		s.wire = conn.Received
	}
	p := newProgress(o.count)
	u.status(p.line)
	defer u.status(nil)
	return capture.Run(ctx, capture.Plan{
		Dir: o.dir, Count: o.count, Interval: o.interval, Target: s.target, Checks: checks(s.findings), Tool: "ecsheap " + version(),
	}, inspectorSource(conn, s.wire), p.funcs(u), p.taken(u))
}

// inspectorSource makes the inspector what capture asks for.
func inspectorSource(conn *cdp.Conn, wire func() int64) capture.Source {
	return capture.Source{
		Process: func(ctx context.Context) (capture.Process, error) {
			p, err := conn.Process(ctx)
			return capture.Process{
				PID: p.PID, NodeVersion: p.NodeVersion, V8Version: p.V8Version, StartedAt: p.StartedAt,
				ExecArgv: p.ExecArgv, MemoryLimit: p.MemoryLimit, EnvNames: p.EnvNames,
			}, err
		},
		Memory: func(ctx context.Context) (capture.Memory, error) {
			m, err := conn.Memory(ctx)
			return capture.Memory{RSS: m.RSS, HeapUsed: m.HeapUsed, External: m.External}, err
		},
		Snapshot: func(ctx context.Context, w io.Writer, progress func(done, total int)) error {
			return conn.HeapSnapshot(ctx, w, progress)
		},
		SentinelID: conn.SentinelID,
		Prepare:    conn.DiscardConsole,
		WireBytes:  wire,
		Pause:      conn.LastPause,
	}
}
