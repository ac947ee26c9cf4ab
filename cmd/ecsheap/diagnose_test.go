package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/leak"
	"github.com/ecsheap/ecsheap/report"
)

// quiet is a terminal that nobody looks at. said returns what was talked of, and
// ends it.
func quiet(t *testing.T) (u *ui, said func() string) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	u = newUI(streams{in: os.Stdin, out: out, err: out})
	return u, func() string {
		u.close()
		text, err := os.ReadFile(out.Name())
		if err = errors.Join(err, out.Close()); err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// threeShots is a capture of a service that keeps its sessions.
func threeShots(t *testing.T, counts ...int) capture.Series {
	t.Helper()
	start := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s := capture.Series{
		Schema: 1, Count: len(counts), Dir: t.TempDir(),
		Process: capture.Process{PID: 7, NodeVersion: "v22.1.0", StartedAt: start.Add(-time.Hour), MemoryLimit: 512e6},
		Target:  capture.Target{Service: "api"}, Scripts: capture.Scripts{"7": {URL: "file:///app/server.js"}},
		Checks:   []any{ecs.Finding{ID: "exec.enabled", Level: ecs.OK, Got: "on"}, map[string]any{"id": "port", "level": "warn", "got": "x", "fix": "y"}, "other"},
		Samples:  []capture.Sample{{At: start, RSS: 5, HeapUsed: 6, External: 7}},
		Warnings: []capture.Warning{{Shot: 2, Text: "it was late"}, {Shot: 2, Text: "snapshot 2 was late"}, {Text: "late"}},
	}
	for i := range counts {
		var file bytes.Buffer
		if _, err := keeper(counts[:i+1]).WriteTo(&file); err != nil {
			t.Fatal(err)
		}
		name := "s" + strconv.Itoa(i+1) + ".heapsnapshot"
		if err := os.WriteFile(filepath.Join(s.Dir, name), file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		s.Snapshots = append(s.Snapshots, capture.Shot{
			N: i + 1, File: name, StartedAt: start.Add(time.Duration(i) * time.Minute), Bytes: int64(file.Len()), SameObjectIDs: true,
			PauseMs: 250, RSSBefore: 100 + int64(i), HeapUsedBefore: 50,
		})
	}
	return s
}

func TestSubjectOfSeries(t *testing.T) {
	series := threeShots(t, 10, 20)
	series.Snapshots[1].SameObjectIDs = false
	got := subjectOfSeries(series)
	at := series.Snapshots[0].StartedAt
	if diff := cmp.Diff([]leak.Moment{{At: at, SameIDs: true}, {At: at.Add(time.Minute)}}, got.moments); diff != "" {
		t.Errorf("moments (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(leak.Options{MemoryLimit: 512e6, RSS: []int64{100, 101}, Uptime: time.Hour}, got.options); diff != "" {
		t.Errorf("options (-want +got)\n%s", diff)
	}
	last := filepath.Join(series.Dir, "s2.heapsnapshot")
	want := report.Info{
		Tool: "ecsheap " + version(), Source: series.Dir, Service: "api", NodeVersion: "v22.1.0", PID: 7,
		StartedAt: at.Add(-time.Hour), MemoryLimit: 512e6, Last: shellLine(last),
		Shots: []report.Shot{
			{File: "s1.heapsnapshot", At: at, Pause: 250 * time.Millisecond, Bytes: series.Snapshots[0].Bytes, RSS: 100, HeapUsed: 50},
			{File: "s2.heapsnapshot", At: at.Add(time.Minute), Pause: 250 * time.Millisecond, Bytes: series.Snapshots[1].Bytes, RSS: 101, HeapUsed: 50},
		},
		Samples:  []report.Sample{{At: at, RSS: 5, HeapUsed: 6, External: 7}},
		Warnings: []string{"snapshot 2: it was late", "snapshot 2 was late", "late"},
		Findings: []report.Finding{{ID: "exec.enabled", Level: "ok", Got: "on"}, {ID: "port", Level: "warn", Got: "x", Fix: "y"}},
	}
	if diff := cmp.Diff(want, got.info); diff != "" {
		t.Errorf("info (-want +got)\n%s", diff)
	}

	series.Snapshots[0].RSSBefore = 0
	series.Process.StartedAt = time.Time{}
	if o := subjectOfSeries(series).options; o.RSS != nil || o.Uptime != 0 {
		t.Errorf("what is not known is told: %+v", o)
	}
}

// TestRestartInSeries reads of a restart in the warnings of a manifest.
func TestRestartInSeries(t *testing.T) {
	series := threeShots(t, 10, 20, 30, 40)
	series.Snapshots[1].SameObjectIDs, series.Snapshots[2].SameObjectIDs = false, false
	series.Warnings = []capture.Warning{
		{Shot: 2, Text: (&capture.IDsResetError{N: 2}).Error()},
		{Shot: 3, Text: (&capture.ProcessChangedError{N: 3, New: capture.Process{PID: 8}}).Error()},
	}
	restarts := func() (got []bool) {
		for _, m := range subjectOfSeries(series).moments {
			got = append(got, m.NewProcess)
		}
		return got
	}
	if got := restarts(); !slices.Equal(got, []bool{false, false, true, false}) {
		t.Errorf("new processes %v", got)
	}
	series.Snapshots = slices.Delete(series.Snapshots, 1, 3) // the first and the fourth were named
	if got := restarts(); !slices.Equal(got, []bool{false, true}) {
		t.Errorf("new processes %v with two of them", got)
	}
}

// TestSeriesDiagnosis observes the first snapshots while the series goes on.
func TestSeriesDiagnosis(t *testing.T) {
	series := threeShots(t, 1000, 2000, 3000)
	u, said := quiet(t)
	d := &seriesDiagnosis{diagnosisOptions: diagnosisOptions{failOnLeak: true}}
	told := 0
	taken := d.taken(t.Context(), series.Dir, 3, func(capture.Shot) { told++ })
	for _, shot := range series.Snapshots {
		taken(shot)
	}
	if n := len(d.observed()); n != 2 || told != 3 {
		t.Errorf("%d were observed and %d told, want 2 and 3", n, told)
	}
	for _, shot := range series.Snapshots[:2] { // they are not needed any more
		if err := os.Remove(filepath.Join(series.Dir, shot.File)); err != nil {
			t.Fatal(err)
		}
	}
	err := d.finish(t.Context(), u, series)
	if text := said(); text != "" {
		t.Errorf("talk: %s", text)
	}
	if !isAs[*leakFoundError](err) || exitCode(err) != codeLeak {
		t.Errorf("got %v, want a leak", err)
	}
	if d.outcome() == nil || len(d.outcome().Diagnosis.Snapshots) != 3 {
		t.Fatalf("outcome %+v", d.outcome())
	}
	for _, name := range []string{reportPage, reportData, reportText} {
		info, err := os.Stat(filepath.Join(series.Dir, name))
		if err != nil || info.Size() == 0 || info.Mode().Perm() != 0o600 && os.PathSeparator == '/' {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	data, err := os.ReadFile(filepath.Join(series.Dir, reportData))
	if err != nil || !json.Valid(data) {
		t.Errorf("%v, %s", err, data)
	}
}

// TestBackgroundFails has the diagnosis do without what the background could not
// do: it begins where that has ended.
func TestBackgroundFails(t *testing.T) {
	tests := map[string]func(t *testing.T, s *capture.Series){
		"missing": func(t *testing.T, s *capture.Series) { s.Snapshots[1].File = "nosuch" },
		"broken": func(t *testing.T, s *capture.Series) {
			s.Snapshots[1].File = "broken"
			if err := os.WriteFile(filepath.Join(s.Dir, "broken"), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"big": func(_ *testing.T, s *capture.Series) { s.Snapshots[1].Bytes = backgroundBytes + 1 },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			series := threeShots(t, 1000, 2000, 3000)
			spoiled := series
			spoiled.Snapshots = append([]capture.Shot{}, series.Snapshots...)
			spoil(t, &spoiled)
			u, said := quiet(t)
			d := &seriesDiagnosis{}
			taken := d.taken(t.Context(), series.Dir, 3, func(capture.Shot) {})
			for _, shot := range spoiled.Snapshots {
				taken(shot)
			}
			if n := len(d.observed()); n != 1 {
				t.Errorf("%d were observed, want 1", n)
			}
			if err := d.finish(t.Context(), u, series); err != nil {
				t.Error(err)
			}
			if text := said(); text != "" || d.outcome() == nil || d.outcome().Diagnosis.Verdict != leak.Leaking {
				t.Errorf("outcome %+v, talk: %s", d.outcome(), text)
			}
		})
	}
}

// TestDiagnosisFails: the capture is safe, and the user learns how to go on.
func TestDiagnosisFails(t *testing.T) {
	series := threeShots(t, 10, 20, 30)
	if err := os.Truncate(filepath.Join(series.Dir, "s3.heapsnapshot"), 100); err != nil {
		t.Fatal(err)
	}
	u, said := quiet(t)
	d := &seriesDiagnosis{}
	if err := d.finish(t.Context(), u, series); err != nil {
		t.Errorf("a warning is enough: %v", err)
	}
	text := said()
	for _, want := range []string{"warning: no diagnosis: ", "s3.heapsnapshot is not a whole heap snapshot", "hint: the snapshots are safe; `ecsheap analyze "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if d.outcome() != nil {
		t.Error("there is a report")
	}
	if _, err := os.Stat(filepath.Join(series.Dir, reportData)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("report.json: %v", err)
	}

	u, said = quiet(t)
	d.failOnLeak = true // who asks is not told that there is none
	if err := d.finish(t.Context(), u, series); !isAs[*snapshotFileError](err) || exitCode(err) != codeUnexpected {
		t.Errorf("got %v", err)
	}
	said()
}

// TestDiagnosisPanics is what a defect in it does to a capture: nothing.
func TestDiagnosisPanics(t *testing.T) {
	u, said := quiet(t)
	d := &seriesDiagnosis{}
	err := d.finish(t.Context(), u, capture.Series{Dir: "out"}) // of no snapshot, which nobody may ask for
	if text := said(); err != nil || !strings.Contains(text, "warning: no diagnosis: ecsheap has a defect: ") {
		t.Errorf("%v, talk: %s", err, text)
	}
}

// TestDiagnosisInterrupted leaves the snapshots and no report.
func TestDiagnosisInterrupted(t *testing.T) {
	series := threeShots(t, 10, 20, 30)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&interruptedError{signal: os.Interrupt})
	u, said := quiet(t)
	d := &seriesDiagnosis{}
	taken := d.taken(ctx, series.Dir, 3, func(capture.Shot) {})
	for _, shot := range series.Snapshots {
		taken(shot)
	}
	if err := d.finish(ctx, u, series); err != nil {
		t.Errorf("the capture has its own error: %v", err)
	}
	if text := said(); !strings.Contains(text, "the snapshots are safe; `ecsheap analyze ") || d.outcome() != nil {
		t.Errorf("outcome %v, talk: %s", d.outcome(), text)
	}
}

// TestReportCannotBeWritten: the diagnosis is on stdout all the same.
func TestReportCannotBeWritten(t *testing.T) {
	series := threeShots(t, 10, 20, 30)
	if err := os.Mkdir(filepath.Join(series.Dir, reportText), 0o700); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(series.Dir, reportData+tmpSuffix) // of a run that was killed
	if err := os.WriteFile(left, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	u, said := quiet(t)
	d := &seriesDiagnosis{}
	if err := d.finish(t.Context(), u, series); err != nil {
		t.Error(err)
	}
	if text := said(); !strings.Contains(text, "warning: writing report.txt: ") || strings.Count(text, "warning") != 1 {
		t.Errorf("talk: %s", text)
	}
	if diff := cmp.Diff([]string{reportPage, reportData}, d.files); diff != "" || d.outcome() == nil {
		t.Errorf("files (-want +got)\n%s", diff)
	}
	if _, err := os.Stat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", left, err)
	}
}

func TestNoDiagnosis(t *testing.T) {
	var d *seriesDiagnosis
	told := 0
	d.taken(t.Context(), "", 3, func(capture.Shot) { told++ })(capture.Shot{})
	if told != 1 || d.observed() != nil || d.outcome() != nil || d.finish(t.Context(), nil, capture.Series{}) != nil {
		t.Error("nothing is something")
	}
}

func TestCaptureOf(t *testing.T) {
	series := threeShots(t, 10, 20, 30, 40)
	series.Snapshots[2].SameObjectIDs = false
	text, err := json.Marshal(series)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(series.Dir, "manifest.json"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		files string // numbers
		want  string // + where ids continue, "" for no capture
	}{
		{"1234", "++-+"}, {"12", "++"}, {"34", "++"}, {"13", "+-"}, {"14", "+-"}, {"4", "+"}, {"124", "++-"},
		{"21", "++"}, {"431", "+-+"}, {"11", ""}, {"112", ""}, {"15", ""},
	}
	for _, tt := range tests {
		var files []string
		for _, n := range tt.files {
			files = append(files, filepath.Join(series.Dir, "s"+string(n)+".heapsnapshot"))
		}
		got := ""
		if s, ok := captureOf(files); ok {
			for _, shot := range s.Snapshots {
				got += map[bool]string{true: "+", false: "-"}[shot.SameObjectIDs]
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.files, got, tt.want)
		}
	}
	if _, ok := captureOf([]string{filepath.Join(series.Dir, "s1.heapsnapshot"), "s2.heapsnapshot"}); ok {
		t.Error("files of two directories are a capture")
	}
	if _, ok := captureOf([]string{stdinFile}); ok {
		t.Error("standard input is a capture")
	}
}

func TestEmphasized(t *testing.T) {
	const text = "Leak: it\ngrows.\n\nverdict  leak\nGROWTH BY CLASS\n12  +3\nNEXT\n- go\n"
	u := &ui{}
	if got := u.emphasized(text); got != text {
		t.Errorf("got %q", got)
	}
	u.colorOut = true
	const want = "\x1b[1mLeak: it\x1b[0m\n\x1b[1mgrows.\x1b[0m\n\nverdict  leak\n\x1b[1mGROWTH BY CLASS\x1b[0m\n12  +3\n\x1b[1mNEXT\x1b[0m\n- go\n"
	if got := u.emphasized(text); got != want {
		t.Errorf("got %q", got)
	}
}
