package leak

import (
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/heap"
)

func TestSpanText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		4012 * time.Millisecond: "4 s", 622 * time.Millisecond: "0.62 s", 42 * time.Second: "42 s", 60400 * time.Millisecond: "1 min",
		90 * time.Second: "90 s", 601 * time.Second: "10 min", 3 * time.Hour: "3 h",
	} {
		if got := spanText(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// TestPerInterval speaks of a minute where the intervals are shorter, and of the
// interval where they are not.
func TestPerInterval(t *testing.T) {
	for name, c := range map[string]struct {
		seconds []float64
		unknown bool
		count   int
		want    string
	}{
		"short":   {seconds: []float64{4, 4}, count: 800, want: "+6,000 per min"},
		"ten":     {seconds: []float64{600, 601}, count: 32140, want: "+16,070 per 10 min"},
		"unknown": {seconds: []float64{1, 1}, unknown: true, count: 20, want: "+10 per interval"},
	} {
		f := &finder{survey: &survey{past: make([]*Observation, 2), ages: ages{marks: make([]heap.ID, 2)}, clock: clock{known: !c.unknown, seconds: c.seconds}}}
		if got := f.perInterval(Suspect{Counts: []int{0, 0, 1}, CountDelta: c.count}); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
