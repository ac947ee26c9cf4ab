package e2e

import (
	"slices"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/leaktest"
)

// What is here looks at the corpus of leaks without package leak: what is to be
// found must be there to be found, and what is called healthy must be.

// wantGrowth checks, without package leak, that what the corpus names as the
// accumulation points grows as it says.
func wantGrowth(t *testing.T, app leaktest.App, shots []*heap.Snapshot) {
	t.Helper()
	if !app.Leaks {
		return
	}
	points := app.Also
	if len(points) == 0 {
		points = []leaktest.Want{app.Want}
	}
	var held, totals []int64
	for _, s := range shots {
		sum := int64(0)
		for _, w := range points {
			sum += retainedBy(s, w)
		}
		held, totals = append(held, sum), append(totals, s.Total()-s.Statistics().Code)
	}
	if !explains(held, totals) {
		t.Errorf("the corpus is wrong: %s hold %d bytes of heaps of %d, code aside", points, held, totals)
	}
}

// explains reports whether something holds more from snapshot to snapshot, and
// at least half of what the heap, code aside, grows by in all.
func explains(held, totals []int64) bool {
	last := len(held) - 1
	for i := range last {
		if held[i+1] <= held[i] {
			return false
		}
	}
	return 2*(held[last]-held[0]) >= totals[last]-totals[0]
}

func TestExplains(t *testing.T) {
	tests := []struct {
		held, totals []int64
		want         bool
	}{
		{[]int64{10, 20, 30}, []int64{100, 120, 140}, true},
		{[]int64{10, 20, 30}, []int64{100, 120, 141}, false},
		{[]int64{10, 20, 30}, []int64{100, 90, 95}, true},
		{[]int64{10, 10, 30}, []int64{100, 110, 120}, false},
		{[]int64{10, 30, 20}, []int64{100, 110, 120}, false},
		{[]int64{0, 0, 0}, []int64{100, 100, 100}, false},
	}
	for _, tt := range tests {
		if got := explains(tt.held, tt.totals); got != tt.want {
			t.Errorf("%d of %d: %t", tt.held, tt.totals, got)
		}
	}
}

// retainedBy returns what an accumulation point retains, in bytes, in the
// formulation in which it is most.
func retainedBy(s *heap.Snapshot, w leaktest.Want) int64 {
	most := int64(0)
	for _, point := range w.Any {
		sum := int64(0)
		for _, n := range pointNodes(s, point) {
			sum += s.Retained(n)
		}
		most = max(most, sum)
	}
	return most
}

// pointNodes returns the objects of a class that something holds by a name.
func pointNodes(s *heap.Snapshot, p leaktest.Point) []heap.Node {
	w := leaktest.Want{Any: []leaktest.Point{p}}
	var nodes []heap.Node
	for n := range heap.Node(s.NumNodes()) {
		class := s.Class(n)
		for ref := range s.Retainers(n) {
			if ref.Type != heap.WeakEdge && w.Accepts(class, s.EdgeName(ref.Edge), "") {
				nodes = append(nodes, n)
				break
			}
		}
	}
	return nodes
}

// plateau is how a service is watched that is not to leak: for so long that all
// have stopped growing; the slowest takes six intervals.
const (
	plateauShots = 4
	plateauLoad  = 2 // intervals between two shots
)

// maxPlateauGrowth is how much of the heap, code aside, a healthy service may
// have grown by at its last shot, compared with any before.
const maxPlateauGrowth = 0.001

// TestControlsStopGrowing checks that what the corpus calls healthy is.
func TestControlsStopGrowing(t *testing.T) {
	if !full() {
		t.Skip("takes a minute: set FULL=1")
	}
	for _, app := range slices.Concat(leaktest.Apps(), leaktest.Holdout()) {
		if app.Leaks {
			continue
		}
		t.Run(app.Name, func(t *testing.T) {
			series := leakCase{app: app}.capture(t, leaktest.Plan{Shots: plateauShots, Load: plateauLoad * app.Load})
			var sizes []int64
			for _, s := range series.shots {
				sizes = append(sizes, s.Total()-s.Statistics().Code)
			}
			if !levels(sizes) {
				t.Errorf("%d bytes: it still grows", sizes)
			}
		})
	}
}

// levels reports whether the last size is no more than one before, by and large.
func levels(sizes []int64) bool {
	last := sizes[len(sizes)-1]
	return float64(last-slices.Max(sizes[:len(sizes)-1])) <= maxPlateauGrowth*float64(last)
}

func TestLevels(t *testing.T) {
	for _, tt := range []struct {
		sizes []int64
		want  bool
	}{
		{[]int64{5000, 9000, 10000, 10000}, true},
		{[]int64{5000, 9000, 10000, 10010}, true},
		{[]int64{5000, 9000, 10000, 10020}, false},
		{[]int64{5000, 11000, 9000, 10500}, true},
	} {
		if got := levels(tt.sizes); got != tt.want {
			t.Errorf("%d: %t", tt.sizes, got)
		}
	}
}

// TestCorpusKeepsIDs checks that objects keep their ids over a series of the
// corpus, though no inspector session is open, and do not over a restart.
func TestCorpusKeepsIDs(t *testing.T) {
	app, ok := leaktest.Find("static-table")
	if !ok {
		t.Fatal("no such app")
	}
	for restart, same := range map[int]bool{0: true, 1: false} {
		series := leakCase{app: app}.capture(t, leaktest.Plan{Shots: 2, Restart: restart})
		first, last := postcodes(series.shots[0]), postcodes(series.shots[1])
		if len(first) != len(last) || len(first) < 1000 {
			t.Fatalf("%d and %d objects", len(first), len(last))
		}
		kept := 0
		for id, code := range first {
			if last[id] == code {
				kept++
			}
		}
		if (kept == len(first)) != same {
			t.Errorf("restart after %d: %d of %d objects keep their id", restart, kept, len(first))
		}
	}
}

// postcodes returns the code of each Postcode object by its id.
func postcodes(s *heap.Snapshot) map[heap.ID]string {
	codes := map[heap.ID]string{}
	for n := range heap.Node(s.NumNodes()) {
		if s.RawName(n) != "Postcode" || s.Type(n) != heap.ObjectNode {
			continue
		}
		for ref := range s.Out(n) {
			if s.EdgeName(ref.Edge) == "code" {
				codes[s.ID(n)] = s.Name(ref.To)
			}
		}
	}
	return codes
}
