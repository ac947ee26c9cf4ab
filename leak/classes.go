package leak

import (
	"cmp"
	"slices"

	"github.com/ecsheap/ecsheap/heap"
)

// classRow is a class of a snapshot, as it is remembered.
type classRow struct {
	key, name         string
	location          *heap.Location
	count             int
	shallow, retained int64
}

func classRows(s *heap.Snapshot) []classRow {
	classes := s.Classes()
	rows := make([]classRow, len(classes))
	for i, c := range classes {
		rows[i] = classRow{c.Key, c.Name, c.Location, c.Count, c.Shallow, c.Retained}
	}
	return rows
}

// growths merges the classes of all snapshots. Classes are the same when their keys are;
// when ids do not continue scripts may have other numbers, so that names decide.
func growths(series [][]classRow, byName bool, resolve func(*heap.Location) *Place) []Growth {
	at := map[string]int{}
	all := []Growth{}
	for k, rows := range series {
		for _, r := range rows {
			key := r.key
			if byName {
				key = r.name
			}
			i, ok := at[key]
			if !ok {
				i = len(all)
				at[key] = i
				all = append(all, Growth{
					Class: r.name, Location: resolve(r.location),
					Counts: make([]int, len(series)), Shallow: make([]int64, len(series)), Retained: make([]int64, len(series)),
				})
			}
			g := &all[i]
			g.Counts[k] += r.count
			g.Shallow[k] += r.shallow
			g.Retained[k] += r.retained
		}
	}
	last := len(series) - 1
	slices.SortFunc(all, func(a, b Growth) int {
		return cmp.Or(
			cmp.Compare(b.Shallow[last]-b.Shallow[0], a.Shallow[last]-a.Shallow[0]),
			cmp.Compare(b.Retained[last], a.Retained[last]), cmp.Compare(a.Class, b.Class), comparePlaces(a.Location, b.Location),
		)
	})
	return all
}

func comparePlaces(a, b *Place) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
}
