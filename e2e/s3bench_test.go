package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/s3test"
)

// BenchmarkS3 holds the time of --transfer s3 against that of generating the
// snapshot, which is the pause, once for the transfer alone (from the command to
// take it until it is verified here) and once for the whole command.
//
//	go test -run '^$' -bench '^BenchmarkS3$' -benchtime 1x ./e2e
func BenchmarkS3(b *testing.B) {
	server := s3test.Start(b)
	help := snapshotHelp(b)
	for b.Loop() {
		for _, c := range []cell{{"24", "mix", 100}, {"18", "mix", 100}, {"24", "strings", 100}} {
			r := runCapture(b, c, gate.S3, help, server)
			if r.err != nil {
				b.Fatal(r.err)
			}
			pause, elapsed := float64(r.shot.PauseMs)/1e3, float64(r.shot.ElapsedMs)/1e3
			fmt.Fprintf(os.Stdout, "node %s %s %d MB: file %d MB, pause %.1f s, transfer %.1f s (x%.2f), command %.1f s (x%.2f); peak %+d MB, median after it %+d MB, cpu %.1f s\n",
				c.node, c.shape, c.megabytes, r.shot.Bytes/1e6, pause, elapsed, elapsed/pause, r.wall.Seconds(), r.wall.Seconds()/pause,
				(r.peak-r.rss)/1e6, (r.draining-r.rss)/1e6, r.cpu.Seconds())
		}
	}
}
