package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/ecsheap/ecsheap/leak"
)

const (
	// DefaultWidth is what Text keeps to unless told otherwise, in columns: a
	// window on half a screen.
	DefaultWidth = 100

	// minWidth is the least that a table can be read in.
	minWidth = 50

	// fieldWidth is where the values of labelled lines begin.
	fieldWidth = 14

	// wholeSuspects are told in full: who has three leaks to mend will look at the
	// fourth another day. The others have a line each, up to listedSuspects.
	wholeSuspects  = 3
	listedSuspects = 10

	// shownTask is how much of the id of a task is told, as in the names of
	// directories.
	shownTask = 8

	// listedClasses are the rows of growth by class.
	listedClasses = 10
)

// Text writes the report for a terminal or a mail, in lines of at most width
// columns (0 = DefaultWidth, and 50 at least). It holds no colours. The sentence
// comes first, what to do next last.
//
// Errors: those of w.
func (r *Report) Text(w io.Writer, width int) error {
	if width == 0 {
		width = DefaultWidth
	}
	t := &page{w: bufio.NewWriter(w), width: max(width, minWidth), name: r.namer()}
	t.scrub = r.scrubber(t.name)
	r.printHead(t)
	for i := range r.Diagnosis.Suspects {
		if i == wholeSuspects {
			r.printMoreSuspects(t, r.Diagnosis.Suspects[i:])
			break
		}
		r.printSuspect(t, &r.Diagnosis.Suspects[i])
	}
	r.printClasses(t)
	r.printNotes(t)
	r.printNext(t)
	return t.w.Flush()
}

// page is text in the making; the writer keeps the first error.
type page struct {
	w     *bufio.Writer
	width int
	name  namer    // of what may be shown
	scrub scrubber // takes the rest out of sentences
}

// line prints a line, cut to the width.
func (t *page) line(format string, args ...any) {
	fmt.Fprintln(t.w, strings.TrimRight(within(visible(fmt.Sprintf(format, args...)), t.width), " "))
}

// title begins a part.
func (t *page) title(text string) {
	t.line("")
	t.line("%s", text)
}

// text prints sentences, broken into lines behind an indent.
func (t *page) text(indent, text string) { t.item(indent, indent, text) }

// item prints sentences whose first line begins in another way than the others.
func (t *page) item(first, indent, text string) {
	for i, l := range lines(visible(t.scrub.Replace(text)), t.width-max(cells(first), cells(indent))) {
		if i == 0 {
			t.line("%s", first+l)
		} else {
			t.line("%s", indent+l)
		}
	}
}

// field prints a labelled value, and nothing when there is none.
func (t *page) field(indent, label, value string) {
	if value == "" {
		return
	}
	t.item(indent+pad(label, fieldWidth), indent+strings.Repeat(" ", fieldWidth), value)
}

// Sentence is the diagnosis in one sentence, without what the report may not
// show.
func (r *Report) Sentence() string {
	if r.Diagnosis.Summary == "" {
		return "No diagnosis."
	}
	return r.scrubber(r.namer()).Replace(r.Diagnosis.Summary)
}

// printHead is what one must know: the sentence, the verdict and why, of what.
func (r *Report) printHead(t *page) {
	d := r.Diagnosis
	t.text("", r.Sentence())
	t.line("")
	verdict := string(d.Verdict)
	if d.Verdict != leak.Insufficient { // there is nothing to be confident of
		verdict += ", confidence " + share(d.Confidence)
	}
	t.field("", "verdict", verdict)
	t.field("", "because", d.Reason)
	t.field("", "process", r.processText())
	t.field("", "heap", r.heapText())
	t.field("", "memory", r.memoryText())
}

// processText names the process as far as it is known.
func (r *Report) processText() string {
	i := r.Info
	var parts []string
	add := func(format string, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	add("service %s", i.Service)
	add("cluster %s", i.Cluster)
	task := i.TaskARN[strings.LastIndexByte(i.TaskARN, '/')+1:]
	add("task %s", task[:min(len(task), shownTask)])
	add("container %s", i.Container)
	add("Node.js %s", strings.TrimPrefix(i.NodeVersion, "v"))
	if i.PID > 0 {
		parts = append(parts, fmt.Sprintf("pid %d", i.PID))
	}
	if first := r.shot(0).At; !first.IsZero() && first.After(i.StartedAt) && !i.StartedAt.IsZero() {
		parts = append(parts, fmt.Sprintf("up %s at the first snapshot", span(first.Sub(i.StartedAt))))
	}
	return strings.Join(parts, ", ")
}

// shot returns what is known of taking a snapshot.
func (r *Report) shot(i int) Shot {
	if i < 0 || i >= len(r.Info.Shots) {
		return Shot{}
	}
	return r.Info.Shots[i]
}

// heapText is the size of the heap by snapshot, and over which time.
func (r *Report) heapText() string {
	all := r.Diagnosis.Snapshots
	if len(all) == 0 {
		return ""
	}
	sizes := make([]int64, len(all))
	for i, s := range all {
		sizes[i] = s.Total
	}
	text := trend(sizes, size)
	if len(all) == 1 {
		return text + " in a single snapshot"
	}
	text += fmt.Sprintf(" in %d snapshots", len(all))
	if first, last := all[0].At, all[len(all)-1].At; !first.IsZero() && last.After(first) {
		text += " over " + span(last.Sub(first))
	}
	return text
}

// memoryText is the resident memory by snapshot, and its limit.
func (r *Report) memoryText() string {
	var rss []int64
	for _, s := range r.Info.Shots {
		if s.RSS > 0 {
			rss = append(rss, s.RSS)
		}
	}
	var parts []string
	if len(rss) > 0 {
		parts = append(parts, trend(rss, size)+" resident")
	}
	if r.Info.MemoryLimit > 0 {
		parts = append(parts, "limit "+size(r.Info.MemoryLimit))
	}
	if d, ok := r.exhausts(); ok {
		parts = append(parts, "reached in about "+span(d)+" at this rate")
	}
	return strings.Join(parts, ", ")
}

// exhausts returns how long the memory lasts by the suspect that uses it up
// first.
func (r *Report) exhausts() (time.Duration, bool) {
	var least time.Duration
	for _, s := range r.Diagnosis.Suspects {
		if s.Exhausts > 0 && (least == 0 || s.Exhausts < least) {
			least = s.Exhausts
		}
	}
	return least, least > 0 && r.Diagnosis.Verdict != leak.Stable
}

// shownTrend is how many values of a series are told one by one.
const shownTrend = 5

// trend prints values over time; of a long series the first and the last. Values
// below 0 are unknown.
func trend[N ~int | ~int64](values []N, print func(N) string) string {
	if len(values) == 0 {
		return ""
	}
	texts := make([]string, len(values))
	for i, v := range values {
		if texts[i] = "?"; v >= 0 {
			texts[i] = print(v)
		}
	}
	if len(texts) > shownTrend {
		texts = []string{texts[0], "…", texts[len(texts)-1]}
	}
	return strings.Join(texts, " → ")
}

// printNotes tells what limits the answer.
func (r *Report) printNotes(t *page) {
	notes := append(append([]string{}, r.Diagnosis.Notes...), r.Info.Warnings...)
	if len(notes) == 0 {
		return
	}
	t.title("NOTES")
	for _, note := range notes {
		t.item("- ", "  ", note)
	}
}

// printNext tells what to do.
func (r *Report) printNext(t *page) {
	t.title("NEXT")
	d := r.Diagnosis
	switch {
	case len(d.Snapshots) < 3 && d.Verdict != leak.Stable:
		t.item("- ", "  ", "take three snapshots some minutes apart under load: ecsheap snapshot --count 3 --interval 10m …")
	case d.Verdict == leak.Growing:
		t.item("- ", "  ", "wait until the service is warm and compare again: what still grows then, leaks")
	case d.Verdict == leak.Stable:
		t.item("- ", "  ", "the heap is not where memory goes; if the container still grows, look at native memory and buffers")
	case d.Verdict == leak.Insufficient && d.Method == leak.ClassComparison:
		t.item("- ", "  ", "take three snapshots in one go, of a service that does not restart meanwhile: ecsheap snapshot --count 3 --interval 10m …")
	case d.Verdict == leak.Insufficient:
		t.item("- ", "  ", "take snapshots further apart, under load: ecsheap snapshot --count 3 --interval 10m …")
	}
	if len(d.Suspects) > 0 && d.Suspects[0].ID != 0 {
		file := r.Info.Last
		if file == "" {
			file = "FILE"
		}
		t.item("- ", "  ", fmt.Sprintf("look at the suspect: ecsheap inspect --id %d %s", d.Suspects[0].ID, file))
	}
	if text := r.Sentence(); strings.Contains(text, maskedKey) || strings.Contains(text, maskedClass) {
		t.item("- ", "  ", "see the names that may be data, and so are masked here: ecsheap analyze --with-strings …")
	}
	if r.Info.Page != "" {
		t.item("- ", "  ", "open in a browser: "+r.Info.Page)
	}
}
