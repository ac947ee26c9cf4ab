package e2e

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// seriesLength is how many snapshots are taken of each app: the least that
// "allocated between two, alive in the third" needs.
const seriesLength = 3

// variant is a way to take snapshots.
type variant struct {
	name  string
	take  heapprofiler.TakeHeapSnapshotParams
	track bool // of the allocations
}

func variants() []variant {
	yes := true
	return []variant{
		{name: "plain"},
		{name: "internals", take: heapprofiler.TakeHeapSnapshotParams{ExposeInternals: &yes}},
		{name: "numbers", take: heapprofiler.TakeHeapSnapshotParams{CaptureNumericValue: &yes}},
		{name: "tracked", track: true},
	}
}

// heapCase is one series of snapshots.
type heapCase struct {
	version, app string
	variant      variant
	nodeArgs     []string
}

func (c heapCase) String() string { return c.version + "/" + c.app + "/" + c.variant.name }

// heapCases is every app on every version of Node.js, and each variant on every
// version. A short list has each app and each version at least once, and the
// variants on the newest version alone.
func heapCases(versions, apps []string, full bool) []heapCase {
	all := variants()
	plain, special := all[0], all[1:]
	var cases []heapCase
	if !full {
		for i := range max(len(apps), len(versions)) {
			cases = append(cases, heapCase{version: versions[i%len(versions)], app: apps[i%len(apps)], variant: plain})
		}
		newest := len(versions) - 1
		for j, v := range special {
			cases = append(cases, heapCase{version: versions[newest], app: apps[(newest+j)%len(apps)], variant: v})
		}
		return cases
	}
	for i, version := range versions {
		for _, app := range apps {
			cases = append(cases, heapCase{version: version, app: app, variant: plain})
		}
		for j, v := range special {
			cases = append(cases, heapCase{version: version, app: apps[(i+j)%len(apps)], variant: v})
		}
	}
	return cases
}

// heapApps returns the files of the programs.
func heapApps(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../internal/heaptest/apps/*.?js")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d apps, %v", len(files), err)
	}
	return files
}

func TestHeapCases(t *testing.T) {
	versions, apps := []string{"14", "16", "18", "20"}, []string{"a", "b", "c", "d", "e", "f", "g"}
	for full, want := range map[bool]int{false: 7 + 3, true: 4 * (7 + 3)} {
		cases := heapCases(versions, apps, full)
		seen := map[string]bool{}
		for _, c := range cases {
			seen[c.version], seen[c.app], seen[c.variant.name] = true, true, true
		}
		if len(cases) != want || len(seen) != len(versions)+len(apps)+4 {
			t.Errorf("full %v: %d cases with %d different parts", full, len(cases), len(seen))
		}
	}
}

// TestHeapEqualsChrome takes series of snapshots of real programs and compares
// all that the program says of them with what Chrome DevTools' own worker says,
// with no tolerance. FULL=1 tries every program on every version of Node.js.
func TestHeapEqualsChrome(t *testing.T) {
	var versions, names []string
	for _, pin := range nodetest.Pins() {
		versions = append(versions, pin.Major)
	}
	files := map[string]string{}
	for _, file := range heapApps(t) {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		names = append(names, name)
		files[name] = file
	}
	for _, c := range heapCases(versions, names, os.Getenv("FULL") == "1") {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			series := takeSeries(t, c, files[c.app])
			chrome := askChrome(t, series)
			for i := range series {
				chrome.compareNodes(t, i)
				chrome.compareSummary(t, i)
				chrome.compareAnswers(t, i)
			}
			chrome.compareDiffs(t)
			chrome.compareBetween(t)
		})
	}
}

// takeSeries runs an app and takes its snapshots, all in one inspector session.
func takeSeries(t *testing.T, c heapCase, app string) []string {
	t.Helper()
	app, err := filepath.Abs(app)
	if err != nil {
		t.Fatal(err)
	}
	p := nodetest.Start(t, nodetest.Options{
		Version: c.version, File: "../internal/heaptest/run.cjs", Args: []string{app}, NodeArgs: c.nodeArgs, Ready: "ready", Inspect: true,
	})
	conn, err := cdp.Dial(t.Context(), func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", p.Inspector)
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(conn.Call(t.Context(), heapprofiler.CommandEnable, nil, nil))
	if c.variant.track {
		yes := true
		must(conn.Call(t.Context(), heapprofiler.CommandStartTrackingHeapObjects, heapprofiler.StartTrackingHeapObjectsParams{TrackAllocations: &yes}, nil))
	}
	dir := t.TempDir()
	var series []string
	for n := 1; n <= seriesLength; n++ {
		must(step(t.Context(), conn, n))
		file := filepath.Join(dir, fmt.Sprintf("s%d.heapsnapshot", n))
		must(takeSnapshot(t.Context(), conn, c.variant.take, file))
		series = append(series, file)
	}
	return series
}

// step has the app add to its heap.
func step(ctx context.Context, conn *cdp.Conn, n int) error {
	yes := true
	var result struct {
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	params := runtime.EvaluateParams{Expression: fmt.Sprintf("Promise.resolve(step(%d)).then(() => {})", n), AwaitPromise: &yes}
	if err := conn.Call(ctx, runtime.CommandEvaluate, params, &result); err != nil {
		return err
	}
	if result.Exception != nil {
		return errors.New(result.Exception.Text + " " + result.Exception.Exception.Description)
	}
	return nil
}

// takeSnapshot is for the options that Conn.HeapSnapshot does not have.
func takeSnapshot(ctx context.Context, conn *cdp.Conn, params heapprofiler.TakeHeapSnapshotParams, file string) error {
	out, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	chunks, cancel := conn.Subscribe("HeapProfiler.addHeapSnapshotChunk")
	answered, written := make(chan struct{}), make(chan error, 1)
	go func() { written <- writeChunks(out, chunks, answered) }()
	err = conn.Call(ctx, heapprofiler.CommandTakeHeapSnapshot, params, nil)
	cancel()
	close(answered)
	return errors.Join(err, <-written, out.Close())
}

// writeChunks writes until the command is answered and what came before is written.
func writeChunks(out *os.File, chunks <-chan jsonv2.Value, answered <-chan struct{}) error {
	var failed error
	write := func(event jsonv2.Value) {
		var chunk struct {
			Chunk string `json:"chunk"`
		}
		err := jsonv2.Unmarshal(event, &chunk)
		if err == nil {
			_, err = out.WriteString(chunk.Chunk)
		}
		if failed == nil {
			failed = err
		}
	}
	for {
		select {
		case event := <-chunks:
			write(event)
			continue
		case <-answered:
		}
		for len(chunks) > 0 {
			write(<-chunks)
		}
		return failed
	}
}

// rows makes a comparable list: what is in it, in an order of its own.
func rows[T any](all []T, text func(T) string) []string {
	lines := make([]string, len(all))
	for i, row := range all {
		lines[i] = text(row)
	}
	slices.Sort(lines)
	return lines
}
