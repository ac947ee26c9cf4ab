package e2e

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// measured is one snapshot of a heap of one shape: the vitals before it, and
// what it cost.
type measured struct {
	cell
	shot   int // 1 is the first of its process
	vitals gate.Vitals
	seen   gate.Seen
}

// probed is a process that looks at itself.
type probed struct {
	*nodetest.Process
	vitals gate.Vitals // from the start, with a census
	shots  int
}

// startProbed fills a heap and waits until its objects are counted. prelude is
// JavaScript that runs first.
func startProbed(t testing.TB, node, shape string, megabytes int, prelude string, o nodetest.Options) *probed {
	t.Helper()
	if _, err := os.Stat("/proc/self/clear_refs"); err != nil {
		t.Skip("the peak of a process can be seen on Linux only")
	}
	o.Version, o.Script = node, prelude+nodetest.Shapes()+nodetest.Probe()
	o.NodeArgs = append([]string{"--max-old-space-size=8000"}, o.NodeArgs...) // roomy, where the test does not say another
	o.Args = []string{shape, strconv.Itoa(megabytes)}
	p := &probed{Process: nodetest.Start(t, o)}
	var got struct {
		Live   json.RawMessage
		Vitals gate.Vitals
	}
	text, err := os.ReadFile(strings.TrimPrefix(p.Line(nodetest.ProbeReady), nodetest.ProbeReady))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, string(text), &got)
	census, err := gate.ParseCensus(got.Live)
	if err != nil {
		t.Fatal(err)
	}
	p.vitals = got.Vitals
	p.vitals.Collected, p.vitals.Census = true, &census
	if p.vitals.NodeMajor, err = strconv.Atoi(node); err != nil {
		t.Fatal(err)
	}
	return p
}

func decode(t testing.TB, text string, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), out); err != nil {
		t.Fatalf("%v in %.200s", err, text)
	}
}

// take has the process write a snapshot. It ends in an error when the process
// is killed over it.
func (p *probed) take(ctx context.Context, t testing.TB) (gate.Vitals, gate.Seen, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, takeTimeout)
	defer cancel()
	if err := p.Signal(syscall.SIGUSR2); err != nil {
		return gate.Vitals{}, gate.Seen{}, err
	}
	p.shots++
	word := fmt.Sprintf("took %d ", p.shots)
	line, err := p.AwaitLine(ctx, word)
	if err != nil {
		return gate.Vitals{}, gate.Seen{}, err
	}
	var got struct {
		Vitals gate.Vitals
		Seen   gate.Seen
	}
	decode(t, strings.TrimPrefix(line, word), &got)
	got.Vitals.NodeMajor, got.Vitals.Collected, got.Vitals.Census = p.vitals.NodeMajor, true, p.vitals.Census
	return got.Vitals, got.Seen, nil
}

// takeTimeout bounds one snapshot: old versions freeze for minutes over tables.
const takeTimeout = 5 * time.Minute

// measure fills a heap and takes snapshots of it.
func measure(t *testing.T, c cell, shots int) []measured {
	t.Helper()
	p := startProbed(t, c.node, c.shape, c.megabytes, "", nodetest.Options{})
	var all []measured
	for i := range shots {
		vitals, seen, err := p.take(t.Context(), t)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, measured{cell: c, shot: i + 1, vitals: vitals, seen: seen})
	}
	_ = p.Close() // its memory is for the next
	return all
}

// cell is one point of the matrix of measurements.
type cell struct {
	node, shape string
	megabytes   int
}

// freezes tells cells that no forecast can make useful: large tables take old
// versions minutes (Node.js 20: 1 minute at 300 MB), and all of them 10 GB.
func (c cell) freezes() bool {
	table := slices.Contains([]string{"map", "dictionary", "array"}, c.shape)
	switch {
	case c.node == "18" && c.shape == "dictionary":
		return c.megabytes > 20
	case c.node == "18" && table:
		return c.megabytes > 100
	}
	return table && c.megabytes > 200
}

// forecastCells is every version on some shapes, with FULL=1 the whole matrix,
// and a slice of that with the variables NODES, SHAPES and MB.
func forecastCells(t *testing.T) []cell {
	nodes, shapes, sizes := strings.Fields(os.Getenv("NODES")), strings.Fields(os.Getenv("SHAPES")), strings.Fields(os.Getenv("MB"))
	if full() || len(nodes)+len(shapes)+len(sizes) > 0 {
		shapes = orAll(shapes, append(nodetest.ShapeNames(), "map+strings", "tiny+texts"))
		sizes = orAll(sizes, []string{"15", "60", "120", "250"})
	}
	var m matrix
	if err := m.slice(orAll(nodes, nodeVersions()), orAll(shapes, []string{"mix", "map"}), orAll(sizes, []string{"8"})); err != nil {
		t.Fatal(err)
	}
	return m.cells
}

// TestForecastHolds takes snapshots of real heaps and holds what they cost
// against the forecasts: from bytes alone, from V8's count of objects, and, for
// the second, from the first. MEASURED=file writes the table that gate's own
// tests read.
func TestForecastHolds(t *testing.T) {
	var all []measured
	forecasts, within := 0, 0
	for _, c := range forecastCells(t) {
		t.Run(fmt.Sprintf("node%s/%s/%d", c.node, c.shape, c.megabytes), func(t *testing.T) {
			ms := measure(t, c, 2)
			all = append(all, ms...)
			for i, m := range ms {
				var seen []gate.Seen
				if i > 0 {
					seen = []gate.Seen{ms[0].seen}
				}
				forecasts += 2
				within += wantForecast(t, m, seen)
			}
		})
	}
	if float64(within) < 0.95*float64(forecasts) {
		t.Errorf("%d of %d peaks were within their ranges", within, forecasts)
	}
	if file := os.Getenv("MEASURED"); file != "" {
		writeMeasured(t, file, all)
	}
}

// wantForecast checks the two forecasts of one snapshot, and returns in how many
// the peak was within its range.
func wantForecast(t *testing.T, m measured, seen []gate.Seen) (within int) {
	t.Helper()
	plain := m.vitals
	plain.Census = nil
	for name, v := range map[string]gate.Vitals{"from bytes": plain, "from a census": m.vitals} {
		f := gate.Predict(v, gate.Disk, seen)
		peak := m.seen.RSSPeak
		t.Logf("%s, shot %d: peak %d MB in %d…%d…%d, pause %v in %v…%v…%v, file %d MB in %d…%d", name, m.shot,
			peak/1e6, f.Peak.Low/1e6, f.Peak.Likely/1e6, f.Peak.High/1e6,
			m.seen.Pause.Round(time.Millisecond), f.Pause.Low, f.Pause.Likely, f.Pause.High, m.seen.FileBytes/1e6, f.File.Low/1e6, f.File.High/1e6)
		if over := float64(peak) / float64(f.Peak.High); over > 1.1 {
			t.Errorf("%s, shot %d: peak %d MB is %.2f times the highest forecast of %d MB", name, m.shot, peak/1e6, over, f.Peak.High/1e6)
		}
		if f.Peak.Within(peak) {
			within++
		} else {
			t.Logf("%s, shot %d: OUTSIDE of the range", name, m.shot)
		}
	}
	return within
}

// measuredColumns heads the table; gate's tests read it by these names.
var measuredColumns = []string{
	"node", "shape", "mb", "shot", "rss", "heapUsed", "largeObjects", "objects", "fields", "strings", "nameBytes", "elements", "dictionary", "hashed", "hashedSlots",
	"nodes", "fileBytes", "rssPeak", "rssAfter", "pauseMs",
}

func writeMeasured(t *testing.T, file string, all []measured) {
	t.Helper()
	f, err := os.OpenFile(filepath.Clean(file), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	w := csv.NewWriter(f)
	_ = w.Write(measuredColumns)
	for _, m := range all {
		row := []string{m.node, m.shape}
		c := m.vitals.Census
		for _, n := range []int64{
			int64(m.megabytes), int64(m.shot), m.vitals.RSS, m.vitals.HeapUsed, m.vitals.LargeObjects,
			c.Objects, c.Fields, c.Strings, c.NameBytes, c.Elements, c.Dictionary, c.HashedValues, c.HashedSlots,
			m.seen.Nodes, m.seen.FileBytes, m.seen.RSSPeak, m.seen.RSSAfter, m.seen.Pause.Milliseconds(),
		} {
			row = append(row, strconv.FormatInt(n, 10))
		}
		_ = w.Write(row)
	}
	w.Flush()
	if err := w.Error(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
