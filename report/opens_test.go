package report

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// opensWithin is how long a page may take from the start of its loading until its treemap is
// there.
const opensWithin = time.Second

// TestOpens measures how long the report in the file that ECSHEAP_PAGE names takes to open, in a
// tab of its own five times, and wants the best of them within a second.
func TestOpens(t *testing.T) {
	file := os.Getenv("ECSHEAP_PAGE")
	if file == "" {
		t.Skip("ECSHEAP_PAGE names no report")
	}
	file, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	browser := startBrowser(t)
	best := time.Hour
	for range 5 {
		p := open(t, browser, file, "light", desk)
		paint := milliseconds(t, p.text("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"))
		load := milliseconds(t, p.text("performance.getEntriesByType('navigation')[0].loadEventEnd"))
		t.Logf("first paint after %s, all of it after %s", paint, load)
		best = min(best, max(paint, load))
		p.calm()
	}
	if best > opensWithin {
		t.Errorf("it takes %s to open, want %s at most", best, opensWithin)
	}
}

func milliseconds(t *testing.T, text string) time.Duration {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || n < 0 {
		t.Fatalf("%q is no time", text)
	}
	return time.Duration(n * float64(time.Millisecond)).Round(time.Millisecond)
}
