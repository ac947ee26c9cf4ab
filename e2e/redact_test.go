package e2e

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/devtoolstest"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/redact"
)

// TestRedactedHeapIsTheSame redacts snapshots of real programs. The copy has the same
// classes, sizes, distances, dominators, lengths of paths, duplicate strings and
// differences; in Chrome DevTools, too.
func TestRedactedHeapIsTheSame(t *testing.T) {
	var versions, names []string
	for _, pin := range nodetest.Pins() {
		versions = append(versions, pin.Major)
	}
	files := map[string]string{}
	for _, file := range heapApps(t) {
		name := strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
		names = append(names, name)
		files[name] = file
	}
	for _, c := range redactCases(versions, names, os.Getenv("FULL") == "1") {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			// A name is kept where the code that has it is in the heap: code that V8
			// drops between two snapshots has it masked in one of them alone.
			c.nodeArgs = []string{"--no-flush-bytecode"}
			series := takeSeries(t, c, files[c.app])
			compareRedacted(t, series)
		})
	}
	t.Run("secrets", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "s1.heapsnapshot")
		cmd := exec.CommandContext(t.Context(), nodetest.Require(t, ""), "../redact/testdata/secrets.cjs", file)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		compareRedacted(t, []string{file})
	})
}

// redactCases are some of the cases of the comparison with Chrome: each app and each
// version once, and the snapshots with numbers and with allocation stacks.
func redactCases(versions, apps []string, full bool) []heapCase {
	all := heapCases(versions, apps, full)
	if full {
		return all
	}
	var some []heapCase
	for i, app := range apps {
		some = append(some, heapCase{version: versions[i%len(versions)], app: app, variant: variants()[0]})
	}
	for _, v := range variants()[1:] {
		some = append(some, heapCase{version: versions[len(versions)-1], app: apps[0], variant: v})
	}
	return some
}

// compareRedacted redacts a series with one key and compares.
func compareRedacted(t *testing.T, series []string) {
	t.Helper()
	key := []byte("a key for one series")
	var shared []string
	for _, file := range series {
		in, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		out := strings.TrimSuffix(file, ".heapsnapshot") + "-shared.heapsnapshot"
		if _, err := redact.Snapshot(t.Context(), bufio.NewReader(in), out, redact.Options{Key: key}); err != nil {
			t.Fatal(err)
		}
		shared = append(shared, out)
	}
	var was, is []*heap.Snapshot
	for i := range series {
		was, is = append(was, parseShared(t, series[i])), append(is, parseShared(t, shared[i]))
		compareShared(t, was[i], is[i])
	}
	for i := 1; i < len(series); i++ {
		diff := func(s []*heap.Snapshot) []string {
			return rows(heap.Diff(s[i-1].Index(), s[i].Index()), func(r heap.DiffRow) string {
				return fmt.Sprintf("%d new, %d deleted, %d and %d bytes", r.New, r.Deleted, r.Alloc, r.Freed)
			})
		}
		compareRows(t, "diff", diff(was), diff(is))
	}
	last := len(series) - 1
	chrome := devtoolstest.Load(t, series[last], shared[last])
	a, b := chrome.Snapshots[0], chrome.Snapshots[1]
	if a.Nodes != b.Nodes || a.Edges != b.Edges || a.TotalSize != b.TotalSize || a.MaxJSObjectID != b.MaxJSObjectID || len(b.Problems) > len(a.Problems) {
		t.Errorf("Chrome: %d nodes, %d edges, %d bytes, %q; the copy has %d, %d, %d, %q", a.Nodes, a.Edges, a.TotalSize, a.Problems, b.Nodes, b.Edges, b.TotalSize, b.Problems)
	}
	numbers := func(c devtoolstest.Class) string {
		return fmt.Sprintf("%d objects, %d and %d bytes, %d away", c.Count, c.ShallowSize, c.RetainedSize, c.Distance)
	}
	compareRows(t, "classes in Chrome", rows(a.Classes, numbers), rows(b.Classes, numbers))
	compareClassNames(t, was[last], a.Classes, b.Classes)
}

// compareClassNames wants the classes that have a function of their name in the heap, which
// is their constructor, to have kept it: it is one of code. The others have a pseudonym.
func compareClassNames(t *testing.T, s *heap.Snapshot, a, b []devtoolstest.Class) {
	t.Helper()
	functions, left := map[string]bool{}, map[string]bool{}
	for n := range heap.Node(s.NumNodes()) {
		if s.Type(n) == heap.ClosureNode {
			functions[s.RawName(n)] = true
		}
	}
	for _, c := range b {
		left[c.Name] = true
	}
	kept := 0
	for _, c := range a {
		switch {
		case left[c.Name]:
			kept++
		case functions[c.Name]:
			t.Errorf("class %s has a function of its name, and has lost it", c.Name)
		case !strings.HasPrefix(c.Name, "{"): // the names of interfaces are those of properties
			t.Logf("renamed: %.200s", c.Name)
		}
	}
	if kept < len(a)/2 {
		t.Errorf("only %d of %d classes have kept their names", kept, len(a))
	}
}

func parseShared(t *testing.T, file string) *heap.Snapshot {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := heap.Parse(t.Context(), f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// compareShared compares all that the package heap says of two snapshots, but for names.
func compareShared(t *testing.T, a, b *heap.Snapshot) {
	t.Helper()
	if a.NumNodes() != b.NumNodes() || a.Statistics() != b.Statistics() {
		t.Fatalf("%d nodes, %+v; the copy has %d, %+v", a.NumNodes(), a.Statistics(), b.NumNodes(), b.Statistics())
	}
	differences := 0
	classes, back := map[string]string{}, map[string]string{} // of the copy, by those of the original, and back
	for n := range heap.Node(a.NumNodes()) {
		same := a.ID(n) == b.ID(n) && a.Type(n) == b.Type(n) && a.Self(n) == b.Self(n) && a.Retained(n) == b.Retained(n) &&
			a.Distance(n) == b.Distance(n) && a.Dominator(n) == b.Dominator(n) && a.Detachedness(n) == b.Detachedness(n)
		la, _ := a.Location(n)
		lb, _ := b.Location(n)
		same = same && la.Line == lb.Line && la.Column == lb.Column && (la.Script == "") == (lb.Script == "")
		// The keys have no names of other classes in them, so they tell equal from different.
		key, ok := classes[a.ClassKey(n)]
		if !ok {
			key = b.ClassKey(n)
			classes[a.ClassKey(n)], back[key] = key, a.ClassKey(n)
		}
		if same = same && key == b.ClassKey(n) && back[key] == a.ClassKey(n); !same {
			differences++
		}
	}
	if differences > 0 {
		t.Errorf("%d nodes differ", differences)
	}
	// A concatenated string and one that is equal to it, but has other parts, have
	// different pseudonyms.
	duplicates := func(s *heap.Snapshot) []string {
		return rows(slices.DeleteFunc(s.DuplicateStrings(), func(d heap.StringGroup) bool {
			return slices.ContainsFunc(d.Nodes, func(n heap.Node) bool { return s.Type(n) == heap.ConsStringNode })
		}), func(d heap.StringGroup) string {
			return fmt.Sprintf("%v, cut: %v, %d and %d bytes", d.Nodes, d.Truncated, d.Shallow, d.Retained)
		})
	}
	compareRows(t, "duplicate strings", duplicates(a), duplicates(b))
	// Of several retainers that are equally near, the path takes the first by name.
	paths := func(s *heap.Snapshot) []string {
		var all []string
		for n := heap.Node(0); int(n) < s.NumNodes(); n += 97 {
			all = append(all, fmt.Sprint(n, len(s.PathToRoot(n))))
		}
		return all
	}
	compareRows(t, "paths", paths(a), paths(b))
}
