package heap

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// object is a node for a series: by id, so that snapshots can share it.
type object struct {
	id         uint64
	name       string
	size       int64
	properties string // of a plain object, each a letter
}

func objects(t testing.TB, all ...object) *Snapshot {
	g := heaptest.New(heaptest.Node24)
	g.Node("value", "string", "value", 0)
	for _, o := range all {
		key := fmt.Sprint("object ", o.id)
		g.Node(key, "object", o.name, o.size).ID(o.id)
		g.Edge(heaptest.Root, "property", key, key)
		for _, p := range o.properties {
			g.Edge(key, "property", string(p), "value")
		}
	}
	return read(t, g)
}

func TestDiff(t *testing.T) {
	base := objects(t, object{11, "Kept", 10, ""}, object{13, "Gone", 20, ""}, object{15, "Grown", 5, ""}, object{17, "Renamed", 3, ""},
		object{19, "Free", 0, ""})
	later := objects(t, object{21, "New", 40, ""}, object{23, "New", 2, ""}, object{15, "Grown", 500, ""}, object{11, "Kept", 10, ""},
		object{17, "Other", 3, ""}, object{19, "Free", 0, ""})
	want := []DiffRow{
		{Key: ",New", Name: "New", New: 2, CountDelta: 2, Alloc: 42, SizeDelta: 42},
		{Key: ",Other", Name: "Other", New: 1, CountDelta: 1, Alloc: 3, SizeDelta: 3},
		{Key: ",Renamed", Name: "Renamed", Deleted: 1, CountDelta: -1, Freed: 3, SizeDelta: -3},
		{Key: ",Gone", Name: "Gone", Deleted: 1, CountDelta: -1, Freed: 20, SizeDelta: -20},
	}
	if diff := cmp.Diff(want, Diff(base.Index(), later.Index())); diff != "" {
		t.Error(diff)
	}
}

// TestDiffInterfaces checks that the interfaces of the later snapshot count.
func TestDiffInterfaces(t *testing.T) {
	base := objects(t, object{11, "Object", 1, "ab"}, object{13, "Object", 1, "ab"}, object{15, "Object", 1, "abc"}, object{17, "Object", 1, "xy"},
		object{19, "Object", 1, "xy"})
	later := objects(t, object{11, "Object", 1, "ab"}, object{15, "Object", 1, "abc"}, object{21, "Object", 1, "abc"})
	want := []DiffRow{
		{Key: ",{a, b, c}", Name: "{a, b, c}", New: 1, CountDelta: 1, Alloc: 1, SizeDelta: 1},
		// With the later interfaces these are Objects. DevTools shows them as what the
		// last of them is in the base.
		{Key: ",Object", Name: "Object", Deleted: 3, CountDelta: -3, Freed: 3, SizeDelta: -3},
	}
	if diff := cmp.Diff(want, Diff(base.Index(), later.Index())); diff != "" {
		t.Error(diff)
	}
	later = objects(t)
	want = []DiffRow{{Key: ",Object", Name: "{x, y}", Deleted: 5, CountDelta: -5, Freed: 5, SizeDelta: -5}}
	if diff := cmp.Diff(want, Diff(base.Index(), later.Index())); diff != "" {
		t.Error(diff)
	}
}

// TestDiffIsASearch compares with a search for each object.
func TestDiffIsASearch(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	draw := func() (all []object) {
		for id := range uint64(30) {
			if r.IntN(2) == 0 {
				all = append(all, object{2*id + 101, string(rune('A' + id%4)), int64(r.IntN(3)), ""})
			}
		}
		r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all
	}
	for range 50 {
		base, later := draw(), draw()
		want := map[string]*DiffRow{}
		count := func(from, in []object, add func(*DiffRow, object)) {
			for _, o := range from {
				same := func(p object) bool { return p.id == o.id && p.size > 0 }
				if o.size == 0 || slices.ContainsFunc(in, same) {
					continue
				}
				if want[o.name] == nil {
					want[o.name] = &DiffRow{}
				}
				add(want[o.name], o)
			}
		}
		count(later, base, func(r *DiffRow, o object) { r.New++; r.Alloc += o.size })
		count(base, later, func(r *DiffRow, o object) { r.Deleted++; r.Freed += o.size })
		rows := Diff(objects(t, base...).Index(), objects(t, later...).Index())
		for _, got := range rows {
			w := want[got.Name]
			if w == nil || got.New != w.New || got.Deleted != w.Deleted || got.Alloc != w.Alloc || got.Freed != w.Freed {
				t.Errorf("got %+v, want %+v", got, w)
			}
		}
		if len(rows) != len(want) {
			t.Errorf("%d rows, want %d", len(rows), len(want))
		}
	}
}

func TestBetween(t *testing.T) {
	a := objects(t, object{11, "Old", 1, ""}, object{100, "native", 1, ""})
	b := objects(t, object{11, "Old", 1, ""}, object{21, "Leak", 1, ""}, object{23, "Leak", 1, ""})
	s := objects(t, object{11, "Old", 1, ""}, object{21, "Leak", 7, ""}, object{22, "native", 3, ""}, object{31, "New", 1, ""})
	if a.Marks().MaxID != 11 || b.Marks().MaxID != 23 {
		t.Errorf("marks %v, %v", a.Marks(), b.Marks())
	}
	want := []Class{
		{Key: ",Leak", Name: "Leak", Count: 1, Shallow: 7, Retained: 7, Distance: 1},
		{Key: ",native", Name: "native", Count: 1, Shallow: 3, Retained: 3, Distance: 1},
	}
	if diff := cmp.Diff(want, s.Between(a.Marks(), b.Marks())); diff != "" {
		t.Error(diff)
	}
}

func TestRadixSort(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	items := make([]uint64, 1000)
	for i := range items {
		items[i] = uint64(r.Uint32()>>r.IntN(32))<<32 | uint64(i) // the low half shows whether the order is kept
	}
	want := slices.Sorted(slices.Values(items))
	if got := radixSort(items, func(item uint64) uint32 { return uint32(item >> 32) }); !slices.Equal(got, want) {
		t.Error("not sorted")
	}
}

func TestDuplicateStrings(t *testing.T) {
	g := heaptest.New(heaptest.Node26)
	number := func(key, kind, value string) {
		g.Node(key, "number", kind, 0)
		g.Node(key+" text", "string", value, 0)
		g.Edge(key, "internal", "value", key+" text")
	}
	number("true", "bool", "true")
	number("false", "bool", "false")
	number("5", "int", "5")
	number("6", "int", "6")
	cut := func(key, length string) {
		g.Node(key, "string", "cut", 10)
		g.Edge(key, "internal", "truncated", "true")
		g.Edge(key, "internal", "length", length)
		g.Edge(key, "internal", "hash", "5")
	}
	cut("cut 1", "5")
	cut("cut 2", "6")
	cut("cut 3", "5")
	g.Node("whole 1", "string", "whole", 1)
	g.Node("whole 2", "string", "whole", 1)
	g.Edge("whole 2", "internal", "truncated", "false")
	g.Node("empty size", "string", "whole", 0)
	g.Node("cons", "concatenated string", "(concatenated string)", 1)
	g.Node("who", "string", "who", 1)
	g.Node("le", "string", "le", 1)
	g.Node("flat", "concatenated string", "(concatenated string)", 1)
	g.Node("nothing", "string", "", 0)
	g.Edge("cons", "internal", "first", "who")
	g.Edge("cons", "internal", "second", "le")
	g.Edge("flat", "internal", "first", "whole 1")
	g.Edge("flat", "internal", "second", "nothing")
	g.Node("sliced", "sliced string", "whole", 1)
	s := read(t, g)
	var got []string
	for _, d := range s.DuplicateStrings() {
		got = append(got, fmt.Sprintf("%s %v %d %d %d", d.Value, d.Truncated, len(d.Nodes), d.Shallow, d.Retained))
	}
	want := []string{"cut true 2 20 20", "whole false 3 3 5"} // the cons holds both its parts
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestStatistics(t *testing.T) {
	g := heaptest.New(heaptest.Node26)
	g.ExtraNative(1 << 20)
	for i, n := range []struct{ kind, name string }{
		{"hidden", "system / X"}, {"native", "Node / Y"}, {"native", "system / JSArrayBufferData"}, {"code", "c"}, {"string", "s"},
		{"concatenated string", "(concatenated string)"}, {"sliced string", "t"}, {"object", "Array"}, {"object", "Array"}, {"object", "Thing"},
	} {
		key := fmt.Sprint("n", i)
		g.Node(key, n.kind, n.name, 1<<i)
		g.Edge(heaptest.Root, "property", key, key)
	}
	g.Node("own", "string", "elements", 1<<12)
	g.Node("shared", "string", "elements", 1<<13)
	g.Edge("n7", "internal", "elements", "own")
	g.Edge("n8", "internal", "elements", "shared")
	g.Edge("n9", "weak", "elements", "shared")
	want := Statistics{
		Total: 1<<20 + 1<<10 - 1 + 1<<12 + 1<<13, Code: 1 << 3, Arrays: 1<<7 + 1<<8 + 1<<12, Strings: 1<<4 + 1<<5 + 1<<6 + 1<<12 + 1<<13,
		System: 1, Native: 1<<20 + 1<<1 + 1<<2, TypedArrays: 1 << 2,
	}
	want.V8Heap = want.Total - want.Native
	if diff := cmp.Diff(want, read(t, g).Statistics()); diff != "" {
		t.Error(diff)
	}
}

func TestKinds(t *testing.T) {
	if got := NodeType(200).String(); got != "type 200" {
		t.Errorf("got %s", got)
	}
	if got := EdgeType(200).String(); got != "type 200" {
		t.Errorf("got %s", got)
	}
	if n := len(nodeTypeNames); n != int(OtherNode)+1 || len(edgeTypeNames) != int(OtherEdge)+1 {
		t.Errorf("%d node types, %d edge types", n, len(edgeTypeNames))
	}
	if !strings.Contains((&LimitError{What: "nodes", Max: 5}).Error(), "more than 5 nodes") {
		t.Error("a limit does not say what it is")
	}
}
