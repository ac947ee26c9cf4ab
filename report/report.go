// Package report tells a diagnosis: as text for a terminal, as JSON for
// scripts, as one HTML file for people, and as a profile for go tool pprof.
package report

import (
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

// Info is what a report says of a capture beside its diagnosis. The zero value
// is fine: files without a manifest.
type Info struct {
	Tool        string // name and version of the program
	Source      string // the directory or the files, for the reader
	Cluster     string
	Service     string
	TaskARN     string
	Container   string
	NodeVersion string
	PID         int
	StartedAt   time.Time // of the process; zero = unknown
	MemoryLimit int64     // bytes, 0 = none or unknown
	Shots       []Shot    // as many as the diagnosis has snapshots
	Samples     []Sample
	Warnings    []string
	Findings    []Finding // of the preflight
	// Last is the file of the last snapshot as one types it in a shell, ""
	// = unknown. Page is that of the HTML report beside it.
	Last, Page string
}

// Shot is what a report says of taking a snapshot.
type Shot struct {
	File     string // name
	At       time.Time
	Pause    time.Duration
	Bytes    int64
	RSS      int64 // before, bytes
	HeapUsed int64 // before, bytes
}

// Sample is the memory of the process at a time, in bytes.
type Sample struct {
	At                      time.Time
	RSS, HeapUsed, External int64
}

// Finding is a line of the preflight.
type Finding struct {
	ID, Level, Got, Fix string
}

// Report is a diagnosis with all that is needed to tell it.
type Report struct {
	Info      Info
	Diagnosis *leak.Diagnosis
	// WithStrings shows the contents of strings. A heap holds secrets.
	WithStrings bool
	// IsCode says whether a name of a property or a class is one of code, and no data. The
	// others are masked. nil = all that read like code are shown.
	IsCode func(name string) bool
	// IsConstant says whether a name of several words, such as user:created, is as a whole a
	// constant of code: a key made of data may have words of code for its parts. nil = none is.
	IsConstant func(name string) bool

	last *heap.Snapshot // the last snapshot
}

// New returns the report on a diagnosis. last is the last snapshot of its
// series.
func New(info Info, d *leak.Diagnosis, last *heap.Snapshot) *Report {
	return &Report{Info: info, Diagnosis: d, last: last}
}
