package gate

import "strings"

// safeWays is what can be done instead of a snapshot that does not fit.
const safeWays = "safe instead: `ecsheap profile`, a younger task with a smaller heap, or the same task with more memory; --force takes it all the same"

// RefusedError says that a snapshot is not taken because it would likely harm
// the process.
type RefusedError struct {
	Decision Decision
}

// Error names what refuses, with the figures.
func (e *RefusedError) Error() string {
	var texts []string
	for _, r := range e.Decision.Reasons {
		if r.Verdict == Refuse {
			texts = append(texts, r.Text)
		}
	}
	return "the snapshot is too dangerous: " + strings.Join(texts, "; ")
}

// Hint says what is safe.
func (e *RefusedError) Hint() string {
	var hints []string
	for _, r := range e.Decision.Reasons {
		if r.Verdict == Refuse && r.Hint != "" {
			hints = append(hints, r.Hint)
		}
	}
	return strings.Join(hints, "; ")
}
