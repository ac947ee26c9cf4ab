package heap

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/internal/heaptest"
)

// sample is a graph with one of everything that the parser tells apart.
func sample(version heaptest.Version) *heaptest.Graph {
	g := heaptest.New(version)
	g.Node("global", "object", "Object / ", 64)
	g.Node("cache", "object", "Cache", 32).At(7, 3, 9)
	g.Node("table", "array", "", 4096)
	g.Node("element", "native", "<div>", 100).Detached(heaptest.Detached).ID(40)
	g.Node("text", "string", "a \"text\"\nwith ä, \U0001f600 and \xed\xa0\x80", 24).ID(41)
	g.Node("make", "closure", "make", 56).At(7, 2, 0)
	g.Node("shared", "code", "make", 48)
	g.Node("script", "code", "/srv/app.js", 40)
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge("global", "property", "cache", "cache")
	g.Edge("global", "property", "make", "make")
	g.Edge("make", "internal", "shared", "shared")
	g.Edge("shared", "internal", "script", "script")
	g.Edge("cache", "internal", "table", "table")
	g.Edge("table", "element", "3", "text")
	g.Edge("cache", "weak", "0", "element")
	g.Edge("table", "hidden", "4", "element")
	return g
}

// nodeLine is what the tests compare of a node.
type nodeLine struct {
	ID       ID
	Type     NodeType
	Name     string
	Detached Detachedness
	Out      []string
}

func lines(s *Snapshot) []nodeLine {
	var all []nodeLine
	for n := range Node(s.NumNodes()) {
		line := nodeLine{ID: s.ID(n), Type: s.Type(n), Name: s.RawName(n), Detached: s.Detachedness(n)}
		for r := range s.Out(n) {
			line.Out = append(line.Out, fmt.Sprintf("%d -%v %s-> %d", r.From, r.Type, s.EdgeName(r.Edge), r.To))
		}
		all = append(all, line)
	}
	return all
}

func sampleLines(version heaptest.Version) []nodeLine {
	name, state := "Detached <div>", Detached
	if version < heaptest.Node16 {
		name, state = "<div>", Unknown
	}
	return []nodeLine{
		{1, SyntheticNode, "", Unknown, []string{"0 -shortcut global-> 1"}},
		{3, ObjectNode, "Object / ", Unknown, []string{"1 -property cache-> 2", "1 -property make-> 6"}},
		{5, ObjectNode, "Cache", Unknown, []string{"2 -internal table-> 3", "2 -weak 0-> 4"}},
		{7, ArrayNode, "", Unknown, []string{"3 -element 3-> 5", "3 -hidden 4-> 4"}},
		{40, NativeNode, name, state, nil},
		{41, StringNode, "a \"text\"\nwith ä, \U0001f600 and \ufffd", Unknown, nil},
		{13, ClosureNode, "make", Unknown, []string{"6 -internal shared-> 7"}},
		{15, CodeNode, "make", Unknown, []string{"7 -internal script-> 8"}},
		{17, CodeNode, "/srv/app.js", Unknown, nil},
	}
}

// ignoreIDs forgets the ids that the builder counts for itself.
func ignoreIDs(all []nodeLine) []nodeLine {
	all = slices.Clone(all)
	for i := range all {
		if all[i].ID%2 == 1 && all[i].ID != 41 {
			all[i].ID = 0
		}
	}
	return all
}

func TestParse(t *testing.T) {
	readers := map[string]func([]byte) io.Reader{
		"whole":    func(b []byte) io.Reader { return bytes.NewReader(b) },
		"bytes":    func(b []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(b)) },
		"halves":   func(b []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(b)) },
		"late EOF": func(b []byte) io.Reader { return iotest.DataErrReader(bytes.NewReader(b)) },
		"gzip": func(b []byte) io.Reader {
			var zipped bytes.Buffer
			w := gzip.NewWriter(&zipped)
			_, _ = w.Write(b)
			_ = w.Close()
			return &zipped
		},
	}
	for _, version := range heaptest.Versions() {
		for name, reader := range readers {
			t.Run(version.String()+" "+name, func(t *testing.T) {
				g := sample(version)
				g.TrackAllocations()
				s, err := Parse(t.Context(), reader(g.Bytes(t)), nil)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(ignoreIDs(sampleLines(version)), ignoreIDs(lines(s))); diff != "" {
					t.Error(diff)
				}
				want := Location{ScriptID: 7, Script: "/srv/app.js", Line: 3, Column: 9}
				if got, ok := s.Location(2); got != want || !ok {
					t.Errorf("location %v, want %v", got, want)
				}
				if _, ok := s.Location(1); ok {
					t.Error("node 1 has a location")
				}
			})
		}
	}
}

// tiny is a snapshot of two nodes and one edge, with all fields in an odd order.
const tiny = `{"unknown":[{"a":"]}"}, 1],"snapshot":{"meta":{
"node_fields":["edge_count","name","self_size","id","more","type"],
"node_types":["number","string","number","number","number",["object","synthetic"]],
"edge_fields":["to_node","type","name_or_index"],"edge_types":["node",["weak","property"],"string_or_number"],
"location_fields":["column","object_index","line","script_id"]},"node_count":2,"edge_count":1},
"strings":["x","root","Thing"],"locations":[4,6,3,2],
"edges":[6,1,0],"nodes":[1,1,0,1,99,1, 0 , 2 , 24 ,3,99,0]
}`

func parseText(t testing.TB, text string) (*Snapshot, error) {
	t.Helper()
	return Parse(t.Context(), strings.NewReader(text), nil)
}

func TestParseOrder(t *testing.T) {
	s, err := parseText(t, tiny)
	if err != nil {
		t.Fatal(err)
	}
	want := []nodeLine{
		{1, SyntheticNode, "root", Unknown, []string{"0 -property x-> 1"}},
		{3, ObjectNode, "Thing", Unknown, nil},
	}
	if diff := cmp.Diff(want, lines(s)); diff != "" {
		t.Error(diff)
	}
	if got, _ := s.Location(1); got != (Location{ScriptID: 2, Line: 3, Column: 4}) || got.String() != "script 2:4:5" {
		t.Errorf("location %v", got)
	}
	if got := s.Self(1); got != 24 {
		t.Errorf("size %d, want 24", got)
	}
}

func TestParseErrors(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // what is wrong with tiny
		at       string // the text at the offset
		want     string // part of the error
	}{
		{"empty", tiny, "", "", `want "{", got end of input`},
		{"no JSON", "{", "<", "<", `want "{", got "<`},
		{"no snapshot", `"snapshot"`, `"snapshop"`, `"locations":`, `want "snapshot"`},
		{"no nodes", `"nodes"`, `"notes"`, "", `want "nodes"`},
		{"twice", `"unknown":[{"a":"]}"}, 1]`, `"strings":["x"]`, `"strings":["x","root","Thing"],"loc`, `"strings" again`},
		{"more behind it", "]\n}", "]\n} x", "x", "want end of input"},
		{"no counts", `"node_count":2`, `"node_count":0`, `{"meta"`, "root 0 of 0 nodes"},
		{"header of another kind", `"node_count":2`, `"node_count":"2"`, `{"meta"`, "bad JSON"},
		{"no ids", `"id"`, `"ib"`, `{"meta"`, `node_fields without "id"`},
		{"no list of types", `["weak","property"]`, `"weak"`, `{"meta"`, "edge_types without a list"},
		{"too few nodes", ", 0 , 2 , 24 ,3,99,0", "", "]\n}", "want 2 nodes as the header says, got 1"},
		{"too many nodes", "99,0]", "99,0,7,1,1,1,1,1]", "7,1,", "no more nodes than the header says"},
		{"part of a node", "24 ,3,99,0]", "24]", "]", "a whole record of nodes"},
		{"comma at the end", "99,0]", "99,0,]", "]", "a whole record of nodes"},
		{"no number", " 24 ", " 2x4 ", "x4", "a number of 64 bits or a comma"},
		{"negative", " 24 ", " -24 ", "-24", "a number of 64 bits or a comma"},
		{"too big a number", " 24 ", " 99999999999999999999 ", "9999", "a number of 64 bits or a comma"},
		{"unknown type", "99,0]", "99,2]", "0 , 2", "one of 2 node types, got 2"},
		{"unknown edge type", "6,1,0", "6,2,0", "6,2,0", "one of 2 edge types, got 2"},
		{"negative name of an edge", "6,1,0", "6,1,-1", "6,1,", "a name or index of 32 bits"},
		{"negative edge", "6,1,0", "-6,1,0", "-6,1,0", "a number of 64 bits or a comma"},
		{"edge into a node", "6,1,0", "7,1,0", "7,1,0", "an edge to one of 2 nodes of 6 numbers, got 7"},
		{"edge to nowhere", "6,1,0", "12,1,0", "12,1,0", "an edge to one of 2 nodes"},
		{"wrong number of edges", "[1,1,0,1", "[0,1,0,1", "[0,1,0,1", "nodes with 1 edges together"},
		{"big id", "24 ,3,", "24 ,4294967296,", "0 , 2", "a node with 32-bit numbers, got 4294967296"},
		{"name of a node", " 2 ,", " 3 ,", "0 , 3", "the index of one of 3 strings, got 3"},
		{"name of an edge", "6,1,0", "6,1,3", "6,1,3", "the index of one of 3 strings, got 3"},
		{"location of nothing", "[4,6,3,2]", "[4,5,3,2]", "4,5,3,2", "the location of one of 2 nodes, got 5"},
		{"big location", "[4,6,3,2]", "[4294967296,6,3,2]", "42949", "a location with 32-bit numbers"},
		{"no strings", `["x","root","Thing"]`, `[]`, "[]", "want a string, got none"},
		{"bad escape", `"Thing"`, `"\q"`, `q"`, "an escape"},
		{"bad unit", `"Thing"`, `"\u00g0"`, `g0"`, "four hexadecimal digits"},
		{"no comma between strings", `"x","root"`, `"x" "root"`, `"root"`, `"," or "]"`},
		{"long key", `"unknown"`, `"` + strings.Repeat("u", 100) + `"`, strings.Repeat("u", 30), "a short key"},
		{"no value", `[{"a":"]}"}, 1]`, ``, `,"snapshot"`, "a value"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := strings.Replace(tiny, tt.old, tt.new, 1)
			_, err := parseText(t, text)
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want a syntax error with %q", err, tt.want)
			}
			if !strings.HasPrefix(text[syntax.Offset:], tt.at) {
				t.Errorf("offset %d is at %.30q, want %q", syntax.Offset, text[syntax.Offset:], tt.at)
			}
			if syntax.Hint() == "" {
				t.Error("no hint")
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	for old, huge := range map[string]string{
		`"node_count":2`: `"node_count":536870913`, `"edge_count":1`: `"edge_count":4294967295`,
		`{"meta"`: `{"x":"` + strings.Repeat("x", maxHeaderBytes) + `","meta"`,
	} {
		_, err := parseText(t, strings.Replace(tiny, old, huge, 1))
		var limit *LimitError
		if !errors.As(err, &limit) {
			t.Errorf("%.30s: got %v, want a limit", huge, err)
		}
	}
}

// TestParseBelievesInput checks that a header alone does not make Parse take memory.
func TestParseBelievesInput(t *testing.T) {
	text := strings.Replace(tiny, `"node_count":2`, `"node_count":536870912`, 1)
	text = strings.Replace(text, `"edge_count":1`, `"edge_count":4294967294`, 1)
	allocated := testing.Benchmark(func(b *testing.B) {
		for range b.N {
			if _, err := parseText(b, text); err == nil {
				b.Fatal("no error")
			}
		}
	}).AllocedBytesPerOp()
	if allocated > 16<<20 {
		t.Errorf("%d bytes for an input of %d", allocated, len(text))
	}
}

func TestParseTruncated(t *testing.T) {
	whole := sample(heaptest.Node22).Bytes(t)
	end := len(bytes.TrimRight(whole, "\n"))
	for n := range end {
		_, err := Parse(t.Context(), bytes.NewReader(whole[:n]), nil)
		var syntax *SyntaxError
		if !errors.As(err, &syntax) {
			t.Fatalf("%d bytes: got %v, want a syntax error", n, err)
		}
		if syntax.Offset != int64(n) || syntax.Got != endOfInput {
			t.Fatalf("%d bytes: got %v", n, err)
		}
	}
}

func TestParseReaderFails(t *testing.T) {
	whole := sample(heaptest.Node24).Bytes(t)
	broken := errors.New("cable cut")
	for n := range len(whole) - 1 {
		r := io.MultiReader(bytes.NewReader(whole[:n]), iotest.ErrReader(broken))
		if _, err := Parse(t.Context(), r, nil); !errors.Is(err, broken) {
			t.Fatalf("after %d bytes: got %v", n, err)
		}
	}
	if _, err := Parse(t.Context(), strings.NewReader("\x1f\x8bis no gzip at all"), nil); !errors.Is(err, gzip.ErrHeader) {
		t.Errorf("bad gzip: got %v", err)
	}
	if _, err := Parse(t.Context(), idle{}, nil); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("idle reader: got %v", err)
	}
}

// idle is a reader that returns nothing, forever.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestParseCancelled(t *testing.T) {
	tired := errors.New("tired")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(tired)
	if _, err := Parse(ctx, sample(heaptest.Node24).Reader(t), nil); !errors.Is(err, tired) {
		t.Errorf("got %v, want %v", err, tired)
	}
}

// long returns a snapshot of a chain of n objects, far beyond a block of the reader.
func long(n int, newline string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","detachedness"],`+
		`"node_types":[["synthetic","object"],"string","number","number","number","number"],`+
		`"edge_fields":["type","name_or_index","to_node"],"edge_types":[["property","element"],"string_or_number","node"]},`+
		`"node_count":%d,"edge_count":%d},"nodes":[`, n, n-1)
	for i := range n {
		fmt.Fprintf(&b, "%s%d,%d,%d,8,%d,0%s", strings.Repeat(",", min(i, 1)), min(i, 1), i%7, 2*i+1, min(1, n-1-i), newline)
	}
	b.WriteString(`],"edges":[`)
	for i := range n - 1 {
		fmt.Fprintf(&b, "%s0,%d,%d%s", strings.Repeat(",", min(i, 1)), i%7, 6*(i+1), newline)
	}
	b.WriteString(`],"strings":["a","b","c","d","e","f","g"]}`)
	return b.Bytes()
}

func TestParseManyBlocks(t *testing.T) {
	const n = 200_000
	for _, newline := range []string{"", "\n", " \r\n\t "} {
		text := long(n, newline)
		var told int64
		s, err := Parse(t.Context(), bytes.NewReader(text), &Options{Progress: func(bytes int64) { told = bytes }})
		if err != nil {
			t.Fatal(err)
		}
		if s.NumNodes() != n || s.NumEdges() != n-1 || told != int64(len(text)) {
			t.Fatalf("%d nodes, %d edges, %d of %d bytes", s.NumNodes(), s.NumEdges(), told, len(text))
		}
		for i := range Node(n) {
			if s.ID(i) != ID(2*i+1) || s.RawName(i) != string(rune('a'+i%7)) {
				t.Fatalf("node %d is %d %q", i, s.ID(i), s.RawName(i))
			}
			if out := slices.Collect(s.Out(i)); i+1 < n && (len(out) != 1 || out[0].To != i+1 || s.EdgeName(out[0].Edge) != s.RawName(i)) {
				t.Fatalf("node %d has edges %v", i, out)
			}
		}
		// The deepest chain there can be.
		if got := s.Retained(n / 2); got != 8*n/2 {
			t.Errorf("the middle retains %d, want %d", got, 8*n/2)
		}
		if got := s.Distance(n - 1); got != n-1 {
			t.Errorf("the end is %d away, want %d", got, n-1)
		}
	}
}

// TestParseErrorInBlock checks that of several errors in an array the first one is
// told.
func TestParseErrorInBlock(t *testing.T) {
	text := long(200_000, "")
	first := bytes.Index(text, []byte(",150001,8,"))
	text[first+1] = 'x'
	copy(text[bytes.Index(text, []byte(",350001,8,")):], ",y")
	_, err := Parse(t.Context(), bytes.NewReader(text), nil)
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Offset != int64(first+1) {
		t.Errorf("got %v, want one at %d", err, first+1)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(tiny))
	for _, version := range []heaptest.Version{heaptest.Node14, heaptest.Node24} {
		f.Add(sample(version).Bytes(f))
	}
	f.Add([]byte("\x1f\x8b"))
	f.Add([]byte(traced(3, someFunctions, someTree)))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(t.Context(), bytes.NewReader(text), nil)
		if err != nil {
			return
		}
		useAll(t, s)
	})
}

// useAll calls everything, for what must not fail on any graph.
func useAll(t *testing.T, s *Snapshot) {
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	var sum int64
	for row := range s.Rows() {
		sum += row.Self
		s.Location(row.Node)
		s.Allocation(row.Node)
		if row.Node%64 == 0 {
			s.PathToRoot(row.Node)
			s.DominatorChain(row.Node)
		}
	}
	if got := s.Retained(s.Root()); got != sum {
		t.Errorf("the root retains %d, all nodes together have %d", got, sum)
	}
	for e := range Edge(s.NumEdges()) {
		s.EdgeName(e)
	}
	s.Classes()
	s.Statistics()
	s.DuplicateStrings()
	s.Between(&Marks{}, s.Marks())
	if rows := Diff(s.Index(), s.Index()); len(rows) != 0 {
		t.Errorf("differs from itself: %v", rows)
	}
}
