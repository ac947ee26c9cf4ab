package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"
)

// The agent's side of ECS Exec (agent/session/plugins/interactivecommands and agent/session/shell):
// there is no handshake, the command is split by github.com/google/shlex and started on a terminal
// without a shell, its output goes out as it comes, and when the terminal is closed the session is.
// The exit code is not told, and the TerminateSession flag is not understood: only the API ends a
// command.

const (
	// startPause is what the agent waits before it reads a command's output, and failPause before
	// it reports that there is none to read. Only a paced agent takes them.
	startPause = time.Second
	failPause  = 2 * time.Second

	// notStartedOutput is how the agent words a command that it cannot start, with what failed.
	notStartedOutput = "\n----------ERROR-------\nUnable to start command: %s: %v\n"
	parsing          = "Failed to parse commands input"
	starting         = "Failed to start pty"
)

var (
	// errCommandEnded is the ordinary end of a session that ran a command.
	errCommandEnded = errors.New("command ended")
	// errUnclosed is shlex's word for a quote or an escape without its end.
	errUnclosed = errors.New("EOF found when expecting closing quote")
	// errNoTerminal makes the client send again what came before the terminal was there.
	errNoTerminal = errors.New("pty unavailable")
)

// notStartedError is a command that could not be started, in the agent's words.
type notStartedError struct {
	what string // parsing or starting
	err  error
}

func (e *notStartedError) Error() string { return fmt.Sprintf(notStartedOutput, e.what, e.err) }

// terminal is the screen and the keyboard of a running command.
type terminal struct {
	io.ReadWriteCloser        // Close may be called twice
	wait               func() // until the command has ended
	kill               func() // the command and its children
}

// containerNow is the session's container as it is now; the zero Container if it is gone.
func (sess *session) containerNow() Container {
	sess.srv.mu.Lock()
	defer sess.srv.mu.Unlock()
	if c := sess.task.container(sess.container); c != nil {
		return *c
	}
	return Container{}
}

// runCommand runs the session's command until it or the session ends; the error says which.
func (w *worker) runCommand(ctx context.Context) error {
	start := w.sess.containerNow().Exec
	if start == nil {
		return errors.New(execOutput)
	}
	w.sess.connected()
	screen, err := startCommand(start, w.sess.command)
	if err != nil {
		w.pause(ctx, failPause)
		return err
	}
	w.terminal.Store(screen)
	stop := context.AfterFunc(ctx, func() {
		screen.kill()
		_ = screen.Close() // the command's end is all that counts
	})
	defer stop()
	w.pause(ctx, startPause)
	w.show(ctx, screen)
	_ = screen.Close()
	screen.wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return errCommandEnded
}

// startCommand splits a command line and starts it on a terminal.
func startCommand(start func([]string) (*exec.Cmd, error), line string) (*terminal, error) {
	words, err := splitWords(line)
	if err != nil {
		return nil, &notStartedError{what: parsing, err: err}
	}
	cmd, err := start(words)
	if err == nil {
		var screen *terminal
		if screen, err = startOnTerminal(cmd); err == nil {
			return screen, nil
		}
	}
	return nil, &notStartedError{what: starting, err: err}
}

// show sends what a command writes to its terminal until that is closed.
func (w *worker) show(ctx context.Context, screen io.Reader) {
	packet := make([]byte, payloadSize)
	for w.stream.awaitPublication(ctx) == nil {
		n, err := screen.Read(packet)
		w.stream.send(payloadData, packet[:n])
		if err != nil || w.sess.channel.waitRoom(ctx) != nil {
			return
		}
		w.pause(ctx, pace)
	}
}

// typed hands the client's keystrokes to the command.
func (w *worker) typed(keys []byte) error {
	screen := w.terminal.Load()
	if screen == nil {
		return errNoTerminal
	}
	_, err := screen.Write(keys)
	return err
}

// pause waits, if the agent is paced.
func (w *worker) pause(ctx context.Context, d time.Duration) {
	if !w.sess.srv.cfg.Pace {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// splitWords splits a command line as github.com/google/shlex does: blanks part words, single
// quotes take everything literally, in double quotes and outside a backslash takes the next
// character so, and # at the beginning of a word makes the rest of the line a comment.
func splitWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, escaped := false, false
	quote := rune(0)
	comment := false
	for _, r := range line {
		switch {
		case comment:
			comment = r != '\n'
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			inWord, escaped = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			inWord, quote = true, r
		case strings.ContainsRune(" \t\r\n", r):
			if inWord {
				words = append(words, word.String())
				word.Reset()
				inWord = false
			}
		case r == '#' && !inWord:
			comment = true
		default:
			inWord = true
			word.WriteRune(r)
		}
	}
	if quote != 0 || escaped {
		return nil, errUnclosed
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}
