package gate

import (
	"fmt"
	"strings"
	"time"
)

// size writes bytes for people, in powers of ten.
func size(n int64) string {
	switch abs := max(n, -n); {
	case abs >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case abs >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.0f kB", float64(n)/1e3)
	}
}

// sizes writes a range of bytes.
func sizes(r Range[int64]) string {
	low, high := size(r.Low), size(r.High)
	if low == high {
		return high
	}
	number, unit, _ := strings.Cut(low, " ")
	if _, other, _ := strings.Cut(high, " "); other == unit {
		low = number
	}
	return low + " to " + high
}

// span writes a duration with no more digits than a forecast has.
func span(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(100 * time.Millisecond)
	default:
		d = d.Round(10 * time.Millisecond)
	}
	return d.String()
}

// String writes the forecast on one line.
func (f Forecast) String() string {
	return fmt.Sprintf("a pause of about %s (%s to %s), %s more memory (likely %s), a file of about %s; %s forecast, %s",
		span(f.Pause.Likely), span(f.Pause.Low), span(f.Pause.High), sizes(f.Extra), size(f.Extra.Likely), size(f.File.Likely), f.Sure, f.Basis)
}
