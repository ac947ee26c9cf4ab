package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

const (
	overheadRounds = 7               // each with a time without and a time with sampling
	overheadTime   = 2 * time.Second // of either
	overheadWarm   = 3 * time.Second // until V8 has compiled what is hot
	overheadUsers  = 8               // connections that ask as fast as they get answers
)

// BenchmarkProfileOverhead is what sampling costs a real HTTP service under
// load: throughput and CPU seconds per request, with and without it, in rounds
// that alternate. Ratios are medians of the rounds; below 1 is a loss of
// throughput, above 1 more CPU.
//
// One service answers with next to nothing, the other one builds and serialises
// a list for each request, and so allocates about 100 times as much.
func BenchmarkProfileOverhead(b *testing.B) {
	for _, version := range nodetest.Versions() {
		for name, script := range map[string]string{"small": nodetest.Quiet(), "list": listService} {
			b.Run(fmt.Sprintf("node%s/%s", version, name), func(b *testing.B) {
				for b.Loop() {
					overhead(b, version, script, 128<<10)
				}
			})
		}
	}
}

// listService allocates about 100 KB for each request.
const listService = `
const items = Array.from({ length: 300 }, (_, id) => ({ id, name: 'item ' + id, price: id * 1.5, tags: ['a', 'b'] }));
const server = require('http').createServer((request, response) => {
  const list = items.filter((i) => i.id % 3 > 0).map((i) => ({ ...i, label: i.name + ' at ' + i.price, tags: [...i.tags, 'new'] }));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url, list }));
});
server.listen(0, '127.0.0.1', () => console.log('ready at 127.0.0.1:' + server.address().port));`

func overhead(b *testing.B, version, script string, interval int) {
	p := nodetest.Start(b, nodetest.Options{Version: version, Script: script, Ready: nodetest.QuietReady, Inspect: true})
	line := p.Line(nodetest.QuietReady)
	_, address, _ := strings.Cut(line, nodetest.QuietReady)
	load := startLoad(b, "http://"+strings.TrimSpace(address)+"/")
	load.measure(b, p, overheadWarm)
	var throughput, cpu []float64
	for range overheadRounds {
		plain := load.measure(b, p, overheadTime)
		ended := sampleBeside(b, p, interval)
		sampled := load.measure(b, p, overheadTime)
		ended()
		throughput = append(throughput, sampled.perSecond/plain.perSecond)
		cpu = append(cpu, sampled.cpu/plain.cpu)
	}
	b.ReportMetric(median(throughput), "throughput-ratio")
	b.ReportMetric(median(cpu), "cpu-ratio")
	b.ReportMetric(load.measure(b, p, overheadTime).perSecond, "requests/s")
}

// sampleBeside samples until the returned func is called.
func sampleBeside(b *testing.B, p *nodetest.Process, interval int) (end func()) {
	b.Helper()
	conn, err := cdp.Dial(b.Context(), func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", p.Inspector)
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if profile, err := conn.Sample(ctx, time.Hour, cdp.SampleOptions{Interval: interval}); len(profile) == 0 {
			b.Error(err)
		}
	})
	return func() { cancel(); wg.Wait(); conn.Close() }
}

// load asks a service as fast as it answers.
type load struct{ answers atomic.Int64 }

func startLoad(b *testing.B, url string) *load {
	l := &load{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: overheadUsers}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	b.Cleanup(func() { cancel(); wg.Wait(); client.CloseIdleConnections() })
	for range overheadUsers {
		wg.Go(func() {
			for ctx.Err() == nil {
				req, _ := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
				if resp, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					l.answers.Add(1)
				}
			}
		})
	}
	return l
}

// rate is what a service did in a time.
type rate struct {
	perSecond float64 // requests
	cpu       float64 // clock ticks of the process per request
}

func (l *load) measure(b *testing.B, p *nodetest.Process, d time.Duration) rate {
	b.Helper()
	n, ticks, began := l.answers.Load(), cpuTicks(b, p.PID), time.Now()
	<-time.After(d)
	answers := float64(l.answers.Load() - n)
	if answers == 0 {
		b.Fatal("the service answers nothing")
	}
	return rate{perSecond: answers / time.Since(began).Seconds(), cpu: (cpuTicks(b, p.PID) - ticks) / answers}
}

// cpuTicks is the CPU time of a process so far.
func cpuTicks(b *testing.B, pid int) float64 {
	b.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("no /proc here")
	}
	// Fields 14 and 15 of proc(5); the name in parentheses may hold spaces.
	fields := strings.Fields(string(data)[strings.LastIndexByte(string(data), ')')+1:])
	user, err := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err != nil || err2 != nil {
		b.Fatal(err, err2)
	}
	return user + system
}

func median(list []float64) float64 {
	slices.Sort(list)
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}
