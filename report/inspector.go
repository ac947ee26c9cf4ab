package report

import (
	"cmp"
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

// The inspector has an extract of the heap: the suspects, what leads to them,
// and what they hold. These bounds keep the page under 3 MB.
const (
	maxInspected = 450  // objects with fields and retainers
	maxFields    = 24   // of an object
	maxRetainers = 12   // of an object
	maxObjects   = 8000 // with those that are there for their names alone

	// deeperFields is how many fields of an object are inspected themselves.
	deeperFields = 10

	// suspectDepth and sampleDepth are how many levels of fields are inspected: a
	// Map has its entries on the second, and what they hold on the third; a timer
	// has a callback, that a context, and that the object that costs.
	suspectDepth, sampleDepth = 3, 4

	// inspectedSamples of a suspect are inspected.
	inspectedSamples = 5

	// inspectedBlocks are the biggest single objects of the icicle that are
	// inspected.
	inspectedBlocks = 80

	// scannedEdges and scannedRetainers bound the look at objects that hold, or
	// are held by, millions.
	scannedEdges, scannedRetainers = 1 << 18, 256

	// maxWay is how many steps of a way to a root are in the extract.
	maxWay = 40
)

// objectData is an object of the extract. Without Fields it is there for its
// name alone.
type objectData struct {
	ID       heap.ID  `json:"i"`
	Class    int      `json:"c"`           // index of a name
	Name     int      `json:"n,omitempty"` // index of a name, 0 = as the class
	Place    int      `json:"l,omitempty"` // index of a name, 0 = none
	Shallow  int64    `json:"s"`
	Retained int64    `json:"r"`
	Kind     int      `json:"k"`
	Whole    int      `json:"w,omitempty"` // 1 = has fields and retainers
	Fields   [][3]int `json:"f,omitempty"` // kind of edge, index of a name, index of an object
	More     int      `json:"fm,omitempty"`
	Holders  [][3]int `json:"b,omitempty"`
	Others   int      `json:"bm,omitempty"`
	Via      []int    `json:"v,omitempty"` // index of a name and of the object that holds it, on the way from a root
}

// extract is the inspector's data in the making.
type extract struct {
	p       *pageMaker
	of      map[heap.Node]int
	objects []objectData
	nodes   []heap.Node // of objects
	queue   []wanted
	queued  map[heap.Node]bool
}

// wanted is a node to be inspected with some levels of its fields.
type wanted struct {
	node  heap.Node
	depth int
}

// extract collects the objects: fairly, each suspect before the samples of any,
// and those before fields of fields.
func (p *pageMaker) extract(singles []heap.Node) []objectData {
	x := &extract{p: p, of: map[heap.Node]int{}, queued: map[heap.Node]bool{}}
	suspects := p.suspects()
	for i := range suspects {
		s := &suspects[i]
		if p.valid(s.Node, s.ID) {
			x.want(s.Node, suspectDepth)
		}
		for _, step := range s.Path {
			if p.valid(step.Node, step.ID) {
				x.want(step.Node, 0)
			}
		}
	}
	for _, s := range suspects {
		for _, n := range s.Samples[:min(len(s.Samples), inspectedSamples)] {
			if int(n) < p.last.NumNodes() {
				x.want(n, sampleDepth)
			}
		}
	}
	x.knownWays()
	for _, n := range singles[:min(len(singles), inspectedBlocks)] {
		x.want(n, 0)
	}
	for i := 0; i < len(x.queue) && i < maxInspected && len(x.objects) < maxObjects; i++ {
		x.inspect(x.queue[i])
	}
	return x.objects
}

func (x *extract) want(n heap.Node, depth int) {
	if !x.queued[n] {
		x.queued[n] = true
		x.queue = append(x.queue, wanted{n, depth})
	}
}

// knownWays takes the ways to the suspects from the diagnosis, so that the page
// does not tell two.
func (x *extract) knownWays() {
	for _, s := range x.p.suspects() {
		for i := 1; i < len(s.Path); i++ {
			from, to := s.Path[i-1], s.Path[i]
			if !x.p.valid(from.Node, from.ID) || !x.p.valid(to.Node, to.ID) || to.Node == from.Node {
				continue
			}
			if o := x.object(to.Node); x.objects[o].Via == nil {
				x.objects[o].Via = []int{x.p.names.add(x.p.step(x.p.name, to)), x.object(from.Node)}
			}
		}
	}
}

// object returns the index of a node in the extract.
func (x *extract) object(n heap.Node) int {
	if i, ok := x.of[n]; ok {
		return i
	}
	s := x.p.last
	class := x.p.name.class(s.Class(n))
	o := objectData{
		ID: s.ID(n), Class: x.p.names.add(class), Shallow: s.Self(n), Retained: s.Retained(n), Kind: colour(s.Type(n)),
	}
	if name := x.p.name.node(n); name != class {
		o.Name = x.p.names.add(name)
	}
	i := len(x.objects)
	x.of[n] = i
	x.objects = append(x.objects, o)
	x.nodes = append(x.nodes, n)
	return i
}

// inspect adds the fields and retainers of a node, and its way to a root.
func (x *extract) inspect(w wanted) {
	i := x.object(w.node)
	fields, more := x.fields(w.node)
	deeper := 0
	for _, f := range fields {
		x.objects[i].Fields = append(x.objects[i].Fields, x.ref(f, f.To))
		if w.depth > 0 && deeper < deeperFields && x.telling(f) {
			deeper++
			x.want(f.To, w.depth-1)
		}
	}
	holders, others := x.holders(w.node)
	for _, h := range holders {
		x.objects[i].Holders = append(x.objects[i].Holders, x.ref(h, h.From))
	}
	o := &x.objects[i]
	o.Whole, o.More, o.Others = 1, more, others
	if at := x.p.placeOf(w.node); at != "" {
		o.Place = x.p.names.add(at)
	}
	x.way(w.node)
}

func (x *extract) ref(r heap.Ref, end heap.Node) [3]int {
	name := x.p.name.ref(r)
	return [3]int{int(r.Type), x.p.names.add(name), x.object(end)}
}

// telling says whether the end of an edge is worth a look of its own.
func (x *extract) telling(r heap.Ref) bool {
	if r.Type == heap.WeakEdge || r.Type == heap.HiddenEdge {
		return false
	}
	switch x.p.last.Type(r.To) {
	case heap.HiddenNode, heap.ShapeNode, heap.CodeNode, heap.NumberNode, heap.SyntheticNode:
		return x.p.last.Class(r.To) == "system / Context"
	case heap.StringNode, heap.SlicedStringNode, heap.SymbolNode:
		return false
	}
	name := x.p.last.EdgeName(r.Edge)
	return name != "__proto__" && name != "map" && name != "constructor"
}

// elementRank is the rank of the elements of arrays. Of many, the first and the
// last are told: new ones are at the end.
const elementRank = 2

// edgeRank sorts fields: what the code names first, what V8 adds last.
func edgeRank(t heap.EdgeType) int {
	switch t {
	case heap.PropertyEdge:
		return 0
	case heap.ContextEdge:
		return 1
	case heap.ElementEdge:
		return elementRank
	case heap.InternalEdge:
		return 3
	case heap.HiddenEdge, heap.ShortcutEdge:
		return 4
	}
	return 5
}

// fields returns the edges of a node that tell most, and how many there are
// beside them.
func (x *extract) fields(n heap.Node) ([]heap.Ref, int) {
	var first [6][]heap.Ref // by rank
	var newest []heap.Ref   // the last elements, as a ring
	total, elements := 0, 0
	for r := range x.p.last.Out(n) {
		if total++; total > scannedEdges {
			continue
		}
		rank := edgeRank(r.Type)
		if r.Type == heap.PropertyEdge && x.p.last.EdgeName(r.Edge) == "__proto__" {
			rank = len(first) - 2
		}
		switch {
		case rank != elementRank && len(first[rank]) < maxFields, rank == elementRank && len(first[rank]) < maxFields/2:
			first[rank] = append(first[rank], r)
		case rank == elementRank && len(newest) < maxFields/2:
			newest = append(newest, r)
		case rank == elementRank:
			newest[elements%len(newest)] = r
			elements++
		}
	}
	if len(newest) > 0 {
		oldest := elements % len(newest)
		first[elementRank] = slices.Concat(first[elementRank], newest[oldest:], newest[:oldest])
	}
	all := slices.Concat(first[:]...)
	all = all[:min(len(all), maxFields)]
	return all, total - len(all)
}

// holders returns the edges that lead to a node, nearest to a root first, and
// how many there are beside them.
func (x *extract) holders(n heap.Node) ([]heap.Ref, int) {
	var all []heap.Ref
	total := 0
	for r := range x.p.last.Retainers(n) {
		if total++; total <= scannedRetainers {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b heap.Ref) int {
		return cmp.Or(cmp.Compare(x.remoteness(a), x.remoteness(b)), cmp.Compare(a.Edge, b.Edge))
	})
	all = all[:min(len(all), maxRetainers)]
	return all, total - len(all)
}

// remoteness is how far from a root an edge comes; weak ones hold nothing.
func (x *extract) remoteness(r heap.Ref) int {
	d := x.p.last.Distance(r.From)
	if r.Type == heap.WeakEdge || r.From == r.To || d == heap.Unreached {
		return 3 * heap.SystemDistance
	}
	return d
}

// way adds the steps from a root to the node, each by the nearest retainer.
func (x *extract) way(n heap.Node) {
	for range maxWay {
		i := x.object(n)
		if x.objects[i].Via != nil || x.p.last.Distance(n) <= 1 {
			return
		}
		best, least := heap.Ref{}, x.p.last.Distance(n)
		tried := 0
		for r := range x.p.last.Retainers(n) {
			if tried++; tried > scannedRetainers {
				break
			}
			if d := x.remoteness(r); d < least && r.From != x.p.last.Root() {
				best, least = r, d
			}
		}
		if least == x.p.last.Distance(n) {
			return
		}
		ref := x.ref(best, best.From)
		x.objects[i].Via = ref[1:]
		n = best.From
	}
}
