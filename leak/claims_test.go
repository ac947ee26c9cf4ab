package leak

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// files are snapshots of one process, which nobody has said anything of.
func files(t *testing.T, count int, build func(s *shot)) []*heap.Snapshot {
	t.Helper()
	w := &world{ids: map[string]uint64{}, last: firstID}
	var all []*heap.Snapshot
	for k := range count {
		all = append(all, w.take(t, k+1, build))
	}
	return all
}

// inOrder makes the diagnosis of files in the order given, from 0.
func inOrder(t *testing.T, all []*heap.Snapshot, order ...int) *Diagnosis {
	t.Helper()
	var earlier []*Observation
	last := len(order) - 1
	for i, k := range order[:last] {
		earlier = append(earlier, observe(t, all[k], Moment{SameIDs: i > 0}, earlier))
	}
	d, err := Find(t.Context(), earlier, all[order[last]], Moment{SameIDs: true}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestOrderOfFiles gives files twice and in other orders than that of their age: nothing can
// be told of growth then, whatever the sizes seem to say.
func TestOrderOfFiles(t *testing.T) {
	all := files(t, 3, leaking())
	tests := []struct {
		order   []int
		verdict Verdict
		reason  string
	}{
		{[]int{0, 1, 2}, Leaking, "has gained"},
		{[]int{0, 0, 0}, Insufficient, "one and the same"},
		{[]int{1, 1}, Insufficient, "one and the same"},
		{[]int{0, 1, 1}, Insufficient, "one and the same"},
		{[]int{2, 0, 1}, Insufficient, "wrong order"},
		{[]int{2, 1, 0}, Insufficient, "wrong order"},
		{[]int{0, 2, 1}, Insufficient, "wrong order"},
		{[]int{1, 0}, Insufficient, "wrong order"},
	}
	for _, test := range tests {
		d := inOrder(t, all, test.order...)
		if d.Verdict != test.verdict || !strings.Contains(d.Reason, test.reason) {
			t.Errorf("%v: %s: %s", test.order, d.Verdict, d.Reason)
		}
	}
}

// TestCopies has files left out as they are those of one snapshot.
func TestCopies(t *testing.T) {
	d, err := Find(t.Context(), nil, files(t, 1, leaking())[0], Moment{SameIDs: true}, Options{Copies: 2})
	if err != nil {
		t.Fatal(err)
	}
	if d.Verdict != Insufficient || !strings.HasPrefix(d.Reason, "The 3 files are one and the same snapshot") {
		t.Errorf("%s: %s", d.Verdict, d.Reason)
	}
}

// TestFewSnapshotsClaimNoMore looks at what is said of a leak that one snapshot, or two,
// show: that nothing is removed is not among it.
func TestFewSnapshotsClaimNoMore(t *testing.T) {
	tests := []struct {
		shots       int
		kind, begin string
		never       bool
	}{
		{1, "cache or table", "One snapshot shows that this is big, not whether it grows. ", false},
		{2, "cache or table", "It has grown; whether what is new stays, ", false},
		{3, "unbounded cache", "Entries are added and never removed", true},
	}
	for _, test := range tests {
		d := diagnose(t, test.shots, Options{}, leaking())
		if len(d.Suspects) == 0 {
			t.Fatalf("%d snapshots: no suspect", test.shots)
		}
		s := d.Suspects[0]
		if s.Kind != test.kind || !strings.HasPrefix(s.Explanation, test.begin) || strings.Contains(s.Explanation, "are added and never removed") != test.never && !strings.Contains(s.Explanation, "If entries") {
			t.Errorf("%d snapshots: %s: %s", test.shots, s.Kind, s.Explanation)
		}
	}
	for p, l := range lessons {
		if l.premise == "" {
			t.Errorf("%q: nothing is said where it is not known", p)
		}
	}
}

// TestRemovedIsSaid has a map that grows and also lets go: it cannot be said that nothing is
// ever removed.
func TestRemovedIsSaid(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) {
		kept := numbers(0, s.k*each)
		s.collect("vars", "open", "open", "Map", append(kept, numbers(s.k*10_000, s.k*10_000+each/2)...), s.object("call", "Call"))
	})
	text := d.Suspects[0].Explanation
	if strings.Contains(text, "are added and never removed.") || !strings.Contains(text, "have been removed meanwhile") {
		t.Error(text)
	}
}

// TestNumbersAgree divides what stands on the lines of a suspect: the rates are those of its
// counts and sizes, not of something else.
func TestNumbersAgree(t *testing.T) {
	for _, test := range scenes {
		d := diagnose(t, 3, Options{}, test.build)
		for _, s := range d.Suspects {
			from := 0
			for s.Sizes[from] < 0 {
				from++
			}
			seconds := float64(len(s.Sizes)-1-from) * interval.Seconds()
			if want := float64(s.Sizes[len(s.Sizes)-1]-s.Sizes[from]) / seconds; math.Abs(want-s.GrowthPerSecond) > 1e-9*math.Abs(want) {
				t.Errorf("%s: %s: sizes %d, but %g B/s", test.name, s.Title, s.Sizes, s.GrowthPerSecond)
			}
			if last := s.Counts[len(s.Counts)-1]; last >= 0 && s.Counts[from] >= 0 {
				if want := float64(last-s.Counts[from]) / seconds; math.Abs(want-s.CountPerSecond) > 1e-9*math.Abs(want) {
					t.Errorf("%s: %s: counts %d, but %g/s", test.name, s.Title, s.Counts, s.CountPerSecond)
				}
			}
		}
	}
}

// TestLateSuspectsRate has a map that was not there at first: its rate is that of the time
// since.
func TestLateSuspectsRate(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) {
		if s.k > 1 {
			s.collect("vars", "late", "late", "Map", numbers(0, (s.k-1)*each), s.object("entry", "Entry"))
		}
	})
	if want := "+100 per 10 min"; !strings.Contains(d.Summary, want) {
		t.Errorf("%s: no %q", d.Summary, want)
	}
}

// TestConfidence checks that no verdict claims more than the number of snapshots allows, and
// that more of them make it surer.
func TestConfidence(t *testing.T) {
	idle := func(s *shot) { s.collect("vars", "table", "table", "Map", numbers(0, 500), s.object("row", "Row")) }
	var leak, stable float64
	for shots, limits := range map[int][2]float64{3: {0.9, 0.8}, 5: {0.95, 0.9}} {
		l, s := diagnose(t, shots, Options{}, leaking()), diagnose(t, shots, Options{}, idle)
		if l.Verdict != Leaking || l.Confidence > limits[0] || s.Verdict != Stable || s.Confidence > limits[1] {
			t.Errorf("%d snapshots: %s %f, %s %f", shots, l.Verdict, l.Confidence, s.Verdict, s.Confidence)
		}
		if shots == 3 {
			leak, stable = l.Confidence, s.Confidence
		} else if l.Confidence <= leak && leak > 0 || s.Confidence <= stable && stable > 0 {
			t.Errorf("%d snapshots are no surer", shots)
		}
		if !strings.Contains(s.Reason, "is not seen") {
			t.Errorf("nothing is said of what is too slow to be seen: %s", s.Reason)
		}
	}
	few := func(s *shot) {
		s.collect("vars", "few", "few", "Map", numbers(0, s.k*12), func(i int) string {
			key := fmt.Sprint("big", i)
			s.node(key, "object", "Big", 400_000)
			return key
		})
	}
	if d := diagnose(t, 3, Options{}, few); d.Confidence >= 0.8 {
		t.Errorf("12 elements an interval make a %s with confidence %f", d.Verdict, d.Confidence)
	}
}

// TestOneSnapshotListsWhatIsBig has sources of scripts and small texts beside one big map.
func TestOneSnapshotListsWhatIsBig(t *testing.T) {
	d := diagnose(t, 1, Options{}, func(s *shot) {
		s.collect("vars", "big", "big", "Map", numbers(0, 1000), s.object("row", "Row"))
		s.node("source", "string", "'use strict'", 90_000)
		s.Edge("script", "internal", "source", "source")
		for i := range 5 {
			key := fmt.Sprint("text", i)
			s.node(key, "string", "a text", 3_000)
			s.Edge("vars", "context", fmt.Sprint("note", string(rune('a'+i))), key)
		}
	})
	if len(d.Suspects) != 1 || d.Suspects[0].Title != "big in server.js (Map)" {
		for _, s := range d.Suspects {
			t.Errorf("suspect %q: %s, %d bytes", s.Title, s.Kind, s.Retained)
		}
	}
}

// TestBreaksAreToldOnce has ids reset before each snapshot: one note tells all of it.
func TestBreaksAreToldOnce(t *testing.T) {
	all := files(t, 3, leaking())
	var earlier []*Observation
	for _, s := range all[:2] {
		earlier = append(earlier, observe(t, s, Moment{}, earlier))
	}
	d, err := Find(t.Context(), earlier, all[2], Moment{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(d.Notes, "\n"); strings.Count(text, "do not continue from snapshot") != 1 || !strings.Contains(text, "from snapshot 1 to 2 and from 2 to 3") {
		t.Errorf("notes:\n%s", text)
	}
}

// TestCreatedInTheApplication has elements with functions of a package, as a router puts them
// into each request, and one of the application: the latter is where to look.
func TestCreatedInTheApplication(t *testing.T) {
	for own, want := range map[bool]string{true: "created at /app/server.js:41", false: "kept by /app/server.js:1"} {
		d := diagnose(t, 3, Options{}, func(s *shot) {
			s.node("library", "code", "/app/node_modules/router/index.js", 64)
			s.node("library code", "code", "next", 64)
			s.Edge("library code", "internal", "script", "library")
			s.collect("vars", "open", "open", "Map", numbers(0, s.k*each), func(i int) string {
				key := fmt.Sprint("request", i)
				s.node(key, "object", "Request", 400)
				s.node(key+" next", "closure", "next", 64).At(8, 188, 16)
				s.Edge(key+" next", "internal", "shared", "library code")
				s.Edge(key, "property", "next", key+" next")
				if own {
					s.node(key+" done", "closure", "done", 64).At(7, 40, 4)
					s.Edge(key+" done", "internal", "shared", "code")
					s.Edge(key, "property", "done", key+" done")
				}
				return key
			})
		})
		if !strings.Contains(d.Summary, want) {
			t.Errorf("no %q in: %s", want, d.Summary)
		}
	}
}

// TestVariableOfAModule has a variable that older functions see, too: the one that the path
// goes through is named.
func TestVariableOfAModule(t *testing.T) {
	for _, others := range []int{0, 2} {
		d := diagnose(t, 3, Options{}, func(s *shot) {
			s.node("unrelated", "object", "Exports", 40)
			s.Edge("global", "property", "unrelated", "unrelated")
			for i := range others {
				key := fmt.Sprint("other", i)
				s.node(key, "closure", key, 64).At(7, 10+i, 4).ID(uint64(firstID - 2*i))
				s.Edge(key, "internal", "shared", "code")
				s.Edge(key, "internal", "context", "vars")
				s.Edge("unrelated", "property", key, key)
			}
			s.collect("vars", "seen", "seen", "Map", numbers(0, s.k*each), s.object("hit", "Hit"))
		})
		if want := ", kept by /app/server.js:1."; !strings.Contains(d.Summary, want) {
			t.Errorf("%d others: no %q in: %s", others, want, d.Summary)
		}
	}
}

// TestHalfOpen has sockets that hang on nothing but Node.js itself, one of two ends of which
// is closed.
func TestHalfOpen(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) {
		s.node("handles", "synthetic", "(Global handles)", 0)
		s.Edge(heaptest.Root, "element", "2", "handles")
		for i := range s.k * each {
			key := fmt.Sprint("socket", i)
			s.node(key, "object", "Socket", 1000)
			s.hold(key, "_handle", key+" handle", "TCP", 40)
			s.Edge("handles", "element", fmt.Sprint(i+1), key)
		}
	})
	if d.Verdict != Growing || len(d.Suspects) != 1 || d.Suspects[0].Title != "the list of open connections" {
		t.Fatalf("%s: %s %+v", d.Verdict, d.Summary, d.Suspects)
	}
	if want := "Growth: the list of open connections holds 300 Socket objects, +100 per 10 min"; !strings.HasPrefix(d.Summary, want) {
		t.Errorf("got %q", d.Summary)
	}
}
