package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/leak"
)

const (
	// shownKeeps are the classes that are named of what a suspect keeps.
	shownKeeps = 5

	// shownSteps of a path are told at most: its beginning names the module, its
	// end the collection.
	shownSteps = 12

	// edgeWidth and stepClassWidth are what an edge and a class may take of a line
	// of a path before they are cut.
	edgeWidth      = 38
	stepClassWidth = 30
)

// printSuspect tells one suspect in full.
func (r *Report) printSuspect(t *page, s *leak.Suspect) {
	const indent = "   "
	t.line("")
	t.item(fmt.Sprintf("%d. ", s.Rank), indent, s.Title)
	t.text(indent, suspectLine(s))
	t.line("")
	t.field(indent, "holds", holdsText(s))
	t.field(indent, "retains", retainsText(s))
	if s.Exhausts > 0 {
		t.field(indent, "memory limit", "reached in about "+span(s.Exhausts)+" at this rate")
	}
	t.field(indent, "code", placeText(s.Location))
	t.field(indent, "created at", placeWithFunction(s.CreatedAt))
	t.field(indent, "allocated at", placeWithFunction(s.AllocatedAt))
	r.printPath(t, indent, s.Path)
	r.printKeeps(t, indent, s.Keeps)
	r.printSamples(t, indent, s)
	if s.Explanation != "" {
		t.line("")
		t.text(indent, s.Explanation)
	}
	if s.Advice != "" {
		t.line("")
		t.text(indent, "Advice: "+s.Advice)
	}
}

// kindText is in a word how it grows, as far as that shows.
func kindText(s *leak.Suspect) string {
	if s.Kind != "" {
		return s.Kind
	}
	return string(s.Pattern)
}

// suspectLine is what it is and how bad.
func suspectLine(s *leak.Suspect) string {
	text := kindText(s)
	if text != "" {
		text += ", "
	}
	return text + fmt.Sprintf("%s (%s of the heap), confidence %s", size(s.Retained), share(s.Share), share(s.Confidence))
}

// printMoreSuspects gives the others a line each.
func (r *Report) printMoreSuspects(t *page, rest []leak.Suspect) {
	t.title("MORE SUSPECTS")
	for i, s := range rest {
		if i == listedSuspects {
			t.line("   … and %d more in the JSON", len(rest)-i)
			break
		}
		t.item(fmt.Sprintf("%d. ", s.Rank), "   ", fmt.Sprintf("%s: %s (%s)", s.Title, size(s.Retained), share(s.Share)))
	}
}

// holdsText is how many it holds, by snapshot and by time.
func holdsText(s *leak.Suspect) string {
	if !slices.ContainsFunc(s.Counts, func(n int) bool { return n > 0 }) {
		return ""
	}
	text := trend(s.Counts, grouped[int]) + " objects"
	if s.CountPerSecond != 0 {
		text += ", " + countRate(s.CountPerSecond)
	}
	return text
}

// retainsText is how much it retains, by snapshot and by time.
func retainsText(s *leak.Suspect) string {
	if len(s.Sizes) < 2 {
		return ""
	}
	text := trend(s.Sizes, size)
	if s.GrowthPerSecond != 0 {
		text += ", " + sizeRate(s.GrowthPerSecond)
	}
	return text
}

// placeText is a place in the code as editors take it, "" for none.
func placeText(p *leak.Place) string {
	if p == nil {
		return ""
	}
	text := p.File
	if p.Line > 0 {
		text += fmt.Sprintf(":%d", p.Line)
		if p.Column > 0 {
			text += fmt.Sprintf(":%d", p.Column)
		}
	}
	return text
}

// placeWithFunction names the function, too.
func placeWithFunction(p *leak.Place) string {
	text := placeText(p)
	if p != nil && p.Function != "" {
		text += " in " + p.Function
	}
	return text
}

// printPath tells from where the suspect is held, a step a line, in columns.
func (r *Report) printPath(t *page, indent string, path []leak.Step) {
	if len(path) == 0 {
		return
	}
	t.line("%s", indent+"held by")
	edges, classes, ids := make([]string, len(path)), make([]string, len(path)), make([]string, len(path))
	edge, class, id := 0, 0, 0
	for i, s := range path {
		edges[i] = within(visible(r.edgeName(s)), edgeWidth)
		classes[i] = within(visible(t.name.class(s.Class)), stepClassWidth)
		if s.ID != 0 {
			ids[i] = idText(s.ID)
		}
		edge, class, id = max(edge, cells(edges[i])), max(class, cells(classes[i])), max(id, cells(ids[i]))
	}
	for i, s := range path {
		if left := len(path) - shownSteps; left > 1 && i >= shownSteps/2 && i < shownSteps/2+left {
			if i == shownSteps/2 {
				t.line("%s  … %d more …", indent, left)
			}
			continue
		}
		line := fmt.Sprintf("%s  %s  %s  %s  ", indent, pad(edges[i], edge), pad(classes[i], class), pad(ids[i], id))
		t.line("%s", line+ending(visible(placeText(s.Place)), t.width-cells(line)))
	}
}

// keepsTitle says which objects are counted: where they are followed, the new ones alone.
func (r *Report) keepsTitle() string {
	switch r.Diagnosis.Method {
	case leak.Survivors, leak.Comparison:
		return "Keeps, new ones alone"
	}
	return "Keeps"
}

// printKeeps tells the classes of what it keeps, in columns.
func (r *Report) printKeeps(t *page, indent string, keeps []leak.Kept) {
	if len(keeps) == 0 {
		return
	}
	t.line("%s", indent+strings.ToLower(r.keepsTitle()))
	shown := keeps[:min(len(keeps), shownKeeps)]
	count, bytes := 0, 0
	for _, k := range shown {
		count, bytes = max(count, len(grouped(k.Count))), max(bytes, len(size(k.Size)))
	}
	for _, k := range shown {
		t.line("%s  %*s  %*s  %s", indent, count, grouped(k.Count), bytes, size(k.Size), visible(t.name.class(k.Class)))
	}
	if more := len(keeps) - len(shown); more > 0 {
		t.line("%s  … and %d more", indent, more)
	}
}

// shownSamples are the objects that are told by their content.
const shownSamples = 3

// printSamples shows contents, if the user wants to see them.
func (r *Report) printSamples(t *page, indent string, s *leak.Suspect) {
	if !r.WithStrings || r.last == nil || len(s.Samples) == 0 {
		return
	}
	t.line("%s", indent+"for example")
	for _, n := range s.Samples[:min(len(s.Samples), shownSamples)] {
		t.line("%s  %s  %s", indent, idText(r.last.ID(n)), visible(r.last.Name(n)))
	}
}

// printClasses tells which classes grow, or which are big if there is nothing to
// compare.
func (r *Report) printClasses(t *page) {
	if len(r.Diagnosis.Snapshots) < 2 {
		r.printBiggest(t)
		return
	}
	var rows [][]string
	for _, g := range r.Diagnosis.Classes {
		if len(rows) == listedClasses || change(g.Shallow) <= 0 {
			break // they are sorted by that
		}
		rows = append(rows, []string{
			grouped(final(g.Counts)), signed(change(g.Counts)), size(final(g.Shallow)), "+" + size(change(g.Shallow)), t.classText(g),
		})
	}
	if len(rows) > 0 {
		t.title("GROWTH BY CLASS")
		t.table([]string{"COUNT", "CHANGE", "SHALLOW", "CHANGE", "CLASS"}, rows)
	}
}

// printBiggest tells which classes retain most.
func (r *Report) printBiggest(t *page) {
	classes := slices.Clone(r.Diagnosis.Classes)
	slices.SortStableFunc(classes, func(a, b leak.Growth) int { return cmp.Compare(final(b.Retained), final(a.Retained)) })
	var rows [][]string
	for _, g := range classes[:min(len(classes), listedClasses)] {
		rows = append(rows, []string{grouped(final(g.Counts)), size(final(g.Shallow)), size(final(g.Retained)), t.classText(g)})
	}
	if len(rows) > 0 {
		t.title("BIGGEST CLASSES")
		t.table([]string{"COUNT", "SHALLOW", "RETAINED", "CLASS"}, rows)
	}
}

// classText is a class with the end of its place, which tells it from others of
// its name.
func (t *page) classText(g leak.Growth) string {
	if g.Location == nil {
		return visible(t.name.class(g.Class))
	}
	file := strings.ReplaceAll(g.Location.File, `\`, "/") // of Windows
	return visible(fmt.Sprintf("%s  %s:%d", t.name.class(g.Class), file[strings.LastIndexByte(file, '/')+1:], g.Location.Line))
}

// final is the last of a series, 0 of none.
func final[N ~int | ~int64](values []N) N {
	if len(values) == 0 {
		return 0
	}
	return values[len(values)-1]
}

// change is the change over a series.
func change[N ~int | ~int64](values []N) N {
	if len(values) == 0 {
		return 0
	}
	return values[len(values)-1] - values[0]
}

// table prints rows of visible cells under titles: numbers to the right, the last
// column to the left and cut to the width.
func (t *page) table(titles []string, rows [][]string) {
	widths := make([]int, len(titles)-1)
	for _, row := range append([][]string{titles}, rows...) {
		for i := range widths {
			widths[i] = max(widths[i], cells(row[i]))
		}
	}
	for _, row := range append([][]string{titles}, rows...) {
		line := ""
		for i, w := range widths {
			line += strings.Repeat(" ", w-cells(row[i])) + row[i] + "  "
		}
		t.line("%s", line+row[len(widths)])
	}
}
