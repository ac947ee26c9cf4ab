// Package nodeproc starts a Node.js program as a child process and keeps hold
// of it: its output line by line, the address of its inspector, its end.
//
// It is the one place of this module that starts Node.js. Tests use it through
// [github.com/ecsheap/ecsheap/internal/nodetest], the demo through
// [github.com/ecsheap/ecsheap/internal/demoapp].
package nodeproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// inspectFlag opens the inspector on a free loopback port; Node.js names the
// port on stderr. A fixed port would make two processes at once impossible.
const inspectFlag = "--inspect=127.0.0.1:0"

// inspectorTimeout bounds the wait for the inspector's line. Node.js prints it
// before it runs the program, so only a machine on its knees needs longer.
const inspectorTimeout = 30 * time.Second

// termGrace is what a process gets between SIGTERM and SIGKILL. The programs
// started here have nothing to save.
const termGrace = 2 * time.Second

// pipeGrace bounds the wait for output after the process is gone: a worker that
// it left behind may hold the pipe open for ever.
const pipeGrace = 2 * time.Second

// Command describes the child process.
type Command struct {
	Node     string   // path of the node binary, or a name to look up on PATH
	NodeArgs []string // arguments for Node.js itself, before the file
	File     string   // the JavaScript file to run
	Args     []string // arguments for the program
	Env      []string // "NAME=value", added to this process's environment
	Dir      string   // working directory, "" = this process's own

	// Inspect opens the inspector on a free port of 127.0.0.1.
	Inspect bool
	// DieWithParent asks the kernel to kill the child with this process, even
	// when this process is killed itself. Linux only; elsewhere a program must
	// watch its stdin, which ends with this process everywhere.
	DieWithParent bool
	// Stdout and Stderr receive a copy of the output; nil = none.
	Stdout, Stderr io.Writer
}

// Process is a running Node.js child process. Its methods are safe for use by
// several goroutines.
type Process struct {
	// PID is the process id.
	PID int
	// Inspector is "127.0.0.1:port", or "" when the inspector was not asked for.
	Inspector string

	cmd    *exec.Cmd
	stdin  io.Closer
	output *lines
	done   chan struct{}
	err    error // how the process ended; written before done is closed
	close  sync.Once
}

// Start runs c and, with Inspect, waits until its inspector listens. ctx bounds
// the start alone: the process runs until Close, or until it ends by itself.
// The error is a *StartError.
func Start(ctx context.Context, c Command) (*Process, error) {
	cmd := exec.Command(c.Node, c.arguments()...) // ctx bounds the start, not the life
	cmd.Dir = c.Dir
	cmd.Env = environment(os.Environ(), c.Env)
	cmd.WaitDelay = pipeGrace
	cmd.SysProcAttr = attributes(c.DieWithParent)
	p := &Process{cmd: cmd, output: newLines(), done: make(chan struct{})}
	cmd.Stdout = tee(p.output.stream(), c.Stdout)
	cmd.Stderr = tee(p.output.stream(), c.Stderr)
	stdin, err := cmd.StdinPipe() // never written to; its end tells the child that we are gone
	if err != nil {
		return nil, &StartError{Node: c.Node, Err: err}
	}
	p.stdin = stdin
	if err := cmd.Start(); err != nil {
		return nil, &StartError{Node: c.Node, Err: err}
	}
	p.PID = cmd.Process.Pid
	go p.wait()
	if !c.Inspect {
		return p, nil
	}
	ctx, cancel := context.WithTimeout(ctx, inspectorTimeout)
	defer cancel()
	if p.Inspector, err = p.AwaitInspector(ctx); err != nil {
		_ = p.Close()
		return nil, &StartError{Node: c.Node, Output: p.Output(), Err: err}
	}
	return p, nil
}

func (c Command) arguments() []string {
	var args []string
	if c.Inspect {
		args = append(args, inspectFlag)
	}
	args = append(args, c.NodeArgs...)
	args = append(args, c.File)
	return append(args, c.Args...)
}

// environment is base without NODE_OPTIONS, plus extra: a developer's own
// --inspect there would take the port, or add one more inspector.
func environment(base, extra []string) []string {
	env := make([]string, 0, len(base)+len(extra))
	for _, kv := range base {
		if !strings.HasPrefix(kv, "NODE_OPTIONS=") {
			env = append(env, kv)
		}
	}
	return append(env, extra...)
}

func tee(w, copyTo io.Writer) io.Writer {
	if copyTo == nil {
		return w
	}
	return io.MultiWriter(w, copyTo)
}

func (p *Process) wait() {
	err := p.cmd.Wait()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil // the process itself ended well, a child of its holds the pipe
	}
	p.err = err
	p.output.end()
	close(p.done)
}

// AwaitInspector waits for the line with which Node.js names its inspector and
// returns "127.0.0.1:port". For a process started without Inspect that line
// comes after SIGUSR1.
func (p *Process) AwaitInspector(ctx context.Context) (string, error) {
	line, err := p.AwaitLine(ctx, inspectorLine)
	if err != nil {
		return "", err
	}
	return ParseInspector(line)
}

// AwaitLine waits for the first line of output, on stdout or stderr, that
// contains text, and returns it without its line end. Lines that were printed
// before the call count as well. It fails with ErrEnded when the process is
// gone, and with the cause of ctx.
func (p *Process) AwaitLine(ctx context.Context, text string) (string, error) {
	line, err := p.output.await(ctx, text)
	if err != nil {
		return "", fmt.Errorf("waiting for %q from node (pid %d): %w", text, p.PID, err)
	}
	return line, nil
}

// Output returns the last lines of stdout and stderr together, at most
// MaxOutput bytes.
func (p *Process) Output() string { return p.output.text() }

// Done is closed when the process has ended and its output is complete.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for the process to end by itself and returns how it did: nil for
// exit code 0, else an *exec.ExitError, or the cause of ctx.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Signal sends sig to the process. The error is os.ErrProcessDone when it has
// ended; the pid of an ended process is never signalled.
func (p *Process) Signal(sig os.Signal) error {
	return p.cmd.Process.Signal(sig)
}

// Kill ends the process at once, as kill -9 does, and waits until it is gone.
func (p *Process) Kill() error {
	if err := p.Signal(os.Kill); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("killing node (pid %d): %w", p.PID, err)
	}
	<-p.done
	return nil
}

// Close ends the process with SIGTERM, with SIGKILL when that is not enough,
// and returns when it is gone. How it ended is no error. Close is idempotent.
func (p *Process) Close() error {
	var err error
	p.close.Do(func() {
		defer p.stdin.Close()
		grace := termGrace
		if p.Signal(syscall.SIGTERM) != nil {
			grace = 0 // it has ended, or the system knows no SIGTERM
		}
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-p.done:
		case <-timer.C:
			err = p.Kill()
		}
	})
	return err
}
