package heap

import (
	"bytes"
	"context"
	"os"
	"testing"
)

// benchNodes is big enough that nothing but the last level of cache holds the graph.
const benchNodes = 500_000

// benchText returns a snapshot: the file that ECSHEAP_BENCH_SNAPSHOT names, or a chain
// of objects.
func benchText(b *testing.B) []byte {
	if file := os.Getenv("ECSHEAP_BENCH_SNAPSHOT"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		return text
	}
	return long(benchNodes, "")
}

func BenchmarkParse(b *testing.B) {
	text := benchText(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(b.Context(), bytes.NewReader(text), nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPhases has each computation by itself.
func BenchmarkPhases(b *testing.B) {
	s, err := Parse(b.Context(), bytes.NewReader(benchText(b)), nil)
	if err != nil {
		b.Fatal(err)
	}
	run := func(name string, f func(context.Context) error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(s.NumNodes()), "ns/node")
		})
	}
	run("fold", s.fold)
	run("measure", s.measure)
	run("classify", s.classify)
	run("walk", func(ctx context.Context) error {
		f, err := s.walk(ctx)
		if err == nil {
			s.scratch.put(f.number, f.vertex, f.parent, f.semi)
		}
		return err
	})
	run("dominate", s.dominate)
	run("retainers", s.reverseEdges)
	if err := s.Prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	run("classes", func(context.Context) error {
		s.Between(&Marks{}, s.Marks())
		return nil
	})
	run("index", func(context.Context) error {
		s.Index()
		return nil
	})
}
