package heap

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// tracedStrings are the strings of traced.
var tracedStrings = []string{"x", "(root)", "", "make", "/srv/make.js", "main", "Array"}

// traced returns a snapshot of n nodes, where the node i was allocated by the node i of
// the tree, with the text of the two sections.
func traced(n int, functions, tree string) string {
	var nodes strings.Builder
	for i := range n {
		fmt.Fprintf(&nodes, ",0,0,%d,8,0,%d", 2*i+1, i)
	}
	all, _ := json.Marshal(tracedStrings)
	return fmt.Sprintf(`{"snapshot":{"meta":{
"node_fields":["type","name","id","self_size","edge_count","trace_node_id"],
"node_types":[["object"],"string","number","number","number","number"],
"edge_fields":["type","name_or_index","to_node"],"edge_types":[["property"],"string_or_number","node"],
"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],
"trace_node_fields":["id","function_info_index","count","size","children"]},
"node_count":%d,"edge_count":0,"trace_function_count":3},
"trace_tree":%s,"trace_function_infos":%s,"nodes":[%s],"edges":[],"strings":%s}`,
		n, tree, functions, strings.TrimPrefix(nodes.String(), ","), all)
}

const (
	// A root, a function of a script, one of V8 itself.
	someFunctions = ` [ 0,1,2,0,0,0 , 7,3,4,57,11,4, 9,6,2,0,0,0]`
	someTree      = "[1,0,0,0,[\n3,1,5,40,[2,2,1,8,[]],5,2,0,0,[]] ]"
)

func TestAllocation(t *testing.T) {
	s, err := parseText(t, traced(6, someFunctions, someTree))
	if err != nil {
		t.Fatal(err)
	}
	makes := Frame{Function: "make", Location: Location{ScriptID: 57, Script: "/srv/make.js", Line: 10, Column: 3}}
	array := Frame{Function: "Array", Location: Location{Line: -1, Column: -1}}
	want := [][]Frame{
		nil, // the id 0 stands for nothing
		nil, // the root is no function
		{array, makes}, {makes},
		nil, // no such id
		{array},
	}
	for n := range Node(s.NumNodes()) {
		if diff := cmp.Diff(want[n], s.Allocation(n)); diff != "" {
			t.Errorf("node %d (-want +got):\n%s", n, diff)
		}
	}
}

func TestFrameString(t *testing.T) {
	at := Location{ScriptID: 57, Script: "/srv/make.js", Line: 10, Column: 3}
	for want, f := range map[string]Frame{
		"make (/srv/make.js:11:4)":        {"make", at},
		"(anonymous) (/srv/make.js:11:4)": {"", at},
		"Array":                           {"Array", Location{Line: -1, Column: -1}},
	} {
		if got := f.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestAllocationVersions reads the layout of each version, tracked and not.
func TestAllocationVersions(t *testing.T) {
	for _, version := range heaptest.Versions() {
		for _, tracked := range []bool{true, false} {
			g := sample(version)
			g.Node("made", "object", "Made", 16).Trace(2)
			g.Edge("cache", "property", "made", "made")
			var want []Frame
			if tracked {
				g.TrackAllocations()
				want = []Frame{{Function: "make", Location: Location{ScriptID: 1, Script: "make.js"}}}
			}
			s, err := Parse(t.Context(), g.Reader(t), nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, s.Allocation(Node(s.NumNodes()-1))); diff != "" {
				t.Errorf("Node.js %v, tracked %v (-want +got):\n%s", version, tracked, diff)
			}
			if !tracked && s.traces.of != nil {
				t.Errorf("Node.js %v: memory for allocations that nobody tracks", version)
			}
		}
	}
}

func TestAllocationErrors(t *testing.T) {
	tests := []struct {
		name, functions, tree string
		at                    string // the text at the offset
		want                  string // part of the error
	}{
		{"no list of functions", `{}`, someTree, `{}`, `want "["`},
		{"part of a function", `[0,1,2]`, someTree, `],"nodes"`, `want ","`},
		{"function with text", `[0,1,2,"0"]`, someTree, `"0"`, "want a number"},
		{"negative line", `[0,1,2,0,-1,0]`, someTree, "-1", "want a number"},
		{"big script", `[0,1,2,4294967296,0,0]`, someTree, "6,0,0]", "a number of 32 bits"},
		{"comma at the end", `[0,1,2,0,0,0,]`, someTree, "]", "want a number"},
		{"name of a function", strings.Replace(someFunctions, "7,3", "7,99", 1), someTree, "7,99", "one of 7 strings, got 99"},
		{"script of a function", strings.Replace(someFunctions, "3,4,", "3,7,", 1), someTree, "7,3,7,", "one of 7 strings, got 7"},
		{"no tree", someFunctions, `null`, `null`, `want "["`},
		{"children without brackets", someFunctions, `[1,0,0,0,5]`, `5]`, `want "["`},
		{"no children", someFunctions, `[1,0,0,0]`, `],"trace_function`, `want ","`},
		{"nested otherwise", someFunctions, `[1,0,0,0,[[2,1,1,8,[]]]]`, `[2,1`, "want a number"},
		{"more behind the children", someFunctions, `[1,0,0,0,[],7]`, `],"trace_function`, `want ","`},
		{"two trees", someFunctions, `[1,0,0,0,[],2,0,0,0,[]]`, `2,0`, "one tree"},
		{"function of a node", someFunctions, `[1,0,0,0,[2,3,1,8,[]]]`, `2,3,1`, "one of 3 functions, got 3"},
		{"an id twice", someFunctions, `[1,0,0,0,[2,1,1,8,[],2,1,1,8,[]]]`, `[1,0`, "ids of their own, got 2 twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := traced(3, tt.functions, tt.tree)
			_, err := parseText(t, text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want a syntax error with %q", err, tt.want)
			}
			if !strings.HasPrefix(text[syntax.Offset:], tt.at) {
				t.Errorf("offset %d is at %.30q, want %q", syntax.Offset, text[syntax.Offset:], tt.at)
			}
		})
	}
}

func TestAllocationHeaderErrors(t *testing.T) {
	whole := traced(3, someFunctions, someTree)
	for _, tt := range []struct{ old, broken, want string }{
		{`"script_id","line"`, `"line"`, `trace_function_info_fields without "script_id"`},
		{`"size","children"]`, `"size"]`, `trace_node_fields without "children"`},
		{`["id","function_info`, `["children","id","function_info`, "the children first"},
		{`"trace_node_fields":[`, `"trace_node_fields":7,"x":[`, "bad JSON"},
		{`"nodes":[0,0,1,8,0,0,`, `"nodes":[0,0,1,8,0,4294967296,`, "an allocation with a 32-bit id"},
		{`"trace_function_count":`, `"trace_function_count":-`, "bad JSON"},
	} {
		text := strings.Replace(whole, tt.old, tt.broken, 1)
		if text == whole {
			t.Fatalf("no %s in the text", tt.old)
		}
		var syntax *SyntaxError
		if _, err := parseText(t, text); !errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want a syntax error with %q", tt.broken, err, tt.want)
		}
	}
}

// TestAllocationTruncated cuts a snapshot at every byte.
func TestAllocationTruncated(t *testing.T) {
	whole := traced(6, someFunctions, someTree)
	for n := range len(whole) {
		_, err := parseText(t, whole[:n])
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset != int64(n) || syntax.Got != endOfInput {
			t.Fatalf("%d bytes: got %v", n, err)
		}
	}
}

// randomTree returns the text of a tree of the nodes ids[0], …, and what it says of
// each id: the functions from it to the root.
func randomTree(r *rand.Rand, ids []int) (text string, stacks map[int][]int) {
	children := make([][]int, len(ids))
	function := make([]int, len(ids))
	stacks = map[int][]int{ids[0]: {}}
	for i := 1; i < len(ids); i++ {
		parent := max(0, i-1-r.IntN(4)) // mostly deep
		function[i] = r.IntN(3)
		children[parent] = append(children[parent], i)
		stacks[ids[i]] = append([]int{function[i]}, stacks[ids[parent]]...)
	}
	var write func(i int) string
	write = func(i int) string {
		var below []string
		for _, child := range children[i] {
			below = append(below, write(child))
		}
		return fmt.Sprintf("%d,%d,1,8,[%s]", ids[i], function[i], strings.Join(below, ","))
	}
	return "[" + write(0) + "]", stacks
}

// TestAllocationRandom compares with the stacks that a tree was made of.
func TestAllocationRandom(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		const nodes = 200
		ids := r.Perm(nodes)[:1+r.IntN(nodes-1)]
		tree, stacks := randomTree(r, ids)
		s, err := parseText(t, traced(nodes, someFunctions, tree))
		if err != nil {
			t.Fatal(err)
		}
		names := []string{"(root)", "make", "Array"}
		for n := range Node(nodes) {
			var got, want []string
			for _, f := range s.Allocation(n) {
				got = append(got, f.Function)
			}
			for _, f := range stacks[int(n)] {
				want = append(want, names[f])
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d, node %d (-want +got):\n%s", seed, n, diff)
			}
		}
	}
}

// TestAllocationDeep has a tree that no recursion could read.
func TestAllocationDeep(t *testing.T) {
	const deep = 2_000_000
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range deep {
		fmt.Fprintf(&b, "%d,1,1,8,[", i+1)
	}
	b.WriteString(strings.Repeat("]", deep+1))
	s, err := parseText(t, traced(3, someFunctions, b.String()))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(s.Allocation(2)); got != 1 || len(s.traces.ids) != deep {
		t.Errorf("%d frames of a tree of %d", got, len(s.traces.ids))
	}
}

func FuzzAllocation(f *testing.F) {
	f.Add(someFunctions, someTree)
	f.Add(`[]`, `[]`)
	f.Add(`[0,1,2,0,0,0]`, `[4294967295,0,0,0,[0,0,0,0,[]]]`)
	f.Fuzz(func(t *testing.T, functions, tree string) {
		s, err := parseText(t, traced(8, functions, tree))
		if err != nil {
			return
		}
		for n := range Node(s.NumNodes()) {
			for _, frame := range s.Allocation(n) {
				if frame.Line < -1 || frame.Column < -1 {
					t.Errorf("node %d: %+v", n, frame)
				}
			}
		}
	})
}
