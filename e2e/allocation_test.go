package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// chromeStacks is what scripts/devtools/stacks.mjs prints.
type chromeStacks struct {
	Stacks map[int][]chromeFrame `json:"stacks"`
	Nodes  []int                 `json:"nodes"`
}

// chromeFrame is [function, script, scriptId, line, column], counted from 1.
type chromeFrame [5]any

// someStacks is how many nodes with a stack in a script there must be, or else nothing
// was tracked.
const someStacks = 100

// TestAllocationEqualsChrome compares the allocation stack of every node with that of
// Chrome DevTools' own worker. FULL=1 tries every version of Node.js.
func TestAllocationEqualsChrome(t *testing.T) {
	pins := nodetest.Pins()
	if os.Getenv("FULL") != "1" {
		pins = []nodetest.Pin{pins[0], pins[len(pins)-1]} // both layouts
	}
	tracked := variants()[len(variants())-1]
	for _, pin := range pins {
		t.Run(pin.Major, func(t *testing.T) {
			t.Parallel()
			app := heapApps(t)[0]
			series := takeSeries(t, heapCase{version: pin.Major, app: "app", variant: tracked}, app)
			file := series[len(series)-1]
			chrome := askStacks(t, file)
			s := parseFile(t, file)
			if s.NumNodes() != len(chrome.Nodes) {
				t.Fatalf("%d nodes, Chrome has %d", s.NumNodes(), len(chrome.Nodes))
			}
			with, inScripts := 0, 0
			var differences []string
			for n, trace := range chrome.Nodes {
				want, got := chrome.stack(trace), ourStack(s, heap.Node(n))
				if len(got) > 0 {
					with++
					if s.Allocation(heap.Node(n))[0].Script != "" {
						inScripts++
					}
				}
				if fmt.Sprint(want) != fmt.Sprint(got) {
					differences = append(differences, fmt.Sprintf("node %d: Chrome %v, ours %v", n, want, got))
				}
			}
			showDifferences(t, "allocations", differences)
			if inScripts < someStacks {
				t.Errorf("%d of %d nodes have a stack, %d of them in a script: nothing was tracked", with, len(chrome.Nodes), inScripts)
			}
		})
	}
}

// stack returns the frames of a trace without the root of the tree, which is no
// function.
func (c *chromeStacks) stack(trace int) []string {
	frames := c.Stacks[trace]
	var lines []string
	for _, f := range frames[:max(0, len(frames)-1)] {
		lines = append(lines, fmt.Sprintf("%s %s %v:%v:%v", valid(f[0].(string)), f[1], f[2], f[3], f[4]))
	}
	return lines
}

func ourStack(s *heap.Snapshot, n heap.Node) []string {
	var lines []string
	for _, f := range s.Allocation(n) {
		lines = append(lines, fmt.Sprintf("%s %s %d:%d:%d", f.Function, f.Script, f.ScriptID, f.Line+1, f.Column+1))
	}
	return lines
}

// askStacks runs Chrome's worker over a snapshot.
func askStacks(t *testing.T, file string) *chromeStacks {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), nodetest.Require(t, ""), fmt.Sprintf("--max-old-space-size=%d", oracleHeapMB), "../scripts/devtools/stacks.mjs", file)
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == exitNoWorker {
		nodetest.Missing(t, "the DevTools worker is not installed", "run scripts/devtools.sh")
	}
	var stacks chromeStacks
	if err == nil {
		err = json.Unmarshal(out, &stacks)
	}
	if err != nil {
		t.Fatalf("asking Chrome: %v: %s", err, stderr.String())
	}
	return &stacks
}

// parseFile reads a snapshot.
func parseFile(t *testing.T, name string) *heap.Snapshot {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	s, err := heap.Parse(t.Context(), file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
