package leak

import (
	"fmt"
	"strings"
	"testing"
)

// columns adds a cache of parallel arrays in one object, made for a number of elements at
// the start (0 = they grow), with an index by key.
func (s *shot) columns(room int) {
	s.hold("vars", "cache", "cache", "Columns", 200)
	count := s.k * 4 * each
	size := int64(room)
	if room == 0 {
		size = int64(count)
	}
	s.collect("cache", "index", "index", "Map", numbers(0, count), s.object("key", "Key"))
	s.hold("cache", "values", "values", "Array", arrayHeader+pointer*size)
	page := s.object("page", "Page")
	for i := range count {
		s.Edge("values", "element", fmt.Sprint(i), page(i))
	}
	for _, links := range []string{"next", "prev"} {
		key := links
		if room == 0 {
			key = fmt.Sprint(links, s.k) // made anew when it is full
		}
		s.hold("cache", links, key, "Uint16Array", typedHeader+2*size)
	}
	if room > 0 {
		s.node("undefined", "hidden", "undefined", 0)
		for i := count; i < room; i++ {
			s.Edge("values", "element", fmt.Sprint(i), "undefined")
		}
	}
}

// TestRoomMadeInAdvance has a cache that fills the slots that it has made at the start, and
// one like it that makes them as it goes.
func TestRoomMadeInAdvance(t *testing.T) {
	d := diagnose(t, 4, Options{}, func(s *shot) { s.columns(2000) })
	if d.Verdict != Growing || len(d.Suspects) == 0 {
		t.Fatalf("verdict %q: %+v", d.Verdict, d.Suspects)
	}
	for _, s := range d.Suspects {
		if s.Confidence >= leakConfidence || fmt.Sprint(s.Counts) != "[400 800 1200 1600]" {
			t.Errorf("%s: confidence %v, counts %v", s.Title, s.Confidence, s.Counts)
		}
	}
	if d := diagnose(t, 4, Options{}, func(s *shot) { s.columns(0) }); d.Verdict != Leaking {
		t.Errorf("verdict %q without a room: %+v", d.Verdict, d.Suspects)
	}
}

// TestHandful has something that loads one small thing in each interval, and a big one.
func TestHandful(t *testing.T) {
	load := func(size int64) func(s *shot) {
		return func(s *shot) {
			s.hold("vars", "texts", "texts", "Texts", 40)
			s.hold("texts", "languages", "languages", "Object", 40)
			for i := range s.k {
				key := fmt.Sprint("language", i)
				s.hold("languages", fmt.Sprint("l", string(rune('a'+i))), key, "Object", size)
			}
		}
	}
	if d := diagnose(t, 3, Options{}, load(40_000)); d.Verdict != Growing {
		t.Errorf("languages: verdict %q: %+v", d.Verdict, d.Suspects)
	}
	if d := diagnose(t, 3, Options{}, load(2_000_000)); d.Verdict != Leaking {
		t.Errorf("jobs: verdict %q: %+v", d.Verdict, d.Suspects)
	}
}

// TestAlike says "about as many in each" only where it is so.
func TestAlike(t *testing.T) {
	tests := []struct {
		counts []int
		want   string
	}{
		{[]int{100, 200, 300}, ", alike"},
		{[]int{0, 160, 640}, " (160 and 480)"},
		{[]int{-1, 20, 80, 100}, " (20, 60 and 20)"},
	}
	for _, test := range tests {
		if got := alikeText(test.counts, "alike", grouped); got != test.want {
			t.Errorf("%v: %q, want %q", test.counts, got, test.want)
		}
	}
}

// TestHeapIsNoSuspect has a heap that grows all over.
func TestHeapIsNoSuspect(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) {
		for i := range s.k * each {
			key := fmt.Sprint("stray", i)
			s.node(key, "object", "Stray", 500)
			s.Edge("main", "internal", fmt.Sprint("a", i), key)
			s.Edge("global", "internal", fmt.Sprint("b", i), key)
		}
	})
	for _, s := range d.Suspects {
		if len(s.Path) == 0 {
			t.Errorf("suspect without a path: %+v", s)
		}
	}
	if want := "more and more of Stray (+200)"; d.Verdict != Growing || !strings.Contains(d.Summary, want) {
		t.Errorf("verdict %q: %s", d.Verdict, d.Summary)
	}
}
