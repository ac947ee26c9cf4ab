// Package heaptest makes small heap snapshots from a graph that a test spells
// out, laid out as a chosen version of Node.js writes them:
//
//	g := heaptest.New(heaptest.Node24)
//	g.Node("cache", "object", "Cache", 32)
//	g.Node("table", "array", "", 4096).ID(77)
//	g.Edge("root", "shortcut", "cache", "cache")
//	g.Edge("cache", "internal", "table", "table")
//	file := g.File(t)
//
// Types are V8's words for them. Nodes are in the file in the order of their
// making; the first is the root, under the key [Root]. It uses the standard
// library alone.
//
// The folder apps holds programs for real snapshots, see [Apps].
package heaptest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

// Root is the key of the root, which every Graph has from the start.
const Root = "root"

// The states of Node.Detached.
const (
	Unknown  = 0 // also of all that cannot be detached
	Attached = 1
	Detached = 2
)

// Graph is a heap in the making. Its methods remember the first mistake, which
// then is the error of WriteTo.
type Graph struct {
	version     Version
	nodes       []*Node
	byKey       map[string]*Node
	strings     []string
	byString    map[string]int
	extraNative int64
	tracked     bool
	err         error
}

// Node is a node of a Graph. Its methods return it, so that they can be chained.
type Node struct {
	ordinal  int
	kind     int // index in the types of the version
	name     int // index in the strings
	id       uint64
	size     int64
	detached int
	trace    int
	place    *place
	edges    []edge
}

// place is an entry of "locations".
type place struct{ script, line, column int }

type edge struct {
	kind int // index in edgeTypes
	name int // index in the strings, or a number
	to   *Node
}

// New returns a graph with a root.
func New(version Version) *Graph {
	g := &Graph{version: version, byKey: map[string]*Node{}, byString: map[string]int{}}
	g.text("<dummy>") // V8 has it at index 0
	g.Node(Root, "synthetic", "", 0)
	return g
}

// Node adds a node with a size in bytes. key is what edges name it by; it is
// not in the file. The id is the next odd number, as V8 numbers JavaScript
// objects.
func (g *Graph) Node(key, kind, name string, size int64) *Node {
	n := &Node{
		ordinal: len(g.nodes), kind: slices.Index(g.version.nodeTypes(), kind), name: g.text(name),
		id: uint64(2*len(g.nodes) + 1), size: size,
	}
	switch {
	case n.kind < 0:
		g.fail("node %q: Node.js %d has no type %q", key, g.version, kind)
	case g.byKey[key] != nil:
		g.fail("node %q: there are two", key)
	case size < 0:
		g.fail("node %q: negative size", key)
	}
	g.nodes = append(g.nodes, n)
	g.byKey[key] = n
	return n
}

// Edge adds a reference from one node to another. The nodes must be there. name
// is a decimal number for the types "element" and "hidden".
func (g *Graph) Edge(from, kind, name, to string) {
	source, target := g.byKey[from], g.byKey[to]
	e := edge{kind: slices.Index(edgeTypes(), kind), to: target}
	switch {
	case source == nil:
		g.fail("edge %s: no node %q", name, from)
		return
	case target == nil:
		g.fail("edge %s: no node %q", name, to)
		return
	case e.kind < 0:
		g.fail("edge %s: no edge type %q", name, kind)
		return
	}
	if kind == "element" || kind == "hidden" {
		index, err := strconv.Atoi(name)
		if err != nil || index < 0 {
			g.fail("edge %s: %s edges have a number for a name", name, kind)
		}
		e.name = index
	} else {
		e.name = g.text(name)
	}
	source.edges = append(source.edges, e)
}

// ID sets the snapshot object id. Odd ones are JavaScript objects.
func (n *Node) ID(id uint64) *Node {
	n.id = id
	return n
}

// Detached sets the DOM state: Unknown, Attached or Detached. Node.js 14 has
// none in its files.
func (n *Node) Detached(state int) *Node {
	n.detached = state
	return n
}

// At sets where the function, or the constructor of the object, is written.
// Lines and columns count from 0.
func (n *Node) At(script, line, column int) *Node {
	n.place = &place{script: script, line: line, column: column}
	return n
}

// Trace sets the node of the allocation tree that made the object, see
// Graph.TrackAllocations.
func (n *Node) Trace(id int) *Node {
	n.trace = id
	return n
}

// ExtraNative sets the bytes of native memory that are in no node. Node.js has
// them in its files from version 24 on.
func (g *Graph) ExtraNative(size int64) {
	if !g.version.has("extra_native_bytes") {
		g.fail("Node.js %d has no extra native bytes", g.version)
	}
	g.extraNative = size
}

// TrackAllocations makes the snapshot one of a heap whose allocations are
// tracked: with a tree of two nodes, 1 for the root and 2 for a function "make"
// of make.js.
func (g *Graph) TrackAllocations() { g.tracked = true }

// text returns the index of a string.
func (g *Graph) text(s string) int {
	if i, ok := g.byString[s]; ok {
		return i
	}
	g.byString[s] = len(g.strings)
	g.strings = append(g.strings, s)
	return len(g.strings) - 1
}

func (g *Graph) fail(format string, args ...any) {
	if g.err == nil {
		g.err = fmt.Errorf("making a snapshot: "+format, args...)
	}
}

// Bytes returns the file. The test ends when the graph is wrong.
func (g *Graph) Bytes(t testing.TB) []byte {
	t.Helper()
	var buf bytes.Buffer
	if _, err := g.WriteTo(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Reader is Bytes to read from.
func (g *Graph) Reader(t testing.TB) io.Reader {
	t.Helper()
	return bytes.NewReader(g.Bytes(t))
}

// File writes the file into a temporary folder of the test and returns its path.
func (g *Graph) File(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "heap.heapsnapshot")
	if err := os.WriteFile(file, g.Bytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
