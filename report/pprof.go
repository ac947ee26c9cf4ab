package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/google/pprof/profile"

	"github.com/ecsheap/ecsheap/heap"
)

// outsideGraph is the function that stands for the native memory of a heap that
// belongs to none of its objects.
const outsideGraph = "(native memory outside of the graph)"

// Pprof writes the last snapshot as a profile for `go tool pprof`, in gzipped
// profile.proto. Its values are objects and their shallow bytes; a stack is the
// chain of dominators of the objects, as classes. So the flat value of a class is
// its shallow size, and the cumulative one its retained size, both as `ecsheap
// summary` prints them. Beyond maxStacks different stacks the smallest are cut
// short, which a comment tells: then the flat values are still exact, and the
// cumulative ones of small classes may be too small.
//
// Errors: those of w.
func (r *Report) Pprof(w io.Writer) error {
	if err := r.profile().Write(w); err != nil {
		return fmt.Errorf("writing the profile: %w", err)
	}
	return nil
}

func (r *Report) profile() *profile.Profile {
	const unit = "bytes"
	p := &profile.Profile{
		SampleType:        []*profile.ValueType{{Type: "objects", Unit: "count"}, {Type: "space", Unit: unit}},
		DefaultSampleType: "space",
		PeriodType:        &profile.ValueType{Type: "space", Unit: unit},
		Period:            1,
		// With a mapping that says so, pprof does not go looking for symbols.
		Mapping: []*profile.Mapping{{ID: 1, File: "heap", HasFunctions: true, HasFilenames: true, HasLineNumbers: true}},
	}
	if at := r.shot(len(r.Diagnosis.Snapshots) - 1).At; !at.IsZero() {
		p.TimeNanos = at.UnixNano()
	}
	for _, line := range []string{r.Info.Tool, r.Info.Source, r.Sentence()} {
		if line != "" {
			p.Comments = append(p.Comments, visible(line))
		}
	}
	c := newChains(r.last)
	c.walk()
	if cut := c.cut(maxStacks); cut > 0 {
		p.Comments = append(p.Comments, fmt.Sprintf("%s of the smallest stacks are cut short", grouped(cut)))
	}
	addSamples(p, c, c.functionNames(r.namer()))
	if extra := r.last.ExtraNative(); extra > 0 {
		l := addFunction(p, outsideGraph, nil)
		p.Sample = append(p.Sample, &profile.Sample{Location: []*profile.Location{l}, Value: []int64{0, extra}})
	}
	return p
}

// addSamples makes functions of the classes and samples of the chains.
func addSamples(p *profile.Profile, c *chains, names []string) {
	functions := make([]*profile.Location, len(c.classes))
	for i, class := range c.classes {
		functions[i] = addFunction(p, names[i], class.Location)
	}
	for _, s := range c.samples {
		var calls []*profile.Location // innermost first
		if s.context == none || c.contexts[s.context].class != s.class {
			calls = append(calls, functions[s.class])
		}
		for i := s.context; i != none; i = c.contexts[i].parent {
			calls = append(calls, functions[c.contexts[i].class])
		}
		p.Sample = append(p.Sample, &profile.Sample{Location: calls, Value: []int64{s.count, s.bytes}})
	}
}

// addFunction adds a class. Its system name is unlike its name, so that pprof
// does not take it for a name of C++ that it could shorten.
func addFunction(p *profile.Profile, name string, at *heap.Location) *profile.Location {
	id := uint64(len(p.Function) + 1)
	f := &profile.Function{ID: id, Name: name, SystemName: fmt.Sprint("class ", id)}
	line := profile.Line{Function: f}
	if at != nil {
		f.Filename, f.StartLine = scriptName(at), int64(at.Line)+1
		line.Line, line.Column = int64(at.Line)+1, int64(at.Column)+1
	}
	l := &profile.Location{ID: id, Mapping: p.Mapping[0], Line: []profile.Line{line}}
	p.Function, p.Location = append(p.Function, f), append(p.Location, l)
	return l
}

func scriptName(at *heap.Location) string {
	if at.Script == "" {
		return fmt.Sprintf("script %d", at.ScriptID)
	}
	return strings.TrimPrefix(at.Script, "file://")
}

// functionNames are names of the classes that tell them apart, since pprof adds
// up what has one name: those of several classes have their place, as far as it
// takes.
func (c *chains) functionNames(m namer) []string {
	names := make([]string, len(c.classes))
	for i := range c.classes {
		names[i] = c.functionName(m, i, 0)
	}
	for level := 1; level <= 3; level++ {
		times := map[string]int{}
		for _, name := range names {
			times[name]++
		}
		for i, name := range names {
			if times[name] > 1 {
				names[i] = c.functionName(m, i, level)
			}
		}
	}
	return names
}

// functionName names a class, the better the higher the level.
func (c *chains) functionName(m namer, i, level int) string {
	class := c.classes[i]
	name := visible(m.class(class.Name))
	if name == "" {
		name = "(no name)" // pprof would show an address
	}
	switch {
	case level == 3:
		return fmt.Sprintf("%s  #%d", name, i+1)
	case class.Location == nil || level == 0:
		return name
	case level == 1:
		script := strings.ReplaceAll(scriptName(class.Location), `\`, "/") // of Windows
		return visible(fmt.Sprintf("%s  %s:%d", name, script[strings.LastIndexByte(script, '/')+1:], class.Location.Line+1))
	}
	return visible(name + "  " + class.Location.String())
}
