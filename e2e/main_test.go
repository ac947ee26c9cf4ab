// Package e2e runs the program as a user does, against the loopback AWS and a
// real Node.js.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// program is the path of the built ecsheap.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "ecsheap-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	program = filepath.Join(dir, "ecsheap")
	build := exec.Command("go", "build", "-o", program, "../cmd/ecsheap")
	build.Stderr = os.Stderr
	code := 1
	if err := build.Run(); err == nil {
		code = m.Run()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

const taskID = "0123456789abcdef0123456789abcdef"

// world is a loopback AWS whose one task is a real Node.js.
type world struct {
	*fakeaws.Server
	task string // ARN
	node *nodetest.Process
	dir  string // working directory of the program
}

func newWorld(t *testing.T, cfg fakeaws.Config, node *nodetest.Process) *world {
	t.Helper()
	server, err := fakeaws.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	task := server.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "api", ID: taskID, Exec: true, Tags: map[string]string{"ecsheap": "allowed"},
		Containers: []fakeaws.Container{{
			Name: "api", Essential: true, Command: []string{"node", "--inspect", "main.js"}, ImageDigest: "sha256:" + strings.Repeat("ab", 32),
			Ports: map[int]string{9229: node.Inspector},
		}},
	})
	return &world{Server: server, task: task, node: node, dir: t.TempDir()}
}

// bulk starts a Node.js whose snapshot has about so many MB.
func bulk(t *testing.T, version string, megabytes int) *nodetest.Process {
	t.Helper()
	return nodetest.Start(t, nodetest.Options{
		Version: version, Script: nodetest.Bulk(), Args: []string{fmt.Sprint(megabytes)}, Ready: nodetest.BulkReady, Inspect: true,
	})
}

// run is a finished or running program.
type run struct {
	*exec.Cmd
	stdout, stderr *output
}

// output collects what the program prints, and may be read meanwhile.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs the program with the environment of the world.
func (w *world) start(t *testing.T, args ...string) *run {
	t.Helper()
	return w.startCommand(t, program, args...)
}

func (w *world) startCommand(t *testing.T, name string, args ...string) *run {
	t.Helper()
	r := &run{Cmd: exec.Command(name, args...), stdout: &output{}, stderr: &output{}}
	r.Dir, r.Stdout, r.Stderr = w.dir, r.stdout, r.stderr
	r.Env = append(os.Environ(), w.Env()...)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.ProcessState == nil {
			_ = r.Process.Kill()
			_ = r.Wait()
		}
	})
	return r
}

// code waits for the program's end and returns its exit code, -1 for a signal.
func (r *run) code(t *testing.T) int {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- r.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
	case <-time.After(3 * time.Minute):
		_ = r.Process.Kill()
		t.Fatalf("the program does not end:\n%s", r.stderr)
	}
	return r.ProcessState.ExitCode()
}

// wantCode ends the test when the program does not exit with the code.
func (r *run) wantCode(t *testing.T, want int) {
	t.Helper()
	if got := r.code(t); got != want {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", got, want, r.stdout, r.stderr)
	}
}

// wantError checks the one line of the error and that of the hint.
func (r *run) wantError(t *testing.T, parts ...string) {
	t.Helper()
	text := r.stderr.String()
	for _, part := range append([]string{"ecsheap: error: ", "ecsheap: hint: "}, parts...) {
		if !strings.Contains(text, part) {
			t.Errorf("no %q on stderr:\n%s", part, text)
		}
	}
	if n := strings.Count(text, "ecsheap: error: "); n != 1 {
		t.Errorf("%d error lines on stderr:\n%s", n, text)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain until %s", what)
		}
	}
}

// receiving waits until the first bytes of a snapshot are on disk.
func (w *world) receiving(t *testing.T, dir, name string) {
	t.Helper()
	path := filepath.Join(w.dir, dir, name+".heapsnapshot.tmp")
	eventually(t, name+" is being received", func() bool {
		info, err := os.Stat(path)
		return err == nil && info.Size() > 0
	})
}

// wantEnded checks that no session was left open.
func (w *world) wantEnded(t *testing.T, sessions int) {
	t.Helper()
	all := w.Sessions()
	if len(all) != sessions {
		t.Errorf("%d sessions, want %d", len(all), sessions)
	}
	for _, s := range all {
		if s.EndedAt.IsZero() {
			t.Errorf("session %s was left open", s.ID)
		}
	}
}

// wantWhole checks that every file with a final name is a whole snapshot, as
// an ordinary JSON parser sees it, that no half file is left, and that nobody
// else may read them. It returns how many snapshots there are.
func (w *world) wantWhole(t *testing.T, dir string) int {
	t.Helper()
	root := filepath.Join(w.dir, dir)
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(root, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(e.Name(), ".tmp") {
			t.Errorf("%s was left behind", e.Name())
			continue
		}
		if info, err := e.Info(); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v, %v", e.Name(), info.Mode(), err)
		}
		if ext := filepath.Ext(e.Name()); ext == ".html" || ext == ".txt" {
			continue // reports
		}
		documents := [][]byte{data}
		if filepath.Ext(e.Name()) == ".jsonl" {
			documents = bytes.Split(bytes.TrimSpace(data), []byte("\n"))
		}
		for _, document := range documents {
			if !json.Valid(document) {
				t.Errorf("%s is no whole JSON", e.Name())
			}
		}
		if strings.HasSuffix(e.Name(), ".heapsnapshot") {
			n++
		}
	}
	if info, err := os.Stat(root); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("%s: mode %v, %v", dir, info.Mode(), err)
	}
	return n
}
