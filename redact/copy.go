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
	nodes              nodes
	texts              table
	functions, scripts column[uint32] // names in the stacks of allocations
	seen               map[string]bool
	edgesAt            int64 // where the edges are in the copy
	dropped            []string
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
		c.edgesAt = c.size
		n, err := c.numbers(array{name: name, fields: len(c.h.edges), signed: true, out: c})
		if err == nil && n != c.h.numEdges {
			return &SyntaxError{Offset: c.offset(), Want: fmt.Sprintf("%d edges", c.h.numEdges), Got: fmt.Sprint(n)}
		}
		return err
	case "trace_function_infos":
		if len(c.h.traces) > 0 {
			if err := c.begin(name); err != nil {
				return err
			}
			c.functions, c.scripts, err = traceNames(c.h, c.input, c)
			return err
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
		case c.nodes.name.n == c.h.numNodes:
			return &SyntaxError{Offset: at[0], Want: "no more nodes than the header says", Got: "more"}
		case vals[typeAt] >= uint64(len(c.h.nodeTypes)):
			return &SyntaxError{Offset: at[typeAt], Want: fmt.Sprintf("one of %d node types", len(c.h.nodeTypes)), Got: fmt.Sprint(vals[typeAt])}
		case vals[nameAt] >= maxStrings:
			return &SyntaxError{Offset: at[nameAt], Want: "the index of a string", Got: fmt.Sprint(vals[nameAt])}
		case vals[edgesAt] > c.h.numEdges:
			return &SyntaxError{Offset: at[edgesAt], Want: "no more edges than the header says", Got: fmt.Sprint(vals[edgesAt])}
		}
		c.nodes.kind.add(uint8(vals[typeAt]))
		c.nodes.name.add(uint32(vals[nameAt]))
		c.nodes.edges.add(uint32(vals[edgesAt]))
		return nil
	}})
	if err == nil && n != c.h.numNodes {
		return &SyntaxError{Offset: c.offset(), Want: fmt.Sprintf("%d nodes", c.h.numNodes), Got: fmt.Sprint(n)}
	}
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
