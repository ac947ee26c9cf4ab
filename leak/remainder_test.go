package leak

import (
	"fmt"
	"strings"
	"testing"
)

// TestRemainderIsSaid has an object below which a Map grows, and as much again without any
// collection: it is ranked by that rest, and its sizes are more than those of the Map.
func TestRemainderIsSaid(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) {
		s.hold("vars", "app", "app", "App", 40)
		s.collect("app", "hits", "hits", "Map", numbers(0, s.k*each), s.object("hit", "Hit"))
		for i := range s.k * 4 {
			part := fmt.Sprint("part", i)
			s.hold("app", fmt.Sprint("field", i), part, "Part", 6000)
		}
	})
	if len(d.Suspects) < 2 || !strings.Contains(d.Suspects[0].Title, "hits") {
		t.Fatalf("%+v", d.Suspects)
	}
	first, second := d.Suspects[0], d.Suspects[1]
	if second.Retained <= first.Retained {
		t.Fatalf("%s has %d bytes, %s %d", first.Title, first.Retained, second.Title, second.Retained)
	}
	if want := "This is an unexplained rest: of the 153 kB that it has gained, about 53 kB are not in suspect 1. "; !strings.HasPrefix(second.Explanation, want) {
		t.Errorf("%q, want %q", second.Explanation, want)
	}
	if strings.Contains(first.Explanation, "suspect") {
		t.Errorf("%q", first.Explanation)
	}
}
