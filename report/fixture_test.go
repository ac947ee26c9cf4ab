package report

import (
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
	"github.com/ecsheap/ecsheap/leak"
)

// noon is when the first snapshot of the fixture was taken.
var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// secret is in the heap of the fixture, as a string and as the key of an object.
const secret = "alice@example.com"

// throttled is the report on a service that keeps its timers.
func throttled(t *testing.T) *Report {
	t.Helper()
	g := heaptest.New(heaptest.Node22)
	g.Node("global", "object", "Object", 40).ID(5)
	g.Node("service", "object", "ThrottlerStorageService", 24).ID(7).At(3, 40, 2)
	g.Node("list", "object", "Array", 16).ID(9)
	g.Node("timeout", "object", "Timeout", 88).ID(101)
	g.Node("text", "string", secret, 32).ID(103)
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge("global", "property", "throttler", "service")
	g.Edge("service", "property", "timeoutIds", "list")
	g.Edge("list", "element", "0", "timeout")
	g.Edge("timeout", "property", secret, "text")
	last := parsed(t, g)
	text, ok := last.Find(103)
	if !ok {
		t.Fatal("the fixture has no text")
	}
	return New(throttledInfo(), throttledDiagnosis(text), last)
}

func throttledInfo() Info {
	info := Info{
		Tool: "ecsheap 1.2.3", Source: "out", Cluster: "prod", Service: "api", Container: "web",
		TaskARN: "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef0123456789abcdef", NodeVersion: "v22.1.0", PID: 1,
		StartedAt: noon.Add(-26 * time.Hour), MemoryLimit: 512e6, Last: "out/s3.heapsnapshot", Page: "out/report.html",
		Warnings: []string{"snapshot 2: it was late"},
	}
	for i, file := range []string{"s1.heapsnapshot", "s2.heapsnapshot", "s3.heapsnapshot"} {
		info.Shots = append(info.Shots, Shot{
			File: file, At: noon.Add(time.Duration(i) * 10 * time.Minute), Pause: 400 * time.Millisecond,
			Bytes: 100e6, RSS: 140e6 + int64(i)*30e6, HeapUsed: 60e6 + int64(i)*27e6,
		})
	}
	return info
}

func throttledDiagnosis(sample heap.Node) *leak.Diagnosis {
	d := &leak.Diagnosis{
		Verdict: leak.Leaking, Confidence: 0.934, Method: leak.Survivors,
		Summary:  "Leak: ThrottlerStorageService.timeoutIds holds 48,210 Timeout objects, +16,070 per 10 min, 34 % of the heap (61 MB), created at src/throttler.service.ts:41.",
		Reason:   "It grew by the same amount in both intervals, and nothing that it got was let go of.",
		Suspects: []leak.Suspect{throttledSuspect(sample)},
		Notes:    []string{"Memory outside of the heap grew by 2 MB, which no snapshot shows."},
		Between:  []heap.Class{{Name: "Timeout", Location: &heap.Location{ScriptID: 9, Line: 3, Column: 4}, Count: 16070, Shallow: 1414160, Retained: 20e6, Distance: 5}},
		Classes: []leak.Growth{
			{Class: "Timeout", Counts: []int{16070, 32140, 48210}, Shallow: []int64{1414160, 2828320, 4242480}, Retained: []int64{20e6, 40e6, 61e6}},
			{Class: "ThrottlerHit", Location: &leak.Place{File: "/srv/app/src/throttler.service.ts", Line: 41, Column: 7}, Counts: []int{16070, 32140, 48210}, Shallow: []int64{700000, 1400000, 2100000}, Retained: []int64{1e6, 2e6, 3e6}},
			{Class: "(string)", Counts: []int{9000, 9000, 8990}, Shallow: []int64{900000, 900000, 899000}, Retained: []int64{1e6, 1e6, 1e6}},
		},
	}
	for i := range 3 {
		d.Snapshots = append(d.Snapshots, leak.Snapshot{
			At: noon.Add(time.Duration(i) * 10 * time.Minute), Nodes: 800_000 + i*50_000, Edges: 3_000_000, Total: 61e6 + int64(i)*27e6, Native: 2e6, SameIDs: true,
		})
	}
	return d
}

func throttledSuspect(sample heap.Node) leak.Suspect {
	at := &leak.Place{File: "src/throttler.service.ts", Line: 41, Column: 7, Function: "setExpirationTime", Original: true}
	return leak.Suspect{
		Rank: 1, Score: 2e7, Confidence: 0.95, Title: "ThrottlerStorageService.timeoutIds (Array)", Pattern: leak.TimerLeak, ID: 9, Class: "Array",
		Retained: 61e6, Share: 0.342, Counts: []int{16070, 32140, 48210}, Sizes: []int64{20e6, 40e6, 61e6}, CountDelta: 32140, SizeDelta: 41e6,
		GrowthPerSecond: 34166, CountPerSecond: 26.78, Exhausts: 2*time.Hour + 10*time.Minute,
		Path: []leak.Step{
			{Edge: "global.throttler", Type: heap.PropertyEdge, ID: 7, Class: "ThrottlerStorageService", Place: &leak.Place{File: "src/throttler.service.ts", Line: 12, Column: 1}},
			{Edge: ".timeoutIds", Type: heap.PropertyEdge, ID: 9, Class: "Array"},
			{Edge: "." + secret, Type: heap.PropertyEdge, ID: 11, Class: "Object"},
		},
		Keeps:       []leak.Kept{{Class: "Timeout", Count: 48210, Size: 4242480}, {Class: "ThrottlerHit", Count: 48210, Size: 2100000}, {Class: "{id, " + secret + "}", Count: 3, Size: 96}},
		CreatedAt:   at,
		Explanation: "It holds " + secret + ". Every call of setTimeout makes a Timeout. They are kept after they have fired, with all that their callbacks use.",
		Advice:      "Take a Timeout out of the list when it fires, or use one interval for all.",
		Samples:     []heap.Node{sample},
	}
}
