package leak

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// takeVague takes out of the suspects what no path leads to: the heap as a whole, or the
// global object. That is an answer to nothing. It returns the first of those, nil if there
// is none.
func (f *finder) takeVague() *Suspect {
	d := f.diagnosis
	if d.Method == Accumulation {
		return nil
	}
	var vague *Suspect
	for i := range d.Suspects {
		f.nameHandles(&d.Suspects[i])
	}
	d.Suspects = slices.DeleteFunc(d.Suspects, func(s Suspect) bool {
		none := len(s.Path) == 0 && (s.Node == f.survey.Root() || f.words.isGlobal(s.Node))
		if none && vague == nil {
			vague = &s
		}
		return none
	})
	return vague
}

// nameHandles makes of what hangs on nothing but the root the connections that most of it
// are, if so: Node.js itself holds them while they are open, and no path leads there.
func (f *finder) nameHandles(s *Suspect) {
	if s.Pattern != OpenSockets || f.survey.Type(s.Node) != heap.SyntheticNode || len(s.Samples) == 0 {
		return
	}
	for _, n := range s.Samples {
		if !f.survey.isConnected(n) {
			return
		}
	}
	n := s.Samples[0]
	class := f.survey.Class(n)
	k := slices.IndexFunc(f.diagnosis.Classes, func(g Growth) bool { return g.Class == class })
	if k < 0 {
		return
	}
	g := f.diagnosis.Classes[k]
	last := len(g.Counts) - 1
	s.Node, s.ID, s.Class, s.Location, s.holds = n, f.survey.ID(n), class, nil, class
	s.Path = []Step{}
	s.Title, s.Kind = "the list of open connections", "open connections"
	s.Counts, s.Sizes, s.Retained = slices.Clone(g.Counts), slices.Clone(g.Retained), g.Retained[last]
	s.CountDelta, s.SizeDelta = g.Counts[last]-g.Counts[0], g.Retained[last]-g.Retained[0]
	s.Share = min(1, float64(s.Retained)/float64(max(1, f.survey.Total())))
	s.Confidence = min(openLimit, max(s.Confidence, growthConfidence)) // it may be load
	s.Explanation = "Nothing but Node.js itself holds these connections, as it does while one is open. If as many clients are connected, this is load; if not, nobody ends those whose other side has gone."
	s.Advice = "Compare with the number of clients. With allowHalfOpen end() is yours to call; a socket that has failed wants destroy(), and an idle one a timeout."
}

// vagueVerdict is the one of a heap that grows without an object that could be named.
func (f *finder) vagueVerdict(s *Suspect) {
	d := f.diagnosis
	d.Verdict, d.Confidence = Growing, min(0.9, 0.5+s.Confidence/2)
	d.Reason = "The heap grows, and no single object holds what is new. Take another snapshot later, when it is warm."
	gains := ""
	if rate := f.perInterval(*s); rate != "" {
		gains = " by " + strings.TrimPrefix(rate, "+")
	}
	d.Summary = fmt.Sprintf("Growth: the heap grows%s, and no object can be named that keeps it.", gains)
	if text := f.grownClasses(); text != "" {
		d.Summary += fmt.Sprintf(" There is more and more of %s.", text)
	}
}

const (
	// handful is how many elements come in an interval at most of what a programmer may add
	// one by one: a language, a region, a template that is needed for the first time.
	handful = 4
	// largeElement is how many bytes make each of them matter all the same.
	largeElement = 256 << 10
	// manyIntervals is how many of them make a rule of it.
	manyIntervals = 6
	// openLimit bounds the confidence in connections that are open.
	openLimit = 0.5
	// handfulLimit bounds the confidence in such a one.
	handfulLimit = 0.5
)

// isHandful says whether no more than a few elements have come in each interval, and small
// ones: what is loaded when it is first needed looks like that until all is there.
func (v *survey) isHandful(c *candidate) bool {
	if len(v.past) == 0 || v.windows() >= manyIntervals || c.fresh < v.windows() || c.fresh > handful*v.windows() {
		return false
	}
	if c.kind == owner {
		came := make([]bool, v.windows()+1)
		for _, n := range c.parts {
			came[v.ageOf(n)] = true
		}
		if slices.Contains(came[1:], false) {
			return false // one thing that is made anew
		}
	} else if c.kind != collection {
		return false
	}
	return c.born < largeElement*int64(c.fresh)
}

// alikeText says of what has come by interval whether it was as much in each, and otherwise
// how much.
func alikeText[T int | int64](values []T, alike string, write func(T) string) string {
	const asMuch = 1.5
	var more []T
	for i := 1; i < len(values); i++ {
		if values[i] >= 0 {
			more = append(more, values[i]-max(0, values[i-1]))
		}
	}
	if len(more) == 0 {
		return ""
	}
	if low, high := slices.Min(more), slices.Max(more); low > 0 && float64(high) < asMuch*float64(low) {
		return ", " + alike
	}
	text := ""
	for i, m := range more {
		switch {
		case i > 0 && i == len(more)-1:
			text += " and "
		case i > 0:
			text += ", "
		}
		text += write(m)
	}
	return " (" + text + ")"
}
