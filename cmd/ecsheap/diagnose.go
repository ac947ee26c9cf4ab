package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/leak"
	"github.com/ecsheap/ecsheap/report"
)

// diagnosisOptions are the values of the flags that analyze and snapshot share.
type diagnosisOptions struct {
	failOnLeak  bool
	withStrings bool
	sourceMaps  string // directory, "" = beside the scripts alone
}

func diagnosisFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "fail-on-leak", Category: categoryDiagnosis, Usage: "exit with 9 when the verdict is a leak"},
		&cli.StringFlag{Name: "source-maps", Category: categoryDiagnosis, Usage: "`directory` with source maps, so that lines are those of TypeScript (default: maps in or beside the scripts)"},
		&cli.BoolFlag{Name: "with-strings", Category: categoryDiagnosis, Usage: "show the contents of strings in the report, which hold secrets"},
	}
}

func readDiagnosis(c *cli.Context) (diagnosisOptions, error) {
	o := diagnosisOptions{failOnLeak: c.Bool("fail-on-leak"), withStrings: c.Bool("with-strings"), sourceMaps: c.String("source-maps")}
	if c.IsSet("source-maps") { // now, not after minutes of work
		if info, err := os.Stat(o.sourceMaps); err != nil || !info.IsDir() {
			return o, &usageError{text: fmt.Sprintf("--source-maps %q is no directory", o.sourceMaps), hint: "name the directory of the build, for example --source-maps dist"}
		}
	}
	return o, nil
}

// verdict is the error of --fail-on-leak when there is a leak.
func (o diagnosisOptions) verdict(r *report.Report) error {
	if o.failOnLeak && r.Diagnosis.Verdict == leak.Leaking {
		return &leakFoundError{sentence: r.Sentence()}
	}
	return nil
}

// leakFoundError is the answer that --fail-on-leak was waiting for.
type leakFoundError struct{ sentence string }

func (e *leakFoundError) Error() string {
	return "a leak was found: " + strings.TrimPrefix(e.sentence, "Leak: ")
}

// subject is what a diagnosis is made of: snapshots, oldest first, and what is
// known of them. There is at least one.
type subject struct {
	files   []string
	moments []leak.Moment
	scripts capture.Scripts // nil = unknown
	info    report.Info
	options leak.Options
	// loose says that the order of the files is no more than the one in which they were
	// named, and that they can be read again.
	loose bool
}

// subjectOfFiles knows nothing but the files.
func subjectOfFiles(files []string) subject {
	s := subject{files: files, info: report.Info{Tool: "ecsheap " + version()}, loose: rereadable(files)}
	for _, file := range files {
		// Whether ids continue shows when they are compared.
		s.moments = append(s.moments, leak.Moment{SameIDs: true})
		s.info.Shots = append(s.info.Shots, report.Shot{File: file})
	}
	if last := files[len(files)-1]; last != stdinFile {
		s.info.Last = shellLine(last)
	}
	return s
}

// subjectOfSeries knows what the manifest of a capture does.
func subjectOfSeries(series capture.Series) subject {
	p, target := series.Process, series.Target
	s := subject{info: report.Info{
		Tool: "ecsheap " + version(), Source: series.Dir,
		Cluster: target.Cluster, Service: target.Service, TaskARN: target.TaskARN, Container: target.Container,
		NodeVersion: p.NodeVersion, PID: p.PID, StartedAt: p.StartedAt, MemoryLimit: p.MemoryLimit,
		Findings: reportFindings(series.Checks),
	}}
	s.options, s.scripts = leak.Options{MemoryLimit: p.MemoryLimit}, series.Scripts
	for i, shot := range series.Snapshots {
		s.files = append(s.files, filepath.Join(series.Dir, shot.File))
		moment := momentOf(shot)
		moment.NewProcess = i > 0 && restartedBetween(series.Warnings, series.Snapshots[i-1].N, shot.N)
		s.moments = append(s.moments, moment)
		s.options.RSS = append(s.options.RSS, shot.RSSBefore)
		s.info.Shots = append(s.info.Shots, report.Shot{
			File: shot.File, At: shot.StartedAt, Pause: time.Duration(shot.PauseMs) * time.Millisecond, Bytes: shot.Bytes,
			RSS: shot.RSSBefore, HeapUsed: shot.HeapUsedBefore,
		})
	}
	if slices.Contains(s.options.RSS, 0) {
		s.options.RSS = nil
	}
	if up := series.Snapshots[0].StartedAt.Sub(p.StartedAt); !p.StartedAt.IsZero() && up > 0 {
		s.options.Uptime = up
	}
	for _, m := range series.Samples {
		s.info.Samples = append(s.info.Samples, report.Sample{At: m.At, RSS: m.RSS, HeapUsed: m.HeapUsed, External: m.External})
	}
	for _, w := range series.Warnings {
		if reset := (&capture.IDsResetError{N: w.Shot}).Error(); w.Text != reset { // a note of the diagnosis says it
			s.info.Warnings = append(s.info.Warnings, warningText(w))
		}
	}
	s.info.Last = shellLine(s.files[len(s.files)-1])
	return s
}

// warningText says which snapshot a warning is about, as most do themselves.
func warningText(w capture.Warning) string {
	if name := fmt.Sprintf("snapshot %d", w.Shot); w.Shot > 0 && !strings.Contains(w.Text, name) {
		return name + ": " + w.Text
	}
	return w.Text
}

// restartedBetween says whether a warning tells that another process has taken over after
// one snapshot and up to another. A manifest has it nowhere else.
func restartedBetween(warnings []capture.Warning, after, upTo int) bool {
	return slices.ContainsFunc(warnings, func(w capture.Warning) bool {
		text, _, _ := strings.Cut((&capture.ProcessChangedError{N: w.Shot}).Error(), " (")
		return w.Shot > after && w.Shot <= upTo && strings.HasPrefix(w.Text, text)
	})
}

// momentOf is what the manifest knows of a snapshot's graph, but for what warnings say.
func momentOf(shot capture.Shot) leak.Moment {
	return leak.Moment{At: shot.StartedAt, SameIDs: shot.SameObjectIDs}
}

// reportFindings are those of the preflight, as the manifest has them: findings,
// or what JSON made of them.
func reportFindings(checks []any) []report.Finding {
	var list []report.Finding
	for _, c := range checks {
		text, err := json.Marshal(c)
		if err != nil {
			continue
		}
		var f report.Finding // names match whatever their case
		if json.Unmarshal(text, &f) == nil && f.ID != "" {
			list = append(list, f)
		}
	}
	return list
}

// diagnose reads the snapshots one by one, but for those that were observed
// already, and says what leaks.
//
// Errors: *snapshotFileError, *usageError, *sourcemap.DirError, or the cause of a
// cancelled context.
func (s subject) diagnose(ctx context.Context, u *ui, o diagnosisOptions, earlier []*leak.Observation) (*report.Report, error) {
	r, err := s.read(ctx, u, o, earlier)
	if other, again, err := s.rearrange(ctx, u, err); again {
		return other.read(ctx, u, o, nil)
	} else if err != nil {
		return nil, err
	}
	return r, nil
}

// read is diagnose for files in their order.
func (s subject) read(ctx context.Context, u *ui, o diagnosisOptions, earlier []*leak.Observation) (*report.Report, error) {
	places, err := newPlaces(s.scripts, o.sourceMaps)
	if err != nil {
		return nil, err
	}
	s.options.Resolve = places.resolve
	n := len(s.files) - 1
	earlier = slices.Clone(earlier[:min(len(earlier), n)])
	for i := len(earlier); i < n; i++ {
		before, err := s.observe(ctx, u, i, previous(earlier))
		if err != nil {
			return nil, err
		}
		earlier = append(earlier, before)
		forget()
	}
	last, err := loadSnapshot(ctx, u, s.files[n])
	if err != nil {
		return nil, err
	}
	if before := previous(earlier); before != nil && s.loose {
		if err := s.inPlace(s.files[n], before.Imprint().Order(last)); err != nil {
			return nil, err
		}
	}
	d, err := leak.Find(ctx, earlier, last, s.moments[n], s.options)
	if err != nil {
		return nil, err
	}
	s.info.Warnings = append(s.info.Warnings, places.warnings(u)...)
	r := report.New(s.info, d, last)
	r.WithStrings = o.withStrings
	r.IsCode, r.IsConstant = codeNames(last)
	return r, nil
}

// observe reduces a snapshot. The graph is garbage when it returns.
func (s subject) observe(ctx context.Context, u *ui, i int, before *leak.Observation) (*leak.Observation, error) {
	whole, err := loadSnapshot(ctx, u, s.files[i])
	if err != nil {
		return nil, err
	}
	o, err := leak.Observe(ctx, whole, s.moments[i], before)
	if err != nil {
		return nil, err
	}
	return o, s.inPlace(s.files[i], o.Order())
}

// previous is the last observation so far, nil for none.
func previous(list []*leak.Observation) *leak.Observation {
	if len(list) == 0 {
		return nil
	}
	return list[len(list)-1]
}

// reportJSON is a report as part of another object.
func reportJSON(r *report.Report) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
