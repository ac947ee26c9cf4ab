package activate

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// shell is a Run by a shell of this machine, where another agent than that of
// ECS would use one.
func shell(env ...string) Run {
	return func(ctx context.Context, command string) (string, int, error) {
		cmd := exec.CommandContext(ctx, "sh", "-c", command)
		cmd.Env = append(os.Environ(), env...)
		out, _ := cmd.CombinedOutput() // a failed command is one without an answer
		return string(out), cmd.ProcessState.ExitCode(), nil
	}
}

// look runs the script of a version of Node.js on this machine.
func look(t *testing.T, version string, env ...string) survey {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("the script looks at /proc")
	}
	var s survey
	c := &commander{run: shell(env...), nodes: []string{nodetest.Require(t, version)}}
	if err := c.ask(t.Context(), question{Port: DefaultPort}, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestScript has every version of Node.js see a process as it is.
func TestScript(t *testing.T) {
	for _, version := range nodetest.Versions() {
		t.Run("node"+version, func(t *testing.T) {
			p := nodetest.Start(t, nodetest.Options{
				Version: version, Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true,
				NodeArgs: []string{"--no-warnings", "--heapsnapshot-signal=SIGUSR2"}, Args: []string{"--password=secret"},
			})
			s := look(t, version, "NODE_OPTIONS=--inspect=9444 --title secret")
			i := slices.IndexFunc(s.Processes, func(each process) bool { return each.PID == p.PID })
			if i < 0 {
				t.Fatalf("process %d is not among %d", p.PID, len(s.Processes))
			}
			got := s.Processes[i]
			if !got.isNode() || !got.Same || !got.Caught || got.Blocked || got.Ignored || got.Mentions || !got.Seen || got.Script != p.Script || got.Start == "" || got.Parent != os.Getpid() {
				t.Errorf("process %+v", got)
			}
			if want := []string{"--inspect=127.0.0.1:0", "--no-warnings", "--heapsnapshot-signal=SIGUSR2"}; !slices.Equal(got.Options, want) {
				t.Errorf("options %q, want %q", got.Options, want)
			}
			if want := []string{"--inspect=9444", "--title"}; !slices.Equal(s.Options, want) {
				t.Errorf("options of the environment %q, want %q", s.Options, want)
			}
			if s.Platform != linux || s.Self == 0 || slices.ContainsFunc(s.Ports, func(each port) bool { return slices.Contains(each.PIDs, s.Self) }) {
				t.Errorf("the script is process %d on %s with ports %+v", s.Self, s.Platform, s.Ports)
			}
			if !slices.ContainsFunc(s.Ports, func(each port) bool { return slices.Equal(each.PIDs, []int{p.PID}) }) {
				t.Errorf("no port of %d in %+v", p.PID, s.Ports)
			}
		})
	}
}

// TestScriptKeepsSecrets looks for the arguments of processes in what is told.
func TestScriptKeepsSecrets(t *testing.T) {
	p := nodetest.Start(t, nodetest.Options{
		Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Args: []string{"argument-secret"},
		NodeArgs: []string{"--title", "one two three title-secret", "--conditions=option-secret", "--conditions", "word-secret"}, Env: []string{"X=env-secret"},
	})
	eval := nodetest.Start(t, nodetest.Options{Script: forever, NodeArgs: []string{"-r", filepath.Join(filepath.Dir(p.Script), "app.js"), "--"}})
	var output string
	run := func(ctx context.Context, command string) (string, int, error) {
		out, code, err := shell("X=own-secret", "NODE_OPTIONS=--conditions=own-secret")(ctx, command)
		output = out
		return out, code, err
	}
	var s survey
	c := &commander{run: run, nodes: []string{nodetest.Require(t, "")}}
	if err := c.ask(t.Context(), question{Port: DefaultPort}, &s); err != nil {
		t.Fatal(err)
	}
	for _, each := range s.Processes {
		if each.PID != p.PID && each.PID != eval.PID {
			continue // of others on this machine
		}
		for _, text := range slices.Concat([]string{each.Argv0, each.Script, each.Name}, each.Options, each.Threads, s.Options) {
			if strings.Contains(text, "secret") {
				t.Errorf("process %d tells %q", each.PID, text)
			}
		}
	}
	if strings.Contains(output, "own-secret") {
		t.Errorf("the output tells the environment: %s", output)
	}
}

const forever = `process.stdin.on('end', () => process.exit(0)).resume();`

// TestCloseExpressionOfClosed evaluates it where there is nothing to close.
func TestCloseExpressionOfClosed(t *testing.T) {
	for _, version := range nodetest.Versions() {
		out, err := exec.CommandContext(t.Context(), nodetest.Require(t, version), "-p", CloseExpression()).CombinedOutput()
		if err != nil {
			t.Fatalf("node%s: %v: %s", version, err, out)
		}
		got, err := ParseClosing(string(out))
		if err != nil || got.Closing || !strings.Contains(got.Why, "not open") {
			t.Errorf("node%s: %+v, %v", version, got, err)
		}
	}
}
