package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

const (
	// peerLimit bounds one run: memlab takes two minutes for 2 GB.
	peerLimit = 15 * time.Minute

	// peerHeapMB is the limit of V8's heap for the peers: more than any of them
	// needs, since most of their memory is in typed arrays.
	peerHeapMB = 16000

	// peerRounds is how often each reads each file unless ROUNDS says otherwise.
	peerRounds = 3
)

// peer is a program that reads a snapshot and prints JSON with "nodes".
type peer struct {
	name string
	args []string // the file comes behind them
	env  []string
}

// figures are the best of several runs.
type figures struct {
	wall  time.Duration
	rss   int64 // bytes
	nodes int
	err   error
}

// BenchmarkHeapPeers reads snapshots with ecsheap, with Chrome's own worker and
// with memlab, one after the other in each round so that all meet the same
// machine, and prints the best of the rounds. scripts/bench-heap.sh runs it:
// HEAPS names the files, ROUNDS the rounds.
func BenchmarkHeapPeers(b *testing.B) {
	files := strings.Fields(os.Getenv("HEAPS"))
	if len(files) == 0 {
		b.Skip("no files in HEAPS: run scripts/bench-heap.sh")
	}
	rounds := peerRounds
	if text := os.Getenv("ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			b.Fatalf("ROUNDS is %q", text)
		}
	}
	all := peers(b)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "file\tMB\tM nodes\treader\twall s\tpeak MB\tx wall\tx peak\t")
	for b.Loop() {
		for _, file := range files {
			best := make([]figures, len(all))
			for round := range rounds {
				for i, p := range all {
					best[i] = better(best[i], p.run(b.Context(), file), round == 0)
				}
			}
			printPeers(b, table, file, all, best)
		}
	}
	table.Flush()
}

// peers returns the readers that are installed, ours first.
func peers(b *testing.B) []peer {
	b.Helper()
	node := nodetest.Require(b, "")
	tools, err := nodetest.Tools()
	if err != nil {
		b.Fatal(err)
	}
	heap := fmt.Sprintf("--max-old-space-size=%d", peerHeapMB)
	all := []peer{
		{name: "ecsheap", args: []string{program, "summary", "--output", "json"}},
		{name: "Chrome", args: []string{node, heap, "../scripts/devtools/summary.mjs"}},
	}
	modules := filepath.Join(tools, "memlab", "node_modules")
	if _, err := os.Stat(modules); err != nil {
		b.Logf("memlab is not installed: run scripts/bench-heap.sh")
		return all
	}
	return append(all, peer{name: "memlab", args: []string{node, heap, "../scripts/heap/memlab.cjs"}, env: []string{"NODE_PATH=" + modules}})
}

// run reads a file once.
func (p peer) run(ctx context.Context, file string) figures {
	ctx, cancel := context.WithTimeout(ctx, peerLimit)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, p.args[0], append(p.args[1:len(p.args):len(p.args)], file)...)
	cmd.Env = append(os.Environ(), p.env...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	f := figures{wall: time.Since(began)}
	var summary struct {
		Nodes int `json:"nodes"`
	}
	if err == nil {
		err = json.Unmarshal(stdout.Bytes(), &summary)
	}
	if err != nil {
		f.err = fmt.Errorf("%w: %.200s", err, reason(stderr.String()))
		return f
	}
	f.nodes, f.rss = summary.Nodes, peakRSS(cmd.ProcessState)
	return f
}

// reason finds the line of stderr that says why: the first that names an error.
func reason(stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	for _, line := range lines {
		if strings.Contains(strings.ToLower(line), "error") {
			return line
		}
	}
	return lines[len(lines)-1]
}

// peakRSS returns the most memory that an ended process had, in bytes.
func peakRSS(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "linux" {
		return usage.Maxrss * 1024 // Linux counts in KiB, the BSDs in bytes
	}
	return usage.Maxrss
}

// better keeps the least of two runs, and any error.
func better(a, b figures, first bool) figures {
	switch {
	case first || b.err != nil:
		return b
	case a.err != nil:
		return a
	}
	return figures{wall: min(a.wall, b.wall), rss: min(a.rss, b.rss), nodes: b.nodes}
}

// printPeers adds a file to the table, and fails when the readers disagree.
func printPeers(b *testing.B, table *tabwriter.Writer, file string, all []peer, best []figures) {
	b.Helper()
	size := int64(0)
	if info, err := os.Stat(file); err == nil {
		size = info.Size()
	}
	name := strings.TrimSuffix(filepath.Base(file), ".heapsnapshot")
	ours := best[0]
	for i, p := range all {
		f := best[i]
		if f.err != nil {
			fmt.Fprintf(table, "%s\t%.0f\t\t%s\tfails\t\t\t\t\n", name, float64(size)/1e6, p.name)
			b.Logf("%s: %s: %v", name, p.name, f.err)
			continue
		}
		if ours.err == nil && f.nodes != ours.nodes {
			b.Errorf("%s: ecsheap has %d nodes, %s %d", name, ours.nodes, p.name, f.nodes)
		}
		fmt.Fprintf(table, "%s\t%.0f\t%.1f\t%s\t%.2f\t%.0f\t%s\t%s\t\n", name, float64(size)/1e6, float64(f.nodes)/1e6, p.name,
			f.wall.Seconds(), float64(f.rss)/1e6, ratio(f.wall.Seconds(), ours.wall.Seconds()), ratio(float64(f.rss), float64(ours.rss)))
	}
	if ours.err != nil {
		b.Errorf("%s: %v", name, ours.err)
	}
}

// ratio says how many times ours a figure is.
func ratio(theirs, ours float64) string {
	if r := theirs / ours; !math.IsInf(r, 0) && !math.IsNaN(r) {
		return fmt.Sprintf("%.1f", r)
	}
	return "-"
}
