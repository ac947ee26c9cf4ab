package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
	if got := costOf(before, guest.Vitals{RSS: 300, HeapUsed: 55, PeakRSS: 350}, time.Second); got != (gate.Seen{HeapUsed: 50, RSSBefore: 100, RSSAfter: 300, RSSPeak: 350, Pause: time.Second}) {
		t.Errorf("%+v", got)
	}
	if got := costOf(before, guest.Vitals{RSS: 110, PeakRSS: 120}, 0); got.RSSPeak != 0 {
		t.Errorf("a peak from before: %+v", got)
	}
}

// TestPauseOfTwoTries: the second try has what the first has left of --max-pause.
func TestPauseOfTwoTries(t *testing.T) {
	second := func(n time.Duration) gate.Range[time.Duration] {
		return gate.Range[time.Duration]{Low: n * time.Second, Likely: n * time.Second, High: n * time.Second}
	}
	for name, c := range map[string]struct {
		maxPause, spent time.Duration
		want            gate.Verdict
		text            string
	}{
		"no limit":        {0, 9 * time.Second, gate.Warn, ""},
		"first try":       {3 * time.Second, 0, gate.Warn, "--max-pause allows 3s"},
		"enough left":     {5 * time.Second, 1500 * time.Millisecond, gate.Warn, "--max-pause allows 3.5s of its 5s: the try before stood still for 1.5 s"},
		"too little left": {3 * time.Second, 1500 * time.Millisecond, gate.Refuse, "--max-pause allows 1.5s of its 3s: the try before stood still for 1.5 s"},
		"nothing left":    {3 * time.Second, 4 * time.Second, gate.Refuse, "--max-pause allows 1ms of its 3s: the try before stood still for 4.0 s"},
	} {
		k := &gatekeeper{maxPause: c.maxPause, spent: c.spent}
		d := k.decide(gate.Forecast{Transfer: gate.Memory, Pause: second(2)}, gate.Vitals{Load: -1})
		var text string
		for _, r := range d.Reasons {
			if r.ID == "pause.max" {
				text = r.Text
			}
		}
		if d.Verdict != c.want || !strings.HasSuffix(text, c.text) || c.text == "" && text != "" {
			t.Errorf("%s: %s, %q", name, d.Verdict, text)
		}
	}
	k := &gatekeeper{spent: 2 * time.Second}
	if got := k.whole(capture.Taken{Pause: time.Second}).Pause; got != 3*time.Second {
		t.Errorf("both pauses are %v", got)
	}
	if got := k.whole(capture.Taken{}).Pause; got != 0 {
		t.Errorf("a pause that is not known becomes %v", got)
	}
}

// TestSeenWithoutTheFailedTry: the next snapshot is forecast by what one try takes.
func TestSeenWithoutTheFailedTry(t *testing.T) {
	shot := capture.Shot{PauseMs: 3500, PauseFrom: "process", Gate: &verdict{FailedPauseMs: 1500}}
	if got := seenOf([]capture.Shot{shot})[0].Pause; got != 2*time.Second {
		t.Errorf("%v", got)
	}
	shot.Gate = map[string]any{} // as it is read from a manifest
	if got := seenOf([]capture.Shot{shot})[0].Pause; got != 3500*time.Millisecond {
		t.Errorf("%v", got)
	}
}

// TestForecastAfterAFailedTry: that did not stand still for what comes after V8's
// own part, so it makes no forecast shorter.
func TestForecastAfterAFailedTry(t *testing.T) {
	v := gate.Vitals{NodeMajor: 24, RSS: 480 * testMB, HeapUsed: 100 * testMB}
	plain := gate.Predict(v, gate.Memory, nil).Pause
	for paused, longer := range map[time.Duration]bool{time.Millisecond: false, time.Hour: true} {
		got := forecast(v, gate.Memory, []gate.Seen{{HeapUsed: 100 * testMB, RSSBefore: 450 * testMB, RSSAfter: 480 * testMB, Pause: paused}}, 0).Pause
		if longer && (got.Likely < paused || got.High <= got.Likely) || !longer && got != plain {
			t.Errorf("after %v: %v, without it %v", paused, got, plain)
		}
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
		if err := k.instead(t.Context(), c.err, time.Second); err != c.err || k.noDisk != "" || k.spent != 0 { //nolint:errorlint // it must be the same
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
