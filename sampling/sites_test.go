package sampling

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// list writes sites as "main 200/205", largest first.
func list(sites []Site) string {
	var b strings.Builder
	for _, s := range sites {
		name := s.Function
		switch {
		case s.URL == "":
			name += "!"
		case strings.HasPrefix(s.URL, "node:"):
			name += "@"
		}
		fmt.Fprintf(&b, "%s %d/%d ", name, s.SelfBytes, s.TotalBytes)
	}
	return strings.TrimSpace(b.String())
}

func TestSites(t *testing.T) {
	for _, tt := range []struct{ tree, functions, sites string }{
		{"", "", ""},
		{"main 0", "", ""},
		{"main 200 (push! 5)", "main 200/205 push! 5/5", "main 205/205"},
		{"a 1 (b 2) b 10", "b 12/12 a 1/3", "b 12/12 a 1/3"},
		// A recursion, direct and through another function.
		{"a 1 (a 2 (a 3))", "a 6/6", "a 6/6"},
		{"a 1 (b 2 (a 3 (b 4)))", "b 6/9 a 4/10", "b 6/9 a 4/10"},
		// Built in functions that call back, and those that nobody calls.
		{"a 1 (map! 2 (b 3 (push! 4)))", "push! 4/4 b 3/7 map! 2/9 a 1/10", "b 7/7 a 3/10"},
		{"a 1 (map! 2 (push! 4))", "push! 4/4 map! 2/6 a 1/7", "a 7/7"},
		// Functions of Node.js, with and without somebody of the application above.
		{"emit@ 1 (a 2 (set@ 3 (push! 4 (b 5))))", "b 5/5 push! 4/9 set@ 3/12 a 2/14 emit@ 1/15", "a 9/14 b 5/5 emit@ 1/15"},
		{"emit@ 1 (push! 2)", "push! 2/2 emit@ 1/3", "emit@ 3/3"},
		// The application comes first, V8 last.
		{"GC! 100 emit@ 10 a 1", "GC! 100/100 emit@ 10/10 a 1/1", "a 1/1 emit@ 10/10 GC! 100/100"},
		{"GC! 8 (x! 1)", "GC! 8/9 x! 1/1", "GC! 8/9 x! 1/1"},
	} {
		p := mustParse(t, strings.ReplaceAll(text(t, tt.tree), `"nodeId":2`, `"nodeId":1`))
		if got := list(p.Functions()); got != tt.functions {
			t.Errorf("%s: functions %s, want %s", tt.tree, got, tt.functions)
		}
		if got := list(p.Sites()); got != tt.sites {
			t.Errorf("%s: sites %s, want %s", tt.tree, got, tt.sites)
		}
	}
}

func TestSiteForm(t *testing.T) {
	p := mustParse(t, strings.Replace(text(t, "main 150 (push! 50)"), `"functionName":"main"`, `"functionName":""`, 1))
	want := []Site{
		{Function: "(anonymous)", URL: "file:///app/my%20main.js", Line: 41, Column: 5, SelfBytes: 150, TotalBytes: 200, Share: 0.75},
		{Function: "push", SelfBytes: 50, TotalBytes: 50, Share: 0.25},
	}
	if got := p.Functions(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
}

// TestSitesOracle compares the one walk with the definition: a node counts for
// each function that is on its stack.
func TestSitesOracle(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := &Profile{Head: randomTree(rng, 6)}
		p.Head.Frame = Frame{FunctionName: "(root)"}
		for name, tt := range map[string]struct {
			got   []Site
			owner func(stack []Frame) Frame
		}{
			"functions": {p.Functions(), func(stack []Frame) Frame { return stack[len(stack)-1] }},
			"sites":     {p.Sites(), innermost},
		} {
			self, total := map[Frame]int64{}, map[Frame]int64{}
			define(p.Head, nil, tt.owner, self, total)
			for _, s := range tt.got {
				f := Frame{FunctionName: s.Function, URL: s.URL}
				if s.SelfBytes != self[f] || s.TotalBytes != total[f] {
					t.Errorf("%s: %+v, the definition says %d, %d", name, s, self[f], total[f])
				}
				delete(total, f)
			}
			for f, bytes := range total {
				if bytes > 0 {
					t.Errorf("%s: %+v with %d bytes is missing", name, f, bytes)
				}
			}
		}
	}
}

// innermost is the innermost function of the application, or else of Node.js, or
// else at all.
func innermost(stack []Frame) Frame {
	for _, prefix := range []string{"file:", "node:", ""} {
		for i := len(stack) - 1; i >= 0; i-- {
			if strings.HasPrefix(stack[i].URL, prefix) {
				return stack[i]
			}
		}
	}
	return Frame{}
}

func TestAuthor(t *testing.T) {
	for url, want := range map[string]author{
		"": byV8, "node:internal/timers": byNode, "internal/timers.js": byNode, "_http_server.js": byNode, "events.js": byNode,
		"file:///app/main.js": byApplication, "/app/main.js": byApplication, `C:\app\main.js`: byApplication, "webpack://app/./a.js": byApplication,
		"evalmachine.<anonymous>": byApplication, "data:text/javascript,1": byApplication,
	} {
		if got := authorOf(url); got != want {
			t.Errorf("%q: %d, want %d", url, got, want)
		}
	}
}

// define is the slow way: every node adds its own bytes to all on its stack.
func define(n *Node, stack []Frame, owner func([]Frame) Frame, self, total map[Frame]int64) {
	if !n.Frame.isRoot() {
		stack = append(stack[:len(stack):len(stack)], n.Frame)
		self[owner(stack)] += int64(n.SelfSize)
		seen := map[Frame]bool{}
		for i := range stack {
			if f := owner(stack[:i+1]); !seen[f] {
				seen[f] = true
				total[f] += int64(n.SelfSize)
			}
		}
	}
	for _, child := range n.Children {
		define(child, stack, owner, self, total)
	}
}

func randomTree(rng *rand.Rand, depth int) *Node {
	f := Frame{FunctionName: string(rune('a' + rng.IntN(4)))}
	f.URL = []string{"", "node:events", "file:///app.js"}[rng.IntN(3)]
	n := &Node{Frame: f, SelfSize: float64(rng.IntN(3))}
	for range rng.IntN(4) {
		if depth > 0 {
			n.Children = append(n.Children, randomTree(rng, depth-1))
		}
	}
	return n
}
