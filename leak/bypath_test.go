package leak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// serial is a series in which ids do not continue everywhere. For each snapshot but the
// first it says in what way it is joined to the one before: followed, renumbered, unsure
// or restarted.
func (links serial) diagnose(t *testing.T, o Options, build func(s *shot)) *Diagnosis {
	t.Helper()
	w := &world{ids: map[string]uint64{}, last: firstID}
	var earlier []*Observation
	for k := range len(links) + 1 {
		m := Moment{At: start.Add(time.Duration(k) * interval), SameIDs: k > 0}
		generation := 0
		if k > 0 {
			m.SameIDs = links[k-1] == followed || links[k-1] == unsure
			m.NewProcess = links[k-1] == restarted
		}
		for _, l := range links[:k] {
			if l != followed {
				generation++
			}
		}
		if k > 0 && links[k-1] != followed { // other objects come first, so that ids differ
			w = &world{ids: map[string]uint64{}, last: firstID}
		}
		s := w.take(t, k+1, func(s *shot) {
			for i := range 50 {
				class := fmt.Sprint("Generation", generation)
				s.hold("vars", fmt.Sprint("v", i), fmt.Sprint(class, i), class, 20)
			}
			build(s)
		})
		if k == len(links) {
			d, err := Find(t.Context(), earlier, s, m, o)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		earlier = append(earlier, observe(t, s, m, earlier))
	}
	return nil
}

type serial []link

// sceneOf returns one of the scenes of TestFind.
func sceneOf(t *testing.T, name string) func(s *shot) {
	t.Helper()
	i := slices.IndexFunc(scenes, func(s scene) bool { return s.name == name })
	if i < 0 {
		t.Fatalf("no scene %q", name)
	}
	return scenes[i].build
}

const (
	mapGrows = "a map that grows"
	fills    = "a table that fills up"
)

func TestByPath(t *testing.T) {
	followed1 := serial{followed, followed}
	tests := []struct {
		name    string
		links   serial
		scene   string
		method  Method
		verdict Verdict
		counts  []int // of the first suspect, nil = there is none, or does not matter
	}{
		{"no break", followed1, mapGrows, Survivors, Leaking, []int{100, 200, 300}},
		{"break at the end", serial{followed, renumbered}, mapGrows, ClassComparison, Leaking, []int{100, 200, 300}},
		{"break at the second", serial{renumbered, followed}, mapGrows, Comparison, Leaking, []int{100, 200, 300}},
		{"two breaks", serial{renumbered, renumbered}, mapGrows, ClassComparison, Growing, []int{100, 200, 300}},
		{"two snapshots", serial{renumbered}, mapGrows, ClassComparison, Growing, []int{100, 200}},
		{"five, break at the end", serial{followed, followed, followed, renumbered}, mapGrows, ClassComparison, Leaking, []int{100, 200, 300, 400, 500}},
		{"five, break before the last two", serial{followed, followed, renumbered, followed}, mapGrows, Comparison, Leaking, []int{100, 200, 300, 400, 500}},
		{"five, break before the last three", serial{followed, renumbered, followed, followed}, mapGrows, Survivors, Leaking, []int{-1, -1, 300, 400, 500}},

		{"untold break at the end", serial{followed, unsure}, mapGrows, ClassComparison, Insufficient, []int{100, 200, 300}},
		{"untold break at the second", serial{unsure, followed}, mapGrows, Comparison, Growing, []int{-1, 200, 300}},
		{"restart at the end", serial{followed, restarted}, mapGrows, ClassComparison, Insufficient, []int{-1, -1, 300}},
		{"restart at the second", serial{restarted, followed}, mapGrows, Comparison, Growing, []int{-1, 200, 300}},
		{"restart, then a break", serial{restarted, renumbered, renumbered}, mapGrows, ClassComparison, Growing, []int{-1, 200, 300, 400}},

		{"plateau", serial{followed, renumbered}, "a cache that is full", ClassComparison, Stable, nil},
		{"plateau, break at the second", serial{renumbered, followed}, "a cache that is full", Comparison, Stable, nil},
		{"filling up", serial{followed, renumbered}, fills, ClassComparison, Growing, []int{100, 300, 400}},
		{"filling up, break at the second", serial{renumbered, followed}, fills, Comparison, Growing, []int{100, 300, 400}},
		{"burst that drains", serial{followed, renumbered}, "a burst that drains", ClassComparison, Stable, nil},
		{"turnover", serial{followed, renumbered}, "a cache that grows while its elements are replaced", ClassComparison, Growing, []int{360, 420, 480}},
		{"requests under way", serial{followed, renumbered}, "more and more requests under way", ClassComparison, Growing, []int{100, 200, 300}},
		{"requests under way, two breaks", serial{renumbered, renumbered}, "more and more requests under way", ClassComparison, Growing, []int{100, 200, 300}},
		{"a limit", serial{followed, renumbered}, "a cache with a limit that is not reached", ClassComparison, Growing, []int{100, 200, 300}},
		{"code", serial{followed, renumbered}, "code that gets hot", ClassComparison, Insufficient, nil},

		{"array", serial{followed, renumbered}, "a global array", ClassComparison, Leaking, []int{100, 200, 300}},
		{"listeners", serial{followed, renumbered}, "listeners", ClassComparison, Leaking, []int{100, 200, 300}},
		{"tenants", serial{followed, renumbered}, "collections of tenants", ClassComparison, Leaking, []int{100, 200, 300}},
		{"list", serial{followed, renumbered}, "a list with new links in front", ClassComparison, Growing, []int{-1, -1, 300}},
		{"text", serial{followed, renumbered}, "a string that is made anew, longer", ClassComparison, Growing, []int{-1, -1, -1}},
		{"numbers", serial{followed, renumbered}, "an array of numbers", ClassComparison, Growing, []int{-1, -1, -1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := test.links.diagnose(t, Options{}, sceneOf(t, test.scene))
			if d.Method != test.method || d.Verdict != test.verdict {
				t.Errorf("%q by %q, want %q by %q: %s", d.Verdict, d.Method, test.verdict, test.method, d.Reason)
			}
			if test.counts == nil {
				return
			}
			if len(d.Suspects) == 0 {
				t.Fatal("no suspects")
			}
			s := d.Suspects[0]
			if !slices.Equal(s.Counts, test.counts) || len(s.Sizes) != len(test.counts) {
				t.Errorf("%s: counts %v, want %v; sizes %v", s.Title, s.Counts, test.counts, s.Sizes)
			}
		})
	}
}

// TestRateByPath checks what is said of a suspect whose growth paths tell, and that nothing
// is where the process may be another.
func TestRateByPath(t *testing.T) {
	d := serial{followed, renumbered}.diagnose(t, Options{MemoryLimit: 10_000_000}, leaking())
	s := d.Suspects[0]
	if s.CountDelta != 200 || s.CountPerSecond < 0.16 || s.CountPerSecond > 0.17 || s.GrowthPerSecond < 80 || s.GrowthPerSecond > 100 || s.Exhausts == 0 {
		t.Errorf("%d more, %f objects and %f bytes per second, %v left", s.CountDelta, s.CountPerSecond, s.GrowthPerSecond, s.Exhausts)
	}
	if s.SizeDelta <= 0 || s.Sizes[0] <= 0 || s.Confidence > pathLimit {
		t.Errorf("%+v", s)
	}
	if want := " At the same path there were 100, then 200 before, and now 300: +100 per 10 min."; !strings.HasSuffix(d.Summary, want) {
		t.Errorf("summary %q", d.Summary)
	}
	d = serial{followed, unsure}.diagnose(t, Options{MemoryLimit: 10_000_000}, leaking())
	if s := d.Suspects[0]; s.CountPerSecond != 0 || s.GrowthPerSecond != 0 || s.Exhausts != 0 {
		t.Errorf("%f objects and %f bytes per second, %v left, of nobody knows what", s.CountPerSecond, s.GrowthPerSecond, s.Exhausts)
	}
	if !strings.HasSuffix(d.Summary, "if the process is the same.") {
		t.Errorf("summary %q", d.Summary)
	}
}

func TestByPathSameInputSameOutput(t *testing.T) {
	for _, sc := range scenes {
		for _, links := range []serial{{followed, renumbered}, {renumbered, followed}} {
			a, b := links.diagnose(t, Options{}, sc.build), links.diagnose(t, Options{}, sc.build)
			if diff := cmp.Diff(a, b, cmpopts.IgnoreUnexported(Suspect{})); diff != "" {
				t.Errorf("%s: %s", sc.name, diff)
			}
		}
	}
}

// TestHealthyByPath holds what matters most: nothing that object ids show to be healthy is
// called a leak without them.
func TestHealthyByPath(t *testing.T) {
	for _, sc := range scenes {
		if sc.verdict == Leaking {
			continue
		}
		for _, links := range []serial{{followed, renumbered}, {renumbered, followed}, {renumbered, renumbered}, {renumbered}, {followed, unsure}, {followed, restarted}} {
			if d := links.diagnose(t, Options{}, sc.build); d.Verdict == Leaking {
				t.Errorf("%s, %v: %s", sc.name, links, d.Reason)
			}
		}
	}
}
