package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/ecs"
)

// progress is what the live line shows of a capture. The capture writes it,
// the goroutine that draws reads it.
type progress struct {
	mu      sync.Mutex
	count   int
	shot    int       // number of the running shot, 0 between shots
	began   time.Time // of the shot
	done    int       // objects visited
	total   int       // objects in all
	bytes   int64     // of the shot on disk
	first   time.Time // when the first byte came
	next    time.Time // start of the next shot, zero when there is none
	heap    int64     // the last sample
	sampled bool
}

func newProgress(count int) *progress { return &progress{count: count} }

// line is the live line: what is going on, how far, how fast, what comes next.
func (p *progress) line() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.shot > 0 && p.bytes > 0:
		rate := float64(p.bytes) / max(now.Sub(p.first).Seconds(), 0.001)
		return fmt.Sprintf("snapshot %d of %d: receiving %s at %s/s, %s", p.shot, p.count, bytesText(p.bytes), bytesText(int64(rate)), clock(now.Sub(p.began)))
	case p.shot > 0 && p.total > 0:
		return fmt.Sprintf("snapshot %d of %d: the process stands still, %d %% of %d objects, %s", p.shot, p.count, 100*p.done/p.total, p.total, clock(now.Sub(p.began)))
	case p.shot > 0:
		return fmt.Sprintf("snapshot %d of %d: the process stands still, %s", p.shot, p.count, clock(now.Sub(p.began)))
	case !p.next.IsZero() && p.sampled:
		return fmt.Sprintf("next snapshot in %s, heap %s", clock(max(p.next.Sub(now), 0)), bytesText(p.heap))
	case !p.next.IsZero():
		return fmt.Sprintf("next snapshot in %s", clock(max(p.next.Sub(now), 0)))
	}
	return ""
}

// clock prints a duration as minutes and seconds.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

func (p *progress) update(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// funcs connects the live line, and the lines that stay, to a capture.
func (p *progress) funcs(u *ui) capture.Progress {
	return capture.Progress{
		Shot: func(n int) {
			p.update(func() { p.shot, p.began, p.done, p.total, p.bytes, p.next = n, time.Now(), 0, 0, 0, time.Time{} })
			u.step("snapshot %d of %d: started", n, p.count)
		},
		Objects: func(done, total int) { p.update(func() { p.done, p.total = done, total }) },
		Bytes: func(n int64) {
			p.update(func() {
				if p.bytes == 0 {
					p.first = time.Now()
				}
				p.bytes = n
			})
		},
		Wait:   func(until time.Time) { p.update(func() { p.shot, p.next = 0, until }) },
		Sample: func(s capture.Sample) { p.update(func() { p.heap, p.sampled = s.HeapUsed, true }) },
		Warn: func(err error) {
			u.warn(errorText(err), hintOf(err))
		},
	}
}

// taken tells of a snapshot that is whole and on disk.
func (p *progress) taken(u *ui) func(capture.Shot) {
	return func(s capture.Shot) {
		p.update(func() { p.shot = 0 })
		elapsed := time.Duration(s.ElapsedMs) * time.Millisecond
		text := fmt.Sprintf("snapshot %d of %d: %s in %s (%s/s)", s.N, p.count, bytesText(s.Bytes), durationText(elapsed),
			bytesText(int64(float64(s.Bytes)/max(elapsed.Seconds(), 0.001))))
		if s.PauseFrom == "process" {
			text += fmt.Sprintf(", the process stood still for %s", durationText(time.Duration(s.PauseMs)*time.Millisecond))
			if failed := failedPause(s); failed > 0 {
				text += fmt.Sprintf(", %s of it for a try that failed", durationText(failed))
			}
		}
		u.step("%s", text)
	}
}

// localTask stands in names for the task where there is none.
const localTask = "inspector"

// defaultDir is ./ecsheap-<service or family>-<first 8 of the task id>-<time>.
func defaultDir(service, task string, now time.Time) string {
	if len(task) > 8 && task != localTask {
		task = task[:8]
	}
	name := fmt.Sprintf("ecsheap-%s-%s-%s", service, task, now.UTC().Format("20060102T150405Z"))
	return strings.Map(func(r rune) rune {
		if r == filepath.Separator || r == '/' || r == ':' {
			return '-'
		}
		return r
	}, name)
}

func serviceOrFamily(t ecs.Target) string {
	if t.Service != "" {
		return t.Service
	}
	return t.Family
}

// checks are the findings for the manifest.
func checks(findings []ecs.Finding) []any {
	list := make([]any, len(findings))
	for i, f := range findings {
		list[i] = f
	}
	return list
}

// snapshotJSON is the output of snapshot --output json.
type snapshotJSON struct {
	Schema    int            `json:"schema"`
	Dir       string         `json:"dir"`
	Target    capture.Target `json:"target"`
	Snapshots []capture.Shot `json:"snapshots"`
	Diagnosis any            `json:"diagnosis"` // as analyze prints it; null: none was made
}

// tell makes the diagnosis of the snapshots that are whole, also of a series that
// ended early, and prints both. It returns what ended the series, and failing that
// what --fail-on-leak asks for.
func tell(ctx context.Context, u *ui, o snapshotOptions, s capture.Series, err error) error {
	if len(s.Snapshots) == 0 {
		o.diagnosis.observed()
		return err
	}
	u.step("%s in %s", plural(len(s.Snapshots), "snapshot"), o.dir)
	s.Dir = o.dir
	answer := o.diagnosis.finish(ctx, u, s)
	u.settle()
	if printErr := printSeries(u, o, s); err == nil {
		err = printErr
	}
	if err == nil {
		err = answer
	}
	return err
}

func printSeries(u *ui, o snapshotOptions, s capture.Series) error {
	r := o.diagnosis.outcome()
	if o.json {
		out := snapshotJSON{Schema: schema, Dir: o.dir, Target: s.Target, Snapshots: s.Snapshots}
		if r != nil {
			object, err := reportJSON(r)
			if err != nil {
				return err
			}
			out.Diagnosis = object
		}
		return u.json(out)
	}
	if r != nil {
		if err := printReport(u, false, r); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(u.out, "\n%s\n", u.boldOut("FILES")); err != nil {
			return err
		}
	}
	var files []string
	if r != nil {
		files = append(files, o.diagnosis.files...)
	}
	for _, shot := range s.Snapshots {
		files = append(files, shot.File)
	}
	for _, file := range files {
		if _, err := fmt.Fprintln(u.out, filepath.Join(o.dir, file)); err != nil {
			return err
		}
	}
	return nil
}
