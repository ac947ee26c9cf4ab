package sourcemap

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkParse reads the map of a bundle of one line, 2 million segments.
func BenchmarkParse(b *testing.B) {
	const segments = 2_000_000
	r := rand.New(rand.NewPCG(1, 1))
	all := make([]placed, segments)
	for i := range all {
		all[i] = placed{0, segment{int32(5 * i), int32(i / (segments / 100)), int32(i / 5 % 1000), int32(r.IntN(80)), int32(r.IntN(100))}}
	}
	text := []byte(object(b, map[string]any{
		"version": 3, "sources": sourceNames(100, "s"), "names": sourceNames(100, "n"), "mappings": encode(all),
	}))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
