// Command ecsheap finds memory leaks in Node.js services on AWS ECS, from a
// laptop, without a redeploy.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(run(os.Args, streams{os.Stdin, os.Stdout, os.Stderr})) }

// streams are the program's standard streams.
type streams struct{ in, out, err *os.File }

// run is the whole program but for os.Exit, so that every defer has run when
// the process ends: sessions at AWS are ended by them.
func run(args []string, std streams) int {
	if len(args) > 1 && args[1] == completeCommand {
		complete(std.out, args[2:])
		return 0
	}
	ctx, stop := interruptible(context.Background())
	defer stop()
	ui := newUI(std)
	err := runApp(ctx, ui, args)
	ui.close()
	return ui.exit(err)
}

// runApp runs the command. A panic becomes an error, after the defers of the
// command have ended what they opened.
func runApp(ctx context.Context, ui *ui, args []string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = newPanicError(r)
		}
	}()
	return newApp(ui).RunContext(ctx, args)
}

// interruptible returns a context that the first signal cancels, so that the
// program cleans up. A second Ctrl-C or SIGTERM kills, as their handler is gone by then. A
// second hang-up does not: a window that closes sends two of them at once, one to the
// leader of the session and one to the group in the foreground, and the shell
// and systemd-logind may add more. Nobody means the second one.
func interruptible(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	ends, hangUps := make(chan os.Signal, 1), make(chan os.Signal, 1)
	for s, c := range map[os.Signal]chan os.Signal{os.Interrupt: ends, syscall.SIGTERM: ends, syscall.SIGHUP: hangUps} {
		if !signal.Ignored(s) { // nohup, or a shell's background job
			signal.Notify(c, s)
		}
	}
	// Once somebody listens for SIGPIPE, writing to a closed pipe is an error
	// like others; it would kill the process, with a session open.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	go func() {
		var s os.Signal
		select {
		case s = <-ends:
		case s = <-hangUps:
		case <-ctx.Done():
			return
		}
		signal.Stop(ends)
		cancel(&interruptedError{signal: s})
	}()
	return ctx, func() { signal.Stop(ends); cancel(nil) }
}

// interruptedError is the cause of a context that a signal cancelled.
type interruptedError struct{ signal os.Signal }

func (e *interruptedError) Error() string { return fmt.Sprintf("stopped by a signal (%s)", e.signal) }
