package heaptest

import "strconv"

// Version is a major version of Node.js: it decides the layout of a file.
type Version int

// The versions whose layouts differ, or that the tests run.
const (
	Node14 Version = 14
	Node16 Version = 16
	Node18 Version = 18
	Node20 Version = 20
	Node22 Version = 22
	Node24 Version = 24
	Node26 Version = 26
)

// Versions returns all of them, oldest first.
func Versions() []Version {
	return []Version{Node14, Node16, Node18, Node20, Node22, Node24, Node26}
}

// String returns the number alone: "24".
func (v Version) String() string { return strconv.Itoa(int(v)) }

// has says whether the files of the version have something that not all have.
func (v Version) has(what string) bool {
	switch what {
	case "detachedness":
		return v >= Node16
	case "extra_native_bytes":
		return v >= Node24
	case "object shape":
		return v >= Node20
	case "wasm object":
		return v == Node20
	case "line breaks": // one a record; later there is none but between the sections
		return v < Node24
	case "trace_node_id": // later it comes with allocation tracking alone
		return v < Node24
	}
	return false
}

// nodeTypes returns V8's node types in the order of their numbers.
func (v Version) nodeTypes() []string {
	types := []string{
		"hidden", "array", "string", "object", "code", "closure", "regexp", "number", "native", "synthetic",
		"concatenated string", "sliced string", "symbol", "bigint",
	}
	for _, later := range []string{"object shape", "wasm object"} {
		if v.has(later) {
			types = append(types, later)
		}
	}
	return types
}

// edgeTypes returns V8's edge types in the order of their numbers.
func edgeTypes() []string {
	return []string{"context", "element", "property", "internal", "hidden", "shortcut", "weak"}
}

// nodeFields returns the fields of a node in the order of the file.
func (v Version) nodeFields(tracked bool) []string {
	fields := []string{"type", "name", "id", "self_size", "edge_count"}
	if v.has("trace_node_id") || tracked {
		fields = append(fields, "trace_node_id")
	}
	if v.has("detachedness") {
		fields = append(fields, "detachedness")
	}
	return fields
}

// nodeFieldTypes returns what stands in node_types after the types: one word a
// field. V8 had one too many before it had detachedness, and again after it
// left out trace_node_id, until Node.js 26.
func (v Version) nodeFieldTypes(tracked bool) []string {
	words := []string{"string", "number", "number", "number", "number", "number"}
	if v >= Node26 {
		words = words[:len(v.nodeFields(tracked))-1]
	}
	return words
}
