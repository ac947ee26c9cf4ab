// Package nodetest starts a real Node.js of a wanted version on a fixture app.
//
//	p := nodetest.Start(t, nodetest.Options{Version: "22", Script: nodetest.Quiet(), Inspect: true})
//	before := p.State()
//	… talk to p.Inspector …
//	p.AwaitState(before)
//
// The process ends with the test. A version that is not installed skips the
// test with the command that installs it; under CI=true it fails the test, so
// that a run without the real parts can never look green.
package nodetest

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/nodeproc"
)

// LineTimeout bounds Process.Line: generous, since big fixtures fill their heap
// first and the machines of CI are slow.
const LineTimeout = 60 * time.Second

// stateTimeout and stateTick bound Process.AwaitState: a socket that one side
// closed is gone a few milliseconds later, but nothing tells when.
const (
	stateTimeout = 10 * time.Second
	stateTick    = 10 * time.Millisecond
)

// Options says what to start. The zero value is the newest LTS on an empty program.
type Options struct {
	Version string // major version such as "22", "" = the newest LTS, System = node on PATH
	Script  string // JavaScript source, or
	File    string // a file to run
	// Ready is text of a line of output that Start waits for, "" = do not wait.
	Ready    string
	Args     []string // arguments for the program
	NodeArgs []string // arguments for Node.js itself
	Env      []string // "NAME=value"
	Inspect  bool     // open the inspector on a free port of 127.0.0.1
}

// Process is a running Node.js. It is the *nodeproc.Process with what a test
// needs beside it.
type Process struct {
	*nodeproc.Process
	// Version is exact: "22.23.3".
	Version string
	// Script is the path of the program.
	Script string
	// Dir is the working and temporary directory of the process, its own and
	// empty at the start.
	Dir string

	t testing.TB
}

// Start starts Node.js and, with Ready, waits until the program is ready. The
// test ends when that fails.
func Start(t testing.TB, o Options) *Process {
	t.Helper()
	node := Require(t, o.Version)
	version, err := nodeproc.Version(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	p := &Process{Version: version, Script: o.File, Dir: filepath.Join(home, "work"), t: t}
	if err := os.Mkdir(p.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if p.Script == "" {
		p.Script = filepath.Join(home, "app.js")
		if err := os.WriteFile(p.Script, []byte(o.Script), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if p.Script, err = filepath.Abs(o.File); err != nil {
		t.Fatal(err)
	}
	p.Process, err = nodeproc.Start(t.Context(), nodeproc.Command{
		Node: node, NodeArgs: o.NodeArgs, File: p.Script, Args: o.Args,
		Env: append([]string{"TMPDIR=" + p.Dir}, o.Env...), Dir: p.Dir,
		Inspect: o.Inspect, DieWithParent: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	if o.Ready != "" {
		p.Line(o.Ready)
	}
	return p
}

// Require returns the node binary for a version as Find does, and skips the
// test, or fails it under CI, when it is not installed.
func Require(t testing.TB, version string) string {
	t.Helper()
	node, err := Find(version)
	if err != nil {
		if missing, ok := errors.AsType[*MissingError](err); ok {
			Missing(t, missing.Error(), missing.Hint())
		}
		t.Fatal(err)
	}
	return node
}

// Missing ends a test that needs a part which is not installed: it is skipped,
// and fails under CI=true.
func Missing(t testing.TB, what, hint string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s, and CI=true must have it: %s", what, hint)
	}
	t.Skipf("%s: %s", what, hint)
}

// end is the clean-up. The output is worth reading only when the test failed.
func (p *Process) end() {
	if err := p.Close(); err != nil {
		p.t.Error(err)
	}
	if p.t.Failed() {
		p.t.Logf("output of node %s (pid %d):\n%s", p.Version, p.PID, p.Output())
	}
}

// Line waits until the program has printed a line that contains text, and
// returns it. The test ends when the process does, or after LineTimeout.
func (p *Process) Line(text string) string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), LineTimeout)
	defer cancel()
	line, err := p.AwaitLine(ctx, text)
	if err != nil {
		p.t.Fatal(err)
	}
	return line
}

// State is what an observer can see of a process from outside. Two states are
// compared with Equal.
type State struct {
	Listeners   []string // "127.0.0.1:9229", sorted; TCP only
	Connections []string // "local remote" of TCP connections that are not fully closed, sorted
	Files       []string // open files by path, sorted, " (deleted)" after unlinked ones
	TempFiles   []string // files in its working and temporary directory, sorted
}

// Equal reports whether nothing differs.
func (s State) Equal(other State) bool {
	return slices.Equal(s.Listeners, other.Listeners) && slices.Equal(s.Connections, other.Connections) &&
		slices.Equal(s.Files, other.Files) && slices.Equal(s.TempFiles, other.TempFiles)
}

// State looks at the process. The test is skipped where the system does not
// show what there is to see (anywhere but on Linux), and ends when the process has.
func (p *Process) State() State {
	p.t.Helper()
	s, err := p.state()
	if errors.Is(err, errors.ErrUnsupported) {
		p.t.Skip("the state of a process can be seen on Linux only")
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// AwaitState waits until the process is exactly as it was at want: closed
// sockets take a moment to go. The test ends when they do not.
func (p *Process) AwaitState(want State) {
	p.t.Helper()
	ticker := time.NewTicker(stateTick)
	defer ticker.Stop()
	for deadline := time.Now().Add(stateTimeout); ; {
		got := p.State()
		if got.Equal(want) {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("node (pid %d) is not as it was\nwas %+v\nis  %+v", p.PID, want, got)
		}
		<-ticker.C
	}
}

func (p *Process) state() (State, error) {
	var s State
	var err error
	if s.Listeners, err = Listeners(p.PID); err != nil {
		return s, err
	}
	if s.Connections, err = Connections(p.PID); err != nil {
		return s, err
	}
	if s.Files, err = OpenFiles(p.PID); err != nil {
		return s, err
	}
	s.TempFiles, err = tempFiles(p.Dir)
	return s, err
}

// tempFiles returns every file below dir, relative to it.
func tempFiles(dir string) ([]string, error) {
	files := []string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && path != dir {
			rel, _ := filepath.Rel(dir, path) // path is below dir
			files = append(files, rel)
		}
		return err
	})
	slices.Sort(files)
	return files, err
}
