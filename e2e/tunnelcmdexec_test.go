package e2e

import (
	"strings"
	"syscall"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// TestTunnelCommandExec runs commands: they know the port, their exit code is that of the
// program, signals reach them, and nothing is left when they end.
func TestTunnelCommandExec(t *testing.T) {
	const reads = `test {port} = "$ECSHEAP_PORT" && echo "port {port}"; `
	tests := map[string]struct {
		command string
		signal  syscall.Signal // sent once it has said so
		code    int
		stdout  string
	}{
		"ends well":     {command: reads + "exit 0", stdout: "port "},
		"fails":         {command: reads + "exit 42", code: 42, stdout: "port "},
		"not found":     {command: "exec no-such-program-anywhere", code: 127},
		"killed":        {command: "kill -9 $$", code: 128 + 9},
		"interrupted":   {command: `trap 'echo got INT; exit 7' INT; echo go; while :; do sleep 0.1; done`, signal: syscall.SIGINT, code: 7, stdout: "got INT"},
		"terminated":    {command: `trap 'echo got TERM; exit 8' TERM; echo go; while :; do sleep 0.1; done`, signal: syscall.SIGTERM, code: 8, stdout: "got TERM"},
		"hung up":       {command: `trap 'echo got HUP; exit 6' HUP; echo go; while :; do sleep 0.1; done`, signal: syscall.SIGHUP, code: 6, stdout: "got HUP"},
		"does not care": {command: `trap '' TERM; echo go; while :; do sleep 0.1; done`, signal: syscall.SIGTERM, code: 128 + 9},
		"goes on":       {command: `trap 'echo got INT' INT; echo go; sleep 1; sleep 1; exit 5`, signal: syscall.SIGINT, code: 5, stdout: "got INT"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
			r := w.start(t, "tunnel", "--cluster", "prod", "--task", taskID, "--local-port", "0", "--port", "7000", "--exec", tt.command)
			if tt.signal != 0 {
				eventually(t, "the command runs", func() bool { return strings.Contains(r.stdout.String(), "go") })
				if err := r.Process.Signal(tt.signal); err != nil {
					t.Fatal(err)
				}
			}
			r.wantCode(t, tt.code)
			if out := r.stdout.String(); !strings.Contains(out, tt.stdout) || strings.Contains(out, "leads to") {
				t.Errorf("stdout %q", out)
			}
			if strings.Contains(r.stderr.String(), "error:") {
				t.Errorf("stderr:\n%s", r.stderr)
			}
			w.wantEnded(t, 1)
		})
	}
}

// TestTunnelCommandExecLost ends the command with the tunnel that it needs.
func TestTunnelCommandExecLost(t *testing.T) {
	t.Parallel()
	w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
	r := w.start(t, "tunnel", "--cluster", "prod", "--task", taskID, "--local-port", "0", "--port", "7000", "--exec", "echo go; sleep 60 & wait")
	eventually(t, "the command runs", func() bool { return strings.Contains(r.stdout.String(), "go") })
	w.StopTask(w.task, "UserInitiated", "Task stopped by user")
	r.wantCode(t, 6)
	r.wantError(t, "was stopped: Task stopped by user")
	w.wantEnded(t, 1)
}

// TestTunnelCommandExecParentDies kills the shell that started it: the command is ended
// with the tunnel, and no session is left.
func TestTunnelCommandExecParentDies(t *testing.T) {
	t.Parallel()
	w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
	shell := w.startCommand(t, "sh", "-c", `"$0" "$@" & wait; true`, program,
		"tunnel", "--cluster", "prod", "--task", taskID, "--port", "7000", "--local-port", "0", "--exec", `trap 'echo got TERM; exit' TERM; echo go; while :; do sleep 0.1; done`)
	eventually(t, "the command runs", func() bool { return strings.Contains(shell.stdout.String(), "go") })
	if err := shell.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session has ended", func() bool { s := w.Sessions(); return len(s) == 1 && !s[0].EndedAt.IsZero() })
	eventually(t, "the command has ended", func() bool { return strings.Contains(shell.stdout.String(), "got TERM") })
}
