package leak

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// summary is the one sentence.
func (f *finder) summary() string {
	d := f.diagnosis
	if len(d.Suspects) == 0 || d.Verdict == Stable {
		if d.Verdict == Insufficient {
			return "Nothing stands out, and what there is cannot tell whether something leaks."
		}
		return "No leak: nothing grows in every interval to an extent that matters."
	}
	s := d.Suspects[0]
	switch d.Verdict {
	case Leaking:
		return fmt.Sprintf("Leak: %s.%s", f.sentence(s), others(d.Suspects[1:]))
	case Growing:
		return fmt.Sprintf("Growth: %s.", f.sentence(s))
	}
	return fmt.Sprintf("Cannot tell yet. The biggest thing that accumulates is %s: %s.", f.shortTitle(s), f.holdings(s, ""))
}

// others says how many more leaks there are.
func others(suspects []Suspect) string {
	more := 0
	for _, s := range suspects {
		if s.Confidence >= leakConfidence {
			more++
		}
	}
	switch more {
	case 0:
		return ""
	case 1:
		return fmt.Sprintf(" Another one: %s.", suspects[0].Title)
	}
	return fmt.Sprintf(" There are %d more, the next is %s.", more, suspects[0].Title)
}

// sentence says of a suspect what it holds, how fast it grows, and where it comes from.
func (f *finder) sentence(s Suspect) string {
	verb := "holds "
	if s.Counts[len(s.Counts)-1] < 0 {
		verb = "keeps "
	}
	return f.shortTitle(s) + " " + f.holdings(s, verb)
}

// shortTitle is the title without the class, which the kind of what it holds tells better.
func (f *finder) shortTitle(s Suspect) string {
	return strings.TrimSuffix(s.Title, " ("+f.words.class(s.Node)+")")
}

// holdings is what a suspect holds, in words behind the verb.
func (f *finder) holdings(s Suspect, verb string) string {
	var b strings.Builder
	last := s.Counts[len(s.Counts)-1]
	rate := f.perInterval(s)
	if last >= 0 {
		what := "objects"
		if s.holds != "" {
			what = s.holds
			if !strings.HasPrefix(what, "(") && !strings.HasPrefix(what, "{") {
				what += " objects"
			}
		}
		fmt.Fprintf(&b, "%s%s %s", verb, grouped(last), what)
	} else {
		fmt.Fprintf(&b, "%s%s", verb, size(s.Retained))
	}
	if rate != "" {
		b.WriteString(", " + rate)
	}
	fmt.Fprintf(&b, ", %s of the heap", percent(s.Share))
	if last >= 0 {
		fmt.Fprintf(&b, " (%s)", size(s.Retained))
	}
	switch p, own := s.CreatedAt, s.Location; {
	case own != nil && !isRuntime(own) && !isPackages(own) && (p == nil || isPackages(p)):
		fmt.Fprintf(&b, ", kept by %s", own.lineText())
	case p != nil:
		fmt.Fprintf(&b, ", created at %s", p.lineText())
	}
	return b.String()
}

// lineText is a place as a sentence has it.
func (p *Place) lineText() string {
	file := strings.TrimPrefix(p.File, "file://")
	if p.Line == 0 {
		return file
	}
	return fmt.Sprintf("%s:%d", file, p.Line)
}

func percent(share float64) string {
	if share > 0 && share < 0.01 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// perInterval says how much comes in an interval, in elements if they are counted. Of
// intervals shorter than a minute it says what a minute brings.
func (f *finder) perInterval(s Suspect) string {
	v := f.survey
	if len(v.past) == 0 {
		return ""
	}
	counted := s.Counts[len(s.Counts)-1] >= 0
	windows := v.windows() // that the change was seen in
	if counted {
		windows = min(windows, known(s.Counts)-1)
	} else {
		windows = min(windows, known(s.Sizes)-1)
	}
	if windows < 1 {
		return ""
	}
	per := 1 / float64(windows)
	span := "interval"
	if v.clock.known {
		var all float64
		for _, seconds := range v.clock.seconds[len(v.clock.seconds)-windows:] {
			all += seconds
		}
		each := time.Duration(all * per * float64(time.Second))
		if each < time.Minute {
			each, per = time.Minute, time.Minute.Seconds()/all
		}
		span = strings.TrimPrefix(spanText(each), "1 ")
	}
	if counted {
		return fmt.Sprintf("%s per %s", signed(int64(math.Round(float64(s.CountDelta)*per)), func(n int64) string { return grouped(int(n)) }), span)
	}
	return fmt.Sprintf("%s per %s", signed(int64(float64(s.SizeDelta)*per), size), span)
}

// signed writes a change.
func signed(n int64, write func(int64) string) string {
	if n < 0 {
		return write(n)
	}
	return "+" + write(n)
}

// known returns of how many snapshots, from the first one on that is known, there are values.
func known[T int | int64](values []T) int {
	return len(values) - max(0, slices.IndexFunc(values, func(v T) bool { return v >= 0 }))
}

// tellRates makes the rates of the suspects those of the counts and sizes that stand beside
// them, so that a reader who divides finds the same numbers.
func (f *finder) tellRates() {
	for i := range f.diagnosis.Suspects {
		s := &f.diagnosis.Suspects[i]
		s.GrowthPerSecond, s.CountPerSecond = 0, 0
		if s.history == nil && len(f.past) == 0 || f.doubt {
			continue
		}
		if seconds := f.secondsOf(known(s.Sizes)); seconds > 0 {
			s.GrowthPerSecond = float64(s.SizeDelta) / seconds
		}
		if seconds := f.secondsOf(known(s.Counts)); seconds > 0 && s.Counts[len(s.Counts)-1] >= 0 {
			s.CountPerSecond = float64(s.CountDelta) / seconds
		}
		s.Exhausts = f.exhausts(s.GrowthPerSecond)
	}
}

// secondsOf is the time from the first to the last of so many last snapshots, 0 = unknown.
func (f *finder) secondsOf(snapshots int) float64 {
	all := f.diagnosis.Snapshots
	all = all[len(all)-snapshots:]
	if first := all[0].At; snapshots > 1 && newClock(f.times(len(f.diagnosis.Snapshots)-snapshots)).known {
		return all[snapshots-1].At.Sub(first).Seconds()
	}
	return 0
}

// spanText writes a duration as one speaks: 1 min, 90 s, 10 min, 3 h.
func spanText(d time.Duration) string {
	switch {
	case d.Round(time.Second) == time.Minute:
		return "1 min"
	case d < 10*time.Second:
		return fmt.Sprintf("%.2g s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return fmt.Sprintf("%.0f min", d.Minutes())
	}
	return fmt.Sprintf("%.0f h", d.Hours())
}

const (
	// heapFlat is the share of the growth of the process that the heap has at most, when
	// memory outside of it is worth a note.
	heapFlat = 0.5
	// notedGrowth is the growth of the process that is worth a note, in bytes.
	notedGrowth = 8 << 20
)

// note adds what limits the answer.
func (f *finder) note() {
	d, o := f.diagnosis, f.options
	if breaks := f.breaks(); len(breaks) > 0 && !slices.Contains(f.links, backwards) {
		text := fmt.Sprintf("Object ids do not continue from snapshot %s: another process, or its inspector session was closed in between.", strings.Join(breaks, " and from "))
		if d.Method != ClassComparison {
			text += fmt.Sprintf(" The last %d snapshots belong together, and the diagnosis is theirs.", len(f.past)+1)
		}
		d.Notes = append(d.Notes, text)
	}
	if text := f.grownClasses(); d.Method == ClassComparison && text != "" {
		d.Notes = append(d.Notes, "By class, without a look at the objects, there is more of "+text+" in the last snapshot than in the first.")
	}
	if text := f.outside(); text != "" {
		d.Notes = append(d.Notes, text)
	}
	if o.Uptime > 0 && o.Uptime < shortUptime && len(f.past) > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("The process was %s old at the first snapshot: part of the growth may be warm-up.", spanText(o.Uptime)))
	}
}

// outside says that the process has grown by more than its heap, "" if it has not. To take
// the first snapshot costs a process tens of megabytes that it does not give back, so that
// the growth counts from the second one on, if there are three.
func (f *finder) outside() string {
	d, rss := f.diagnosis, f.options.RSS
	last := len(rss) - 1
	if last < 1 || len(rss) != len(d.Snapshots) {
		return ""
	}
	first, since := 0, "The process has grown"
	if last > 1 {
		first, since = 1, "Since the second snapshot the process has grown"
	}
	process, heap := rss[last]-rss[first], d.Snapshots[last].Total-d.Snapshots[first].Total
	if process <= notedGrowth || float64(heap) >= heapFlat*float64(process) {
		return ""
	}
	return fmt.Sprintf("%s by %s and its heap by %s: the rest is native memory, garbage, or what taking snapshots has left behind, none of which a heap snapshot shows.",
		since, size(process), size(heap))
}

// breaks names the pairs of snapshots between which object ids do not continue.
func (f *finder) breaks() []string {
	var all []string
	for i, s := range f.diagnosis.Snapshots {
		if i > 0 && !s.SameIDs {
			all = append(all, fmt.Sprintf("%d to %d", i, i+1))
		}
	}
	return all
}

// grownClasses names the classes that have grown most, those of V8 and Node.js's code aside.
func (f *finder) grownClasses() string {
	const named = 3
	var all []string
	for _, g := range f.diagnosis.Classes {
		last := len(g.Counts) - 1
		if more := g.Counts[last] - g.Counts[0]; more > 0 && g.Shallow[last] > g.Shallow[0] && !strings.HasPrefix(g.Class, "(") && !strings.HasPrefix(g.Class, "system / ") {
			all = append(all, fmt.Sprintf("%s (+%s)", g.Class, grouped(more)))
		}
		if len(all) == named {
			break
		}
	}
	return strings.Join(all, ", ")
}
