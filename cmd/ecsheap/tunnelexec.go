package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

const (
	// portPlaceholder and portVariable are how the command of --exec learns the local
	// port.
	portPlaceholder = "{port}"
	portVariable    = "ECSHEAP_PORT"

	// commandGrace is how long a command may take to end after SIGTERM or SIGHUP, or
	// after the tunnel was lost, before it is killed. Docker and others give us ten
	// seconds for all.
	commandGrace = 5 * time.Second

	// shellKilled is what shells add to a signal's number for an exit code.
	shellKilled = 128
)

// commandError is that the command of --exec did not end with code 0. It has said
// itself why: its code becomes that of the program, without a word of ours.
type commandError struct{ code int }

func (e *commandError) Error() string {
	return fmt.Sprintf("the command ended with exit code %d", e.code)
}

// command is the command of --exec.
type command struct {
	text    string
	port    int
	signals <-chan os.Signal
	// shared says that the command shares a terminal with us, which sends it the
	// signals of the keyboard itself.
	shared bool
}

// catchSignals has the signals that would end the program sent to a command in
// their place.
func catchSignals() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 8)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			signal.Notify(c, s)
		}
	}
	return c, func() { signal.Stop(c) }
}

// run runs the command to its end and returns errFinished, or a *commandError. When
// ctx ends, the command is ended.
func (c command) run(ctx context.Context, u *ui) error {
	port := strconv.Itoa(c.port)
	cmd := shell(strings.ReplaceAll(c.text, portPlaceholder, port))
	cmd.Stdout, cmd.Stderr = u.out, u.err
	if u.in != nil {
		cmd.Stdin = u.in
	}
	cmd.Env = append(os.Environ(), portVariable+"="+port)
	if !c.shared {
		ownGroup(cmd)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the shell for --exec: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	return c.follow(ctx, cmd, ended)
}

// follow passes signals on until the command has ended.
func (c command) follow(ctx context.Context, cmd *exec.Cmd, ended <-chan error) error {
	var kill <-chan time.Time
	gone := ctx.Done()
	for {
		select {
		case err := <-ended:
			return commandEnd(err)
		case s := <-c.signals:
			if s != os.Interrupt { // a debugger takes Ctrl-C for something else than the end
				kill = time.After(commandGrace)
			}
			if !c.shared || s != os.Interrupt {
				sendTo(cmd, !c.shared, s)
			}
		case <-gone:
			gone = nil
			sendTo(cmd, !c.shared, syscall.SIGTERM)
			kill = time.After(commandGrace)
		case <-kill:
			sendTo(cmd, !c.shared, os.Kill)
		}
	}
}

// commandEnd is the end of the command as an error.
func commandEnd(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return errFinished
	case !errors.As(err, &exit):
		return fmt.Errorf("waiting for the command of --exec: %w", err)
	case exit.ExitCode() >= 0:
		return &commandError{code: exit.ExitCode()}
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &commandError{code: shellKilled + int(status.Signal())}
	}
	return &commandError{code: codeUnexpected}
}

// onTerminal tells whether the command can be typed at.
func onTerminal(u *ui) bool { return u.in != nil && term.IsTerminal(int(u.in.Fd())) }
