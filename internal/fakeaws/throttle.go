package fakeaws

import (
	"strings"
	"time"
)

// Throttle is a limit of the rate of calls, which AWS keeps as a bucket of tokens: each call takes
// one, and one that finds none is refused with the service's own throttling error.
type Throttle struct {
	// Operations are those that share the bucket, such as "ecs.DescribeTasks"; "ecs." stands for
	// all of a service and "" for everything.
	Operations []string
	// Burst is how many tokens the bucket holds; it begins full.
	Burst int
	// PerSecond is how many come back each second. With 0 none do: everything after the burst is
	// refused.
	PerSecond float64
	// Refusals, if not 0, is how many calls are refused; after that the limit is gone.
	Refusals int
}

// limit is a Throttle at work.
type limit struct {
	Throttle
	tokens float64
	filled time.Time
}

// Throttle limits the rate of calls from now on. Of several limits for one operation all count.
func (s *Server) Throttle(t Throttle) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = append(s.limits, &limit{Throttle: t, tokens: float64(t.Burst), filled: time.Now()})
}

// overLimit takes a token for a call and says whether there was none.
func (s *Server) overLimit(operation string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	over := false
	for i := 0; i < len(s.limits); i++ {
		l := s.limits[i]
		if !l.covers(operation) || l.take(now) {
			continue
		}
		over = true
		if l.Refusals == 1 {
			s.limits = append(s.limits[:i], s.limits[i+1:]...)
			i--
		} else if l.Refusals > 1 {
			l.Refusals--
		}
	}
	return over
}

// covers says whether an operation draws on the bucket.
func (l *limit) covers(operation string) bool {
	for _, name := range l.Operations {
		if name == operation || name == "" || strings.HasSuffix(name, ".") && strings.HasPrefix(operation, name) {
			return true
		}
	}
	return false
}

// take takes a token, if there is one.
func (l *limit) take(now time.Time) bool {
	l.tokens = min(float64(l.Burst), l.tokens+now.Sub(l.filled).Seconds()*l.PerSecond)
	l.filled = now
	if l.tokens < 1 {
		return false
	}
	l.tokens--
	return true
}
