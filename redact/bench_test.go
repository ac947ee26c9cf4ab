package redact

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkSnapshot redacts the snapshot that ECSHEAP_BENCH_SNAPSHOT names, or a small one. Writer
// and proof run one behind the other, on one core.
func BenchmarkSnapshot(b *testing.B) {
	text := tableChain(1000).Bytes(b)
	if file := os.Getenv("ECSHEAP_BENCH_SNAPSHOT"); file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			b.Fatal(err)
		}
	}
	out := filepath.Join(b.TempDir(), "out")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Snapshot(b.Context(), bytes.NewReader(text), out, Options{Overwrite: true}); err != nil {
			b.Fatal(err)
		}
	}
}
