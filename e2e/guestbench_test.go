package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/guest"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// paceOfBench is what a Session Manager tunnel carries on a good day.
const paceOfBench = 2e6 // bytes a second

// BenchmarkGuest compares the ways of a snapshot straight over TCP, at full
// speed and at the pace of a tunnel: the bytes on the wire as a share of the
// file, what the target's memory grows by at most and while it hands over, its
// CPU seconds and its pause.
func BenchmarkGuest(b *testing.B) {
	for _, pin := range nodetest.Pins() {
		if !pin.Tested {
			continue
		}
		for _, paced := range []bool{false, true} {
			for _, transfer := range []string{"stream", "disk", "memory"} {
				b.Run(fmt.Sprintf("node%s/paced=%t/%s", pin.Major, paced, transfer), func(b *testing.B) {
					for b.Loop() {
						benchGuest(b, pin.Major, paced, transfer)
					}
				})
			}
		}
	}
}

func benchGuest(b *testing.B, version string, paced bool, transfer string) {
	b.Helper()
	b.StopTimer()
	p := nodetest.Start(b, nodetest.Options{Version: version, Script: nodetest.Bulk(), Args: []string{"60"}, Ready: nodetest.BulkReady, Inspect: true})
	conn, err := cdp.Dial(b.Context(), func(ctx context.Context) (net.Conn, error) {
		socket, err := new(net.Dialer).DialContext(ctx, "tcp", p.Inspector)
		if err == nil && paced {
			// A small window: what is not read must not wait in the kernel.
			_ = socket.(*net.TCPConn).SetReadBuffer(64 << 10)
			socket = &pacedConn{Conn: socket}
		}
		return socket, err
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	g := installGuest(b, conn.Evaluate, guest.Options{})
	base, cpu, wire := procStatusOf(b, p.PID, "VmRSS"), cpuSecondsOf(b, p.PID), conn.Received()
	b.StartTimer()
	var size int64
	var pause time.Duration
	var draining int64
	if transfer == "stream" {
		var received int64
		taken := int64(-1) // when the first bytes arrive
		w := writerOf(func(data []byte) {
			received += int64(len(data))
			rss := procStatusOf(b, p.PID, "VmRSS")
			if taken < 0 {
				taken = rss
			}
			draining = max(draining, rss-taken)
		})
		if err := conn.HeapSnapshot(b.Context(), w, nil); err != nil {
			b.Fatal(err)
		}
		size, pause = received, conn.LastPause()
	} else {
		shot := takeShot(b, g, guest.Mode(transfer))
		taken := procStatusOf(b, p.PID, "VmRSS")
		if _, err := g.Pull(b.Context(), shot, io.Discard, guest.PullOptions{Progress: func(int64, int64) {
			draining = max(draining, procStatusOf(b, p.PID, "VmRSS")-taken)
		}}); err != nil {
			b.Fatal(err)
		}
		size, pause = shot.Bytes, shot.Pause
	}
	b.StopTimer()
	b.ReportMetric(float64(size)/1e6, "file-MB")
	b.ReportMetric(float64(conn.Received()-wire)/float64(size), "wire/file")
	b.ReportMetric(float64(procStatusOf(b, p.PID, "VmHWM")-base)/1e6, "peak-RSS-grown-MB")
	b.ReportMetric(float64(draining)/1e6, "draining-RSS-grown-MB")
	b.ReportMetric(cpuSecondsOf(b, p.PID)-cpu, "target-cpu-s")
	b.ReportMetric(pause.Seconds(), "pause-s")
	_ = conn.Close()
	_ = p.Close()
	b.StartTimer()
}

// writerOf is a writer that tells a func.
type writerOf func([]byte)

func (f writerOf) Write(p []byte) (int, error) {
	f(p)
	return len(p), nil
}

// pacedConn reads no faster than a tunnel carries.
type pacedConn struct {
	net.Conn
	mu   sync.Mutex
	next time.Time
}

func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), 16<<10)])
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); c.next.Before(now) {
		c.next = now
	}
	c.next = c.next.Add(time.Duration(float64(n) / paceOfBench * float64(time.Second)))
	time.Sleep(time.Until(c.next))
	return n, err
}

// procStatusOf reads a figure in bytes from /proc/PID/status.
func procStatusOf(b testing.TB, pid int, name string) int64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip(err)
	}
	m := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(raw)
	if m == nil {
		b.Fatalf("no %s", name)
	}
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n << 10
}

// cpuSecondsOf returns the CPU seconds that a process has used (man 5 proc_pid_stat).
func cpuSecondsOf(b testing.TB, pid int) float64 {
	b.Helper()
	const ticks, utime = 100, 11 // after the name: utime is field 14, the state field 3
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip(err)
	}
	_, after, _ := strings.Cut(string(raw), ") ")
	sum := 0.0
	for _, field := range strings.Fields(after)[utime : utime+2] {
		n, err := strconv.ParseFloat(field, 64)
		if err != nil {
			b.Fatal(err)
		}
		sum += n
	}
	return sum / ticks
}
