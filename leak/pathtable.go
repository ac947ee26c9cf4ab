package leak

import (
	"cmp"
	"slices"
)

const (
	// maxPaths is how many places in the program a snapshot is remembered by: those that
	// keep most. It takes 40 bytes each; a service has some hundred that matter.
	maxPaths = 4 << 10
	// maxPathRows bounds the rows that are waiting to be put together.
	maxPathRows = 64 << 10
	// minPathBytes is what something that is no collection has to retain to be a place of
	// its own: less does not matter, see minLeakBytes.
	minPathBytes = minLeakBytes / 2
	// maxPathDepth is how many steps from a root such a place may be away: what is behind
	// them is a chain, whose links would take the room of all else.
	maxPathDepth = 64
)

// pathRow is a place in the program: all objects to which paths of one key lead.
type pathRow struct {
	key   uint64
	bytes int64  // as hubColumn.bytes of collections, retained of others
	count uint32 // elements, if they are collections
	old   uint32 // those of them that were there at the snapshot before, if ids continue
	nodes uint32 // objects
	used  uint32 // those whose elements are all in use, see allUsed
	// reused is how many of these are shuffled, too: pools.
	reused uint32
}

// allUsed and allReused say it of all objects of the place.
func (r pathRow) allUsed() bool   { return r.used > 0 && r.used == r.nodes }
func (r pathRow) allReused() bool { return r.reused > 0 && r.reused == r.nodes }

// pathTable is the places of a snapshot, by ascending key.
type pathTable struct {
	rows []pathRow
}

// add adds an object to a table that is not finished yet.
func (t *pathTable) add(r pathRow) {
	if t.rows = append(t.rows, r); len(t.rows) >= maxPathRows {
		t.merge(maxPathRows / 2)
	}
}

// finish puts the table in order.
func (t *pathTable) finish() {
	t.merge(maxPaths)
	t.rows = slices.Clip(slices.Clone(t.rows))
}

// merge makes one row of those of a key, and keeps at most limit of them.
func (t *pathTable) merge(limit int) {
	byKey := func(a, b pathRow) int { return cmp.Compare(a.key, b.key) }
	slices.SortFunc(t.rows, byKey)
	merged := t.rows[:0]
	for _, r := range t.rows {
		if last := len(merged) - 1; last >= 0 && merged[last].key == r.key {
			m := &merged[last]
			m.bytes += r.bytes
			m.count, m.old, m.nodes = m.count+r.count, m.old+r.old, m.nodes+r.nodes
			m.used, m.reused = m.used+r.used, m.reused+r.reused
			continue
		}
		merged = append(merged, r)
	}
	if len(merged) > limit {
		slices.SortFunc(merged, func(a, b pathRow) int { return cmp.Or(cmp.Compare(b.bytes, a.bytes), byKey(a, b)) })
		merged = merged[:limit]
		slices.SortFunc(merged, byKey)
	}
	t.rows = merged
}

// get returns the row of a key.
func (t *pathTable) get(key uint64) (pathRow, bool) {
	i, ok := slices.BinarySearchFunc(t.rows, key, func(r pathRow, key uint64) int { return cmp.Compare(r.key, key) })
	if !ok {
		return pathRow{}, false
	}
	return t.rows[i], true
}
