package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/internal/s3test"
)

const (
	// captureLimit bounds one run of the program: 500 MB through the paced
	// tunnel as plain JSON take a quarter of an hour.
	captureLimit = 40 * time.Minute

	// captureRTT is a round trip to a region on the same continent.
	captureRTT = 30 * time.Millisecond

	// sampleTick is how often the target's memory is looked at.
	sampleTick = 20 * time.Millisecond

	// clockTick is the unit of CPU time in /proc (USER_HZ), 10 ms everywhere.
	clockTick = 10 * time.Millisecond
)

// captured is what one run of the program did to its target.
type captured struct {
	cell
	transfer gate.Transfer
	forecast gate.Forecast
	pause    time.Duration // the longest stop of the event loop, as the target saw it
	rss      int64         // of the target before, bytes
	peak     int64         // its highest
	draining int64         // its median from the highest to the end
	after    int64
	cpu      time.Duration // of the target
	wall     time.Duration // of the program
	shot     capture.Shot
	err      error
}

// snapshotHelp is what the program says of its snapshot command.
func snapshotHelp(b *testing.B) string {
	b.Helper()
	help, err := exec.CommandContext(b.Context(), program, "snapshot", "--help").Output()
	if err != nil {
		b.Fatal(err)
	}
	return string(help)
}

// BenchmarkCapture has the program take one snapshot of every cell by every
// transfer over the paced tunnel, looks at the target from outside meanwhile,
// and prints what happened beside the forecast. scripts/bench-capture.sh runs it.
// A run that fails ends nothing but itself.
// It stops early, with the ratios of what it has, on SIGINT and SIGTERM.
func BenchmarkCapture(b *testing.B) {
	if _, err := os.Stat("/proc/self/clear_refs"); err != nil {
		b.Skip("the memory of another process can be seen on Linux only")
	}
	help := snapshotHelp(b)
	m, err := matrixOf(os.Getenv, transfersOf(help))
	if err != nil {
		b.Fatal(err)
	}
	var s3 *s3test.Server
	if slices.Contains(m.transfers, gate.S3) {
		s3 = s3test.Start(b)
	}
	ctx, stop := signal.NotifyContext(b.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	for _, c := range m.frozen {
		fmt.Printf("node %s %s %d MB is left out: such a table takes Node.js minutes or 10 GB, whatever the transfer\n", c.node, c.shape, c.megabytes)
	}
	fmt.Printf(capturedRow, "node", "shape", "MB", "transfer", "pause s", "forecast", "peak +MB", "forecast", "drain +MB", "after +MB", "file MB", "wire MB", "wire/file", "wall s", "cpu s")
	var all []captured
	for _, c := range m.cells {
		for _, transfer := range m.transfers {
			b.Run(fmt.Sprintf("node%s/%s/%d/%s", c.node, c.shape, c.megabytes, transfer), func(b *testing.B) {
				if ctx.Err() != nil {
					b.SkipNow()
				}
				r := runCaptureWithin(ctx, b, c, transfer, help, s3)
				if ctx.Err() == nil {
					all = append(all, r)
					r.print(os.Stdout)
				}
				b.SkipNow() // the row says all, a line of time alone would stand between
			})
		}
	}
	printCaptured(b, os.Stdout, all)
}

// runCapture runs the program once, on a target of its own.
func runCapture(b *testing.B, c cell, transfer gate.Transfer, help string, s3 *s3test.Server) captured {
	b.Helper()
	return runCaptureWithin(b.Context(), b, c, transfer, help, s3)
}

// runCaptureWithin is runCapture until ctx ends.
func runCaptureWithin(ctx context.Context, b *testing.B, c cell, transfer gate.Transfer, help string, s3 *s3test.Server) captured {
	b.Helper()
	r := captured{cell: c, transfer: transfer}
	server, err := fakeaws.Start(fakeaws.Config{Pace: true, RTT: captureRTT})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	p := startProbed(b, c.node, c.shape, c.megabytes, "", nodetest.Options{Inspect: true})
	defer p.Close()
	server.AddTask(fakeaws.Task{Cluster: "prod", ID: taskID, Exec: true, Containers: []fakeaws.Container{{Name: "api", Ports: map[int]string{9229: p.Inspector}}}})
	env := server.Env()
	args := []string{"snapshot", "--cluster", "prod", "--task", taskID, "--dir", filepath.Join(b.TempDir(), "out")}
	for _, flag := range []string{"--transfer=" + string(transfer), "--force", "--no-analyze"} {
		if name, _, _ := strings.Cut(flag, "="); strings.Contains(help, name+" ") {
			args = append(args, flag)
		}
	}
	if transfer == gate.S3 {
		env = append(env, s3.Env()...)
		args = append(args, "--s3", "s3://"+s3test.Bucket+"/bench")
	}
	r.observe(ctx, b, p, args, env)
	return r
}

// observe runs the program and looks at the target.
func (r *captured) observe(ctx context.Context, b *testing.B, p *probed, args, env []string) {
	b.Helper()
	v := p.vitals
	v.RSS = memoryOf(b, p.PID, "VmRSS")
	r.rss, r.forecast = v.RSS, gate.Predict(v, r.transfer, nil)
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.PID), []byte("5"), 0o600); err != nil {
		b.Fatal(err)
	}
	cpu := cpuOf(b, p.PID)
	stop := make(chan struct{})
	var samples []int64
	var sampling sync.WaitGroup
	sampling.Go(func() { samples = sampleMemory(p.PID, stop) })
	command := exec.CommandContext(ctx, program, args...)
	command.Env, command.WaitDelay = append(os.Environ(), env...), time.Second
	timer := time.AfterFunc(captureLimit, func() { _ = command.Process.Kill() })
	began := time.Now()
	out, err := command.CombinedOutput()
	r.wall = time.Since(began)
	timer.Stop()
	close(stop)
	sampling.Wait()
	if err != nil {
		r.err = fmt.Errorf("%w: %s", err, reason(string(out)))
		return
	}
	r.peak, r.after, r.cpu = memoryOf(b, p.PID, "VmHWM"), memoryOf(b, p.PID, "VmRSS"), cpuOf(b, p.PID)-cpu
	r.draining = medianFromPeak(samples)
	r.pause = longestStop(b, p)
	series, err := capture.Load(args[slices.Index(args, "--dir")+1])
	if err != nil || len(series.Snapshots) != 1 {
		b.Fatalf("%d snapshots, %v", len(series.Snapshots), err)
	}
	r.shot = series.Snapshots[0]
}

// longestStop asks the target how long its event loop stood still.
func longestStop(b *testing.B, p *probed) time.Duration {
	b.Helper()
	if err := p.Signal(syscall.SIGHUP); err != nil {
		b.Fatal(err)
	}
	const word = "stopped 1 "
	ms, err := strconv.Atoi(strings.TrimPrefix(p.Line(word), word))
	if err != nil {
		b.Fatal(err)
	}
	return time.Duration(ms) * time.Millisecond
}

// memoryOf reads a figure of /proc/PID/status, in bytes.
func memoryOf(b *testing.B, pid int, key string) int64 {
	b.Helper()
	n, err := readMemory(pid, key)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func readMemory(pid int, key string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			return n * 1024, err
		}
	}
	return 0, errors.New("no " + key)
}

// cpuOf reads user and system time of /proc/PID/stat (proc(5), fields 14 and 15).
func cpuOf(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	var ticks int64
	for _, i := range []int{14 - 3, 15 - 3} { // the rest begins with field 3
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// sampleMemory notes the resident memory of a process until it is told to stop.
func sampleMemory(pid int, stop <-chan struct{}) []int64 {
	ticker := time.NewTicker(sampleTick)
	defer ticker.Stop()
	var samples []int64
	for {
		select {
		case <-stop:
			return samples
		case <-ticker.C:
			if n, err := readMemory(pid, "VmRSS"); err == nil {
				samples = append(samples, n)
			}
		}
	}
}

// medianFromPeak is the median of the samples from the highest on.
func medianFromPeak(samples []int64) int64 {
	if len(samples) == 0 {
		return 0
	}
	rest := slices.Clone(samples[slices.Index(samples, slices.Max(samples)):])
	slices.Sort(rest)
	return rest[len(rest)/2]
}

// capturedRow is a line of the table: printed one by one, since a run of hours
// should show where it is.
const capturedRow = "%4s %-11s %4s %-8s %7s %10s %8s %10s %9s %9s %7s %7s %9s %6s %6s\n"

// print writes a run as a row of the table.
func (r *captured) print(w io.Writer) {
	size := strconv.Itoa(r.megabytes)
	if r.err != nil || r.shot.Bytes == 0 {
		fmt.Fprintf(w, "%4s %-11s %4s %-8s fails: %v\n", r.node, r.shape, size, r.transfer, r.err)
		return
	}
	f := r.forecast
	mb := func(n int64) string { return strconv.FormatInt(n/1e6, 10) }
	sec := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) }
	fmt.Fprintf(w, capturedRow, r.node, r.shape, size, r.transfer, sec(r.pause), sec(f.Pause.Low)+"-"+sec(f.Pause.High),
		mb(r.peak-r.rss), mb(f.Extra.Low)+"-"+mb(f.Extra.High), mb(r.draining-r.rss), mb(r.after-r.rss), mb(r.shot.Bytes), mb(r.shot.WireBytes),
		fmt.Sprintf("%.2f", float64(r.shot.WireBytes)/float64(r.shot.Bytes)), sec(r.wall), sec(r.cpu))
}

// printCaptured prints the ratios that matter: a transfer against stream on the
// same cell, and forecasts against what happened.
func printCaptured(b *testing.B, w io.Writer, all []captured) {
	b.Helper()
	all = slices.DeleteFunc(all, func(r captured) bool { return r.err != nil || r.shot.Bytes == 0 })
	wires, walls := map[gate.Transfer][]float64{}, map[gate.Transfer][]float64{}
	for _, r := range all {
		i := slices.IndexFunc(all, func(s captured) bool { return s.cell == r.cell && s.transfer == gate.Stream })
		if i < 0 || r.transfer == gate.Stream {
			continue
		}
		s := all[i]
		wire, wall := float64(r.shot.WireBytes)/float64(s.shot.WireBytes), r.wall.Seconds()/s.wall.Seconds()
		wires[r.transfer], walls[r.transfer] = append(wires[r.transfer], wire), append(walls[r.transfer], wall)
		fmt.Fprintf(w, "%s against stream, node %s %s %d MB: wire x%.2f, wall x%.2f, draining %+.0f MB against %+.0f MB; wall is x%.1f of the pause\n",
			r.transfer, r.node, r.shape, r.megabytes, wire, wall,
			float64(r.draining-r.rss)/1e6, float64(s.draining-s.rss)/1e6, r.wall.Seconds()/r.pause.Seconds())
	}
	for _, transfer := range slices.Sorted(maps.Keys(wires)) {
		wire, wall := wires[transfer], walls[transfer]
		slices.Sort(wire)
		slices.Sort(wall)
		n := len(wire)
		fmt.Fprintf(w, "%s against stream, %d cells: wire x%.2f in the middle, x%.2f at most; wall x%.2f in the middle, x%.2f at most\n",
			transfer, n, wire[n/2], wire[n-1], wall[n/2], wall[n-1])
	}
	printForecasts(b, w, all)
}

// printForecasts says how the forecasts held, and fails where they did not.
func printForecasts(b *testing.B, w io.Writer, all []captured) {
	b.Helper()
	peaks, pauses, over := 0, 0, 0.0
	for _, r := range all {
		if r.forecast.Peak.Within(r.peak) {
			peaks++
		}
		if r.forecast.Pause.Within(r.pause) {
			pauses++
		}
		over = max(over, float64(r.peak)/float64(r.forecast.Peak.High))
	}
	fmt.Fprintf(w, "forecast: peak within its range in %d of %d runs, pause in %d; the highest peak was %.2f of its upper bound\n", peaks, len(all), pauses, over)
	if over > 1.1 || float64(peaks) < 0.95*float64(len(all)) {
		b.Error("the forecast does not hold")
	}
}
