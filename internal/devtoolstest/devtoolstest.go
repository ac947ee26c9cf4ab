// Package devtoolstest loads heap snapshots into Chrome DevTools' own heap
// snapshot worker, the judge of whether a file opens in Chrome and of what is
// in it. scripts/devtools.sh installs the worker; a test without it is skipped,
// and fails under CI=true.
package devtoolstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// loadTimeout bounds one run. DevTools takes about 5 s for a file of 100 MB.
const loadTimeout = 5 * time.Minute

// heapLimitMB is the heap of the worker: about six times the largest file of
// the tests.
const heapLimitMB = 4096

// exitMissing is the exit code with which check.mjs says that there is no worker.
const exitMissing = 3

// Report is what DevTools sees in the files of one series, oldest first.
type Report struct {
	Snapshots []Snapshot `json:"snapshots"`
	// Continuity compares each file with the first, one entry a file after it.
	Continuity []Continuity `json:"continuity"`
}

// Snapshot is one file as DevTools sees it. Sizes are bytes.
type Snapshot struct {
	File          string   `json:"file"`
	Nodes         int      `json:"nodes"`
	Edges         int      `json:"edges"`
	TotalSize     int64    `json:"totalSize"`
	MaxJSObjectID int64    `json:"maxJSObjectId"`
	Problems      []string `json:"problems"` // what DevTools reports as a broken snapshot
	Classes       []Class  `json:"classes"`
}

// Class is a row of DevTools' Summary.
type Class struct {
	Name         string `json:"class"`
	Count        int    `json:"count"`
	ShallowSize  int64  `json:"shallowSize"`
	RetainedSize int64  `json:"retainedSize"`
	Distance     int    `json:"distance"`
}

// Continuity says whether object ids mean the same objects in two files.
type Continuity struct {
	From string `json:"from"`
	To   string `json:"to"`
	// CommonIDs counts the ids in both files, SameKind those of them that name
	// an object of the same type and class in both.
	CommonIDs int `json:"commonIds"`
	SameKind  int `json:"sameKind"`
	// Markers counts the objects found in both files by the value of their
	// marker, SameID those of them with the same id in both.
	Markers int `json:"markers"`
	SameID  int `json:"sameId"`
}

// Class returns the row of a class, with ok false when there is none. Of
// several classes with one name it returns the one with the most objects.
func (s Snapshot) Class(name string) (c Class, ok bool) {
	for _, row := range s.Classes {
		if row.Name == name && row.Count >= c.Count {
			c, ok = row, true
		}
	}
	return c, ok
}

// Load has DevTools load the files, which must be whole. The test ends when one
// does not load.
func Load(t testing.TB, files ...string) Report {
	t.Helper()
	return LoadMarked(t, "", files...)
}

// LoadMarked is Load for a series: it also follows the objects of the program
// that have a string property called marker with a value of their own through
// the files, see Continuity.
func LoadMarked(t testing.TB, marker string, files ...string) Report {
	t.Helper()
	report, err := run(t, marker, files)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// run runs check.mjs.
func run(t testing.TB, marker string, files []string) (Report, error) {
	t.Helper()
	node := nodetest.Require(t, "") // the worker needs Node.js 22 or newer
	root, err := nodetest.Root()
	if err != nil {
		return Report{}, err
	}
	args := []string{
		fmt.Sprintf("--max-old-space-size=%d", heapLimitMB),
		filepath.Join(root, "scripts", "devtools", "check.mjs"), "--marker=" + marker,
	}
	ctx, cancel := context.WithTimeout(t.Context(), loadTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append(args, files...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == exitMissing {
		nodetest.Missing(t, "the DevTools worker is not installed", "run scripts/devtools.sh")
	}
	if err != nil {
		return Report{}, fmt.Errorf("loading %s in DevTools: %w: %s", strings.Join(files, ", "), err, strings.TrimSpace(stderr.String()))
	}
	var report Report
	if err := json.Unmarshal(out, &report); err != nil {
		return Report{}, fmt.Errorf("reading what DevTools says: %w", err)
	}
	return report, nil
}
