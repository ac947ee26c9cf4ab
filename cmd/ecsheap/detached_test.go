package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
)

// silentUI talks to nobody; said returns what it would have told.
func silentUI(t *testing.T) (u *ui, said func() string) {
	t.Helper()
	var out strings.Builder
	u = &ui{out: &out, err: &out, width: func() int { return 80 }, ops: make(chan any, 16), stopped: make(chan struct{})}
	go u.draw()
	t.Cleanup(u.close)
	return u, func() string { u.flush(); return out.String() }
}

func TestPartingSeries(t *testing.T) {
	const mb = 1 << 20
	forecast := gate.Forecast{File: gate.Range[int64]{Likely: 300 * mb}, Extra: gate.Range[int64]{Likely: 600 * mb}}
	answer := func(transfer gate.Transfer, disk, limit, used int64) *verdict {
		return &verdict{
			Decision: gate.Decision{Forecast: forecast}, Transfer: transfer,
			Vitals: guest.Vitals{HeapUsed: 100 * mb, MemoryLimit: limit, MemoryUsed: used, Dirs: []guest.Dir{{Path: "/tmp", Free: disk}}},
		}
	}
	forced := answer(gate.Disk, 10_000*mb, 0, 0)
	forced.Forced = true
	dirs := func(all ...guest.Dir) *verdict {
		v := answer(gate.Disk, 0, 0, 0)
		v.Vitals.Dirs = all
		return v
	}
	busy := answer(gate.Memory, 0, 0, 0)
	busy.Vitals.MachineAvailable = 500 * mb
	for name, test := range map[string]struct {
		verdict  *verdict
		mode     guest.Mode
		maxBytes int64
		headroom float64
		err      string
		said     string
	}{
		"disk":              {answer(gate.Disk, 10_000*mb, 0, 0), guest.Disk, 5000 * mb, 6, "", ""},
		"forced":            {forced, guest.Disk, 5000 * mb, 0, "", ""},
		"unknown disk":      {answer(gate.Disk, -1, 0, 0), guest.Disk, 1024 * mb, 6, "", ""},
		"some fit":          {answer(gate.Disk, 1300*mb, 0, 0), guest.Disk, 650 * mb, 6, "", "only about 2 of 3 snapshots fit"},
		"none fits":         {answer(gate.Disk, 400*mb, 0, 0), "", 0, 0, "a snapshot has about 314.6 MB, and its disk can spare 209.7 MB", ""},
		"memory":            {answer(gate.Memory, 0, 3000*mb, 1400*mb), guest.Memory, 400 * mb, 6, "", ""},
		"memory, no limit":  {answer(gate.Memory, 0, 0, 0), guest.Memory, guest.DefaultCap, 6, "", ""},
		"memory, too small": {answer(gate.Memory, 0, 700*mb, 400*mb), "", 0, 0, "its memory can spare 78.6 MB", ""},
		"read-only":         {dirs(guest.Dir{Path: "/tmp", Free: 9000 * mb, Why: "read-only"}), "", 0, 0, "no directory in the container takes a snapshot of 315 MB: /tmp (read-only)", ""},
		"full":              {dirs(guest.Dir{Path: "/tmp"}), "", 0, 0, "its disk can spare 0 B", ""},
		"the second disk":   {dirs(guest.Dir{Path: "/tmp", Free: 76}, guest.Dir{Path: "/app", Free: 4000 * mb}), guest.Disk, 2000 * mb, 6, "", ""},
		"memory all used":   {answer(gate.Memory, 0, 700*mb, 700*mb), "", 0, 0, "its memory can spare 0 B", ""},
		"a busy machine":    {busy, guest.Memory, 125 * mb, 6, "", "only about 1 of 3"},
		"no place":          {answer(gate.Stream, 0, 0, 0), "", 0, 0, "neither its disk nor its memory", ""},
	} {
		t.Run(name, func(t *testing.T) {
			u, said := silentUI(t)
			p := &parting{keep: time.Hour}
			s, err := p.series(u, snapshotOptions{count: 3, interval: 30 * time.Minute}, test.verdict, 77)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) || exitCode(err) != codeUnsafe {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil || s.Mode != test.mode || s.MaxBytes != test.maxBytes || s.Headroom != test.headroom || (s.Take.Need == 77) != (s.Mode == guest.Disk) {
				t.Errorf("%+v, %v", s, err)
			}
			if s.Count != 3 || s.First != partingTime || s.SampleEvery != time.Minute || s.Deadline != partingTime+2*time.Hour {
				t.Errorf("%+v", s)
			}
			if got := said(); !strings.Contains(got, test.said) || test.said == "" && got != "" {
				t.Errorf("said %q", got)
			}
		})
	}
}

// TestPartingSpare has the gate judge beforehand what a series would do in memory.
func TestPartingSpare(t *testing.T) {
	const mb = 1 << 20
	for name, test := range map[string]struct {
		limit, used int64
		heap        int64
		forced      bool
		want        int64 // bytes that it may hold, 0 = none
	}{
		"plenty":        {4000 * mb, 400 * mb, 100 * mb, false, guest.DefaultCap},
		"no limit":      {0, 0, 100 * mb, false, guest.DefaultCap},
		"a bound":       {1600 * mb, 400 * mb, 100 * mb, false, 300 * mb},
		"too dangerous": {450 * mb, 400 * mb, 100 * mb, false, 0},
		"forced":        {800 * mb, 400 * mb, 100 * mb, true, 100 * mb},
		"nothing fits":  {401 * mb, 400 * mb, 100 * mb, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			v := gate.Vitals{RSS: test.used, HeapUsed: test.heap, HeapTotal: test.heap, MemoryLimit: test.limit, MemoryUsed: test.used, NodeMajor: 22, Collected: true}
			got := new(parting).spare(&verdict{Forced: test.forced, Vitals: guest.Vitals{HeapUsed: test.heap, MemoryLimit: test.limit, MemoryUsed: test.used}}, &gatekeeper{vitals: v})
			switch {
			case (got == nil) != (test.want == 0):
				t.Errorf("got %+v", got)
			case got != nil && (got.MaxBytes != test.want || (got.Headroom == 0) != test.forced):
				t.Errorf("got %+v, want %d", got, test.want)
			}
		})
	}
}

func TestGone(t *testing.T) {
	start := time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)
	was := capture.Process{PID: 7, StartedAt: start}
	for name, test := range map[string]struct {
		now      capture.Process
		deadline time.Time
		want     string
	}{
		"another pid":   {capture.Process{PID: 8, StartedAt: start}, time.Now().Add(time.Hour), "restarted: pid 8"},
		"another start": {capture.Process{PID: 7, StartedAt: start.Add(time.Minute)}, time.Now().Add(time.Hour), "restarted: pid 7"},
		"too late":      {capture.Process{PID: 7, StartedAt: start.Add(time.Second)}, time.Now().Add(-time.Hour), "its deadline was at"},
		"removed":       {was, time.Now().Add(time.Hour), "somebody removed it"},
	} {
		r := &resumption{d: capture.Detached{Process: was, Deadline: test.deadline}}
		err := r.gone(test.now, &guest.GoneError{})
		if !strings.Contains(err.Error(), test.want) || exitCode(err) != codeLost || hintOf(err) != (&goneError{}).Hint() {
			t.Errorf("%s: %v", name, err)
		}
	}
}
