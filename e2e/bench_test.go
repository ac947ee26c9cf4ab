package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// BenchmarkSnapshot takes a snapshot of about 100 MB through the loopback AWS,
// as fast as it goes and at the pace of the real SSM agent (over two minutes).
// Beside the wall time it reports the bytes and the program's peak memory.
func BenchmarkSnapshot(b *testing.B) {
	for _, paced := range []bool{false, true} {
		b.Run(fmt.Sprintf("100MB/paced=%t", paced), func(b *testing.B) {
			server, err := fakeaws.Start(fakeaws.Config{Pace: paced})
			if err != nil {
				b.Fatal(err)
			}
			defer server.Close()
			p := nodetest.Start(b, nodetest.Options{Script: nodetest.Bulk(), Args: []string{"100"}, Ready: nodetest.BulkReady, Inspect: true})
			server.AddTask(fakeaws.Task{Cluster: "prod", ID: taskID, Exec: true, Containers: []fakeaws.Container{{Name: "api", Ports: map[int]string{9229: p.Inspector}}}})
			for i := 0; b.Loop(); i++ {
				dir := filepath.Join(b.TempDir(), fmt.Sprint(i))
				c := exec.Command(program, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", dir)
				c.Env = append(os.Environ(), server.Env()...)
				if out, err := c.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
				report(b, c, dir)
			}
		})
	}
}

// report adds the figures of one run.
func report(b *testing.B, c *exec.Cmd, dir string) {
	b.Helper()
	series, err := capture.Load(dir)
	if err != nil || len(series.Snapshots) != 1 {
		b.Fatalf("%d snapshots, %v", len(series.Snapshots), err)
	}
	shot := series.Snapshots[0]
	b.SetBytes(shot.Bytes)
	b.ReportMetric(float64(shot.Bytes)/1e6, "snapshot-MB")
	b.ReportMetric(float64(shot.WireBytes)/1e6, "wire-MB")
	b.ReportMetric(float64(shot.PauseMs), "pause-ms")
	b.ReportMetric(float64(shot.RSSAfter-shot.RSSBefore)/1e6, "target-RSS-grown-MB")
	b.ReportMetric(c.ProcessState.UserTime().Seconds()+c.ProcessState.SystemTime().Seconds(), "cpu-s")
	if usage, ok := c.ProcessState.SysUsage().(*syscall.Rusage); ok {
		peak := float64(usage.Maxrss)
		if runtime.GOOS == "linux" {
			peak *= 1024 // Linux counts in KiB, the BSDs in bytes
		}
		b.ReportMetric(peak/1e6, "peak-RSS-MB")
	}
}
