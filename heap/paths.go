package heap

import (
	"cmp"
	"math"
)

// Step is a step of a path towards the root.
type Step struct {
	Node Node // the retainer
	Edge Edge // by which it holds the node of the step before
}

// unreachedDistance is what DevTools sorts nodes by that no path leads to.
const unreachedDistance = 2 * SystemDistance

// PathToRoot returns the chain of retainers that DevTools' "Retainers" opens for the
// node: each time the nearest to a root, not by weak edges and not the root itself,
// until a JavaScript global is reached. It is empty if nothing like that holds the
// node.
func (s *Snapshot) PathToRoot(n Node) []Step {
	need(&s.measured, s.measure)
	need(&s.reversed, s.reverseEdges)
	var path []Step
	seen := map[Node]bool{}
	for !seen[n] {
		seen[n] = true
		step, ok := s.nearestRetainer(n)
		if !ok {
			break
		}
		path = append(path, step)
		if d := s.retainerDistance(step.Node); d <= 1 || d >= unreachedDistance {
			break
		}
		n = step.Node
	}
	return path
}

// nearestRetainer returns the first row of DevTools' "Retainers": by distance, then by
// name.
func (s *Snapshot) nearestRetainer(n Node) (best Step, ok bool) {
	least := math.MaxInt
	last := s.root
	var shown []byte // the name of best, once it is needed
	for _, e := range s.retaining(n) {
		from := s.source(e)
		if from == last || from == s.root || s.to[e].kind() == WeakEdge {
			continue // a table can hold a node a million times, and its name takes long to make
		}
		last = from
		d := s.retainerDistance(from)
		if d > least {
			continue
		}
		var name []byte
		if d == least {
			if shown == nil {
				shown = s.display(best.Node)
			}
			if name = s.display(from); compareUTF16(name, shown) >= 0 {
				continue
			}
		}
		best, least, shown, ok = Step{from, e}, d, name, true
	}
	return best, ok
}

func (s *Snapshot) retainerDistance(n Node) int {
	if d := int(s.steps[n]); d != Unreached {
		return d
	}
	return unreachedDistance
}

// compareUTF16 compares strings in WTF-8 as JavaScript does, by UTF-16 units: what
// takes two of them comes before U+E000.
func compareUTF16(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if x, y := a[i], b[i]; x != y {
			const private, supplementary = 0xee, 0xf0 // lead bytes
			if x >= private && y >= private && (x >= supplementary) != (y >= supplementary) {
				return cmp.Compare(y, x)
			}
			return cmp.Compare(x, y)
		}
	}
	return cmp.Compare(len(a), len(b))
}
