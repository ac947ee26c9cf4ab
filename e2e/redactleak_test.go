package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/leaktest"
	"github.com/ecsheap/ecsheap/leak"
	"github.com/ecsheap/ecsheap/redact"
)

// redactedApps are leaks in a Map, an array of timers and an object, and a healthy service. All
// others with FULL=1.
var redactedApps = []string{"request-cache", "throttler", "session-store", "lru-full"}

// TestRedactedSeriesHasTheSameDiagnosis wants of the copies the verdict and the suspects of the
// originals: ids, sizes, patterns, and the lines of the code. Names may be others.
func TestRedactedSeriesHasTheSameDiagnosis(t *testing.T) {
	version := "24"
	for _, app := range leaktest.Apps() {
		if !strings.Contains(" "+strings.Join(redactedApps, " ")+" ", " "+app.Name+" ") && os.Getenv("FULL") != "1" {
			continue
		}
		t.Run(app.Name, func(t *testing.T) {
			t.Parallel()
			files := leaktest.Capture(t, version, app, leaktest.Plan{})
			dir := t.TempDir()
			var was, is leakSeries
			for i, file := range files {
				copied := filepath.Join(dir, fmt.Sprintf("s%d.heapsnapshot", i+1))
				redactTo(t, file, copied)
				was.shots, is.shots = append(was.shots, parseShared(t, file)), append(is.shots, parseShared(t, copied))
			}
			before, after := toldOf(was.find(t)), toldOf(is.find(t))
			if before != after {
				t.Errorf("original:\n%s\ncopy:\n%s", before, after)
			}
			t.Logf("%s", before)
		})
	}
}

func redactTo(t *testing.T, file, out string) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := redact.Snapshot(t.Context(), bufio.NewReader(in), out, redact.Options{Key: []byte("a key for one series")}); err != nil {
		t.Fatal(err)
	}
}

// find makes the diagnosis of all snapshots, of which nothing is known but that they are of
// one process.
func (l leakSeries) find(t *testing.T) *leak.Diagnosis {
	t.Helper()
	var earlier []*leak.Observation
	var before *leak.Observation
	last := len(l.shots) - 1
	for _, s := range l.shots[:last] {
		o, err := leak.Observe(t.Context(), s, leak.Moment{SameIDs: true}, before)
		if err != nil {
			t.Fatal(err)
		}
		earlier, before = append(earlier, o), o
	}
	d, err := leak.Find(t.Context(), earlier, l.shots[last], leak.Moment{SameIDs: true}, leak.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// toldOf is a diagnosis without names.
func toldOf(d *leak.Diagnosis) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %.2f %s\n", d.Verdict, d.Confidence, d.Method)
	for _, s := range d.Suspects {
		fmt.Fprintf(&b, "%d. @%d %s, %d bytes, %d and %d more, path of %d, %s, %s\n",
			s.Rank, s.ID, s.Pattern, s.Retained, s.Counts, s.Sizes, len(s.Path), lineOf(s.Location), lineOf(s.CreatedAt))
	}
	return b.String()
}

// lineOf is a place without the folder of its file.
func lineOf(p *leak.Place) string {
	if p == nil {
		return "-"
	}
	return fmt.Sprintf("%s:%d:%d", filepath.Base(p.File), p.Line, p.Column)
}
