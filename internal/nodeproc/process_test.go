package nodeproc

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// forever keeps a program alive until its stdin ends.
const forever = `process.stdin.on('end', () => process.exit(0)).resume();`

// start runs source on the node of this machine.
func start(t *testing.T, source string, change func(*Command)) (*Process, error) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("CI needs node on PATH")
		}
		t.Skip("no node on PATH")
	}
	file := filepath.Join(t.TempDir(), "app.js")
	if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Command{Node: node, File: file, DieWithParent: true}
	if change != nil {
		change(&c)
	}
	p, err := Start(t.Context(), c)
	if err == nil {
		t.Cleanup(func() { p.Close() })
	}
	return p, err
}

func mustStart(t *testing.T, source string, change func(*Command)) *Process {
	t.Helper()
	p, err := start(t, source, change)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// limited bounds a wait that should end at once.
func limited(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestStartTellsWhereTheInspectorIs(t *testing.T) {
	p := mustStart(t, forever, func(c *Command) { c.Inspect = true })
	conn, err := net.Dial("tcp", p.Inspector)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if host, _, _ := net.SplitHostPort(p.Inspector); host != "127.0.0.1" {
		t.Errorf("inspector at %s, want 127.0.0.1 alone", p.Inspector)
	}
}

func TestStartWithoutInspector(t *testing.T) {
	t.Setenv("NODE_OPTIONS", "--inspect=127.0.0.1:0") // a developer's own
	p := mustStart(t, `console.log('up'); `+forever, nil)
	if _, err := p.AwaitLine(limited(t), "up"); err != nil {
		t.Fatal(err)
	}
	if p.Inspector != "" || strings.Contains(p.Output(), "Debugger listening") {
		t.Errorf("inspector %q is open; output:\n%s", p.Inspector, p.Output())
	}
}

func TestArgumentsEnvironmentAndCopies(t *testing.T) {
	var stdout, stderr strings.Builder
	p := mustStart(t, `
		console.log('argv', ...process.argv.slice(2), process.execArgv.join());
		console.error('env', process.env.GREETING, process.cwd());`,
		func(c *Command) {
			c.NodeArgs = []string{"--expose-gc"}
			c.Args = []string{"--one", "two"}
			c.Env = []string{"GREETING=hello"}
			c.Dir = "/"
			c.Stdout, c.Stderr = &stdout, &stderr
		})
	if err := p.Wait(limited(t)); err != nil {
		t.Fatal(err)
	}
	if got, want := stdout.String(), "argv --one two --expose-gc\n"; got != want {
		t.Errorf("stdout %q, want %q", got, want)
	}
	if got, want := stderr.String(), "env hello /\n"; got != want {
		t.Errorf("stderr %q, want %q", got, want)
	}
}

func TestStartErrors(t *testing.T) {
	t.Run("no such program on PATH", func(t *testing.T) {
		_, err := Start(t.Context(), Command{Node: "no-such-node-here"})
		se, ok := errors.AsType[*StartError](err)
		if !ok || !strings.Contains(se.Hint(), "install Node.js") {
			t.Errorf("got %v, want a *StartError with a hint", err)
		}
	})
	t.Run("no such file", func(t *testing.T) {
		_, err := Start(t.Context(), Command{Node: "/nonexistent/node"})
		if se, ok := errors.AsType[*StartError](err); !ok || !errors.Is(err, fs.ErrNotExist) || se.Hint() != "" {
			t.Errorf("got %v, want a *StartError for a missing file", err)
		}
	})
	t.Run("ends before the inspector", func(t *testing.T) {
		_, err := start(t, forever, func(c *Command) {
			c.Inspect = true
			c.NodeArgs = []string{"--no-such-option-of-node"}
		})
		se, ok := errors.AsType[*StartError](err)
		if !ok || !errors.Is(err, ErrEnded) || !strings.Contains(err.Error(), "no-such-option-of-node") {
			t.Fatalf("got %v, want what node said", err)
		}
		if se.Output == "" {
			t.Error("the output is lost")
		}
	})
	t.Run("context", func(t *testing.T) {
		stop := errors.New("stop")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(stop)
		p := mustStart(t, forever, nil)
		if _, err := p.AwaitLine(ctx, "never printed"); !errors.Is(err, stop) {
			t.Errorf("AwaitLine: %v, want the cause", err)
		}
		if err := p.Wait(ctx); !errors.Is(err, stop) {
			t.Errorf("Wait: %v, want the cause", err)
		}
	})
}

func TestAwaitLineOfAnEndedProcess(t *testing.T) {
	p := mustStart(t, `console.log('first'); process.stdout.write('no line end'); process.exitCode = 3`, nil)
	exit, ok := errors.AsType[*exec.ExitError](p.Wait(limited(t)))
	if !ok || exit.ExitCode() != 3 {
		t.Errorf("exit error %v, want code 3", exit)
	}
	for _, text := range []string{"irst", "no line"} {
		if _, err := p.AwaitLine(limited(t), text); err != nil {
			t.Error(err)
		}
	}
	if _, err := p.AwaitLine(limited(t), "second"); !errors.Is(err, ErrEnded) {
		t.Errorf("got %v, want ErrEnded", err)
	}
	if got, want := p.Output(), "first\nno line end\n"; got != want {
		t.Errorf("output %q, want %q", got, want)
	}
}

func TestClose(t *testing.T) {
	tests := []struct {
		name, source string
	}{
		{"obeys SIGTERM", forever},
		{"ignores SIGTERM", `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000);`},
		{"is stuck", `setImmediate(() => { for (;;); });`},
		{"has ended", ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := mustStart(t, `console.log('up');`+tt.source, nil)
			if _, err := p.AwaitLine(limited(t), "up"); err != nil {
				t.Fatal(err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			select {
			case <-p.Done():
			default:
				t.Error("Close returned before the process was gone")
			}
			if err := p.Signal(os.Interrupt); !errors.Is(err, os.ErrProcessDone) {
				t.Errorf("signal after the end: %v, want ErrProcessDone", err)
			}
			if err := p.Close(); err != nil {
				t.Errorf("second Close: %v", err)
			}
			if err := p.Kill(); err != nil {
				t.Errorf("Kill after the end: %v", err)
			}
		})
	}
}

// TestCloseWithAChildThatHoldsThePipe would never end without pipeGrace.
func TestCloseWithAChildThatHoldsThePipe(t *testing.T) {
	p := mustStart(t, `
		const {spawn} = require('child_process');
		const idle = "setInterval(() => {}, 1000)";
		console.log('child ' + spawn(process.execPath, ['-e', idle], {stdio: ['ignore', 'inherit', 'inherit']}).pid);`, nil)
	line, err := p.AwaitLine(limited(t), "child ")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimPrefix(line, "child "))
	if err != nil {
		t.Fatal(err)
	}
	child, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Kill() })
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// TestStdinEndsWithUs checks the portable way in which a program learns that
// this process is gone.
func TestStdinEndsWithUs(t *testing.T) {
	p := mustStart(t, `console.log('up');`+forever, nil)
	if _, err := p.AwaitLine(limited(t), "up"); err != nil {
		t.Fatal(err)
	}
	p.stdin.Close() // what the kernel does for a dead process
	if err := p.Wait(limited(t)); err != nil {
		t.Errorf("ended with %v, want exit code 0", err)
	}
}

func TestLines(t *testing.T) {
	tests := []struct {
		name   string
		writes []string
		want   []string
	}{
		{"whole lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"cut in the middle", []string{"ab", "c\nd", "e\n"}, []string{"abc", "de"}},
		{"carriage returns", []string{"a\r\nb\r\n"}, []string{"a", "b"}},
		{"empty lines", []string{"\n\n"}, []string{"", ""}},
		{"no end", []string{"a\nb"}, []string{"a", "b"}},
		{"endless line", []string{strings.Repeat("x", maxLine), "y\n"}, []string{strings.Repeat("x", maxLine), "y"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := newLines()
			s := l.stream()
			for _, w := range tt.writes {
				if n, err := s.Write([]byte(w)); n != len(w) || err != nil {
					t.Fatalf("Write = %d, %v", n, err)
				}
			}
			l.end()
			if !slices.Equal(l.kept, tt.want) {
				t.Errorf("got %q, want %q", l.kept, tt.want)
			}
		})
	}
}

func TestLinesForgetTheOldest(t *testing.T) {
	l := newLines()
	s := l.stream()
	line := strings.Repeat("x", 1023) + "\n"
	for range 2 * MaxOutput / len(line) {
		_, _ = s.Write([]byte(line))
	}
	_, _ = s.Write([]byte("last\n"))
	if got := len(l.text()); got > MaxOutput || got < MaxOutput-len(line) {
		t.Errorf("%d bytes kept, want nearly %d", got, MaxOutput)
	}
	if line, err := l.await(t.Context(), "last"); line != "last" || err != nil {
		t.Errorf("await = %q, %v", line, err)
	}
}

// TestLinesAwaitSeesEveryLine has the awaited line come and be forgotten at
// any moment of the wait.
func TestLinesAwaitSeesEveryLine(t *testing.T) {
	for range 100 {
		l := newLines()
		s := l.stream()
		var wg sync.WaitGroup
		wg.Go(func() {
			for range 50 {
				_, _ = s.Write([]byte("noise\n"))
			}
			_, _ = s.Write([]byte("signal\n"))
			l.end()
		})
		if line, err := l.await(limited(t), "signal"); line != "signal" {
			t.Fatalf("await = %q, %v", line, err)
		}
		wg.Wait()
	}
}

func TestParseInspector(t *testing.T) {
	tests := []struct {
		line, want string
		fails      bool
	}{
		{line: "Debugger listening on ws://127.0.0.1:9229/0f2c936f-b1cd-4ac9-aab3-f63b0f33d55e", want: "127.0.0.1:9229"},
		{line: "[worker] Debugger listening on ws://[::1]:40001/x\r", want: "[::1]:40001"},
		{line: "Debugger listening on ws://127.0.0.1/x", fails: true},
		{line: "Debugger listening on ws://:9229/x", fails: true},
		{line: "Debugger attached.", fails: true},
		{line: "", fails: true},
	}
	for _, tt := range tests {
		got, err := ParseInspector(tt.line)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("ParseInspector(%q) = %q, %v; want %q, fails %t", tt.line, got, err, tt.want, tt.fails)
		}
	}
}

func FuzzParseInspector(f *testing.F) {
	f.Add("Debugger listening on ws://127.0.0.1:9229/0f2c936f")
	f.Add("Debugger listening on ws://[::1]:1/")
	f.Add("x")
	f.Fuzz(func(t *testing.T, line string) {
		addr, err := ParseInspector(line)
		if err != nil {
			return
		}
		host, port, err := net.SplitHostPort(addr)
		if err != nil || host == "" || port == "" {
			t.Errorf("ParseInspector(%q) = %q, which is no address: %v", line, addr, err)
		}
	})
}

func TestVersion(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("no node on PATH")
	}
	version, err := Version(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	if major, err := Major(version); err != nil || major < 8 || major > 99 {
		t.Errorf("Version = %q, major %d, %v", version, major, err)
	}
	if _, err := Version(t.Context(), "/bin/echo"); err == nil {
		t.Error("/bin/echo passed as Node.js")
	}
}

func TestMajor(t *testing.T) {
	for version, want := range map[string]int{"22.23.3": 22, "v18.0.0": 18, "26": 26, "": -1, "v": -1, "x.1": -1, "-1.2": -1} {
		got, err := Major(version)
		if want < 0 && err == nil || want >= 0 && (got != want || err != nil) {
			t.Errorf("Major(%q) = %d, %v; want %d", version, got, err, want)
		}
	}
}
