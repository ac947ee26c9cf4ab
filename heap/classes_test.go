package heap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// plainObjects is a graph of plain objects with the properties.
func plainObjects(objects ...[]string) *heaptest.Graph {
	g := heaptest.New(heaptest.Node24)
	g.Node("value", "string", "value", 0)
	g.Node("map", "object shape", "system / Map", 0)
	for i, properties := range objects {
		key := fmt.Sprint("object ", i)
		g.Node(key, "object", "Object", 8)
		g.Edge(heaptest.Root, "element", strconv.Itoa(i), key)
		for j, p := range properties {
			g.Edge(key, "property", p, "value")
			if j == 0 {
				g.Edge(key, "internal", "map", "map")
			}
		}
	}
	return g
}

// classesOf returns the classes of the plain objects.
func classesOf(s *Snapshot) (classes []string) {
	for n := Node(3); int(n) < s.NumNodes(); n++ {
		classes = append(classes, s.Class(n))
	}
	return classes
}

func TestInterfaces(t *testing.T) {
	long := strings.Repeat("x", 60)
	tests := []struct {
		name    string
		objects [][]string
		want    []string
	}{
		{"once is no interface", [][]string{{"a"}, {"b"}}, []string{"Object", "Object"}},
		{"twice is one", [][]string{{"a", "b"}, {"a", "b"}, {}}, []string{"{a, b}", "{a, b}", "Object"}},
		{"order of names", [][]string{{"b", "a"}, {"b", "a"}, {"a", "b"}}, []string{"{b, a}", "{b, a}", "{b, a}"}},
		{"the most properties", [][]string{{"a"}, {"a"}, {"a", "b"}, {"a", "b"}, {"a", "b", "c"}}, []string{"{a}", "{a}", "{a, b}", "{a, b}", "{a, b}"}},
		{"the more frequent", [][]string{{"a"}, {"a"}, {"b"}, {"b"}, {"b"}, {"a", "b"}}, []string{"{a}", "{a}", "{b}", "{b}", "{b}", "{b}"}},
		{"the earlier", [][]string{{"a"}, {"b"}, {"a"}, {"b"}, {"a", "b"}}, []string{"{a}", "{b}", "{a}", "{b}", "{a}"}},
		{"no __proto__", [][]string{{"__proto__", "a"}, {"a", "__proto__"}, {"__proto__"}}, []string{"{a}", "{a}", "Object"}},
		{"names to quote", [][]string{{"a,b", `c"`}, {"a,b", `c"`}}, []string{`{"a,b", "c\""}`, `{"a,b", "c\""}`}},
		{"long names", [][]string{{long, long + "y", "z"}, {long, long + "y"}}, []string{"{" + long + "}", "{" + long + "}"}},
		{"one long name", [][]string{{long + long}, {long + long}}, []string{"{" + long + long + "}", "{" + long + long + "}"}},
		{"a name twice", [][]string{{"a", "a"}, {"a", "a"}, {"a"}}, []string{"{a, a}", "{a, a}", "Object"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, classesOf(read(t, plainObjects(tt.objects...)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestInterfaceShare checks that an interface needs one of a thousand objects.
func TestInterfaceShare(t *testing.T) {
	for _, total := range []int{2000, 2001} {
		objects := make([][]string, total)
		objects[0], objects[1] = []string{"rare"}, []string{"rare"}
		want := "{rare}"
		if total > 2000 {
			want = "Object"
		}
		if got := classesOf(read(t, plainObjects(objects...)))[0]; got != want {
			t.Errorf("two of %d: got %s, want %s", total, got, want)
		}
	}
}

// TestMatcherIsASearch compares with trying each interface.
func TestMatcherIsASearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(n int) (names []string) {
		for range r.IntN(n) {
			names = append(names, string(rune('a'+r.IntN(6))))
		}
		return names
	}
	has := func(object, properties []string) bool {
		left := slices.Clone(object)
		for _, p := range properties {
			i := slices.Index(left, p)
			if i < 0 {
				return false
			}
			left = slices.Delete(left, i, i+1)
		}
		return true
	}
	for range 300 {
		var defs []iface
		for range r.IntN(8) {
			if p := draw(5); len(p) > 0 {
				defs = append(defs, iface{properties: p})
			}
		}
		m := newMatcher(defs)
		for range 20 {
			object := draw(8)
			best := noInterface
			for i, d := range defs {
				if has(object, d.properties) && (best == noInterface || len(d.properties) > len(defs[best].properties)) {
					best = i
				}
			}
			got := m.match((&indexClass{properties: object}).eachProperty)
			if got != best {
				t.Fatalf("%v of %v: got %d, want %d", object, defs, got, best)
			}
		}
	}
}

func TestNames(t *testing.T) {
	many := make([]string, 60)
	for i := range many {
		many[i] = fmt.Sprint("property", i)
	}
	g := plainObjects([]string{}, []string{"a"}, []string{"a", "__proto__", "b"}, []string{"a b", "c'd"}, many)
	g.Node("left", "string", "left ", 8)
	g.Node("right", "string", "right", 8)
	g.Node("cons", "concatenated string", "(concatenated string)", 8)
	g.Node("nested", "concatenated string", "(concatenated string)", 8)
	g.Node("itself", "concatenated string", "(concatenated string)", 8)
	g.Edge("cons", "internal", "first", "left")
	g.Edge("cons", "internal", "second", "nested")
	g.Edge("nested", "internal", "first", "right")
	g.Edge("itself", "internal", "first", "itself")
	g.Edge("itself", "internal", "second", "itself")
	g.Edge("left", "shortcut", "007x", "right")
	g.Edge("left", "shortcut", "x", "right")
	s := read(t, g)
	want := []string{
		"{}", "{a}", "{a, b}", `{a b, "c'd"}`,
		"{property0, property1, property2, property3, property4, …, property56, property57, property58, property59}",
		"left ", "right", "left right", "right", "",
	}
	for i, w := range want {
		if got := s.Name(Node(i + 3)); got != w {
			t.Errorf("node %d: got %q, want %q", i+3, got, w)
		}
	}
	left := byName(t, s, "left ")
	var names []string
	for r := range s.Out(left) {
		names = append(names, s.EdgeName(r.Edge))
	}
	if want := []string{"7", "x"}; !slices.Equal(names, want) {
		t.Errorf("shortcuts are %q, want %q", names, want)
	}
}

func TestClassesOfTypes(t *testing.T) {
	g := heaptest.New(heaptest.Node22)
	want := map[string]string{
		"hidden": "(system)", "array": "(array)", "string": "(string)", "object": "Thing", "code": "(compiled code)", "closure": "Function",
		"regexp": "RegExp", "number": "(number)", "native": "Thing", "synthetic": "(synthetic)",
		"concatenated string": "(concatenated string)", "sliced string": "(sliced string)", "symbol": "(symbol)", "bigint": "(bigint)",
		"object shape": "(object shape)",
	}
	for kind := range want {
		g.Node(kind, kind, "Thing", 1)
	}
	s := read(t, g)
	for n := Node(1); int(n) < s.NumNodes(); n++ {
		kind := s.TypeName(n)
		if s.Type(n).String() != kind || s.Class(n) != want[kind] {
			t.Errorf("%s: type %v, class %q, want %q", kind, s.Type(n), s.Class(n), want[kind])
		}
	}
}

func TestUnknownTypes(t *testing.T) {
	text := strings.NewReplacer(`"object"`, `"ghost"`, `"property"`, `"haunts"`).Replace(tiny)
	s, err := parseText(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if s.Type(1) != OtherNode || s.TypeName(1) != "ghost" || s.Class(1) != "(ghost)" {
		t.Errorf("node 1 is %v, %s, %s", s.Type(1), s.TypeName(1), s.Class(1))
	}
	if r := slices.Collect(s.Out(0)); len(r) != 1 || r[0].Type != OtherEdge {
		t.Errorf("edges %v", r)
	}
}

// placed is a graph of objects of two classes of the same name, and functions.
func placed() *heaptest.Graph {
	g := heaptest.New(heaptest.Node24)
	g.Node("one", "object", "Thing", 1).At(5, 10, 2)
	g.Node("two", "object", "Thing", 2).At(5, 20, 2)
	g.Node("three", "object", "Thing", 4)
	g.Node("four", "object", "Thing", 8).At(5, 10, 2)
	g.Node("make", "closure", "make", 16).At(5, 10, 2)
	g.Node("shared", "code", "make", 0)
	g.Node("script", "code", "file:///app.js", 0)
	g.Node("table", "array", "", 32)
	g.Edge("make", "internal", "shared", "shared")
	g.Edge("shared", "internal", "script", "script")
	g.Edge(heaptest.Root, "shortcut", "1", "one")
	g.Edge("one", "property", "four", "four")
	return g
}

func TestClassesByLocation(t *testing.T) {
	place := Location{ScriptID: 5, Script: "file:///app.js", Line: 10, Column: 2}
	other := place
	other.Line = 20
	want := []Class{
		{Key: ",(array)", Name: "(array)", Count: 1, Shallow: 32, Retained: 32, Distance: Unreached},
		{Key: ",Function", Name: "Function", Count: 1, Shallow: 16, Retained: 16, Distance: Unreached},
		{Key: "5,10,2,Thing", Name: "Thing", Location: &place, Count: 2, Shallow: 9, Retained: 9, Distance: 1},
		{Key: ",Thing", Name: "Thing", Count: 1, Shallow: 4, Retained: 4, Distance: Unreached},
		{Key: "5,20,2,Thing", Name: "Thing", Location: &other, Count: 1, Shallow: 2, Retained: 2, Distance: Unreached},
	}
	s := read(t, placed())
	if diff := cmp.Diff(want, s.Classes()); diff != "" {
		t.Error(diff)
	}
	if got := s.ClassNodes("5,10,2,Thing"); !slices.Equal(got, []Node{1, 4}) || s.ClassKey(4) != "5,10,2,Thing" {
		t.Errorf("nodes %v, key %s", got, s.ClassKey(4))
	}
	if got := s.ClassNodes("nothing"); got != nil {
		t.Errorf("nodes of nothing: %v", got)
	}
	if got, want := place.String(), "file:///app.js:11:3"; got != want {
		t.Errorf("location %s, want %s", got, want)
	}
}

// TestClassesOfOneName checks what DevTools does with an object whose constructor is
// named as one of its own classes: the row whose first object is later is left.
func TestClassesOfOneName(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	g.Node("closure", "closure", "f", 1)
	g.Node("object", "object", "Function", 2)
	g.Node("again", "closure", "f", 4)
	s := read(t, g)
	classes := s.Classes()
	if len(classes) != 1 || classes[0].Shallow != 2 {
		t.Errorf("classes %+v", classes)
	}
	if got := s.ClassNodes(",Function"); !slices.Equal(got, []Node{2}) {
		t.Errorf("nodes %v", got)
	}
	rows := Diff(read(t, heaptest.New(heaptest.Node24)).Index(), s.Index())
	if len(rows) != 1 || rows[0].Alloc != 2 {
		t.Errorf("comparison %+v", rows)
	}
}
