package capture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaults(t *testing.T) {
	cut := func(ctx context.Context, n int, w io.Writer) error {
		text := snapshotText(10)
		if n == 2 {
			text = text[:len(text)-3]
		}
		_, err := io.WriteString(w, text)
		return err
	}
	tests := []struct {
		name  string
		set   func(*fakeProcess)
		got   int   // snapshots
		cause error // nil: a *FormatError
	}{
		{"process gone at once", func(p *fakeProcess) { p.fail["process"] = at(1, errLost) }, 0, errLost},
		{"process gone at shot 2", func(p *fakeProcess) { p.fail["process"] = at(2, errLost) }, 1, errLost},
		{"no memory", func(p *fakeProcess) { p.fail["memory"] = at(1, errLost) }, 0, errLost},
		{"no sentinel", func(p *fakeProcess) { p.fail["sentinel"] = at(1, errLost) }, 0, errLost},
		{"not prepared", func(p *fakeProcess) { p.fail["prepare"] = at(2, errLost) }, 1, errLost},
		{"no snapshot", func(p *fakeProcess) { p.fail["snapshot"] = at(1, errLost) }, 0, errLost},
		{"lost in snapshot 2", func(p *fakeProcess) { p.fail["snapshot"] = at(2, errLost) }, 1, errLost},
		{"lost between", func(p *fakeProcess) { p.fail["memory"] = at(3, errLost) }, 1, errLost},
		{"lost right after shot 1", func(p *fakeProcess) { p.fail["sentinel"] = at(2, errLost) }, 1, errLost},
		{"lost right after shot 2", func(p *fakeProcess) { p.fail["memory"] = at(5, errLost) }, 2, errLost},
		{"snapshot 2 is cut off", func(p *fakeProcess) { p.snapshot = cut }, 1, nil},
		{"disk of the source full", func(p *fakeProcess) { p.fail["snapshot"] = at(1, syscall.ENOSPC) }, 0, syscall.ENOSPC},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProcess()
				tt.set(p)
				pl := plan(t, 3, 6*time.Second)
				s, err := Run(t.Context(), pl, p.source(), Progress{}, nil)
				var bad *FormatError
				if tt.cause != nil && !errors.Is(err, tt.cause) || tt.cause == nil && !errors.As(err, &bad) {
					t.Fatalf("got %v", err)
				}
				var partial *PartialError
				if is := errors.As(err, &partial); is != (tt.got > 0) {
					t.Fatalf("got %T %v", err, err)
				}
				if partial != nil && (partial.Want != 3 || partial.Got != tt.got || partial.Dir != pl.Dir) {
					t.Errorf("got %+v", partial)
				}
				want := "manifest.json"
				for n := range tt.got {
					want += fmt.Sprintf(" s%d.heapsnapshot", n+1)
				}
				if p.calls["process"] == 1 && tt.name == "process gone at once" {
					want = "" // nothing is known, so nothing stays
				}
				if got := names(t, pl.Dir); got != want {
					t.Errorf("files: %s, want %s", got, want)
				}
				if want == "" {
					return
				}
				loaded, err := Load(pl.Dir)
				if err != nil || len(loaded.Snapshots) != tt.got || loaded.Complete() || !reflect.DeepEqual(loaded, s) {
					t.Errorf("Load gives\n%+v, %v\nwant\n%+v", loaded, err, s)
				}
			})
		})
	}
}

// Losing the process right after the last snapshot costs nothing but a warning.
func TestLostAfterTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		p.fail["sentinel"] = at(4, errLost)
		var e events
		s, err := Run(t.Context(), plan(t, 2, 0), p.source(), e.progress(), nil)
		var after *AftermathError
		if err != nil || len(e.warns) != 1 || !errors.As(e.warns[0], &after) || !errors.Is(after, errLost) {
			t.Errorf("got %v, warnings %v", err, e.warns)
		}
		if last := s.Snapshots[1]; last.SameObjectIDs || last.RSSAfter != 0 || last.RSSBefore == 0 {
			t.Errorf("got %+v", last)
		}
	})
}

func TestCancel(t *testing.T) {
	why := errors.New("interrupted by the user")
	for after, want := range map[time.Duration]int{time.Second: 0, 4 * time.Second: 1, 11 * time.Second: 1, 17 * time.Second: 2} {
		t.Run(after.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(after, func() { cancel(why) })
				pl := plan(t, 3, 10*time.Second)
				s, err := Run(ctx, pl, newProcess().source(), Progress{}, nil)
				if !errors.Is(err, why) || len(s.Snapshots) != want || s.FinishedAt.IsZero() {
					t.Errorf("got %v, %d snapshots, finished %v", err, len(s.Snapshots), s.FinishedAt)
				}
				if got := names(t, pl.Dir); strings.Contains(got, tmpSuffix) {
					t.Errorf("files: %s", got)
				}
				if loaded, err := Load(pl.Dir); err != nil || len(loaded.Snapshots) != want {
					t.Errorf("manifest: %d snapshots, %v", len(loaded.Snapshots), err)
				}
			})
		})
	}
}

// A source that reports the cancellation in its own words.
func TestCancelInOtherWords(t *testing.T) {
	why := errors.New("interrupted by the user")
	ctx, cancel := context.WithCancelCause(t.Context())
	p := newProcess()
	p.fail["snapshot"] = func(int) error { cancel(why); return io.ErrUnexpectedEOF }
	if _, err := Run(ctx, plan(t, 1, 0), p.source(), Progress{}, nil); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func TestDiskFull(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has /dev/full")
	}
	dir := filepath.Join(t.TempDir(), "c")
	st, err := openStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := newProcess()
	p.took = 0
	pl := Plan{Dir: dir, Count: 2, SampleEvery: time.Second}
	r := &runner{plan: pl, src: p.source(), progress: Progress{}.filled(), store: st}
	if err := r.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.shot(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	st.create = func(name string) (*os.File, error) {
		path := filepath.Join(dir, name)
		if err := os.Symlink("/dev/full", path); err != nil {
			return nil, err
		}
		return os.OpenFile(path, os.O_WRONLY, 0)
	}
	err = r.outcome(t.Context(), r.shot(t.Context(), 2))
	var full *SpaceError
	if !errors.As(err, &full) || full.Dir != dir || full.Free <= 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v", err)
	}
	var partial *PartialError
	if !errors.As(err, &partial) {
		t.Fatalf("got %T", err)
	}
	for _, want := range []string{dir, "MB free", "what was taken is whole"} {
		if !strings.Contains(partial.Hint(), want) {
			t.Errorf("hint %q lacks %q", partial.Hint(), want)
		}
	}
	if err := st.save(r.series); !errors.As(err, &full) {
		t.Errorf("manifest: %v", err)
	}
	if got := names(t, dir); got != "manifest.json s1.heapsnapshot" {
		t.Errorf("files: %s", got)
	}
	if loaded, err := Load(dir); err != nil || len(loaded.Snapshots) != 1 {
		t.Errorf("the old manifest is damaged: %v", err)
	}
}

func TestModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no modes there")
	}
	synctest.Test(t, func(t *testing.T) {
		pl := plan(t, 1, 0)
		if _, err := Run(t.Context(), pl, newProcess().source(), Progress{}, nil); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]os.FileMode{"": dirMode | os.ModeDir, "manifest.json": fileMode, "s1.heapsnapshot": fileMode} {
			info, err := os.Stat(filepath.Join(pl.Dir, name))
			if err != nil || info.Mode() != want {
				t.Errorf("%q has mode %v, %v", name, info.Mode(), err)
			}
		}
	})
}

func TestPlanErrors(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "c")
	for want, pl := range map[string]Plan{
		"no directory":      {Count: 1},
		"0 snapshots":       {Dir: dir},
		"negative interval": {Dir: dir, Count: 1, Interval: -1},
		"every 1m0s":        {Dir: dir, Count: 1, SampleEvery: time.Minute},
		"every -1ns":        {Dir: dir, Count: 1, SampleEvery: -1},
	} {
		_, err := Run(t.Context(), pl, newProcess().source(), Progress{}, nil)
		var bad *PlanError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for want, remove := range map[string]func(*Source){
		"no func Process":    func(s *Source) { s.Process = nil },
		"no func Memory":     func(s *Source) { s.Memory = nil },
		"no func Snapshot":   func(s *Source) { s.Snapshot = nil },
		"no func SentinelID": func(s *Source) { s.SentinelID = nil },
	} {
		src := newProcess().source()
		remove(&src)
		_, err := Run(t.Context(), Plan{Dir: dir, Count: 1}, src, Progress{}, nil)
		var bad *PlanError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a directory was made")
	}
}

func TestSinkCountsWhatIsWritten(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	s := newSink(f, func(int64) {})
	if _, err := s.Write([]byte("no snapshot")); err == nil || s.size != 0 || s.err != nil {
		t.Errorf("got %v, size %d, file error %v", err, s.size, s.err)
	}
	f.Close()
	s = newSink(f, func(int64) {})
	if _, err := s.Write([]byte(snapshotText(1))); err == nil || s.err == nil {
		t.Errorf("writing to a closed file: %v, %v", err, s.err)
	}
}
