package leak

import (
	"fmt"
	"strings"
	"time"
)

const (
	// pathLimit bounds the confidence in growth that paths tell over three snapshots, where
	// at least one interval has shown that elements stay. It is enough for a leak if all
	// else speaks for one: in the other intervals elements may have been replaced.
	pathLimit = 0.65
	// shortPathLimit is the same for two snapshots.
	shortPathLimit = 0.4
	// stablePathLimit bounds the confidence in that nothing grows: a path may have changed.
	stablePathLimit = 0.6
)

// certainty bounds the confidence in a candidate that is judged by its path. Where no
// interval shows what becomes of the elements, three sizes are no more than two compared
// object by object: traffic that increases looks the same.
func (h *history) certainty() float64 {
	switch {
	case h.bytes.score <= 0: // a burst in the last interval
		return comparisonLimit / 2
	case h.windows() < 2:
		return shortPathLimit
	case h.watched == 0:
		return comparisonLimit
	}
	return pathLimit
}

// isJudged says whether the candidate's path counts in the verdict.
func (f *finder) isJudged(h *history) bool { return h != nil && !f.doubt && !f.unexplained }

// lostReason says why snapshots whose ids do not continue tell nothing.
func (f *finder) lostReason() string {
	last := len(f.earlier)
	switch {
	case f.unexplained:
		return "The heap grows, but its object ids do not continue, and no path to what grows is the same in all snapshots."
	case f.doubt:
		return "The object ids do not continue, and nobody knows whether the process is still the same: objects cannot be followed, only classes and paths be compared."
	case f.links[last] == restarted:
		return "The last snapshot is of another process than those before: objects cannot be followed, only classes be compared."
	}
	return "The snapshots are not of one process, or its object ids do not continue: objects cannot be followed, only classes be compared."
}

// pathReason says why the first suspect, of which paths tell, is taken for a leak.
func (f *finder) pathReason(s Suspect) string {
	return fmt.Sprintf("%s has grown by about as much in each of %d intervals, as its path tells where object ids do not continue. "+
		"Where they do, it has let nothing go.", s.Title, s.history.windows())
}

// pathReasons says why it grows and is not called a leak, "" where paths have no part in it.
func (f *finder) pathReasons(s Suspect) string {
	h := s.history
	const fewPaths = 2
	switch {
	case s.Pattern == ModulesLoaded:
		return ""
	case h.bytes.score <= 0:
		return fmt.Sprintf("%s has grown in the last interval, and not in each one before: it may be a burst. Take another snapshot later.", s.Title)
	case h.windows() < fewPaths:
		return fmt.Sprintf("%s has grown, as its path tells. Two snapshots whose object ids do not continue cannot tell more: take three in one go.", s.Title)
	case h.evicts():
		return fmt.Sprintf("%s grows, but it also lets elements go, as something with a limit does. Take a fourth snapshot later.", s.Title)
	case h.watched == 0:
		return fmt.Sprintf("%s grows in each interval, as its path tells. Whether what is new stays can be told only where object ids continue: take three snapshots in one go.", s.Title)
	}
	return fmt.Sprintf("%s grows, but it may be warm-up or something that fills up to a limit. Take a fourth snapshot later.", s.Title)
}

// tellPaths adds to the suspects, and to what is said, what is known by path. It comes last:
// the sentence of a suspect is about the interval in which objects were followed.
func (f *finder) tellPaths() {
	if f.places == nil {
		return
	}
	d := f.diagnosis
	if len(d.Suspects) > 0 {
		d.Summary += f.pathSentence(d.Suspects[0])
	}
	for i := range d.Suspects {
		f.tellPath(&d.Suspects[i])
	}
	switch {
	case f.doubt:
		d.Notes = append(d.Notes, "Earlier counts and sizes are those at the same paths. They say something only if the process is the same.")
	default:
		d.Notes = append(d.Notes, fmt.Sprintf("Snapshots %d to %d are of one process: where its object ids do not continue, what is kept at the same path is compared, "+
			"by count and by size. That does not show whether what is new stays.", f.since+1, len(d.Snapshots)))
	}
}

// tellPath fills in the counts and sizes of the snapshots in which objects cannot be
// followed.
func (f *finder) tellPath(s *Suspect) {
	h := s.history
	if h == nil {
		return
	}
	for k := f.since; k < len(f.earlier)-len(f.past); k++ {
		s.Counts[k], s.Sizes[k] = h.counts[k-f.since], h.sizes[k-f.since]
	}
	s.SizeDelta = s.Retained - firstKnown(s.Sizes)
	s.CountDelta = max(0, s.Counts[len(s.Counts)-1]) - firstKnown(s.Counts)
}

// pathSentence says how a suspect has grown where objects cannot be followed.
func (f *finder) pathSentence(s Suspect) string {
	h := s.history
	if h == nil || len(f.past) > 0 || h.windows() < 1 {
		return ""
	}
	var all []string
	first, last := float64(h.sizes[h.from]), float64(h.sizes[len(h.sizes)-1])
	for k := h.from; k < len(h.sizes); k++ {
		if h.counts[k] >= 0 {
			all = append(all, grouped(h.counts[k]))
		} else {
			all = append(all, size(h.sizes[k]))
		}
	}
	now := all[len(all)-1]
	before := strings.Join(all[:len(all)-1], ", then ")
	if f.doubt {
		return fmt.Sprintf(" At the same path there were %s before, if the process is the same.", before)
	}
	more := size(int64((last - first) / float64(h.windows())))
	if h.counts[h.from] >= 0 {
		more = grouped((h.counts[len(h.counts)-1] - h.counts[h.from]) / h.windows())
	}
	return fmt.Sprintf(" At the same path there were %s before, and now %s: +%s per %s.", before, now, more, f.pathSpan(h))
}

// pathSpan is how long the intervals of a history are on average.
func (f *finder) pathSpan(h *history) string {
	c := f.places.clock
	if !c.known {
		return "interval"
	}
	var all float64
	for _, seconds := range c.seconds[h.from:] {
		all += seconds
	}
	return spanText(time.Duration(all / float64(h.windows()) * float64(time.Second)))
}
