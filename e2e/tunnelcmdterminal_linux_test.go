package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// terminal is the program on a terminal of its own.
type terminal struct {
	*run
	keyboard *os.File // closing it closes the window
	screen   *output
}

// onTerminal starts the program at a pseudo-terminal (pty(7)).
func (w *world) onTerminal(t *testing.T, args ...string) *terminal {
	t.Helper()
	return w.onTerminalOf(t, "xterm", args...)
}

// onTerminalOf starts it at one of a kind that TERM names.
func (w *world) onTerminalOf(t *testing.T, kind string, args ...string) *terminal {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		nodetest.Missing(t, "no pseudo-terminals here", err.Error())
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	var n int
	raw, err := keyboard.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var ptyErr error
	if err := raw.Control(func(fd uintptr) {
		if ptyErr = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); ptyErr == nil {
			n, ptyErr = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || ptyErr != nil {
		t.Fatal(err, ptyErr)
	}
	side, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer side.Close()
	screen := &output{}
	r := &run{Cmd: exec.Command(program, args...), stdout: screen, stderr: screen}
	r.Dir, r.Stdin, r.Stdout, r.Stderr = w.dir, side, side, side
	r.Env = append(os.Environ(), append(w.Env(), "TERM="+kind)...)
	r.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.ProcessState == nil {
			_ = r.Process.Kill()
			_ = r.Wait()
		}
	})
	go func() { _, _ = io.Copy(screen, keyboard) }()
	return &terminal{run: r, keyboard: keyboard, screen: screen}
}

func (c *terminal) shows(t *testing.T, text string) {
	t.Helper()
	eventually(t, "it shows "+text, func() bool { return strings.Contains(c.screen.String(), text) })
}

func (c *terminal) press(t *testing.T, keys string) {
	t.Helper()
	if _, err := c.keyboard.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

const ctrlC = "\x03"

// TestTunnelCommandTerminal looks at the live line, and ends it with Ctrl-C or with
// the window.
func TestTunnelCommandTerminal(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"Ctrl-C", "window"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
			c := w.onTerminal(t, "tunnel", "--cluster", "prod", "--task", taskID, "--port", "7000", "--local-port", "0")
			c.shows(t, "0 connections open, 0 so far, 0 B in, 0 B out")
			if way == "window" {
				if err := c.keyboard.Close(); err != nil {
					t.Fatal(err)
				}
				c.wantCode(t, 130)
			} else {
				c.press(t, ctrlC)
				c.wantCode(t, 130)
				c.shows(t, "closed the session")
			}
			w.wantEnded(t, 1)
		})
	}
}

// TestTunnelCommandExecTerminal has Ctrl-C reach the command once, which goes on and
// can be typed at.
func TestTunnelCommandExecTerminal(t *testing.T) {
	t.Parallel()
	w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
	c := w.onTerminal(t, "tunnel", "--cluster", "prod", "--task", taskID, "--port", "7000", "--local-port", "0",
		"--exec", `trap 'echo INT-$((n=n+1))' INT; echo "go-$((1))"; read a; read b; echo "typed-$a-$b"; exit 9`)
	c.shows(t, "go-1")
	c.press(t, ctrlC)
	c.shows(t, "INT-1")
	c.press(t, "one\n")
	c.press(t, "two\n")
	c.shows(t, "typed-")
	c.wantCode(t, 9)
	if text := c.screen.String(); strings.Contains(text, "INT-2") {
		t.Errorf("the command was interrupted twice:\n%s", text)
	}
	w.wantEnded(t, 1)
}
