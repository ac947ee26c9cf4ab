package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// tunnelSetting is a number of the environment; see scripts/bench-tunnel.sh.
func tunnelSetting(b *testing.B, name string, otherwise int) int {
	b.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(otherwise)))
	if err != nil || n < 1 {
		b.Fatalf("%s=%s is no number", name, os.Getenv(name))
	}
	return n
}

// BenchmarkTunnelFaults prints the table of faults x RUNS for package tunnel and
// the stock plugin: how many transfers were complete and identical, differed,
// ended with an error, hung for LIMIT seconds, or lost their process.
func BenchmarkTunnelFaults(b *testing.B) {
	runs, limit := tunnelSetting(b, "RUNS", 20), time.Duration(tunnelSetting(b, "LIMIT", 90))*time.Second
	kb, parallel := int64(tunnelSetting(b, "KB", 1024)), tunnelSetting(b, "PARALLEL", 10)
	stock := buildChild(b, "stockplugin")
	fmt.Printf("| fault | client | complete | differ | error | hung | died | slowest |\n|---|---|---|---|---|---|---|---|\n")
	for _, fault := range tunnelFaults {
		if only := os.Getenv("FAULTS"); only != "" && !slices.Contains(strings.Split(only, ";"), fault.name) {
			continue
		}
		for _, client := range strings.Fields(cmp.Or(os.Getenv("CLIENTS"), "tunnel plugin")) {
			outcomes := concurrently(runs, parallel, func() outcome {
				w := newTunnelWorld(b, fakeaws.Config{Pace: true, RTT: tunnelRTT}, kb<<10)
				defer w.Close()
				w.blackOut = 30 * time.Second
				if client == "plugin" {
					return w.throughChild(b, stock, fault.run, limit)
				}
				return w.throughTunnel(b, fault.run, limit)
			})
			fmt.Println(row(fault.name, client, outcomes))
		}
	}
}

// concurrently runs f n times, parallel at a time.
func concurrently(n, parallel int, f func() outcome) []outcome {
	all := make([]outcome, n)
	places := make(chan struct{}, parallel)
	var wg sync.WaitGroup
	for i := range all {
		places <- struct{}{}
		wg.Go(func() {
			all[i] = f()
			<-places
		})
	}
	wg.Wait()
	return all
}

// row is a line of the table.
func row(fault, client string, outcomes []outcome) string {
	var complete, differ, failed, hung, died int
	var slowest time.Duration
	var example error
	for _, o := range outcomes {
		switch {
		case o.hung:
			hung++
		case o.err == nil:
			complete++
		case errors.Is(o.err, errDiffers):
			differ++
		case o.died:
			died++
		default:
			failed++
			example = o.err
		}
		slowest = max(slowest, o.took)
	}
	text := fmt.Sprintf("| %s | %s | %d | %d | %d | %d | %d | %.1f s |", fault, client, complete, differ, failed, hung, died, slowest.Seconds())
	if example != nil {
		text += fmt.Sprintf(" <!-- %v -->", example)
	}
	return text
}

// BenchmarkTunnelSpeed prints the throughput of a download, and the CPU time of
// the process that receives it, for package tunnel and the stock plugin as child
// processes of the same shape. Paced, the ceiling is what the agent itself sends.
func BenchmarkTunnelSpeed(b *testing.B) {
	programs := map[string]string{"tunnel": buildChild(b, "tunnelchild"), "plugin": buildChild(b, "stockplugin")}
	fmt.Printf("| agent | client | MB | MB/s | of the ceiling | CPU s/GB |\n|---|---|---|---|---|---|\n")
	for _, paced := range []bool{true, false} {
		size := int64(tunnelSetting(b, "FAST_MB", 256)) << 20
		if paced {
			size = int64(tunnelSetting(b, "PACED_MB", 16)) << 20
		}
		for _, client := range []string{"tunnel", "plugin"} {
			naps := make(chan float64, 1)
			ctx, stop := context.WithCancel(b.Context())
			go func() { naps <- nap(ctx) }()
			took, cpu := download(b, programs[client], paced, size)
			stop()
			mb := float64(size) / 1e6
			agent, share := "at full speed", "-"
			if ceiling := <-naps; paced {
				agent, share = "paced", fmt.Sprintf("%.1f %%", 100*mb/took.Seconds()/ceiling)
			}
			fmt.Printf("| %s | %s | %.0f | %.3f | %s | %.2f |\n", agent, client, mb, mb/took.Seconds(), share, cpu.Seconds()/mb*1e3)
		}
	}
}

// nap sleeps as the agent does after each payload of 1 KiB, and does nothing else.
// It returns the MB/s of an agent that has no other work: the ceiling, under the
// load that the machine has at the moment.
func nap(ctx context.Context) float64 {
	began := time.Now()
	for n := 0; ; n++ {
		timer := time.NewTimer(time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return float64(n) * 1024 / 1e6 / time.Since(began).Seconds()
		case <-timer.C:
		}
	}
}

// download receives size bytes through a child, and returns how long it took and
// the CPU time of the child.
func download(b *testing.B, program string, paced bool, size int64) (took, cpu time.Duration) {
	b.Helper()
	w := newTunnelWorld(b, fakeaws.Config{Pace: paced}, size)
	defer w.Close()
	c, err := w.startChild(b, program)
	if err != nil {
		b.Fatal(err)
	}
	defer c.stop()
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if _, err := conn.Write([]byte{0}); err != nil { // opens the stream
		b.Fatal(err)
	}
	began := time.Now()
	if n, err := io.CopyN(io.Discard, conn, size); err != nil {
		b.Errorf("%s: %d of %d bytes: %v", program, n, size, err)
	}
	took = time.Since(began)
	c.stop()
	return took, c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}
