package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ecsheap/ecsheap/internal/leaktest"
	"github.com/ecsheap/ecsheap/leak"
)

// leaksAtOnce is how many series are captured and diagnosed side by side: each
// keeps a core busy.
const leaksAtOnce = 2

// maxLooseRank is the last rank that is good enough where the snapshots do not
// tell all: two of them, or several leaks at once.
const maxLooseRank = 3

// leakCase is an app on a version of Node.js.
type leakCase struct {
	app     leaktest.App
	version string
}

func (c leakCase) String() string { return c.app.Name + "/node" + c.version }

// leakCases is every app on every version, or, when not all are wanted, on one
// version each in turn.
func leakCases(apps []leaktest.App, versions []string, all bool) []leakCase {
	var cases []leakCase
	for i, app := range apps {
		some := versions[i%len(versions):][:1]
		if all {
			some = versions
		}
		for _, version := range some {
			cases = append(cases, leakCase{app, version})
		}
	}
	return cases
}

func TestLeakCases(t *testing.T) {
	apps, versions := leaktest.Apps()[:5], []string{"18", "24"}
	for all, want := range map[bool]int{false: 5, true: 10} {
		cases := leakCases(apps, versions, all)
		names, majors := map[string]bool{}, map[string]bool{}
		for _, c := range cases {
			names[c.app.Name], majors[c.version] = true, true
		}
		if len(cases) != want || len(names) != 5 || len(majors) != 2 {
			t.Errorf("all %t: %v", all, cases)
		}
	}
}

// leakTable collects the rows of the table that a test prints at its end.
type leakTable struct {
	mu   sync.Mutex
	rows []string
	good int
}

// add adds a row. good says that all in it is as it should be.
func (l *leakTable) add(good bool, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	mark := "!!"
	if good {
		mark = "ok"
		l.good++
	}
	l.rows = append(l.rows, fmt.Sprintf("| "+format, args...)+" | "+mark)
}

// log prints the table. Each of its lines begins with "| ", for scripts.
func (l *leakTable) log(t *testing.T, format string, args ...any) {
	t.Helper()
	slices.Sort(l.rows)
	t.Logf("%d of %d rows are as they should be\n| %s\n%s", l.good, len(l.rows), fmt.Sprintf(format, args...), strings.Join(l.rows, "\n"))
}

// TestLeakCorpus diagnoses real leaks and real services without one: the true
// accumulation point must come first with the verdict "leak", and no control may
// be called so. FULL=1 takes every app on every version of Node.js.
func TestLeakCorpus(t *testing.T) {
	corpus(t, leaktest.Apps())
}

// corpus diagnoses the apps and prints what came out.
func corpus(t *testing.T, apps []leaktest.App) {
	table := &leakTable{}
	slots := make(chan struct{}, leaksAtOnce)
	t.Run("series", func(t *testing.T) {
		for _, c := range leakCases(apps, nodeVersions(), full()) {
			t.Run(c.String(), func(t *testing.T) {
				t.Parallel()
				slots <- struct{}{}
				defer func() { <-slots }()
				c.check(t, table)
			})
		}
	})
	table.log(t, "%-23s node | three snapshots     | two        | one | first suspect | pattern of the true one | ", "app")
}

// check captures three snapshots and diagnoses all, the first and the last, and
// the last alone. One snapshot tells too little to be held to anything.
func (c leakCase) check(t *testing.T, table *leakTable) {
	series := c.capture(t, leaktest.Plan{})
	wantGrowth(t, c.app, series.shots)
	three, two, one := series.diagnose(t, 0, 1, 2), series.diagnose(t, 0, 2), series.diagnose(t, 2)
	wrong := append(c.wrong(three), c.wrongOfTwo(two)...)
	for _, w := range wrong {
		t.Error(w)
	}
	table.add(len(wrong) == 0, "%-23s %4s | %3s %-10s %.2f | %3s %-6.6s | %3s | %s | %s", c.app.Name, c.version,
		rankText(three.rank), three.verdict, three.confidence, rankText(two.rank), two.verdict, rankText(one.rank), three.title, three.pattern)
}

// wrong says what is wrong with the diagnosis of three snapshots or more.
func (c leakCase) wrong(d diagnosed) []string {
	if !c.app.Leaks {
		if d.verdict == leak.Leaking {
			return []string{fmt.Sprintf("a healthy service (%s) is said to leak: %s", c.app.Pattern, d.first)}
		}
		return nil
	}
	var wrong []string
	if d.rank != 1 {
		wrong = append(wrong, fmt.Sprintf("%s has rank %s, the first is %s", c.app.Want, rankText(d.rank), d.first))
	}
	if d.verdict != leak.Leaking {
		wrong = append(wrong, fmt.Sprintf("the verdict is %q, not %q", d.verdict, leak.Leaking))
	}
	if d.rank == 1 && !d.located {
		wrong = append(wrong, fmt.Sprintf("nothing leads to %s:%d", c.app.File(), c.app.Line(c.app.Want.At)))
	}
	for i, rank := range d.also {
		if rank == 0 || rank > maxLooseRank {
			wrong = append(wrong, fmt.Sprintf("%s has rank %s", c.app.Also[i], rankText(rank)))
		}
	}
	return wrong
}

// wrongOfTwo is wrong for two snapshots, which can tell growth from none.
func (c leakCase) wrongOfTwo(d diagnosed) []string {
	switch {
	case !c.app.Leaks && d.verdict == leak.Leaking:
		return []string{"with two snapshots a healthy service is said to leak: " + d.first}
	case c.app.Leaks && (d.rank == 0 || d.rank > maxLooseRank):
		return []string{fmt.Sprintf("with two snapshots %s has rank %s", c.app.Want, rankText(d.rank))}
	}
	return nil
}

// rankText writes a rank, "-" for none.
func rankText(rank int) string {
	if rank == 0 {
		return "-"
	}
	return fmt.Sprint(rank)
}

// longApps are those that TestLeakSeries watches for longer, and through a
// restart.
var longApps = []string{"throttler", "lru-no-max", "intern-table"}

// TestLeakSeries diagnoses five snapshots, and series in which the process is
// another from the second snapshot on, whether the diagnosis is told so or not.
func TestLeakSeries(t *testing.T) {
	table := &leakTable{}
	versions := nodeVersions()
	for i, name := range longApps {
		app, ok := leaktest.Find(name)
		if !ok {
			t.Fatalf("no app %q", name)
		}
		for _, version := range versions {
			c := leakCase{app, version}
			if !full() && version != versions[i%len(versions)] {
				continue
			}
			c.checkLong(t, table)
			c.checkRestart(t, table)
		}
	}
	table.log(t, "%-23s node | series         | rank verdict    conf | first suspect", "app")
}

// checkLong diagnoses five snapshots.
func (c leakCase) checkLong(t *testing.T, table *leakTable) {
	t.Helper()
	series := c.capture(t, leaktest.Plan{Shots: 5})
	d := series.diagnose(t, 0, 1, 2, 3, 4)
	wrong := c.wrong(d)
	for _, w := range wrong {
		t.Errorf("%s: five snapshots: %s", c, w)
	}
	c.addLong(table, "five", d, wrong)
}

// checkRestart diagnoses three snapshots, the first of another process.
func (c leakCase) checkRestart(t *testing.T, table *leakTable) {
	t.Helper()
	series := c.capture(t, leaktest.Plan{Restart: 1})
	for _, told := range []bool{true, false} {
		what := "restart, told"
		if !told {
			what, series.restart = "restart, untold", 0
		}
		d := series.diagnose(t, 0, 1, 2)
		wrong := c.wrongOfTwo(d) // two of the three are of one process
		for _, w := range wrong {
			t.Errorf("%s: %s: %s", c, what, w)
		}
		if d.method == leak.Survivors {
			t.Errorf("%s: %s: ids of two processes were taken for those of one", c, what)
		}
		c.addLong(table, what, d, wrong)
	}
}

func (c leakCase) addLong(table *leakTable, what string, d diagnosed, wrong []string) {
	table.add(len(wrong) == 0, "%-23s %4s | %-15s | %4s %-10s %.2f | %s", c.app.Name, c.version, what, rankText(d.rank), d.verdict, d.confidence, d.title)
}
