package redact

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"slices"
)

// copyBuffer is how much is written at a time: enough that system calls do not count.
const copyBuffer = 1 << 20

// copier copies all but the strings of a snapshot into a file, and keeps what the rule
// needs.
type copier struct {
	*input
	file *os.File
	out  *bufio.Writer
	size int64 // of the copy so far, the buffer included

	h                  *header
	names              *pseudonyms // of the keys among the indexes
	places             *evidence
	texts              table
	functions, scripts column[uint32] // names in the stacks of allocations
	sums               sums           // of the graph, for the proof
	seen               map[string]bool
	edgesAt            int64 // where the edges are in the copy
	keys               uint64
	late               []patch // keys that cross the end of a window
	dropped            []string
}

// patch is a text that goes over what is in the copy.
type patch struct {
	at   int64
	text []byte
}

// Write counts what goes into the copy.
func (c *copier) Write(b []byte) (int, error) {
	n, err := c.out.Write(b)
	c.size += int64(n)
	return n, err
}

// document reads the input and copies all sections but the strings.
func (c *copier) document() error {
	if err := c.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		b, err := c.peek()
		if err != nil {
			return err
		}
		if b == '}' {
			c.pos++
			break
		}
		if !first {
			if err := c.expect(','); err != nil {
				return err
			}
		}
		if err := c.section(); err != nil {
			return err
		}
	}
	if _, err := c.peek(); err != nil {
		return err
	}
	if c.pos < c.end {
		return c.want(endOfInput)
	}
	for _, name := range []string{"snapshot", "nodes", "edges", "strings"} {
		if !c.seen[name] {
			return &SyntaxError{Offset: c.offset(), Want: `"` + name + `"`, Got: endOfInput}
		}
	}
	return nil
}

// section reads a key and its value.
func (c *copier) section() error {
	if _, err := c.peek(); err != nil {
		return err
	}
	start := c.offset()
	name, err := c.key()
	if err != nil {
		return err
	}
	if c.seen[name] {
		return &SyntaxError{Offset: start, Want: "another section", Got: "one again"}
	}
	if c.h == nil && name != "snapshot" && name != "strings" {
		return &SyntaxError{Offset: start, Want: `"snapshot"`, Got: "another section"}
	}
	c.seen[name] = true
	switch name {
	case "snapshot":
		return c.snapshot()
	case "strings":
		return c.strings(func(raw []byte) error {
			c.texts.add(raw)
			return nil
		})
	case "nodes":
		if err := c.begin(name); err != nil {
			return err
		}
		return c.copyNodes()
	case "edges":
		if err := c.begin(name); err != nil {
			return err
		}
		return c.copyEdges()
	case "trace_function_infos":
		if len(c.h.traces) > 0 {
			if err := c.begin(name); err != nil {
				return err
			}
			return c.traceNames()
		}
	}
	return c.other(name)
}

// begin writes the key of a section.
func (c *copier) begin(name string) error {
	before := ",\n"
	if c.size <= 1 {
		before = ""
	}
	_, err := fmt.Fprintf(c, "%s\"%s\":", before, name)
	return err
}

func (c *copier) snapshot() error {
	if _, err := c.peek(); err != nil {
		return err
	}
	at := c.offset()
	raw, err := c.object()
	if err != nil {
		return err
	}
	if c.h, err = parseHeader(raw, at); err != nil {
		return err
	}
	c.places = newEvidence(c.h)
	clean, err := cleanHeader(raw, at)
	if err != nil {
		return err
	}
	if err := c.begin("snapshot"); err != nil {
		return err
	}
	return write(c, clean)
}

func (c *copier) copyNodes() error {
	typeAt, nameAt, edgesAt := slices.Index(c.h.nodes, "type"), slices.Index(c.h.nodes, "name"), slices.Index(c.h.nodes, "edge_count")
	n, err := c.numbers(array{name: "nodes", fields: len(c.h.nodes), out: c, each: func(vals []uint64, at []int64) error {
		switch {
		case c.places.nodes.name.n == c.h.numNodes:
			return &SyntaxError{Offset: at[0], Want: "no more nodes than the header says", Got: "more"}
		case vals[typeAt] >= uint64(len(c.h.nodeTypes)):
			return &SyntaxError{Offset: at[typeAt], Want: fmt.Sprintf("one of %d node types", len(c.h.nodeTypes)), Got: fmt.Sprint(vals[typeAt])}
		case vals[nameAt] >= maxStrings:
			return &SyntaxError{Offset: at[nameAt], Want: "the index of a string", Got: fmt.Sprint(vals[nameAt])}
		case vals[edgesAt] > c.h.numEdges:
			return &SyntaxError{Offset: at[edgesAt], Want: "no more edges than the header says", Got: fmt.Sprint(vals[edgesAt])}
		}
		for _, v := range vals {
			c.sums.nodes.add(v)
		}
		return c.places.node(uint8(vals[typeAt]), uint32(vals[nameAt]), uint32(vals[edgesAt]), at[nameAt])
	}})
	if err == nil && n != c.h.numNodes {
		return &SyntaxError{Offset: c.offset(), Want: fmt.Sprintf("%d nodes", c.h.numNodes), Got: fmt.Sprint(n)}
	}
	return err
}

// copyEdges copies the edges, with other numbers for the keys of objects among their
// indexes.
func (c *copier) copyEdges() error {
	if !c.seen["nodes"] {
		return &SyntaxError{Offset: c.offset(), Want: `"nodes"`, Got: "another section"}
	}
	if _, err := c.peek(); err != nil {
		return err
	}
	c.edgesAt = c.size
	moved := c.size - c.offset()
	v := c.places
	n, err := c.numbers(array{name: "edges", fields: len(c.h.edges), signed: true, out: c, each: func(vals []uint64, at []int64) error {
		isKey, err := v.edge(vals, at)
		if err != nil {
			return err
		}
		c.sums.edges.add(vals[v.kindAt])
		c.sums.edges.add(vals[v.toAt])
		if v.edgePlace[vals[v.kindAt]] != 0 {
			c.sums.edges.add(vals[v.nameAt])
		}
		if isKey {
			c.keys++
			number := c.names.number(vals[v.nameAt])
			if start := at[v.nameAt] - c.base; start >= 0 {
				copy(c.buf[start:], number)
			} else {
				c.late = append(c.late, patch{moved + at[v.nameAt], number})
			}
		}
		return nil
	}})
	if err == nil && n != c.h.numEdges {
		return &SyntaxError{Offset: c.offset(), Want: fmt.Sprintf("%d edges", c.h.numEdges), Got: fmt.Sprint(n)}
	}
	if err == nil {
		err = v.end(c.offset())
	}
	return err
}

// reread reads the edges from the copy, and adds those among compiled code that keep
// asks for.
func (c *copier) reread(keep func(source, target uint64) bool) error {
	v := c.places
	in := newInput(c.ctx, io.NewSectionReader(c.file, c.edgesAt, c.size-c.edgesAt), nil)
	source, left := uint64(0), uint64(v.nodes.edges.at(0))
	_, err := in.numbers(array{name: "edges", fields: len(c.h.edges), signed: true, each: func(vals []uint64, _ []int64) error {
		for left == 0 {
			source++ // the numbers have been checked before
			left = uint64(v.nodes.edges.at(source))
		}
		left--
		target, name := vals[v.toAt]/v.fields, uint64(noName)
		if p := v.edgePlace[vals[v.kindAt]]; p == inEngine {
			name = vals[v.nameAt]
		} else if p != 0 || v.isElement[vals[v.kindAt]] {
			return nil
		}
		if keep(source, target) {
			v.code = append(v.code, codeEdge{uint32(source), uint32(target), uint32(name)})
		}
		return nil
	}})
	return err
}

// other copies a section that holds nothing but numbers. Others are left out: what is in
// them, and so what they may tell, is not known.
func (c *copier) other(name string) error {
	start := c.size
	isWord := isFormatWord(name)
	if isWord {
		if err := c.begin(name); err != nil {
			return err
		}
	}
	depth := 0
	if isWord {
		ok, deep, err := c.plainArray(c)
		if ok || err != nil {
			return err
		}
		depth = deep
		if err := c.truncate(start); err != nil {
			return err
		}
	} else {
		name = "a section without a proper name"
	}
	c.dropped = append(c.dropped, name)
	return c.skip(depth)
}

// truncate takes the end of the copy away.
func (c *copier) truncate(size int64) error {
	if err := c.out.Flush(); err != nil {
		return err
	}
	if err := c.file.Truncate(size); err != nil {
		return err
	}
	_, err := c.file.Seek(size, io.SeekStart)
	c.size = size
	return err
}

// traceNames copies the functions that allocations are traced to.
func (c *copier) traceNames() error {
	nameAt, scriptAt := slices.Index(c.h.traces, "name"), slices.Index(c.h.traces, "script_name")
	take := func(names *column[uint32], field int, vals []uint64, at []int64) error {
		if field < 0 {
			return nil
		}
		if vals[field] >= maxStrings {
			return tooFar(at[field], vals[field])
		}
		names.add(uint32(vals[field]))
		return nil
	}
	_, err := c.numbers(array{name: "trace_function_infos", fields: len(c.h.traces), out: c, each: func(vals []uint64, at []int64) error {
		if err := take(&c.functions, nameAt, vals, at); err != nil {
			return err
		}
		return take(&c.scripts, scriptAt, vals, at)
	}})
	return err
}
