package fakeaws

import (
	"io"
	"net"
	"testing"
)

// BenchmarkDownload measures bytes from a container's port to the client, the direction of a heap
// snapshot.
func BenchmarkDownload(b *testing.B) {
	for _, bench := range []struct {
		name string
		cfg  Config
		size int64
	}{
		{"fast", Config{}, 32 << 20},
		{"rtt10", Config{RTT: 10e6}, 32 << 20},
		{"paced", Config{Pace: true}, 1 << 20},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := start(b, bench.cfg)
			chunk := make([]byte, 64<<10)
			_, target := addNode(s, listen(b, func(conn net.Conn) {
				for {
					if _, err := conn.Write(chunk); err != nil {
						return
					}
				}
			}))
			c := openSession(b, s, target)
			st := c.stream()
			if _, err := st.Write([]byte("go")); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(bench.size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.CopyN(io.Discard, st, bench.size); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
