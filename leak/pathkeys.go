package leak

import (
	"context"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// pathKeys names objects by the nearest path from a root: by the names of its edges and
// the classes on it, and not by ids, so that the same place in the program has the same key
// in each snapshot of a process. What is data in a path, as indexes and the keys of
// entries, is left out of it: all elements of a collection have one key.
//
// The order of objects in a file is that of memory, which changes. So of several paths as
// near as each other that one counts which tells a programmer most, and then the one with
// the greatest hash.
type pathKeys struct {
	g *graph
	// keys has, by node, what the last edge tells in its upper bits and a hash of the path
	// in the others. 0 = no path.
	keys []uint64
	// steps is a hash of the last edge and the class, the lowest bit aside, which says that
	// the step is that to the holder once more, as on the way along a linked list. Then both
	// have one hash of the path.
	steps []uint32
	names [1 << 12]nameHash
}

// nameHash is an entry of a cache.
type nameHash struct {
	label heap.Label
	hash  uint64 // 0 = none
}

const (
	// keyBits are those of a key that are a hash of the path.
	keyBits = 61
	keyMask = 1<<keyBits - 1
	// repeatBit is the lowest one of a step.
	repeatBit uint32 = 1
)

// newPathKeys finds the keys of all nodes, nearer ones first.
func newPathKeys(ctx context.Context, g *graph) (*pathKeys, error) {
	p := &pathKeys{g: g, keys: make([]uint64, g.NumNodes()), steps: make([]uint32, g.NumNodes())}
	queue := make([]heap.Node, 0, g.NumNodes())
	for n := range heap.Node(g.NumNodes()) {
		if g.Distance(n) == 1 {
			p.keys[n], queue = p.class(n)&keyMask, append(queue, n)
		}
	}
	queue, err := p.spread(ctx, queue)
	if err == nil && p.keys[g.Root()] == 0 { // what no global leads to
		p.keys[g.Root()] = p.class(g.Root()) & keyMask
		_, err = p.spread(ctx, append(queue[:0], g.Root()))
	}
	return p, err
}

// spread finds the keys of what the nodes of the queue lead to.
func (p *pathKeys) spread(ctx context.Context, queue []heap.Node) ([]heap.Node, error) {
	for i := 0; i < len(queue); i++ {
		if err := alive(ctx, i); err != nil {
			return nil, err
		}
		n := queue[i]
		next := p.g.Distance(n) + 1
		for r := range p.g.Out(n) {
			if r.Type == heap.WeakEdge || p.g.Distance(r.To) != next {
				continue
			}
			rank := uint64(telling(r.Type))
			if rank < p.keys[r.To]>>keyBits {
				continue
			}
			step, path := uint32(p.step(r))&^repeatBit, p.keys[n]&keyMask
			if step == p.steps[n]&^repeatBit {
				step |= repeatBit
			} else {
				path = mix(path, uint64(step)) & keyMask
			}
			key := rank<<keyBits | path
			if p.keys[r.To] == 0 {
				queue = append(queue, r.To)
			}
			if key > p.keys[r.To] {
				p.keys[r.To], p.steps[r.To] = key, step
			}
		}
	}
	return queue, nil
}

// of returns the key of a node, 0 if there is none, and says whether its holder has the
// same.
func (p *pathKeys) of(n heap.Node) (key uint64, repeats bool) {
	return p.keys[n] & keyMask, p.steps[n]&repeatBit != 0
}

// step hashes an edge and the class of what it leads to.
func (p *pathKeys) step(r heap.Ref) uint64 { return mix(p.class(r.To), p.edge(r)) }

// entryStep stands for all edges that data has named.
const entryStep uint64 = 1

func (p *pathKeys) edge(r heap.Ref) uint64 {
	switch r.Type {
	case heap.ElementEdge, heap.HiddenEdge:
		return entryStep
	case heap.PropertyEdge:
		if p.g.isKeyed(r.From) {
			return entryStep
		}
	default:
		if _, ok := p.g.EdgeIndex(r.Edge); ok {
			return entryStep
		}
	}
	return mix(uint64(r.Type), p.name(p.g.EdgeLabel(r.Edge), func() string { return p.g.EdgeName(r.Edge) }))
}

// class hashes what an object is. The names of strings and the like are data.
func (p *pathKeys) class(n heap.Node) uint64 {
	g := p.g
	h := mix(uint64(g.Type(n))+2, 0)
	switch g.Type(n) {
	case heap.ObjectNode, heap.HiddenNode, heap.NativeNode, heap.SyntheticNode, heap.CodeNode:
		return mix(h, p.name(g.NameLabel(n), func() string { return g.RawName(n) }))
	case heap.ClosureNode:
		h = mix(h, p.name(g.NameLabel(n), func() string { return g.RawName(n) }))
		if l, ok := g.Location(n); ok {
			script := uint64(l.ScriptID)
			if l.Script != "" {
				script = hashText(l.Script)
			}
			h = mix(h, mix(script, uint64(l.Line)<<32|uint64(uint32(l.Column))))
		}
	}
	return h
}

// name hashes a name, all that look like data alike. Labels differ between snapshots, so
// that their names count.
func (p *pathKeys) name(label heap.Label, text func() string) uint64 {
	slot := &p.names[int(label)%len(p.names)]
	if slot.hash == 0 || slot.label != label {
		name := text()
		*slot = nameHash{label, entryStep}
		if readsLikeCode(name) || strings.HasPrefix(name, "system / ") {
			slot.hash = hashText(name)
		}
	}
	return slot.hash
}

// mix makes one hash of two. It is never 0.
func mix(a, b uint64) uint64 {
	h := (a ^ b*0x9e3779b97f4a7c15) * 0xbf58476d1ce4e5b9 // constants of SplitMix64
	h ^= h >> 31
	h *= 0x94d049bb133111eb
	return (h ^ h>>29) | 1
}

// hashText is FNV-1a. It is never 0.
func hashText(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h | 1
}
