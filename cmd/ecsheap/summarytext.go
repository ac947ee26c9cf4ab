package main

import (
	"bufio"
	"fmt"
	"path"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// className is a class with the end of its location, for people.
func className(name string, l *heap.Location) string {
	if l == nil {
		return printable(name)
	}
	script := strings.ReplaceAll(l.Script, `\`, "/") // of Windows
	if script == "" {
		script = fmt.Sprintf("script %d", l.ScriptID)
	}
	return printable(fmt.Sprintf("%s  %s:%d", name, path.Base(script), l.Line+1))
}

func printSummary(w *bufio.Writer, u *ui, s *heap.Snapshot, o summaryOptions, classes []heap.Class) {
	total := s.Total()
	printHeader(w, u, s, o.file)
	if len(o.between) > 0 {
		fmt.Fprintf(w, "%s\n", fit(fmt.Sprintf("only objects allocated between %s and %s", printable(o.between[0]), printable(o.between[1])), maxColumns))
	}
	fmt.Fprintln(w)
	t := table{columns: []column{{title: "COUNT"}, {title: "SHALLOW"}, {title: "RETAINED"}, {title: "%"}, {title: "DISTANCE"}, {title: "CLASS", left: true}}}
	shown := cut(o.listOptions, classes)
	for _, c := range shown {
		t.add(grouped(c.Count), grouped(c.Shallow), grouped(c.Retained), percent(c.Retained, total), distanceText(c.Distance), className(c.Name, c.Location))
	}
	t.write(w, u.boldOut)
	printRest(w, len(classes)-len(shown), len(classes), "class", "classes")
}

// printHeader tells what is in a snapshot, by kind.
func printHeader(w *bufio.Writer, u *ui, s *heap.Snapshot, file string) {
	st, total := s.Statistics(), s.Total()
	fmt.Fprintf(w, "%s\n", u.boldOut(fit(printable(file), maxColumns)))
	fmt.Fprintf(w, "%s nodes, %s edges, %s (%s bytes)\n", grouped(s.NumNodes()), grouped(s.NumEdges()), bytesText(total), grouped(total))
	fmt.Fprintf(w, "V8 heap %s: strings %s, arrays %s, code %s, system %s, other %s\n", bytesText(st.V8Heap),
		bytesText(st.Strings), bytesText(st.Arrays), bytesText(st.Code), bytesText(st.System),
		bytesText(max(st.V8Heap-st.Strings-st.Arrays-st.Code-st.System, 0)))
	fmt.Fprintf(w, "native memory %s: typed arrays %s, other %s\n", bytesText(st.Native), bytesText(st.TypedArrays), bytesText(max(st.Native-st.TypedArrays, 0)))
}

// printRest says what a list leaves out, or that it is empty.
func printRest(w *bufio.Writer, left, all int, one, many string) {
	switch {
	case all == 0:
		fmt.Fprintf(w, "no %s\n", one)
	case left == 1:
		fmt.Fprintf(w, "… and 1 more %s (--limit 0 prints all)\n", one)
	case left > 1:
		fmt.Fprintf(w, "… and %s more %s (--limit 0 prints all)\n", grouped(left), many)
	}
}

// boldOut makes titles on stdout bold.
func (u *ui) boldOut(text string) string { return u.paintOut(bold, text) }

// percent prints a share of the whole, to a whole per cent.
func percent(part, whole int64) string {
	if whole <= 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", 100*float64(part)/float64(whole))
}

// distanceText prints a distance; nodes that no JavaScript global leads to have none.
func distanceText(d int) string {
	if d < 0 || d >= heap.SystemDistance {
		return "-"
	}
	return grouped(d)
}
