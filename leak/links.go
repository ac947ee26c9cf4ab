package leak

import "time"

// link says what joins a snapshot to the one before.
type link uint8

const (
	followed   link = iota // ids continue
	renumbered             // the same process, but all of its objects have other ids
	unsure                 // ids do not continue, against what was said: nobody knows why
	restarted              // another process
	backwards              // the same process, earlier
)

// linkOf returns the link of a snapshot whose ids have been compared.
func linkOf(m Moment, order Order) link {
	switch {
	case order == Later || order == Identical:
		return followed
	case order == Earlier:
		return backwards
	case m.NewProcess:
		return restarted
	case m.SameIDs:
		return unsure
	}
	return renumbered
}

// begin tells the snapshots of the series, and which of them can be compared: by id, and
// otherwise by path. Ids decide where they continue over three snapshots.
func (f *finder) begin(g *graph, m Moment) {
	f.graph = g
	d := f.diagnosis
	order := Unrelated
	if n := len(f.earlier); n > 0 {
		order = orderAfter(g, m, f.earlier[n-1])
	}
	for _, o := range f.earlier {
		d.Snapshots = append(d.Snapshots, o.snapshot)
	}
	d.Snapshots = append(d.Snapshots, describe(g.Snapshot, m))
	d.Snapshots[len(f.earlier)].SameIDs = order == Later || order == Identical
	for _, o := range f.earlier {
		f.links = append(f.links, linkOf(o.moment, o.order))
		if o.order == Identical {
			f.repeated = true
		}
	}
	f.links = append(f.links, linkOf(m, order))
	f.repeated = f.repeated || order == Identical

	start := len(f.earlier)
	for start > 0 && f.links[start] == followed {
		start--
	}
	f.past = f.earlier[start:]
	f.since = start
	if len(f.past) < 2 {
		f.reach()
	}
	switch {
	case len(f.earlier) == 0:
		d.Method = Accumulation
	case len(f.past) == 0:
		d.Method = ClassComparison
	case len(f.past) == 1:
		d.Method = Comparison
	default:
		d.Method = Survivors
	}
}

// reach finds how far back snapshots can be compared by path: sizes of another process say
// nothing. Where the process may be another one, that serves to look at, not to judge; next
// to two snapshots of one process it is left alone.
func (f *finder) reach() {
	for f.since > 0 && f.links[f.since] != restarted && f.links[f.since] != backwards && (f.links[f.since] != unsure || len(f.past) == 0) {
		f.doubt = f.doubt || f.links[f.since] == unsure
		f.since--
	}
	if f.doubt && len(f.past) > 0 {
		f.since = len(f.earlier) - len(f.past)
	}
}

// byPath says whether there are snapshots to be compared by path.
func (f *finder) byPath() bool { return f.since < len(f.earlier)-len(f.past) }

// times returns the times of the snapshots from one on.
func (f *finder) times(from int) []time.Time {
	var at []time.Time
	for _, s := range f.diagnosis.Snapshots[from:] {
		at = append(at, s.At)
	}
	return at
}
