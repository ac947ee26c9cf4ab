package heap

import (
	"cmp"
	"slices"
)

// DevTools gives plain objects classes by the names of their properties.
const (
	// maxInterfaceName is where an interface's name is cut, in UTF-16 units.
	maxInterfaceName = 120
	// minInterfaceObjects is how many objects an interface has at least: two, and one
	// of a thousand plain objects.
	minInterfaceObjects = 2
	interfaceShare      = 1000
)

// iface is an inferred interface.
type iface struct {
	name       string   // such as {a, b}
	properties []string // in WTF-8
	count      int
}

// inferInterfaces returns the interfaces that are held by enough objects, the most
// frequent first.
func (s *Snapshot) inferInterfaces(h *shapes) []iface {
	byName := map[string]int{}
	var all []iface
	for _, sh := range h.list { // in the order of their first objects
		candidate := s.interfaceOf(sh.example)
		if len(candidate.properties) == 0 {
			continue
		}
		i, ok := byName[candidate.name]
		if !ok {
			i = len(all)
			byName[candidate.name] = i
			all = append(all, candidate)
		}
		all[i].count += sh.count
	}
	slices.SortStableFunc(all, func(a, b iface) int { return cmp.Compare(b.count, a.count) })
	enough := func(c iface) bool {
		return c.count >= minInterfaceObjects && c.count*interfaceShare >= h.objects
	}
	if end := slices.IndexFunc(all, func(c iface) bool { return !enough(c) }); end >= 0 {
		all = all[:end]
	}
	return slices.Clone(all)
}

// interfaceOf returns the interface that the object alone would have.
func (s *Snapshot) interfaceOf(n Node) iface {
	name := []byte{'{'}
	units := 1
	var properties []string
	for p := range s.properties(n) {
		if s.known.proto.has(p) {
			continue
		}
		property := s.text.at(textID(p))
		shown := formatProperty(property)
		more := utf16Len(shown)
		if units > 1 && units+more > maxInterfaceName {
			break
		}
		if units > 1 {
			name = append(name, ", "...)
			units += 2
		}
		name = append(name, shown...)
		units += more
		properties = append(properties, string(property))
	}
	return iface{name: string(append(name, '}')), properties: properties}
}

// matcher finds the interface of an object: of those whose properties it has, the one
// with most of them, and of these the first.
type matcher struct {
	sizes []int
	names map[string]int
	// users are the interfaces that have a property, by its name's number and how many
	// times they have it already.
	users map[propertyUse][]int32
	// hits counts properties by interface, and times by name, where the stamp is that
	// of the object.
	hits, times           []int
	hitStamps, timeStamps []int
	stamp                 int
}

// propertyUse is the nth property of a name. A name twice is rare, but can be.
type propertyUse struct{ name, nth int }

// noInterface is what an object has that no interface matches.
const noInterface = -1

func newMatcher(interfaces []iface) *matcher {
	m := &matcher{names: map[string]int{}, users: map[propertyUse][]int32{}}
	for i, def := range interfaces {
		m.sizes = append(m.sizes, len(def.properties))
		nth := map[string]int{}
		for _, p := range def.properties {
			name, ok := m.names[p]
			if !ok {
				name = len(m.names)
				m.names[p] = name
			}
			use := propertyUse{name, nth[p]}
			nth[p]++
			m.users[use] = append(m.users[use], int32(i))
		}
	}
	m.hits, m.hitStamps = make([]int, len(interfaces)), make([]int, len(interfaces))
	m.times, m.timeStamps = make([]int, len(m.names)), make([]int, len(m.names))
	return m
}

// match returns the number of the interface of an object with the properties.
func (m *matcher) match(properties func(yield func([]byte) bool)) int {
	m.stamp++
	best := noInterface
	for p := range properties {
		name, ok := m.names[string(p)]
		if !ok {
			continue
		}
		if m.timeStamps[name] != m.stamp {
			m.timeStamps[name], m.times[name] = m.stamp, 0
		}
		use := propertyUse{name, m.times[name]}
		m.times[name]++
		for _, i := range m.users[use] {
			if m.hitStamps[i] != m.stamp {
				m.hitStamps[i], m.hits[i] = m.stamp, 0
			}
			m.hits[i]++
			if m.hits[i] == m.sizes[i] && m.better(int(i), best) {
				best = int(i)
			}
		}
	}
	return best
}

func (m *matcher) better(i, than int) bool {
	return than == noInterface || m.sizes[i] > m.sizes[than] || m.sizes[i] == m.sizes[than] && i < than
}

// propertyTexts yields the names of the properties of n as text.
func (s *Snapshot) propertyTexts(n Node) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for p := range s.properties(n) {
			if !yield(s.text.at(textID(p))) {
				return
			}
		}
	}
}
