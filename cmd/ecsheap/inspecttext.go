package main

import (
	"bufio"
	"fmt"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// fieldColumns is the width that names of fields keep to, so that there is room
// for what stands behind them.
const fieldColumns = 36

// label is a node in a few words, as DevTools shows it: the content of a string,
// the name of everything else, and the class of what has no class of its own.
func label(s *heap.Snapshot, n heap.Node) string {
	class, name := s.Class(n), s.Name(n)
	switch t := s.Type(n); {
	case t == heap.StringNode || t == heap.ConsStringNode || t == heap.SlicedStringNode:
		return `"` + printable(name) + `"`
	case t == heap.ClosureNode:
		return printable(name) + "()"
	case name == "":
		return printable(class)
	case name != class && strings.HasPrefix(class, "("): // (system), (number)
		return printable(name + " " + class)
	}
	return printable(name) // an Object's says more than its class
}

// print prints an object for people.
func (o object) print(w *bufio.Writer, u *ui, s *heap.Snapshot, list listOptions) {
	n, total := o.node, s.Total()
	for _, line := range wrap(fmt.Sprintf("@%d %s", s.ID(n), label(s, n)), maxColumns) {
		fmt.Fprintln(w, u.boldOut(line))
	}
	fmt.Fprintf(w, "  type      %s\n", printable(s.TypeName(n)))
	fmt.Fprintf(w, "  class     %s\n", fit(printable(s.Class(n)), maxColumns-12))
	if l, ok := s.Location(n); ok {
		fmt.Fprintf(w, "  location  %s\n", fitEnd(printable(locationText(&l)), maxColumns-12))
	}
	fmt.Fprintf(w, "  shallow   %s bytes\n", grouped(s.Self(n)))
	fmt.Fprintf(w, "  retained  %s bytes, %s %% of the heap\n", grouped(s.Retained(n)), percent(s.Retained(n), total))
	fmt.Fprintf(w, "  distance  %s\n", distanceText(s.Distance(n)))
	o.printPath(w, u, s, list)
	o.printDominators(w, u, s, list)
	printRefs(w, u, s, list, "retainers", o.retainers, func(r heap.Ref) heap.Node { return r.From })
	printRefs(w, u, s, list, "fields", o.edges, func(r heap.Ref) heap.Node { return r.To })
}

// printPath prints the way from the object to a root, as DevTools opens it.
func (o object) printPath(w *bufio.Writer, u *ui, s *heap.Snapshot, list listOptions) {
	fmt.Fprintf(w, "\n%s\n", u.boldOut("path to a root"))
	if len(o.path) == 0 {
		fmt.Fprintln(w, "  none")
		return
	}
	shown := cut(list, o.path)
	for _, step := range shown {
		line := fmt.Sprintf("  %s in @%d %s", fit(printable(s.EdgeName(step.Edge)), fieldColumns), s.ID(step.Node), label(s, step.Node))
		fmt.Fprintln(w, fit(line, maxColumns))
	}
	printRest(w, len(o.path)-len(shown), len(o.path), "step", "steps")
}

// printDominators prints what would have to go for the object to go, nearest first.
func (o object) printDominators(w *bufio.Writer, u *ui, s *heap.Snapshot, list listOptions) {
	if len(o.dominators) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", u.boldOut("dominators"))
	t := table{indent: "  ", columns: []column{{title: "RETAINED"}, {title: "ID"}, {title: "OBJECT", left: true}}}
	shown := cut(list, o.dominators)
	for _, d := range shown {
		t.add(grouped(s.Retained(d)), fmt.Sprintf("@%d", s.ID(d)), label(s, d))
	}
	t.write(w, nil)
	printRest(w, len(o.dominators)-len(shown), len(o.dominators), "dominator", "dominators")
}

// printRefs prints edges and what is at their other end.
func printRefs(w *bufio.Writer, u *ui, s *heap.Snapshot, list listOptions, title string, refs []heap.Ref, end func(heap.Ref) heap.Node) {
	fmt.Fprintf(w, "\n%s\n", u.boldOut(fmt.Sprintf("%s (%s)", title, grouped(len(refs)))))
	if len(refs) == 0 {
		return
	}
	t := table{indent: "  ", columns: []column{{title: "RETAINED"}, {title: "ID"}, {title: "TYPE", left: true}, {title: "FIELD", left: true, max: fieldColumns}, {title: "OBJECT", left: true}}}
	shown := cut(list, refs)
	for _, r := range shown {
		n := end(r)
		t.add(grouped(s.Retained(n)), fmt.Sprintf("@%d", s.ID(n)), r.Type.String(), printable(s.EdgeName(r.Edge)), label(s, n))
	}
	t.write(w, nil)
	printRest(w, len(refs)-len(shown), len(refs), "edge", "edges")
}

// printClassObjects prints the objects of a class.
func printClassObjects(w *bufio.Writer, u *ui, s *heap.Snapshot, o inspectOptions, nodes []heap.Node) {
	fmt.Fprintln(w, u.boldOut(fit(fmt.Sprintf("%s: %s", printable(o.class), plural(len(nodes), "object")), maxColumns)))
	fmt.Fprintln(w)
	t := table{columns: []column{{title: "ID"}, {title: "SHALLOW"}, {title: "RETAINED"}, {title: "DISTANCE"}, {title: "OBJECT", left: true}}}
	shown := cut(o.listOptions, nodes)
	for _, n := range shown {
		t.add(fmt.Sprintf("@%d", s.ID(n)), grouped(s.Self(n)), grouped(s.Retained(n)), distanceText(s.Distance(n)), label(s, n))
	}
	t.write(w, u.boldOut)
	printRest(w, len(nodes)-len(shown), len(nodes), "object", "objects")
}
