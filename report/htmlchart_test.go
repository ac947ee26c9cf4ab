package report

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

func chartOf(info Info, shots ...leak.Snapshot) (*memoryView, []momentData) {
	p := &pageMaker{Report: New(info, &leak.Diagnosis{Snapshots: shots}, nil)}
	return p.memoryView()
}

func TestChartFallsBack(t *testing.T) {
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	samples := []Sample{{At: at(0), RSS: 50e6, HeapUsed: 20e6}, {At: at(5), RSS: 60e6, HeapUsed: 30e6}}
	for _, test := range []struct {
		name  string
		info  Info
		shots []leak.Snapshot
		want  string // lines, ticks, shots; "" = no chart
	}{
		{"nothing", Info{}, nil, ""},
		{"one snapshot", Info{}, []leak.Snapshot{{At: noon, Total: 9}}, ""},
		{"two at one time", Info{}, []leak.Snapshot{{At: noon, Total: 9}, {At: noon, Total: 9}}, ""},
		{"one snapshot among samples", Info{Samples: samples}, []leak.Snapshot{{At: at(1), Total: 22e6}}, "rss used, 5 ticks, 1 shots"},
		{"samples alone", Info{Samples: samples}, nil, "rss used, 5 ticks, 0 shots"},
		{"no times", Info{Samples: samples}, []leak.Snapshot{{Total: 5}, {Total: 6}, {Total: 7}}, "used, 0 ticks, 3 shots"},
		{"no samples", Info{}, []leak.Snapshot{{At: at(0), Total: 5}, {At: at(1), Total: 6}}, "used, 5 ticks, 2 shots"},
		{"times of the shots", Info{Shots: []Shot{{At: at(0), RSS: 7}, {At: at(3), RSS: 8}}}, []leak.Snapshot{{Total: 5}, {Total: 6}}, "rss used, 5 ticks, 2 shots"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v, data := chartOf(test.info, test.shots...)
			got := ""
			if v != nil {
				var lines []string
				for _, l := range v.Lines {
					lines = append(lines, l.Class)
				}
				got = fmt.Sprintf("%s, %d ticks, %d shots", strings.Join(lines, " "), len(v.Ticks), len(v.Shots))
			}
			if got != test.want || (v == nil) != (len(data) == 0) || data == nil {
				t.Errorf("got %q and %d moments, want %q", got, len(data), test.want)
			}
		})
	}
}

func TestChartShowsTheLimitIfItIsNear(t *testing.T) {
	shots := []leak.Snapshot{{At: noon, Total: 90e6}, {At: noon.Add(time.Hour), Total: 100e6}}
	v, _ := chartOf(Info{MemoryLimit: 256e6}, shots...)
	if v.Limit == nil || v.Limit.Text != "memory limit 256.0 MB" || v.Limit.Y < chartTop || v.Limit.Y > chartHeight || v.Far != "" {
		t.Errorf("the near limit is %+v, %q", v.Limit, v.Far)
	}
	v, _ = chartOf(Info{MemoryLimit: 2e9}, shots...)
	if v.Limit != nil || v.Far != "2.0 GB" {
		t.Errorf("the far limit is %+v, %q", v.Limit, v.Far)
	}
}

func TestChartThinsOut(t *testing.T) {
	info := Info{}
	for i := range 10_000 {
		s := Sample{At: noon.Add(time.Duration(i) * time.Second), RSS: 100e6}
		if i == 7777 {
			s.RSS = 300e6 // what one must see
		}
		info.Samples = append(info.Samples, s)
	}
	v, data := chartOf(info, leak.Snapshot{At: noon.Add(time.Minute), Total: 1}, leak.Snapshot{At: noon.Add(time.Hour), Total: 1})
	if len(data) > shownMoments+2 {
		t.Errorf("%d moments are drawn", len(data))
	}
	var peak int64
	for _, m := range data {
		peak = max(peak, m.RSS)
	}
	if peak != 300e6 || len(v.Shots) != 2 {
		t.Errorf("the peak is %d and there are %d shots", peak, len(v.Shots))
	}
}

func TestGridStepIsRound(t *testing.T) {
	for top, want := range map[int64]float64{1: 0.25, 100: 25, 256e6: 100e6, 390e6: 100e6, 41e6: 20e6, 8e9: 2e9} {
		if got := gridStep(top); math.Abs(got-want) > 1e-9*want {
			t.Errorf("lines up to %d are %g apart, want %g", top, got, want)
		}
	}
}

func TestSpark(t *testing.T) {
	if spark([]int{5}) != nil || spark([]int{-1, -1}) != nil {
		t.Error("there is a line through fewer than two points")
	}
	s := spark([]int64{-1, 10, 20})
	if s == nil || !s.Grows || !strings.HasPrefix(s.Line, "M36 ") || s.X != sparkWidth-sparkMargin || s.Y != sparkMargin {
		t.Errorf("got %+v", s)
	}
	many := make([]int, 5000)
	many[4999] = 7
	if s := spark(many); strings.Count(s.Line, "L") != sparkPoints-1 || !s.Grows {
		t.Errorf("many values give the line %q", s.Line)
	}
	if s := spark([]int{1000, 1001}); s.Grows {
		t.Error("noise has the colour of growth")
	}
}

func TestSurvivorsOfTwoClassesOfOneNameAreUnknown(t *testing.T) {
	grown := func(class string) leak.Growth {
		return leak.Growth{Class: class, Counts: []int{1, 2}, Shallow: []int64{1, 2}, Retained: []int64{1, 2}}
	}
	d := &leak.Diagnosis{
		Snapshots: make([]leak.Snapshot, 2), Between: []heap.Class{{Name: "A", Count: 5}, {Name: "B", Count: 6}},
		Classes: []leak.Growth{grown("A"), grown("B"), grown("B"), grown("C")},
	}
	p := &pageMaker{Report: New(Info{}, d, nil)}
	got := ""
	for _, row := range p.classesView().Rows {
		got += row.Class + row.Survived.Text + " "
	}
	if want := "A5 B– B– C0 "; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRelevantRows(t *testing.T) {
	var all []leak.Growth
	for i := range 1000 {
		all = append(all, leak.Growth{Shallow: []int64{0, int64(i % 7)}, Retained: []int64{0, 1}})
	}
	all[500].Retained = []int64{0, 1e9} // holds most
	all[600].Shallow = []int64{0, 1e6}  // grows most
	all[700].Shallow = []int64{5e5, 0}  // shrinks most
	order := relevant(all, true)
	if len(order) != shownRows || order[0] != 600 || order[len(order)-1] != 700 {
		t.Fatalf("%d rows from %d to %d", len(order), order[0], order[len(order)-1])
	}
	seen := map[int]bool{}
	for _, i := range order {
		if seen[i] {
			t.Errorf("row %d is there twice", i)
		}
		seen[i] = true
	}
	if !seen[500] {
		t.Error("the class that holds most is left out")
	}
	if order := relevant(all, false); order[0] != 500 || len(order) != shownRows {
		t.Errorf("without a series, %d rows begin with %d", len(order), order[0])
	}
}
