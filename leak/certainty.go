package leak

import (
	"fmt"
	"math"
	"slices"
)

// How sure a verdict can be is measured, not felt: docs/diagnosis.md has the services that
// nobody had looked at before, and how many of the verdicts on them were right.
var (
	// leakLimits bounds the confidence in a leak, by the intervals that were watched. Of
	// verdicts "leak" on unknown services with three snapshots about one in ten was wrong,
	// most of them on what would have come to an end in the fifth.
	leakLimits = []float64{0.3, 0.5, 0.9, 0.93, 0.95}
	// stableLimits is the same for "stable": what grows slowly, in bursts, or by night is
	// not seen in two intervals.
	stableLimits = []float64{0.3, 0.6, 0.8, 0.85, 0.9}
)

const (
	// mostLimit and mostStable hold for longer series.
	mostLimit  = 0.97
	mostStable = 0.92
	// fewElements is how many new elements in each interval are too few to tell a steady
	// pace from one that slackens: of n that come by chance sqrt(n) is noise.
	fewElements = 40
)

// limitOf returns what a table says of so many intervals.
func limitOf(limits []float64, intervals int, most float64) float64 {
	if intervals < len(limits) {
		return limits[intervals]
	}
	return most
}

// certain bounds the confidence in a candidate by how much has been watched.
func (f *finder) certain(p float64, c *candidate) float64 {
	windows := f.survey.windows()
	if len(f.past) == 0 {
		windows = 0
	}
	if f.isJudged(c.history) {
		windows = max(windows, c.history.windows())
	}
	limit := limitOf(leakLimits, windows, mostLimit)
	if least := slices.Min(append(c.more[min(c.from, len(c.more)):], math.MaxInt64)); c.kind == collection && len(f.past) >= 2 && least > 0 && least < fewElements {
		limit = min(limit, 1-1/math.Sqrt(float64(least)))
	}
	return min(p, limit)
}

// stableConfidence is how sure it is that nothing grows, and to what extent nothing does.
func (f *finder) stableConfidence(best float64) float64 {
	return round(min(1-best, limitOf(stableLimits, f.survey.windows(), mostStable)))
}

func round(p float64) float64 { return math.Round(p*100) / 100 }

// floorText says what growth is too slow to be told from noise.
func (f *finder) floorText() string {
	return fmt.Sprintf("Less than %s an interval is not seen.", size(int64(f.floor())))
}

// floor is the growth per interval that matters, in bytes.
func (f *finder) floor() float64 {
	return max(minLeakBytes, minLeakShare*float64(f.survey.Total()))
}
