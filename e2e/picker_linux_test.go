package e2e

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

const (
	arrowDown = "\x1b[B"
	arrowUp   = "\x1b[A"
	escapeKey = "\x1b"
	enter     = "\r"
)

// fleet is an AWS with so many tasks of one service, the first of which is the
// oldest; their ids begin with their number.
func fleet(t *testing.T, n int) *world {
	t.Helper()
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	for i := range n {
		server.AddTask(fakeaws.Task{
			Cluster: "prod", Service: "api", ID: fmt.Sprintf("%04d%028x", i, i), Exec: true, StartedAt: time.Now().Add(-time.Duration(n-i) * time.Hour),
			Containers: []fakeaws.Container{{Name: "api", Essential: true, Command: []string{"node", "main.js"}}},
		})
	}
	return &world{Server: server, dir: t.TempDir()}
}

// modes are the settings of the terminal that a raw one has differently.
func (c *terminal) modes(t *testing.T) unix.Termios {
	t.Helper()
	raw, err := c.keyboard.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var modes *unix.Termios
	if controlErr := raw.Control(func(fd uintptr) { modes, err = unix.IoctlGetTermios(int(fd), unix.TCGETS) }); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	return *modes
}

// wantRestored checks that the terminal is as it was: echo, lines, signals, and the
// cursor, which is shown last.
func (c *terminal) wantRestored(t *testing.T) {
	t.Helper()
	if modes := c.modes(t); modes.Lflag&unix.ECHO == 0 || modes.Lflag&unix.ICANON == 0 || modes.Lflag&unix.ISIG == 0 || modes.Oflag&unix.OPOST == 0 {
		t.Errorf("the terminal is left raw: %+v", modes)
	}
	eventually(t, "the cursor is shown", func() bool {
		text := c.screen.String()
		return strings.LastIndex(text, "\x1b[?25h") > strings.LastIndex(text, "\x1b[?25l")
	})
}

func TestPickerChooses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		keys []string
		want string // beginning of the id
	}{
		"the first":    {[]string{enter}, "0000"},
		"arrows":       {[]string{arrowDown + arrowDown + "\x1bOB", arrowUp, enter}, "0002"},
		"the last":     {[]string{"\x1b[F", enter}, "0249"},
		"filter":       {[]string{"0", "17", "7\x7f", "3", enter}, "0173"},
		"split arrow":  {[]string{"\x1b", "[B", enter}, "0001"},
		"page and one": {[]string{"\x1b[6~", arrowDown, enter}, "0021"},
	}
	w := fleet(t, 250)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := w.onTerminal(t, "check", "--cluster", "prod", "--service", "api")
			c.resize(t, 100, 40)
			c.shows(t, "Which task?")
			c.shows(t, "1-20 of 250")
			for _, keys := range tt.keys {
				c.press(t, keys)
			}
			c.shows(t, "prod/api/"+tt.want)
			c.wantCode(t, 0)
			c.wantRestored(t)
		})
	}
}

// resize is what the window manager does.
func (c *terminal) resize(t *testing.T, columns, lines int) {
	t.Helper()
	raw, err := c.keyboard.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if controlErr := raw.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Col: uint16(columns), Row: uint16(lines)})
	}); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
}

// TestPickerLeaves: every way out restores the terminal, opens nothing, and is 130.
func TestPickerLeaves(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*testing.T, *terminal){
		"Esc":     func(t *testing.T, c *terminal) { c.press(t, escapeKey) },
		"Ctrl-C":  func(t *testing.T, c *terminal) { c.press(t, ctrlC) },
		"Ctrl-\\": func(t *testing.T, c *terminal) { c.press(t, "\x1c") },
		"SIGINT":  func(t *testing.T, c *terminal) { c.signal(t, syscall.SIGINT) },
		"SIGTERM": func(t *testing.T, c *terminal) { c.signal(t, syscall.SIGTERM) },
		"SIGHUP":  func(t *testing.T, c *terminal) { c.signal(t, syscall.SIGHUP) },
		"SIGQUIT": func(t *testing.T, c *terminal) { c.signal(t, syscall.SIGQUIT) },
	}
	w := fleet(t, 3)
	for name, leave := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := w.onTerminal(t, "snapshot", "--cluster", "prod", "--service", "api")
			c.shows(t, "3 of 3")
			if modes := c.modes(t); modes.Lflag&unix.ECHO != 0 {
				t.Error("what is typed is echoed")
			}
			leave(t, c)
			c.wantCode(t, 130)
			c.wantRestored(t)
		})
	}
	t.Run("window", func(t *testing.T) {
		t.Parallel()
		c := w.onTerminal(t, "check", "--cluster", "prod", "--service", "api")
		c.shows(t, "3 of 3")
		if err := c.keyboard.Close(); err != nil {
			t.Fatal(err)
		}
		c.wantCode(t, 130)
	})
}

func (c *terminal) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := c.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// TestPickerAsks: for the cluster, for a task that nobody named, for the container.
func TestPickerAsks(t *testing.T) {
	t.Parallel()
	w := fleet(t, 1)
	w.AddTask(fakeaws.Task{
		Cluster: "other", Service: "pair", ID: taskID, Exec: true,
		Containers: []fakeaws.Container{{Name: "front", Essential: true, Command: []string{"node"}}, {Name: "back", Essential: true, Command: []string{"node"}}},
	})
	c := w.onTerminal(t, "check")
	c.shows(t, "Which cluster?")
	c.press(t, "oth"+enter)
	c.shows(t, "Which task?")
	c.press(t, enter)
	c.shows(t, "Which container?")
	c.press(t, arrowDown+enter)
	c.shows(t, "other/pair/"+taskID+"/back")
	c.wantCode(t, 0)
	c.wantRestored(t)
}

// TestPickerDumb: where it cannot be drawn nobody is asked.
func TestPickerDumb(t *testing.T) {
	t.Parallel()
	w := fleet(t, 2)
	c := w.onTerminalOf(t, "dumb", "check", "--cluster", "prod", "--service", "api")
	c.shows(t, "2 tasks fit")
	c.wantCode(t, 4)
	if text := c.screen.String(); strings.Contains(text, "\x1b") {
		t.Errorf("a dumb terminal got %q", text)
	}
}

// TestPickerNotForAll: with --all there is nothing to choose, on a terminal neither.
func TestPickerNotForAll(t *testing.T) {
	t.Parallel()
	w := fleet(t, 2)
	w.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "pair", ID: taskID, Exec: true,
		Containers: []fakeaws.Container{{Name: "front", Essential: true, Command: []string{"node"}}, {Name: "back", Essential: true, Command: []string{"node"}}},
	})
	c := w.onTerminal(t, "check", "--cluster", "prod", "--all")
	c.shows(t, "2 containers fit")
	c.wantCode(t, 4)
	if text := c.screen.String(); strings.Contains(text, "Which") {
		t.Errorf("it asks:\n%s", text)
	}
}

// TestPickerNarrow: no line is wider than the window, and one that gets narrower is
// drawn anew.
func TestPickerNarrow(t *testing.T) {
	t.Parallel()
	w := fleet(t, 250)
	c := w.onTerminal(t, "check", "--cluster", "prod", "--service", "api")
	c.resize(t, 40, 12)
	c.shows(t, "1-8 of 250")
	before := len(c.screen.String())
	c.resize(t, 60, 20)
	eventually(t, "it draws anew", func() bool { return strings.Contains(c.screen.String()[before:], "1-16 of 250") })
	c.press(t, escapeKey)
	c.wantCode(t, 130)
}
