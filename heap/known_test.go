package heap

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// ephemeronName is the expression of DevTools, with JavaScript's idea of a line in its
// dots.
var ephemeronName = regexp.MustCompile(
	`^\d+( / part of key \([^\n\r\x{2028}\x{2029}]*? @\d+\) -> value \([^\n\r\x{2028}\x{2029}]*? @\d+\) pair in WeakMap \(table @(\d+)\))$`)

func FuzzEphemeron(f *testing.F) {
	for _, name := range []string{
		"2 / part of key (A @11) -> value (B @13) pair in WeakMap (table @15)",
		"2 / part of key (A) -> value (B @13) pair in WeakMap (table @15)",
		"2 / part of key (A @1) -> value (x @2) -> value (B @13) pair in WeakMap (table @15)",
		"2 / part of key (A @1) -> value (B @3) pair in WeakMap (table @15) pair in WeakMap (table @16)",
		"2 / part of key (A\n @1) -> value (B @3) pair in WeakMap (table @15)",
		"2 / part of key (A\u2028 @1) -> value (B @3) pair in WeakMap (table @15)",
		"2 / part of key ( @1) -> value ( @3) pair in WeakMap (table @)",
		"2 / part of key ( @1) -> value ( @3) pair in WeakMap (table @15))",
		" / part of key ( @1) -> value ( @3) pair in WeakMap (table @15)",
		"12)", "",
	} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		found := ephemeronFinder{pairs: map[string]uint32{}, names: newBitset(2)}
		if n := len(name); n > 0 && name[0]-'0' <= 9 && name[n-1] == ')' {
			found.consider(1, []byte(name))
		}
		e := found.found()
		got, ok := e.get(1)
		match := ephemeronName.FindStringSubmatch(name)
		if ok != (match != nil) {
			t.Fatalf("%q: got %v, want %v", name, ok, match)
		}
		if !ok {
			return
		}
		if want, err := strconv.ParseUint(match[2], 10, 64); err == nil && got.table != want {
			t.Errorf("%q: table %d, want %d", name, got.table, want)
		}
	})
}

// TestEphemerons looks up names among others, over several words of the set, whose two
// names of a pair stand side by side or not.
func TestEphemerons(t *testing.T) {
	const pairs, between = 50, 7
	found := ephemeronFinder{pairs: map[string]uint32{}, names: newBitset(4 * pairs * between)}
	name := func(edge, pair int) []byte {
		return fmt.Appendf(nil, "%d / part of key (K @1) -> value (V @3) pair in WeakMap (table @%d)", edge, pair)
	}
	of := map[uint32]int{} // pair by textID
	id := uint32(0)
	for _, sideBySide := range []bool{true, false} {
		for i := range 2 * pairs {
			pair, edge := i/2, i%2
			if !sideBySide {
				pair, edge = pairs+i%pairs, i/pairs
			}
			found.consider(id, name(edge, pair))
			of[id] = pair
			id += between
		}
	}
	e := found.found()
	numbers := map[int]uint32{}
	for id := range uint32(4 * pairs * between) {
		got, ok := e.get(id)
		pair, want := of[id]
		if ok != want {
			t.Fatalf("string %d is one: %v, want %v", id, ok, want)
		}
		if !ok {
			continue
		}
		if have, seen := numbers[pair]; seen && have != got.pair || got.table != uint64(pair) {
			t.Errorf("string %d: got %v, want pair %d of table %d", id, got, have, pair)
		}
		numbers[pair] = got.pair
	}
	different := map[uint32]bool{}
	for _, n := range numbers {
		different[n] = true
	}
	if len(different) != 2*pairs {
		t.Errorf("%d pairs have %d numbers", 2*pairs, len(different))
	}
}

// weakMap is a graph with a WeakMap that holds value for key.
func weakMap(keyFirst bool) *heaptest.Graph {
	g := heaptest.New(heaptest.Node22)
	g.Node("global", "object", "global", 8)
	g.Node("map", "object", "WeakMap", 8)
	g.Node("table", "array", "", 8).ID(15)
	g.Node("far", "object", "Far", 8)
	g.Node("key", "object", "Key", 8).ID(11)
	g.Node("value", "object", "Value", 100).ID(13)
	const name = " / part of key (Key @11) -> value (Value @13) pair in WeakMap (table @15)"
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge("global", "property", "map", "map")
	g.Edge("map", "internal", "table", "table")
	if keyFirst {
		g.Edge("global", "property", "key", "key")
	} else {
		g.Edge("global", "property", "far", "far")
		g.Edge("far", "property", "key", "key")
		g.Edge("table", "property", "more", "far")
	}
	g.Edge("table", "internal", "2"+name, "value")
	g.Edge("key", "internal", "3"+name, "value")
	return g
}

func TestWeakMap(t *testing.T) {
	for _, keyFirst := range []bool{true, false} {
		s := read(t, weakMap(keyFirst))
		value, _ := s.Find(13)
		key, _ := s.Find(11)
		if got := s.Dominator(value); got != key {
			t.Errorf("the value's dominator is %d, want the key %d", got, key)
		}
		// One step from the farther one of the table and the key.
		table, _ := s.Find(15)
		if got, want := s.Distance(value), max(s.Distance(key), s.Distance(table))+1; got != want {
			t.Errorf("the value is %d away, want %d", got, want)
		}
	}
}

func TestEdgesThatDoNotMeasure(t *testing.T) {
	g := heaptest.New(heaptest.Node22)
	g.Node("context", "hidden", "system / NativeContext", 8)
	g.Node("sloppy", "object", "Sloppy", 8)
	g.Node("other", "object", "Other", 8)
	g.Node("descriptors", "array", "(map descriptors)", 8)
	for _, i := range []string{"1", "4", "5", "7", "x"} {
		g.Node(i, "object", "Part", 8)
	}
	g.Edge(heaptest.Root, "shortcut", "1", "context")
	g.Edge("context", "internal", "sloppy_function_map", "sloppy")
	g.Edge("context", "internal", "other", "other")
	g.Edge("context", "internal", "descriptors", "descriptors")
	for _, i := range []string{"1", "4", "5", "7", "x"} {
		g.Edge("descriptors", "internal", i, i)
	}
	s := read(t, g)
	want := []int{SystemDistance, 1, Unreached, 2, 2, 3, Unreached, 3, Unreached, 3}
	for n, d := range want {
		if got := s.Distance(Node(n)); got != d {
			t.Errorf("node %d (%s) is %d away, want %d", n, s.RawName(Node(n)), got, d)
		}
	}
}

func TestDetached(t *testing.T) {
	graph := func(version heaptest.Version) *Snapshot {
		g := heaptest.New(version)
		g.Node("attached", "native", "<body>", 8).Detached(heaptest.Attached)
		g.Node("below", "native", "<p class=x>", 8)
		g.Node("loose", "native", "<ul id=x>", 8).Detached(heaptest.Detached)
		g.Node("item", "native", "<li>", 8)
		g.Node("both", "native", "<b>", 8)
		g.Node("hidden", "native", "<i>", 8)
		g.Node("js", "object", "Item", 8)
		g.Node("old", "native", "Detached Text", 8)
		g.Node("ready", "native", "Detached <a href>", 8)
		g.Edge("attached", "element", "0", "below")
		g.Edge("attached", "element", "1", "both")
		g.Edge("loose", "element", "0", "item")
		g.Edge("loose", "property", "b", "both")
		g.Edge("loose", "hidden", "2", "hidden")
		g.Edge("loose", "weak", "3", "hidden")
		g.Edge("loose", "property", "js", "js")
		return read(t, g)
	}
	type state struct {
		name, class string
		detached    Detachedness
	}
	check := func(s *Snapshot, want []state) {
		t.Helper()
		for i, w := range want {
			n := Node(i + 1)
			if got := (state{s.RawName(n), s.Class(n), s.Detachedness(n)}); got != w {
				t.Errorf("node %d: got %+v, want %+v", n, got, w)
			}
		}
	}
	check(graph(heaptest.Node22), []state{
		{"<body>", "<body>", Attached}, {"<p class=x>", "<p>", Attached},
		{"Detached <ul id=x>", "Detached <ul>", Detached}, {"Detached <li>", "Detached <li>", Detached},
		{"<b>", "<b>", Attached}, {"<i>", "<i>", Unknown}, {"Item", "Item", Unknown},
		{"Detached Text", "Detached Text", Unknown}, {"Detached <a href>", "Detached <a>", Unknown},
	})
	check(graph(heaptest.Node14), []state{
		{"<body>", "<body>", Unknown}, {"<p class=x>", "<p>", Unknown}, {"<ul id=x>", "<ul>", Unknown},
		{"<li>", "<li>", Unknown}, {"<b>", "<b>", Unknown}, {"<i>", "<i>", Unknown}, {"Item", "Item", Unknown},
		{"Detached Text", "Detached Text", Detached}, {"Detached <a href>", "Detached <a>", Detached},
	})
}
