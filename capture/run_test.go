package capture

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// events records what Progress is told, with the time since the start.
type events struct {
	start time.Time
	list  []string
	warns []error
}

func (e *events) add(format string, args ...any) {
	e.list = append(e.list, fmt.Sprintf("%v ", time.Since(e.start))+fmt.Sprintf(format, args...))
}

func (e *events) progress() Progress {
	e.start = time.Now()
	return Progress{
		Shot: func(n int) { e.add("shot %d", n) },
		Wait: func(until time.Time) { e.add("wait %v", until.Sub(e.start)) },
		Sample: func(s Sample) {
			if !s.At.Equal(now()) {
				e.add("sample of another time")
			}
			e.add("sample")
		},
		Warn: func(err error) { e.warns = append(e.warns, err); e.add("warn %v", err) },
	}
}

func TestSchedule(t *testing.T) {
	tests := []struct {
		name     string
		took     time.Duration
		interval time.Duration
		sample   time.Duration
		want     []string
	}{
		{"start to start", 2 * time.Second, 10 * time.Second, 3 * time.Second, []string{
			"0s shot 1", "0s sample", "2s sample", "2s wait 10s", "5s sample", "8s sample",
			"10s shot 2", "10s sample", "12s sample", "12s wait 20s", "15s sample", "18s sample",
			"20s shot 3", "20s sample", "22s sample",
		}},
		{"a shot takes longer", 12 * time.Second, 10 * time.Second, 5 * time.Second, []string{
			"0s shot 1", "0s sample", "12s sample", "12s warn snapshot 2 starts 2s late: the one before took longer than the interval", "12s wait 10s",
			"12s shot 2", "12s sample", "24s sample", "24s warn snapshot 3 starts 2s late: the one before took longer than the interval", "24s wait 22s",
			"24s shot 3", "24s sample", "36s sample",
		}},
		{"no interval", time.Second, 0, 0, []string{
			"0s shot 1", "0s sample", "1s sample", "1s wait 0s",
			"1s shot 2", "1s sample", "2s sample", "2s wait 1s",
			"2s shot 3", "2s sample", "3s sample",
		}},
		{"samples every 5 s by default", time.Second, 12 * time.Second, 0, []string{
			"0s shot 1", "0s sample", "1s sample", "1s wait 12s", "6s sample", "11s sample",
			"12s shot 2", "12s sample", "13s sample", "13s wait 24s", "18s sample", "23s sample",
			"24s shot 3", "24s sample", "25s sample",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				p := newProcess()
				p.took = tt.took
				var e events
				var done []int
				s, err := Run(t.Context(), Plan{Dir: filepath.Join(dir, "c"), Count: 3, Interval: tt.interval, SampleEvery: tt.sample},
					p.source(), e.progress(), func(s Shot) { done = append(done, s.N) })
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(e.list, tt.want) {
					t.Errorf("got  %s\nwant %s", strings.Join(e.list, "\n     "), strings.Join(tt.want, "\n     "))
				}
				if !slices.Equal(done, []int{1, 2, 3}) || !s.Complete() {
					t.Errorf("done %v, complete %v", done, s.Complete())
				}
				if len(s.Warnings) != len(e.warns) {
					t.Errorf("warnings in the manifest: %v", s.Warnings)
				}
			})
		})
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		pl := plan(t, 2, 10*time.Second)
		var sizes []int64
		progress := Progress{Bytes: func(n int64) { sizes = append(sizes, n) }}
		s, err := Run(t.Context(), pl, p.source(), progress, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := names(t, pl.Dir); got != "manifest.json s1.heapsnapshot s2.heapsnapshot" {
			t.Errorf("files: %s", got)
		}
		for i, shot := range s.Snapshots {
			want := snapshotText(10 * (i + 1))
			data, err := os.ReadFile(filepath.Join(pl.Dir, shot.File))
			if err != nil || string(data) != want {
				t.Fatalf("%s is not what was sent: %v", shot.File, err)
			}
			sum := sha256.Sum256(data)
			at := s.Snapshots[0].StartedAt.Add(time.Duration(i) * 10 * time.Second)
			memory := int64(51 + 3*i) // one sample more in between
			wantShot := Shot{N: i + 1, File: fmt.Sprintf("s%d.heapsnapshot", i+1), StartedAt: at, ElapsedMs: 2000, PauseMs: 1500, PauseFrom: "process",
				Transfer: "stream", WireBytes: int64(len(want)) + 100, Bytes: int64(len(want)), SHA256: hex.EncodeToString(sum[:]),
				Nodes: int64(10 * (i + 1)), Edges: int64(10*(i+1)) - 1,
				RSSBefore: 100, RSSAfter: 100, HeapUsedBefore: memory, HeapUsedAfter: memory + 1, RSSPeak: 150, SameObjectIDs: true}
			if shot != wantShot {
				t.Errorf("got  %+v\nwant %+v", shot, wantShot)
			}
		}
		if len(sizes) != 4 || sizes[1] != s.Snapshots[0].Bytes {
			t.Errorf("bytes reported: %v", sizes)
		}
		loaded, err := Load(pl.Dir)
		if err != nil || !reflect.DeepEqual(loaded, s) {
			t.Errorf("Load gives\n%+v, %v\nwant\n%+v", loaded, err, s)
		}
		want := "process " +
			"prepare memory sentinel snapshot sentinel memory memory " +
			"process prepare memory sentinel snapshot sentinel memory"
		if got := strings.Join(p.log, " "); got != want {
			t.Errorf("calls:\n%s\nwant\n%s", got, want)
		}
	})
}

// Without a clock in the process, the pause is all the time that it took.
func TestPauseUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		src := p.source()
		p.pause, src.WireBytes, src.Prepare = 0, nil, nil
		s, err := Run(t.Context(), plan(t, 1, 0), src, Progress{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if shot := s.Snapshots[0]; shot.PauseMs != 2000 || shot.PauseFrom != "elapsed" || shot.WireBytes != 0 {
			t.Errorf("got %+v", shot)
		}
	})
}

func TestKeepAliveDuringALongShot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		p.took = 100 * time.Second
		s, err := Run(t.Context(), plan(t, 1, 0), p.source(), Progress{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := p.calls["memory"]; n != 2+3 {
			t.Errorf("%d signs of life and samples in 100 s", n)
		}
		if len(s.Samples) != 2 {
			t.Errorf("%d samples recorded, want those around the shot", len(s.Samples))
		}
	})
}

// A panic beside Run's goroutine must come out of Run, with nothing left over.
func TestPanicComesOutOfRun(t *testing.T) {
	for _, where := range []string{"memory beside the shot", "snapshot"} {
		t.Run(where, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProcess()
				p.took = 100 * time.Second
				boom := func(n int) error {
					if n == 1 && where != "snapshot" {
						return nil
					}
					panic("boom")
				}
				p.fail[strings.Fields(where)[0]] = boom
				pl := plan(t, 1, 0)
				defer func() {
					if got := recover(); got != "boom" {
						t.Errorf("recovered %v", got)
					}
					if got := names(t, pl.Dir); got != "manifest.json" {
						t.Errorf("files: %s", got)
					}
				}()
				_, err := Run(t.Context(), pl, p.source(), Progress{}, nil)
				t.Errorf("Run returned %v", err)
			})
		})
	}
}

func TestObjectIDs(t *testing.T) {
	restart := func(p *fakeProcess) { p.process.StartedAt = p.process.StartedAt.Add(time.Hour) }
	tests := []struct {
		name   string
		before func(n int, p *fakeProcess) // before shot n
		during func(n int, p *fakeProcess) // at the end of shot n
		same   []bool
		warns  []any
	}{
		{"kept", nil, nil, []bool{true, true, true}, nil},
		{"reset between", func(n int, p *fakeProcess) {
			if n == 2 {
				p.id = ""
			}
		}, nil, []bool{true, false, true}, []any{&IDsResetError{}}},
		{"reset between, zero", func(n int, p *fakeProcess) {
			if n == 3 {
				p.id, p.nextID = "0", "99"
			}
		}, nil, []bool{true, true, false}, []any{&IDsResetError{}}},
		{"reset during", nil, func(n int, p *fakeProcess) {
			if n == 2 {
				p.id, p.nextID = "1234", "1234"
			}
		}, []bool{true, false, false}, []any{&IDsResetError{}}},
		{"never known", nil, func(n int, p *fakeProcess) { p.id = "" }, []bool{true, false, false}, []any{&IDsResetError{}}},
		{"restarted", func(n int, p *fakeProcess) {
			if n == 2 {
				restart(p)
			}
		}, nil, []bool{true, false, true}, []any{&ProcessChangedError{}}},
		{"clock set by a second", func(n int, p *fakeProcess) { p.process.StartedAt = p.process.StartedAt.Add(time.Second) }, nil, []bool{true, true, true}, nil},
		{"another pid", func(n int, p *fakeProcess) {
			if n == 3 {
				p.process.PID++
			}
		}, nil, []bool{true, true, false}, []any{&ProcessChangedError{}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProcess()
				p.snapshot = func(ctx context.Context, n int, w io.Writer) error {
					err := p.send(ctx, w, snapshotText(5))
					if tt.during != nil {
						tt.during(n, p)
					}
					return err
				}
				var e events
				progress := e.progress()
				progress.Shot = func(n int) {
					if tt.before != nil {
						tt.before(n, p)
					}
				}
				s, err := Run(t.Context(), plan(t, 3, 10*time.Second), p.source(), progress, nil)
				if err != nil {
					t.Fatal(err)
				}
				var same []bool
				for _, shot := range s.Snapshots {
					same = append(same, shot.SameObjectIDs)
				}
				if !slices.Equal(same, tt.same) {
					t.Errorf("same ids %v, want %v", same, tt.same)
				}
				if len(e.warns) != len(tt.warns) || len(s.Warnings) != len(tt.warns) {
					t.Fatalf("warnings %v, in the manifest %v", e.warns, s.Warnings)
				}
				for i, w := range e.warns {
					if reflect.TypeOf(w) != reflect.TypeOf(tt.warns[i]) || w.Error() != s.Warnings[i].Text {
						t.Errorf("warning %T %v, in the manifest %q", w, w, s.Warnings[i].Text)
					}
				}
			})
		})
	}
}

var errLost = errors.New("connection lost")

// TestGate asks before each snapshot, keeps the answer, and ends the series when
// it is refused.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		src := p.source()
		refusal := errors.New("too large")
		src.Gate = func(_ context.Context, n int, taken []Shot) (any, error) {
			if _, err := p.call("gate"); err != nil {
				return nil, err
			}
			if len(taken) != n-1 {
				t.Errorf("gate %d is told of %d snapshots", n, len(taken))
			}
			if n == 3 {
				return nil, refusal
			}
			return fmt.Sprintf("go %d", n), nil
		}
		s, err := Run(t.Context(), plan(t, 3, 0), src, Progress{}, nil)
		var partial *PartialError
		if !errors.As(err, &partial) || partial.Got != 2 || !errors.Is(err, refusal) {
			t.Errorf("got %v", err)
		}
		if len(s.Snapshots) != 2 || s.Snapshots[0].Gate != "go 1" || s.Snapshots[1].Gate != "go 2" {
			t.Errorf("got %+v", s.Snapshots)
		}
		if got := p.calls["snapshot"]; got != 2 {
			t.Errorf("%d snapshots were taken", got)
		}
	})
}

// TestScripts gathers the scripts of all snapshots, and none of a process that is
// gone: its ids mean other scripts.
func TestScripts(t *testing.T) {
	for _, c := range []struct {
		name    string
		restart bool
		want    Scripts
	}{
		{"one process", false, Scripts{"1": {URL: "file:///1"}, "2": {URL: "file:///2"}}},
		{"restarted", true, Scripts{"2": {URL: "file:///2"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newProcess()
				src := p.source()
				asked := 0
				src.Scripts = func(context.Context) (Scripts, error) {
					asked++
					if c.restart {
						p.process.StartedAt = p.process.StartedAt.Add(time.Hour)
					}
					id := fmt.Sprint(asked)
					return Scripts{id: {URL: "file:///" + id}}, nil
				}
				s, err := Run(t.Context(), plan(t, 2, 0), src, Progress{}, nil)
				if err != nil || !maps.Equal(s.Scripts, c.want) {
					t.Errorf("got %v, %v; want %v", s.Scripts, err, c.want)
				}
			})
		})
	}
}

// TestScriptsUnknown is no reason to end a series.
func TestScriptsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newProcess()
		src := p.source()
		src.Scripts = func(context.Context) (Scripts, error) { return nil, errors.New("no debugger") }
		s, err := Run(t.Context(), plan(t, 2, 0), src, Progress{}, nil)
		if err != nil || len(s.Snapshots) != 2 || len(s.Warnings) != 2 || !strings.Contains(s.Warnings[0].Text, "no debugger") {
			t.Errorf("got %v, %v", s.Warnings, err)
		}
	})
}
