package heap

import "iter"

// Row is what an export wants to know of a node.
type Row struct {
	Node         Node
	ID           ID
	Type         string
	Class        string
	Name         string
	Self         int64 // bytes
	Retained     int64 // bytes
	Distance     int
	Dominator    Node
	Detachedness Detachedness
}

// Rows yields all nodes in file order.
func (s *Snapshot) Rows() iter.Seq[Row] {
	need(&s.counted, s.countClasses)
	return func(yield func(Row) bool) {
		classes := make([]string, len(s.rows.list)) // so that nodes of a class share its name
		for i, r := range s.rows.list {
			classes[i] = toUTF8([]byte(r.class))
		}
		for i := range s.kind {
			n := Node(i)
			row := Row{
				Node: n, ID: s.ID(n), Type: s.TypeName(n), Class: classes[s.rows.row(n)], Name: s.Name(n),
				Self: int64(s.size(n)), Retained: s.Retained(n), Distance: int(s.steps[n]),
				Dominator: s.Dominator(n), Detachedness: s.Detachedness(n),
			}
			if !yield(row) {
				return
			}
		}
	}
}
