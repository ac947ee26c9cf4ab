package gate

import (
	"fmt"
	"slices"
	"time"
)

// Verdict is what a decision comes to.
type Verdict string

// The verdicts.
const (
	Go     Verdict = "go"     // the snapshot fits
	Warn   Verdict = "warn"   // it likely fits, or nobody knows
	Refuse Verdict = "refuse" // it likely does not fit
)

// severity orders the verdicts.
func (v Verdict) severity() int {
	return slices.Index([]Verdict{Go, Warn, Refuse}, v)
}

// Reason is one thing that a decision rests on.
type Reason struct {
	ID      string  `json:"id"` // stable, such as mem.headroom
	Verdict Verdict `json:"verdict"`
	Text    string  `json:"text"` // with the figures
	Hint    string  `json:"hint"` // "" when there is nothing to do
}

// Decision says whether a snapshot may be taken.
type Decision struct {
	Verdict  Verdict  `json:"verdict"`
	Reasons  []Reason `json:"reasons"` // the gravest first, never empty
	Forecast Forecast `json:"forecast"`
}

// Err is a *RefusedError when the verdict is Refuse, else nil.
func (d Decision) Err() error {
	if d.Verdict != Refuse {
		return nil
	}
	return &RefusedError{Decision: d}
}

const (
	// healthShare is the part of a health budget that a pause may take: probes
	// do not begin with the pause, and a machine under load is slower than the
	// one of the forecast.
	healthShare = 0.7

	// heapLimitShare is the part of the limit of V8's old generation from which on
	// four collections in a row with little work between them end the process (v8
	// src/heap/heap.cc, Heap::CheckIneffectiveMarkCompact), the collections that a
	// snapshot begins with included. What V8 makes for it lives outside of that heap.
	heapLimitShare = 0.8

	// leastHeapRoom is what asking the process and fetching a snapshot from it take
	// below that limit: three pieces at once, compressed, as text, and room for V8
	// to collect. With 3 MB left one Node.js 18 of two died while it was fetched,
	// with 5 MB some while they were asked; with 10 MB none. stream takes no pieces.
	leastHeapRoom = 6e6

	// leastHeapRoomMemory is the same for the transfer memory, where the chunks of
	// the snapshot pass through V8's heap: with 10 MB left Node.js 18 died of
	// collecting them, with 16 MB it did not.
	leastHeapRoomMemory = 16e6

	// slowNode is the last version whose snapshots take several times as long
	// as those of later ones, for some shapes of heap very much longer.
	slowNode = 18
)

// Decide compares a forecast with the limits. Refuse means that even the
// likely peak does not fit below the tightest memory limit, that V8's own limit
// leaves nothing, that the file does not fit on the disk, or that the likely pause
// is above MaxPause; Warn that
// only the worst case does not fit, or that a limit is not known.
func Decide(f Forecast, l Limits, v Vitals) Decision {
	reasons := []Reason{decideMemory(f, l)}
	for _, decide := range []func(Forecast, Limits, Vitals) (Reason, bool){
		decideHeapLimit, decideDisk, decidePause, decideVersion, decideLoad,
	} {
		if r, ok := decide(f, l, v); ok {
			reasons = append(reasons, r)
		}
	}
	for _, b := range l.Health {
		if r, ok := decideHealth(f, b); ok {
			reasons = append(reasons, r)
		}
	}
	slices.SortStableFunc(reasons, func(a, b Reason) int { return b.Verdict.severity() - a.Verdict.severity() })
	return Decision{Verdict: reasons[0].Verdict, Reasons: reasons, Forecast: f}
}

// decideMemory always has a reason, that of Go included.
func decideMemory(f Forecast, l Limits) Reason {
	b, ok := l.binding()
	if !ok {
		return Reason{
			ID: "mem.limit", Verdict: Warn,
			Text: fmt.Sprintf("no memory limit is known; the snapshot needs %s on top of what is used now", sizes(f.Extra)),
			Hint: "make sure that the machine has that much free",
		}
	}
	r := Reason{
		ID: "mem.headroom", Verdict: Go,
		Text: fmt.Sprintf("needs %s more (likely %s), %s are free of the %s of %s",
			sizes(f.Extra), size(f.Extra.Likely), size(b.room()), size(b.Limit), b.Name),
	}
	switch {
	case f.Extra.Likely > b.room():
		r.Verdict, r.Hint = Refuse, safeWays
	case f.Extra.High > b.room():
		r.Verdict = Warn
		r.Hint = "likely it fits; in the worst case the kernel kills the process. " + safeWays
	}
	return r
}

// decideHeapLimit looks at V8's own limit, which the kernel's does not know. It
// refuses only where that limit is known and not estimated.
func decideHeapLimit(f Forecast, _ Limits, v Vitals) (Reason, bool) {
	limit := v.oldSpace()
	least := map[Transfer]int64{Memory: leastHeapRoomMemory, Disk: leastHeapRoom, S3: leastHeapRoom}[f.Transfer]
	tight := v.OldSpaceLimit > 0 && limit-v.HeapUsed < least
	if limit <= 0 || !tight && float64(v.HeapUsed) < heapLimitShare*float64(limit) {
		return Reason{}, false
	}
	r := Reason{
		ID: "mem.heap-limit", Verdict: Warn,
		Text: fmt.Sprintf("the heap uses %s of the %s that V8 allows itself: from %.0f %% on V8 ends a process that does little else than collect, and a snapshot begins with collections",
			size(v.HeapUsed), size(limit), 100*heapLimitShare),
		Hint: "take it while the process has little to do, best by --transfer stream, which takes the least of V8's heap; or start it with a higher --max-old-space-size",
	}
	if tight {
		r.Verdict = Refuse
		r.Text = fmt.Sprintf("the heap uses %s of the %s that V8 allows itself, too much for a snapshot to be fetched by %s", size(v.HeapUsed), size(limit), f.Transfer)
		r.Hint = "--transfer stream takes the least of V8's heap; --force takes it all the same"
	}
	return r, true
}

// decideDisk counts for the transfers that write a file.
func decideDisk(f Forecast, l Limits, _ Vitals) (Reason, bool) {
	if f.Transfer != Disk && f.Transfer != S3 {
		return Reason{}, false
	}
	r := Reason{ID: "disk.free", Verdict: Go, Text: fmt.Sprintf("the file takes about %s, %s are free", size(f.File.Likely), size(l.DiskFree))}
	const hint = "--transfer memory or stream writes no file there"
	switch {
	case l.DiskFree < 0:
		r.Verdict, r.Hint = Warn, "a full disk ends the snapshot, not the process; "+hint
		r.Text = fmt.Sprintf("the file takes about %s, and what is free on the disk is not known", size(f.File.Likely))
	case f.File.Likely > l.DiskFree:
		r.Verdict, r.Hint = Refuse, hint
	case f.File.High > l.DiskFree:
		r.Verdict, r.Hint = Warn, hint
	}
	return r, true
}

// decidePause counts with --max-pause.
func decidePause(f Forecast, l Limits, _ Vitals) (Reason, bool) {
	if l.MaxPause <= 0 {
		return Reason{}, false
	}
	r := Reason{
		ID: "pause.max", Verdict: Go,
		Text: fmt.Sprintf("stops the process for about %s (%s to %s), --max-pause allows %s",
			span(f.Pause.Likely), span(f.Pause.Low), span(f.Pause.High), l.MaxPause),
	}
	switch {
	case f.Pause.Likely > l.MaxPause:
		r.Verdict, r.Hint = Refuse, "`ecsheap profile` does not stop the process; a younger task has a smaller heap; or allow more with --max-pause"
	case f.Pause.High > l.MaxPause:
		r.Verdict, r.Hint = Warn, "`ecsheap profile` does not stop the process"
	}
	return r, true
}

// decideVersion has a word on versions whose pauses are out of proportion.
func decideVersion(f Forecast, _ Limits, v Vitals) (Reason, bool) {
	if v.NodeMajor == 0 || v.NodeMajor > slowNode || f.Pause.High < slowPause {
		return Reason{}, false
	}
	return Reason{
		ID: "node.slow", Verdict: Warn,
		Text: fmt.Sprintf("Node.js %d takes snapshots several times as slowly as later versions: about %s, in bad cases %s",
			v.NodeMajor, span(f.Pause.Likely), span(f.Pause.High)),
		Hint: "`ecsheap profile` does not stop the process",
	}, true
}

// slowPause is from where on the slowness of a version is worth a word.
const slowPause = 5 * time.Second

// busyLoad is from where on a process has little left to catch up with.
const busyLoad = 0.8

// decideLoad says how long the process works off what has come during the
// pause: all of it waits, and goes on coming.
func decideLoad(f Forecast, _ Limits, v Vitals) (Reason, bool) {
	if v.Load < busyLoad {
		return Reason{}, false
	}
	left := max(1-v.Load, 0.01) // a load of 1 never catches up; a forecast may say so by a long time
	behind := seconds(f.Pause.Likely.Seconds() * v.Load / left)
	return Reason{
		ID: "load.busy", Verdict: Warn,
		Text: fmt.Sprintf("the event loop is busy %.0f %% of the time: after a pause of %s it takes about %s to catch up",
			100*v.Load, span(f.Pause.Likely), span(behind)),
		Hint: "take it from a task with less traffic, or in a quieter hour",
	}, true
}

// decideHealth compares the pause with one budget. It never refuses: only its
// owner knows what a lost task is worth.
func decideHealth(f Forecast, b HealthBudget) (Reason, bool) {
	what := map[string]string{"container": "the health check of container ", "target-group": "target group "}[b.Kind] + b.Name
	id := map[string]string{"container": "hc.container", "target-group": "hc.alb"}[b.Kind]
	if b.Skipped != "" {
		return Reason{ID: id, Verdict: Go, Text: "health budget of " + what + " not known: " + b.Skipped}, true
	}
	if b.Budget <= 0 {
		return Reason{}, false
	}
	r := Reason{
		ID: id, Verdict: Go,
		Text: fmt.Sprintf("stops the process for about %s (up to %s), %s gives up after %s (%s)",
			span(f.Pause.Likely), span(f.Pause.High), what, span(b.Budget), b.Detail),
	}
	hint := "ECS then replaces the task and the evidence is gone; `ecsheap profile` does not stop the process"
	likely, high := f.Pause.Likely.Seconds(), f.Pause.High.Seconds()
	switch budget := healthShare * b.Budget.Seconds(); {
	case likely > budget:
		r.Verdict, r.Hint = Warn, "it will likely be found unhealthy: "+hint
	case high > budget || b.Earliest > 0 && likely > b.Earliest.Seconds():
		r.Verdict, r.Hint = Warn, "it may be found unhealthy: "+hint
	}
	return r, true
}
