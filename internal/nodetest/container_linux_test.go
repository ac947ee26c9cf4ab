package nodetest

import (
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// inside runs a command in a container and returns what it wrote.
func inside(t *testing.T, c *Container, words ...string) string {
	t.Helper()
	cmd, err := c.Exec(words)
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%q: %v: %s", words, err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestContainersAreApart has two containers use the same pids and ports.
func TestContainersAreApart(t *testing.T) {
	const program = `require('net').createServer((c) => c.end(process.argv[2])).listen(8080, '127.0.0.1', () => console.log('up as ' + process.pid));
		process.stdin.on('end', () => process.exit(0)).resume();`
	for _, name := range []string{"one", "two"} {
		c := StartContainer(t, ContainerOptions{Script: program, Args: []string{name}, Ready: "up as 1", Env: []string{"WHO=" + name}})
		before := c.State(1)
		conn, err := c.Dial(t.Context(), 8080)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil || string(got) != name {
			t.Errorf("port 8080 of %s says %q, %v", name, got, err)
		}
		_ = conn.Close()
		c.AwaitState(1, before)
		if _, err := c.Dial(t.Context(), 8081); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a port where nothing listens: %v", err)
		}
		if got := inside(t, c, "node", "-p", "process.env.WHO + ' ' + require('fs').readFileSync('/proc/1/cmdline', 'utf8').split('\\0')[2]"); got != name+" "+name {
			t.Errorf("in %s: %q", name, got)
		}
		if pids := c.PIDs(); len(pids) != 1 || pids[1] == 0 {
			t.Errorf("processes %v, want pid 1 alone", pids)
		}
	}
}

func TestContainerOfAnotherKind(t *testing.T) {
	const program = `console.log('up as ' + process.pid + ' of ' + process.getuid()); process.stdin.on('end', () => process.exit(0)).resume();`
	c := StartContainer(t, ContainerOptions{Script: program, Init: true, NoShell: true, User: 1000, Ready: " of 1000"})
	if line := c.Line("up as"); strings.HasPrefix(line, "up as 1 ") {
		t.Errorf("%q below an init", line)
	}
	if _, err := c.Exec([]string{"sh"}); err == nil || !strings.Contains(err.Error(), "executable file not found in $PATH") {
		t.Errorf("a shell on PATH: %v", err)
	}
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	if cmd, err := c.Exec([]string{sh, "-c", "echo shell"}); err == nil {
		if out, err := cmd.CombinedOutput(); err == nil {
			t.Errorf("a shell runs: %s", out)
		}
	}
	if got := inside(t, c, c.Node, "-p", "process.getuid()"); got != "0" {
		t.Errorf("commands run as %s, want root", got)
	}
}
