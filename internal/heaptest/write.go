package heaptest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// WriteTo writes the file. It implements io.WriterTo.
func (g *Graph) WriteTo(w io.Writer) (int64, error) {
	f := &sections{breaks: g.version.has("line breaks")}
	traces := g.traces() // before the strings are written
	if g.err != nil {
		return 0, g.err
	}
	if err := g.writeHeader(f); err != nil {
		return 0, fmt.Errorf("making a snapshot: %w", err)
	}
	g.writeNodes(f)
	g.writeEdges(f)
	traces(f)
	f.list("samples", 0, nil)
	g.writeLocations(f)
	g.writeStrings(f)
	return f.WriteTo(w)
}

// sections are the text of a file, as far as it is written.
type sections struct {
	bytes.Buffer
	breaks bool // a line break after each record
}

// list writes a section of n records of numbers. Line breaks, where the version
// has them, stand before the comma between two records.
func (w *sections) list(name string, n int, record func(i int) []int64) {
	w.WriteString("\"" + name + "\":[")
	for i := range n {
		for j, value := range record(i) {
			if i > 0 || j > 0 {
				w.WriteByte(',')
			}
			w.WriteString(strconv.FormatInt(value, 10))
		}
		if w.breaks {
			w.WriteByte('\n')
		}
	}
	w.WriteString("],\n")
}

// header is the section "snapshot".
type header struct {
	Meta          meta   `json:"meta"`
	NodeCount     int    `json:"node_count"`
	EdgeCount     int    `json:"edge_count"`
	FunctionCount int    `json:"trace_function_count"`
	ExtraNative   *int64 `json:"extra_native_bytes,omitempty"`
}

type meta struct {
	NodeFields     []string `json:"node_fields"`
	NodeTypes      []any    `json:"node_types"`
	EdgeFields     []string `json:"edge_fields"`
	EdgeTypes      []any    `json:"edge_types"`
	FunctionFields []string `json:"trace_function_info_fields"`
	TraceFields    []string `json:"trace_node_fields"`
	SampleFields   []string `json:"sample_fields"`
	LocationFields []string `json:"location_fields"`
}

func (g *Graph) writeHeader(w *sections) error {
	h := header{
		Meta: meta{
			NodeFields:     g.version.nodeFields(g.tracked),
			NodeTypes:      []any{g.version.nodeTypes()},
			EdgeFields:     []string{"type", "name_or_index", "to_node"},
			EdgeTypes:      []any{edgeTypes(), "string_or_number", "node"},
			FunctionFields: []string{"function_id", "name", "script_name", "script_id", "line", "column"},
			TraceFields:    []string{"id", "function_info_index", "count", "size", "children"},
			SampleFields:   []string{"timestamp_us", "last_assigned_id"},
			LocationFields: []string{"object_index", "script_id", "line", "column"},
		},
		NodeCount: len(g.nodes),
	}
	for _, word := range g.version.nodeFieldTypes(g.tracked) {
		h.Meta.NodeTypes = append(h.Meta.NodeTypes, word)
	}
	for _, n := range g.nodes {
		h.EdgeCount += len(n.edges)
	}
	if g.tracked {
		h.FunctionCount = 2
	}
	if g.version.has("extra_native_bytes") {
		h.ExtraNative = &g.extraNative
	}
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "{\"snapshot\":%s,\n", text)
	return nil
}

func (g *Graph) writeNodes(w *sections) {
	fields := g.version.nodeFields(g.tracked)
	w.list("nodes", len(g.nodes), func(i int) []int64 {
		n := g.nodes[i]
		values := map[string]int64{
			"type": int64(n.kind), "name": int64(n.name), "id": int64(n.id), "self_size": n.size,
			"edge_count": int64(len(n.edges)), "trace_node_id": int64(n.trace), "detachedness": int64(n.detached),
		}
		record := make([]int64, len(fields))
		for j, field := range fields {
			record[j] = values[field]
		}
		return record
	})
}

func (g *Graph) writeEdges(w *sections) {
	stride := len(g.version.nodeFields(g.tracked))
	var all []edge
	for _, n := range g.nodes {
		all = append(all, n.edges...)
	}
	w.list("edges", len(all), func(i int) []int64 {
		e := all[i]
		return []int64{int64(e.kind), int64(e.name), int64(e.to.ordinal * stride)}
	})
}

// traces returns what writes the sections of the allocation tracking.
func (g *Graph) traces() func(*sections) {
	if !g.tracked {
		return func(w *sections) {
			w.list("trace_function_infos", 0, nil)
			w.list("trace_tree", 0, nil)
		}
	}
	infos := [][]int64{
		{0, int64(g.text("(root)")), int64(g.text("")), 0, 0, 0},
		{1, int64(g.text("make")), int64(g.text("make.js")), 1, 1, 1},
	}
	return func(w *sections) {
		w.list("trace_function_infos", len(infos), func(i int) []int64 { return infos[i] })
		w.WriteString("\"trace_tree\":[1,0,0,0,[2,1,1,16,[]]],\n")
	}
}

func (g *Graph) writeLocations(w *sections) {
	stride := len(g.version.nodeFields(g.tracked))
	var all [][]int64
	for _, n := range g.nodes {
		if n.place != nil {
			all = append(all, []int64{int64(n.ordinal * stride), int64(n.place.script), int64(n.place.line), int64(n.place.column)})
		}
	}
	w.list("locations", len(all), func(i int) []int64 { return all[i] })
}

func (g *Graph) writeStrings(w *sections) {
	w.WriteString("\"strings\":[")
	for i, s := range g.strings {
		if i > 0 {
			w.WriteByte(',')
			if w.breaks {
				w.WriteByte('\n')
			}
		}
		w.WriteString(Quote(s))
	}
	w.WriteString("]}")
}

// Quote returns a string as V8 writes it in a snapshot: in ASCII. Surrogates
// that stand alone, which Go has no strings for, are written as the three bytes
// that UTF-8 would have for them ("\xed\xa0\x80" is U+D800); other bytes that
// are no UTF-8 come out as "?".
func Quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			size = quoteInvalid(&b, s)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, "\\u%04x\\u%04x", high, low)
		case r >= 0x80:
			fmt.Fprintf(&b, "\\u%04x", r)
		default:
			quoteASCII(&b, byte(r))
		}
		s = s[size:]
	}
	b.WriteByte('"')
	return b.String()
}

func quoteASCII(b *strings.Builder, c byte) {
	const escaped, letters = "\b\f\n\r\t\"\\", "bfnrt\"\\"
	if i := strings.IndexByte(escaped, c); i >= 0 {
		b.WriteByte('\\')
		b.WriteByte(letters[i])
	} else if c < ' ' {
		fmt.Fprintf(b, "\\u%04x", c)
	} else {
		b.WriteByte(c)
	}
}

// quoteInvalid writes what is at the start of s, and returns its length.
func quoteInvalid(b *strings.Builder, s string) int {
	if len(s) >= 3 && s[0] == 0xed && s[1]&0xe0 == 0xa0 && s[2]&0xc0 == 0x80 {
		fmt.Fprintf(b, "\\ud%x%02x", 0x8|s[1]>>2&7, s[1]&3<<6|s[2]&0x3f)
		return 3
	}
	b.WriteByte('?')
	return 1
}
