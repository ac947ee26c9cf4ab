package report

import (
	"encoding/json"
	"io"
	"math"
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

// schema is the version of the JSON. Fields may be added to a version, never
// renamed or dropped.
const schema = 1

// JSON writes the report as one object on one line: all suspects and all
// classes, sizes in bytes, times in RFC 3339 UTC, durations in milliseconds in
// fields that end in Ms. Lists are never null.
//
// Errors: those of w.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r.document())
}

// document is the object.
type document struct {
	Schema           int            `json:"schema"`
	Verdict          leak.Verdict   `json:"verdict"`
	Confidence       float64        `json:"confidence"`
	Summary          string         `json:"summary"`
	Reason           string         `json:"reason"`
	Method           leak.Method    `json:"method"`
	Tool             string         `json:"tool,omitempty"`
	Source           string         `json:"source,omitempty"`
	Process          *processJSON   `json:"process,omitempty"`
	Snapshots        []snapshotJSON `json:"snapshots"`
	Suspects         []suspectJSON  `json:"suspects"`
	Classes          []growthJSON   `json:"classes"`
	AllocatedBetween []classJSON    `json:"allocatedBetween"`
	Notes            []string       `json:"notes"`
	Warnings         []string       `json:"warnings"`
}

type processJSON struct {
	Cluster     string    `json:"cluster,omitempty"`
	Service     string    `json:"service,omitempty"`
	TaskARN     string    `json:"taskArn,omitempty"`
	Container   string    `json:"container,omitempty"`
	NodeVersion string    `json:"nodeVersion,omitempty"`
	PID         int       `json:"pid,omitempty"`
	StartedAt   time.Time `json:"startedAt,omitzero"`
	MemoryLimit int64     `json:"memoryLimit,omitempty"`
}

type snapshotJSON struct {
	File          string    `json:"file,omitempty"`
	At            time.Time `json:"at,omitzero"`
	Nodes         int       `json:"nodes"`
	Edges         int       `json:"edges"`
	TotalSize     int64     `json:"totalSize"`
	NativeSize    int64     `json:"nativeSize"`
	SameObjectIDs bool      `json:"sameObjectIds"` // ids continue from the one before
	PauseMs       int64     `json:"pauseMs,omitempty"`
	Bytes         int64     `json:"bytes,omitempty"` // of the file
	RSS           int64     `json:"rss,omitempty"`
	HeapUsed      int64     `json:"heapUsed,omitempty"`
}

type suspectJSON struct {
	Rank            int          `json:"rank"`
	Score           float64      `json:"score"`
	Confidence      float64      `json:"confidence"`
	Title           string       `json:"title"`
	Pattern         leak.Pattern `json:"pattern"`
	Kind            string       `json:"kind"`
	Class           string       `json:"class"`
	ID              heap.ID      `json:"id"`
	Location        string       `json:"location,omitempty"`
	RetainedSize    int64        `json:"retainedSize"`
	Share           float64      `json:"share"`
	Counts          []int        `json:"counts"` // by snapshot, -1 = unknown
	Sizes           []int64      `json:"sizes"`  // by snapshot, -1 = unknown
	CountDelta      int          `json:"countDelta"`
	SizeDelta       int64        `json:"sizeDelta"`
	GrowthPerSecond float64      `json:"growthPerSecond"` // bytes, 0 = unknown
	CountPerSecond  float64      `json:"countPerSecond"`  // 0 = unknown
	ExhaustsMs      int64        `json:"exhaustsMs,omitempty"`
	Path            []stepJSON   `json:"path"`
	Keeps           []keptJSON   `json:"keeps"`
	CreatedAt       string       `json:"createdAt,omitempty"`
	AllocatedAt     string       `json:"allocatedAt,omitempty"`
	Samples         []sampleJSON `json:"samples"`
	Explanation     string       `json:"explanation"`
	Advice          string       `json:"advice"`
}

type stepJSON struct {
	Edge     string  `json:"edge"`
	ID       heap.ID `json:"id"`
	Class    string  `json:"class"`
	Location string  `json:"location,omitempty"`
}

type keptJSON struct {
	Class string `json:"class"`
	Count int    `json:"count"`
	Size  int64  `json:"size"`
}

type sampleJSON struct {
	ID    heap.ID `json:"id"`
	Class string  `json:"class"`
	Name  string  `json:"name,omitempty"` // with the contents of strings alone
}

// growthJSON is a class over the series; the lists have an element a snapshot.
type growthJSON struct {
	Class         string  `json:"class"`
	Location      string  `json:"location,omitempty"`
	Counts        []int   `json:"counts"`
	ShallowSizes  []int64 `json:"shallowSizes"`
	RetainedSizes []int64 `json:"retainedSizes"`
	CountDelta    int     `json:"countDelta"`
	SizeDelta     int64   `json:"sizeDelta"` // shallow
}

// classJSON is a row as `ecsheap summary` has it.
type classJSON struct {
	Class        string `json:"class"`
	Location     string `json:"location,omitempty"`
	Count        int    `json:"count"`
	ShallowSize  int64  `json:"shallowSize"`
	RetainedSize int64  `json:"retainedSize"`
	Distance     int    `json:"distance"`
}

func (r *Report) document() document {
	d := r.Diagnosis
	n := writer{Report: r, name: r.namer()}
	n.scrub = r.scrubber(n.name).Replace
	return document{
		Schema: schema, Verdict: d.Verdict, Confidence: clamp(d.Confidence), Summary: n.scrub(d.Summary), Reason: n.scrub(d.Reason), Method: d.Method,
		Tool: r.Info.Tool, Source: r.Info.Source, Process: r.processJSON(),
		Snapshots: r.snapshotsJSON(), Suspects: each(d.Suspects, n.suspect), Classes: each(d.Classes, n.growth),
		AllocatedBetween: each(d.Between, n.class), Notes: each(d.Notes, n.scrub), Warnings: filled(r.Info.Warnings),
	}
}

// writer makes the parts of the object that hold names of the heap.
type writer struct {
	*Report
	name  namer
	scrub func(string) string // takes what may not be shown out of sentences
}

// each converts a list; the result is never nil.
func each[A, B any](list []A, convert func(A) B) []B {
	out := make([]B, len(list))
	for i, a := range list {
		out[i] = convert(a)
	}
	return out
}

// filled is the list, empty in place of nil.
func filled[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// processJSON is nil for files of which nothing is known.
func (r *Report) processJSON() *processJSON {
	i := r.Info
	p := processJSON{
		Cluster: i.Cluster, Service: i.Service, TaskARN: i.TaskARN, Container: i.Container,
		NodeVersion: i.NodeVersion, PID: i.PID, StartedAt: utc(i.StartedAt), MemoryLimit: i.MemoryLimit,
	}
	if p == (processJSON{}) {
		return nil
	}
	return &p
}

func (r *Report) snapshotsJSON() []snapshotJSON {
	list := make([]snapshotJSON, len(r.Diagnosis.Snapshots))
	for i, s := range r.Diagnosis.Snapshots {
		shot := r.shot(i)
		at := s.At
		if at.IsZero() {
			at = shot.At
		}
		list[i] = snapshotJSON{
			File: shot.File, At: utc(at), Nodes: s.Nodes, Edges: s.Edges, TotalSize: s.Total, NativeSize: s.Native, SameObjectIDs: s.SameIDs,
			PauseMs: shot.Pause.Milliseconds(), Bytes: shot.Bytes, RSS: shot.RSS, HeapUsed: shot.HeapUsed,
		}
	}
	return list
}

func (w writer) suspect(s leak.Suspect) suspectJSON {
	return suspectJSON{
		Rank: s.Rank, Score: finite(s.Score), Confidence: clamp(s.Confidence), Title: w.scrub(s.Title), Pattern: s.Pattern, Kind: kindText(&s),
		Class: w.name.class(s.Class), ID: s.ID, Location: placeText(s.Location),
		RetainedSize: s.Retained, Share: clamp(s.Share), Counts: filled(s.Counts), Sizes: filled(s.Sizes),
		CountDelta: s.CountDelta, SizeDelta: s.SizeDelta,
		GrowthPerSecond: finite(s.GrowthPerSecond), CountPerSecond: finite(s.CountPerSecond), ExhaustsMs: s.Exhausts.Milliseconds(),
		Path:      each(s.Path, w.step),
		Keeps:     each(s.Keeps, func(k leak.Kept) keptJSON { return keptJSON{w.name.class(k.Class), k.Count, k.Size} }),
		CreatedAt: placeText(s.CreatedAt), AllocatedAt: placeText(s.AllocatedAt),
		Samples: w.samples(s.Samples), Explanation: w.scrub(s.Explanation), Advice: w.scrub(s.Advice),
	}
}

func (w writer) step(s leak.Step) stepJSON {
	return stepJSON{Edge: w.edgeName(s), ID: s.ID, Class: w.name.class(s.Class), Location: placeText(s.Place)}
}

func (w writer) samples(nodes []heap.Node) []sampleJSON {
	if w.last == nil {
		return []sampleJSON{}
	}
	return each(nodes, func(n heap.Node) sampleJSON {
		s := sampleJSON{ID: w.last.ID(n), Class: w.name.class(w.last.Class(n))}
		if w.WithStrings {
			s.Name = w.last.Name(n)
		}
		return s
	})
}

func (w writer) growth(g leak.Growth) growthJSON {
	return growthJSON{
		Class: w.name.class(g.Class), Location: placeText(g.Location),
		Counts: filled(g.Counts), ShallowSizes: filled(g.Shallow), RetainedSizes: filled(g.Retained),
		CountDelta: change(g.Counts), SizeDelta: change(g.Shallow),
	}
}

func (w writer) class(c heap.Class) classJSON {
	out := classJSON{Class: w.name.class(c.Name), Count: c.Count, ShallowSize: c.Shallow, RetainedSize: c.Retained, Distance: c.Distance}
	if c.Location != nil {
		out.Location = c.Location.String()
	}
	return out
}

// utc leaves the zero time what it is.
func utc(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

// finite makes a number one that JSON knows.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}
