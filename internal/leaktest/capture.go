package leaktest

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// keepVariable names a folder in which Capture keeps the snapshots and finds
// them again, for those who look at the same ones a hundred times.
const keepVariable = "LEAKTEST_KEEP"

// driveTimeout bounds one process: five snapshots of the largest heap take ten
// seconds, and many times that on a busy machine.
const driveTimeout = 3 * time.Minute

// driven is what the driver prints when all steps are done.
const driven = "driven"

// warmUp is how many intervals' load a process has served before its first
// snapshot.
const warmUp = 1

// defaultShots is what "allocated between two, alive in the third" needs.
const defaultShots = 3

// Plan is how an app is observed. The zero value is three snapshots with the
// load of the app before each.
type Plan struct {
	Shots int // snapshots, 0 = 3
	Load  int // requests between two of them, 0 = App.Load
	// Restart is after how many snapshots another process takes the place of the
	// first, 0 = never: object ids do not continue there.
	Restart int
}

// Capture runs the app on a Node.js of the version, which is as for
// nodetest.Options, and returns the snapshot files, oldest first. They are gone
// with the test, unless the environment variable LEAKTEST_KEEP names a folder to
// keep them in.
func Capture(t testing.TB, version string, app App, p Plan) []string {
	t.Helper()
	node := nodetest.Require(t, version)
	p = p.filled(app)
	s := series{t: t, version: version, app: app, load: p.Load, dir: t.TempDir()}
	if keep := os.Getenv(keepVariable); keep != "" {
		s.dir = filepath.Join(keep, p.folder(node, version, app))
		if files, ok := kept(s.dir, p.Shots); ok {
			return files
		}
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if p.Restart > 0 {
		return append(s.drive(1, p.Restart), s.drive(p.Restart+1, p.Shots)...)
	}
	return s.drive(1, p.Shots)
}

// filled returns the plan with what the zero values stand for.
func (p Plan) filled(app App) Plan {
	if p.Shots <= 0 {
		p.Shots = defaultShots
	}
	if p.Load <= 0 {
		p.Load = app.Load
	}
	if p.Restart >= p.Shots {
		p.Restart = 0
	}
	return p
}

// folder names what is kept. It differs with everything that the snapshots
// depend on; the path of the node binary has the exact version in it.
func (p Plan) folder(node, version string, app App) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%+v", driver, app.Source(), node, p))
	return fmt.Sprintf("%s-node%s-%dshots-%x", app.Name, version, p.Shots, sum[:4])
}

// kept returns the snapshots of an earlier run.
func kept(dir string, shots int) ([]string, bool) {
	var files []string
	for n := 1; n <= shots; n++ {
		file := filepath.Join(dir, snapshotName(n))
		if _, err := os.Stat(file); err != nil {
			return nil, false
		}
		files = append(files, file)
	}
	return files, true
}

// unfinished is at the end of the name of a snapshot that may not be whole.
const unfinished = ".tmp"

func snapshotName(n int) string { return "s" + strconv.Itoa(n) + ".heapsnapshot" }

// series is what the processes of a capture have in common.
type series struct {
	t       testing.TB
	version string
	app     App
	load    int    // requests
	dir     string // of the snapshots
}

// drive runs one process that takes the snapshots from first to last. They get
// their names when all are there: what has its name is whole.
func (s series) drive(first, last int) []string {
	s.t.Helper()
	args := []string{"load", strconv.Itoa(warmUp * s.load)}
	var files []string
	for n := first; n <= last; n++ {
		file := filepath.Join(s.dir, snapshotName(n))
		files = append(files, file)
		args = append(args, "load", strconv.Itoa(s.load), "snap", file+unfinished)
	}
	s.run(args)
	for _, file := range files {
		if err := os.Chmod(file+unfinished, 0o600); err != nil {
			s.t.Fatal(err)
		}
		if err := os.Rename(file+unfinished, file); err != nil {
			s.t.Fatal(err)
		}
	}
	return files
}

// run runs the app with the steps of the driver, to the end.
func (s series) run(steps []string) {
	s.t.Helper()
	home := s.t.TempDir()
	preload, program := filepath.Join(home, "driver.js"), filepath.Join(home, s.app.File())
	for file, source := range map[string]string{preload: driver, program: s.app.Source()} {
		if err := os.WriteFile(file, []byte(source), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	node := nodetest.Start(s.t, nodetest.Options{Version: s.version, File: program, NodeArgs: []string{"--require", preload}, Args: steps})
	ctx, cancel := context.WithTimeout(s.t.Context(), driveTimeout)
	defer cancel()
	if _, err := node.AwaitLine(ctx, driven); err != nil {
		s.t.Fatalf("driving %s: %v", s.app.Name, err)
	}
	if err := node.Close(); err != nil {
		s.t.Fatal(err)
	}
}
