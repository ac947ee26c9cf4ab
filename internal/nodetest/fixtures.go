package nodetest

import _ "embed" // the fixture apps

//go:embed quiet.js
var quiet string

//go:embed bulk.js
var bulk string

//go:embed shapes.js
var shapes string

//go:embed probe.js
var probe string

// QuietReady, BulkReady, ShapesReady and ProbeReady are what Options.Ready waits for with
// the fixtures.
const (
	QuietReady  = "ready at "
	BulkReady   = "filled "
	ShapesReady = "shaped "
	ProbeReady  = "probed "
)

// Quiet is a healthy HTTP service with a bounded cache. It prints "ready at
// 127.0.0.1:<port>".
func Quiet() string { return quiet }

// Bulk is a program with a large heap: its first argument is the wanted size of
// a snapshot file in MB (10^6 bytes), 100 without one. The file differs from
// that by up to a tenth with the version of Node.js, or by 6 MB when small. It
// prints "filled …". Each of its Order objects has a property "marker" with a
// string of its own.
func Bulk() string { return bulk }

// Shapes is a program with a heap of one shape: its first argument is one of
// [ShapeNames], or several joined by "+" in equal parts, its second how many MB
// (10^6 bytes) the heap is to use beside the few of an empty Node.js, to about
// a fifth. The same arguments make the same objects. It prints "shaped …".
func Shapes() string { return shapes }

// ShapeNames returns the shapes of Shapes: a usual mix, eight that each take one
// thing to its extreme, and eight like what real programs keep. They differ in
// what a snapshot of them costs.
func ShapeNames() []string {
	return []string{
		"mix", "tiny", "strings", "map", "dictionary", "closures", "buffers", "texts", "array",
		"records", "sessions", "documents", "trees", "series", "callbacks", "list", "slices",
	}
}

// Probe stands behind another fixture in one script and has the process look at
// itself; its first lines say at what. It needs Linux.
func Probe() string { return probe }
