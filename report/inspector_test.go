package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
	"github.com/ecsheap/ecsheap/leak"
)

// objectOf finds an object of the extract by its class.
func objectOf(t *testing.T, data scriptData, class string) objectData {
	t.Helper()
	for _, o := range data.Objects {
		if data.Names[o.Class] == class {
			return o
		}
	}
	t.Fatalf("the extract has no %s", class)
	return objectData{}
}

func TestInspectorHasTheSuspect(t *testing.T) {
	data := dataOf(t, html(t, shop(t)))
	list := objectOf(t, data, "Array")
	if list.Whole != 1 || len(list.Fields) != maxFields || list.More != shopTimeout+1-maxFields {
		t.Fatalf("the array has %d fields and %d more, whole %d", len(list.Fields), list.More, list.Whole)
	}
	first, last := data.Names[list.Fields[0][1]], data.Names[list.Fields[maxFields-1][1]]
	if first != "0" || last != fmt.Sprint(shopTimeout-1) {
		t.Errorf("the array's fields go from %s to %s", first, last)
	}
	if len(list.Holders) != 1 || data.Names[list.Holders[0][1]] != "timeoutIds" {
		t.Errorf("the array's retainers are %v", list.Holders)
	}
	// From the sample one gets to what it costs.
	hit := objectOf(t, data, "ThrottlerHit")
	if hit.Whole != 1 {
		t.Fatal("what a timer keeps is not in the extract")
	}
	var edges []string
	for _, f := range hit.Fields {
		edges = append(edges, data.Names[f[1]]+"="+data.Names[data.Objects[f[2]].Name])
	}
	if want := []string{"route=string, 32 chars", maskedKey + "="}; !slices.Equal(edges, want) {
		t.Errorf("the hit's fields are %v, want %v", edges, want)
	}
}

// TestInspectorTellsTheWayOfTheDiagnosis follows the way from the suspect to a
// root.
func TestInspectorTellsTheWayOfTheDiagnosis(t *testing.T) {
	r := shop(t)
	data := dataOf(t, html(t, r))
	o := objectOf(t, data, "Array")
	var way []string
	for len(o.Via) == 2 {
		way = append(way, data.Names[o.Via[0]])
		o = data.Objects[o.Via[1]]
	}
	if want := []string{".timeoutIds", ".throttler"}; !slices.Equal(way, want) {
		t.Errorf("the way is %v, want %v", way, want)
	}
	if data.Names[o.Class] != "global" {
		t.Errorf("the way begins at %s", data.Names[o.Class])
	}
}

// TestInspectorFindsWaysItself has objects without a way in the diagnosis, in
// circles and behind weak edges.
func TestInspectorFindsWaysItself(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	g.Node("global", "object", "global", 8)
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	for _, key := range []string{"a", "b", "c"} {
		g.Node(key, "object", key, 1000)
	}
	g.Edge("global", "property", "first", "a")
	g.Edge("a", "property", "second", "b")
	g.Edge("b", "property", "back", "a")
	g.Edge("b", "property", "self", "b")
	g.Edge("global", "weak", "c", "c")
	g.Edge("b", "property", "third", "c")
	s := parsed(t, g)
	data := dataOf(t, html(t, New(Info{}, &leak.Diagnosis{}, s)))
	o := objectOf(t, data, "c")
	var way []string
	for len(o.Via) == 2 && len(way) < 9 {
		way = append(way, data.Names[o.Via[0]])
		o = data.Objects[o.Via[1]]
	}
	if want := []string{"third", "second", "first"}; !slices.Equal(way, want) {
		t.Errorf("the way is %v, want %v", way, want)
	}
}

// TestInspectorIsBounded has every suspect hold a tree of many.
func TestInspectorIsBounded(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	d := &leak.Diagnosis{}
	long := "L" + strings.Repeat("<", maxName-20) // takes six bytes each
	for i := range 20 {
		top := fmt.Sprint("s", i)
		g.Node(top, "object", top, 8)
		g.Edge(heaptest.Root, "property", top, top)
		for j := range 40 {
			mid := fmt.Sprint(top, "-", j)
			g.Node(mid, "object", "Mid", 8)
			g.Edge(top, "property", fmt.Sprint("m", j), mid)
			for k := range 30 {
				leaf := fmt.Sprint(mid, "-", k)
				g.Node(leaf, "object", long+leaf, 8)
				g.Edge(mid, "property", fmt.Sprint("l", k), leaf)
			}
		}
	}
	s := parsed(t, g)
	for i := range 20 {
		n := nodeOf(t, s, fmt.Sprint("s", i))
		d.Suspects = append(d.Suspects, leak.Suspect{Node: n, ID: s.ID(n), Samples: []heap.Node{n + 1}})
	}
	page := html(t, New(Info{}, d, s))
	if len(page) > maxPage {
		t.Errorf("the page has %d bytes", len(page))
	}
	data := dataOf(t, page)
	whole, tops := 0, 0
	for _, o := range data.Objects {
		whole += o.Whole
		if o.Whole == 1 && len(data.Names[o.Class]) <= 3 && data.Names[o.Class][0] == 's' {
			tops++
		}
		if len(o.Fields) > maxFields || len(o.Holders) > maxRetainers {
			t.Errorf("@%d has %d fields and %d retainers", o.ID, len(o.Fields), len(o.Holders))
		}
	}
	if whole > maxInspected || tops < shownCards {
		t.Errorf("%d objects are inspected, at most %d are to be; %d suspects of %d are", whole, maxInspected, tops, shownCards)
	}
}
