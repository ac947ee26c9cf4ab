package heap

// Index is what Diff needs of a snapshot: some 12 bytes a node. It does not hold on to
// the Snapshot.
type Index struct {
	// The nodes that have a size, by ascending id.
	ids     []uint32
	sizes   []uint32 // bytes, or hugeSize
	classes []uint32 // of list
	huge    map[uint32]uint64
	list    []indexClass
	// interfaces are those of this snapshot.
	interfaces []iface
}

// indexClass is the class of some nodes, without what belongs to the snapshot alone.
type indexClass struct {
	key, name string
	location  *Location
	// Plain objects have other classes with the interfaces of a later snapshot. prefix
	// is the location in a key.
	plain      bool
	prefix     string
	properties []string
}

// Index reduces the snapshot.
func (s *Snapshot) Index() *Index {
	need(&s.folded, s.fold)
	need(&s.classed, s.classify)
	b := indexBuilder{
		s: s, x: &Index{interfaces: s.rows.interfaces, huge: map[uint32]uint64{}}, of: map[group]uint32{},
	}
	order := s.byID(s.winners())
	b.x.ids = make([]uint32, len(order))
	b.x.sizes = make([]uint32, len(order))
	b.x.classes = make([]uint32, len(order))
	for i, n := range order {
		b.x.ids[i], b.x.sizes[i] = s.id[n], s.self[n]
		if s.self[n] == hugeSize {
			b.x.huge[uint32(i)] = s.size(n)
		}
		b.x.classes[i] = b.class(s.rows.groups[s.rows.of[n]])
	}
	return b.x
}

// winners returns which rows of the snapshot DevTools counts: see byKey.
func (s *Snapshot) winners() []bool {
	first := make([]int64, len(s.rows.list))
	for i := range first {
		first[i] = -1
	}
	for n, i := range s.rows.of {
		if r := s.rows.groups[i].row; first[r] < 0 && s.self[n] != 0 {
			first[r] = int64(n)
		}
	}
	last := map[string]int64{}
	for i, row := range s.rows.list {
		if have, ok := last[row.key]; first[i] >= 0 && (!ok || first[i] > have) {
			last[row.key] = first[i]
		}
	}
	wins := make([]bool, len(first))
	for i, row := range s.rows.list {
		wins[i] = first[i] >= 0 && first[i] == last[row.key]
	}
	return wins
}

// byID returns the nodes that have a size and a row that counts, sorted by id.
func (s *Snapshot) byID(wins []bool) []Node {
	count := 0
	for n, i := range s.rows.of {
		if s.self[n] != 0 && wins[s.rows.groups[i].row] {
			count++
		}
	}
	nodes := make([]Node, 0, count)
	for n, i := range s.rows.of {
		if s.self[n] != 0 && wins[s.rows.groups[i].row] {
			nodes = append(nodes, Node(n))
		}
	}
	return radixSort(nodes, func(n Node) uint32 { return s.id[n] })
}

// radixSort returns the items by their keys; those of one key stay in order. It may
// overwrite the slice that it is given.
func radixSort[T any](items []T, key func(T) uint32) []T {
	const digitBits, keyBits = 11, 32
	const digits = 1 << digitBits
	other := make([]T, len(items))
	for shift := 0; shift < keyBits; shift += digitBits {
		var next [digits]int
		for _, item := range items {
			next[key(item)>>shift%digits]++
		}
		sum := 0
		for d, n := range next {
			next[d], sum = sum, sum+n
		}
		for _, item := range items {
			d := key(item) >> shift % digits
			other[next[d]] = item
			next[d]++
		}
		items, other = other, items
	}
	return items
}

// indexBuilder is Index at work.
type indexBuilder struct {
	s  *Snapshot
	x  *Index
	of map[group]uint32
}

func (b *indexBuilder) class(r group) uint32 {
	if i, ok := b.of[r]; ok {
		return i
	}
	s, row := b.s, b.s.rows.list[r.row]
	c := indexClass{
		key: row.key, name: row.class, location: s.rowLocation(row), prefix: row.key[:len(row.key)-len(row.class)],
	}
	if r.shape != noShape {
		c.plain = true
		for p := range s.propertyTexts(s.rows.shapes.list[r.shape].example) {
			c.properties = append(c.properties, string(p))
		}
	}
	i := uint32(len(b.x.list))
	b.x.list = append(b.x.list, c)
	b.of[r] = i
	return i
}
