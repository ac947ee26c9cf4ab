package leak

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestPathTable compares tables with sums, in whatever order objects come.
func TestPathTable(t *testing.T) {
	var objects []pathRow
	want := map[uint64]int64{}
	for i := range 3 * maxPathRows {
		r := pathRow{key: uint64(i%1000) + 1, bytes: int64(i), count: 2, old: 1, nodes: 1}
		objects = append(objects, r)
		want[r.key] += r.bytes
	}
	rng := rand.New(rand.NewPCG(1, 2))
	rng.Shuffle(len(objects), func(i, k int) { objects[i], objects[k] = objects[k], objects[i] })
	var table pathTable
	for _, r := range objects {
		table.add(r)
	}
	table.finish()
	if len(table.rows) != len(want) {
		t.Fatalf("%d rows, want %d", len(table.rows), len(want))
	}
	for key, bytes := range want {
		if r, ok := table.get(key); !ok || r.bytes != bytes || r.count != 2*r.nodes || r.old != r.nodes {
			t.Errorf("key %d: %+v, want %d bytes", key, r, bytes)
		}
	}
	if _, ok := table.get(5000); ok {
		t.Error("a key that is not there is found")
	}
}

// TestPathTableIsBounded has more places than are remembered: the biggest stay.
func TestPathTableIsBounded(t *testing.T) {
	var table pathTable
	for i := range 2 * maxPathRows {
		table.add(pathRow{key: mix(uint64(i), 0), bytes: int64(i % 100_000), nodes: 1})
	}
	table.finish()
	if len(table.rows) != maxPaths || cap(table.rows) > maxPaths+maxPaths/4 {
		t.Errorf("%d rows, room for %d", len(table.rows), cap(table.rows))
	}
	least := slices.MinFunc(table.rows, func(a, b pathRow) int { return int(a.bytes - b.bytes) })
	if least.bytes < 95_000 {
		t.Errorf("one of %d bytes is remembered", least.bytes)
	}
}
