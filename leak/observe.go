package leak

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// minRetained is what an object has to retain for its size to be remembered. What
	// grows to matter is compared with 0 if it was smaller.
	minRetained = 1 << 10
	// minSelf is the same for the shallow size: only big ones can grow in place.
	minSelf = 256
	// minEntries is how many elements make a collection worth remembering.
	minEntries = 4
	// minFewBytes is what fewer elements have to weigh, for a few big ones to be remembered.
	minFewBytes = 4 << 10
	// patience is how many nodes are looked at between two looks at the context.
	patience = 1 << 16
)

// Observation is what Find needs of an earlier snapshot. It does not hold on to
// the heap.Snapshot.
type Observation struct {
	moment   Moment
	order    Order // after the one before; ids continue if it is Later or Identical
	snapshot Snapshot
	marks    []heap.ID // greatest ids of the snapshots up to this one
	retained column
	self     column
	hubs     hubColumn
	imprint  *Imprint
	classes  []classRow
	paths    pathTable // for when ids do not continue
}

// column is a size for some objects, by ascending id.
type column struct {
	ids   []uint32
	bytes []uint32 // math.MaxUint32 = see huge
	huge  map[uint32]int64
}

// get returns the size of an object, 0 if it is too small to be known.
func (c *column) get(id heap.ID) int64 {
	i, ok := slices.BinarySearch(c.ids, uint32(id))
	if !ok {
		return 0
	}
	if c.bytes[i] == math.MaxUint32 {
		return c.huge[c.ids[i]]
	}
	return int64(c.bytes[i])
}

// add adds an object; the column is not in order until sorted.
func (c *column) add(id heap.ID, bytes int64) {
	small := uint32(math.MaxUint32)
	if bytes < math.MaxUint32 {
		small = uint32(bytes)
	} else {
		if c.huge == nil {
			c.huge = map[uint32]int64{}
		}
		c.huge[uint32(id)] = bytes
	}
	c.ids, c.bytes = append(c.ids, uint32(id)), append(c.bytes, small)
}

// sort puts the column in order.
func (c *column) sort() {
	words := make([]uint64, len(c.ids))
	for i, id := range c.ids {
		words[i] = uint64(id)<<32 | uint64(c.bytes[i])
	}
	slices.Sort(words)
	for i, w := range words {
		c.ids[i], c.bytes[i] = uint32(w>>32), uint32(w)
	}
	c.ids, c.bytes = slices.Clip(c.ids), slices.Clip(c.bytes)
}

// hubColumn is the collections of a snapshot, by ascending id.
type hubColumn struct {
	ids    []uint32
	rows   []uint32 // of an id: its place in ages
	stride int
	ages   []uint32 // how many elements of each age 0 … stride-1
	bytes  []int64  // retained by the collection or by its elements, whichever is more
}

// hubRecord is what is known of a collection at a snapshot.
type hubRecord struct {
	ages  []uint32
	bytes int64
}

// count returns how many elements there are.
func (r hubRecord) count() int {
	sum := 0
	for _, n := range r.ages {
		sum += int(n)
	}
	return sum
}

// get returns what is known of the collection with the id.
func (h *hubColumn) get(id heap.ID) (hubRecord, bool) {
	i, ok := slices.BinarySearch(h.ids, uint32(id))
	if !ok {
		return hubRecord{}, false
	}
	row := int(h.rows[i])
	return hubRecord{ages: h.ages[row*h.stride : (row+1)*h.stride], bytes: h.bytes[row]}, true
}

func (h *hubColumn) sort() {
	order := make([]uint64, len(h.ids))
	for i, id := range h.ids {
		order[i] = uint64(id)<<32 | uint64(i)
	}
	slices.Sort(order)
	h.rows = make([]uint32, len(order))
	for i, o := range order {
		h.ids[i], h.rows[i] = uint32(o>>32), uint32(o)
	}
}

// Observe reduces a snapshot to what Find needs of it. before is the observation of the
// one before, nil for the first. It returns the cause of ctx when ctx ends first.
func Observe(ctx context.Context, s *heap.Snapshot, m Moment, before *Observation) (*Observation, error) {
	if err := s.Prepare(ctx); err != nil {
		return nil, err
	}
	g := newGraph(s)
	paths, err := newPathKeys(ctx, g)
	if err != nil {
		return nil, err
	}
	o := &Observation{moment: m, order: orderAfter(g, m, before), snapshot: describe(s, m)}
	if err := o.take(ctx, paths, before); err != nil {
		return nil, err
	}
	o.imprint = imprintOf(g)
	o.classes = classRows(s)
	return o, nil
}

// sameIDs says whether object ids continue from the snapshot before.
func (o *Observation) sameIDs() bool { return o.order == Later || o.order == Identical }

// take takes note of all nodes.
func (o *Observation) take(ctx context.Context, p *pathKeys, before *Observation) error {
	if before != nil && o.sameIDs() {
		o.marks = slices.Clone(before.marks)
	}
	a := ages{o.marks}
	o.hubs.stride = a.windows() + 1
	for n := range heap.Node(p.g.NumNodes()) {
		if err := alive(ctx, int(n)); err != nil {
			return err
		}
		o.observe(p, a, n)
	}
	o.retained.sort()
	o.self.sort()
	o.hubs.sort()
	o.paths.finish()
	o.snapshot.SameIDs = o.sameIDs()
	o.marks = append(o.marks, p.g.Marks().MaxID)
	return nil
}

// observe takes note of one node.
func (o *Observation) observe(p *pathKeys, a ages, n heap.Node) {
	g := p.g
	id := g.ID(n)
	retained := g.Retained(n)
	if retained < minRetained && g.Degree(n) < minEntries {
		return
	}
	if retained >= minRetained && g.Type(n) != heap.CodeNode && g.Type(n) != heap.ShapeNode {
		o.retained.add(id, retained)
		if self := g.Self(n); self >= minSelf {
			o.self.add(id, self)
		}
	}
	row := pathRow{bytes: retained, nodes: 1}
	if odd(id) && g.collects(n) && o.count(g, a, n, &row) || retained >= minPathBytes && g.ownsBytes(n) && g.Distance(n)%heap.SystemDistance < maxPathDepth {
		var repeats bool
		if row.key, repeats = p.of(n); !repeats {
			o.paths.add(row)
		}
	}
}

// count takes note of a collection, and tells the row of it. It returns false if it has too
// few elements to be compared by path.
func (o *Observation) count(g *graph, a ages, n heap.Node, path *pathRow) bool {
	row := len(o.hubs.ages)
	for range o.hubs.stride {
		o.hubs.ages = append(o.hubs.ages, 0)
	}
	count, bytes := 0, int64(0)
	g.eachEntry(n, func(e entry) {
		count++
		o.hubs.ages[row+a.entry(g, e)]++
		bytes += g.Retained(e.value)
	})
	bytes = max(bytes, path.bytes)
	few := count < minEntries
	if few && (count == 0 || bytes < minFewBytes) {
		o.hubs.ages = o.hubs.ages[:row]
		return false
	}
	o.hubs.ids = append(o.hubs.ids, uint32(g.ID(n)))
	o.hubs.bytes = append(o.hubs.bytes, bytes)
	if few {
		return false
	}
	path.bytes, path.count = bytes, uint32(count)
	path.old = path.count - o.hubs.ages[len(o.hubs.ages)-1]
	if path.old >= minFresh && path.old < path.count && g.allUsed(a, n, func(n heap.Node) bool { return g.hasNew(a, n) }) {
		path.used = 1
		if g.isShuffled(a, n) {
			path.reused = 1
		}
	}
	return true
}

// alive returns the cause of the context's end, now and then.
func alive(ctx context.Context, n int) error {
	if n%patience == 0 && ctx.Err() != nil {
		return fmt.Errorf("diagnosing: %w", context.Cause(ctx))
	}
	return nil
}

// describe is what the diagnosis says of a snapshot.
func describe(s *heap.Snapshot, m Moment) Snapshot {
	return Snapshot{
		At: m.At, Nodes: s.NumNodes(), Edges: s.NumEdges(), Total: s.Total(), Native: s.Statistics().Native, SameIDs: m.SameIDs,
	}
}
