package heap

import "math"

// Label is the name or index of an edge, or the name of a node, as a number: within a
// snapshot equal ones have equal labels, and comparing them costs nothing. The label of
// an element or hidden edge is its index, those of other edges and of nodes are names.
type Label uint32

// NoLabel is the label of a name that the snapshot does not have.
const NoLabel Label = math.MaxUint32

// EdgeLabel returns the label of the edge.
func (s *Snapshot) EdgeLabel(e Edge) Label { return Label(s.edgeName[e]) }

// NameLabel returns the label of the node's RawName.
func (s *Snapshot) NameLabel(n Node) Label { return Label(s.name[n]) }

// Labels returns the labels of names, NoLabel for those that the snapshot does not have.
// It looks at all strings, so ask once for many.
func (s *Snapshot) Labels(names ...string) []Label {
	labels := make([]Label, len(names))
	at := make(map[string]int, len(names))
	var filter textFilter
	for i, name := range names {
		labels[i] = NoLabel
		at[name] = i
		filter.add(name)
	}
	for i := range s.text.len() {
		b := s.text.at(textID(i))
		if !filter.mayHave(b) {
			continue
		}
		if n, ok := at[string(b)]; ok && labels[n] == NoLabel {
			labels[n] = Label(i)
		}
	}
	return labels
}

// EdgeIndex returns the index of an edge: of element and hidden ones, and of others whose
// name is a decimal number of up to nine digits, as those of backing stores are.
func (s *Snapshot) EdgeIndex(e Edge) (int, bool) {
	const maxDigits = 9
	if !s.to[e].kind().named() {
		return int(s.edgeName[e]), true
	}
	text := s.text.at(textID(s.edgeName[e]))
	if len(text) == 0 || len(text) > maxDigits || digits(text) != len(text) {
		return 0, false
	}
	index := 0
	for _, d := range text {
		index = index*10 + int(d-'0')
	}
	return index, true
}

// Degree returns how many edges the node has.
func (s *Snapshot) Degree(n Node) int { return int(s.first[n+1] - s.first[n]) }

// Ref returns the edge with its ends.
func (s *Snapshot) Ref(e Edge) Ref { return s.ref(s.source(e), e) }
