package leak

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// maxKept is how many classes a suspect lists.
	maxKept = 8
	// maxSamples is how many objects a suspect shows.
	maxSamples = 8
	// maxInventory bounds how many elements are looked at: the newest stand for all.
	maxInventory = 20_000
	// maxLooked is the same for the objects below them.
	maxLooked = 100_000
)

// inventory is what a candidate keeps: of what is new, if there are earlier snapshots.
type inventory struct {
	kept    []Kept // most bytes first
	samples []heap.Node
	created *Place
	top     string // the class of most elements
	bytes   map[heap.NodeType]int64
	memory  int64 // bytes of buffers
	scripts int   // how many different ones the elements, if functions, stand in
}

// inventory looks at the new objects of a candidate.
func (f *finder) inventory(c *candidate) inventory {
	i := inventory{bytes: map[heap.NodeType]int64{}, kept: []Kept{}, samples: []heap.Node{}}
	elements := f.newest(c)
	classes := map[string]*Kept{}
	looked, reached := 0, 0
	for _, n := range elements {
		looked += f.take(&i, classes, n, maxLooked-looked)
		if reached++; looked >= maxLooked {
			break
		}
	}
	scale := 1.0
	switch c.kind {
	case collection, group:
		scale = f.survey.scale(c, elements, &i, reached)
	case owner: // its parts are examples
		var seen int64
		for _, b := range i.bytes {
			seen += b
		}
		scale = max(1, float64(c.born)/float64(max(1, seen)))
	}
	for _, k := range classes {
		k.Count, k.Size = int(float64(k.Count)*scale+0.5), int64(float64(k.Size)*scale+0.5)
		i.kept = append(i.kept, *k)
	}
	slices.SortFunc(i.kept, func(a, b Kept) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(b.Count, a.Count), cmp.Compare(a.Class, b.Class))
	})
	i.kept = i.kept[:min(len(i.kept), maxKept)]
	i.samples = append(i.samples, elements[:min(len(elements), maxSamples)]...)
	f.represent(&i, elements)
	return i
}

// take counts the new objects that an element dominates, itself included, up to a limit.
func (f *finder) take(i *inventory, classes map[string]*Kept, n heap.Node, limit int) (looked int) {
	v := f.survey
	pos := v.tree.Pos(n)
	for p := pos; p < v.tree.End(pos) && looked < limit; p++ {
		m := v.tree.At(p)
		if v.age[p] == 0 || !v.ownsBytes(m) {
			continue
		}
		looked++
		class := v.Class(m)
		k := classes[class]
		if k == nil {
			k = &Kept{Class: class}
			classes[class] = k
		}
		k.Count++
		k.Size += v.Self(m)
		i.bytes[v.Type(m)] += v.Self(m)
		if v.Type(m) == heap.NativeNode && strings.Contains(v.RawName(m), "ArrayBuffer") {
			i.memory += v.Self(m)
		}
	}
	return looked
}

// represent finds the class of most elements, and where one of them comes from.
func (f *finder) represent(i *inventory, elements []heap.Node) {
	v := f.survey
	heads := map[string]int{}
	first := map[string]heap.Node{}
	scripts := map[int]bool{}
	for _, n := range elements {
		class := v.Class(n)
		if heads[class]++; heads[class] == 1 {
			first[class] = n
		}
		if len(scripts) <= maxSamples && v.Type(n) == heap.ClosureNode {
			if l, ok := v.Location(n); ok && l.Script == "" {
				scripts[l.ScriptID] = true
			}
		}
	}
	for class, count := range heads {
		if most := heads[i.top]; count > most || count == most && class < i.top {
			i.top = class
		}
	}
	i.scripts = len(scripts)
	if len(elements) > 0 {
		i.created = f.words.createdAt(first[i.top])
	}
}

// newest returns new objects that the candidate holds directly, newest first.
func (f *finder) newest(c *candidate) []heap.Node {
	v := f.survey
	var nodes []heap.Node
	switch c.kind {
	case collection, group:
		for _, m := range c.members {
			v.eachEntry(m, func(e entry) {
				if v.entry(v.graph, e) > 0 {
					nodes = append(nodes, e.value)
				}
			})
		}
	case chain:
		nodes = c.parts[1:2] // the next one holds all others
	case inside:
		nodes = []heap.Node{c.node}
	default:
		nodes = slices.Clone(c.parts)
	}
	slices.SortFunc(nodes, func(a, b heap.Node) int { return cmp.Or(cmp.Compare(v.ID(b), v.ID(a)), cmp.Compare(a, b)) })
	return nodes[:min(len(nodes), maxInventory)]
}

// scale says how many times as much a collection keeps as has been looked at. The last
// element that was may be a big one, of which the limit has left a part.
func (v *survey) scale(c *candidate, elements []heap.Node, i *inventory, reached int) float64 {
	scale := float64(max(c.fresh, len(elements))) / float64(max(1, len(elements)))
	var seen, all int64
	for _, b := range i.bytes {
		seen += b
	}
	born := make([]int64, v.windows())
	for _, n := range elements {
		clear(born)
		v.everBornIn(v.tree.Pos(n), born)
		all += sum(born)
	}
	if seen == 0 {
		return float64(max(c.fresh, reached)) / float64(max(1, reached))
	}
	return scale * max(1, float64(all)/float64(seen))
}
