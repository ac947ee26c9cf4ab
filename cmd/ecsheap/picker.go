package main

import (
	"slices"
	"strings"
	"unicode"
)

// picker is a list to choose from at a terminal: arrow keys move, typing filters.
// It holds what is chosen and what is drawn; terminalPick drives it.
type picker struct {
	title   string
	columns []pickColumn
	rows    []pickRow

	filter []rune
	shown  []int // the rows that the filter lets through
	cursor int   // in shown
	top    int   // the first of shown that is drawn
	page   int   // rows drawn last time
}

// pickColumn is a column of the list. Where the terminal is too narrow for all, the
// ones with the highest rank are left out.
type pickColumn struct {
	title string
	right bool // numbers
	rank  int
}

// pickRow is a candidate. Cells must be printable.
type pickRow struct {
	cells []string
	// What the filter looks at, in lower case. A few digits are in most ids
	// somewhere, so that only the beginning of one counts.
	id, text string
}

// maxPickRows keeps what is asked below what was said before: more than a page is
// easier to filter than to read.
const maxPickRows = 20

// add adds a row. If id is not "", the first cell is a part of it.
func (p *picker) add(id string, cells ...string) {
	row := pickRow{cells: make([]string, len(cells)), id: strings.ToLower(id)}
	for i, c := range cells {
		row.cells[i] = printable(c)
	}
	words := row.cells
	if id != "" {
		words = words[1:]
	}
	row.text = strings.ToLower(strings.Join(words, " "))
	p.rows = append(p.rows, row)
	p.shown = append(p.shown, len(p.rows)-1)
}

// chosen is the row under the cursor, -1 if the filter lets none through.
func (p *picker) chosen() int {
	if p.cursor >= len(p.shown) {
		return -1
	}
	return p.shown[p.cursor]
}

// press handles a key that is not the end of it.
func (p *picker) press(k key) {
	last := max(len(p.shown)-1, 0)
	switch k {
	case keyUp:
		p.cursor = max(p.cursor-1, 0)
	case keyDown:
		p.cursor = min(p.cursor+1, last)
	case keyPageUp:
		p.cursor = max(p.cursor-max(p.page, 1), 0)
	case keyPageDown:
		p.cursor = min(p.cursor+max(p.page, 1), last)
	case keyHome:
		p.cursor = 0
	case keyEnd:
		p.cursor = last
	case keyBackspace:
		if n := len(p.filter); n > 0 {
			p.search(p.filter[:n-1])
		}
	case keyClear:
		p.search(nil)
	default:
		if k < keyUp && unicode.IsPrint(rune(k)) {
			p.search(append(p.filter, rune(k)))
		}
	}
}

func (r pickRow) has(word string) bool {
	return strings.HasPrefix(r.id, word) || strings.Contains(r.text, word)
}

// search filters: every word must be found in a row. The cursor stays on its row
// if that is still there, else it goes to the first.
func (p *picker) search(filter []rune) {
	before := p.chosen()
	p.filter = filter
	words := strings.Fields(strings.ToLower(string(filter)))
	p.shown = p.shown[:0]
	for i, row := range p.rows {
		if !slices.ContainsFunc(words, func(w string) bool { return !row.has(w) }) {
			p.shown = append(p.shown, i)
		}
	}
	p.cursor = max(slices.Index(p.shown, before), 0)
}
