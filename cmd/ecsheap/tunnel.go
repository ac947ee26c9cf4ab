package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/tunnel"
)

// tunnelOptions are the values of the flags of tunnel.
type tunnelOptions struct {
	targetOptions
	inspector string // HOST:PORT, "" to go through AWS
	local     int    // port, 0 = any that is free
	devtools  bool
	exec      string // "" = none
	activate  bool
	process   int // pid inside the container for --activate, 0 = choose
	force     bool
	parent    int // pid of the process that started this one
}

// inspecting tells whether the port is taken for an inspector's.
func (o tunnelOptions) inspecting() bool {
	return o.devtools || o.activate || o.inspector != "" || o.port >= firstInspector && o.port <= lastInspector
}

// linger is that of the relay.
func (o tunnelOptions) linger() time.Duration {
	if o.inspecting() {
		return inspectorLinger
	}
	return halfLinger
}

func tunnelCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "tunnel", Category: categoryCapture,
		Usage:     "hold a port of a container open here, for DevTools or VS Code",
		UsageText: "ecsheap tunnel --cluster X --task Y\necsheap tunnel --cluster X --task Y --local-port 0 --exec 'node inspect 127.0.0.1:{port}'\necsheap tunnel --cluster X --task Y --port 6379\necsheap tunnel --inspector HOST:PORT",
		Description: "Listens on 127.0.0.1 and carries connections to a port inside the container. For the ports of\n" +
			"inspectors, 9229 to 9240, it prints the link for DevTools, the address for chrome://inspect and an\n" +
			"entry for the launch.json of VS Code. It ends with Ctrl-C, with the command of --exec, or with the\n" +
			"process that started it (unless started with nohup), and leaves no session at AWS.\n\n" +
			"While it is open EVERY program and user of this machine can execute code in the container, through\n" +
			"the inspector, as the application.",
		Flags: slices.Concat(targetFlags(), []cli.Flag{
			&cli.StringFlag{Name: "inspector", Category: categoryTarget, Usage: "skip AWS: the inspector answers at `HOST:PORT`"},
			&cli.IntFlag{Name: "local-port", Usage: "`port` to listen on, on 127.0.0.1; 0 for any that is free (default: the one of --port; taken is an error; with --inspector on this machine 0)"},
			&cli.BoolFlag{Name: "devtools", Usage: "an inspector listens on --port though it is not one of 9229 to 9240"},
			&cli.StringFlag{Name: "exec", Usage: "run this `command` with the shell while the tunnel is open, {port} and $ECSHEAP_PORT being the local port, and return its exit code"},
			&cli.BoolFlag{Name: "force", Category: categorySafety, Usage: "with --activate, signal though the program may handle SIGUSR1"},
		}, activationFlags(), outputFlags()),
		Action: func(c *cli.Context) error {
			o, err := readTunnel(c, u)
			if err != nil {
				return err
			}
			err = runTunnel(c.Context, u, o)
			if isAs[*commandError](err) { // it has had the signal, and says what became of it
				return err
			}
			return because(c.Context, err)
		},
	}
}

func readTunnel(c *cli.Context, u *ui) (tunnelOptions, error) {
	o := tunnelOptions{
		inspector: c.String("inspector"), local: c.Int("local-port"), devtools: c.Bool("devtools"), exec: c.String("exec"),
		activate: c.Bool("activate"), process: c.Int("process"), force: c.Bool("force"), parent: os.Getppid(),
	}
	var err error
	if o.targetOptions, err = readTarget(c, u); err != nil {
		return o, err
	}
	if err := o.readInspector(c); err != nil {
		return o, err
	}
	if !c.IsSet("local-port") {
		o.local = o.localPort()
	}
	switch {
	case o.local < 0 || o.local > maxPort:
		return o, &usageError{text: fmt.Sprintf("--local-port %d is no port", o.local), hint: "ports are 1 to 65535; 0 takes any that is free"}
	case c.IsSet("exec") && o.exec == "":
		return o, &usageError{text: "--exec needs a command", hint: "for example --exec 'node inspect 127.0.0.1:{port}'"}
	case o.exec != "" && o.json:
		return o, &usageError{text: "--exec and --output json contradict each other", hint: "with --exec, stdout belongs to the command, which finds the port in {port} and $" + portVariable}
	case o.force && !o.activate:
		return o, &usageError{text: "--force is for --activate", hint: "a tunnel alone has nothing to force"}
	}
	if err := validActivation(c); err != nil {
		return o, err
	}
	if o.inspector != "" {
		return o, nil
	}
	return o, o.needTarget("tunnel")
}

// readInspector checks the address of --inspector, whose port is then the remote one.
func (o *tunnelOptions) readInspector(c *cli.Context) error {
	if !c.IsSet("inspector") {
		return nil
	}
	if err := validInspector(o.inspector); err != nil {
		return err
	}
	if c.IsSet("port") {
		return &usageError{text: "--inspector and --port contradict each other", hint: "--inspector has a port; drop one of them"}
	}
	_, port, _ := net.SplitHostPort(o.inspector) // it is valid
	o.port, _ = strconv.Atoi(port)
	return inspectorAlone(c)
}

// localPort is where to listen when nobody says it: the far end's own port, unless that
// is taken by the far end itself.
func (o tunnelOptions) localPort() int {
	host, _, err := net.SplitHostPort(o.inspector)
	if ip := net.ParseIP(host); err == nil && (host == "localhost" || ip.IsLoopback() || ip.IsUnspecified()) {
		return 0
	}
	return o.port
}

// runTunnel is the whole command from the flags on. The port is taken first: if it
// cannot be had, AWS is asked nothing.
func runTunnel(ctx context.Context, u *ui, o tunnelOptions) error {
	l, err := listenLocal(ctx, o.local)
	if err != nil {
		return err
	}
	defer l.Close()
	own := l.Addr().(*net.TCPAddr)
	o.local = own.Port
	if o.inspector != "" {
		return o.carry(ctx, u, nil, dialPast(o.inspector, own), l)
	}
	cfg, err := loadAWS(ctx, u, o.targetOptions)
	if err != nil {
		return err
	}
	client, sessions := awsecs.NewFromConfig(cfg), awsssm.NewFromConfig(cfg)
	target, err := o.find(ctx, u, client, cfg)
	if err != nil {
		return err
	}
	u.endStale(ctx, cfg, target, nil)
	var opened *inspector
	if o.activate {
		in := &container{u: u, log: o.log, ecs: client, sessions: sessions, target: target}
		options := snapshotOptions{targetOptions: o.targetOptions, process: o.process, force: o.force}
		if opened, err = openInspector(ctx, in, options); err != nil {
			return explain(ctx, client, target, err)
		}
		o.port = opened.Port
		defer func() { opened.finish(ctx) }()
	}
	h := &hold{u: u, ecs: client, ssm: sessions, target: target, first: reopenFirst, config: tunnel.Config{
		Target: target.SSM(), Port: o.port, Reason: runReason("tunnel"), Log: o.log,
		Notice: func(text string) { u.step("%s", text) },
	}}
	return explain(ctx, client, target, o.through(ctx, u, h, l, opened))
}

// find finds the container. What the checks say of inspectors counts for those
// alone.
func (o tunnelOptions) find(ctx context.Context, u *ui, client *awsecs.Client, cfg aws.Config) (ecs.Target, error) {
	if o.inspecting() {
		target, _, err := locate(ctx, u, reachOptions{targetOptions: o.targetOptions}, cfg)
		return target, err
	}
	u.step("looking for the task in %s", cfg.Region)
	target, err := o.targetOptions.find(ctx, u, cfg)
	if err != nil {
		return target, err
	}
	u.step("found %s", target)
	return target, blocked(ecs.Check(target, o.port))
}

// through opens the session, carries connections through it, and has it ended when
// it returns, a panic included.
func (o tunnelOptions) through(ctx context.Context, u *ui, h *hold, l net.Listener, opened *inspector) (err error) {
	if err := h.open(ctx); err != nil {
		return err
	}
	defer func() {
		opened.closeOver(ctx, h)
		if closeErr := h.close(ctx); err == nil {
			err = closeErr
		} else if closeErr != nil {
			u.warn(errorText(closeErr), hintOf(closeErr))
		}
	}()
	return o.carry(ctx, u, h, h.dial, l)
}

// carry carries connections until something ends it. Without AWS, h is nil.
func (o tunnelOptions) carry(ctx context.Context, u *ui, h *hold, dial func(context.Context) (net.Conn, error), l net.Listener) error {
	t := openTunnel{inspector: o.inspector, local: o.local, remote: o.port, inspecting: o.inspecting()}
	if h != nil {
		t.target = captureTarget(h.target)
	}
	r := &relay{dial: dial, linger: o.linger(), stall: stallFor, ended: (&farEnd{u: u}).ended}
	w := o.watch(u, dial, t)
	if t.inspecting {
		w.begin(ctx)
		t.debuggee = w.known
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := o.announce(ctx, u, t); err != nil {
		return err
	}
	c := newCrew(ctx)
	if o.exec != "" { // signals are for the command from now on
		signals, stop := catchSignals()
		defer stop()
		if ctx.Err() != nil { // just before
			return context.Cause(ctx)
		}
		c = newCrew(context.WithoutCancel(ctx))
		run := command{text: o.exec, port: o.local, signals: signals, shared: onTerminal(u)}
		c.start(func(ctx context.Context) error { return run.run(ctx, u) })
	} else {
		u.status(func() string { return r.line(t.address()) })
	}
	if t.inspecting {
		w.follow(h, r)
		c.start(w.run)
	}
	if h != nil {
		c.start(h.keep)
	}
	c.start(func(ctx context.Context) error { return watchParent(ctx, o.parent) })
	c.start(func(ctx context.Context) error { return r.serve(ctx, l) })
	err := c.wait()
	u.status(nil)
	u.step("carried %s, %s in, %s out", plural(int(r.total.Load()), "connection"), bytesText(r.in.Load()), bytesText(r.out.Load()))
	return err
}

// announce tells where the tunnel is: on stdout, which a command of --exec has for
// itself.
func (o tunnelOptions) announce(ctx context.Context, u *ui, t openTunnel) error {
	if t.inspecting {
		u.warn(fmt.Sprintf("while this is open, every program and user of this machine can execute code in %s, as its application", t.debugged()), "end it as soon as you are done; a breakpoint stops the whole service")
	} else {
		u.warn(fmt.Sprintf("while this is open, every program and user of this machine can reach port %d of container %s", t.remote, t.target.Container), "end it as soon as you are done")
	}
	warnOfOther(ctx, u, t.local)
	u.flush()
	switch {
	case o.exec != "":
		u.step("%s leads to %s while the command runs", t.address(), t.farEnd())
		return nil
	case o.json:
		return u.json(t.json())
	}
	return t.write(u.out)
}

// watch keeps an eye on whose inspector it is.
func (o tunnelOptions) watch(u *ui, dial func(context.Context) (net.Conn, error), t openTunnel) *watch {
	return &watch{
		nudge: make(chan struct{}, 1),
		ask:   func(ctx context.Context) (debuggee, error) { return askInspector(ctx, dial, t.address()) },
		tell: func(d debuggee) {
			u.step("another process answers, or the same one anew (%s); in DevTools open %s", d.Title, devtoolsURL(t.address(), d.ID))
		},
		gone: func(err error) {
			hint := "the tunnel stays open, and tells when there is an inspector"
			if isAs[*tunnel.RefusedError](err) && !o.activate {
				hint = "add --activate: it opens the inspector of the running process, and closes it in the end; or start the process with --inspect; " + hint
			}
			u.warn(errorText(err), hint)
		},
	}
}

// closeOver closes an inspector of ours over the session that is there. Where that
// does not work, finish tries once more, or tells.
func (i *inspector) closeOver(ctx context.Context, h *hold) {
	if i == nil || !i.ours {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	if t, _ := h.now(); t.Err() != nil {
		return
	}
	conn, err := cdp.Dial(ctx, h.dial, &cdp.Options{Log: i.in.log})
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // it only says that the connection was lost
	if p, err := conn.Process(ctx); err != nil || i.met(p) != nil {
		return
	}
	i.close(ctx, conn)
}
