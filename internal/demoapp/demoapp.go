// Package demoapp starts the leaking service of `ecsheap demo`: a small HTTP
// shop on Node.js with a throttler that never lets go of its timers, under a
// load of its own. See leaky.js for the leak.
package demoapp

import (
	"context"
	_ "embed" // the service
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ecsheap/ecsheap/internal/nodeproc"
)

//go:embed leaky.js
var leaky string

// Ready is the text with which the service says that it listens, unlike any line
// of Node.js itself; the address, "127.0.0.1:port", follows.
const Ready = "ready at "

// MinMajor is the oldest major version of Node.js that the demo takes.
const MinMajor = 18

// scriptName is the file name that heap snapshots show for the service's code.
const scriptName = "shop.js"

// readyTimeout bounds the time to fill the heap and listen: about 1 s per
// 200 MB on a slow machine, and nobody demonstrates on more than 2 GB.
const readyTimeout = 60 * time.Second

// Options sizes the service. The zero value is a small one.
type Options struct {
	HeapMB int // data to keep in the heap beside the leak, in MB (10^6 bytes), 0 = about 6
	Rate   int // requests a second, 0 = 250; each leaks about 0.7 KB
	// Stdout and Stderr receive a copy of the output of the service; nil = none.
	Stdout, Stderr io.Writer
}

// App is the running service.
type App struct {
	Inspector string // "127.0.0.1:port"
	Address   string // where the service itself answers, "127.0.0.1:port"
	PID       int
	Version   string // of Node.js, "22.23.3"

	process *nodeproc.Process
	dir     string
}

// VersionError says that the Node.js at hand is too old for the demo.
type VersionError struct {
	Node, Version string
}

// Error names the binary and its version.
func (e *VersionError) Error() string {
	return fmt.Sprintf("%s is Node.js %s, the demo needs %d or newer", e.Node, e.Version, MinMajor)
}

// Hint says what to do.
func (e *VersionError) Hint() string {
	return fmt.Sprintf("install Node.js %d or newer and have it first on PATH", MinMajor)
}

// Script returns the source of the service, for tests that start it themselves.
func Script() string { return leaky }

// Start runs the service on the given node binary, "" = the one on PATH, with
// its inspector open, and returns when it listens. ctx bounds the start alone:
// the service runs until Close, or until this process ends. Errors are
// *nodeproc.StartError, which has a hint, and *VersionError.
func Start(ctx context.Context, node string, o Options) (*App, error) {
	if node == "" {
		node = "node"
	}
	version, err := nodeproc.Version(ctx, node)
	if err != nil {
		return nil, err
	}
	if major, err := nodeproc.Major(version); err != nil || major < MinMajor {
		return nil, &VersionError{Node: node, Version: version}
	}
	a := &App{Version: version}
	if err := a.start(ctx, node, o); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) start(ctx context.Context, node string, o Options) error {
	var err error
	if a.dir, err = os.MkdirTemp("", "ecsheap-demo-"); err != nil {
		return fmt.Errorf("writing the demo service: %w", err)
	}
	file := filepath.Join(a.dir, scriptName)
	if err := os.WriteFile(file, []byte(leaky), 0o600); err != nil {
		return fmt.Errorf("writing the demo service: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	a.process, err = nodeproc.Start(ctx, nodeproc.Command{
		Node: node, File: file, Args: o.arguments(), Dir: a.dir,
		Inspect: true, Stdout: o.Stdout, Stderr: o.Stderr,
	})
	if err != nil {
		return err
	}
	a.PID, a.Inspector = a.process.PID, a.process.Inspector
	line, err := a.process.AwaitLine(ctx, Ready)
	if err != nil {
		return &nodeproc.StartError{Node: node, Output: a.process.Output(), Err: err}
	}
	a.Address = strings.TrimPrefix(line, Ready)
	return nil
}

func (o Options) arguments() []string {
	var args []string
	if o.HeapMB > 0 {
		args = append(args, "--heap-mb="+strconv.Itoa(o.HeapMB))
	}
	if o.Rate > 0 {
		args = append(args, "--rate="+strconv.Itoa(o.Rate))
	}
	return args
}

// Done is closed when the service has ended, by Close or by itself.
func (a *App) Done() <-chan struct{} { return a.process.Done() }

// Output returns the last lines that the service printed.
func (a *App) Output() string { return a.process.Output() }

// Close ends the service, with SIGTERM and then with SIGKILL, and removes its
// file. It returns when the process is gone, and is idempotent.
func (a *App) Close() error {
	var err error
	if a.process != nil {
		err = a.process.Close()
	}
	if a.dir != "" {
		err = errors.Join(err, os.RemoveAll(a.dir))
	}
	if err != nil {
		return fmt.Errorf("ending the demo service: %w", err)
	}
	return nil
}
