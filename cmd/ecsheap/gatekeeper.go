package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
)

// transferAuto lets the gate choose.
const transferAuto = "auto"

// gatekeeper asks before each snapshot how the process is, chooses the transfer,
// forecasts what the snapshot will cost, and refuses what is unsafe.
type gatekeeper struct {
	u        *ui
	in       *inProcess
	transfer string // as asked for
	health   []gate.HealthBudget
	memory   []gate.Bound // limits that the process does not see
	maxPause time.Duration
	force    bool

	generation int // of the process that the snapshots from first on are of
	first      int
	told       map[string]bool // reasons by id
	choice     gate.Choice     // for the snapshot that comes now
	need       int64           // bytes that its file will have at most
	n          int             // its number
	vitals     gate.Vitals     // what the process said before it
	seen       []gate.Seen     // what those before it have cost
	// verdict is of the snapshot that comes now. Capture keeps the pointer for the
	// manifest, so what is decided anew while the snapshot is taken is in there too.
	verdict *verdict
	// noDisk is why no snapshot is put on the disk of the process any more, "" = one
	// may be. What failed once fails again, and the process stands still for it.
	noDisk string
	// spent is for how long the process has stood still for tries of the snapshot that
	// comes now, of which nothing came: at most, an answer had to come here.
	spent time.Duration
}

// verdict is what the manifest keeps of the gate.
type verdict struct {
	gate.Decision
	Transfer gate.Transfer `json:"transfer"`
	Why      string        `json:"why"`    // this transfer
	Forced   bool          `json:"forced"` // refused, and taken all the same
	Failed   string        `json:"failed"` // what came of another transfer before, "" = none was tried
	// FailedPauseMs is for how long the process stood still for that, in the pause of
	// this snapshot: at most, an answer had to come here. 0 = not at all, or for an
	// earlier snapshot of the series.
	FailedPauseMs int64        `json:"failedPauseMs"`
	Vitals        guest.Vitals `json:"vitals"`
}

// ask is capture's gate.
func (k *gatekeeper) ask(ctx context.Context, n int, taken []capture.Shot) (any, error) {
	if n == 1 {
		k.u.step("asking the process how it is, with one garbage collection")
	}
	v, own, err := k.in.vitals(ctx)
	if err != nil {
		return nil, err
	}
	if n == 1 && own.Workers > 0 {
		k.u.warn(fmt.Sprintf("the process has %s", plural(own.Workers, "worker thread")), "their heaps are their own and not in the snapshot")
	}
	if _, generation := k.in.tenant(); generation != k.generation {
		k.generation, k.first, k.noDisk = generation, len(taken), ""
	}
	k.n, k.seen, k.spent = n, seenOf(taken[k.first:]), 0
	k.verdict, err = k.judge(v, own)
	return k.verdict, err
}

// judge chooses a transfer and decides about it.
func (k *gatekeeper) judge(v gate.Vitals, own guest.Vitals) (*verdict, error) {
	k.choose(v, own)
	k.vitals = v
	f := forecast(v, k.choice.Transfer, k.seen, own.PeakRSS)
	k.need = f.File.High
	d := k.decide(f, v)
	k.tell(d)
	result := &verdict{Decision: d, Transfer: k.choice.Transfer, Why: k.choice.Why, Failed: k.noDisk, FailedPauseMs: k.spent.Milliseconds(), Vitals: own}
	err := d.Err()
	switch {
	case err == nil:
	case k.force:
		k.u.warn(errorText(err), "--force: taken all the same")
		result.Forced, err = true, nil
	default:
		err = &refusedError{err: err, hint: k.exact(hintOf(err))}
	}
	return result, err
}

// inMemory is what the gate would say, of the process as it was asked last, to a snapshot
// that is held in its memory. highest is the most memory that the process ever had.
func (k *gatekeeper) inMemory(highest int64) (f gate.Forecast, refused bool) {
	f = forecast(k.vitals, gate.Memory, k.seen, highest)
	return f, k.decide(f, k.vitals).Verdict == gate.Refuse
}

// decide is the gate's decision. A second try has what is left of --max-pause.
func (k *gatekeeper) decide(f gate.Forecast, v gate.Vitals) gate.Decision {
	d := gate.Decide(f, k.limits(v), v)
	if k.spent == 0 {
		return d
	}
	for i := range d.Reasons {
		if r := &d.Reasons[i]; r.ID == "pause.max" {
			r.Text += fmt.Sprintf(" of its %s: the try before stood still for %s", k.maxPause, durationText(k.spent))
		}
	}
	return d
}

// pauseLeft is what a snapshot may take of --max-pause yet: 0 means that it is not
// limited, so a millisecond stands for nothing.
func (k *gatekeeper) pauseLeft() time.Duration {
	if k.maxPause <= 0 {
		return 0
	}
	return max((k.maxPause - k.spent).Truncate(time.Millisecond), time.Millisecond)
}

// instead looks for another way when the disk of the process has not taken a
// snapshot, which err says, for which that stood still for as long as paused, and
// asks the gate about it. It returns err itself when the disk was asked for, or has
// nothing to do with it.
func (k *gatekeeper) instead(ctx context.Context, err error, paused time.Duration) error {
	wrote := isAs[*guest.WriteError](err)
	if k.transfer != transferAuto || !wrote && !isAs[*guest.PlaceError](err) {
		return err
	}
	k.noDisk = errorText(err)
	if wrote {
		k.spent += paused
		k.noDisk += ", for which the process stood still for " + durationText(paused)
	}
	k.u.warn(k.noDisk, "looking for another way, and asking the process how it is once more")
	v, own, err := k.in.vitals(ctx)
	if err != nil {
		return err
	}
	if wrote { // what V8 had to make for it is made, and its memory will be used again
		k.seen = append(k.seen, costOf(k.verdict.Vitals, own, paused))
	}
	second, err := k.judge(v, own)
	*k.verdict = *second
	return err
}

// costOf is what a snapshot has cost of which nothing came.
func costOf(before, after guest.Vitals, paused time.Duration) gate.Seen {
	s := gate.Seen{HeapUsed: before.HeapUsed, RSSBefore: before.RSS, RSSAfter: after.RSS, Pause: paused}
	if after.PeakRSS > before.PeakRSS {
		s.RSSPeak = after.PeakRSS
	}
	return s
}

// whole adds what was spent on tries of which nothing came to the pause of the one
// that succeeded. One that is not known stays so: what stands for it has all of them.
func (k *gatekeeper) whole(taken capture.Taken) capture.Taken {
	if taken.Pause > 0 {
		taken.Pause += k.spent
	}
	return taken
}

// failedPause is the part of the pause of a snapshot in which nothing came of it.
func failedPause(s capture.Shot) time.Duration {
	if v, ok := s.Gate.(*verdict); ok {
		return time.Duration(v.FailedPauseMs) * time.Millisecond
	}
	return 0
}

// forecast is gate.Predict, with highest, the most memory that the process ever
// had (0 = unknown), as the bound of what the last snapshot can have taken when
// that is not known: a snapshot whose peak was below an earlier one leaves no mark.
func forecast(v gate.Vitals, t gate.Transfer, seen []gate.Seen, highest int64) gate.Forecast {
	f := gate.Predict(v, t, seen)
	if n := len(seen); n > 0 && seen[n-1].FileBytes == 0 { // what has failed did not stand still for all of it
		whole := gate.Predict(v, t, nil).Pause
		f.Pause = gate.Range[time.Duration]{Low: max(f.Pause.Low, whole.Low), Likely: max(f.Pause.Likely, whole.Likely), High: max(f.Pause.High, whole.High)}
	}
	if len(seen) == 0 || seen[len(seen)-1].RSSPeak > 0 || highest <= 0 {
		return f
	}
	bounded := slices.Clone(seen)
	last := &bounded[len(bounded)-1]
	last.RSSPeak = max(highest, last.RSSAfter)
	bound := gate.Predict(v, t, bounded).Extra
	f.Extra.High = min(f.Extra.High, bound.High)
	f.Extra.Likely = min(f.Extra.Likely, f.Extra.High)
	f.Extra.Low = min(f.Extra.Low, f.Extra.Likely)
	f.Peak = gate.Range[int64]{Low: v.RSS + f.Extra.Low, Likely: v.RSS + f.Extra.Likely, High: v.RSS + f.Extra.High}
	return f
}

// choose settles the transfer.
func (k *gatekeeper) choose(v gate.Vitals, own guest.Vitals) {
	v.MemoryLimit, v.MemoryUsed = scarce(v.MemoryLimit, v.MemoryUsed, v.RSS, k.memory)
	g, _ := k.in.tenant()
	switch {
	case g == nil:
		k.choice = gate.Choice{Transfer: gate.Stream, Why: "stream: the process takes no helper"}
	case k.transfer != transferAuto:
		k.choice = gate.Choice{Transfer: gate.Transfer(k.transfer), Why: k.transfer + ", as asked for"}
	case k.noDisk != "":
		k.choice = gate.Choose(v, k.seen)
		k.choice.Why = string(k.choice.Transfer) + ": the disk of the process took no snapshot"
	default:
		k.choice = gate.Choose(v, k.seen, dirsOf(own)...)
		if k.choice.Transfer == gate.Disk && k.in.depot.open() {
			k.choice.Transfer, k.choice.Why = gate.S3, "s3, uploaded from there: "+k.choice.Why
		}
	}
}

// tell says what was chosen and what is to be expected.
func (k *gatekeeper) tell(d gate.Decision) {
	k.u.step("snapshot %d by %s", k.n, k.choice.Why)
	k.u.step("forecast: %s", d.Forecast)
	if d.Verdict == gate.Refuse {
		return // the error tells, or the warning of --force
	}
	for _, r := range d.Reasons {
		if r.Verdict == gate.Warn && !k.told[r.ID] {
			k.told[r.ID] = true // once for a series
			k.u.warn(fmt.Sprintf("%s (%s)", r.Text, r.ID), k.exact(r.Hint))
		}
	}
}

// exact puts the whole command line where a hint of the gate speaks of the profile.
func (k *gatekeeper) exact(hint string) string {
	const short = "`ecsheap profile`"
	if !strings.Contains(hint, short) {
		return hint
	}
	return strings.ReplaceAll(hint, short, "`"+shellLine(k.in.line.commandLine("profile")...)+"`")
}

// refusedError is a refusal of the gate, whose hint can be run.
type refusedError struct {
	err  error
	hint string
}

func (e *refusedError) Error() string { return e.err.Error() }
func (e *refusedError) Unwrap() error { return e.err }

// Hint is that of the gate.
func (e *refusedError) Hint() string { return e.hint }

// limits are what the snapshot has to stay below.
func (k *gatekeeper) limits(v gate.Vitals) gate.Limits {
	bounds := append([]gate.Bound{{Name: "the container", Limit: v.MemoryLimit, Used: v.MemoryUsed}}, k.memory...)
	for i := range k.memory { // ECS does not tell what is used: it is the process at least
		bounds[i+1].Used = v.RSS
	}
	return gate.Limits{Memory: bounds, Health: k.health, MaxPause: k.pauseLeft(), DiskFree: v.DiskFree}
}

// seenOf is what earlier snapshots of the process have cost.
func seenOf(taken []capture.Shot) []gate.Seen {
	var seen []gate.Seen
	for _, s := range taken {
		one := gate.Seen{
			Nodes: s.Nodes, FileBytes: s.Bytes, HeapUsed: s.HeapUsedBefore,
			RSSBefore: s.RSSBefore, RSSPeak: s.RSSPeak, RSSAfter: s.RSSAfter,
		}
		if s.PauseFrom == "process" {
			one.Pause = max(time.Duration(s.PauseMs)*time.Millisecond-failedPause(s), 0)
		}
		seen = append(seen, one)
	}
	return seen
}

// dirsOf are the directories that could take a snapshot, as the gate sees them.
func dirsOf(v guest.Vitals) []gate.Dir {
	var dirs []gate.Dir
	for _, d := range v.Dirs {
		if d.Why == "" {
			dirs = append(dirs, gate.Dir{Path: d.Path, Free: d.Free})
		}
	}
	return dirs
}
