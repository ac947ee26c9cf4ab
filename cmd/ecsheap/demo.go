package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/internal/demoapp"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodeproc"
)

// The demo's names in its little world.
const (
	demoCluster   = "demo"
	demoService   = "shop"
	demoContainer = "web"
	inspectorPort = 9229

	// demoRTT is the way to a region on the same continent and back.
	demoRTT = 20 * time.Millisecond
)

func demoCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "demo", Category: categorySetup,
		Usage:       "run the whole main job here, on a loopback AWS and a leaking Node.js service",
		UsageText:   "ecsheap demo\necsheap demo --keep",
		Description: "Needs Node.js 18 or later and nothing else: no AWS account, no network.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "keep", Usage: "leave everything running afterwards, and print the environment to use in another terminal"},
			&cli.IntFlag{Name: "count", Aliases: []string{"n"}, Value: 3, Usage: "`number` of snapshots"},
			&cli.DurationFlag{Name: "interval", Value: 4 * time.Second, Usage: "`time` from the start of one snapshot to the start of the next"},
			&cli.StringFlag{Name: "dir", Usage: "new `directory` for the files (default: ./ecsheap-shop-<task>-<time>)"},
			&cli.StringFlag{Name: "node", Usage: "`file` of the Node.js to use (default: the one on PATH)"},
			&cli.IntFlag{Name: "heap-mb", Usage: "`MB` of harmless data in the service's heap beside the leak"},
			&cli.BoolFlag{Name: "paced", Usage: "as slow as the real SSM agent: 0.8 MB/s"},
		}, outputFlags()),
		Action: func(c *cli.Context) error {
			asJSON, err := readOutput(c, u)
			if err == nil {
				err = validSeries(c.Int("count"), c.Duration("interval"))
			}
			if megabytes := c.Int("heap-mb"); err == nil && megabytes < 0 {
				err = &usageError{text: fmt.Sprintf("--heap-mb %d is negative", megabytes), hint: "for example --heap-mb 100"}
			}
			if err != nil {
				return err
			}
			d := demo{ui: u, keep: c.Bool("keep"), node: c.String("node"), heapMB: c.Int("heap-mb"), paced: c.Bool("paced")}
			d.options = snapshotOptions{
				count: c.Int("count"), interval: c.Duration("interval"), dir: c.String("dir"),
				targetOptions: targetOptions{port: inspectorPort, json: asJSON, log: debugLog(u, c.Bool("debug"))}, transfer: transferAuto,
				diagnosis: &seriesDiagnosis{}, audit: &auditor{u: u},
			}
			return because(c.Context, d.run(c.Context))
		},
	}
}

// demo is one run of the demo.
type demo struct {
	ui          *ui
	keep, paced bool
	node        string
	heapMB      int
	options     snapshotOptions
}

// run starts the world, runs the very code of the snapshot command on it, and
// takes the world down again.
func (d demo) run(ctx context.Context) error {
	app, err := demoapp.Start(ctx, d.node, demoapp.Options{HeapMB: d.heapMB})
	if err != nil {
		return explainNode(d.node, err)
	}
	defer app.Close() //nolint:errcheck // how the demo's service ended is of no interest
	server, err := fakeaws.Start(fakeaws.Config{Pace: d.paced, RTT: demoRTT, Log: d.options.log})
	if err != nil {
		return fmt.Errorf("starting the loopback AWS: %w", err)
	}
	defer server.Close() //nolint:errcheck // nothing is left to save
	arn := server.AddTask(demoTask(app))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := stopWith(ctx, app, server, arn)
	d.ui.step("started a leaking service on Node.js %s (pid %d) and a loopback AWS", app.Version, app.PID)

	task := arn[strings.LastIndexByte(arn, '/')+1:]
	o := d.options
	o.query = ecs.Query{Cluster: demoCluster, Task: task}
	d.ui.step("$ ecsheap snapshot --cluster %s --task %s --count %d --interval %s", demoCluster, task[:8], o.count, o.interval)
	if err := through(ctx, d.ui, o, demoAWS(server)); err != nil {
		return err
	}
	if !d.keep {
		d.next(o)
		return nil
	}
	return d.hold(ctx, server, app, task, stopped)
}

// stopWith stops the task when its service ends, as ECS does, and closes the
// channel then.
func stopWith(ctx context.Context, app *demoapp.App, server *fakeaws.Server, arn string) <-chan struct{} {
	stopped := make(chan struct{})
	go func() {
		select {
		case <-app.Done():
			server.StopTask(arn, "EssentialContainerExited", "Essential container in task exited")
			close(stopped)
		case <-ctx.Done():
		}
	}()
	return stopped
}

// explainNode says in one line why there is no service: the errors of starting
// a process and of reading its version are those of the system.
func explainNode(node string, err error) error {
	const hint = "install Node.js 18 or newer and have it on PATH, or give its file with --node"
	var start *nodeproc.StartError
	switch {
	case !errors.As(err, &start):
		return err
	case isAs[*strconv.NumError](err):
		return &usageError{text: fmt.Sprintf("%s is no Node.js", start.Node), hint: hint}
	case node == "" && errors.Is(err, exec.ErrNotFound):
		return &usageError{text: "no Node.js on PATH", hint: hint}
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return &usageError{text: fmt.Sprintf("no Node.js at %s", start.Node), hint: hint}
	}
	return &usageError{text: start.Error(), hint: hint}
}

// demoTask is the task as ECS would describe it.
func demoTask(app *demoapp.App) fakeaws.Task {
	return fakeaws.Task{
		Cluster: demoCluster, Service: demoService, Family: demoService, Revision: 7, Exec: true, Memory: "2048", CPU: "1024",
		Tags: map[string]string{"ecsheap": "allowed"},
		Containers: []fakeaws.Container{{
			Name: demoContainer, Image: "shop:7", Essential: true,
			Command:      []string{"node", "--inspect=127.0.0.1:9229", "leaky.js"},
			PortMappings: []fakeaws.PortMapping{{ContainerPort: 3000}},
			Ports:        map[int]string{inspectorPort: app.Inspector},
		}},
	}
}

// demoAWS is the configuration that leads to the loopback AWS, whatever the
// terminal's environment says.
func demoAWS(server *fakeaws.Server) aws.Config {
	env := environment(server)
	return aws.Config{
		Region: env["AWS_REGION"], BaseEndpoint: aws.String(server.URL()),
		Credentials: credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], ""),
	}
}

func environment(server *fakeaws.Server) map[string]string {
	env := map[string]string{}
	for _, kv := range server.Env() {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value
	}
	return env
}

// next says what to do with what the demo has made. The answer stands last, where
// the eye is.
func (d demo) next(o snapshotOptions) {
	d.ui.step("try next:")
	d.ui.step("  Chrome DevTools > Memory > Load profile: the first and the last, then the view Comparison")
	d.ui.step("  ecsheap demo --keep      and ecsheap snapshot, check in another terminal")
	d.ui.step("  ecsheap check --cluster NAME --service NAME      for a service of yours")
	if r := o.diagnosis.outcome(); r != nil {
		d.ui.step("%s", r.Sentence())
	} else {
		d.ui.step("it leaks one Timeout for each request: look for ThrottlerStorageService.timeoutIds")
	}
}

// hold keeps the world running until a signal comes, also when the service
// ends: who looks from another terminal finds out why.
func (d demo) hold(ctx context.Context, server *fakeaws.Server, app *demoapp.App, task string, stopped <-chan struct{}) error {
	d.ui.step("everything keeps running; use this environment in another terminal:")
	d.ui.flush()
	if !d.options.json {
		for _, kv := range server.Env() {
			name, value, _ := strings.Cut(kv, "=")
			if _, err := fmt.Fprintf(d.ui.out, "export %s='%s'\n", name, value); err != nil {
				return err
			}
		}
	}
	d.ui.step("and try there:")
	d.ui.step("  ecsheap check --cluster %s --service %s", demoCluster, demoService)
	d.ui.step("  ecsheap snapshot --cluster %s --task %s --count 3 --interval 10s", demoCluster, task[:8])
	d.ui.step("Ctrl-C ends it; until then the service leaks about 10 MB a minute")
	select {
	case <-ctx.Done():
	case <-stopped:
		d.ui.warn("the demo's service has ended, and its task is STOPPED: "+oneLine(app.Output()),
			"the loopback AWS keeps running for a look at the task; Ctrl-C ends it")
		<-ctx.Done()
	}
	return nil // this is how it is meant to end
}
