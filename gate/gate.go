// Package gate forecasts what a heap snapshot costs the process it is taken of,
// and decides from that whether it may be taken.
//
// A snapshot stops the event loop and needs several times the heap in memory,
// by the number of objects and not by their bytes (docs/measurements). The
// package is pure: it asks nothing and nobody, everything it knows is in its
// arguments.
//
//	forecast := gate.Predict(vitals, gate.Disk, seen)
//	decision := gate.Decide(forecast, limits, vitals)
//	if err := decision.Err(); err != nil { … }
package gate

import (
	"encoding/json"
	"time"
)

// Transfer is the way of a snapshot out of the process.
type Transfer string

// The transfers, in the words of the flag --transfer.
const (
	Disk   Transfer = "disk"   // written to a file there, read in ranges
	Memory Transfer = "memory" // kept compressed in the memory of the process, read in ranges
	S3     Transfer = "s3"     // written to a file there, uploaded from there
	Stream Transfer = "stream" // sent by the inspector while it is made; what is not sent yet waits in memory
)

// Vitals are the figures of a process and its container right before a
// snapshot. Sizes are in bytes; 0 stands for unknown unless said otherwise.
type Vitals struct {
	NodeMajor, NodeMinor int

	RSS       int64 // resident memory of the process
	HeapUsed  int64 // by objects of V8's heap, of the main thread
	HeapTotal int64 // what that heap has from the system
	External  int64 // memory outside of the heap that its objects hold
	// LargeObjects is what objects above about 128 KB use: the spaces
	// large_object_space and new_large_object_space together.
	LargeObjects  int64
	HeapSizeLimit int64 // heap_size_limit of V8: the old generation and the young one
	OldSpaceLimit int64 // --max-old-space-size in bytes, where the process was started with one

	MemoryLimit int64 // of the container, 0 = none is known
	MemoryUsed  int64 // by the container, without what the kernel can take back
	DiskFree    int64 // where the file is to go; below 0 = unknown

	CPUs float64 // quota in CPUs, 0 = unknown or none
	Load float64 // event loop utilization from 0 to 1, below 0 = unknown

	Collected bool    // the garbage was collected right before
	Census    *Census // objects as V8 counted them, nil = not asked
}

// Seen is what an earlier snapshot of the same process cost.
type Seen struct {
	Nodes     int64 // of the snapshot
	FileBytes int64
	HeapUsed  int64 // before it
	RSSBefore int64
	RSSPeak   int64 // 0 = not known; then RSSAfter stands for it
	RSSAfter  int64
	Pause     time.Duration
}

// Range is a forecast figure: with the confidence of its forecast it is
// between Low and High, and Likely is the best single guess.
type Range[N int64 | time.Duration] struct {
	Low, Likely, High N
}

// Within tells whether a figure is in the range, ends included.
func (r Range[N]) Within(n N) bool { return r.Low <= n && n <= r.High }

// Forecast is what a snapshot is expected to cost.
type Forecast struct {
	Transfer Transfer
	Extra    Range[int64]         // resident memory on top of what the process has now
	Peak     Range[int64]         // resident memory of the process at the worst moment
	Pause    Range[time.Duration] // for which nothing else runs in the process
	File     Range[int64]         // size of the snapshot
	// Confidence is the share of measured cases whose peak was within Peak.
	Confidence float64
	Sure       string // the same in words: "rough", "good" or "close"
	Basis      string // what the forecast rests on, a sentence without its period
}

// MarshalJSON writes sizes in bytes and the pause in milliseconds, as the other
// JSON of the program.
func (f Forecast) MarshalJSON() ([]byte, error) {
	type ends struct {
		Low    int64 `json:"low"`
		Likely int64 `json:"likely"`
		High   int64 `json:"high"`
	}
	return json.Marshal(struct {
		Transfer   Transfer `json:"transfer"`
		Extra      ends     `json:"extra"`
		Peak       ends     `json:"peak"`
		PauseMs    ends     `json:"pauseMs"`
		File       ends     `json:"file"`
		Confidence float64  `json:"confidence"`
		Sure       string   `json:"sure"`
		Basis      string   `json:"basis"`
	}{
		Transfer: f.Transfer, Extra: ends(f.Extra), Peak: ends(f.Peak), File: ends(f.File),
		PauseMs:    ends{f.Pause.Low.Milliseconds(), f.Pause.Likely.Milliseconds(), f.Pause.High.Milliseconds()},
		Confidence: f.Confidence, Sure: f.Sure, Basis: f.Basis,
	})
}
