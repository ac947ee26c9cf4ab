package devtoolstest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// series is a program that writes two snapshots of itself: 500 sessions, then
// 400 of them and 300 new ones. An inspector session that ends in between has
// V8 number its objects anew, which is what a broken series looks like.
const series = `
	const v8 = require('v8'), inspector = require('inspector');
	class Session {
		constructor(n) { this.marker = 's-' + n; this.user = {name: 'user', n}; }
	}
	globalThis.sessions = [];
	for (let n = 0; n < 500; n++) sessions.push(new Session(n));
	v8.writeHeapSnapshot('s1.heapsnapshot');
	if (process.argv[2] === 'reset') {
		const session = new inspector.Session();
		session.connect();
		session.post('HeapProfiler.enable');
		session.disconnect();
		sessions.reverse();
	}
	sessions.splice(0, 100);
	for (let n = 500; n < 800; n++) sessions.push(new Session(n));
	v8.writeHeapSnapshot('s2.heapsnapshot');
	console.log('written');
`

func TestLoadMarkedEveryVersion(t *testing.T) {
	for _, version := range nodetest.Versions() {
		t.Run(version, func(t *testing.T) {
			p := nodetest.Start(t, nodetest.Options{Version: version, Script: series, Ready: "written"})
			s1, s2 := filepath.Join(p.Dir, "s1.heapsnapshot"), filepath.Join(p.Dir, "s2.heapsnapshot")
			report := LoadMarked(t, "marker", s1, s2)
			if len(report.Snapshots) != 2 || len(report.Continuity) != 1 {
				t.Fatalf("%d snapshots, %d comparisons", len(report.Snapshots), len(report.Continuity))
			}
			for i, want := range []int{500, 700} {
				checkSnapshot(t, report.Snapshots[i], want)
			}
			c := report.Continuity[0]
			if c.From != s1 || c.To != s2 || c.Markers != 400 || c.SameID != 400 {
				t.Errorf("continuity %+v, want 400 objects with 400 same ids", c)
			}
			if c.CommonIDs < 1000 || c.SameKind < c.CommonIDs*99/100 {
				t.Errorf("continuity %+v, want nearly every common id to name the same kind", c)
			}
		})
	}
}

// checkSnapshot looks for the sessions and for numbers that can be true.
func checkSnapshot(t *testing.T, s Snapshot, sessions int) {
	t.Helper()
	if len(s.Problems) != 0 {
		t.Errorf("%s: problems %q", s.File, s.Problems)
	}
	if s.Nodes < 10_000 || s.Edges < s.Nodes || s.TotalSize < 1e6 || s.MaxJSObjectID < int64(s.Nodes) {
		t.Errorf("%s: %d nodes, %d edges, %d bytes, ids up to %d", s.File, s.Nodes, s.Edges, s.TotalSize, s.MaxJSObjectID)
	}
	class, ok := s.Class("Session")
	if !ok || class.Count != sessions || class.ShallowSize <= 0 || class.RetainedSize <= class.ShallowSize || class.Distance <= 0 {
		t.Errorf("%s: class %+v, want %d of Session", s.File, class, sessions)
	}
	if _, ok := s.Class("NoSuchClass"); ok {
		t.Errorf("%s has a class that there is not", s.File)
	}
}

// TestContinuityOfABrokenSeries makes sure that the comparison can fail.
func TestContinuityOfABrokenSeries(t *testing.T) {
	p := nodetest.Start(t, nodetest.Options{Script: series, Args: []string{"reset"}, Ready: "written"})
	report := LoadMarked(t, "marker", filepath.Join(p.Dir, "s1.heapsnapshot"), filepath.Join(p.Dir, "s2.heapsnapshot"))
	if c := report.Continuity[0]; c.Markers != 400 || c.SameID > 40 {
		t.Errorf("continuity %+v, want 400 objects of which nearly none kept its id", c)
	}
}

func TestLoadRefuses(t *testing.T) {
	p := nodetest.Start(t, nodetest.Options{
		Script: `require('v8').writeHeapSnapshot('whole'); console.log('written')`, Ready: "written",
	})
	whole, err := os.ReadFile(filepath.Join(p.Dir, "whole"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		content []byte
	}{
		{"empty", nil},
		{"no JSON", []byte("hello")},
		{"cut in the nodes", whole[:len(whole)/4]},
		{"cut in the strings", whole[:len(whole)-100]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "broken.heapsnapshot")
			if err := os.WriteFile(file, tt.content, 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := run(t, "", []string{file})
			if err == nil || !strings.Contains(err.Error(), file) {
				t.Errorf("loaded %+v, error %v; want an error that names the file", report.Snapshots, err)
			}
		})
	}
}
