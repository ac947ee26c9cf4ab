package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/internal/demoapp"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodeproc"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

func TestExplainNode(t *testing.T) {
	_, number := strconv.Atoi("x")
	other := errors.New("the loopback AWS is broken")
	tests := map[string]struct {
		node string
		err  error
		want string
		code int
	}{
		"none on PATH": {"", &nodeproc.StartError{Node: "node", Err: &exec.Error{Name: "node", Err: exec.ErrNotFound}}, "no Node.js on PATH", codeUsage},
		"no file":      {"/nofile", &nodeproc.StartError{Node: "/nofile", Err: fs.ErrNotExist}, "no Node.js at /nofile", codeUsage},
		"no Node.js":   {"true", &nodeproc.StartError{Node: "true", Err: fmt.Errorf("parsing: %w", number)}, "true is no Node.js", codeUsage},
		"not allowed":  {"/file", &nodeproc.StartError{Node: "/file", Err: fs.ErrPermission}, "starting /file: permission denied", codeUsage},
		"too old":      {"", &demoapp.VersionError{Node: "node", Version: "16.0.0"}, "node is Node.js 16.0.0, the demo needs 18 or newer", codeUnexpected},
		"other":        {"", other, other.Error(), codeUnexpected},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := explainNode(tt.node, tt.err)
			if err.Error() != tt.want || exitCode(err) != tt.code {
				t.Errorf("got %v (%d), want %s (%d)", err, exitCode(err), tt.want, tt.code)
			}
			if hint := hintOf(err); (hint == "") != (name == "other") {
				t.Errorf("hint %q", hint)
			}
		})
	}
}

// TestDemoKeepsAWS has the service of a kept demo die: the task must be there to
// look at, as stopped, until the demo is ended.
func TestDemoKeepsAWS(t *testing.T) {
	app, err := demoapp.Start(t.Context(), nodetest.Require(t, nodetest.System), demoapp.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close() })
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	arn := server.AddTask(demoTask(app))
	task := arn[strings.LastIndexByte(arn, '/')+1:]

	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	u := newUI(streams{in: os.Stdin, out: in, err: in})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		d := demo{ui: u, keep: true}
		ended <- d.hold(ctx, server, app, task, stopWith(ctx, app, server, arn))
		u.close()
		in.Close()
	}()
	said := bufio.NewScanner(out)
	await(t, said, "Ctrl-C ends it; until then")
	if err := app.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, said, "warning: the demo's service has ended, and its task is STOPPED")
	await(t, said, "hint: the loopback AWS keeps running")
	target, err := ecs.Find(t.Context(), awsecs.NewFromConfig(demoAWS(server)), ecs.Query{Cluster: demoCluster, Task: task})
	if err != nil {
		t.Fatal(err)
	}
	if reason, stopped := target.Stopped(); !stopped || !strings.Contains(reason, "Essential container") {
		t.Errorf("stopped %t, %q", stopped, reason)
	}
	select {
	case err := <-ended:
		t.Errorf("the demo ended by itself: %v", err)
	default:
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	_, _ = io.Copy(io.Discard, out)
}

// await reads lines up to one with the text.
func await(t *testing.T, lines *bufio.Scanner, text string) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), text) {
			return
		}
	}
	t.Fatalf("no line with %q (%v)", text, lines.Err())
}
