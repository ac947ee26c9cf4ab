package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// snapshotText returns a small snapshot as Node.js 22 writes it, with n nodes
// in a chain.
func snapshotText(n int) string {
	var nodes, edges, names []string
	for i := range n {
		out := 1
		if i == n-1 {
			out = 0
		}
		nodes = append(nodes, fmt.Sprintf("%d,%d,%d,16,%d,0,0", 3, i, 2*i+1, out))
		if out == 1 {
			edges = append(edges, fmt.Sprintf("2,%d,%d", i, 7*(i+1)))
		}
		names = append(names, fmt.Sprintf("%q", fmt.Sprintf("name\\%d\"", i)))
	}
	return fmt.Sprintf(`{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","trace_node_id","detachedness"],`+
		`"node_types":[["hidden","array"],"string","number"],"edge_fields":["type","name_or_index","to_node"],"edge_types":[["context"]],`+
		`"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],`+
		`"trace_node_fields":["id","function_info_index","count","size","children"],"sample_fields":["timestamp_us","last_assigned_id"],`+
		`"location_fields":["object_index","script_id","line","column"]},"node_count":%d,"edge_count":%d,"trace_function_count":0},
"nodes":[%s
],
"edges":[%s
],
"trace_function_infos":[],
"trace_tree":[],
"samples":[],
"locations":[0,5,1,2],
"strings":["<dummy>",
%s]}`, n, n-1, strings.Join(nodes, "\n,"), strings.Join(edges, "\n,"), strings.Join(names, ",\n"))
}

func TestVerify(t *testing.T) {
	good := snapshotText(3)
	swap := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("no %q in the snapshot", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	tests := []struct {
		name, text string
		want       string // part of the error, "" = whole
	}{
		{"whole", good, ""},
		{"white space after the end", good + "\n \t\r\n", ""},
		{"unknown sections", swap(`"samples":`, `"extra":{"a":[1,-2.5e+3,true,null,{"b":"\u00e9"}]},"n":12 ,"m":0,"f":false,"samples":`), ""},
		{"newline after the comma", swap("\n,", ",\n"), ""},
		{"numbers of all sorts", swap(",16,", ",-1.5E-7,"), ""},
		{"without unneeded sections", swap("\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n", ""), ""},

		{"empty", "", "at byte 0 expected {, got the end"},
		{"an array", "[1]", "at byte 0 expected {, got '['"},
		{"another object", "{}", `expected a section "snapshot", got none`},
		{"cut in the header", good[:50], `at byte 50 expected the rest of "snapshot", got the end`},
		{"cut in nodes", good[:strings.Index(good, `"edges":`)-10], `expected the rest of "nodes", got the end`},
		{"cut in strings", good[:len(good)-4], `expected the rest of "strings", got the end`},
		{"cut before the last brace", good[:len(good)-1], "expected a comma or the closing }, got the end"},
		{"garbage after the end", good + "{", fmt.Sprintf("at byte %d expected the end, got '{'", len(good))},
		{"two snapshots", good + good, "expected the end"},
		{"a node too few", swap(`"node_count":3`, `"node_count":4`), `expected 4 records in "nodes", got 3`},
		{"an edge too many", swap(`"edge_count":2`, `"edge_count":1`), `expected 1 records in "edges", got 2`},
		{"a number missing", swap("3,0,1,16,1,0,0", "3,0,1,16,1,0"), `expected records of 7 numbers in "nodes", got 20 numbers`},
		{"locations out of step", swap("[0,5,1,2]", "[0,5,1]"), `records of 4 numbers in "locations"`},
		{"functions announced", swap(`"trace_function_count":0`, `"trace_function_count":1`), `expected 1 records in "trace_function_infos"`},
		{"a hole in nodes", swap("\n,3,", "\n,,3,"), `expected a number in "nodes", got ','`},
		{"a string in nodes", swap("\n,3,", "\n,\"3\","), `expected a number in "nodes", got '"'`},
		{"a number in strings", swap(`"<dummy>"`, `7`), `expected a string in "strings", got '7'`},
		{"a leading zero", swap(",16,", ",016,"), `expected a comma or the closing bracket in "nodes", got '1'`},
		{"letters in a number", swap(",16,", ",1x6,"), "got 'x'"},
		{"a bad escape", swap(`"<dummy>"`, `"\x"`), `expected an escape in "strings"`},
		{"a bad \\u", swap(`"<dummy>"`, `"\u12G4"`), "hexadecimal digit"},
		{"a control character", swap(`"<dummy>"`, "\"a\nb\""), "control character"},
		{"a bad literal", swap(`"samples":[]`, `"x":nul,"samples":[]`), `expected "l" in "x", got ','`},
		{"a closing bracket of the other kind", swap(`"samples":[]`, `"x":[1},"samples":[]`), "got '}'"},
		{"nodes no array", swap(`"samples":[]`, `"samples":{}`), `expected an array as "samples", got '{'`},
		{"snapshot no object", `{"snapshot":[]}`, `an object as "snapshot"`},
		{"nodes twice", swap(`"samples":[]`, `"nodes":[]`), `"nodes" again`},
		{"nodes twice in disguise", swap(`"samples":[]`, `"n\u006fdes":[]`), `"nodes" again`},
		{"no strings", swap(`"strings"`, `"words"`), `expected a section "strings"`},
		{"no fields", swap(`"edge_fields"`, `"fields_of_edge"`), `names the fields of "edges"`},
		{"header of another type", swap(`"node_count":3`, `"node_count":"3"`), "expected a header"},
		{"trailing comma", swap("]}", "],}"), "got '}'"},
		{"endless name", `{"` + strings.Repeat("x", maxName+1), "a longer one"},
		{"endless header", `{"snapshot":{"x":"` + strings.Repeat("x", maxHeader), "bytes of header"},
		{"endless sections", `{"s":1` + manySections(), "at most 1000 sections"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{strings.NewReader(tt.text), iotest.OneByteReader(strings.NewReader(tt.text))} {
				h, err := Verify(r)
				if tt.want == "" {
					if err != nil || h != (Header{Nodes: 3, Edges: 2}) {
						t.Fatalf("got %v, %v", h, err)
					}
					continue
				}
				var bad *FormatError
				if !errors.As(err, &bad) || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("got %v, want %q", err, tt.want)
				}
			}
		})
	}
}

func manySections() string {
	var b strings.Builder
	for i := range maxSections + 1 {
		fmt.Fprintf(&b, `,"s%d":1`, i)
	}
	return b.String()
}

func TestVerifyDepth(t *testing.T) {
	for depth, want := range map[int]bool{maxDepth: true, maxDepth + 1: false} {
		text := strings.Replace(snapshotText(2), `"trace_tree":[]`, `"trace_tree":`+strings.Repeat("[", depth)+strings.Repeat("]", depth), 1)
		_, err := Verify(strings.NewReader(text))
		if (err == nil) != want || json.Valid([]byte(text)) != want {
			t.Errorf("%d levels: %v, encoding/json says %v", depth, err, json.Valid([]byte(text)))
		}
	}
}

// After an error nothing more is looked at, and the error stays.
func TestVerifierKeepsItsError(t *testing.T) {
	v := newVerifier()
	_, first := v.Write([]byte("x"))
	_, second := v.Write([]byte(snapshotText(1)))
	if _, third := v.finish(); first == nil || second != first || third != first {
		t.Errorf("got %v, %v, %v", first, second, third)
	}
}

// slowVerify is the oracle: encoding/json on the whole text.
func slowVerify(data []byte) bool {
	if !json.Valid(data) {
		return false
	}
	d := json.NewDecoder(bytes.NewReader(data))
	if open, _ := d.Token(); open != json.Delim('{') {
		return false
	}
	sections := map[string]json.RawMessage{}
	for d.More() {
		name, _ := d.Token()
		if _, twice := sections[name.(string)]; twice {
			return false
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return false
		}
		sections[name.(string)] = value
	}
	var h header
	if s := sections["snapshot"]; len(s) == 0 || s[0] != '{' || json.Unmarshal(s, &h) != nil {
		return false
	}
	var names []string
	if s := sections["strings"]; !slowList(s, "\"") || json.Unmarshal(s, &names) != nil || len(names) == 0 {
		return false
	}
	m := h.Meta
	return sections["nodes"] != nil && sections["edges"] != nil && string(sections["nodes"]) != "[]" &&
		slowRecords(sections["nodes"], m.NodeFields, h.NodeCount) && slowRecords(sections["edges"], m.EdgeFields, h.EdgeCount) &&
		slowRecords(sections["trace_function_infos"], m.FunctionFields, h.FunctionCount) &&
		slowRecords(sections["samples"], m.SampleFields, -1) && slowRecords(sections["locations"], m.LocationFields, -1) &&
		slowCount(sections["nodes"]) > 0
}

// slowList reports whether s is an array whose elements begin with one of first.
func slowList(s json.RawMessage, first string) bool {
	var list []json.RawMessage
	if len(s) == 0 || s[0] != '[' || json.Unmarshal(s, &list) != nil {
		return false
	}
	for _, e := range list {
		if !strings.ContainsRune(first, rune(e[0])) {
			return false
		}
	}
	return true
}

func slowCount(s json.RawMessage) int {
	var list []json.RawMessage
	_ = json.Unmarshal(s, &list)
	return len(list)
}

func slowRecords(s json.RawMessage, fields []string, count int64) bool {
	if s == nil {
		return true
	}
	n := slowCount(s)
	switch {
	case !slowList(s, "-0123456789"):
		return false
	case n == 0 && count <= 0:
		return true
	case len(fields) == 0:
		return false
	}
	return n%len(fields) == 0 && (count < 0 || int64(n/len(fields)) == count)
}

func FuzzVerify(f *testing.F) {
	good := snapshotText(2)
	for _, s := range []string{good, good[:len(good)-1], good + "x", strings.ReplaceAll(good, "\n", ""), `{}`, `[]`, `{"snapshot":{},"nodes":[],"edges":[],"strings":[]}`,
		`{"snapshot":{"meta":{"node_fields":["a"],"edge_fields":["b"]},"node_count":1,"edge_count":0},"nodes":[0],"edges":[],"strings":[""]}`,
		strings.Replace(good, `"samples":[]`, `"x":[1.5e-3,{"a":null,"b":[true,false]},"\ud83d"]`, 1)} {
		f.Add([]byte(s), 7)
	}
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		want := slowVerify(data)
		v := newVerifier()
		cut = max(0, min(cut, len(data)))
		_, err := v.Write(data[:cut])
		if err == nil {
			_, err = v.Write(data[cut:])
		}
		if err == nil {
			_, err = v.finish()
		}
		if (err == nil) != want {
			t.Fatalf("%q cut at %d: got %v, want ok = %v", data, cut, err, want)
		}
	})
}

func TestVerifyEveryNode(t *testing.T) {
	for _, version := range append(nodetest.Versions(), nodetest.System) {
		t.Run(version, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.heapsnapshot")
			p := nodetest.Start(t, nodetest.Options{Version: version, Args: []string{file}, Ready: "written",
				Script: `require('v8').writeHeapSnapshot(process.argv[2]); console.log('written'); setInterval(() => {}, 1000)`})
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			h, err := Verify(bytes.NewReader(data))
			if err != nil || h.Nodes < 10_000 || h.Edges < h.Nodes {
				t.Errorf("node %s: %+v, %v", p.Version, h, err)
			}
			if _, err := Verify(bytes.NewReader(data[:len(data)-2])); err == nil {
				t.Error("a truncated snapshot passes")
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	text := []byte(snapshotText(300_000))
	one := []byte(strings.ReplaceAll(string(text), "\n", ""))
	for name, text := range map[string][]byte{"records-in-lines": text, "one-line": one} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				v := newVerifier()
				for p := text; len(p) > 0; {
					n := min(len(p), 100<<10)
					if _, err := v.Write(p[:n]); err != nil {
						b.Fatal(err)
					}
					p = p[n:]
				}
				if _, err := v.finish(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
