package leak

import (
	"cmp"
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// minMembers is how many collections make a group.
	minMembers = 3
	// dominantMember is the share of a group's growth above which its biggest member is
	// the point and not the group.
	dominantMember = 0.6
)

// kinship is what collections of one kind have in common: the same property of objects of
// the same class, or that one object holds all of them.
type kinship struct {
	class  string     // of the holders
	label  heap.Label // of the edges
	holder heap.Node  // if class is ""
}

// groups returns the candidates of many collections that each grow a little: the event
// lists of 200 tenants, the timers of each address.
func (v *survey) groups(minors []minor) []*candidate {
	families := map[kinship][]minor{}
	for _, m := range minors {
		named, held, ok := v.kin(m.node)
		if !ok || len(v.past) > 0 && v.ageOf(m.node) > 0 && !v.grewUp(m) {
			continue
		}
		if named.class != "" {
			families[named] = append(families[named], m)
		}
		families[held] = append(families[held], m)
	}
	var found []*candidate
	for k, family := range families {
		if len(family) < minMembers || !isSpread(family) || k.class == "" && v.areFields(k.holder, family) {
			continue
		}
		members := make([]heap.Node, len(family))
		for i, m := range family {
			members[i] = m.node
		}
		slices.Sort(members)
		c := &candidate{kind: group, members: members, slot: noEdge, node: k.holder}
		if k.class != "" {
			c.node = v.commonHolder(members)
		}
		v.fill(c)
		found = append(found, c)
	}
	slices.SortFunc(found, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.members[0], b.members[0]), cmp.Compare(len(b.members), len(a.members)), cmp.Compare(a.node, b.node))
	})
	return found
}

// kin returns what the collection may have in common with others: by the class of its
// holder, and by the holder itself.
func (v *survey) kin(n heap.Node) (named, held kinship, ok bool) {
	p, e, ok := v.holder(n)
	if !ok {
		return named, held, false
	}
	held = kinship{holder: p}
	if r := v.Ref(e); r.From == p && (r.Type == heap.PropertyEdge || r.Type == heap.ContextEdge) {
		named = kinship{class: v.ClassKey(p), label: v.EdgeLabel(e)}
	}
	return named, held, true
}

// isSpread says whether no member has most of the growth.
func isSpread(family []minor) bool {
	var sum, most int64
	for _, m := range family {
		sum += m.born
		most = max(most, m.born)
	}
	return float64(most) <= dominantMember*float64(sum)
}

// holder returns the object that holds the node in terms of the source: tables and other
// parts that V8 makes are skipped. The edge is the one that leaves the holder or its part.
func (v *survey) holder(n heap.Node) (heap.Node, heap.Edge, bool) {
	p, e, ok := v.parent(n)
	for ok && v.isPart(p) {
		p, _, ok = v.parent(p)
	}
	return p, e, ok
}

// isPart says whether the node is a part of another object: its table, its elements.
func (v *survey) isPart(n heap.Node) bool {
	switch v.Type(n) {
	case heap.ArrayNode:
		return true
	case heap.HiddenNode:
		return v.NameLabel(n) != v.contextName && v.NameLabel(n) != v.proxy
	}
	return false
}

// commonHolder returns the nearest object that the nearest paths to some members share.
func (v *survey) commonHolder(members []heap.Node) heap.Node {
	const samples = 16
	step := max(1, len(members)/samples)
	var common []heap.Node // from the root
	for i := 0; i < len(members); i += step {
		path := v.ancestors(members[i])
		if common == nil {
			common = path
			continue
		}
		k := 0
		for k < len(common) && k < len(path) && common[k] == path[k] {
			k++
		}
		common = common[:k]
	}
	for i := len(common) - 1; i >= 0; i-- {
		if !v.isPart(common[i]) {
			return common[i]
		}
	}
	return v.Root()
}

// ancestors returns the nodes of the nearest path from a root to n, without n.
func (v *survey) ancestors(n heap.Node) []heap.Node {
	var path []heap.Node
	for p, _, ok := v.parent(n); ok; p, _, ok = v.parent(p) {
		path = append(path, p)
	}
	slices.Reverse(path)
	return path
}
