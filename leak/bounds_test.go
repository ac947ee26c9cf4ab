package leak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// limitedBy is a Map that gains steadily in an object with properties of these names, whose
// values cannot be seen.
func limitedBy(each int, names ...string) func(s *shot) {
	return func(s *shot) {
		s.hold("vars", "owner", "owner", "Owner", 80)
		s.shape("owner", append(names, "entries")...)
		s.collect("owner", "entries", "entries", "Map", numbers(0, s.k*each), s.object("page", "Page"))
	}
}

// TestNamesOfLimits tells what a name is worth, by how long the growth is watched.
func TestNamesOfLimits(t *testing.T) {
	tests := []struct {
		names []string
		each  int
		three Verdict // of so many snapshots
		four  Verdict
	}{
		{[]string{"ttl"}, 100, Leaking, Leaking},
		{[]string{"maxAge"}, 100, Leaking, Leaking},
		{[]string{"limit", "windowMs"}, 100, Leaking, Leaking}, // of a rate
		{[]string{"windowMs", "limit"}, 100, Leaking, Leaking},
		{[]string{"limit"}, 100, Growing, Leaking},
		{[]string{"limit"}, 20, Growing, Growing}, // so few that it may well fill up
		{[]string{"limit", "maxEntries", "windowMs"}, 100, Growing, Growing},
		{[]string{"max"}, 100, Growing, Growing},
		{[]string{"max"}, 500, Growing, Growing},
		{[]string{"maxEntries", "ttl"}, 100, Growing, Growing},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.names, test.each), func(t *testing.T) {
			for shots, want := range map[int]Verdict{3: test.three, 4: test.four} {
				d := diagnose(t, shots, Options{}, limitedBy(test.each, test.names...))
				if d.Verdict != want {
					t.Errorf("%d snapshots: %q, want %q: %s", shots, d.Verdict, want, d.Reason)
				}
				if shots > 3 && strings.Contains(d.Reason, "fourth") {
					t.Errorf("%d snapshots: %s", shots, d.Reason)
				}
			}
		})
	}
}

// TestNameThatNothingBearsOut has a limit that thousands of elements have not met.
func TestNameThatNothingBearsOut(t *testing.T) {
	for each, want := range map[int]Verdict{500: Growing, 2100: Leaking} {
		build := func(s *shot) {
			s.hold("global", "odd", "odd", "Odd", 24) // or the sample of ids has strings alone
			limitedBy(each, "max")(s)
		}
		if d := diagnose(t, 6, Options{}, build); d.Verdict != want {
			t.Errorf("%d in each interval: %q, want %q: %s", each, d.Verdict, want, d.Reason)
		}
	}
}

// TestUnsteadyGrowthBelowALimit has a cache that slows down, or that lets elements go.
func TestUnsteadyGrowthBelowALimit(t *testing.T) {
	for name, of := range map[string]func(k int) []int{
		"slower": func(k int) []int { return numbers(0, []int{0, 500, 1500, 2100, 2300}[k]) },
		"evicts": func(k int) []int { return numbers(k*400, 500+k*900) },
	} {
		d := diagnose(t, 4, Options{}, func(s *shot) {
			s.hold("vars", "owner", "owner", "Owner", 80)
			s.shape("owner", "limit", "entries")
			s.collect("owner", "entries", "entries", "Map", of(s.k), s.object("page", "Page"))
		})
		if d.Verdict == Leaking {
			t.Errorf("%s: %q: %s", name, d.Verdict, d.Reason)
		}
	}
}

// TestLimitThatIsPassed has a number that is no limit of this, as there are more already.
func TestLimitThatIsPassed(t *testing.T) {
	if d := diagnose(t, 3, Options{}, func(s *shot) { s.limited("150") }); d.Verdict != Leaking {
		t.Errorf("%q: %s", d.Verdict, d.Reason)
	}
	if d := diagnose(t, 4, Options{}, func(s *shot) { s.limited("5000") }); d.Verdict != Growing {
		t.Errorf("a limit that can be read: %q: %s", d.Verdict, d.Reason)
	}
}

// TestFewBigElements has an array with less elements at first than are remembered by number.
func TestFewBigElements(t *testing.T) {
	for _, rows := range []int{2000, 20} {
		for _, shared := range []bool{false, true} {
			if shared && rows < 100 {
				continue // so little is not remembered
			}
			fewBigElements(t, rows, shared)
		}
	}
}

// fewBigElements is one such array; shared says that something else holds the elements too.
func fewBigElements(t *testing.T, rows int, shared bool) {
	t.Helper()
	d := diagnose(t, 3, Options{}, func(s *shot) {
		s.array("vars", "jobs", "jobs", numbers(0, s.k*3-1), func(i int) string {
			key := fmt.Sprint("job", i)
			s.node(key, "object", "Job", 64)
			if shared {
				s.Edge("global", "property", key, key)
			}
			s.array(key, "rows", key+" rows", numbers(0, rows), func(row int) string {
				name := fmt.Sprint(key, " row ", row)
				s.node(name, "object", "Row", 64)
				return name
			})
			return key
		})
	})
	i := slices.IndexFunc(d.Suspects, func(s Suspect) bool { return s.Title == "jobs in server.js (Array)" })
	if i < 0 {
		t.Fatalf("suspects %+v", d.Suspects)
	}
	s := d.Suspects[i]
	if want := []int{2, 5, 8}; !slices.Equal(s.Counts, want) {
		t.Errorf("%d rows, shared: %v: counts %v, want %v", rows, shared, s.Counts, want)
	}
	job, self := int64(64+32+rows*64), int64(32)
	if shared {
		self = 0 // it does not retain them
	}
	if want := []int64{2*job + self, 5*job + self, 8*job + self}; !slices.Equal(s.Sizes, want) {
		t.Errorf("%d rows, shared: %v: sizes %v, want %v", rows, shared, s.Sizes, want)
	}
	if k := s.Keeps[0]; k.Class != "Row" || k.Count != 6*rows || k.Size != int64(6*rows*64) {
		t.Errorf("keeps %+v", s.Keeps)
	}
}

// TestInventoryOfMany has more objects than are looked at, the last of them in part.
func TestInventoryOfMany(t *testing.T) {
	const jobs, rows = 8, 7000
	d := diagnose(t, 3, Options{}, func(s *shot) {
		s.array("vars", "jobs", "jobs", numbers(0, s.k*jobs), func(i int) string {
			key := fmt.Sprint("job", i)
			s.node(key, "object", "Job", 64)
			if i < jobs {
				return key
			}
			for row := range rows {
				name := fmt.Sprint(key, " ", row)
				s.node(name, "object", "Row", 64)
				s.Edge(key, "element", fmt.Sprint(row), name)
			}
			return key
		})
	})
	const want = 2 * jobs * rows
	if k := d.Suspects[0].Keeps[0]; k.Class != "Row" || k.Count < want*99/100 || k.Count > want*101/100 {
		t.Errorf("keeps %+v, want about %d rows", d.Suspects[0].Keeps, want)
	}
}
