package report

import (
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

// The icicle is the dominator tree with the many small objects of a class under
// one parent drawn as one: "1,234 × Order". These bounds keep it readable, and
// the page small.
const (
	// maxIcicle is how many of its rectangles a page has: more than a screen has
	// room for, so that there is something to zoom into.
	maxIcicle = 3000

	// bigShare is the part of the heap, one of bigShare, from which on an object
	// is drawn by itself.
	bigShare = 400

	// maxNested and maxBigNested are how often a class may occur on a way down
	// before its objects are drawn with those above: a linked list is as deep as
	// it is long. Big objects may be nested deeper, as modules and closures are.
	maxNested, maxBigNested = 2, 6

	// maxIcicleDepth ends what escapes the rule above: endless ways of ever new
	// classes.
	maxIcicleDepth = 48

	// maxGroups bounds the memory of the aggregation, at some 100 bytes each.
	maxGroups = 1 << 20

	// triedRetainers is how many retainers are looked at for a name.
	triedRetainers = 64
)

// block is a rectangle of the icicle: objects of one class.
type block struct {
	parent int32 // index; the root is its own
	class  int32
	depth  int32
	count  int32     // objects
	first  heap.Node // one of them
	own    int64     // bytes, shallow
	size   int64     // bytes, with everything below
}

// icicle aggregates the dominator tree of a snapshot.
type icicle struct {
	s      *heap.Snapshot
	start  []uint32    // children of node n are kids[start[n]:start[n+1]]
	kids   []heap.Node // by their dominators
	at     []int32     // block of a node
	class  map[string]int32
	blocks []block
	places map[place]int32 // where objects below a block go
	big    int64           // bytes from which on an object is drawn by itself
}

// place is a class below a block; the big objects of a class are apart from the
// small ones.
type place struct {
	block, class int32
	big          bool
}

// newIcicle aggregates the whole tree, in time and memory linear in the nodes.
// The blocks come after their parents.
func newIcicle(s *heap.Snapshot) []block {
	c := &icicle{s: s, class: map[string]int32{}, places: map[place]int32{}, big: max(s.Total()/bigShare, 1)}
	c.sortKids()
	c.at = make([]int32, s.NumNodes())
	c.add(0, s.Root())
	queue := make([]heap.Node, 1, s.NumNodes())
	queue[0] = s.Root()
	for i := 0; i < len(queue); i++ { // breadth first: what is big comes before the bound on groups
		n := queue[i]
		for _, kid := range c.kids[c.start[n]:c.start[n+1]] {
			b := c.blockFor(c.at[n], kid)
			c.at[kid] = b
			c.blocks[b].count++
			c.blocks[b].own += s.Self(kid)
			queue = append(queue, kid)
		}
	}
	for i := len(c.blocks) - 1; i >= 0; i-- {
		b := &c.blocks[i]
		b.size += b.own
		if i > 0 {
			c.blocks[b.parent].size += b.size
		}
	}
	return c.blocks
}

// sortKids sorts the nodes by their dominators.
func (c *icicle) sortKids() {
	count := c.s.NumNodes()
	root := c.s.Root()
	c.start = make([]uint32, count+1)
	for n := range heap.Node(count) {
		if n != root {
			c.start[c.s.Dominator(n)]++
		}
	}
	sum := uint32(0)
	for n, kids := range c.start {
		sum += kids
		c.start[n] = sum // the end, as long as they go in from behind
	}
	c.kids = make([]heap.Node, sum)
	for n := heap.Node(count); n > 0; n-- {
		if kid := n - 1; kid != root {
			d := c.s.Dominator(kid)
			c.start[d]--
			c.kids[c.start[d]] = kid
		}
	}
}

// blockFor returns the block of a node whose dominator is in the block under.
// Big objects below a single one have blocks of their own; below many, which may
// be a list whose every member is big, they share one with each other, and with
// the small ones at the end of the list.
func (c *icicle) blockFor(under int32, n heap.Node) int32 {
	where := place{under, c.classOf(n), c.s.Retained(n) >= c.big}
	most := maxBigNested
	if !where.big {
		most = maxNested
	}
	known, ok := c.places[where]
	many := c.blocks[under].count > 1
	if ok && (many || !where.big) {
		return known
	}
	if many && !where.big {
		if b, ok := c.places[place{under, where.class, true}]; ok {
			return b
		}
	}
	b, lifted := c.lifted(under, where.class, most)
	if !lifted {
		b = c.add(under, n)
	}
	if !ok {
		c.places[where] = b
	}
	return b
}

// lifted returns the block above that takes what is nested too deeply.
func (c *icicle) lifted(under, class int32, most int) (int32, bool) {
	if c.blocks[under].depth >= maxIcicleDepth || len(c.blocks) >= maxGroups {
		return under, true
	}
	nearest, seen := int32(-1), 0
	for b := under; b != 0; b = c.blocks[b].parent {
		if c.blocks[b].class != class {
			continue
		}
		if seen++; nearest < 0 {
			nearest = b
		}
		if seen == most {
			return nearest, true
		}
	}
	return 0, false
}

// add adds a block without objects yet; that of the root has its own.
func (c *icicle) add(parent int32, first heap.Node) int32 {
	b := block{parent: parent, class: c.classOf(first), first: first}
	if len(c.blocks) == 0 {
		b.count, b.own = 1, c.s.Self(first)
	} else {
		b.depth = c.blocks[parent].depth + 1
	}
	c.blocks = append(c.blocks, b)
	return int32(len(c.blocks) - 1)
}

func (c *icicle) classOf(n heap.Node) int32 {
	key := c.s.ClassKey(n)
	i, ok := c.class[key]
	if !ok {
		i = int32(len(c.class))
		c.class[key] = i
	}
	return i
}

// biggest returns the indexes of the biggest blocks, at most limit of them,
// biggest first, parents before their children.
func biggest(blocks []block, limit int) []int32 {
	var order []int32
	for i, b := range blocks {
		if b.size > 0 || i == 0 {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		switch x, y := blocks[a].size, blocks[b].size; {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return int(a) - int(b) // a parent is no smaller than its children, and older
	})
	return order[:min(len(order), limit)]
}

// icicleData is the icicle as the page has it: columns, an element a block. The
// first block is the root.
type icicleData struct {
	Parent []int32   `json:"p"`
	Class  []int     `json:"c"` // index of a name
	Edge   []int     `json:"e"` // index of a name, of a single object's property
	Size   []int64   `json:"s"`
	Own    []int64   `json:"o"`
	Count  []int32   `json:"n"`
	ID     []heap.ID `json:"i"`
	Kind   []int     `json:"k"`
	Hidden int       `json:"hidden"` // blocks that are left out
}

// icicleData returns the icicle, and the single objects that it draws.
func (p *pageMaker) icicleData() (icicleData, []heap.Node) {
	blocks := newIcicle(p.last)
	order := biggest(blocks, maxIcicle)
	data := icicleData{Hidden: -len(order)}
	for i, b := range blocks {
		if b.size > 0 || i == 0 {
			data.Hidden++
		}
	}
	var singles []heap.Node
	moved := make(map[int32]int32, len(order))
	for i, old := range order {
		b := blocks[old]
		moved[old] = int32(i)
		edge := 0
		if b.count == 1 && i > 0 {
			edge = p.names.add(p.heldBy(b.first))
			singles = append(singles, b.first)
		}
		data.Parent = append(data.Parent, moved[b.parent])
		data.Class = append(data.Class, p.names.add(p.blockName(b)))
		data.Edge = append(data.Edge, edge)
		data.Size = append(data.Size, b.size)
		data.Own = append(data.Own, b.own)
		data.Count = append(data.Count, b.count)
		data.ID = append(data.ID, p.last.ID(b.first))
		data.Kind = append(data.Kind, colour(p.last.Type(b.first)))
	}
	return data, singles
}

// blockName names a block: a single object by more than its class, where there
// is more.
func (p *pageMaker) blockName(b block) string {
	class := p.name.class(p.last.Class(b.first))
	if b.count != 1 {
		return class
	}
	switch p.last.Type(b.first) {
	case heap.ClosureNode:
		if f := p.name.node(b.first); f != "" {
			return f + "()"
		}
	case heap.SyntheticNode, heap.HiddenNode, heap.CodeNode, heap.ArrayNode:
		if name := p.name.node(b.first); name != "" {
			return name
		}
		if b.parent == 0 && p.last.Root() == b.first {
			return "Heap"
		}
	}
	return class
}

// heldBy returns the name of the edge by which the dominator holds a node, or of
// another one that tells more than nothing.
func (p *pageMaker) heldBy(n heap.Node) string {
	tried, second := 0, ""
	for ref := range p.last.Retainers(n) {
		if tried++; tried > triedRetainers {
			break
		}
		if ref.Type != heap.PropertyEdge && ref.Type != heap.ContextEdge {
			continue
		}
		name := p.name.ref(ref)
		if ref.From == p.last.Dominator(n) {
			return name
		}
		if second == "" && name != "__proto__" {
			second = name
		}
	}
	return second
}

// The colours of the page, by kind of node.
const (
	colourObject = iota
	colourArray
	colourString
	colourCode
	colourNative
	colourSystem
)

func colour(t heap.NodeType) int {
	switch t {
	case heap.ObjectNode, heap.RegExpNode, heap.BigIntNode, heap.SymbolNode, heap.NumberNode:
		return colourObject
	case heap.ArrayNode:
		return colourArray
	case heap.StringNode, heap.ConsStringNode, heap.SlicedStringNode:
		return colourString
	case heap.ClosureNode, heap.CodeNode, heap.ShapeNode, heap.WasmNode:
		return colourCode
	case heap.NativeNode:
		return colourNative
	}
	return colourSystem
}
