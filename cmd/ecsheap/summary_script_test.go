package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"strconv"

	"github.com/klauspost/compress/zstd"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// snapshots: writes s1, s2 and s3.heapsnapshot into the working directory, of
// a service that keeps its sessions: two, then three, then five of which the
// first has gone. chain.heapsnapshot has more of all than fits on a page.
func writeSnapshots(ts *testscript.TestScript, _ bool, _ []string) {
	for name, g := range map[string]*heaptest.Graph{
		"s1": leakingService([]int{0, 1}), "s2": leakingService([]int{0, 1, 2}), "s3": leakingService([]int{1, 2, 3, 4}),
		"chain": chain(40),
	} {
		f, err := os.OpenFile(ts.MkAbs(name+".heapsnapshot"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		ts.Check(err)
		_, err = g.WriteTo(f)
		ts.Check(err)
		ts.Check(f.Close())
	}
}

// chain is n objects, each of a class of its own, that hold each other in a
// row; their ids are 3, 5 and so on. Three links hang at the last: the second
// is the largest itself, but the first holds the others.
func chain(n int) *heaptest.Graph {
	g := heaptest.New(heaptest.Node24)
	last := heaptest.Root
	for i := range n {
		key := fmt.Sprintf("Class%02d", i)
		g.Node(key, "object", key, 16)
		g.Edge(last, "property", "next", key)
		last = key
	}
	for i, size := range []int64{16, 100, 50} {
		key := "link" + strconv.Itoa(i)
		g.Node(key, "object", "Link", size).ID(uint64(1007 - 2*i))
		g.Edge(last, "property", "next", key)
		last = key
	}
	return g
}

// leakingService is the heap of a service, with the sessions of these numbers
// and with names that a terminal or a CSV reader would misunderstand.
func leakingService(sessions []int) *heaptest.Graph {
	g := heaptest.New(heaptest.Node22)
	g.Node("roots", "synthetic", "(GC roots)", 0).ID(3)
	g.Node("global", "object", "Object", 40).ID(5)
	g.Node("app", "object", "App", 64).ID(7).At(7, 4, 13)
	g.Node("list", "object", "Array", 16).ID(9)
	g.Node("items", "array", "", 1000).ID(11)
	g.Node("handler", "closure", "onRequest", 56).ID(13).At(7, 11, 4)
	g.Node("shared", "code", "onRequest", 32).ID(15)
	g.Node("script", "code", "/srv/app/server.js", 88).ID(17)
	g.Node("text", "string", "\x1b[31mred\a \u202eword, \"quoted\"\nand \xed\xa0\x80 half", 48).ID(19)
	g.Node("evil", "object", "Evil\x1b[2J,", 24).ID(21)
	g.Node("number", "number", "heap number", 8).ID(23)
	g.Node("buffer", "native", "system / JSArrayBufferData", 4096).ID(25)

	g.Edge(heaptest.Root, "element", "1", "roots")
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge("roots", "element", "1", "global")
	g.Edge("global", "property", "app", "app")
	g.Edge("app", "property", "sessions", "list")
	g.Edge("app", "property", "handler", "handler")
	g.Edge("app", "property", "motto", "text")
	g.Edge("app", "property", "evil\r", "evil")
	g.Edge("app", "property", "count", "number")
	g.Edge("app", "internal", "data", "buffer")
	g.Edge("list", "internal", "elements", "items")
	g.Edge("handler", "internal", "shared", "shared")
	g.Edge("shared", "internal", "script", "script")
	for _, i := range sessions {
		session, name := "session"+strconv.Itoa(i), "name"+strconv.Itoa(i)
		g.Node(session, "object", "Session", 72).ID(uint64(31+4*i)).At(7, 2, 14)
		g.Node(name, "string", "session "+strconv.Itoa(i), 32).ID(uint64(33 + 4*i))
		g.Edge("items", "element", strconv.Itoa(i), session)
		g.Edge(session, "property", "name", name)
		g.Edge(session, "property", "app", "app")
	}
	return g
}

// compress FILE OUT: compresses a file as the end of OUT says, .gz or .zst.
// There need not be a program for it.
func compressFile(ts *testscript.TestScript, _ bool, args []string) {
	var w io.WriteCloser
	var out bytes.Buffer
	switch path.Ext(args[1]) {
	case ".gz":
		w = gzip.NewWriter(&out)
	case ".zst":
		z, err := zstd.NewWriter(&out)
		ts.Check(err)
		w = z
	default:
		ts.Fatalf("%s: neither .gz nor .zst", args[1])
	}
	_, err := io.WriteString(w, ts.ReadFile(args[0]))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), out.Bytes(), 0o600))
}

// truncate FILE OUT N: writes the first bytes of a file.
func truncateFile(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(ts.ReadFile(args[0])[:n]), 0o600))
}
