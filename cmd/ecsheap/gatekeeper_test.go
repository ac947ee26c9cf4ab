package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
)

const testMB = 1 << 20

// TestForecastBounded has a process that once had much memory, so that a snapshot
// leaves no mark in what it had at most.
func TestForecastBounded(t *testing.T) {
	v := gate.Vitals{NodeMajor: 24, RSS: 480 * testMB, HeapUsed: 100 * testMB}
	seen := []gate.Seen{{HeapUsed: 100 * testMB, RSSBefore: 450 * testMB, RSSAfter: 480 * testMB, FileBytes: 150 * testMB}}
	plain := gate.Predict(v, gate.Disk, seen)
	for name, c := range map[string]struct {
		seen    []gate.Seen
		highest int64
		bounded bool
	}{
		"just what it had":      {seen, 500 * testMB, true},
		"below what is now":     {seen, 1, true}, // cannot be: the larger one counts
		"far above":             {seen, 50_000 * testMB, false},
		"unknown":               {seen, 0, false},
		"nothing seen":          {nil, 500 * testMB, false},
		"the peak itself known": {[]gate.Seen{{HeapUsed: 100 * testMB, RSSBefore: 300 * testMB, RSSPeak: 900 * testMB, RSSAfter: 480 * testMB}}, 500 * testMB, false},
	} {
		f, want := forecast(v, gate.Disk, c.seen, c.highest), gate.Predict(v, gate.Disk, c.seen)
		if !c.bounded {
			if f != want {
				t.Errorf("%s: %+v, want %+v", name, f.Extra, want.Extra)
			}
			continue
		}
		// The snapshot took no more than 50 MB; the next one takes 15 % more at most,
		// and 30 MB to be read.
		if f.Extra.High >= plain.Extra.High || f.Extra.High > 80*testMB {
			t.Errorf("%s: up to %d MB, and without the bound %d MB", name, f.Extra.High/testMB, plain.Extra.High/testMB)
		}
		if !(0 <= f.Extra.Low && f.Extra.Low <= f.Extra.Likely && f.Extra.Likely <= f.Extra.High) || f.Peak.High != v.RSS+f.Extra.High || f.Peak.Low != v.RSS+f.Extra.Low {
			t.Errorf("%s: %+v of %+v", name, f.Extra, f.Peak)
		}
		if seen[0].RSSPeak != 0 {
			t.Errorf("%s: what was seen is changed", name)
		}
	}
}

func TestCostOf(t *testing.T) {
	before := guest.Vitals{RSS: 100, HeapUsed: 50, PeakRSS: 120}
	if got := costOf(before, guest.Vitals{RSS: 300, HeapUsed: 55, PeakRSS: 350}); got != (gate.Seen{HeapUsed: 50, RSSBefore: 100, RSSAfter: 300, RSSPeak: 350}) {
		t.Errorf("%+v", got)
	}
	if got := costOf(before, guest.Vitals{RSS: 110, PeakRSS: 120}); got.RSSPeak != 0 {
		t.Errorf("a peak from before: %+v", got)
	}
}

// TestNoDisk: once the disk of the process has failed it is not chosen again.
func TestNoDisk(t *testing.T) {
	u, _ := silentUI(t)
	own := guest.Vitals{Dirs: []guest.Dir{{Path: "/tmp", Free: 1 << 40}}}
	v := gate.Vitals{NodeMajor: 24, RSS: 100 * testMB, HeapUsed: 30 * testMB, HeapTotal: 40 * testMB, DiskFree: 1 << 40}
	for _, c := range []struct {
		transfer, noDisk string
		limit            int64
		want             gate.Transfer
	}{
		{transferAuto, "", 0, gate.Disk},
		{transferAuto, "it is full", 0, gate.Memory},
		{transferAuto, "it is full", 4000 * testMB, gate.Memory},
		{transferAuto, "it is full", 300 * testMB, gate.Stream}, // what does not fit either is for the gate to refuse
		{"disk", "", 0, gate.Disk},
	} {
		k := &gatekeeper{u: u, in: &inProcess{u: u, guest: &guest.Guest{}}, transfer: c.transfer, noDisk: c.noDisk}
		v.MemoryLimit, v.MemoryUsed = c.limit, 100*testMB
		k.choose(v, own)
		if k.choice.Transfer != c.want || c.noDisk != "" && !strings.Contains(k.choice.Why, "took no snapshot") {
			t.Errorf("%+v: %+v", c, k.choice)
		}
	}
}

// TestInsteadOnlyOfAuto: what was asked for is not replaced, and other errors are
// not about the disk.
func TestInsteadOnlyOfAuto(t *testing.T) {
	full := fmt.Errorf("taking a snapshot: %w", &guest.WriteError{Dir: "/tmp", Code: "ENOSPC", Message: "full"})
	for _, c := range []struct {
		transfer string
		err      error
	}{
		{"disk", full}, {"s3", &guest.PlaceError{}}, {transferAuto, &guest.CapError{}}, {transferAuto, errCut},
	} {
		k := &gatekeeper{transfer: c.transfer}
		if err := k.instead(t.Context(), c.err); err != c.err || k.noDisk != "" { //nolint:errorlint // it must be the same
			t.Errorf("%s: %v becomes %v", c.transfer, c.err, err)
		}
	}
}

// TestExact has a refusal name the command line of the profile.
func TestExact(t *testing.T) {
	hint := (&gate.RefusedError{Decision: gate.Decide(
		gate.Forecast{Extra: gate.Range[int64]{Low: 2, Likely: 2, High: 2}}, gate.Limits{Memory: []gate.Bound{{Limit: 10, Used: 9}}}, gate.Vitals{},
	)}).Hint()
	task := capture.Target{Cluster: "prod", TaskARN: "arn:aws:ecs:eu-west-1:123456789012:task/prod/0123", Container: "my api"}
	for want, line := range map[string]*lifeline{
		"`ecsheap profile --cluster prod --task arn:aws:ecs:eu-west-1:123456789012:task/prod/0123 --container 'my api'`": {s: source{target: task}},
		"--container 'my api' --port 9230 --profile ops`":                                                                {s: source{target: task, flags: targetOptions{port: 9230, profile: "ops"}.beside()}},
		"`ecsheap profile --inspector 127.0.0.1:9229`":                                                                   {address: "127.0.0.1:9229"},
	} {
		k := &gatekeeper{in: &inProcess{line: line}}
		if got := k.exact(hint); !strings.Contains(got, want) {
			t.Errorf("hint %q, want %s", got, want)
		}
		if got := k.exact("wait"); got != "wait" {
			t.Errorf("hint %q", got)
		}
	}
}
