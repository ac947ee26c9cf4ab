package e2e

import (
	"fmt"
	"os"
	"path"
	"slices"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/leaktest"
	"github.com/ecsheap/ecsheap/leak"
)

// leakInterval is what a diagnosis is told of the time between two snapshots.
// The real one is a fraction of a second, by which no service would last a
// minute.
const leakInterval = 5 * time.Minute

// leakSeries is a series of snapshots of an app.
type leakSeries struct {
	app     leaktest.App
	shots   []*heap.Snapshot
	restart int // as in leaktest.Plan
	// reset has, by snapshot, whether ids are said not to continue although the process
	// is the same. They do continue, but nobody looks.
	reset map[int]bool
}

// capture takes the snapshots of a series and reads them.
func (c leakCase) capture(t *testing.T, p leaktest.Plan) leakSeries {
	t.Helper()
	series := leakSeries{app: c.app, restart: p.Restart}
	for _, name := range leaktest.Capture(t, c.version, c.app, p) {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		s, err := heap.Parse(t.Context(), file, nil)
		_ = file.Close()
		if err != nil {
			t.Fatal(err)
		}
		series.shots = append(series.shots, s)
	}
	return series
}

// diagnosed is what came out for a series.
type diagnosed struct {
	rank       int   // of the true accumulation point, 0 = not among the suspects
	also       []int // of the further ones
	verdict    leak.Verdict
	method     leak.Method
	confidence float64
	title      string // of the first suspect
	pattern    string // of the true one, "≠" before it where the corpus has another name for it
	first      string // the first suspect, with what of it is compared
	located    bool   // the true one leads to the line that the corpus names
}

// diagnose makes the diagnosis of some of the snapshots, by their index.
func (l leakSeries) diagnose(t *testing.T, shots ...int) diagnosed {
	t.Helper()
	start := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	var earlier []*leak.Observation
	var before *leak.Observation
	last := len(shots) - 1
	moment := func(i int) leak.Moment {
		restarted := l.restart > 0 && shots[i] == l.restart
		return leak.Moment{
			At: start.Add(time.Duration(shots[i]) * leakInterval), SameIDs: i > 0 && !restarted && !l.reset[shots[i]], NewProcess: restarted,
		}
	}
	for i, shot := range shots[:last] {
		o, err := leak.Observe(t.Context(), l.shots[shot], moment(i), before)
		if err != nil {
			t.Fatal(err)
		}
		earlier, before = append(earlier, o), o
	}
	d, err := leak.Find(t.Context(), earlier, l.shots[shots[last]], moment(last), leak.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return judge(l.app, d)
}

// judge compares a diagnosis with the truth.
func judge(app leaktest.App, d *leak.Diagnosis) diagnosed {
	got := diagnosed{verdict: d.Verdict, method: d.Method, confidence: d.Confidence, title: "-", first: "nothing"}
	if len(d.Suspects) > 0 {
		s := d.Suspects[0]
		got.title, got.first = s.Title, fmt.Sprintf("%s: %s by %q", s.Title, s.Class, lastNamed(s.Path))
	}
	got.rank = rankOf(app.Want, d.Suspects)
	if got.rank > 0 {
		s := d.Suspects[got.rank-1]
		got.located = leadsTo(s, app)
		if got.pattern = string(s.Pattern); got.pattern != app.Pattern {
			got.pattern = "≠ " + got.pattern
		}
	}
	for _, w := range app.Also {
		got.also = append(got.also, rankOf(w, d.Suspects))
	}
	return got
}

// rankOf returns the place of the accumulation point among the suspects, from 1,
// 0 when it is not among them.
func rankOf(w leaktest.Want, suspects []leak.Suspect) int {
	return 1 + slices.IndexFunc(suspects, func(s leak.Suspect) bool { return w.Accepts(s.Class, lastNamed(s.Path), s.Title) })
}

// lastNamed returns the last edge of a path that has a name in the source, ""
// for none.
func lastNamed(path []leak.Step) string {
	for _, step := range slices.Backward(path) {
		if step.Type == heap.PropertyEdge || step.Type == heap.ContextEdge || step.Type == heap.ShortcutEdge {
			return step.Edge
		}
	}
	return ""
}

// leadsTo reports whether a suspect names the line that the corpus wants named,
// if there is one.
func leadsTo(s leak.Suspect, app leaktest.App) bool {
	if app.Want.At == "" {
		return true
	}
	line := app.Line(app.Want.At)
	return slices.ContainsFunc([]*leak.Place{s.CreatedAt, s.AllocatedAt, s.Location}, func(p *leak.Place) bool {
		return p != nil && path.Base(p.File) == app.File() && p.Line == line
	})
}

// resets are the ways in which ids of three snapshots may not continue within a process,
// and what that leaves to follow objects by.
var resets = []struct {
	name   string
	at     map[int]bool
	method leak.Method
}{
	{"reset at the second", map[int]bool{1: true}, leak.Comparison},
	{"reset at the third", map[int]bool{2: true}, leak.ClassComparison},
	{"reset at both", map[int]bool{1: true, 2: true}, leak.ClassComparison},
}

// movingHeads are leaks in which each new object holds the one before: without ids one end
// of such a chain of closures looks like the other, and no path leads to the right one.
var movingHeads = []string{"the-thing"}

// TestLeakReset diagnoses three snapshots of a process whose ids were reset in between, as
// by a debugger that came and went: paths must name what grows, and healthy services must
// not be said to leak. FULL=1 takes every app, an ordinary run one healthy app in six: with
// the race detector each costs ten seconds.
func TestLeakReset(t *testing.T) {
	t.Parallel()
	apps := leaktest.Apps()
	if !full() {
		healthy := 0
		apps = slices.DeleteFunc(apps, func(a leaktest.App) bool {
			if a.Leaks {
				return !slices.Contains(longApps, a.Name)
			}
			healthy++
			return healthy%6 != 1
		})
	}
	table := &leakTable{}
	for _, c := range leakCases(apps, nodeVersions(), false) {
		t.Run(c.String(), func(t *testing.T) { c.checkReset(t, table) })
	}
	table.log(t, "%-23s node | series         | rank verdict    conf | first suspect", "app")
}

// checkReset diagnoses three snapshots in each of the ways in which ids may be reset.
func (c leakCase) checkReset(t *testing.T, table *leakTable) {
	series := c.capture(t, leaktest.Plan{})
	for _, r := range resets {
		series.reset = r.at
		d := series.diagnose(t, 0, 1, 2)
		wrong := c.wrongOfTwo(d)
		if d.method == leak.ClassComparison && slices.Contains(movingHeads, c.app.Name) && d.verdict != leak.Leaking {
			wrong = nil
		}
		if d.method != r.method {
			wrong = append(wrong, fmt.Sprintf("by %q, not by %q", d.method, r.method))
		}
		for _, w := range wrong {
			t.Errorf("%s: %s", r.name, w)
		}
		c.addLong(table, r.name, d, wrong)
	}
}

// TestJudge checks that a diagnosis can be wrong.
func TestJudge(t *testing.T) {
	app, _ := leaktest.Find("throttler")
	path := []leak.Step{{Edge: "context.controller", Type: heap.ContextEdge}, {Edge: "timeoutIds", Type: heap.PropertyEdge}, {Edge: "7", Type: heap.ElementEdge}}
	culprit := &leak.Place{File: "/srv/throttler.js", Line: app.Line(app.Want.At)}
	right := leak.Suspect{Class: "Array", Title: "x", Path: path, CreatedAt: culprit}
	tests := []struct {
		name    string
		suspect leak.Suspect
		verdict leak.Verdict
		wrong   int
	}{
		{"right", right, leak.Leaking, 0},
		{"by its title", leak.Suspect{Class: "Array", Title: "Storage.timeoutIds (Array)", CreatedAt: culprit}, leak.Leaking, 0},
		{"verdict", right, leak.Growing, 1},
		{"no line", leak.Suspect{Class: "Array", Path: path}, leak.Leaking, 1},
		{"other line", leak.Suspect{Class: "Array", Path: path, CreatedAt: &leak.Place{File: culprit.File, Line: 1}}, leak.Leaking, 1},
		{"other file", leak.Suspect{Class: "Array", Path: path, CreatedAt: &leak.Place{File: "a.js", Line: culprit.Line}}, leak.Leaking, 1},
		{"class", leak.Suspect{Class: "Timeout", Path: path, CreatedAt: culprit}, leak.Leaking, 1},
		{"edge", leak.Suspect{Class: "Array", Path: path[:1], CreatedAt: culprit}, leak.Leaking, 1},
		{"nothing", leak.Suspect{}, leak.Stable, 2},
	}
	for _, tt := range tests {
		d := &leak.Diagnosis{Verdict: tt.verdict, Suspects: []leak.Suspect{tt.suspect}}
		if got := (leakCase{app: app}).wrong(judge(app, d)); len(got) != tt.wrong {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
	control := leakCase{app: leaktest.App{}}
	if got := control.wrong(judge(control.app, &leak.Diagnosis{Verdict: leak.Leaking})); len(got) != 1 {
		t.Errorf("a control that is said to leak: %q", got)
	}
	two, _ := leaktest.Find("two-leaks")
	d := &leak.Diagnosis{Verdict: leak.Leaking, Suspects: []leak.Suspect{{Class: "Map", Title: "SearchService.results"}}}
	if got := (leakCase{app: two}).wrong(judge(two, d)); len(got) != 1 {
		t.Errorf("one leak of two: %q", got)
	}
}
