package main

import (
	"fmt"
	"strings"
)

// The lines of the list that are no rows: the question, the filter, the titles.
const pickHeadLines = 3

// lines draws the list for a terminal of so many columns and lines. All lines are
// shorter than the terminal is wide, so that none of them wraps.
func (p *picker) lines(columns, lines int, paint func(color, text string) string) []string {
	columns = max(columns-1, 1)
	head := pickHeadLines
	if lines <= head+1 { // a window of a few lines: the rows count most
		head = max(lines-2, 0)
	}
	p.page = max(min(maxPickRows, lines-head-1, len(p.rows)), 1)
	p.scroll()
	keep, widths := p.fitting(columns - len(pickMark))
	drawn := []string{
		paint(bold, fit(p.title+" Type to filter, arrows to move, Enter to choose, Esc to leave", columns)),
		fit(p.filterLine(), columns),
		paint(bold, fit(pickNoMark+p.line(keep, widths, func(i int) string { return p.columns[i].title }), columns)),
	}[pickHeadLines-head:]
	for at := p.top; at < p.top+p.page && at < len(p.shown); at++ {
		row := p.rows[p.shown[at]]
		text := p.line(keep, widths, func(i int) string { return row.cells[i] })
		if at == p.cursor {
			drawn = append(drawn, paint(reverse, fit(pickMark+text, columns)))
		} else {
			drawn = append(drawn, fit(pickNoMark+text, columns))
		}
	}
	return drawn
}

// The mark of the row under the cursor, which must be seen without colours too.
const (
	pickMark   = "> "
	pickNoMark = "  "
)

// scroll keeps the cursor on the page.
func (p *picker) scroll() {
	p.top = min(p.top, p.cursor)
	p.top = max(p.top, p.cursor-p.page+1)
	p.top = max(min(p.top, len(p.shown)-p.page), 0)
}

func (p *picker) filterLine() string {
	count := fmt.Sprintf("%d of %d", len(p.shown), len(p.rows))
	if len(p.shown) > p.page {
		count = fmt.Sprintf("%d-%d of %d", p.top+1, p.top+p.page, len(p.shown))
	}
	return fmt.Sprintf("filter: %s_  (%s)", printable(string(p.filter)), count)
}

// fitting are the columns that there is room for, and their widths. The last one
// holds text, and is cut before another is left out.
func (p *picker) fitting(room int) (keep, widths []int) {
	widths = make([]int, len(p.columns))
	keep = make([]int, len(p.columns))
	for i, c := range p.columns {
		keep[i] = i
		widths[i] = displayWidth(c.title)
		for _, row := range p.rows {
			widths[i] = max(widths[i], displayWidth(row.cells[i]))
		}
	}
	last := len(widths) - 1
	whole := widths[last]
	widths[last] = min(whole, minCutColumn)
	for len(keep) > 1 && total(keep, widths) > room {
		worst := 0
		for at, i := range keep {
			if p.columns[i].rank > p.columns[keep[worst]].rank {
				worst = at
			}
		}
		keep = append(keep[:worst], keep[worst+1:]...)
	}
	if keep[len(keep)-1] == last {
		widths[last] = min(whole, widths[last]+max(room-total(keep, widths), 0))
	}
	return keep, widths
}

// minCutColumn is how much must be left of the last column for it to be of use.
const minCutColumn = 12

func total(keep, widths []int) int {
	sum := (len(keep) - 1) * len(columnGap)
	for _, i := range keep {
		sum += widths[i]
	}
	return sum
}

func (p *picker) line(keep, widths []int, cell func(int) string) string {
	var b strings.Builder
	for n, i := range keep {
		if n > 0 {
			b.WriteString(columnGap)
		}
		text := fit(cell(i), widths[i])
		pad := strings.Repeat(" ", widths[i]-displayWidth(text))
		if p.columns[i].right {
			b.WriteString(pad + text)
		} else {
			b.WriteString(text + pad)
		}
	}
	return b.String()
}
