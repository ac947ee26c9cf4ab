package leak

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// leakConfidence is the confidence from which on a suspect makes the verdict "leak".
	leakConfidence = 0.6
	// growthConfidence is the same for "growth".
	growthConfidence = 0.2
	// comparisonLimit bounds the confidence with two snapshots: whether what is new will
	// stay cannot be told without a third one.
	comparisonLimit = 0.5
	// accumulationLimit is the same with a single one: it shows what is big, not what grows.
	accumulationLimit = 0.3
	// survivorsLimit is the greatest confidence there is.
	survivorsLimit = 0.97
	// steadyEnough is the ratio of the least to the greatest growth from which on traffic
	// explains the difference.
	steadyEnough = 0.5
	// slowing is the pace below which something looks as if it filled up.
	slowing = 0.6
	// minLeakShare and minLeakBytes are the growth per interval that matters: of the heap,
	// and at all.
	minLeakShare = 0.002
	minLeakBytes = 16 << 10
	// minLeakCount is the same in elements, when not one is ever removed.
	minLeakCount = 40
	// minShare is the share of the heap below which nothing of a single snapshot is big.
	minShare = 0.01
	// vagueShare is the share of the heap that has to be gained in each interval for growth
	// that no object can be named for to be spoken of.
	vagueShare = 0.01
	// shortUptime is the age of a process below which it still warms up.
	shortUptime = time.Minute
)

// confidence says how sure it is that a candidate leaks.
func (f *finder) confidence(c *candidate, s *Suspect) float64 {
	v := f.survey
	limit := survivorsLimit
	switch f.diagnosis.Method {
	case Comparison:
		limit = comparisonLimit
	case Accumulation, ClassComparison:
		limit = accumulationLimit
	}
	if f.isJudged(c.history) {
		limit = c.history.certainty()
	}
	p := limit * f.matters(c)
	p *= min(1, math.Sqrt(c.bytes.steady/steadyEnough))
	p *= min(1, c.survival/0.8)
	if c.bytes.pace < slowing {
		p *= 0.55
	}
	if f.removes(c) || f.restarts(c) {
		p *= 0.5
	}
	if c.kind == inside || c.kind == owner {
		p *= 0.85
	}
	if f.isVague(c) {
		p *= 0.4 * min(1, c.bytes.score/(vagueShare*float64(v.Total())))
	}
	switch {
	case s.Pattern == ModulesLoaded && isEndless(c):
		p *= 0.8
	case s.Pattern == ModulesLoaded || v.isFinite(c) && c.slot == noEdge:
		p *= 0.3
	case s.Pattern == OpenSockets && f.nature(c, s.holds).open > mostly:
		p *= 0.6 // below a leak: it may be load
	}
	p *= f.limitFactor(c)
	if v.isHandful(c) {
		p = min(p, handfulLimit)
	}
	if s.reused = v.isReused(c) || f.isJudged(c.history) && c.history.reused; s.reused {
		p = min(p, reusedLimit)
	}
	if up := f.options.Uptime; up > 0 && up < shortUptime && (len(v.past) > 0 || f.isJudged(c.history)) {
		p *= 0.8
	}
	return round(f.certain(p, c))
}

// matters says how much the growth matters, 0 … 1.
func (f *finder) matters(c *candidate) float64 {
	byBytes := c.bytes.score / f.floor()
	byCount := 0.0
	if !f.removes(c) && (c.kind == collection || c.kind == group) && c.count.steady >= steadyEnough {
		byCount = min(c.count.score/minLeakCount, c.bytes.score/(minLeakBytes/4))
	}
	return min(1, max(byBytes, byCount))
}

// removes says whether the collection lets elements go as a cache with a limit or a time to
// live does: what is new mostly stands for what is gone. One that grows by the same amount
// each time, by what stays for good, merely holds things under way beside those that it
// forgets.
func (f *finder) removes(c *candidate) bool {
	const (
		fewRemoved = 0.1
		verySteady = 0.8
		mostlyNew  = 0.5
	)
	if f.isJudged(c.history) && c.history.evicts() {
		return true
	}
	if c.removed <= 0 || float64(c.removed) <= fewRemoved*float64(max(1, c.fresh)) {
		return false
	}
	net := sum(c.more)
	return float64(net) < mostlyNew*float64(c.fresh) || c.survival < verySteady || c.count.steady < verySteady
}

// enoughMemory is what a process of Node.js may use if no limit is known, in bytes.
const enoughMemory = 4 << 30

// holdsBefore says whether a collection would be full before the memory is. A limit of NaN
// is not known, and is believed.
func (f *finder) holdsBefore(c *candidate, limit float64) bool {
	memory := float64(enoughMemory)
	if f.options.MemoryLimit > 0 {
		memory = float64(f.options.MemoryLimit)
	}
	return !(limit*float64(c.born)/float64(max(1, c.fresh)) > memory)
}

// restarts says whether the collection stands in the place of an earlier one that had more:
// what holds it has become smaller when it came.
func (f *finder) restarts(c *candidate) bool {
	const shrunk = 0.9
	v := f.survey
	k := slices.IndexFunc(c.counts, func(n int) bool { return n >= 0 })
	if k <= 0 {
		return false
	}
	n := c.node
	for range maxClimb {
		p, _, ok := v.holder(n)
		if !ok || p == v.Root() {
			return false
		}
		if v.ageOf(p) < k {
			sizes := v.sizesOf(p)
			return float64(sizes[k]) < shrunk*float64(sizes[k-1])
		}
		n = p
	}
	return false
}

// conclude makes the verdict.
func (f *finder) conclude() {
	f.decide()
	f.tellPaths()
	f.tellRates()
}

// decide is conclude without what is told of paths and rates.
func (f *finder) decide() {
	d := f.diagnosis
	f.note()
	vague := f.takeVague()
	keep := d.Suspects[:0]
	for _, s := range d.Suspects {
		if s.Confidence >= growthConfidence/2 || d.Method == Accumulation && s.Share >= minShare {
			keep = append(keep, s)
		}
	}
	d.Suspects = keep
	rankSuspects(d.Suspects)
	f.tellRemainders()
	best := 0.0
	if len(d.Suspects) > 0 {
		best = d.Suspects[0].Confidence
	}
	switch {
	case d.Method == Accumulation:
		d.Verdict, d.Confidence = Insufficient, 1
		d.Reason = "One snapshot shows what is big, not what grows. Take three, with load between them."
		if n := f.options.Copies; n > 0 {
			d.Reason = fmt.Sprintf("The %d files are one and the same snapshot, which shows what is big, not what grows. Take three, with load between them.", n+1)
		}
	case f.repeated:
		d.Verdict, d.Confidence = Insufficient, 1
		d.Reason = "Two of the snapshots are one and the same: between them nothing can have grown. Name each one once."
	case slices.Contains(f.links, backwards):
		d.Verdict, d.Confidence = Insufficient, 1
		d.Reason = "The snapshots are in the wrong order, as the object ids tell, which V8 hands out in ascending order. Name the oldest first."
	case d.Method == ClassComparison && !f.judgesByPath():
		d.Verdict, d.Confidence = Insufficient, 0.5
		d.Reason = f.lostReason()
	case best >= leakConfidence:
		d.Verdict, d.Confidence = Leaking, best
		d.Reason = f.reason(d.Suspects[0])
	case best >= growthConfidence:
		d.Verdict, d.Confidence = Growing, min(0.9, 0.5+best/2)
		d.Reason = f.growthReason(d.Suspects[0])
	case d.Method == ClassComparison && f.heapGrows():
		f.unexplained = true
		d.Verdict, d.Confidence = Insufficient, 0.5
		d.Reason = f.lostReason()
	case vague != nil && vague.Confidence >= growthConfidence:
		f.vagueVerdict(vague)
		return
	case d.Method == ClassComparison:
		d.Verdict, d.Confidence = Stable, min(1-best, stablePathLimit)
		d.Reason = "Nothing grows at its path in every interval to an extent that matters."
	default:
		d.Verdict, d.Confidence = Stable, f.stableConfidence(best)
		d.Reason = "Nothing grows in every interval to an extent that matters. " + f.floorText()
	}
	d.Summary = f.summary()
}

// rankSuspects puts those that leak before those that may, and numbers them. Otherwise they
// stay in the order of their scores.
func rankSuspects(suspects []Suspect) {
	class := func(s Suspect) int {
		switch {
		case s.Confidence >= leakConfidence:
			return 0
		case s.Confidence >= growthConfidence:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(suspects, func(a, b Suspect) int { return cmp.Compare(class(a), class(b)) })
	for i := range suspects {
		suspects[i].Rank = i + 1
	}
}

// reason says why the first suspect is taken for a leak.
func (f *finder) reason(s Suspect) string {
	if f.isJudged(s.history) {
		return f.pathReason(s)
	}
	intervals := f.survey.windows()
	if last := s.Counts[len(s.Counts)-1]; last >= 0 && s.CountDelta > 0 {
		return fmt.Sprintf("%s has gained %s elements in %d intervals%s, and what it got has stayed.", s.Title, grouped(s.CountDelta), intervals,
			alikeText(s.Counts, "about as many in each", grouped))
	}
	return fmt.Sprintf("%s has grown by %s in %d intervals%s, and nothing shows a limit.", s.Title, size(s.SizeDelta), intervals,
		alikeText(s.Sizes, "about as much in each", size))
}

// growthReason says why the first suspect grows and is not called a leak.
func (f *finder) growthReason(s Suspect) string {
	reused := s.reused && (f.diagnosis.Method == Survivors || f.isJudged(s.history))
	if f.isJudged(s.history) && !reused && f.pathReasons(s) != "" {
		return f.pathReasons(s)
	}
	switch {
	case f.diagnosis.Method == Comparison && !reused:
		return fmt.Sprintf("%s has grown. Two snapshots cannot tell whether it goes on, or whether what is new stays: take a third.", s.Title)
	case s.Pattern == OpenSockets:
		return fmt.Sprintf("%s has gained connections, most of which are open: that may be load. %s.", s.Title, f.takeAnother())
	case reused:
		return fmt.Sprintf("%s has become more, and all of what it had before is in use: taken out and put back, as in a pool, which is as big as the load has asked for at once. %s.", s.Title, f.takeAnother())
	case s.Pattern == ModulesLoaded:
		return "The growth is that of modules that are loaded when they are first needed."
	}
	return fmt.Sprintf("%s grows, but it may be warm-up or something that fills up to a limit. %s.", s.Title, f.takeAnother())
}

// loaderClasses are what the module loaders of Node.js keep of each module.
var loaderClasses = map[string]bool{"Module": true, "ModuleWrap": true, "ModuleJob": true, "ModuleJobSync": true, "BuiltinModule": true}

// isLoaders says whether the candidate belongs to a module loader: modules are loaded when
// they are first needed, and there is an end to them.
func (f *finder) isLoaders(c *candidate, top string) bool {
	if loaderClasses[top] {
		return true
	}
	p := f.words.ownerFile(c.anchor)
	return p != nil && isRuntime(p) && strings.Contains(p.File, "modules/")
}

// isEndless says whether modules come in such numbers and so evenly that they are not those
// that are needed for the first time.
func isEndless(c *candidate) bool {
	const many = 40 // in each interval
	return len(c.more)-c.from >= 2 && slices.Min(c.more[c.from:]) >= many && c.count.steady >= unmoved && c.count.pace >= unmoved
}

// isVague says whether the candidate names nothing that a programmer could look at.
func (f *finder) isVague(c *candidate) bool {
	return (c.kind == owner || c.kind == inside) && (c.anchor == f.survey.Root() || f.words.isGlobal(c.anchor))
}
