package heap

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Class is a row of DevTools' "Summary".
type Class struct {
	Key      string // unique in a snapshot, comparable between snapshots of a process
	Name     string
	Location *Location // of the constructor; nil if there is none
	Count    int       // objects
	Shallow  int64     // bytes
	Retained int64     // bytes; what objects of the class hold for each other counts once
	Distance int       // the least of all its objects
}

// total is what the objects of a row have together.
type total struct {
	first    Node
	count    int
	shallow  uint64
	retained uint64
	distance int32
}

// idRange is a set of ids: those above low, up to high.
type idRange struct {
	low, high uint64
	all       bool
}

func (r idRange) has(id uint32) bool { return r.all || uint64(id) > r.low && uint64(id) <= r.high }

// Classes returns the rows of DevTools' "Summary", most retained bytes first.
func (s *Snapshot) Classes() []Class {
	need(&s.counted, s.countClasses)
	return s.classRows(s.rows.totals)
}

// Between returns the classes of the objects of s that were allocated after a was taken
// and no later than b: DevTools' "Objects allocated between". All three are snapshots
// of one process, of one inspector session.
func (s *Snapshot) Between(a, b *Marks) []Class {
	need(&s.counted, s.countClasses)
	ids := idRange{low: uint64(a.MaxID), high: uint64(b.MaxID)}
	totals := s.count(ids)
	s.addRetained(totals, ids)
	return s.classRows(totals)
}

// Marks is what Between needs of a snapshot.
type Marks struct {
	MaxID ID // the greatest of a JavaScript object
}

// Marks reduces the snapshot.
func (s *Snapshot) Marks() *Marks {
	m := &Marks{}
	for _, id := range s.id {
		if id%2 == 1 {
			m.MaxID = max(m.MaxID, ID(id))
		}
	}
	return m
}

// countClasses computes all that the summary needs.
func (s *Snapshot) countClasses(ctx context.Context) error {
	var totals []total
	err := both(func() error {
		return s.dominated.run(ctx, s.dominate)
	}, func() error {
		for _, step := range []struct {
			phase *phase
			do    func(context.Context) error
		}{{&s.folded, s.fold}, {&s.measured, s.measure}, {&s.classed, s.classify}} {
			if err := step.phase.run(ctx, step.do); err != nil {
				return err
			}
		}
		totals = s.count(idRange{all: true})
		return nil
	})
	if err != nil {
		return err
	}
	s.addRetained(totals, idRange{all: true})
	s.rows.totals = totals
	s.scratch.drop()
	return nil
}

// count adds up the rows, but for the retained sizes. Nodes of size 0 do not count.
func (s *Snapshot) count(ids idRange) []total {
	totals := make([]total, len(s.rows.list))
	for i := range totals {
		totals[i].distance = math.MaxInt32
	}
	for n, i := range s.rows.of {
		if s.self[n] == 0 || !ids.has(s.id[n]) {
			continue
		}
		t := &totals[s.rows.groups[i].row]
		if t.count == 0 {
			t.first = Node(n)
		}
		t.count++
		t.shallow += s.size(Node(n))
		t.distance = min(t.distance, s.steps[n])
	}
	return totals
}

// addRetained adds what the objects of each row retain. In the order of the dominator
// tree a node's subtree follows it, so an object is held by another of its row if it is
// in the subtree of the last one that was counted.
func (s *Snapshot) addRetained(totals []total, ids idRange) {
	t := &s.tree
	order, size := t.preorder(&s.scratch)
	heldUpTo := make([]uint32, len(totals))
	for pos, i := range order {
		n := Node(t.vertex[i])
		r := s.rows.row(n)
		if uint32(pos) < heldUpTo[r] || s.self[n] == 0 || !ids.has(s.id[n]) {
			continue
		}
		totals[r].retained += t.retained(i)
		heldUpTo[r] = uint32(pos) + size[i]
	}
	s.scratch.put(order, size)
}

// preorder returns the numbers in the order of the dominator tree, and by number how
// many nodes the subtree has.
func (t *tree) preorder(lend *scratch) (order, size []uint32) {
	n := len(t.vertex)
	order, size = lend.get(n, false), lend.get(n, false)
	free := lend.get(n, false) // the next place for a child
	for i := range size {
		size[i] = 1
	}
	for i := n - 1; i > 0; i-- {
		size[t.idom[i]] += size[i]
	}
	order[0], free[0] = 0, 1
	for i := 1; i < n; i++ {
		d := t.idom[i]
		pos := free[d]
		order[pos] = uint32(i)
		free[d] = pos + size[i]
		free[i] = pos + 1
	}
	lend.put(free)
	return order, size
}

// byKey returns the row that has the key and objects. If there are several, it is the
// one whose first object is last: DevTools loses the others.
func (r *rows) byKey(totals []total, key string) int64 {
	best := int64(-1)
	for i, row := range r.list {
		if row.key == key && totals[i].count > 0 && (best < 0 || totals[i].first > totals[best].first) {
			best = int64(i)
		}
	}
	return best
}

// classRows makes the rows that are shown.
func (s *Snapshot) classRows(totals []total) []Class {
	byKey := map[string]int{}
	for i, row := range s.rows.list {
		if totals[i].count == 0 {
			continue
		}
		if other, ok := byKey[row.key]; !ok || totals[i].first > totals[other].first {
			byKey[row.key] = i
		}
	}
	classes := make([]Class, 0, len(byKey))
	for key, i := range byKey {
		t := &totals[i]
		classes = append(classes, Class{
			Key: key, Name: toUTF8([]byte(s.rows.list[i].class)), Location: s.rowLocation(s.rows.list[i]),
			Count: t.count, Shallow: int64(t.shallow), Retained: int64(t.retained), Distance: int(t.distance),
		})
	}
	slices.SortFunc(classes, func(a, b Class) int {
		return cmp.Or(cmp.Compare(b.Retained, a.Retained), cmp.Compare(a.Key, b.Key))
	})
	return classes
}

func (s *Snapshot) rowLocation(r row) *Location {
	if r.place < 0 {
		return nil
	}
	l := s.location(s.locations.places[r.place])
	return &l
}
