package heap

import "sync"

const (
	// enoughCons is when a concatenated string is long enough to be shown, in UTF-16
	// units.
	enoughCons = 1024
	// ropeStride is how many steps down a rope lie between two that are remembered.
	ropeStride = 64
	// maxConsSteps ends the text of what V8 does not write: strings that contain
	// themselves by their second parts, or thousands of empty parts.
	maxConsSteps = 1 << 16
)

// ropes remembers where the text of deep concatenated strings is decided. A string
// that was built in a loop with += hangs by its first parts, one below the other, a
// million deep; all but the lowest of them show the same text.
type ropes struct {
	mu sync.Mutex
	// base is the deepest string on the chain of first parts that has enoughCons units,
	// for some nodes of deep ropes.
	base map[Node]Node
	// circular are nodes whose first parts lead back to themselves.
	circular map[Node]bool
}

// consText puts a concatenated string together.
func (s *Snapshot) consText(n Node) []byte {
	var text []byte
	units := 0
	stack := []Node{n}
	for steps := 0; len(stack) > 0 && units < enoughCons && steps < maxConsSteps; steps++ {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.Type(n) == ConsStringNode {
			base, ok := s.ropeBase(n)
			if !ok {
				break
			}
			for n = base; s.Type(n) == ConsStringNode && steps < maxConsSteps; steps++ {
				first, second := s.consParts(n)
				stack = append(stack, second)
				n = first
			}
		}
		if s.Type(n) != ConsStringNode {
			part := s.text.at(textID(s.name[n]))
			text = append(text, part...)
			units += utf16Len(part)
		}
	}
	return text
}

// consParts returns the parts of a concatenated string. Of one that is missing, DevTools
// takes node 0.
func (s *Snapshot) consParts(n Node) (first, second Node) {
	for e := s.first[n]; e < s.first[n+1] && (first == 0 || second == 0); e++ {
		if s.to[e].kind() != InternalEdge {
			continue
		}
		if name := s.edgeName[e]; s.known.first.has(name) {
			first = s.to[e].node()
		} else if s.known.second.has(name) {
			second = s.to[e].node()
		}
	}
	return first, second
}

// ropeBase returns a node on n's chain of first parts whose text is that of n, as far as
// it is shown, and that is not deep itself. It returns false if the chain is a circle.
func (s *Snapshot) ropeBase(n Node) (Node, bool) {
	s.ropes.mu.Lock()
	defer s.ropes.mu.Unlock()
	spine, base, known := s.spine(n)
	if known {
		s.ropes.remember(spine, base)
		return base, !s.ropes.circular[base]
	}
	if len(spine) <= ropeStride {
		return n, true
	}
	leaf, _ := s.consParts(spine[len(spine)-1])
	units := utf16Len(s.text.at(textID(s.name[leaf])))
	at := len(spine)
	for at > 0 && units < enoughCons {
		at--
		_, second := s.consParts(spine[at])
		units += s.consUnits(second)
	}
	if units < enoughCons || at == len(spine) {
		return n, true
	}
	s.ropes.remember(spine[:at], spine[at])
	return spine[at], true
}

// spine returns the concatenated strings from n down the first parts, to the last one, or
// to one whose base is known.
func (s *Snapshot) spine(n Node) (spine []Node, base Node, known bool) {
	// Brent's way to find a circle: the mark stands still for a power of two of steps.
	mark, steps, power := n, 0, 1
	for s.Type(n) == ConsStringNode {
		if base, known = s.ropes.base[n]; known {
			return spine, base, true
		}
		spine = append(spine, n)
		n, _ = s.consParts(n)
		if n == mark {
			s.ropes.setCircular(n)
			return spine, n, true
		}
		if steps++; steps == power {
			mark, steps, power = n, 0, 2*power
		}
	}
	return spine, 0, false
}

// consUnits returns how long the text of a part is, as far as it matters.
func (s *Snapshot) consUnits(n Node) int {
	units := 0
	stack := []Node{n}
	for steps := 0; len(stack) > 0 && units < enoughCons && steps < maxConsSteps; steps++ {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if s.Type(n) == ConsStringNode {
			first, second := s.consParts(n)
			stack = append(stack, second, first)
			continue
		}
		units += utf16Len(s.text.at(textID(s.name[n])))
	}
	return units
}

// remember takes note of the base of every so many of the nodes above it, and of the
// first.
func (r *ropes) remember(spine []Node, base Node) {
	if r.base == nil {
		r.base = map[Node]Node{}
	}
	for i := 0; i < len(spine); i += ropeStride {
		r.base[spine[i]] = base
	}
}

func (r *ropes) setCircular(n Node) {
	if r.circular == nil {
		r.circular = map[Node]bool{}
	}
	r.circular[n] = true
}
