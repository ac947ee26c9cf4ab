package heaptest_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/internal/devtoolstest"
	"github.com/ecsheap/ecsheap/internal/heaptest"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// small is a graph with one of everything.
func small(version heaptest.Version) *heaptest.Graph {
	g := heaptest.New(version)
	g.Node("global", "object", "Object / ", 64)
	g.Node("cache", "object", "Cache", 32).At(7, 3, 9)
	g.Node("table", "array", "", 4096)
	g.Node("element", "native", "Detached <div>", 100).Detached(heaptest.Detached).ID(40)
	g.Node("text", "string", "a \"text\"\nwith \u00e4, \U0001f600 and \xed\xa0\x80", 24).ID(41)
	g.Edge(heaptest.Root, "shortcut", "global", "global")
	g.Edge("global", "property", "cache", "cache")
	g.Edge("cache", "internal", "table", "table")
	g.Edge("table", "element", "3", "text")
	g.Edge("cache", "weak", "0", "element")
	g.Edge("table", "hidden", "4", "element")
	return g
}

func TestGraphInDevTools(t *testing.T) {
	for _, version := range heaptest.Versions() {
		t.Run(version.String(), func(t *testing.T) {
			report := devtoolstest.Load(t, small(version).File(t))
			got := report.Snapshots[0]
			if got.Nodes != 6 || got.Edges != 6 || got.TotalSize != 64+32+4096+24+100 || len(got.Problems) > 0 {
				t.Errorf("got %+v", got)
			}
			// The table is the cache's own, so its size counts there.
			want := devtoolstest.Class{Name: "Cache", Count: 1, ShallowSize: 32 + 4096, RetainedSize: 32 + 4096 + 24 + 100, Distance: 2}
			if row, _ := got.Class("Cache"); row != want {
				t.Errorf("Cache is %+v, want %+v", row, want)
			}
		})
	}
}

func TestTrackedGraphInDevTools(t *testing.T) {
	for _, version := range heaptest.Versions() {
		g := small(version)
		g.TrackAllocations()
		g.Node("made", "object", "Made", 16).Trace(2)
		g.Edge("cache", "property", "made", "made")
		if got := devtoolstest.Load(t, g.File(t)).Snapshots[0]; got.TotalSize != 64+32+4096+24+100+16 {
			t.Errorf("%v: got %+v", version, got)
		}
	}
}

func TestExtraNative(t *testing.T) {
	g := small(heaptest.Node26)
	g.ExtraNative(1000)
	if got := devtoolstest.Load(t, g.File(t)).Snapshots[0]; got.TotalSize != 1000+64+32+4096+24+100 {
		t.Errorf("got %+v", got)
	}
}

// head is what a file says of its own layout.
type head struct {
	Snapshot struct {
		Meta  json.RawMessage `json:"meta"`
		Extra *int64          `json:"extra_native_bytes"`
	} `json:"snapshot"`
	Nodes []int64 `json:"nodes"`
}

func readHead(t *testing.T, file []byte) (h head, keys []string) {
	t.Helper()
	if err := json.Unmarshal(file, &h); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(file))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key.(string))
		var skipped json.RawMessage
		if err := d.Decode(&skipped); err != nil {
			t.Fatal(err)
		}
	}
	return h, keys
}

// TestLayoutIsThatOfNode holds the layouts against real files.
func TestLayoutIsThatOfNode(t *testing.T) {
	for _, version := range heaptest.Versions() {
		t.Run(version.String(), func(t *testing.T) {
			p := nodetest.Start(t, nodetest.Options{
				Version: version.String(), Ready: "written", Script: `
					require('v8').writeHeapSnapshot('real.heapsnapshot');
					console.log('written');`,
			})
			file, err := os.ReadFile(filepath.Join(p.Dir, "real.heapsnapshot"))
			if err != nil {
				t.Fatal(err)
			}
			ours := small(version).Bytes(t)
			want, wantKeys := readHead(t, file)
			got, gotKeys := readHead(t, ours)
			if diff := cmp.Diff(string(want.Snapshot.Meta), string(got.Snapshot.Meta)); diff != "" {
				t.Errorf("meta (-node +ours):\n%s", diff)
			}
			if diff := cmp.Diff(wantKeys, gotKeys); diff != "" {
				t.Errorf("sections (-node +ours):\n%s", diff)
			}
			if (want.Snapshot.Extra == nil) != (got.Snapshot.Extra == nil) {
				t.Errorf("extra_native_bytes: node %v, ours %v", want.Snapshot.Extra, got.Snapshot.Extra)
			}
			if node, we := bytes.Contains(file, []byte("\n,")), bytes.Contains(ours, []byte("\n,")); node != we {
				t.Errorf("a line break after each record: node %v, ours %v", node, we)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name string
		make func(g *heaptest.Graph)
		want string
	}{
		{"node type", func(g *heaptest.Graph) { g.Node("a", "objekt", "A", 1) }, `no type "objekt"`},
		{"later node type", func(g *heaptest.Graph) { g.Node("a", "object shape", "A", 1) }, `Node.js 18 has no type "object shape"`},
		{"two nodes", func(g *heaptest.Graph) { g.Node(heaptest.Root, "object", "A", 1) }, "there are two"},
		{"size", func(g *heaptest.Graph) { g.Node("a", "object", "A", -1) }, "negative size"},
		{"from", func(g *heaptest.Graph) { g.Edge("a", "property", "p", heaptest.Root) }, `no node "a"`},
		{"to", func(g *heaptest.Graph) { g.Edge(heaptest.Root, "property", "p", "b") }, `no node "b"`},
		{"edge type", func(g *heaptest.Graph) { g.Edge(heaptest.Root, "strong", "p", heaptest.Root) }, `no edge type "strong"`},
		{"index", func(g *heaptest.Graph) { g.Edge(heaptest.Root, "element", "p", heaptest.Root) }, "have a number for a name"},
		{"native", func(g *heaptest.Graph) { g.ExtraNative(1) }, "no extra native bytes"},
		{"first one counts", func(g *heaptest.Graph) { g.Node("a", "b", "", 0); g.Node("c", "d", "", 0) }, `node "a"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := heaptest.New(heaptest.Node18)
			tt.make(g)
			if n, err := g.WriteTo(new(bytes.Buffer)); err == nil || !strings.Contains(err.Error(), tt.want) || n != 0 {
				t.Errorf("got %d, %v, want %q", n, err, tt.want)
			}
		})
	}
}

func TestQuote(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", `""`},
		{"plain / text", `"plain / text"`},
		{"\"\\\b\f\n\r\t", `"\"\\\b\f\n\r\t"`},
		{"\x00\x1f\x7f", `"\u0000\u001f` + "\x7f" + `"`},
		{"é€", `"\u00e9\u20ac"`},
		{"😀", `"\ud83d\ude00"`},
		{"\xed\xa0\x80", `"\ud800"`},
		{"\xed\xbf\xbf", `"\udfff"`},
		{"\xed\xaf\x81x", `"\udbc1x"`},
		{"\xed\x9f\xbf", `"\ud7ff"`}, // an ordinary letter
		{"\xffa", `"?a"`},
		{"\xed", `"?"`},
		{"\xed\xa0", `"??"`},
	}
	for _, tt := range tests {
		if got := heaptest.Quote(tt.in); got != tt.want {
			t.Errorf("Quote(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestWriteToCounts(t *testing.T) {
	var buf bytes.Buffer
	n, err := small(heaptest.Node22).WriteTo(&buf)
	if err != nil || n != int64(buf.Len()) || !json.Valid(buf.Bytes()) {
		t.Errorf("got %d of %d bytes, %v", n, buf.Len(), err)
	}
}
