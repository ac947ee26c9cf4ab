package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
	"github.com/ecsheap/ecsheap/leak"
)

// Names that no page may take for markup, and contents that no page may hold.
const (
	hostile     = `Evil</script><img src=x onerror="alert(1)">`
	textSecret  = "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
	keySecret   = "bob@example.com"
	shopTimeout = 400 // Timeouts in the heap of the shop
	shopChain   = 1500
)

// shopGraph is the heap of a service that keeps its timers, with a long list, an
// object that is used as a map, and a class with a name that attacks the page.
func shopGraph() *heaptest.Graph {
	g := heaptest.New(heaptest.Node22)
	child := func(from, kind, edge, key, nodeKind, name string, size int64) {
		g.Node(key, nodeKind, name, size)
		g.Edge(from, kind, edge, key)
	}
	child(heaptest.Root, "element", "1", "globals", "synthetic", "(GC roots)", 0)
	child(heaptest.Root, "shortcut", "global", "global", "object", "global", 40)
	child("global", "property", "throttler", "service", "object", "ThrottlerStorageService", 64)
	child("service", "property", "timeoutIds", "list", "object", "Array", 32)
	child("list", "internal", "elements", "elements", "array", "(object elements)", 8*shopTimeout)
	for i := range shopTimeout {
		timeout, hit := fmt.Sprint("timeout", i), fmt.Sprint("hit", i)
		child("list", "element", fmt.Sprint(i), timeout, "object", "Timeout", 120)
		g.Edge("elements", "internal", fmt.Sprint(i), timeout)
		child(timeout, "property", "_onTimeout", hit+"fn", "closure", "expire", 64)
		child(hit+"fn", "internal", "context", hit+"context", "object", "system / Context", 48)
		child(hit+"context", "context", "hit", hit, "object", "ThrottlerHit", 56)
		child(hit, "property", "route", hit+"route", "string", textSecret, 72)
		child(hit, "property", keySecret, hit+"extra", "object", hostile, 24)
	}
	child("global", "property", "tail", "link0", "object", "ListNode", 32)
	for i := range shopChain {
		child(fmt.Sprint("link", i), "property", "next", fmt.Sprint("link", i+1), "object", "ListNode", 32)
	}
	child("global", "property", "sessions", "sessions", "object", "Object", 4096)
	child("sessions", "property", keySecret, "session", "object", "Session", 96)
	child("session", "property", "token", "token", "string", strings.Repeat("x", cutString), 2000)
	child("session", "property", "<symbol kState>", "state", "native", "Node / TLSWrap", 900)
	return g
}

// shop is the report on it, as a page wants it: with ids that are in the heap.
func shop(t *testing.T) *Report {
	t.Helper()
	last := parsed(t, shopGraph())
	list, timeout := nodeOf(t, last, "Array"), nodeOf(t, last, "Timeout")
	service, global := nodeOf(t, last, "ThrottlerStorageService"), nodeOf(t, last, "global")
	info, d := throttledInfo(), throttledDiagnosis(timeout)
	s := &d.Suspects[0]
	s.Node, s.ID, s.Retained = list, last.ID(list), last.Retained(list)
	s.Path = []leak.Step{
		{Edge: "(global)", Type: heap.ShortcutEdge, Node: global, ID: last.ID(global), Class: "global"},
		{Edge: ".throttler", Type: heap.PropertyEdge, Node: service, ID: last.ID(service), Class: "ThrottlerStorageService", Place: s.CreatedAt},
		{Edge: ".timeoutIds", Type: heap.PropertyEdge, Node: list, ID: last.ID(list), Class: "Array"},
	}
	s.Keeps = append(s.Keeps, leak.Kept{Class: hostile, Count: 7, Size: 77})
	d.Suspects = append(d.Suspects, leak.Suspect{Rank: 2, Title: hostile, Class: hostile, Confidence: 0.2, Pattern: leak.OtherPattern})
	for i := range 300 {
		n := int64(300 - i)
		d.Classes = append(d.Classes, leak.Growth{Class: fmt.Sprintf("Class%d", i), Counts: []int{1, 2, 3}, Shallow: []int64{n, n, 2 * n}, Retained: []int64{n, n, 3 * n}})
	}
	d.Classes = append(d.Classes, leak.Growth{Class: hostile, Counts: []int{0, 0, 9}, Shallow: []int64{0, 0, 9e6}, Retained: []int64{0, 0, 9e6}})
	for i := range 120 {
		n := int64(i)
		info.Samples = append(info.Samples, Sample{At: noon.Add(time.Duration(i) * 10 * time.Second), RSS: 140e6 + n*5e5, HeapUsed: 60e6 + n*4e5, External: 3e6})
	}
	info.Findings = []Finding{{ID: "exec.enabled", Level: "ok", Got: "ECS Exec is on"}, {ID: "memory.room", Level: "warn", Got: "80 MB free", Fix: hostile}}
	return New(info, d, last)
}

// nodeOf returns the first node of a class.
func nodeOf(t *testing.T, s *heap.Snapshot, class string) heap.Node {
	t.Helper()
	for n := range heap.Node(s.NumNodes()) {
		if s.Class(n) == class {
			return n
		}
	}
	t.Fatalf("the heap has no %s", class)
	return 0
}

// html is the page of a report.
func html(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.HTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
