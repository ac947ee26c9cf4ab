package leak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// rooms is a Map of Sets, of which the first is there from the beginning.
func (s *shot) rooms(ids []int, sockets func(room int) []int) {
	s.hold("vars", "registry", "registry", "Registry", 40)
	s.hold("registry", "id", "id", "Id", 24)
	s.collect("registry", "rooms", "rooms", "Map", ids, func(room int) string {
		key := fmt.Sprint("room", room)
		s.node(key, "object", "Set", 32)
		table := fmt.Sprint(key, " table ", len(sockets(room)))
		s.node(table, "array", "", 64)
		s.Edge(key, "internal", "table", table)
		for row, i := range sockets(room) {
			s.Edge(table, "internal", fmt.Sprint(100+3*row), s.object(key+" socket", "Socket")(i))
		}
		return key
	})
}

// TestYoungGroup has collections that come after the first snapshot and grow from then on.
func TestYoungGroup(t *testing.T) {
	d := diagnose(t, 3, Options{}, func(s *shot) {
		ids := numbers(0, 4) // each with one
		if s.k > 1 {
			ids = numbers(0, 14)
		}
		s.rooms(ids, func(room int) []int {
			if room < 4 {
				return numbers(0, 1)
			}
			return numbers(0, (s.k-1)*30)
		})
	})
	if d.Verdict != Leaking || len(d.Suspects) != 1 {
		t.Fatalf("%q, %d suspects: %+v", d.Verdict, len(d.Suspects), d.Suspects)
	}
	s := d.Suspects[0]
	if want := []int{0, 300, 600}; !slices.Equal(s.Counts, want) || s.Title != "Registry.rooms (10 × Set)" {
		t.Errorf("%q, counts %v, want %v", s.Title, s.Counts, want)
	}
}

// TestYoungOnesOfThoseThatGo has rooms that are closed, and new ones in their place: those
// that can be seen are young and grow, and there are no more of them.
func TestYoungOnesOfThoseThatGo(t *testing.T) {
	const opened, open = 5, 20 // in an interval, at any time
	d := diagnose(t, 5, Options{}, func(s *shot) {
		s.rooms(numbers(s.k*opened, s.k*opened+open), func(room int) []int {
			return numbers(0, 15*(s.k-(room-open)/opened))
		})
	})
	if d.Verdict == Leaking {
		t.Errorf("%q: %s", d.Verdict, d.Reason)
	}
	for _, s := range d.Suspects {
		if strings.Contains(s.Title, "×") {
			t.Errorf("%q, counts %v", s.Title, s.Counts)
		}
	}
}
