package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/activate"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/tunnel"
)

func activationFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "activate", Category: categoryTarget, Usage: "open the inspector of the running process by ECS Exec, and close it in the end"},
		&cli.IntFlag{Name: "process", Category: categoryTarget, Usage: "`pid`, inside the container, of the process to activate (default: the only application)"},
	}
}

// validActivation refuses flags that make no sense together.
func validActivation(c *cli.Context) error {
	switch {
	case c.Bool("activate") && c.IsSet("inspector"):
		return &usageError{text: "--inspector and --activate contradict each other", hint: "--inspector skips AWS; drop one of them"}
	case c.IsSet("process") && !c.Bool("activate"):
		return &usageError{text: "--process chooses whose inspector --activate opens", hint: "add --activate; an open inspector is chosen with --port"}
	case c.IsSet("process") && c.Int("process") < 1:
		return &usageError{text: fmt.Sprintf("--process %d is no process", c.Int("process")), hint: "run without it: the processes are listed"}
	}
	return nil
}

// container is what commands can be run in by ECS Exec.
type container struct {
	u        *ui
	audit    *auditor
	log      *slog.Logger
	ecs      *awsecs.Client
	sessions *awsssm.Client
	target   ecs.Target
}

// run is an activate.Run. Its session has ended when it returns: the container's
// agent serves two, and the tunnel needs one.
func (c *container) run(ctx context.Context, command string) (string, int, error) {
	session, err := activate.Execute(ctx, c.ecs, activate.Target{Cluster: c.target.Cluster, Task: c.target.TaskARN, Container: c.target.Container}, command)
	if err != nil {
		return "", 0, err
	}
	id := aws.ToString(session.SessionId)
	undone := c.audit.did("command run by ECS Exec", "session "+id, "ssm:TerminateSession")
	result, err := tunnel.Exec(ctx, c.sessions, tunnel.ExecConfig{
		Session: tunnel.ExecSession{ID: id, URL: aws.ToString(session.StreamUrl), Token: aws.ToString(session.TokenValue)},
		Target:  c.target.SSM(), Log: c.log, Notice: func(text string) { c.u.step("%s", text) },
	})
	if !isAs[*tunnel.OpenSessionError](err) {
		undone()
	}
	return string(result.Output), result.ExitCode, err
}

// inspector is one that --activate has opened, or found open. The nil *inspector
// is none of ours.
type inspector struct {
	activate.Activation
	in     *container
	ours   bool // it is open because of us
	undone func()
}

// openInspector opens the inspector of the process.
func openInspector(ctx context.Context, in *container, o snapshotOptions) (*inspector, error) {
	active, err := tunnel.Settled(ctx, in.sessions, in.target.SSM())
	if err == nil && len(active) >= tunnel.Limit {
		return nil, &tunnel.BusyError{Target: in.target.String(), Sessions: active}
	}
	in.u.step("running a command in container %s that opens the inspector", in.target.Container)
	entryPoint, command := in.target.CommandLine()
	a, err := activate.Open(ctx, in.run, activate.Options{Port: o.port, PID: o.process, Force: o.force, Nodes: activate.NodePaths(entryPoint, command)})
	if err != nil {
		var silent *activate.SilentError
		if errors.As(err, &silent) {
			if ctx.Err() != nil { // the error that is told is the interruption
				in.u.warn(silent.Error(), silent.Hint())
			}
			in.audit.did("SIGUSR1 sent", "container "+in.target.Container, "none: no inspector answers")
		}
		return nil, err
	}
	in.u.step("%s", a)
	i := &inspector{Activation: a, in: in, ours: a.Opened, undone: func() {}}
	if a.Opened {
		i.undone = in.audit.did("inspector opened", fmt.Sprintf("%s, 127.0.0.1:%d in container %s", a.Process, a.Port, in.target.Container), "inspector.close() in the process")
		in.u.step("the application's log has a line \"Debugger listening on …\" now")
	}
	return i, nil
}

// met refuses another process than the one that was signalled.
func (i *inspector) met(p cdp.Process) error {
	if i == nil || i.Sure || p.PID == i.Process.PID {
		return nil
	}
	return &otherProcessError{want: i.Process, got: p.PID, port: i.Port}
}

// close closes an inspector of ours over the last connection to it, which is to
// be closed right after.
func (i *inspector) close(ctx context.Context, conn *cdp.Conn) {
	if i == nil || !i.ours {
		return
	}
	var text string
	if err := conn.Evaluate(ctx, activate.CloseExpression(), &text); err != nil {
		return // finish tries once more, or tells
	}
	closing, err := activate.ParseClosing(text)
	switch {
	case err != nil:
		return
	case closing.Closing:
		i.undone()
		i.in.u.step("the inspector of %s is closed again", i.Process)
	default:
		i.in.u.warn(fmt.Sprintf("the inspector of %s stays open: %s", i.Process, closing.Why), "it listens on the container's 127.0.0.1 alone, and ends with the process")
	}
	i.ours = false
}

// finish closes an inspector of ours that is still open, over a session of its
// own, or says that it stays open.
func (i *inspector) finish(ctx context.Context) {
	if i == nil || !i.ours {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	err := i.reach(ctx)
	if i.ours {
		text := fmt.Sprintf("the inspector of %s, which we opened, may still listen on port %d of the container's 127.0.0.1", i.Process, i.Port)
		if err != nil {
			text += ": " + errorText(err)
		}
		i.in.u.warn(text, "run the command again and end it, or replace the task")
	}
}

// reach connects once more, for closing alone.
func (i *inspector) reach(ctx context.Context) error {
	t, err := tunnel.Open(ctx, i.in.sessions, tunnel.Config{Target: i.in.target.SSM(), Port: i.Port, Reason: runReason("snapshot"), Log: i.in.log})
	if err != nil {
		return err
	}
	undone := i.in.audit.did("session started", t.SessionID(), "ssm:TerminateSession")
	defer func() {
		if closeErr := t.Close(); closeErr != nil {
			i.in.u.warn(errorText(closeErr), hintOf(closeErr))
			return
		}
		undone()
	}()
	conn, err := cdp.Dial(ctx, t.Dial, &cdp.Options{Log: i.in.log})
	if err != nil {
		return err
	}
	defer conn.Close()
	p, err := conn.Process(ctx)
	if err != nil {
		return err
	}
	if err := i.met(p); err != nil {
		return err
	}
	i.close(ctx, conn)
	return nil
}

// otherProcessError means that the inspector that answers is not that of the
// process that was signalled.
type otherProcessError struct {
	want      activate.Process
	got, port int
}

func (e *otherProcessError) Error() string {
	return fmt.Sprintf("port %d is the inspector of process %d, not of %s", e.port, e.got, e.want)
}

// Hint says how to choose.
func (e *otherProcessError) Hint() string {
	return fmt.Sprintf("choose that process with --process %d, or close its inspector", e.got)
}

// closedInspectorError is that nothing listens, where --activate could help.
type closedInspectorError struct{ err error }

func (e *closedInspectorError) Error() string { return e.err.Error() }
func (e *closedInspectorError) Unwrap() error { return e.err }

// Hint names --activate.
func (e *closedInspectorError) Hint() string {
	return "add --activate: it opens the inspector of the running process, and closes it in the end; or name another --port, or start the process with --inspect"
}
