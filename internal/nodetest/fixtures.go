package nodetest

import _ "embed" // the fixture apps

//go:embed quiet.js
var quiet string

//go:embed bulk.js
var bulk string

// QuietReady and BulkReady are what Options.Ready waits for with the fixtures.
const (
	QuietReady = "ready at "
	BulkReady  = "filled "
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
