package gate

import "time"

// Bound is a limit on memory and what is used of it, in bytes.
type Bound struct {
	Name  string // for people: "the container's cgroup", "the task"
	Limit int64  // 0 = none
	Used  int64
}

// room is what is free below the bound.
func (b Bound) room() int64 { return max(b.Limit-b.Used, 0) }

// HealthBudget is how long a process may stop before a health check gives it
// up.
type HealthBudget struct {
	Kind     string        // "container" or "target-group"
	Name     string        // of the container, or of the target group
	Budget   time.Duration // after which it is surely given up
	Earliest time.Duration // after which it may be, when a probe comes at the wrong moment
	Detail   string        // the figures behind both
	Skipped  string        // why the budget is not known, "" when it is
}

// Limits are what a snapshot has to stay below.
type Limits struct {
	Memory   []Bound        // the tightest counts; none is a warning
	Health   []HealthBudget // of the container and the target groups
	MaxPause time.Duration  // --max-pause, 0 = none
	// DiskFree is what is free where the file goes, in bytes; below 0 = unknown.
	DiskFree int64
}

// binding returns the bound with the least room, false when there is none.
func (l Limits) binding() (Bound, bool) {
	var tightest Bound
	for _, b := range l.Memory {
		if b.Limit <= 0 || b.Limit >= unlimited {
			continue
		}
		if tightest.Limit == 0 || b.room() < tightest.room() {
			tightest = b
		}
	}
	return tightest, tightest.Limit > 0
}

// oldSpace is the limit of V8's old generation, of which a process runs out: what
// it was started with, or what V8 has made of its limit for the whole heap.
func (v Vitals) oldSpace() int64 {
	if v.OldSpaceLimit > 0 {
		return v.OldSpaceLimit
	}
	return int64(float64(v.HeapSizeLimit) * oldShare(v.NodeMajor))
}

// oldShare is the part of V8's limit that the old generation has where nothing
// was said: the rest is the young one (heap_size_limit of Node.js 14 to 26 beside
// the 4096 MiB of a large machine).
func oldShare(major int) float64 {
	switch {
	case major >= 26:
		return 4096.0 / 4192
	case major >= 24:
		return 4096.0 / 4288
	}
	return 4096.0 / 4144
}

// unlimited is from where on a limit is none: cgroup v1 says the largest number
// of pages, and JavaScript has no exact numbers beyond.
const unlimited = 1 << 53
