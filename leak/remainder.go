package leak

import (
	"fmt"
	"strings"
)

// tellRemainders says of suspects that hold others that their sizes include those. They are
// ranked by what the others do not explain, so that one may look bigger than those before it.
func (f *finder) tellRemainders() {
	suspects := f.diagnosis.Suspects
	for i := range suspects {
		s := &suspects[i]
		var inside []string
		for _, t := range suspects {
			if s.held(f, t) {
				inside = append(inside, fmt.Sprint(t.Rank))
			}
		}
		if len(inside) == 0 {
			continue
		}
		names := "suspect " + inside[0]
		if last := len(inside) - 1; last > 0 {
			names = "suspects " + strings.Join(inside[:last], ", ") + " and " + inside[last]
		}
		text := fmt.Sprintf("Its sizes include those of %s.", names)
		if c := s.candidate; c.kind == owner && c.history == nil && len(f.past) > 0 && sum(c.growth) < s.SizeDelta {
			text = fmt.Sprintf("This is an unexplained rest: of the %s that it has gained, about %s are not in %s.", size(s.SizeDelta), size(sum(c.growth)), names)
		}
		s.Explanation = text + " " + s.Explanation
	}
}

// held says whether another suspect, which has grown too, is a part of this one.
func (s *Suspect) held(f *finder, t Suspect) bool {
	if s.candidate == nil || t.candidate == nil || s.candidate == t.candidate || s.lift != nil {
		return false
	}
	a, b := s.candidate.stand(), t.candidate.stand()
	return a != b && s.candidate.kind != group && t.SizeDelta > 0 && t.SizeDelta <= s.SizeDelta && f.survey.tree.Dominates(a, b)
}
