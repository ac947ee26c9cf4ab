package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// keeper is the heap of a service that keeps sessions in a list, beside what it
// always has: at the last of so many snapshots, of which each had so many.
func keeper(counts []int) *heaptest.Graph {
	const ids = 1_000_000 // for each snapshot, as V8 goes on counting
	g := heaptest.New(heaptest.Node22)
	g.Node("global", "object", "global", 40).ID(5)
	g.Node("store", "object", "SessionStore", 64).ID(7).At(7, 4, 13)
	g.Node("list", "object", "Array", 16).ID(9)
	g.Node("items", "array", "", int64(16+8*slices.Max(counts))).ID(11)
	g.Node("base", "object", "Catalogue", 400_000).ID(13)
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge("global", "property", "store", "store")
	g.Edge("global", "property", "catalogue", "base")
	g.Edge("store", "property", "sessions", "list")
	g.Edge("list", "internal", "elements", "items")
	g.Node("tick", "object", "Tick", 16).ID(uint64(ids*len(counts) + ids - 1))
	g.Edge("store", "property", "tick", "tick")
	for i := range counts[len(counts)-1] {
		session, name := "session"+strconv.Itoa(i), "name"+strconv.Itoa(i)
		born := slices.IndexFunc(counts, func(n int) bool { return i < n }) + 1
		g.Node(session, "object", "Session", 720).ID(uint64(ids*born+4*i+1)).At(7, 2, 14)
		g.Node(name, "string", "session of alice@example.com", 48).ID(uint64(ids*born + 4*i + 3))
		g.Edge("items", "element", strconv.Itoa(i), session)
		g.Edge(session, "property", "name", name)
	}
	return g
}

// series NAME SESSIONS...: writes NAME1.heapsnapshot and so on, of one service
// with so many sessions each.
func writeKeepers(ts *testscript.TestScript, _ bool, args []string) {
	counts := numbers(ts, args[1:])
	for i := range counts {
		writeGraph(ts, ts.MkAbs(args[0]+strconv.Itoa(i+1)+".heapsnapshot"), keeper(counts[:i+1]))
	}
}

func numbers(ts *testscript.TestScript, args []string) []int {
	list := make([]int, len(args))
	for i, arg := range args {
		n, err := strconv.Atoi(arg)
		ts.Check(err)
		list[i] = n
	}
	return list
}

func writeGraph(ts *testscript.TestScript, file string, g *heaptest.Graph) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	ts.Check(err)
	_, err = g.WriteTo(f)
	ts.Check(err)
	ts.Check(f.Close())
}

// captured DIR COUNT SESSIONS...: writes the directory of a capture of COUNT
// snapshots, ten minutes apart, as far as it got.
func writeCapture(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	counts := numbers(ts, args[1:])
	count, counts := counts[0], counts[1:]
	ts.Check(os.MkdirAll(dir, 0o700))
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s := capture.Series{
		Schema: 1, Tool: "ecsheap test", StartedAt: start, Count: count, IntervalMs: 600_000,
		Target:  capture.Target{Cluster: "prod", Service: "api", TaskARN: "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123456789abcdef", Container: "web"},
		Process: capture.Process{PID: 1, NodeVersion: "v22.1.0", StartedAt: start.Add(-time.Hour), MemoryLimit: 512e6},
		Scripts: capture.Scripts{"7": {URL: "file:///app/server.js"}}, Checks: []any{}, Samples: []capture.Sample{}, Warnings: []capture.Warning{},
	}
	for i := range counts {
		name := "s" + strconv.Itoa(i+1) + ".heapsnapshot"
		writeGraph(ts, filepath.Join(dir, name), keeper(counts[:i+1]))
		info, err := os.Stat(filepath.Join(dir, name))
		ts.Check(err)
		s.Snapshots = append(s.Snapshots, capture.Shot{
			N: i + 1, File: name, StartedAt: start.Add(time.Duration(i) * 10 * time.Minute), Bytes: info.Size(), SameObjectIDs: true,
			RSSBefore: 100e6 + int64(i)*1e6,
		})
	}
	text, err := json.Marshal(s)
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(dir, "manifest.json"), text, 0o600))
}
