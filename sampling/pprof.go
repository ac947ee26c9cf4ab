package sampling

import (
	"net/url"
	"time"

	"github.com/google/pprof/profile"
)

// PprofOptions are what a pprof file tells beside the profile.
type PprofOptions struct {
	Interval int           // bytes between two samples, on average; 0 = unknown
	Start    time.Time     // when the sampling began
	Duration time.Duration // how long it went on
	Program  string        // name of the program, "" = "node"
	Comments []string      // lines that `go tool pprof -comments` prints
	// Collected says that objects are in it that were collected meanwhile.
	Collected bool
}

// Pprof converts the profile for `go tool pprof` and what else reads
// google/pprof's profile.proto, such as Pyroscope and Speedscope.
//
// The values of a sample are the number of sampled objects (V8 does not tell for
// how many objects these stand) and the bytes for which they stand, under the
// name inuse_space, or alloc_space if what was collected is in it.
func (p *Profile) Pprof(o PprofOptions) *profile.Profile {
	space := "inuse_space"
	if o.Collected {
		space = "alloc_space"
	}
	program := o.Program
	if program == "" {
		program = "node"
	}
	out := &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: space, Unit: "bytes"}},
		DefaultSampleType: space,
		PeriodType:        &profile.ValueType{Type: "space", Unit: "bytes"},
		Period:            int64(o.Interval),
		DurationNanos:     int64(o.Duration),
		Comments:          o.Comments,
		// With a mapping that says so, pprof does not go looking for symbols.
		Mapping: []*profile.Mapping{{ID: 1, File: program, HasFunctions: true, HasFilenames: true, HasLineNumbers: true}},
	}
	if !o.Start.IsZero() {
		out.TimeNanos = o.Start.UnixNano()
	}
	c := &conversion{out: out, locations: make(map[Frame]*profile.Location), counts: make(map[int64]int64)}
	for _, s := range p.Samples {
		c.counts[s.NodeID]++
	}
	c.walk(nil, p.Head)
	return out
}

// conversion is the state of Pprof.
type conversion struct {
	out       *profile.Profile
	locations map[Frame]*profile.Location
	counts    map[int64]int64 // samples by node
}

// walk adds the node and all below it; stack is its caller first.
func (c *conversion) walk(stack []*profile.Location, n *Node) {
	if !n.Frame.isRoot() {
		// Its own copy, because samples keep it: the innermost call comes first.
		stack = append([]*profile.Location{c.location(n.Frame)}, stack...)
	}
	if count := c.counts[n.ID]; count > 0 || n.SelfSize > 0 {
		c.out.Sample = append(c.out.Sample, &profile.Sample{Location: stack, Value: []int64{count, int64(n.SelfSize)}})
	}
	for _, child := range n.Children {
		c.walk(stack, child)
	}
}

// location returns the one location of a function.
func (c *conversion) location(f Frame) *profile.Location {
	if l := c.locations[f]; l != nil {
		return l
	}
	site, id := f.site(), uint64(len(c.out.Function)+1)
	function := &profile.Function{ID: id, Name: site.Function, SystemName: site.Function, Filename: fileName(f.URL), StartLine: int64(site.Line)}
	l := &profile.Location{
		ID: id, Mapping: c.out.Mapping[0],
		Line: []profile.Line{{Function: function, Line: int64(site.Line), Column: int64(site.Column)}},
	}
	c.out.Function, c.out.Location = append(c.out.Function, function), append(c.out.Location, l)
	c.locations[f] = l
	return l
}

// fileName is the path of a file: URL, so that pprof finds the source, and any
// other URL as it is.
func fileName(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "file" || u.Path == "" {
		return address
	}
	return u.Path
}
