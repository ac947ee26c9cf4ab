package report

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// drawn prints the blocks as a tree: "2 × Order 48".
func drawn(s *heap.Snapshot, blocks []block) string {
	var out strings.Builder
	var walk func(parent int32, indent string)
	walk = func(parent int32, indent string) {
		for i, b := range blocks {
			if i > 0 && b.parent == parent {
				fmt.Fprintf(&out, "%s%d × %s %d\n", indent, b.count, s.Class(b.first), b.size)
				walk(int32(i), indent+"  ")
			}
		}
	}
	walk(0, "")
	return out.String()
}

func TestIcicleDrawsSmallSiblingsAsOne(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	g.Node("store", "object", "Store", 100)
	g.Edge(heaptest.Root, "property", "store", "store")
	for i := range 1000 {
		order, note := fmt.Sprint("o", i), fmt.Sprint("n", i)
		g.Node(order, "object", "Order", 10)
		g.Edge("store", "element", fmt.Sprint(i), order)
		g.Node(note, "object", "Note", 5)
		g.Edge(order, "property", "note", note)
	}
	g.Node("big", "object", "Order", 4000)
	g.Edge("store", "property", "big", "big")
	s := parsed(t, g)
	want := "1 × Store 19100\n  1000 × Order 15000\n    1000 × Note 5000\n  1 × Order 4000\n"
	if got := drawn(s, newIcicle(s)); got != want {
		t.Errorf("drawn:\n%s\nwant:\n%s", got, want)
	}
}

// TestIcicleFoldsChains draws lists that are as deep as they are long.
func TestIcicleFoldsChains(t *testing.T) {
	const length = 12_000
	for _, classes := range [][]string{{"Link"}, {"Function", "Context"}, {"Promise", "Reaction", "Closure", "Context"}} {
		g := heaptest.New(heaptest.Node24)
		last := heaptest.Root
		for i := range length {
			key := fmt.Sprint("l", i)
			g.Node(key, "object", classes[i%len(classes)], 10)
			g.Edge(last, "property", "next", key)
			g.Node(key+"d", "object", "Datum", 7)
			g.Edge(key, "property", "datum", key+"d")
			last = key
		}
		s := parsed(t, g)
		blocks := newIcicle(s)
		if most := 2*maxBigNested*len(classes) + 2*len(classes); len(blocks) > most {
			t.Errorf("a chain of %v is drawn in %d blocks, more than %d", classes, len(blocks), most)
		}
		checkBlocks(t, s, blocks)
	}
}

// TestIcicleKeepsTheSum has no byte and no object be lost or counted twice,
// whatever the graph.
func TestIcicleKeepsTheSum(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		g := heaptest.New(heaptest.Node22)
		keys := []string{heaptest.Root}
		for i := range 400 {
			key := fmt.Sprint(i)
			g.Node(key, "object", fmt.Sprint("C", rnd.IntN(4)), int64(rnd.IntN(100)))
			g.Edge(keys[max(0, len(keys)-1-rnd.IntN(1+rnd.IntN(len(keys))))], "property", "p", key)
			keys = append(keys, key)
		}
		for range 100 {
			g.Edge(keys[rnd.IntN(len(keys))], "property", "q", keys[rnd.IntN(len(keys))])
		}
		s := parsed(t, g)
		checkBlocks(t, s, newIcicle(s))
	}
}

func checkBlocks(t *testing.T, s *heap.Snapshot, blocks []block) {
	t.Helper()
	below, count := make([]int64, len(blocks)), 0
	for i, b := range blocks {
		count += int(b.count)
		if i > 0 {
			if int(b.parent) >= i {
				t.Fatalf("block %d comes before its parent %d", i, b.parent)
			}
			below[b.parent] += b.size
		}
		if b.depth > maxIcicleDepth {
			t.Errorf("block %d is %d deep", i, b.depth)
		}
	}
	for i, b := range blocks {
		if b.size != b.own+below[i] {
			t.Errorf("block %d has %d bytes, and %d + %d in it", i, b.size, b.own, below[i])
		}
	}
	if count != s.NumNodes() || blocks[0].size != s.Total()-s.ExtraNative() {
		t.Errorf("%d objects of %d bytes are drawn, of %d of %d bytes", count, blocks[0].size, s.NumNodes(), s.Total())
	}
}

func TestIcicleLeavesOutTheSmallest(t *testing.T) {
	s := parsed(t, shopGraph())
	blocks := newIcicle(s)
	for _, limit := range []int{1, 2, 5, 9, len(blocks) + 1} {
		order := biggest(blocks, limit)
		if len(order) > limit || order[0] != 0 {
			t.Fatalf("of at most %d, the blocks are %v", limit, order)
		}
		have := map[int32]bool{}
		for i, b := range order {
			if !have[blocks[b].parent] && i > 0 {
				t.Errorf("of %d, block %d is there without its parent", limit, b)
			}
			if i > 0 && blocks[b].size > blocks[order[i-1]].size {
				t.Errorf("of %d, block %d is bigger than the one before", limit, b)
			}
			have[b] = true
		}
	}
}

func TestIcicleOfThePage(t *testing.T) {
	data := dataOf(t, html(t, shop(t)))
	names := map[string]int{}
	for i, class := range data.Icicle.Class {
		name := data.Names[class]
		if data.Icicle.Edge[i] > 0 {
			name = data.Names[data.Icicle.Edge[i]] + ": " + name
		}
		names[name] += int(data.Icicle.Count[i])
	}
	for name, count := range map[string]int{"timeoutIds: Array": 1, "Timeout": shopTimeout, "sessions: Object": 1, "[key]: Session": 1, "throttler: ThrottlerStorageService": 1} {
		if names[name] != count {
			t.Errorf("the map has %d of %q, want %d", names[name], name, count)
		}
	}
}

func BenchmarkIcicle(b *testing.B) {
	s, err := heap.Parse(b.Context(), strings.NewReader(string(shopGraph().Bytes(b))), nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		newIcicle(s)
	}
}
