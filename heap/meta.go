package heap

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

const (
	// maxNodes is set by the three bits that an edge's type takes of the 32 that its
	// target has. It is a file of about 40 GB.
	maxNodes = 1 << 29
	// maxEdges leaves the last index free, as the end of the last node's edges.
	maxEdges = 1<<32 - 2
	// maxFields bounds the numbers of a record; V8 writes up to 7.
	maxFields = 32
	// maxTypes is set by the bits that a node's type takes of its byte; V8 has up to
	// 16.
	maxTypes = 1 << typeBits
)

// layout says which number of a record is what.
type layout struct {
	fields int
	at     map[string]int // by the field's name
}

func (l layout) index(name string) int {
	if i, ok := l.at[name]; ok {
		return i
	}
	return -1
}

// header is what the "snapshot" object says.
type header struct {
	nodes, edges, locations layout
	functions, traceNodes   layout // of allocations, if tracked
	tracked                 bool   // the file has the stacks of allocations
	nodeTypes               []string
	edgeTypes               [maxTypes]EdgeType // by the number in the file
	numEdgeTypes            int
	numNodes, numEdges      int
	root                    int   // ordinal of the root
	extraNative             int64 // bytes
}

// rawHeader is the "snapshot" object as V8 writes it
// (v8/src/profiler/heap-snapshot-generator.cc, HeapSnapshotJSONSerializer).
type rawHeader struct {
	Meta struct {
		NodeFields     []string          `json:"node_fields"`
		NodeTypes      []json.RawMessage `json:"node_types"`
		EdgeFields     []string          `json:"edge_fields"`
		EdgeTypes      []json.RawMessage `json:"edge_types"`
		LocationFields []string          `json:"location_fields"`
		FunctionFields []string          `json:"trace_function_info_fields"`
		TraceFields    []string          `json:"trace_node_fields"`
	} `json:"meta"`
	NodeCount   uint64 `json:"node_count"`
	EdgeCount   uint64 `json:"edge_count"`
	RootIndex   uint64 `json:"root_index"`
	ExtraNative int64  `json:"extra_native_bytes"`
	// Functions is not 0 if allocations are tracked.
	Functions uint64 `json:"trace_function_count"`
}

// parseHeader reads the "snapshot" object, which starts at offset.
func parseHeader(raw []byte, offset int64) (*header, error) {
	var r rawHeader
	if err := json.Unmarshal(raw, &r); err != nil {
		return nil, &SyntaxError{Offset: offset, Want: "the header of a heap snapshot", Got: "bad JSON: " + err.Error()}
	}
	bad := func(format string, args ...any) error {
		return &SyntaxError{Offset: offset, Want: "the header of a heap snapshot", Got: fmt.Sprintf(format, args...)}
	}
	h := &header{extraNative: r.ExtraNative}
	var err error
	if h.nodes, err = newLayout("node_fields", r.Meta.NodeFields, "type", "name", "id", "self_size", "edge_count"); err != nil {
		return nil, bad("%v", err)
	}
	if h.edges, err = newLayout("edge_fields", r.Meta.EdgeFields, "type", "name_or_index", "to_node"); err != nil {
		return nil, bad("%v", err)
	}
	if len(r.Meta.LocationFields) > 0 {
		h.locations, err = newLayout("location_fields", r.Meta.LocationFields, "object_index", "script_id", "line", "column")
		if err != nil {
			return nil, bad("%v", err)
		}
	}
	if err := h.setTraces(&r); err != nil {
		return nil, bad("%v", err)
	}
	if h.nodeTypes, err = typeNames("node_types", r.Meta.NodeTypes, h.nodes.at["type"]); err != nil {
		return nil, bad("%v", err)
	}
	edgeTypes, err := typeNames("edge_types", r.Meta.EdgeTypes, h.edges.at["type"])
	if err != nil {
		return nil, bad("%v", err)
	}
	h.numEdgeTypes = len(edgeTypes)
	for i, name := range edgeTypes {
		h.edgeTypes[i] = EdgeType(kindOf(edgeTypeNames[:], name))
	}
	return h, h.setCounts(&r, bad)
}

// setTraces finds out whether the file has stacks of allocations. The fields and the
// sections are in files without them, too, up to Node.js 22.
func (h *header) setTraces(r *rawHeader) (err error) {
	if r.Functions == 0 || h.nodes.index("trace_node_id") < 0 {
		return nil
	}
	h.tracked = true
	if h.functions, err = newLayout("trace_function_info_fields", r.Meta.FunctionFields, functionFields[:]...); err != nil {
		return err
	}
	h.traceNodes, err = newLayout("trace_node_fields", r.Meta.TraceFields, "id", "function_info_index", "children")
	if at := h.traceNodes.at; err == nil && at["children"] < max(at["id"], at["function_info_index"]) {
		return errors.New("trace_node_fields with the children first") // V8 has them last
	}
	return err
}

// setCounts checks the counts of the header.
func (h *header) setCounts(r *rawHeader, bad func(string, ...any) error) error {
	if r.NodeCount > maxNodes {
		return &LimitError{What: "nodes", Max: maxNodes}
	}
	if r.EdgeCount > maxEdges {
		return &LimitError{What: "edges", Max: maxEdges}
	}
	fields := uint64(h.nodes.fields)
	if r.NodeCount == 0 || r.RootIndex%fields != 0 || r.RootIndex/fields >= r.NodeCount {
		return bad("root %d of %d nodes", r.RootIndex, r.NodeCount)
	}
	h.numNodes, h.numEdges, h.root = int(r.NodeCount), int(r.EdgeCount), int(r.RootIndex/fields)
	return nil
}

func newLayout(what string, fields []string, needed ...string) (layout, error) {
	l := layout{fields: len(fields), at: map[string]int{}}
	if len(fields) > maxFields {
		return l, fmt.Errorf("%d %s", len(fields), what)
	}
	for i, f := range slices.Backward(fields) {
		l.at[f] = i
	}
	for _, f := range needed {
		if _, ok := l.at[f]; !ok {
			return l, fmt.Errorf("%s without %q", what, f)
		}
	}
	return l, nil
}

// typeNames returns the names of an enumerated field. Its entry is a list; those of
// other fields are not.
func typeNames(what string, types []json.RawMessage, field int) ([]string, error) {
	var names []string
	if field >= len(types) || json.Unmarshal(types[field], &names) != nil || len(names) == 0 {
		return nil, fmt.Errorf("%s without a list of types", what)
	}
	if len(names) > maxTypes {
		return nil, fmt.Errorf("%d %s", len(names), what)
	}
	for i := range names {
		names[i] = strings.Clone(names[i])
	}
	return names, nil
}

// kindOf returns the place of the name, or the last place: that of "other".
func kindOf(names []string, name string) int {
	if i := slices.Index(names[:len(names)-1], name); i >= 0 {
		return i
	}
	return len(names) - 1
}
