package main

import (
	"context"
	"fmt"
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
}

// verdict is what the manifest keeps of the gate.
type verdict struct {
	gate.Decision
	Transfer gate.Transfer `json:"transfer"`
	Why      string        `json:"why"`    // this transfer
	Forced   bool          `json:"forced"` // refused, and taken all the same
	Vitals   guest.Vitals  `json:"vitals"`
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
	if k.in.generation != k.generation {
		k.generation, k.first = k.in.generation, len(taken)
	}
	seen := seenOf(taken[k.first:])
	k.choose(v, own, seen)
	f := gate.Predict(v, k.choice.Transfer, seen)
	k.need = f.File.High
	d := gate.Decide(f, k.limits(v), v)
	k.tell(n, d)
	result := verdict{Decision: d, Transfer: k.choice.Transfer, Why: k.choice.Why, Vitals: own}
	err = d.Err()
	if err != nil && k.force {
		k.u.warn(errorText(err), "--force: taken all the same")
		result.Forced, err = true, nil
	}
	return result, err
}

// choose settles the transfer.
func (k *gatekeeper) choose(v gate.Vitals, own guest.Vitals, seen []gate.Seen) {
	switch {
	case k.in.guest == nil:
		k.choice = gate.Choice{Transfer: gate.Stream, Why: "stream: the process takes no helper"}
	case k.transfer != transferAuto:
		k.choice = gate.Choice{Transfer: gate.Transfer(k.transfer), Why: k.transfer + ", as asked for"}
	default:
		k.choice = gate.Choose(v, seen, dirsOf(own)...)
		if k.choice.Transfer == gate.Disk && k.in.depot.open() {
			k.choice.Transfer, k.choice.Why = gate.S3, "s3, uploaded from there: "+k.choice.Why
		}
	}
}

// tell says what was chosen and what is to be expected.
func (k *gatekeeper) tell(n int, d gate.Decision) {
	k.u.step("snapshot %d by %s", n, k.choice.Why)
	k.u.step("forecast: %s", d.Forecast)
	if d.Verdict == gate.Refuse {
		return // the error tells, or the warning of --force
	}
	for _, r := range d.Reasons {
		if r.Verdict == gate.Warn && !k.told[r.ID] {
			k.told[r.ID] = true // once for a series
			k.u.warn(fmt.Sprintf("%s (%s)", r.Text, r.ID), r.Hint)
		}
	}
}

// limits are what the snapshot has to stay below.
func (k *gatekeeper) limits(v gate.Vitals) gate.Limits {
	bounds := append([]gate.Bound{{Name: "the container", Limit: v.MemoryLimit, Used: v.MemoryUsed}}, k.memory...)
	for i := range k.memory { // ECS does not tell what is used: it is the process at least
		bounds[i+1].Used = v.RSS
	}
	return gate.Limits{Memory: bounds, Health: k.health, MaxPause: k.maxPause, DiskFree: v.DiskFree}
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
			one.Pause = time.Duration(s.PauseMs) * time.Millisecond
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
