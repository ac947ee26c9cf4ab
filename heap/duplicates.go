package heap

import (
	"cmp"
	"slices"
	"strconv"
)

// StringGroup is a string that several nodes hold.
type StringGroup struct {
	Value     string // what V8 has written of it
	Truncated bool   // V8 has cut it; equal length and hash make it the same
	Nodes     []Node
	Shallow   int64 // bytes, of all nodes
	Retained  int64 // bytes, of all nodes
}

// stringKey is what equal strings have in common.
type stringKey struct {
	value        string
	truncated    bool
	length, hash string // in decimal; empty if the file does not have them
}

// DuplicateStrings returns the strings that exist more than once, most retained bytes
// first: DevTools' filter "Duplicated strings".
func (s *Snapshot) DuplicateStrings() []StringGroup {
	need(&s.folded, s.fold)
	need(&s.dominated, s.dominate)
	first := map[stringKey]Node{} // of strings seen once
	groups := map[stringKey]int{}
	var all []StringGroup
	for n := range s.kind {
		node := Node(n)
		if !s.isWholeString(node) {
			continue
		}
		key := s.stringKey(node)
		i, ok := groups[key]
		if !ok {
			other, twice := first[key]
			if !twice {
				first[key] = node
				continue
			}
			i = len(all)
			groups[key] = i
			all = append(all, StringGroup{Value: toUTF8([]byte(key.value)), Truncated: key.truncated, Nodes: []Node{other}})
		}
		all[i].Nodes = append(all[i].Nodes, node)
	}
	for i := range all {
		for _, n := range all[i].Nodes {
			all[i].Shallow += s.Self(n)
			all[i].Retained += s.Retained(n)
		}
	}
	slices.SortStableFunc(all, func(a, b StringGroup) int {
		return cmp.Or(cmp.Compare(b.Retained, a.Retained), cmp.Compare(a.Nodes[0], b.Nodes[0]))
	})
	return all
}

// isWholeString says whether n is a string with a content of its own: not a part of
// another one, nor a concatenation that has been flattened, which is empty on one side.
func (s *Snapshot) isWholeString(n Node) bool {
	switch s.Type(n) {
	case StringNode:
		return s.self[n] != 0
	case ConsStringNode:
		return s.self[n] != 0 && !s.isFlatCons(n)
	}
	return false
}

func (s *Snapshot) isFlatCons(n Node) bool {
	for e := s.first[n]; e < s.first[n+1]; e++ {
		if s.to[e].kind() != InternalEdge {
			continue
		}
		if name := s.edgeName[e]; s.known.first.has(name) || s.known.second.has(name) {
			if len(s.display(s.to[e].node())) == 0 {
				return true
			}
		}
	}
	return false
}

func (s *Snapshot) stringKey(n Node) stringKey {
	key := stringKey{value: string(s.display(n))}
	if !s.isTruncated(n) {
		return key
	}
	key.truncated = true
	key.length, key.hash = s.integer(n, &s.known.length), s.integer(n, &s.known.hash)
	return key
}

// isTruncated says whether V8 has cut the string. Booleans are nodes named "bool" that
// refer to their text (v8 heap-snapshot-generator.cc, FindOrCreateBoolEntry).
func (s *Snapshot) isTruncated(n Node) bool {
	flag, ok := s.internalTarget(n, &s.known.truncated)
	if !ok || s.Type(flag) != NumberNode || !s.known.boolean.has(s.name[flag]) {
		return false
	}
	text, ok := s.internalTarget(flag, &s.known.value)
	return ok && s.known.isTrue.has(s.name[text])
}

// integer returns a number that a node refers to.
func (s *Snapshot) integer(n Node, name *textSet) string {
	number, ok := s.internalTarget(n, name)
	if !ok || s.Type(number) != NumberNode || !s.known.integer.has(s.name[number]) {
		return ""
	}
	text, ok := s.internalTarget(number, &s.known.value)
	if !ok {
		return ""
	}
	b := s.text.at(textID(s.name[text]))
	sign := 0
	if len(b) > 0 && (b[0] == '-' || b[0] == '+') {
		sign = 1
	}
	i, err := strconv.ParseInt(string(b[:sign+digits(b[sign:])]), 10, 64)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(i, 10)
}
