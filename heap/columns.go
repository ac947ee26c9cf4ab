package heap

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"sync"
)

// typeBits are the bits that a node's type, as the file counts them, takes of its byte.
const typeBits = 5

// edgeTypeBits are the bits that an edge's type takes of its target.
const edgeTypeBits = 3

// target is a node and, in the low bits, the type of the edge that leads there.
type target uint32

func (t target) node() Node     { return Node(t >> edgeTypeBits) }
func (t target) kind() EdgeType { return EdgeType(t & (1<<edgeTypeBits - 1)) }

// hugeSize in the column of sizes stands for a size that does not fit there.
const hugeSize = math.MaxUint32

// detachedMask are the bits of the field that say whether a node is detached.
const detachedMask = 3

// odd are facts about few nodes.
type odd struct {
	huge     map[Node]uint64 // sizes from hugeSize on, in bytes
	detached map[Node]Detachedness
}

// part is a segment of the nodes or the edges, and what its records have beyond
// their columns.
type part struct {
	s     *Snapshot
	h     *header
	seg   segment
	names biggest
	odd   odd
}

// columns reads a section into columns, several parts at a time. names gets the
// biggest index of a name.
func (p *parser) columns(sec section, parse func(*part) error, names *biggest) error {
	var mu sync.Mutex
	sec.parse = func(seg segment) error {
		part := part{s: p.s, h: p.h, seg: seg}
		err := parse(&part)
		mu.Lock()
		defer mu.Unlock()
		names.merge(part.names)
		p.s.odd.merge(part.odd)
		return err
	}
	n, err := p.records(sec)
	if err != nil || n == sec.count {
		return err
	}
	return &SyntaxError{
		Offset: p.offset() - 1,
		Want:   fmt.Sprintf("%d %s as the header says", sec.count, sec.name), Got: strconv.Itoa(n),
	}
}

// nodes reads the section of that name.
func (p *parser) nodes() error {
	sec := section{name: "nodes", fields: p.h.nodes.fields, count: p.h.numNodes, room: p.s.growNodes}
	return p.columns(sec, (*part).nodes, &p.nodeNames)
}

func (p *part) nodes() error {
	lay := p.h.nodes
	typeAt, nameAt, idAt := lay.at["type"], lay.at["name"], lay.at["id"]
	selfAt, edgesAt, detachedAt := lay.at["self_size"], lay.at["edge_count"], lay.index("detachedness")
	traceAt := -1
	if p.h.tracked {
		traceAt = lay.at["trace_node_id"]
	}
	types := uint64(len(p.h.nodeTypes))
	vals := make([]uint64, lay.fields)
	s := p.s
	return p.seg.each(lay.fields, func(c *stretch) error {
		start, i := c.pos, c.first
		if !c.read(p.seg.buf, vals) {
			return p.seg.badNumber(c.pos)
		}
		if vals[typeAt] >= types {
			return p.seg.bad(start, fmt.Sprintf("one of %d node types", types), vals[typeAt])
		}
		if (vals[nameAt]|vals[idAt]|vals[edgesAt])>>32 != 0 {
			return p.seg.bad(start, "a node with 32-bit numbers", max(vals[nameAt], vals[idAt], vals[edgesAt]))
		}
		if vals[nameAt] > p.names.value {
			p.names.add(vals[nameAt], p.seg.place(start))
		}
		s.kind[i] = uint8(vals[typeAt])
		s.name[i] = uint32(vals[nameAt])
		s.id[i] = uint32(vals[idAt])
		s.first[i] = uint32(vals[edgesAt])
		self := vals[selfAt]
		if self >= hugeSize {
			p.odd.setHuge(Node(i), self)
			self = hugeSize
		}
		s.self[i] = uint32(self)
		if detachedAt >= 0 && vals[detachedAt]&detachedMask != 0 {
			p.odd.setDetached(Node(i), Detachedness(vals[detachedAt]&detachedMask))
		}
		if traceAt >= 0 {
			if vals[traceAt] > math.MaxUint32 {
				return p.seg.bad(start, "an allocation with a 32-bit id", vals[traceAt])
			}
			s.traces.of[i] = uint32(vals[traceAt])
		}
		return nil
	})
}

// edges reads the section of that name.
func (p *parser) edges() error {
	sec := section{name: "edges", fields: p.h.edges.fields, count: p.h.numEdges, room: p.s.growEdges}
	if err := p.columns(sec, (*part).edges, &p.edgeNames); err != nil {
		return err
	}
	// The strings, which come next, leave a core free.
	p.background.Go(func() { p.s.incoming = countIncoming(p.s.to, p.h.numNodes) })
	return nil
}

func (p *part) edges() error {
	lay := p.h.edges
	typeAt, nameAt, toAt := lay.at["type"], lay.at["name_or_index"], lay.at["to_node"]
	types, fields := uint64(p.h.numEdgeTypes), uint64(p.h.nodes.fields)
	div := newDivisor(fields)
	vals := make([]uint64, lay.fields)
	s := p.s
	return p.seg.each(lay.fields, func(c *stretch) error {
		start, i := c.pos, c.first
		signed := false
		if !c.read(p.seg.buf, vals) {
			if signed = p.seg.unsign(c, start, nameAt, vals); !signed {
				return p.seg.badNumber(c.pos)
			}
		}
		if vals[typeAt] >= types {
			return p.seg.bad(start, fmt.Sprintf("one of %d edge types", types), vals[typeAt])
		}
		to := div.quotient(vals[toAt])
		if to*fields != vals[toAt] || to >= uint64(p.h.numNodes) {
			return p.seg.bad(start, fmt.Sprintf("an edge to one of %d nodes of %d numbers", p.h.numNodes, fields), vals[toAt])
		}
		name, kind := vals[nameAt], p.h.edgeTypes[vals[typeAt]]
		if name>>32 != 0 || signed && kind.named() {
			return p.seg.bad(start, "a name or index of 32 bits", name)
		}
		if name > p.names.value && kind.named() {
			p.names.add(name, p.seg.place(start))
		}
		s.to[i] = target(to)<<edgeTypeBits | target(kind)
		s.edgeName[i] = uint32(name)
		return nil
	})
}

// unsign reads the record that starts at buf[start] again, without the minus that ended the
// reading of the field. Node.js 24 and 26 write the indexes of 2^31 and more of an object
// ({4155550123: …}) as negative numbers of 32 bits; DevTools reads over the sign.
func (g *segment) unsign(c *stretch, start, field int, vals []uint64) bool {
	at := c.pos
	if at >= c.end || g.buf[at] != '-' || bytes.Count(g.buf[start:at], []byte{','}) != field {
		return false
	}
	g.buf[at] = ' ' // which may stand before a number
	c.pos, c.first, c.n = start, c.first-1, c.n+1
	return c.read(g.buf, vals)
}

// place returns the offset of the record that starts at buf[pos].
func (g *segment) place(pos int) int64 {
	for isSpace(g.buf[pos]) {
		pos++
	}
	return g.base + int64(pos)
}

// bad is the error of a record that starts at buf[pos].
func (g *segment) bad(pos int, want string, got uint64) error {
	return &SyntaxError{Offset: g.place(pos), Want: want, Got: strconv.FormatUint(got, 10)}
}

// badNumber is the error of something else than a number at buf[pos].
func (g *segment) badNumber(pos int) error {
	return &SyntaxError{
		Offset: g.base + int64(pos), Want: "a number of 64 bits or a comma", Got: quote(g.buf[pos:max(pos, g.end)]),
	}
}

func (o *odd) setHuge(n Node, size uint64) {
	if o.huge == nil {
		o.huge = map[Node]uint64{}
	}
	o.huge[n] = size
}

func (o *odd) setDetached(n Node, d Detachedness) {
	if o.detached == nil {
		o.detached = map[Node]Detachedness{}
	}
	o.detached[n] = d
}

func (o *odd) merge(other odd) {
	for n, size := range other.huge {
		o.setHuge(n, size)
	}
	for n, d := range other.detached {
		o.setDetached(n, d)
	}
}

// growNodes makes room for n nodes.
func (s *Snapshot) growNodes(n int) {
	s.kind = grown(s.kind, n)
	s.name = grown(s.name, n)
	s.id = grown(s.id, n)
	s.self = grown(s.self, n)
	s.first = grown(s.first, n+1)
	if s.tracked {
		s.traces.of = grown(s.traces.of, n)
	}
}

// growEdges makes room for n edges.
func (s *Snapshot) growEdges(n int) {
	s.to = grown(s.to, n)
	s.edgeName = grown(s.edgeName, n)
}

// linkEdges turns the number of edges of each node into the first of them. nodesAt is
// the place of the nodes in the input.
func (s *Snapshot) linkEdges(nodesAt int64) error {
	var sum uint64
	for i := range s.kind {
		n := s.first[i]
		s.first[i] = uint32(sum)
		sum += uint64(n)
		if sum > uint64(len(s.to)) {
			break
		}
	}
	s.first[len(s.kind)] = uint32(sum)
	if sum != uint64(len(s.to)) {
		return &SyntaxError{
			Offset: nodesAt,
			Want:   fmt.Sprintf("nodes with %d edges together", len(s.to)), Got: "others",
		}
	}
	return nil
}

// divisor divides by a small constant with one multiplication.
type divisor struct{ inverse uint64 }

func newDivisor(d uint64) divisor { return divisor{inverse: math.MaxUint64/d + 1} }

// quotient returns v / d: exactly if v is below 2^32, too small or not, but never a
// multiple by chance, for others.
func (d divisor) quotient(v uint64) uint64 {
	hi, _ := bits.Mul64(v, d.inverse)
	return hi
}
