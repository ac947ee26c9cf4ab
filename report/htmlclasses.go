package report

import (
	"cmp"
	"slices"

	"github.com/ecsheap/ecsheap/leak"
)

// shownRows bounds the table of classes: those that change most, and those that
// hold most.
const shownRows = 250

// classesView is the table of classes.
type classesView struct {
	Series    bool // there is something to compare
	Survivors bool // objects allocated between the first snapshots are known
	Rows      []classView
	Left      int // rows that are left out
}

// classView is a row.
type classView struct {
	Class, Location string
	Key             string // to filter and sort by
	Spark           *sparkView
	Count, CountBy  numberView
	Shallow         numberView
	ShallowBy       numberView
	Retained        numberView
	RetainedBy      numberView
	Survived        numberView
}

// numberView is a number for people, and to sort by.
type numberView struct {
	Text  string
	Value int64
}

func (p *pageMaker) classesView() classesView {
	all := p.Diagnosis.Classes
	view := classesView{Series: len(p.Diagnosis.Snapshots) > 1, Survivors: len(p.Diagnosis.Between) > 0, Rows: []classView{}}
	survived, rows := map[string]int{}, map[string]int{}
	for _, c := range p.Diagnosis.Between {
		survived[c.Name] += c.Count
	}
	for _, g := range all {
		rows[g.Class]++
	}
	for _, i := range relevant(all, view.Series) {
		row := p.classView(all[i], survived[all[i].Class])
		if rows[all[i].Class] > 1 && row.Survived.Value > 0 {
			row.Survived = numberView{Text: "–"} // nobody knows which of the classes of that name they are of
		}
		view.Rows = append(view.Rows, row)
	}
	view.Left = len(all) - len(view.Rows)
	return view
}

// relevant returns the indexes of the rows that matter, in the order of the
// table: the biggest growth of shallow bytes first, or what retains most.
func relevant(all []leak.Growth, compares bool) []int {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	by := func(value func(g *leak.Growth) int64) {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(value(&all[b]), value(&all[a])) })
	}
	by(func(g *leak.Growth) int64 { return final(g.Retained) })
	if !compares || len(order) <= shownRows {
		order = order[:min(len(order), shownRows)]
	} else {
		const half = shownRows / 2
		biggest := slices.Clone(order[:half])
		order = order[half:]
		by(func(g *leak.Growth) int64 { return magnitude(change(g.Shallow)) })
		order = append(biggest, order[:half]...)
	}
	if compares {
		by(func(g *leak.Growth) int64 { return change(g.Shallow) })
	}
	return order
}

func magnitude(n int64) int64 { return max(n, -n) }

func (p *pageMaker) classView(g leak.Growth, survived int) classView {
	class := p.name.class(g.Class)
	location := placeText(g.Location)
	row := classView{
		Class: class, Location: location, Key: class + " " + location, Spark: spark(g.Shallow),
		Count: number(final(g.Counts), grouped[int]), CountBy: number(change(g.Counts), signed[int]),
		Shallow: number(final(g.Shallow), size), ShallowBy: number(change(g.Shallow), signedSize),
		Retained: number(final(g.Retained), size), RetainedBy: number(change(g.Retained), signedSize),
		Survived: number(survived, grouped[int]),
	}
	return row
}

func number[N ~int | ~int64](n N, show func(N) string) numberView {
	if n == 0 {
		return numberView{Text: "0"}
	}
	return numberView{Text: show(n), Value: int64(n)}
}
