package leak

import (
	"math"
	"slices"
	"time"
)

// trend judges growth by window.
type trend struct {
	// score is the growth that every interval shows, damped when it is not steady: the
	// least of them times the root of least to greatest. It is in units per interval.
	score float64
	// steady is the least rate of the windows over the greatest, 0 … 1.
	steady float64
	// pace is the rate of the later half of the windows over that of the earlier one:
	// well below 1 something fills up.
	pace float64
}

// clock is how long the windows were.
type clock struct {
	seconds []float64 // by window; all 1 when not known
	known   bool
}

// newClock reads the times of the snapshots. A clock that stands still or goes backwards
// is none.
func newClock(at []time.Time) clock {
	c := clock{known: len(at) > 1}
	for i := 1; i < len(at); i++ {
		d := at[i].Sub(at[i-1]).Seconds()
		if at[i].IsZero() || at[i-1].IsZero() || d <= 0 {
			c.known = false
		}
		c.seconds = append(c.seconds, d)
	}
	if !c.known {
		for i := range c.seconds {
			c.seconds[i] = 1
		}
	}
	if len(c.seconds) == 0 {
		c.seconds = []float64{1}
	}
	return c
}

// spared is how many windows make one of them be spared in the judgement: a deployment
// or a quiet hour may fall into it.
const spared = 5

// judge judges the growth of the windows from the given one on.
func (c clock) judge(growth []int64, from int) trend {
	var rates []float64
	var seconds float64
	for w := from; w < len(growth); w++ {
		rates = append(rates, float64(growth[w])/c.seconds[w])
		seconds += c.seconds[w]
	}
	if len(rates) == 0 {
		return trend{}
	}
	t := trend{steady: 1, pace: 1}
	if half := len(rates) / 2; half > 0 {
		early, late := mean(rates[:half]), mean(rates[len(rates)-half:])
		if early > 0 {
			t.pace = late / early
		} else {
			t.pace = math.Inf(1)
		}
	}
	sorted := slices.Sorted(slices.Values(rates))
	low, high := sorted[len(sorted)/spared], sorted[len(sorted)-1]
	if low <= 0 {
		t.steady = 0
		return t
	}
	t.steady = low / high
	t.score = low * seconds / float64(len(rates)) * math.Sqrt(t.steady)
	return t
}

func mean(values []float64) float64 {
	var sum float64
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}
