package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

const (
	// maxNodes is a file of about 40 GB.
	maxNodes = 1 << 29
	// maxEdges is set by the 32 bits of an edge's number.
	maxEdges = 1<<32 - 2
	// maxFields bounds the numbers of a record; V8 writes up to 7.
	maxFields = 32
	// maxTypes bounds the types; V8 has up to 16.
	maxTypes = 64
)

// header is what the section "snapshot" says.
type header struct {
	nodes, edges, traces []string // the fields
	nodeTypes, edgeTypes []string
	numNodes, numEdges   uint64
}

// rawHeader is the section "snapshot" as V8 writes it
// (v8/src/profiler/heap-snapshot-generator.cc, HeapSnapshotJSONSerializer).
type rawHeader struct {
	Meta struct {
		NodeFields  []string          `json:"node_fields"`
		NodeTypes   []json.RawMessage `json:"node_types"`
		EdgeFields  []string          `json:"edge_fields"`
		EdgeTypes   []json.RawMessage `json:"edge_types"`
		TraceFields []string          `json:"trace_function_info_fields"`
	} `json:"meta"`
	NodeCount uint64 `json:"node_count"`
	EdgeCount uint64 `json:"edge_count"`
}

// parseHeader reads the section, which starts at offset.
func parseHeader(raw []byte, offset int64) (*header, error) {
	bad := func(format string, args ...any) error {
		return &SyntaxError{Offset: offset, Want: "the header of a heap snapshot", Got: fmt.Sprintf(format, args...)}
	}
	var r rawHeader
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, bad("bad JSON")
	}
	h := &header{nodes: r.Meta.NodeFields, edges: r.Meta.EdgeFields, traces: r.Meta.TraceFields, numNodes: r.NodeCount, numEdges: r.EdgeCount}
	for _, need := range []struct {
		what   string
		fields []string
		names  []string
	}{
		{"node_fields", h.nodes, []string{"type", "name", "id", "self_size", "edge_count"}},
		{"edge_fields", h.edges, []string{"type", "name_or_index", "to_node"}},
		{"trace_function_info_fields", h.traces, nil},
	} {
		if len(need.fields) > maxFields {
			return nil, bad("%d %s", len(need.fields), need.what)
		}
		for _, name := range need.names {
			if !slices.Contains(need.fields, name) {
				return nil, bad("%s without %q", need.what, name)
			}
		}
	}
	var ok bool
	if h.nodeTypes, ok = typeNames(r.Meta.NodeTypes, slices.Index(h.nodes, "type")); !ok {
		return nil, bad("node_types without a list of types")
	}
	if h.edgeTypes, ok = typeNames(r.Meta.EdgeTypes, slices.Index(h.edges, "type")); !ok {
		return nil, bad("edge_types without a list of types")
	}
	if h.numNodes == 0 {
		return nil, bad("no nodes")
	}
	if h.numNodes > maxNodes {
		return nil, &LimitError{What: "nodes", Max: maxNodes}
	}
	if h.numEdges > maxEdges {
		return nil, &LimitError{What: "edges", Max: maxEdges}
	}
	return h, nil
}

// typeNames returns the names of an enumerated field. Its entry is a list; those of other
// fields are not.
func typeNames(types []json.RawMessage, field int) ([]string, bool) {
	var names []string
	if field >= len(types) || json.Unmarshal(types[field], &names) != nil || len(names) == 0 || len(names) > maxTypes {
		return nil, false
	}
	return names, true
}

// cleanHeader returns the section without anything that could be text of the program:
// numbers, and the words of "meta". The title that old versions of Chrome wrote goes.
func cleanHeader(raw []byte, offset int64) ([]byte, error) {
	out := []byte{'{'}
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil { // the opening bracket
		return nil, err
	}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := token.(string) // a key of an object is one
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		var number json.Number
		isMeta := key == "meta"
		if isMeta && !onlyWords(value) {
			return nil, &SyntaxError{Offset: offset, Want: "the header of a heap snapshot", Got: "a field or type that is no plain word"}
		}
		if !isMeta && (!isFormatWord(key) || value[0] == '"' || json.Unmarshal(value, &number) != nil || number == "") {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(append(out, '"'), key...), '"', ':'), value...)
	}
	return append(out, '}'), nil
}

// onlyWords says whether all strings of a JSON value, keys too, are words such as V8's
// names of fields and types.
func onlyWords(value []byte) bool {
	d := json.NewDecoder(bytes.NewReader(value))
	for {
		token, err := d.Token()
		if err != nil {
			return true // the end; the value has been decoded before
		}
		if s, ok := token.(string); ok && !isFormatWord(s) {
			return false
		}
	}
}
