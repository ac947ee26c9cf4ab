package main

import "github.com/ecsheap/ecsheap/heap"

// objectJSON is the output of inspect --id --output json. References to nodes
// are their ids.
type objectJSON struct {
	Schema       int             `json:"schema"`
	ID           heap.ID         `json:"id"`
	Ordinal      heap.Node       `json:"ordinal"`
	Type         string          `json:"type"`
	Class        string          `json:"class"`
	Name         string          `json:"name"`
	Location     string          `json:"location,omitempty"`
	ShallowSize  int64           `json:"shallowSize"`
	RetainedSize int64           `json:"retainedSize"`
	Distance     int             `json:"distance"`
	Dominator    heap.ID         `json:"dominator"`
	Edges        []edgeJSON      `json:"edges"`
	Retainers    []retainerJSON  `json:"retainers"`
	Path         []stepJSON      `json:"path"`       // from the object to a root
	Dominators   []dominatorJSON `json:"dominators"` // from the object to the root
}

type edgeJSON struct {
	Type  string  `json:"type"`
	Name  string  `json:"name"`
	To    heap.ID `json:"to"`
	Class string  `json:"class"`
}

type retainerJSON struct {
	Type  string  `json:"type"`
	Name  string  `json:"name"`
	From  heap.ID `json:"from"`
	Class string  `json:"class"`
}

type stepJSON struct {
	Edge  string  `json:"edge"`
	ID    heap.ID `json:"id"`
	Class string  `json:"class"`
}

type dominatorJSON struct {
	ID           heap.ID `json:"id"`
	Class        string  `json:"class"`
	RetainedSize int64   `json:"retainedSize"`
}

func (o object) json(s *heap.Snapshot, list listOptions) objectJSON {
	n := o.node
	out := objectJSON{
		Schema: schema, ID: s.ID(n), Ordinal: n, Type: s.TypeName(n), Class: s.Class(n), Name: s.Name(n),
		ShallowSize: s.Self(n), RetainedSize: s.Retained(n), Distance: s.Distance(n), Dominator: s.ID(s.Dominator(n)),
		Edges: []edgeJSON{}, Retainers: []retainerJSON{}, Path: []stepJSON{}, Dominators: []dominatorJSON{},
	}
	if l, ok := s.Location(n); ok {
		out.Location = locationText(&l)
	}
	for _, e := range cut(list, o.edges) {
		out.Edges = append(out.Edges, edgeJSON{Type: e.Type.String(), Name: s.EdgeName(e.Edge), To: s.ID(e.To), Class: s.Class(e.To)})
	}
	for _, e := range cut(list, o.retainers) {
		out.Retainers = append(out.Retainers, retainerJSON{Type: e.Type.String(), Name: s.EdgeName(e.Edge), From: s.ID(e.From), Class: s.Class(e.From)})
	}
	for _, step := range cut(list, o.path) {
		out.Path = append(out.Path, stepJSON{Edge: s.EdgeName(step.Edge), ID: s.ID(step.Node), Class: s.Class(step.Node)})
	}
	for _, d := range cut(list, o.dominators) {
		out.Dominators = append(out.Dominators, dominatorJSON{ID: s.ID(d), Class: s.Class(d), RetainedSize: s.Retained(d)})
	}
	return out
}

// classObjectsJSON is the output of inspect --class --output json.
type classObjectsJSON struct {
	Schema  int           `json:"schema"`
	Class   string        `json:"class"`
	Count   int           `json:"count"` // of all objects, also those behind the limit
	Objects []nodeRowJSON `json:"objects"`
}

type nodeRowJSON struct {
	ID           heap.ID   `json:"id"`
	Ordinal      heap.Node `json:"ordinal"`
	Type         string    `json:"type"`
	Name         string    `json:"name"`
	Location     string    `json:"location,omitempty"`
	ShallowSize  int64     `json:"shallowSize"`
	RetainedSize int64     `json:"retainedSize"`
	Distance     int       `json:"distance"`
}

func newClassObjectsJSON(s *heap.Snapshot, o inspectOptions, nodes []heap.Node) classObjectsJSON {
	out := classObjectsJSON{Schema: schema, Class: o.class, Count: len(nodes), Objects: []nodeRowJSON{}}
	for _, n := range cut(o.listOptions, nodes) {
		row := nodeRowJSON{
			ID: s.ID(n), Ordinal: n, Type: s.TypeName(n), Name: s.Name(n),
			ShallowSize: s.Self(n), RetainedSize: s.Retained(n), Distance: s.Distance(n),
		}
		if l, ok := s.Location(n); ok {
			row.Location = locationText(&l)
		}
		out.Objects = append(out.Objects, row)
	}
	return out
}
