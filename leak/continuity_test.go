package leak

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/heap"
)

// TestBrokenIDs looks at series in which the process is another one from some snapshot on.
func TestBrokenIDs(t *testing.T) {
	build := func(prefix string) func(s *shot) {
		return func(s *shot) {
			for i := range 50 { // what stands at the ids differs from process to process
				s.hold("global", fmt.Sprint("g", i), fmt.Sprint(prefix, i), prefix, 20)
			}
			leaking()(s)
		}
	}
	tests := []struct {
		name   string
		breaks int // the first snapshot of the second process, from 0
		told   bool
		method Method
		notes  int
	}{
		{"all one process", 3, true, Survivors, 0},
		{"the first is of another", 1, true, Comparison, 1},
		{"the first is of another, and nobody says so", 1, false, Comparison, 1},
		{"the last is of another", 2, true, ClassComparison, 2},
		{"the last is of another, and nobody says so", 2, false, ClassComparison, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := &world{ids: map[string]uint64{}, last: firstID}
			prefix := "One"
			var earlier []*Observation
			for k := range 3 {
				if k == test.breaks {
					w, prefix = &world{ids: map[string]uint64{}, last: firstID}, "Other"
				}
				s := w.take(t, k+1, build(prefix))
				told := k == test.breaks && test.told
				m := Moment{SameIDs: k > 0 && !told, NewProcess: told}
				if k < 2 {
					earlier = append(earlier, observe(t, s, m, earlier))
					continue
				}
				d, err := Find(t.Context(), earlier, s, m, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if d.Method != test.method || len(d.Notes) != test.notes {
					t.Errorf("by %q with notes %q, want %q with %d", d.Method, d.Notes, test.method, test.notes)
				}
				if test.method == ClassComparison && !strings.Contains(d.Notes[1], "Hit (+200)") {
					t.Errorf("notes %q", d.Notes)
				}
				if test.breaks < 3 && d.Verdict == Leaking {
					t.Errorf("verdict %q: %s", d.Verdict, d.Reason)
				}
				if len(d.Suspects) == 0 || d.Suspects[0].Title != "RateStore.hits (Map)" || len(d.Suspects[0].Counts) != 3 {
					t.Errorf("suspects %+v", d.Suspects)
				}
			}
		})
	}
}

// TestSmallerIDs has a process that started again and made the same objects: only its
// greatest id tells.
func TestSmallerIDs(t *testing.T) {
	build := func(count int) func(s *shot) {
		return func(s *shot) { s.array("global", "all", "all", numbers(0, count), s.object("x", "X")) }
	}
	take := func(count int) *heap.Snapshot {
		return (&world{ids: map[string]uint64{}, last: firstID}).take(t, 1, build(count))
	}
	before := observe(t, take(100), Moment{}, nil)
	for count, want := range map[int]Order{50: Earlier, 100: Identical, 150: Later} {
		if got := before.imprint.Order(take(count)); got != want {
			t.Errorf("%d objects after 100: order %d, want %d", count, got, want)
		}
	}
	if got := orderAfter(newGraph(take(150)), Moment{}, before); got != Unrelated {
		t.Errorf("order %d though the ids are said not to continue", got)
	}
}

// TestSampleOfPairs has files in which every other object, or every fourth, is a string, of
// sizes at which that many are left out of a sample.
func TestSampleOfPairs(t *testing.T) {
	for _, count := range []int{2_000, 4_200, 6_300, 8_400, 10_500} {
		w := &world{ids: map[string]uint64{}, last: firstID}
		g := newGraph(w.take(t, 1, func(s *shot) { s.array("global", "all", "all", numbers(0, count), s.object("x", "X")) }))
		if got := len(newSample(g).classes(g)); got < sampleSize/4 || got > 2*sampleSize {
			t.Errorf("%d pairs: a sample of %d", count, got)
		}
	}
}

func TestNotes(t *testing.T) {
	d := diagnose(t, 3, Options{RSS: []int64{100e6, 150e6, 200e6}, Uptime: 20 * time.Second}, leaking())
	if len(d.Notes) != 2 || !strings.Contains(d.Notes[0], "native memory") || !strings.Contains(d.Notes[1], "20 s old") {
		t.Errorf("notes %q", d.Notes)
	}
	if !strings.Contains(d.Notes[0], "Since the second snapshot the process has grown by 50 MB") {
		t.Errorf("note %q", d.Notes[0])
	}
	if first := diagnose(t, 3, Options{RSS: []int64{100e6, 160e6, 161e6}}, leaking()); len(first.Notes) != 0 {
		t.Errorf("what the first snapshot costs is noted: %q", first.Notes)
	}
	if two := diagnose(t, 2, Options{RSS: []int64{100e6, 160e6}}, leaking()); len(two.Notes) != 1 || !strings.Contains(two.Notes[0], "what taking snapshots has left") {
		t.Errorf("notes of two %q", two.Notes)
	}
	if d.Suspects[0].Confidence >= diagnose(t, 3, Options{}, leaking()).Suspects[0].Confidence {
		t.Errorf("warm-up does not lower the confidence: %f", d.Suspects[0].Confidence)
	}
}

func TestColumn(t *testing.T) {
	var c column
	want := map[heap.ID]int64{9: 4096, 3: 1 << 40, 5: 1 << 32, 7: 0}
	for id, bytes := range want {
		c.add(id, bytes)
	}
	c.sort()
	want[1], want[11] = 0, 0 // unknown
	for id, bytes := range want {
		if got := c.get(id); got != bytes {
			t.Errorf("object %d has %d bytes, want %d", id, got, bytes)
		}
	}
}

// TestClassesOverTime checks the table of classes: those that are gone are in it.
func TestClassesOverTime(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) {
		leaking()(s)
		if s.k == 1 {
			s.hold("global", "old", "old", "Old", 100)
		}
	})
	find := func(class string) Growth {
		for _, g := range d.Classes {
			if g.Class == class {
				return g
			}
		}
		t.Fatalf("no class %q", class)
		return Growth{}
	}
	if g := find("Hit"); g.Counts[0] != 100 || g.Counts[2] != 300 || g.Shallow[2] != 60_000 || g.Retained[2] != 150_000 {
		t.Errorf("%+v", g)
	}
	if g := find("Old"); g.Counts[0] != 1 || g.Counts[2] != 0 {
		t.Errorf("%+v", g)
	}
	var hits int
	for _, c := range d.Between {
		if c.Name == "Hit" {
			hits = c.Count
		}
	}
	if hits != 100 {
		t.Errorf("%d objects allocated between the first two", hits)
	}
}

func TestTexts(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 48210: "48,210", -1234567: "-1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1500: "1.5 kB", 61_000_000: "61 MB", -2_000_000: "-2.0 MB"} {
		if got := size(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{90 * time.Second: "90 s", 10 * time.Minute: "10 min", 3 * time.Hour: "3 h"} {
		if got := spanText(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
	for name, want := range map[string]bool{"max": true, "#maxSize": true, "_maxEntries": true, "capacity": true, "limit": true, "ttl": false, "MAX_AGE": false, "maxLatency": false, "_maxListeners": false} {
		if got := isBound(name); got != want {
			t.Errorf("%q is a bound: %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]bool{"cache": true, "#items": true, "user:created": true, "<symbol kSpans>": true, "10.0.0.7:40001": false, "a@b.example": false, "/users/7?x=1": false, "": false} {
		if got := readsLikeCode(name); got != want {
			t.Errorf("%q reads like code: %v, want %v", name, got, want)
		}
	}
	for p := range lessons {
		if l := lessons[p]; l.explanation == "" || l.advice == "" {
			t.Errorf("%q says nothing", p)
		}
	}
}
