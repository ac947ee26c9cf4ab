package heap

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Options are the optional wishes of Parse.
type Options struct {
	// Progress, if not nil, is told now and then how many bytes of the snapshot
	// (uncompressed) have been read. Parse's own goroutine calls it.
	Progress func(bytes int64)
}

// Parse reads a snapshot, plain JSON or gzip, in one pass. It returns the cause of ctx
// when ctx ends first, a *SyntaxError when r does not hold one whole snapshot, a
// *LimitError when that is too big to be held, and the errors of r, wrapped.
//
// It takes the sections in any order but for "snapshot", which has to come before
// nodes, edges and locations, and skips those that it does not know.
func Parse(ctx context.Context, r io.Reader, opts *Options) (*Snapshot, error) {
	plain, err := uncompressed(r)
	if err != nil {
		return nil, fmt.Errorf("reading snapshot: %w", err)
	}
	p := &parser{input: input{ctx: ctx, r: plain, buf: make([]byte, blockBytes+padBytes)}, s: &Snapshot{}}
	if opts != nil {
		p.progress = opts.Progress
	}
	err = p.document()
	p.background.Wait()
	if err != nil {
		return nil, err
	}
	if err := p.complete(); err != nil {
		return nil, err
	}
	p.s.prepareNames()
	return p.s, nil
}

// uncompressed returns what gzip holds if r starts like gzip, or else r.
func uncompressed(r io.Reader) (io.Reader, error) {
	b := bufio.NewReader(r)
	magic, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(magic) == "\x1f\x8b" {
		return gzip.NewReader(b)
	}
	return b, nil
}

// parser reads a snapshot into s.
type parser struct {
	input
	s    *Snapshot
	h    *header
	seen map[string]int64 // where each section that we use starts
	// The biggest indexes of strings, to be checked when the strings are there.
	nodeNames, edgeNames, functionNames biggest
	functionIndexes                     biggest // the same of the functions of allocations
	background                          sync.WaitGroup
}

// document reads the whole input.
func (p *parser) document() error {
	p.seen = map[string]int64{}
	if err := p.expect('{'); err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := p.peek()
		if err != nil {
			return err
		}
		if c == '}' && p.pos < p.end {
			p.pos++
			break
		}
		if !first {
			if err := p.expect(','); err != nil {
				return err
			}
		}
		if err := p.section(); err != nil {
			return err
		}
	}
	if _, err := p.peek(); err != nil {
		return err
	}
	if p.pos < p.end {
		return p.want(endOfInput)
	}
	return nil
}

// section reads a key and its value.
func (p *parser) section() error {
	if _, err := p.peek(); err != nil {
		return err
	}
	start := p.offset()
	key, err := p.key()
	if err != nil {
		return err
	}
	read, ok := map[string]func() error{
		"snapshot": p.snapshot, "nodes": p.nodes, "edges": p.edges, "locations": p.locations, "strings": p.strings,
		"trace_function_infos": p.traceFunctions, "trace_tree": p.traceTree,
	}[key]
	if !ok {
		return p.skip()
	}
	if _, twice := p.seen[key]; twice {
		return &SyntaxError{Offset: start, Want: "another section", Got: `"` + key + `" again`}
	}
	if p.h == nil && key != "snapshot" && key != "strings" {
		return &SyntaxError{Offset: start, Want: `"snapshot"`, Got: `"` + key + `"`}
	}
	p.seen[key] = p.offset()
	return read()
}

func (p *parser) snapshot() error {
	if _, err := p.peek(); err != nil {
		return err
	}
	offset := p.offset()
	raw, err := p.input.header()
	if err != nil {
		return err
	}
	p.h, err = parseHeader(raw, offset)
	if err != nil {
		return err
	}
	p.s.setHeader(p.h)
	return nil
}

// complete checks what can only be known at the end.
func (p *parser) complete() error {
	for _, key := range []string{"snapshot", "nodes", "edges", "strings"} {
		if _, ok := p.seen[key]; !ok {
			return &SyntaxError{Offset: p.offset(), Want: `"` + key + `"`, Got: endOfInput}
		}
	}
	if p.s.text.len() == 0 {
		return &SyntaxError{Offset: p.seen["strings"], Want: "a string", Got: "none"}
	}
	for _, names := range []biggest{p.nodeNames, p.edgeNames, p.functionNames} {
		if n := p.s.text.len(); names.seen && names.value >= uint64(n) {
			return &SyntaxError{
				Offset: names.offset,
				Want:   fmt.Sprintf("the index of one of %d strings", n), Got: fmt.Sprint(names.value),
			}
		}
	}
	if err := p.completeTraces(); err != nil {
		return err
	}
	return p.s.linkEdges(p.seen["nodes"])
}

// biggest is the biggest of some numbers, and the record where it was first.
type biggest struct {
	seen   bool
	value  uint64
	offset int64
}

func (b *biggest) merge(other biggest) {
	if other.seen {
		b.add(other.value, other.offset)
	}
}

func (b *biggest) add(v uint64, offset int64) {
	if !b.seen || v > b.value {
		*b = biggest{true, v, offset}
	}
}
