package leak

import (
	"fmt"
	"math"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// trust is how surely a property of a certain name limits the size of a collection.
type trust uint8

const (
	noTrust   trust = iota
	someTrust       // "limit": it may as well be that of a rate, a page or a retry
	fullTrust       // "maxEntries"
)

// bounds are names of properties that limit the size of a cache. Letter case, _ and # do
// not matter. Times are not among them: they limit the age of what is looked up.
var bounds = map[string]trust{
	"max": fullTrust, "maxsize": fullTrust, "maxentries": fullTrust, "maxitems": fullTrust, "maxkeys": fullTrust,
	"maxlength": fullTrust, "maxcount": fullTrust, "maxcachesize": fullTrust, "maxelements": fullTrust, "sizelimit": fullTrust,
	"entrylimit": fullTrust, "capacity": fullTrust, "cachesize": fullTrust, "cachelimit": fullTrust, "maxcache": fullTrust,
	"limit": someTrust,
}

// spans are names of properties that make a "limit" beside them one of a rate: so many in
// that time.
var spans = map[string]bool{
	"window": true, "windowms": true, "windowsec": true, "windowseconds": true, "interval": true, "intervalms": true,
	"period": true, "periodms": true, "duration": true, "per": true, "timewindow": true, "refillrate": true,
}

// plainName is a property's name without what does not matter.
func plainName(name string) string {
	name = strings.TrimSuffix(strings.TrimPrefix(name, "<symbol "), ">")
	return strings.ToLower(strings.NewReplacer("_", "", "#", "", "$", "").Replace(name))
}

// isBound says whether a property of the name may limit the size of a collection.
func isBound(name string) bool { return bounds[plainName(name)] != noTrust }

// bound returns the name and the value of a property that limits the collection, "" if it
// has none: of the object itself or of the one that holds it. Most snapshots do not have
// small numbers, so that one of which an object has the name but no value counts, with a
// value of NaN. Values that are no small numbers, as undefined or Infinity, can be seen.
func (w *words) bound(n heap.Node) (string, float64) {
	for range 2 {
		if w.v.Type(n) == heap.ObjectNode && !w.isContext(n) {
			if name, limit := w.ownBound(n); name != "" {
				return name, limit
			}
		}
		p, _, ok := w.v.holder(n)
		if !ok {
			return "", 0
		}
		n = p
	}
	return "", 0
}

// ownBound is bound for the properties of one object. Of several names the one counts that
// is trusted most.
func (w *words) ownBound(n heap.Node) (string, float64) {
	v := w.v
	visible := map[string]bool{}
	boxed := 0 // numbers that are not small, without their names
	var shape heap.Node
	best := boundName{limit: math.NaN()}
	for r := range v.Out(n) {
		switch {
		case r.Type == heap.PropertyEdge:
			name := v.EdgeName(r.Edge)
			visible[name] = true
			limit := w.number(r.To)
			best.consider(name, limit, limit > 0 && !math.IsInf(limit, 0))
		case r.Type == heap.HiddenEdge && v.Type(r.To) == heap.NumberNode:
			boxed++
		case r.Type == heap.InternalEdge && v.EdgeLabel(r.Edge) == v.hiddenMap:
			shape = r.To
		}
	}
	hidden := 0
	unread := boundName{limit: math.NaN()}
	for _, name := range w.ownNames(shape) {
		if !visible[name] {
			hidden++
			unread.consider(name, math.NaN(), true)
		}
	}
	if hidden > boxed && unread.trust > best.trust {
		best.name, best.limit, best.trust = unread.name, unread.limit, unread.trust
	}
	if best.trust == someTrust && (best.spans || unread.spans) {
		return "", 0
	}
	return best.name, best.limit
}

// boundName is the best name of a limit so far.
type boundName struct {
	name  string
	limit float64
	trust trust
	spans bool // there is a span of time as well
}

// consider looks at one more property, which has a value that can be a limit, or not.
func (b *boundName) consider(name string, limit float64, fits bool) {
	plain := plainName(name)
	b.spans = b.spans || spans[plain]
	if t := bounds[plain]; fits && t > b.trust {
		b.name, b.limit, b.trust = name, limit, t
	}
}

const (
	// longSeries and someElements are how many intervals of growth and how many new elements
	// outweigh a "limit", if none has gone.
	longSeries   = 3
	someElements = 100
	// longerSeries and manyElements are the same for a name that is trusted: a cache of
	// thousands may well fill up for a while.
	longerSeries = 5
	manyElements = 10_000
	// unmoved is how steady that growth has to be.
	unmoved = 0.8
)

// boundFactor says by how much the limit that a collection seems to have makes a leak less
// likely.
func (f *finder) boundFactor(c *candidate) float64 {
	const (
		believed = 0.5
		weakly   = 0.6 // still below a leak with the evidence of two intervals
	)
	if c.limit*float64(len(c.members)) < float64(c.counts[len(c.counts)-1]) {
		c.bound = "" // there are more already
	}
	if c.bound == "" || f.outgrows(c) {
		return 1
	}
	if bounds[plainName(c.bound)] == someTrust {
		return weakly
	}
	return believed
}

// outgrows says whether a collection has grown for so long, by so much and so evenly that a
// name alone, of a limit whose value cannot be seen, does not speak against a leak.
func (f *finder) outgrows(c *candidate) bool {
	intervals, least := longerSeries, manyElements
	if bounds[plainName(c.bound)] == someTrust {
		intervals, least = longSeries, someElements
	}
	return math.IsNaN(c.limit) && len(f.survey.past) > 0 && len(c.more)-c.from >= intervals &&
		c.removed <= 0 && c.fresh >= least && c.count.steady >= unmoved && c.count.pace >= unmoved
}

// boundText is what is said of the limit, in the explanation and before the advice.
func (f *finder) boundText(c *candidate) (explanation, advice string) {
	value := "whose value the snapshot does not show"
	if !math.IsNaN(c.limit) {
		value = fmt.Sprintf("of %.0f", c.limit)
	}
	if f.outgrows(c) {
		return fmt.Sprintf(" There is a property %q, %s; %s elements more in %d intervals, none of them removed, do not look as if it limited this.",
			c.bound, value, grouped(int(sum(c.more))), len(c.more)-c.from), ""
	}
	return fmt.Sprintf(" There is a limit, %q, %s: it may still be filling up.", c.bound, value),
		"See whether the limit is in the unit that you think and low enough, or take another snapshot later. "
}

// takeAnother is the advice to wait, by how many snapshots there are.
func (f *finder) takeAnother() string {
	if len(f.survey.past) < longSeries {
		return "Take a fourth snapshot later"
	}
	return "Take another one when more load has passed"
}
