package capture

import (
	"slices"
	"time"
)

// schema is the version of manifest.json. Fields may be added to a version,
// never renamed or dropped.
const schema = 1

// Series is a capture: what manifest.json says, and where. Sizes are bytes,
// times UTC, durations milliseconds.
type Series struct {
	Schema     int       `json:"schema"`
	Tool       string    `json:"tool"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt,omitzero"` // zero: still running, or killed
	Count      int       `json:"count"`               // snapshots asked for
	IntervalMs int64     `json:"intervalMs"`          // start to start
	SampleMs   int64     `json:"sampleMs"`
	Target     Target    `json:"target"`
	Process    Process   `json:"process"`
	Snapshots  []Shot    `json:"snapshots"` // in the order they were taken
	Samples    []Sample  `json:"samples"`   // memory between the snapshots, in order of time
	Scripts    Scripts   `json:"scripts"`
	Checks     []any     `json:"checks"`
	Warnings   []Warning `json:"warnings"`
	Dir        string    `json:"-"` // where it is
	Unfinished []string  `json:"-"` // names of .tmp files of snapshots that never became whole; set by Load
}

// Complete reports whether all snapshots asked for were taken.
func (s Series) Complete() bool { return s.Count > 0 && len(s.Snapshots) == s.Count }

// Target is the container that the process runs in. All fields may be empty
// when the inspector was reached without AWS.
type Target struct {
	Cluster           string `json:"cluster"`
	Service           string `json:"service"`
	TaskARN           string `json:"taskArn"`
	TaskDefinitionARN string `json:"taskDefinitionArn"`
	Container         string `json:"container"`
	RuntimeID         string `json:"runtimeId"`
	Image             string `json:"image"`
	ImageDigest       string `json:"imageDigest"`
}

// Process is what is recorded of the Node.js process.
type Process struct {
	PID         int       `json:"pid"`
	NodeVersion string    `json:"nodeVersion"`
	V8Version   string    `json:"v8Version"`
	StartedAt   time.Time `json:"startedAt"`
	ExecArgv    []string  `json:"execArgv"`
	MemoryLimit int64     `json:"memoryLimit"` // bytes, 0 = none or unknown
	EnvNames    []string  `json:"envNames"`    // names of environment variables, never values
}

// startTolerance is how far apart two readings of a process's start may be: it
// is computed from clocks that drift and are set.
const startTolerance = 2 * time.Second

// Same reports whether p and q are one process. A restart in a container gets
// the same pid (often 1) but another start.
func (p Process) Same(q Process) bool {
	return p.PID == q.PID && p.StartedAt.Sub(q.StartedAt).Abs() <= startTolerance
}

// Memory is what the process says of its memory, in bytes.
type Memory struct {
	RSS      int64
	HeapUsed int64
	External int64
}

// Sample is Memory at a time.
type Sample struct {
	At       time.Time `json:"at"`
	RSS      int64     `json:"rss"`
	HeapUsed int64     `json:"heapUsed"`
	External int64     `json:"external"`
}

// Shot is one snapshot on disk.
type Shot struct {
	N         int       `json:"n"`    // from 1
	File      string    `json:"file"` // name within the directory
	StartedAt time.Time `json:"startedAt"`
	ElapsedMs int64     `json:"elapsedMs"` // from the request to the last byte

	// PauseMs is how long the snapshot kept the process's event loop from
	// running. If PauseFrom is "process" the process measured it itself, directly
	// before and after the snapshot, and the time on the wire is not in it. If it
	// is "elapsed" nobody could tell and PauseMs is ElapsedMs: an upper bound, far
	// too high on a slow link.
	PauseMs   int64  `json:"pauseMs"`
	PauseFrom string `json:"pauseFrom"`

	Transfer  string `json:"transfer"`     // as Taken has it
	S3        string `json:"s3,omitempty"` // URL of the copy that was left there
	WireBytes int64  `json:"wireBytes"`    // received for this snapshot, 0 = unknown
	Bytes     int64  `json:"bytes"`        // size of File
	SHA256    string `json:"sha256"`       // of File, hexadecimal
	Nodes     int64  `json:"nodes"`
	Edges     int64  `json:"edges"`

	// Memory right before and right after; 0 in the After fields if the process
	// could not be asked any more.
	RSSBefore      int64 `json:"rssBefore"`
	RSSAfter       int64 `json:"rssAfter"`
	HeapUsedBefore int64 `json:"heapUsedBefore"`
	HeapUsedAfter  int64 `json:"heapUsedAfter"`
	RSSPeak        int64 `json:"rssPeak"` // while the snapshot was taken, 0 = unknown

	// Gate is what the source's gate said of this snapshot before it was taken,
	// null without one.
	Gate any `json:"gate"`

	// SameObjectIDs says that an object has the same id in this snapshot as in
	// the one before, so that the two may be compared. It is true only if that is
	// known. Of the first snapshot, which has none before it, it is always true.
	SameObjectIDs bool `json:"sameObjectIds"`
}

// What PauseFrom can be.
const (
	pauseFromProcess = "process"
	pauseFromElapsed = "elapsed"
)

// Scripts are the scripts of the process, by scriptId.
type Scripts map[string]Script

// Script is where a script came from.
type Script struct {
	URL          string `json:"url"`
	SourceMapURL string `json:"sourceMapURL"`
}

// Warning is what the user was told while the series went on.
type Warning struct {
	At   time.Time `json:"at"`
	Shot int       `json:"shot"` // number of the snapshot it is about
	Text string    `json:"text"`
}

// filled returns s with empty lists in place of absent ones: in the manifest no
// list is ever null. The lists are copies.
func (s Series) filled() Series {
	s.Snapshots = append([]Shot{}, s.Snapshots...)
	s.Samples = append([]Sample{}, s.Samples...)
	s.Checks = append([]any{}, s.Checks...)
	s.Warnings = append([]Warning{}, s.Warnings...)
	s.Process.ExecArgv = append([]string{}, s.Process.ExecArgv...)
	s.Process.EnvNames = append([]string{}, s.Process.EnvNames...)
	s.Unfinished = slices.Clone(s.Unfinished)
	if s.Scripts == nil {
		s.Scripts = Scripts{}
	}
	return s
}
