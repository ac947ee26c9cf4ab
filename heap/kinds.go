package heap

import "strconv"

// Node is a node of the graph: its ordinal in file order, 0 … NumNodes-1.
type Node uint32

// Edge is an edge of the graph: its ordinal in the flat list of edges, 0 … NumEdges-1.
// The edges of a node are neighbours in that list.
type Edge uint32

// ID is what V8 calls a snapshot object id. An object keeps it over the snapshots of a
// process, as long as its inspector session lasts. Ids of JavaScript objects are odd.
type ID uint64

// NodeType is the kind of a node as V8 names it in the snapshot's meta data.
type NodeType uint8

// The node types of V8 up to Node.js 26. A type that is not among them is OtherNode;
// TypeName still has its name.
const (
	HiddenNode NodeType = iota
	ArrayNode
	StringNode
	ObjectNode
	CodeNode
	ClosureNode
	RegExpNode
	NumberNode
	NativeNode
	SyntheticNode
	ConsStringNode
	SlicedStringNode
	SymbolNode
	BigIntNode
	ShapeNode
	WasmNode
	OtherNode
)

// nodeTypeNames are V8's names, by NodeType.
var nodeTypeNames = [...]string{
	"hidden", "array", "string", "object", "code", "closure", "regexp", "number", "native", "synthetic",
	"concatenated string", "sliced string", "symbol", "bigint", "object shape", "wasm object", "other",
}

// String returns V8's name of the type.
func (t NodeType) String() string { return nameOf(nodeTypeNames[:], int(t)) }

// EdgeType is the kind of a reference as V8 names it in the snapshot's meta data.
type EdgeType uint8

// The edge types of V8. Element and hidden edges have an index, the others a name. A
// type that is not among them is OtherEdge.
const (
	ContextEdge EdgeType = iota
	ElementEdge
	PropertyEdge
	InternalEdge
	HiddenEdge
	ShortcutEdge
	WeakEdge
	OtherEdge
)

// edgeTypeNames are V8's names, by EdgeType.
var edgeTypeNames = [...]string{"context", "element", "property", "internal", "hidden", "shortcut", "weak", "other"}

// String returns V8's name of the type.
func (t EdgeType) String() string { return nameOf(edgeTypeNames[:], int(t)) }

// named says whether the edge's name_or_index is a name.
func (t EdgeType) named() bool { return t != ElementEdge && t != HiddenEdge }

func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return "type " + strconv.Itoa(i)
}

// Detachedness says whether a DOM node, or something like it, is part of a document.
type Detachedness uint8

// The states of Detachedness. Unknown stands for nodes that cannot be detached, too.
const (
	Unknown Detachedness = iota
	Attached
	Detached
)

// Distances that stand for something else than a number of steps.
const (
	// Unreached is the distance of a node that no path leads to.
	Unreached = -5
	// SystemDistance is the distance of the root. Nodes that are reached from the root
	// alone, not from a JavaScript global, lie behind it.
	SystemDistance = 100_000_000
)
