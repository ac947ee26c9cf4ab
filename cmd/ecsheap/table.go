package main

import (
	"bufio"
	"fmt"
	"strings"
)

// maxColumns is the width that text output keeps to: that of a window on half a
// screen. Longer names are cut; JSON has them whole.
const maxColumns = 100

// columnGap stands between two columns of a table.
const columnGap = "  "

// column is one column of a table. Numbers stand to the right, text to the left.
type column struct {
	title string
	left  bool
	max   int // columns at most; 0: as many as the longest cell needs, in the last column as many as there are left
}

// table is rows of cells under titles. Cells must be printable.
type table struct {
	indent  string
	columns []column
	rows    [][]string
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write prints the table; w keeps the first error. The titles are painted by
// paint, which may be nil.
func (t *table) write(w *bufio.Writer, paint func(string) string) {
	widths := t.widths()
	titles := make([]string, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	head := t.line(widths, titles)
	if paint != nil {
		head = paint(head)
	}
	fmt.Fprintln(w, t.indent+head)
	for _, row := range t.rows {
		fmt.Fprintln(w, t.indent+t.line(widths, row))
	}
}

// widths are the columns' widths. The last column gets what is left of the line.
func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	left := maxColumns - len(t.indent)
	for i, c := range t.columns {
		if i == len(t.columns)-1 && c.left {
			widths[i] = max(left, 1)
			break
		}
		widths[i] = displayWidth(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], displayWidth(row[i]))
		}
		if c.max > 0 {
			widths[i] = min(widths[i], c.max)
		}
		left -= widths[i] + len(columnGap)
	}
	return widths
}

func (t *table) line(widths []int, cells []string) string {
	var b strings.Builder
	for i, cell := range cells {
		if i > 0 {
			b.WriteString(columnGap)
		}
		cell = fit(cell, widths[i])
		pad := strings.Repeat(" ", widths[i]-displayWidth(cell))
		if t.columns[i].left {
			b.WriteString(cell + pad)
		} else {
			b.WriteString(pad + cell)
		}
	}
	return strings.TrimRight(b.String(), " ")
}
