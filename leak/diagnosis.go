package leak

import (
	"time"

	"github.com/ecsheap/ecsheap/heap"
)

// Verdict is the answer to "does it leak?".
type Verdict string

// The verdicts, worst first.
const (
	// Leaking: something grows in every interval, keeps what was allocated, and
	// shows no sign of a bound.
	Leaking Verdict = "leak"
	// Growing: something grows, but it may be warm-up or a cache that fills.
	Growing Verdict = "growth"
	// Stable: nothing grows that matters.
	Stable Verdict = "stable"
	// Insufficient: what there is cannot tell, as one snapshot never can.
	Insufficient Verdict = "insufficient"
)

// Method is how the suspects were found.
type Method string

// The methods, best first.
const (
	// Survivors follows objects by their ids over three snapshots or more.
	Survivors Method = "survivors"
	// Comparison follows objects by their ids over two snapshots.
	Comparison Method = "comparison"
	// ClassComparison compares classes, and within a process paths, since ids do not continue.
	ClassComparison Method = "classes"
	// Accumulation looks for what holds most in a single snapshot.
	Accumulation Method = "accumulation"
)

// Pattern is a well-known way to leak.
type Pattern string

// The patterns. Each has an explanation and an advice of its own.
const (
	UnboundedCache      Pattern = "unbounded cache"
	UnboundedArray      Pattern = "unbounded array"
	ListenerLeak        Pattern = "listener leak"
	TimerLeak           Pattern = "timer never cleared"
	ClosureRetention    Pattern = "closure retention"
	RequestRetention    Pattern = "request retained"
	StringConcatenation Pattern = "string concatenation"
	LinkedList          Pattern = "linked list"
	PendingPromises     Pattern = "promises that never settle"
	OpenSockets         Pattern = "sockets kept after they closed"
	OpenStreams         Pattern = "streams never destroyed"
	WeakMapValue        Pattern = "value of a WeakMap holds its key"
	SessionStore        Pattern = "sessions never expire"
	BufferRetention     Pattern = "buffers retained"
	CodeGrowth          Pattern = "code generated over and over"
	Finalizers          Pattern = "registered for finalization"
	ModulesLoaded       Pattern = "modules loaded" // comes to an end by itself
	OtherPattern        Pattern = "growth"
)

// Diagnosis is the answer to a series of snapshots, as plain data. Slices are
// never nil. Sizes are bytes.
type Diagnosis struct {
	Verdict    Verdict
	Confidence float64 // 0 … 1, in the verdict
	Reason     string  // why this verdict, a sentence or two
	Summary    string  // the one sentence that a reader needs
	Method     Method
	Snapshots  []Snapshot // oldest first
	Suspects   []Suspect  // worst first
	Classes    []Growth   // all classes of the last snapshot and those that are gone, biggest growth of shallow bytes first
	Between    []heap.Class
	// Notes are facts that limit or add to the answer: ids that do not continue,
	// memory that grows outside of the heap. Sentences.
	Notes []string
}

// Snapshot is what a diagnosis says of one snapshot.
type Snapshot struct {
	At      time.Time // zero = unknown
	Nodes   int
	Edges   int
	Total   int64 // as heap.Snapshot.Total
	Native  int64 // the part outside of V8's heap, as heap.Statistics.Native
	SameIDs bool  // ids continue from the snapshot before
}

// Suspect is an accumulation point: the thing that should not grow.
type Suspect struct {
	Rank       int
	Score      float64 // bytes of steady growth that it explains, per interval
	Confidence float64 // 0 … 1, that it leaks
	Title      string  // "ThrottlerStorageService.timeoutIds (Map)"
	Pattern    Pattern
	Kind       string    // the pattern in words that claim no more than the snapshots show
	Node       heap.Node // in the last snapshot
	ID         heap.ID
	Class      string
	Location   *Place  // of the code that owns it, nil = unknown
	Retained   int64   // in the last snapshot; of what it alone or with others keeps
	Share      float64 // Retained of the heap, 0 … 1
	Counts     []int   // what it holds directly, by snapshot; -1 = was not there or is unknown
	Sizes      []int64 // retained by snapshot; -1 = was not there or is unknown
	CountDelta int     // from the first to the last snapshot that has it
	SizeDelta  int64
	// GrowthPerSecond is in bytes; 0 when times are not known.
	GrowthPerSecond float64
	// CountPerSecond is in objects; 0 when times are not known.
	CountPerSecond float64
	// Exhausts is how long the memory limit lasts at this rate after the last
	// snapshot; 0 = unknown or no limit.
	Exhausts    time.Duration
	Path        []Step // from a root to the suspect
	Keeps       []Kept // most bytes first
	AllocatedAt *Place // where what it keeps was allocated, when the snapshot knows
	CreatedAt   *Place // of the function whose closures or objects it keeps: the best guess at the culprit, nil = unknown
	Explanation string
	Advice      string
	// Samples are some of the objects that it keeps, newest first, to look at.
	Samples []heap.Node

	holds   string   // class of most of what it holds directly
	history *history // by path, nil = unknown
	lift    *lift    // whose sizes these are, nil = its own
	reused  bool     // its elements are used again and again
	// candidate is what it was made of, nil in what others make.
	candidate *candidate
}

// Place is a position in source code, counted from 1 as editors do.
type Place struct {
	File     string // path, URL or "script 57"
	Line     int    // 0 = unknown: a variable of a file
	Column   int    // 0 = unknown
	Function string // name, "" = unknown or anonymous
	Original bool   // found through a source map
}

// Step is one edge of a path from a root.
type Step struct {
	Edge  string // "global.requestCache", "[entry]", "context.cache": readable
	Type  heap.EdgeType
	ID    heap.ID // of the object that the edge leads to
	Node  heap.Node
	Class string
	Place *Place // of closures and constructors, nil = unknown
}

// Kept is a class of what a suspect keeps.
type Kept struct {
	Class string
	Count int   // objects allocated since the first snapshot; all of them with a single one
	Size  int64 // bytes, shallow
}

// Growth is a class over the series. The slices have an element a snapshot.
type Growth struct {
	Class    string
	Location *Place // of the constructor, nil = unknown
	Counts   []int
	Shallow  []int64
	Retained []int64
}
