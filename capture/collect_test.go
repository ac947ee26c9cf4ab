package capture

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var someDetached = Detached{
	Tool: "ecsheap test", StartedAt: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC), Due: time.Date(2026, 11, 20, 9, 1, 0, 0, time.UTC),
	Count: 3, IntervalMs: 1000, SampleMs: 500, Transfer: "disk", Token: "t", Inspector: "127.0.0.1:1",
	Process: Process{PID: 7}, Gate: map[string]any{"verdict": "go"},
}

// reserved is the directory of someDetached.
func reserved(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "series")
	if _, err := Reserve(dir, someDetached); err != nil {
		t.Fatal(err)
	}
	return dir
}

// collection holds three snapshots; the ids of the third do not continue.
func collection(dir string) Collection {
	c := Collection{
		Dir: dir, Detached: someDetached,
		Samples: []Sample{{RSS: 1}, {RSS: 2}},
		Memory:  func(context.Context) (Memory, error) { return Memory{}, nil },
		SameIDs: func(_ context.Context, before, after string, n int) (bool, error) { return n != 3, nil },
	}
	for n := 1; n <= 3; n++ {
		c.Held = append(c.Held, Held{
			N: n, StartedAt: someDetached.StartedAt.Add(time.Duration(n) * time.Second), Pause: time.Second, RSSBefore: 10, RSSAfter: 20, RSSPeak: 30, HeapUsedBefore: 5, HeapUsedAfter: 6,
			Fetch: func(_ context.Context, w io.Writer) error {
				_, err := io.WriteString(w, snapshotText(10*n))
				return err
			},
		})
	}
	c.Held[2].Transfer = "memory" // the series was to be on disk
	return c
}

func TestCollect(t *testing.T) {
	dir := reserved(t)
	var told []int
	s, err := Collect(t.Context(), collection(dir), Progress{}, func(s Shot) { told = append(told, s.N) })
	if err != nil {
		t.Fatal(err)
	}
	if !s.Complete() || s.FinishedAt.IsZero() || !s.StartedAt.Equal(someDetached.StartedAt) || len(s.Samples) != 2 || !reflect.DeepEqual(told, []int{1, 2, 3}) {
		t.Errorf("%+v, told of %v", s, told)
	}
	for i, want := range []bool{true, true, false} {
		transfer := []string{"disk", "disk", "memory"}[i]
		shot := s.Snapshots[i]
		if shot.SameObjectIDs != want || shot.PauseMs != 1000 || shot.PauseFrom != pauseFromProcess || shot.Transfer != transfer || shot.RSSPeak != 30 || shot.HeapUsedAfter != 6 || (shot.Gate != nil) != (i == 0) {
			t.Errorf("%+v", shot)
		}
		if !shot.StartedAt.Equal(someDetached.StartedAt.Add(time.Duration(i+1) * time.Second)) {
			t.Errorf("shot %d started at %v", i+1, shot.StartedAt)
		}
	}
	if len(s.Warnings) != 1 || s.Warnings[0].Shot != 3 || !strings.Contains(s.Warnings[0].Text, "do not continue") {
		t.Errorf("warnings %v", s.Warnings)
	}
	loaded, err := Load(dir)
	if err != nil || len(loaded.Snapshots) != 3 || loaded.Snapshots[0].SHA256 != s.Snapshots[0].SHA256 {
		t.Errorf("%+v, %v", loaded, err)
	}
	if got := names(t, dir); got != "detached.json manifest.json s1.heapsnapshot s2.heapsnapshot s3.heapsnapshot" {
		t.Error(got)
	}
}

// TestCollectAgain fails at the second snapshot, is killed in the third, and goes
// on each time where it ended.
func TestCollectAgain(t *testing.T) {
	dir := reserved(t)
	lost := errors.New("lost")
	c := collection(dir)
	c.Warnings = []Warning{{Shot: 2, Text: "late"}}
	whole := c.Held[1].Fetch
	c.Held[1].Fetch = func(_ context.Context, w io.Writer) error {
		_, _ = io.WriteString(w, snapshotText(20)[:50])
		return lost
	}
	s, err := Collect(t.Context(), c, Progress{}, nil)
	if !errors.Is(err, lost) || errors.As(err, new(*PartialError)) || len(s.Snapshots) != 1 || !s.FinishedAt.IsZero() {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := names(t, dir); got != "detached.json manifest.json s1.heapsnapshot" {
		t.Error(got)
	}
	for _, left := range []string{"manifest.json.tmp", "s2.heapsnapshot.tmp"} { // of a killed program
		if err := os.WriteFile(filepath.Join(dir, left), []byte("{"), fileMode); err != nil {
			t.Fatal(err)
		}
	}
	c.Held[1].Fetch = whole
	c.Held[0].Fetch = func(context.Context, io.Writer) error { t.Error("fetched again"); return lost }
	s, err = Collect(t.Context(), c, Progress{}, nil)
	if err != nil || !s.Complete() || !s.Snapshots[1].SameObjectIDs || s.Snapshots[2].SameObjectIDs {
		t.Errorf("%+v, %v", s, err)
	}
	if len(s.Warnings) != 2 || s.Warnings[0].Text != "late" {
		t.Errorf("warnings %v", s.Warnings)
	}
}

func TestCollectFewer(t *testing.T) {
	cause := errors.New("the disk is full")
	for name, test := range map[string]struct {
		held  int
		short error
		want  string
	}{
		"some":           {2, cause, "only 2 of 3 snapshots taken: the disk is full"},
		"no reason":      {2, nil, "only 2 of 3 snapshots taken: the process holds no more"},
		"none":           {0, cause, "the disk is full"},
		"none, why ever": {0, nil, "the process holds no more"},
	} {
		c := collection(reserved(t))
		c.Held, c.Short = c.Held[:test.held], test.short
		s, err := Collect(t.Context(), c, Progress{}, nil)
		if err == nil || err.Error() != test.want || s.FinishedAt.IsZero() || len(s.Snapshots) != test.held {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// TestCollectUnknownIDs says nothing about ids that it cannot tell.
func TestCollectUnknownIDs(t *testing.T) {
	c := collection(reserved(t))
	c.SameIDs = func(context.Context, string, string, int) (bool, error) { return true, errors.New("no such class") }
	s, err := Collect(t.Context(), c, Progress{}, nil)
	if err != nil || s.Snapshots[1].SameObjectIDs || len(s.Warnings) != 2 || !strings.Contains(s.Warnings[0].Text, "no such class") {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestCollectCancelled(t *testing.T) {
	c := collection(reserved(t))
	reason := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	c.SameIDs = func(ctx context.Context, _, _ string, _ int) (bool, error) {
		cancel(reason)
		return false, ctx.Err()
	}
	s, err := Collect(ctx, c, Progress{}, nil)
	if !errors.Is(err, reason) || len(s.Snapshots) != 1 || len(s.Warnings) != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestReserve(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "series")
	undo, err := Reserve(dir, someDetached)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, detachedName))
	if err != nil || info.Mode().Perm() != fileMode {
		t.Errorf("%v, %v", info, err)
	}
	got, err := LoadDetached(dir)
	want := someDetached
	want.Schema, want.Checks, want.Process.ExecArgv, want.Process.EnvNames = schema, []any{}, []string{}, []string{}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := Reserve(dir, someDetached); !errors.As(err, new(*DirError)) {
		t.Errorf("a second series in one directory: %v", err)
	}
	undo()
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

func TestLoadDetached(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"absent":    {"", "has no detached.json"},
		"no JSON":   {"{", "has a damaged detached.json: decoding"},
		"version":   {`{"schema": 2}`, "schema is 2, not 1"},
		"no token":  {`{"schema": 1, "count": 1, "process": {"pid": 1}, "inspector": "a:1"}`, "token"},
		"no way":    {`{"schema": 1, "count": 1, "token": "t", "process": {"pid": 1}}`, "neither an inspector nor a task"},
		"no number": {`{"schema": 1, "count": 0, "token": "t", "process": {"pid": 1}, "inspector": "a:1"}`, "count"},
	} {
		dir := t.TempDir()
		if test.text != "" {
			if err := os.WriteFile(filepath.Join(dir, detachedName), []byte(test.text), fileMode); err != nil {
				t.Fatal(err)
			}
		}
		_, err := LoadDetached(dir)
		if dirErr, ok := errors.AsType[*DirError](err); !ok || !strings.Contains(err.Error(), test.want) || dirErr.Hint() == "" {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestForget(t *testing.T) {
	dir := reserved(t)
	if _, err := Collect(t.Context(), collection(dir), Progress{}, nil); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Forget(dir); err != nil {
			t.Error(err)
		}
	}
	if _, err := LoadDetached(dir); err == nil || !strings.Contains(err.Error(), "is here already") {
		t.Error(err)
	}
}

func FuzzDetached(f *testing.F) {
	f.Add([]byte(`{"schema": 1, "count": 1, "token": "t", "process": {"pid": 1}, "inspector": "a:1", "gate": {"a": [1]}}`))
	f.Add([]byte(`{"schema": 1`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parseDetached(text)
		if err == nil && (d.Count < 1 || d.Token == "" || d.Inspector == "" && d.Target.TaskARN == "") {
			t.Errorf("accepted %+v", d)
		}
	})
}
