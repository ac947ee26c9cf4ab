package leak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// compiler has two collections that hold the same schemas, each with code that only both
// of them let go together.
func (s *shot) compiler(count int) {
	s.hold("vars", "compiler", "compiler", "Compiler", 80)
	for _, i := range numbers(0, count) {
		code := fmt.Sprint("compiled", i)
		s.node(code, "code", "(code)", 4000)
	}
	for _, name := range []string{"names", "values"} {
		s.collect("compiler", name, name, "Map", numbers(0, count), func(i int) string {
			key := s.object(name, "Schema")(i)
			s.Edge(key, "property", "code", fmt.Sprint("compiled", i))
			return key
		})
	}
}

// TestOwnerOfSharedGrowth wants the numbers of the owner where they tell more.
func TestOwnerOfSharedGrowth(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) { s.compiler(s.k * each) })
	if d.Verdict != Leaking || len(d.Suspects) != 1 {
		t.Fatalf("%q, %d suspects: %+v", d.Verdict, len(d.Suspects), d.Suspects)
	}
	s := d.Suspects[0]
	if !strings.HasSuffix(s.Title, " (Map) in Compiler") || !slices.Equal(s.Counts, []int{100, 200, 300}) {
		t.Errorf("%q, counts %v", s.Title, s.Counts)
	}
	if s.Retained < 300*5000 || s.Sizes[2] != s.Retained || s.SizeDelta != s.Retained-s.Sizes[0] || s.Score < 100*4000/2 {
		t.Errorf("retains %d, sizes %v, delta %d, score %.0f", s.Retained, s.Sizes, s.SizeDelta, s.Score)
	}
	if d := diagnose(t, 3, Options{}, func(s *shot) { s.compiler(300) }); d.Verdict != Stable {
		t.Errorf("one that is full: %q: %s", d.Verdict, d.Reason)
	}
}

// TestOwnerOfSeveralLeaks has an application object with two leaks, one much bigger than
// the other: each has its own numbers.
func TestOwnerOfSeveralLeaks(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) {
		s.hold("vars", "app", "app", "App", 80)
		s.collect("app", "users", "users", "Map", numbers(0, s.k*each*5), s.object("user", "User"))
		s.collect("app", "jobs", "jobs", "Map", numbers(0, s.k*each), s.object("job", "Job"))
	})
	var titles []string
	for _, s := range d.Suspects {
		titles = append(titles, s.Title)
	}
	if !slices.Equal(titles, []string{"App.users (Map)", "App.jobs (Map)"}) {
		t.Errorf("suspects %q", titles)
	}
	if s := d.Suspects[1]; s.Retained > 300*600 {
		t.Errorf("jobs retain %d", s.Retained)
	}
}
