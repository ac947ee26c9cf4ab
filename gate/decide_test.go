package gate

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// costing is a forecast of round figures.
func costing(t Transfer) Forecast {
	return Forecast{
		Transfer: t, Extra: Range[int64]{200e6, 400e6, 800e6}, Peak: Range[int64]{300e6, 500e6, 900e6}, File: Range[int64]{50e6, 100e6, 150e6},
		Pause: Range[time.Duration]{time.Second, 4 * time.Second, 10 * time.Second}, Confidence: 0.95, Sure: "good", Basis: "a test",
	}
}

// roomy are limits that the forecast of costing is far below.
func roomy() Limits {
	return Limits{Memory: []Bound{{Name: "the task", Limit: 4e9, Used: 1e9}}, DiskFree: 10e9}
}

func TestDecide(t *testing.T) {
	vitals := Vitals{NodeMajor: 22, HeapUsed: 100e6, HeapSizeLimit: 2e9}
	group := HealthBudget{Kind: "target-group", Name: "api", Budget: 65 * time.Second, Earliest: 35 * time.Second, Detail: "interval 30s"}
	tests := map[string]struct {
		transfer Transfer
		change   func(*Limits, *Vitals)
		want     Verdict
		id, text string // of the first reason
	}{
		"fits":           {want: Go, id: "mem.headroom", text: "needs 200 to 800 MB more (likely 400 MB), 3.0 GB are free of the 4.0 GB of the task"},
		"high does not":  {change: func(l *Limits, _ *Vitals) { l.Memory[0].Used = 3.3e9 }, want: Warn, id: "mem.headroom", text: "700 MB are free"},
		"likely not":     {change: func(l *Limits, _ *Vitals) { l.Memory[0].Used = 3.7e9 }, want: Refuse, id: "mem.headroom", text: "300 MB are free"},
		"used up":        {change: func(l *Limits, _ *Vitals) { l.Memory[0].Used = 5e9 }, want: Refuse, id: "mem.headroom", text: "0 kB are free"},
		"no limit":       {change: func(l *Limits, _ *Vitals) { l.Memory = nil }, want: Warn, id: "mem.limit", text: "no memory limit is known; the snapshot needs 200 to 800 MB"},
		"limits of none": {change: func(l *Limits, _ *Vitals) { l.Memory = []Bound{{Name: "v1", Limit: 1 << 62}, {Name: "v2"}} }, want: Warn, id: "mem.limit"},
		"tightest counts": {change: func(l *Limits, _ *Vitals) {
			l.Memory = append(l.Memory, Bound{Name: "the cgroup", Limit: 1e9, Used: 900e6}, Bound{Name: "wide", Limit: 8e9})
		}, want: Refuse, id: "mem.headroom", text: "of the 1.0 GB of the cgroup"},

		"heap limit near": {change: func(_ *Limits, v *Vitals) { v.HeapUsed = 1.95e9 }, want: Warn, id: "mem.heap-limit", text: "1.9 GB of the 2.0 GB"},
		"heap limit far":  {change: func(_ *Limits, v *Vitals) { v.HeapUsed = 1.5e9 }, want: Go, id: "mem.headroom"},
		"young generation apart": {change: func(_ *Limits, v *Vitals) { // Node.js 24 with its defaults on 8 GB: 2 GiB, and 96 MiB for the young
			v.NodeMajor, v.HeapSizeLimit, v.HeapUsed = 24, 2144<<20, 1960<<20
		}, want: Warn, id: "mem.heap-limit", text: "2.1 GB of the 2.1 GB"},
		"started with a limit": {change: func(_ *Limits, v *Vitals) { // Node.js 24 --max-old-space-size=200
			v.NodeMajor, v.HeapSizeLimit, v.OldSpaceLimit, v.HeapUsed = 24, 392<<20, 200<<20, 192<<20
		}, want: Warn, id: "mem.heap-limit", text: "201 MB of the 210 MB"},
		"no room to fetch": {change: func(_ *Limits, v *Vitals) {
			v.OldSpaceLimit, v.HeapUsed = 100<<20, 97<<20
		}, want: Refuse, id: "mem.heap-limit", text: "too much for a snapshot to be fetched by disk"},
		"no room in a small one": {change: func(_ *Limits, v *Vitals) { v.OldSpaceLimit, v.HeapUsed = 50e6, 44.5e6 }, want: Refuse, id: "mem.heap-limit"},
		"memory needs more room": {transfer: Memory, change: func(_ *Limits, v *Vitals) { v.OldSpaceLimit, v.HeapUsed = 67e6, 52e6 }, want: Refuse, id: "mem.heap-limit", text: "by memory"},
		"disk does not":          {change: func(_ *Limits, v *Vitals) { v.OldSpaceLimit, v.HeapUsed = 67e6, 52e6 }, want: Go, id: "mem.headroom"},
		"stream needs no room":   {transfer: Stream, change: func(_ *Limits, v *Vitals) { v.OldSpaceLimit, v.HeapUsed = 100<<20, 99<<20 }, want: Warn, id: "mem.heap-limit"},
		"never by an estimate":   {change: func(_ *Limits, v *Vitals) { v.HeapSizeLimit, v.HeapUsed = 100e6, 200e6 }, want: Warn, id: "mem.heap-limit"},
		"far from it":            {change: func(_ *Limits, v *Vitals) { v.OldSpaceLimit, v.HeapUsed = 1.9e9, 1.5e9 }, want: Go, id: "mem.headroom"},

		"disk too small":    {change: func(l *Limits, _ *Vitals) { l.DiskFree = 90e6 }, want: Refuse, id: "disk.free", text: "about 100 MB, 90 MB are free"},
		"disk maybe":        {change: func(l *Limits, _ *Vitals) { l.DiskFree = 120e6 }, want: Warn, id: "disk.free"},
		"disk unknown":      {change: func(l *Limits, _ *Vitals) { l.DiskFree = -1 }, want: Warn, id: "disk.free", text: "not known"},
		"s3 needs disk":     {transfer: S3, change: func(l *Limits, _ *Vitals) { l.DiskFree = 0 }, want: Refuse, id: "disk.free"},
		"stream needs none": {transfer: Stream, change: func(l *Limits, _ *Vitals) { l.DiskFree = 0 }, want: Go, id: "mem.headroom"},
		"memory needs none": {transfer: Memory, change: func(l *Limits, _ *Vitals) { l.DiskFree = -1 }, want: Go, id: "mem.headroom"},
		"pause allowed":     {change: func(l *Limits, _ *Vitals) { l.MaxPause = 10 * time.Second }, want: Go, id: "mem.headroom"},
		"pause maybe":       {change: func(l *Limits, _ *Vitals) { l.MaxPause = 5 * time.Second }, want: Warn, id: "pause.max"},
		"pause too long":    {change: func(l *Limits, _ *Vitals) { l.MaxPause = 3 * time.Second }, want: Refuse, id: "pause.max", text: "about 4s (1s to 10s), --max-pause allows 3s"},
		"old version":       {change: func(_ *Limits, v *Vitals) { v.NodeMajor = 18 }, want: Warn, id: "node.slow", text: "Node.js 18 takes"},
		"unknown version":   {change: func(_ *Limits, v *Vitals) { v.NodeMajor = 0 }, want: Go, id: "mem.headroom"},
		"healthy":           {change: func(l *Limits, _ *Vitals) { l.Health = []HealthBudget{group} }, want: Go, id: "mem.headroom"},
		"budget not known": {change: func(l *Limits, _ *Vitals) {
			l.Health = []HealthBudget{{Kind: "target-group", Name: "api", Skipped: "skipped: needs x"}}
		}, want: Go, id: "mem.headroom"},
		"budget below likely": {change: func(l *Limits, _ *Vitals) {
			group := group
			group.Budget = 5 * time.Second
			l.Health = []HealthBudget{group}
		}, want: Warn, id: "hc.alb", text: "target group api gives up after 5s (interval 30s)"},
		"budget below high": {change: func(l *Limits, _ *Vitals) {
			group := group
			group.Budget = 14 * time.Second
			l.Health = []HealthBudget{group}
		}, want: Warn, id: "hc.alb"},
		"probe at the wrong moment": {change: func(l *Limits, _ *Vitals) {
			l.Health = []HealthBudget{{Kind: "container", Name: "web", Budget: 15 * time.Second, Earliest: 3 * time.Second}}
		}, want: Warn, id: "hc.container", text: "the health check of container web gives up after 15s"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			limits, v := roomy(), vitals
			if tt.change != nil {
				tt.change(&limits, &v)
			}
			if tt.transfer == "" {
				tt.transfer = Disk
			}
			d := Decide(costing(tt.transfer), limits, v)
			first := d.Reasons[0]
			if d.Verdict != tt.want || first.ID != tt.id || !strings.Contains(first.Text, tt.text) {
				t.Errorf("got %s, %+v\nwant %s, %s with %q", d.Verdict, d.Reasons, tt.want, tt.id, tt.text)
			}
			if d.Verdict != Go && first.Hint == "" {
				t.Errorf("%s without a hint: %+v", d.Verdict, first)
			}
		})
	}
}

// TestEveryReasonIsThere has a snapshot that is wrong in every way.
func TestEveryReasonIsThere(t *testing.T) {
	d := Decide(costing(Disk), Limits{
		Memory: []Bound{{Name: "the task", Limit: 1e9, Used: 900e6}}, MaxPause: time.Second, DiskFree: 10,
		Health: []HealthBudget{{Kind: "container", Name: "web", Budget: time.Second}, {Kind: "target-group", Name: "api", Skipped: "skipped"}},
	}, Vitals{NodeMajor: 16, HeapUsed: 99, HeapSizeLimit: 100})
	var ids []string
	for _, r := range d.Reasons {
		ids = append(ids, r.ID)
	}
	want := []string{"mem.headroom", "disk.free", "pause.max", "mem.heap-limit", "node.slow", "hc.container", "hc.alb"}
	if !slices.Equal(ids, want) {
		t.Errorf("reasons %v, want %v", ids, want)
	}
	err := d.Err()
	if err == nil {
		t.Fatal("not refused")
	}
	for _, part := range []string{"the snapshot is too dangerous: needs 200 to 800 MB more", "100 MB are free of the 1.0 GB of the task", "the file takes about 100 MB", "--max-pause allows 1s"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no %q in %q", part, err)
		}
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "Node.js 16") {
		t.Errorf("error %q", err)
	}
	hint := err.(*RefusedError).Hint()
	for _, part := range []string{"`ecsheap profile`", "a younger task", "more memory", "--force"} {
		if !strings.Contains(hint, part) {
			t.Errorf("no %q in %q", part, hint)
		}
	}
}

func TestChoose(t *testing.T) {
	v := Vitals{NodeMajor: 22, HeapUsed: 100e6, MemoryLimit: 4e9, MemoryUsed: 300e6}
	small := v
	small.MemoryUsed = 3.5e9
	free := Vitals{NodeMajor: 22, HeapUsed: 100e6}
	disk, tmpfs := Dir{Path: "/tmp", Free: 10e9}, Dir{Path: "/dev/shm", Free: 10e9, InMemory: true}
	full, readOnly, unknown := Dir{Path: "/data", Free: 50e6}, Dir{Path: "/app", Free: 10e9, ReadOnly: true}, Dir{Path: "/x", Free: -1}
	tests := map[string]struct {
		vitals Vitals
		dirs   []Dir
		want   Transfer
		dir    string
		why    string
	}{
		"disk":            {v, []Dir{disk}, Disk, "/tmp", "disk: /tmp has 10.0 GB free for a file of at most 230 MB"},
		"first that fits": {v, []Dir{tmpfs, readOnly, full, unknown, disk}, Disk, "/tmp", ""},
		"unknown":         {v, []Dir{tmpfs, readOnly, full, unknown}, Disk, "/x", "what is free in /x is not to be known"},
		"memory":          {v, []Dir{tmpfs, readOnly, full}, Memory, "", "/dev/shm is memory, /app is read-only, /data has 50 MB free"},
		"no directory":    {v, nil, Memory, "", "no directory can be written"},
		"stream":          {small, []Dir{full}, Stream, "", "500 MB of memory are free, too little"},
		"no limit":        {free, []Dir{full}, Memory, "", "no memory limit is known"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := Choose(tt.vitals, nil, tt.dirs...)
			if got.Transfer != tt.want || got.Dir != tt.dir || !strings.Contains(got.Why, tt.why) || !strings.HasPrefix(got.Why, string(tt.want)+": ") {
				t.Errorf("got %+v, want %s in %q with %q", got, tt.want, tt.dir, tt.why)
			}
		})
	}
}

func TestTextsOfFigures(t *testing.T) {
	for n, want := range map[int64]string{0: "0 kB", 1500: "2 kB", 12.6e6: "13 MB", 999.6e6: "1000 MB", 1.25e9: "1.2 GB", -5e6: "-5 MB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for want, r := range map[string]Range[int64]{"1 to 3 MB": {1e6, 2e6, 3e6}, "900 MB to 1.1 GB": {900e6, 1e9, 1.1e9}, "5 MB": {5e6, 5e6, 5.2e6}} {
		if got := sizes(r); got != want {
			t.Errorf("sizes(%v) = %q, want %q", r, got, want)
		}
	}
	for d, want := range map[time.Duration]string{1234 * time.Microsecond: "0s", 456 * time.Millisecond: "460ms", 1234 * time.Millisecond: "1.2s", 75400 * time.Millisecond: "1m15s"} {
		if got := span(d); got != want {
			t.Errorf("span(%v) = %q, want %q", d, got, want)
		}
	}
}
