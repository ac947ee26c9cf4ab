// Package activate opens the inspector of a Node.js process that runs in a
// container already, without a new deployment: it runs a script there with
// `node -e` (no shell is needed), which finds the process and sends it SIGUSR1.
// Node.js then listens on 127.0.0.1:9229. [CloseExpression] undoes that.
//
// It is done in two commands. The first looks at all processes and changes
// nothing; which of them is meant is decided here; the second signals it, after
// a look at whether it still is the same one.
//
// Each command is a Node.js process for about a third of a second, with some 10
// MB of memory that it shares with nobody, inside the container's limit.
//
// What is sure before the signal and what is not: a process that would not
// understand the signal, or would die of it, is known by the masks in
// /proc/PID/status. A handler that the application has installed is not: it
// looks the same from outside as that of Node.js. Where the main script names
// the signal, Open refuses unless it is forced; elsewhere the handler runs, and
// a [*SilentError] says so.
package activate

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// DefaultPort is where Node.js opens its inspector unless told otherwise.
	DefaultPort = 9229

	// DefaultWait is how long an inspector may take to answer after the signal.
	// It is opened by a thread of its own, within milliseconds on an idle machine
	// even if the event loop is blocked; only CPU throttling delays it.
	DefaultWait = 10 * time.Second

	// tries is how often a command is run whose answer got lost on the way: both
	// commands may be repeated without harm.
	tries = 2
)

// Run runs one command in the container and returns what it wrote to its
// terminal. The code is 127 for a command that could not be started; other codes
// are taken as unknown. An error means that the command could not be run at all,
// or not to its end; it ends [Open].
type Run func(ctx context.Context, command string) (output string, code int, err error)

// Options says what to open. The zero value lets Open choose.
type Options struct {
	// Port is where an inspector is looked for first; 0 is DefaultPort. SIGUSR1
	// knows no port: the process opens the one that its own options name.
	Port int
	// PID is the process inside the container; 0 lets Open choose.
	PID int
	// Nodes are paths of Node.js to try after "node" and before the usual ones:
	// see NodePaths.
	Nodes []string
	// Wait is how long to wait for the inspector; 0 is DefaultWait.
	Wait time.Duration
	// Force sends the signal even if the main script names SIGUSR1, so that a
	// handler of the application may run.
	Force bool
}

// Activation is an open inspector.
type Activation struct {
	// Process is whose inspector it is, as seen inside the container. Where Sure
	// is not set, compare its PID with process.pid once connected.
	Process Process
	// Sure says that the port was seen to belong to the process, which takes the
	// right to look into it. Without it, it is the port that was named by its
	// options, or that opened right after the signal.
	Sure bool
	// Port is the TCP port on the container's 127.0.0.1.
	Port int
	// NodeVersion is such as "v24.1.0".
	NodeVersion string
	// Opened says that it was opened by us, and is to be closed again.
	Opened bool
}

// String says what was done, for people.
func (a Activation) String() string {
	if a.Opened {
		return fmt.Sprintf("sent SIGUSR1 to %s, which opened its inspector on port %d", a.Process, a.Port)
	}
	return fmt.Sprintf("the inspector of %s is open already, on port %d", a.Process, a.Port)
}

// Open opens the inspector of a process, or finds that it is open. It changes
// nothing but that one process, and nothing at all when it returns an error
// other than a [*SilentError].
//
// Errors: [*NoNodeError], [*NoProcessError], [*AmbiguousError], [*RefusedError],
// [*SilentError], [*AnswerError], or what run returned.
func Open(ctx context.Context, run Run, o Options) (Activation, error) {
	if o.Port == 0 {
		o.Port = DefaultPort
	}
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	c := &commander{run: run, nodes: nodes(o.Nodes)}
	var s survey
	if err := c.ask(ctx, question{Port: o.Port}, &s); err != nil {
		return Activation{}, fmt.Errorf("looking at the processes of the container: %w", err)
	}
	if s.Platform != linux {
		return Activation{}, &RefusedError{Reason: ReasonPlatform, Detail: s.Platform}
	}
	p, err := choose(s, o.PID)
	if err != nil {
		return Activation{}, err
	}
	if a, ok := s.open(p, o.Port); ok {
		return a, nil
	}
	if err := s.obstacle(p, o.Force); err != nil {
		return Activation{}, err
	}
	return signal(ctx, c, p, o)
}

// signal sends SIGUSR1 and makes of the answer what there is to say.
func signal(ctx context.Context, c *commander, p process, o Options) (Activation, error) {
	var r reply
	q := question{Port: o.Port, PID: p.PID, Start: p.Start, Wait: o.Wait.Milliseconds()}
	if err := c.ask(ctx, q, &r); err != nil {
		// The command may have got as far as the signal.
		return Activation{}, &SilentError{Process: p.public(), Err: err}
	}
	if r.Error == "" {
		return Activation{Process: p.public(), Port: r.Port, NodeVersion: r.Version, Opened: true, Sure: r.Sure}, nil
	}
	if r.Signalled {
		return Activation{}, &SilentError{Process: p.public(), Waited: o.Wait, Ended: r.Error == "ended"}
	}
	refused := &RefusedError{Process: p.public(), Reason: ReasonChanged, Detail: r.Error}
	if r.Error == "EPERM" {
		refused.Reason = ReasonDenied
	}
	return Activation{}, refused
}

// commander runs questions in the container.
type commander struct {
	run   Run
	nodes []string // Node.js binaries to try; the first that answers stays alone
}

// ask puts a question to the first Node.js that answers.
func (c *commander) ask(ctx context.Context, q question, answer any) error {
	var last error
	for _, node := range c.nodes {
		err := c.try(ctx, node, q, answer)
		if err == nil {
			c.nodes = []string{node}
			return nil
		}
		var missing *missingError
		if !errors.As(err, &missing) {
			return err
		}
		last = missing.err
	}
	return &NoNodeError{Tried: c.nodes, Err: last}
}

// missingError says that a path leads to no Node.js.
type missingError struct{ err error }

func (e *missingError) Error() string { return e.err.Error() }

// try asks one Node.js, again if its answer got lost.
func (c *commander) try(ctx context.Context, node string, q question, answer any) error {
	var lost *AnswerError
	for range tries {
		output, code, err := c.run(ctx, command(node, q))
		if err != nil {
			return err
		}
		err = parse(output, answer)
		if err == nil {
			return nil
		}
		lost = &AnswerError{Output: tail(output), Err: err}
		if code == notStarted || isMissing(output) {
			return &missingError{lost}
		}
	}
	return lost
}
