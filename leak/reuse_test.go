package leak

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestReused has collections whose elements are used, or are put back, and only those of which
// both is true of all elements are taken for pools.
func TestReused(t *testing.T) {
	everyone := func(int) bool { return true }
	for _, test := range []struct {
		name    string
		used    func(i int) bool // has come by something new before each snapshot
		mixed   bool             // the order changes
		beside  bool             // a second array has them in another order
		class   string
		verdict Verdict
	}{
		{"a pool", everyone, true, false, "Array", Growing},
		{"a pool in a Set", everyone, true, false, "Set", Growing},
		{"a pool with a list of those that are free", everyone, false, true, "Array", Growing},
		{"subscribers that nobody signs off", everyone, false, false, "Array", Leaking},
		{"a list that is sorted", nil, true, false, "Array", Leaking},
		{"what was opened last", func(i int) bool { return i%10 > 0 }, true, false, "Array", Leaking},
		{"two lists of the same, in another order", nil, false, true, "Array", Leaking},
		{"a cache that is put in order", everyone, true, false, "Map", Leaking},
	} {
		t.Run(test.name, func(t *testing.T) {
			build := func(s *shot) {
				make := s.worker(test.used)
				all := numbers(0, s.k*each)
				if test.mixed {
					all = mixed(all)
				}
				s.hold("vars", "pool", "pool", "Pool", 40)
				if test.class == "Array" {
					s.array("pool", "workers", "workers", all, make)
				} else {
					s.collect("pool", "workers", "workers", test.class, all, make)
				}
				if test.beside {
					s.array("pool", "free", "free", mixed(all), func(i int) string { return fmt.Sprint("worker", i) })
				}
			}
			for how, d := range map[string]*Diagnosis{
				"by ids": diagnose(t, 3, Options{}, build), "by path": serial{followed, renumbered}.diagnose(t, Options{}, build),
			} {
				if len(d.Suspects) == 0 || d.Verdict != test.verdict {
					t.Fatalf("%s: %q, want %q: %s", how, d.Verdict, test.verdict, d.Reason)
				}
				s := d.Suspects[0]
				if says := strings.Contains(d.Reason, "as in a pool") && strings.Contains(s.Explanation, "looks like a pool"); says != (test.verdict == Growing) {
					t.Errorf("%s\n%s", d.Reason, s.Explanation)
				}
			}
		})
	}
}

// mixed puts every third one to the front.
func mixed(numbers []int) []int {
	var front, rest []int
	for at, n := range numbers {
		if at%3 == 1 {
			front = append(front, n)
		} else {
			rest = append(rest, n)
		}
	}
	slices.Reverse(front)
	var both []int
	for at := range rest {
		both = append(both, rest[at])
		if at < len(front) {
			both = append(both, front[at])
		}
	}
	return both
}

// worker returns a maker of objects, of which some get a new page before each snapshot.
func (s *shot) worker(used func(i int) bool) func(i int) string {
	make := s.object("worker", "Worker")
	return func(i int) string {
		key := make(i)
		if page := fmt.Sprint("page ", i, " of ", s.k); used != nil && used(i) {
			s.hold(key, "page", page, "Page", 32)
		}
		return key
	}
}
