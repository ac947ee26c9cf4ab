package leak

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// benchHeap is the snapshot that ECSHEAP_BENCH_SNAPSHOT names, or a list of objects.
func benchHeap(b *testing.B) *heap.Snapshot {
	b.Helper()
	var text []byte
	if file := os.Getenv("ECSHEAP_BENCH_SNAPSHOT"); file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			b.Fatal(err)
		}
	} else {
		const links = 200_000
		g := heaptest.New(heaptest.Node24)
		last := heaptest.Root
		for i := range links {
			key := fmt.Sprint(i)
			g.Node(key, "object", "Link", 40)
			g.Edge(last, "property", "next", key)
			last = key
		}
		text = g.Bytes(b)
	}
	s, err := heap.Parse(b.Context(), bytes.NewReader(text), nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	return s
}

func BenchmarkObserve(b *testing.B) {
	s := benchHeap(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Observe(b.Context(), s, Moment{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFind has the snapshot twice, as of a process that has not changed, and alone.
func BenchmarkFind(b *testing.B) {
	s := benchHeap(b)
	o, err := Observe(b.Context(), s, Moment{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for name, earlier := range map[string][]*Observation{"alone": nil, "after": {o, o}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Find(b.Context(), earlier, s, Moment{SameIDs: true}, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPathKeys(b *testing.B) {
	g := newGraph(benchHeap(b))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newPathKeys(b.Context(), g); err != nil {
			b.Fatal(err)
		}
	}
}
