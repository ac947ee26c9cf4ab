package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// randomSeries is how many series of random graphs are compared; FULL=1 tries
// so many times more.
const (
	randomSeries     = 8
	randomSeriesFull = 25
)

// TestRandomHeapsEqualChrome compares the program with Chrome on graphs that no
// V8 has made: with the names that DevTools knows, at places where it does not
// expect them, nodes that nothing reaches, circles, edges that double.
func TestRandomHeapsEqualChrome(t *testing.T) {
	count := uint64(randomSeries)
	if os.Getenv("FULL") == "1" {
		count *= randomSeriesFull
	}
	for seed := range count {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			series := randomHeaps(t, seed)
			chrome := askChrome(t, series)
			for i := range series {
				chrome.compareNodes(t, i)
				chrome.compareSummary(t, i)
				chrome.compareAnswers(t, i)
			}
			chrome.compareDiffs(t)
			chrome.compareBetween(t)
		})
	}
}

// randomHeaps writes graphs that share ids, as those of one process do.
func randomHeaps(t *testing.T, seed uint64) []string {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 1))
	all := heaptest.Versions()
	version := all[r.IntN(len(all))]
	dir := t.TempDir()
	var series []string
	for n := range seriesLength {
		file := filepath.Join(dir, fmt.Sprintf("r%d.heapsnapshot", n+1))
		if err := os.WriteFile(file, newRandomGraph(r, version).Bytes(t), 0o600); err != nil {
			t.Fatal(err)
		}
		series = append(series, file)
	}
	return series
}

// randomGraph is a graph in the making.
type randomGraph struct {
	*heaptest.Graph
	r    *rand.Rand
	keys []string          // of the nodes, in file order
	kind map[string]string // type by key
	id   map[string]uint64 // id by key
}

func newRandomGraph(r *rand.Rand, version heaptest.Version) *heaptest.Graph {
	g := &randomGraph{
		Graph: heaptest.New(version), r: r, keys: []string{heaptest.Root},
		kind: map[string]string{heaptest.Root: "synthetic"}, id: map[string]uint64{heaptest.Root: 1},
	}
	nodes := 5 + r.IntN(200)
	ids := r.Perm(3 * nodes)[:nodes]
	if r.IntN(2) == 0 {
		slices.Sort(ids)
	}
	for i := range nodes {
		g.node(i, uint64(ids[i]+2))
	}
	for range nodes + r.IntN(4*nodes) {
		g.edge()
	}
	for range nodes / 10 {
		g.ephemeron()
	}
	// What the root holds decides what is looked at; Chrome fails when it holds
	// one thing often.
	for _, i := range r.Perm(nodes)[:1+r.IntN(5)] {
		kind := oneOf(r, "element", "shortcut", "shortcut", "property")
		g.Edge(heaptest.Root, kind, g.edgeName(kind), g.keys[1+i])
	}
	if version >= heaptest.Node24 {
		g.ExtraNative(int64(r.IntN(1000)))
	}
	return g.Graph
}

func oneOf[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

// nodeKinds returns types with names that DevTools treats in a way of its own.
func nodeKinds() map[string][]string {
	object := []string{"Object", "Object", "Object", "Array", "Map", "<div id=1>", "<p>", "Detached <a b>", "Foo"}
	return map[string][]string{
		"hidden":              {"system / NativeContext", "(hidden)", "system / Context"},
		"array":               {"(map descriptors)", "(object elements)", ""},
		"string":              {"", "text", "text", "true", "false", "7", "\u00e4 \U0001f600", "\xed\xa0\x80", "a,\"b\"\r\n"},
		"object":              object,
		"code":                {"(code)"},
		"closure":             {"f", ""},
		"regexp":              {"a+"},
		"number":              {"bool", "int", "heap number"},
		"native":              {"system / ExternalStringData", "system / JSArrayBufferData", "<div>", "<div class=x>", "V8EventListener", "Detached <b c>"},
		"synthetic":           {"(GC roots)", "(Document DOM trees)", ""},
		"concatenated string": {"(concatenated string)"},
		"sliced string":       {"(sliced string)"},
		"symbol":              {"s"},
		"bigint":              {"bigint"},
	}
}

func (g *randomGraph) node(i int, id uint64) {
	names := nodeKinds()
	kinds := make([]string, 0, len(names))
	for kind := range names {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds) // for the same graph each time
	kind := oneOf(g.r, append(kinds, "object", "object", "object", "array", "hidden", "native")...)
	size := int64(g.r.IntN(100))
	if g.r.IntN(5) == 0 {
		size = 0
	}
	key := strconv.Itoa(i)
	n := g.Node(key, kind, oneOf(g.r, names[kind]...), size).ID(id)
	if kind == "native" || g.r.IntN(10) == 0 {
		n.Detached(g.r.IntN(3))
	}
	if (kind == "object" || kind == "closure") && g.r.IntN(3) == 0 {
		n.At(g.r.IntN(2), g.r.IntN(2), g.r.IntN(2))
	}
	g.keys, g.kind[key], g.id[key] = append(g.keys, key), kind, id
}

// edge adds one between any two nodes.
func (g *randomGraph) edge() {
	from, to := oneOf(g.r, g.keys[1:]...), oneOf(g.r, g.keys[1:]...) // nothing refers to a root
	kind := oneOf(g.r, "context", "element", "property", "property", "property", "internal", "internal", "hidden", "shortcut", "weak")
	name := g.edgeName(kind)
	// DevTools joins the texts of concatenated strings and does not end in a circle.
	if g.kind[from] == "concatenated string" && slices.Index(g.keys, to) <= slices.Index(g.keys, from) {
		kind, name = "internal", "map"
	}
	g.Edge(from, kind, name, to)
}

func (g *randomGraph) edgeName(kind string) string {
	switch kind {
	case "element", "hidden":
		return strconv.Itoa(g.r.IntN(8))
	case "shortcut":
		return oneOf(g.r, "a", "12", "3x", "")
	case "internal":
		return oneOf(g.r, "elements", "first", "second", "sloppy_function_map", "value", "truncated", "length", "hash", "shared", "script", "map", "4")
	}
	return oneOf(g.r, "a", "b", "c", "d", "__proto__", "x,y", "elements", "sloppy_function_map", "\u00fc", "\xed\xb0\x80", "")
}

// ephemeron ties a value to a key in a table, as V8 writes it: with an edge from
// each, whose names differ in the number alone. Sometimes one is missing.
func (g *randomGraph) ephemeron() {
	nodes := g.keys[1:]
	table, key, value := oneOf(g.r, nodes...), oneOf(g.r, nodes...), oneOf(g.r, nodes...)
	if g.kind[table] == "concatenated string" || g.kind[key] == "concatenated string" {
		return
	}
	pair := fmt.Sprintf(" / part of key (K @%d) -> value (V @%d) pair in WeakMap (table @%d)", g.id[key], g.id[value], g.id[table])
	for _, from := range []string{key, table} {
		if g.r.IntN(4) > 0 {
			g.Edge(from, "internal", strconv.Itoa(g.r.IntN(50))+pair, value)
		}
	}
}
