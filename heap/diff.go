package heap

import (
	"cmp"
	"slices"
)

// DiffRow is a row of DevTools' "Comparison".
type DiffRow struct {
	Key        string // as in Class
	Name       string
	Location   *Location // of the constructor; nil if there is none
	New        int       // objects
	Deleted    int       // objects
	CountDelta int       // New - Deleted
	Alloc      int64     // bytes of the new objects
	Freed      int64     // bytes of the deleted ones
	SizeDelta  int64     // Alloc - Freed
}

// Diff compares two snapshots of a process, of one inspector session, as DevTools'
// "Comparison" does: objects of a class are the same if their ids are. The interfaces
// of later are applied to both. The biggest growth comes first; classes without a
// change are left out.
func Diff(base, later *Index) []DiffRow {
	d := differ{numbers: map[string]uint32{}}
	before, after := d.number(base, newMatcher(later.interfaces), later.interfaces), d.number(later, nil, nil)
	d.merge(base, later, before, after)
	rows := make([]DiffRow, 0, len(d.rows))
	for _, r := range d.rows {
		if r.New != 0 || r.Deleted != 0 {
			r.CountDelta, r.SizeDelta = r.New-r.Deleted, r.Alloc-r.Freed
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b DiffRow) int {
		return cmp.Or(cmp.Compare(b.SizeDelta, a.SizeDelta), cmp.Compare(a.Key, b.Key))
	})
	return rows
}

// differ is Diff at work.
type differ struct {
	numbers map[string]uint32 // of rows, by key
	rows    []DiffRow
	named   []bool // the later snapshot has named the row
}

// number returns the rows of the index's classes.
func (d *differ) number(x *Index, m *matcher, interfaces []iface) []uint32 {
	of := make([]uint32, len(x.list))
	for i, c := range x.list {
		key := c.key
		if c.plain && m != nil {
			class := "Object"
			if def := m.match(c.eachProperty); def != noInterface {
				class = interfaces[def].name
			}
			key = c.prefix + class
		}
		n, ok := d.numbers[key]
		if !ok {
			n = uint32(len(d.rows))
			d.numbers[key] = n
			d.rows = append(d.rows, DiffRow{Key: key, Location: c.location})
			d.named = append(d.named, false)
		}
		if m == nil {
			d.rows[n].Name, d.named[n] = toUTF8([]byte(c.name)), true
		}
		of[i] = n
	}
	return of
}

func (c *indexClass) eachProperty(yield func([]byte) bool) {
	for _, p := range c.properties {
		if !yield([]byte(p)) {
			return
		}
	}
}

// merge walks through both by id.
func (d *differ) merge(base, later *Index, before, after []uint32) {
	i, j := 0, 0
	for i < len(base.ids) || j < len(later.ids) {
		switch {
		case j == len(later.ids) || i < len(base.ids) && base.ids[i] < later.ids[j]:
			d.deleted(base, i, before)
			i++
		case i == len(base.ids) || base.ids[i] > later.ids[j]:
			d.added(later, j, after)
			j++
		default:
			if before[base.classes[i]] == after[later.classes[j]] {
				d.kept(base, i, before)
			} else {
				d.deleted(base, i, before)
				d.added(later, j, after)
			}
			i++
			j++
		}
	}
}

func (d *differ) added(x *Index, i int, rows []uint32) {
	r := &d.rows[rows[x.classes[i]]]
	r.New++
	r.Alloc += x.size(i)
}

func (d *differ) deleted(x *Index, i int, rows []uint32) {
	d.kept(x, i, rows)
	r := &d.rows[rows[x.classes[i]]]
	r.Deleted++
	r.Freed += x.size(i)
}

// kept notes the name of a row that the later snapshot does not have: DevTools takes
// the last object's class, as the base alone would have it.
func (d *differ) kept(x *Index, i int, rows []uint32) {
	if n := rows[x.classes[i]]; !d.named[n] {
		d.rows[n].Name = toUTF8([]byte(x.list[x.classes[i]].name))
	}
}

func (x *Index) size(i int) int64 {
	if x.sizes[i] == hugeSize {
		return int64(x.huge[uint32(i)])
	}
	return int64(x.sizes[i])
}
