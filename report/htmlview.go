package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

// headView is the top of the page: what one must know.
type headView struct {
	Title      string // of the window
	Sentence   template.HTML
	Verdict    leak.Verdict
	Confidence string
	Reason     string
	Subject    []pair // service, task …
	Figures    []figure
}

// pair is a labelled value.
type pair struct{ Label, Value string }

// figure is a number to be read from afar.
type figure struct{ Label, Value, Unit, Note string }

func (p *pageMaker) head() headView {
	d := p.Diagnosis
	h := headView{
		Sentence: breakable(p.text(d.Summary)), Verdict: d.Verdict, Confidence: share(d.Confidence), Reason: p.text(d.Reason),
		Subject: p.subject(), Figures: p.figures(),
	}
	if h.Sentence == "" {
		h.Sentence = "No diagnosis."
	}
	if h.Verdict == "" {
		h.Verdict = leak.Insufficient
	}
	if h.Verdict == leak.Insufficient {
		h.Confidence = "" // to be sure of not knowing is no news
	}
	h.Title = strings.TrimSpace(p.Info.Service + " " + string(h.Verdict))
	return h
}

// subject says what was looked at.
func (p *pageMaker) subject() []pair {
	i := p.Info
	task := i.TaskARN[strings.LastIndexByte(i.TaskARN, '/')+1:]
	all := []pair{
		{"service", i.Service}, {"cluster", i.Cluster}, {"task", task}, {"container", i.Container},
		{"Node.js", strings.TrimPrefix(i.NodeVersion, "v")},
	}
	if i.PID > 0 {
		all = append(all, pair{"pid", fmt.Sprint(i.PID)})
	}
	if i.Service == "" && i.TaskARN == "" {
		all = append(all, pair{"source", i.Source})
	}
	known := all[:0]
	for _, f := range all {
		if f.Value != "" {
			known = append(known, f)
		}
	}
	return known
}

// figures are the numbers at the top.
func (p *pageMaker) figures() []figure {
	var all []figure
	shots := p.Diagnosis.Snapshots
	if len(shots) > 0 {
		last := shots[len(shots)-1]
		f := newFigure("heap", size(last.Total), "")
		if len(shots) > 1 {
			f.Note = "from " + size(shots[0].Total)
		}
		all = append(all, f)
	}
	if rate, ok := p.heapGrowth(); ok {
		f := newFigure("heap growth", sizeRate(rate), "")
		if p.leads() && p.Diagnosis.Suspects[0].GrowthPerSecond > 0 {
			f.Note = sizeRate(p.Diagnosis.Suspects[0].GrowthPerSecond) + " by suspect 1"
		}
		all = append(all, f)
	}
	if p.leads() {
		top := p.Diagnosis.Suspects[0]
		all = append(all, newFigure("suspect 1 retains", size(top.Retained), share(top.Share)+" of the heap"))
	}
	if left, ok := p.exhausts(); ok {
		all = append(all, newFigure("memory limit in", "≈ "+span(left), "of "+size(p.Info.MemoryLimit)+", at this rate"))
	} else if p.Info.MemoryLimit > 0 {
		all = append(all, newFigure("memory limit", size(p.Info.MemoryLimit), ""))
	}
	f := newFigure("snapshots", grouped(len(shots)), "")
	if n := len(shots); n > 1 && !shots[0].At.IsZero() && shots[n-1].At.After(shots[0].At) {
		f.Note = "over " + span(shots[n-1].At.Sub(shots[0].At))
	}
	return append(all, f)
}

func (p *pageMaker) leads() bool { return len(p.Diagnosis.Suspects) > 0 }

// newFigure sets the unit apart.
func newFigure(label, value, note string) figure {
	i := strings.LastIndexByte(value, ' ')
	if i < 0 || strings.HasPrefix(value, "≈") {
		return figure{Label: label, Value: value, Note: note}
	}
	return figure{Label: label, Value: value[:i], Unit: value[i+1:], Note: note}
}

// heapGrowth is how fast the whole heap grew between the first and the last
// snapshot, in bytes a second.
func (p *pageMaker) heapGrowth() (float64, bool) {
	shots := p.Diagnosis.Snapshots
	if len(shots) < 2 {
		return 0, false
	}
	first, last := shots[0], shots[len(shots)-1]
	if first.At.IsZero() || !last.At.After(first.At) {
		return 0, false
	}
	return float64(last.Total-first.Total) / last.At.Sub(first.At).Seconds(), true
}

// partView is a kind of memory of the last snapshot.
type partView struct {
	Name  string
	Kind  int
	Size  string
	Share string
	X, W  float64 // per cent
}

// parts says what the heap is made of.
func (p *pageMaker) parts() []partView {
	if p.last == nil || p.last.Total() <= 0 {
		return nil
	}
	s := p.last.Statistics()
	rest := s.Total - s.Code - s.Arrays - s.Strings - s.System - s.Native
	kinds := []partView{
		{Name: "objects", Kind: colourObject}, {Name: "arrays", Kind: colourArray}, {Name: "strings", Kind: colourString},
		{Name: "code", Kind: colourCode}, {Name: "buffers and native", Kind: colourNative}, {Name: "V8 itself", Kind: colourSystem},
	}
	at := 0.0
	for i, bytes := range []int64{rest, s.Arrays, s.Strings, s.Code, s.Native, s.System} {
		part := clamp(float64(bytes) / float64(s.Total))
		k := &kinds[i]
		k.Size, k.Share, k.X, k.W = size(max(bytes, 0)), share(part), rounded(at), rounded(100*part)
		at += 100 * part
	}
	return kinds
}

// rounded keeps pages small, and the same on each machine.
func rounded(v float64) float64 { return math.Round(v*100) / 100 }

// factsView is the end of the page: how all of this is known.
type factsView struct {
	Tool, Source string
	Method       string
	Process      []pair
	Shots        []shotView
	Warnings     []string
	Notes        []string
	Findings     []Finding
	Open         bool // contents of strings are in the page
}

// shotView is a snapshot.
type shotView struct {
	N                                                   int
	File, At, Nodes, Edges, Total, Native, Bytes, Pause string
	RSS, HeapUsed, IDs                                  string
}

// shownLines bounds each list of facts; nobody reads more.
const shownLines = 60

// bounded is the beginning of a list, and how much is missing.
func bounded(list []string) []string {
	if len(list) <= shownLines {
		return list
	}
	return append(slices.Clone(list[:shownLines]), fmt.Sprintf("… and %s more", grouped(len(list)-shownLines)))
}

func (p *pageMaker) facts() factsView {
	f := factsView{
		Tool: p.Info.Tool, Source: p.Info.Source, Method: methodText(p.Diagnosis.Method),
		Warnings: bounded(p.Info.Warnings), Findings: p.Info.Findings[:min(len(p.Info.Findings), shownLines)], Open: p.WithStrings,
	}
	for _, note := range bounded(p.Diagnosis.Notes) {
		f.Notes = append(f.Notes, p.text(note))
	}
	f.Process = append(p.subject(), pair{"memory limit", bytesOrNone(p.Info.MemoryLimit)}, pair{"started", moment(p.Info.StartedAt)})
	if p.Info.TaskARN != "" {
		f.Process = append(f.Process, pair{"task ARN", p.Info.TaskARN})
	}
	for i, s := range p.Diagnosis.Snapshots {
		if i >= shownLines && i < len(p.Diagnosis.Snapshots)-shownLines {
			continue // the first and the last tell
		}
		shot := p.shot(i)
		at := s.At
		if at.IsZero() {
			at = shot.At
		}
		v := shotView{
			N: i + 1, File: shot.File, At: moment(at), Nodes: grouped(s.Nodes), Edges: grouped(s.Edges), Total: size(s.Total),
			Native: size(s.Native), Bytes: bytesOrNone(shot.Bytes), RSS: bytesOrNone(shot.RSS), HeapUsed: bytesOrNone(shot.HeapUsed),
			Pause: "–", IDs: "–",
		}
		if shot.Pause > 0 {
			v.Pause = span(shot.Pause)
		}
		if i > 0 {
			v.IDs = map[bool]string{true: "yes", false: "no"}[s.SameIDs]
		}
		f.Shots = append(f.Shots, v)
	}
	return f
}

// bytesOrNone prints a size, 0 as unknown.
func bytesOrNone(n int64) string {
	if n <= 0 {
		return "–"
	}
	return size(n)
}

// moment prints a time.
func moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

// methodText says how the suspects were found.
func methodText(m leak.Method) string {
	switch m {
	case leak.Survivors:
		return "Objects that were allocated between snapshots and were still alive in the last one, grouped by what keeps them."
	case leak.Comparison:
		return "Two snapshots, compared object by object through their ids."
	case leak.ClassComparison:
		return "Classes and paths of several snapshots, compared by name: object ids do not continue from one to the next."
	case leak.Accumulation:
		return "A single snapshot: what holds an unusual part of the heap. It shows what is big, not what grows."
	}
	return "Unknown."
}

// idOr returns the id for a link to the inspector, 0 for a node that is not in
// the snapshot.
func (p *pageMaker) idOr(n heap.Node, id heap.ID) heap.ID {
	if p.valid(n, id) {
		return id
	}
	return 0
}
