package sampling

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Site is a function and what was allocated there and lives.
type Site struct {
	Function   string  // "(anonymous)" without a name
	URL        string  // of its script, "" for built-in functions
	Line       int     // where the function begins, from 1; 0 unknown
	Column     int     // from 1; 0 unknown
	SelfBytes  int64   // allocated by the function itself, or on its behalf
	TotalBytes int64   // and by what it called, a recursion counted once
	Share      float64 // of SelfBytes in the whole profile, 0 to 1
}

// all yields the node and all below it, parents first. A nil child is yielded,
// too.
func (n *Node) all() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		todo := []*Node{n}
		for len(todo) > 0 {
			next := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			if !yield(next) {
				return
			}
			if next != nil {
				todo = append(todo, next.Children...)
			}
		}
	}
}

// TotalBytes is the estimated size of all that was allocated and lives.
func (p *Profile) TotalBytes() int64 {
	var total int64
	for n := range p.Head.all() {
		total += int64(n.SelfSize)
	}
	return total
}

// Functions returns who allocates, function by function, as DevTools shows it:
// built-in functions such as push are among them. The largest SelfBytes are
// first; functions that account for nothing are left out.
func (p *Profile) Functions() []Site {
	return p.tally(func(_, own Frame) Frame { return own })
}

// Sites returns the places in the application that allocate: what a built-in
// function such as push, or one of Node.js such as setTimeout, allocates counts
// for the function of the application that called it. What has none on its stack
// stands behind all that can be mended in the application: first the functions
// of Node.js (V8 may have inlined some of the application into them), then V8's
// own. Otherwise it is as Functions.
func (p *Profile) Sites() []Site {
	list := p.tally(func(caller, own Frame) Frame {
		if caller.author() > own.author() {
			return caller
		}
		return own
	})
	slices.SortStableFunc(list, func(a, b Site) int { return cmp.Compare(authorOf(b.URL), authorOf(a.URL)) })
	return list
}

// author tells who wrote a function; later ones are of more interest.
type author int

const (
	byV8 author = iota
	byNode
	byApplication
)

func (f Frame) author() author { return authorOf(f.URL) }

// authorOf goes by the URL. Node.js 14 has no "node:" before its own modules.
func authorOf(address string) author {
	absolute := strings.Contains(address, ":") || strings.HasPrefix(address, "/")
	switch {
	case address == "":
		return byV8
	case strings.HasPrefix(address, "node:"), !absolute && strings.HasSuffix(address, ".js"):
		return byNode
	}
	return byApplication
}

// tally adds up the nodes by the frame that each counts for, which owner
// chooses: that of the node itself, or the one that its caller counts for.
func (p *Profile) tally(owner func(caller, own Frame) Frame) []Site {
	t := &tally{owner: owner, sums: make(map[Frame]*sums)}
	t.walk(Frame{}, p.Head)
	total := p.TotalBytes()
	var list []Site
	for f, s := range t.sums {
		if s.total == 0 || f.isRoot() {
			continue
		}
		site := f.site()
		site.SelfBytes, site.TotalBytes = s.self, s.total
		site.Share = float64(s.self) / float64(total)
		list = append(list, site)
	}
	slices.SortFunc(list, func(a, b Site) int {
		return cmp.Or(cmp.Compare(b.SelfBytes, a.SelfBytes), cmp.Compare(b.TotalBytes, a.TotalBytes), cmp.Compare(a.URL, b.URL),
			cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Function, b.Function))
	})
	return list
}

// tally is a walk over the tree.
type tally struct {
	owner func(caller, own Frame) Frame
	sums  map[Frame]*sums
}

type sums struct {
	self, total int64
	active      int // calls of it on the stack right now
}

// walk adds up n and all below it and returns their size. Its depth is bounded:
// encoding/json reads no more than 10,000 levels.
func (t *tally) walk(caller Frame, n *Node) int64 {
	f := t.owner(caller, n.Frame)
	s := t.sums[f]
	if s == nil {
		s = &sums{}
		t.sums[f] = s
	}
	s.active++
	size := int64(n.SelfSize)
	s.self += size
	for _, child := range n.Children {
		size += t.walk(f, child)
	}
	s.active--
	if s.active == 0 {
		s.total += size
	}
	return size
}

// isRoot tells the node above all stacks, which is no function.
func (f Frame) isRoot() bool { return f.FunctionName == "(root)" && f.URL == "" }

// site gives a frame the form for readers.
func (f Frame) site() Site {
	return Site{Function: f.name(), URL: f.URL, Line: max(f.LineNumber+1, 0), Column: max(f.ColumnNumber+1, 0)}
}

func (f Frame) name() string {
	if f.FunctionName == "" {
		return "(anonymous)"
	}
	return f.FunctionName
}
