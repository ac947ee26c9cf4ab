package leak

import "github.com/ecsheap/ecsheap/heap"

// list is a doubly linked list, as the object sees it that holds it.
type list struct {
	first      heap.Node
	next, back heap.Label // of the edges between links
}

const (
	// maxListFields is how many objects the holder of a list refers to at most: it has the
	// ends and little else.
	maxListFields = 8
	// maxListDegree bounds the edges of a link and of a holder that are looked at.
	maxListDegree = 40
)

// listOf returns the doubly linked list that an object holds, by both of its ends. In a
// ring it is a link itself, of another class than the others, as in the lists of timers of
// Node.js. The links belong to it whatever dominates them: a single reference from outside
// to one of them suffices for all to have another dominator.
func (g *graph) listOf(n heap.Node) (list, bool) {
	if g.Type(n) != heap.ObjectNode || g.Degree(n) > maxListDegree {
		return list{}, false
	}
	var fields [maxListFields]heap.Ref
	count := 0
	for r := range g.Out(n) {
		if r.Type != heap.PropertyEdge || g.Type(r.To) != heap.ObjectNode || g.NameLabel(r.To) == g.NameLabel(n) || g.EdgeLabel(r.Edge) == g.proto {
			continue
		}
		if count == maxListFields {
			return list{}, false
		}
		fields[count] = r
		count++
	}
	for i, a := range fields[:count] {
		for j, b := range fields[:count] {
			if i == j || g.NameLabel(a.To) != g.NameLabel(b.To) {
				continue
			}
			if l, ok := g.between(n, a, b); ok {
				return l, true
			}
		}
	}
	return list{}, false
}

// between is listOf for the edges to the first and to the last link.
func (g *graph) between(n heap.Node, first, last heap.Ref) (list, bool) {
	next, back := g.EdgeLabel(first.Edge), g.EdgeLabel(last.Edge)
	if g.leads(first.To, back, n) && g.leads(last.To, next, n) {
		return list{first.To, next, back}, true
	}
	if first.To == last.To || g.Degree(first.To) > maxListDegree {
		return list{}, false
	}
	for r := range g.Out(first.To) {
		if r.Type != heap.PropertyEdge || !g.isLike(first.To, r.To) || g.Degree(r.To) > maxListDegree {
			continue
		}
		for b := range g.Out(r.To) {
			if b.Type != heap.PropertyEdge || b.To != first.To {
				continue
			}
			l := list{first.To, g.EdgeLabel(r.Edge), g.EdgeLabel(b.Edge)}
			if _, before := g.step(first.To, l.back); before || l.next == l.back {
				continue
			}
			_, after := g.step(last.To, l.next)
			if previous, ok := g.step(last.To, l.back); ok && !after && g.leads(previous, l.next, last.To) {
				return l, true
			}
		}
	}
	return list{}, false
}

// isLike says whether the other node may be a link of the same list.
func (g *graph) isLike(link, other heap.Node) bool {
	return link != other && g.Type(other) == heap.ObjectNode && g.NameLabel(other) == g.NameLabel(link)
}

// leads says whether a property of a link is the node.
func (g *graph) leads(link heap.Node, label heap.Label, to heap.Node) bool {
	if g.Degree(link) > maxListDegree {
		return false
	}
	for r := range g.Out(link) {
		if r.Type == heap.PropertyEdge && r.To == to && g.EdgeLabel(r.Edge) == label {
			return true
		}
	}
	return false
}

// step returns the link that a property of a link leads to.
func (g *graph) step(link heap.Node, label heap.Label) (heap.Node, bool) {
	if g.Degree(link) > maxListDegree {
		return 0, false
	}
	for r := range g.Out(link) {
		if r.Type == heap.PropertyEdge && g.EdgeLabel(r.Edge) == label && g.isLike(link, r.To) {
			return r.To, true
		}
	}
	return 0, false
}

// eachLink calls f for the links of a list. Each must lead back to the one before, so that
// it comes to an end in whatever state the list is.
func (g *graph) eachLink(l list, f func(entry)) {
	link := l.first
	for f(entry{value: link}); ; f(entry{value: link}) {
		next, ok := g.step(link, l.next)
		if !ok || next == l.first || !g.leads(next, l.back, link) {
			return
		}
		link = next
	}
}

// isList says whether the object holds a doubly linked list.
func (g *graph) isList(n heap.Node) bool {
	_, ok := g.listOf(n)
	return ok
}
