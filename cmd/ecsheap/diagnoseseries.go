package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/leak"
	"github.com/ecsheap/ecsheap/report"
)

// The report files of a capture.
const (
	reportPage = "report.html"
	reportData = "report.json"
	reportText = "report.txt"
)

// backgroundBytes is the largest snapshot that is read while the capture goes on:
// it takes some 400 MB of memory here. To read a bigger one has time until the
// series is safe.
const backgroundBytes = 1 << 30

// seriesDiagnosis is the diagnosis of a series that is being taken. The nil
// *seriesDiagnosis makes none.
type seriesDiagnosis struct {
	diagnosisOptions

	once    sync.Once
	shots   chan capture.Shot // to be observed
	done    chan struct{}
	earlier []*leak.Observation // of the first shots; to be read after done
	report  *report.Report      // the outcome, nil = none
	files   []string            // those of the report that are written
}

// seriesFlags are the flags of snapshot that concern its diagnosis.
func seriesFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.BoolFlag{Name: "no-analyze", Category: categoryDiagnosis, Usage: "take the snapshots and leave the diagnosis to `ecsheap analyze`"},
	}, diagnosisFlags()...)
}

// readSeriesDiagnosis reads the flags; nil with --no-analyze.
func readSeriesDiagnosis(c *cli.Context) (*seriesDiagnosis, error) {
	o, err := readDiagnosis(c)
	if err != nil {
		return nil, err
	}
	if c.Bool("no-analyze") {
		for _, name := range []string{"fail-on-leak", "with-strings", "source-maps"} {
			if c.IsSet(name) {
				return nil, &usageError{text: fmt.Sprintf("--no-analyze and --%s contradict each other", name), hint: "drop one of them"}
			}
		}
		return nil, nil //nolint:nilnil // there is none to make
	}
	if c.Bool("detach") && o.failOnLeak {
		return nil, &usageError{text: "--detach and --fail-on-leak contradict each other", hint: "give --fail-on-leak to the command with --resume, which has the snapshots"}
	}
	return &seriesDiagnosis{diagnosisOptions: o}, nil
}

// taken returns the callback of a capture of count snapshots in dir. Those before
// the last are read in the background while the next is awaited, one at a time.
// What goes wrong there is left to finish, which tries again.
func (d *seriesDiagnosis) taken(ctx context.Context, dir string, count int, told func(capture.Shot)) func(capture.Shot) {
	if d == nil || count < 2 {
		return told
	}
	d.shots, d.done = make(chan capture.Shot, count), make(chan struct{})
	go d.observe(ctx, dir)
	n := 0
	return func(s capture.Shot) {
		told(s)
		if n++; n < count {
			d.shots <- s
		}
	}
}

// observe reads snapshots until there are no more, or one cannot be read here.
func (d *seriesDiagnosis) observe(ctx context.Context, dir string) {
	defer close(d.done)
	defer func() { _ = recover() }() // a defect in the analysis must not end a capture; it shows again in finish
	for s := range d.shots {
		if s.Bytes > backgroundBytes || s.N > 1 && !s.SameObjectIDs { // why, the warnings tell in the end
			return
		}
		o, err := observeShot(ctx, filepath.Join(dir, s.File), momentOf(s), previous(d.earlier))
		if err != nil {
			return
		}
		d.earlier = append(d.earlier, o)
		forget()
	}
}

// observeShot reduces a snapshot, in silence.
func observeShot(ctx context.Context, file string, m leak.Moment, before *leak.Observation) (*leak.Observation, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := parseSnapshot(ctx, f)
	if err != nil {
		return nil, err
	}
	return leak.Observe(ctx, s, m, before)
}

// observed waits for what is read in the background.
func (d *seriesDiagnosis) observed() []*leak.Observation {
	if d == nil || d.shots == nil {
		return nil
	}
	d.once.Do(func() { close(d.shots) })
	<-d.done
	return d.earlier
}

// finish makes the diagnosis of a series that has ended, and writes the report
// beside the snapshots. The capture is what counts: that no diagnosis can be made
// is a warning, unless --fail-on-leak depends on it. With that flag a leak is an
// error, too. The last one is the cause of ctx, when that ends meanwhile.
func (d *seriesDiagnosis) finish(ctx context.Context, u *ui, series capture.Series) error {
	if d == nil {
		return nil
	}
	u.status(func() string { return "looking at the earlier snapshots" })
	earlier := d.observed()
	again := "the snapshots are safe; `" + shellLine("ecsheap", "analyze", series.Dir) + "` makes the diagnosis"
	if ctx.Err() != nil {
		u.step("%s", again)
		return nil
	}
	err := d.diagnose(ctx, u, series, earlier)
	switch {
	case ctx.Err() != nil:
		u.step("%s", again)
		return context.Cause(ctx)
	case err != nil && d.failOnLeak:
		return fmt.Errorf("no diagnosis: %w", err)
	case err != nil:
		u.warn("no diagnosis: "+errorText(err), again)
		return nil
	}
	return d.verdict(d.report)
}

// diagnose makes the report and writes its files. A defect in it is an error like
// others.
func (d *seriesDiagnosis) diagnose(ctx context.Context, u *ui, series capture.Series, earlier []*leak.Observation) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = newPanicError(r)
		}
	}()
	s := subjectOfSeries(series)
	s.info.Page = shellLine(filepath.Join(series.Dir, reportPage))
	r, err := s.diagnose(ctx, u, d.diagnosisOptions, earlier)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write part
	}{{reportPage, r.HTML}, {reportData, r.JSON}, {reportText, func(w io.Writer) error { return r.Text(w, maxColumns) }}} {
		file := filepath.Join(series.Dir, f.name)
		_ = os.Remove(file + tmpSuffix) // of a run that was killed
		if err := storePart(file, f.write); err != nil {
			u.warn("writing "+f.name+": "+errorText(err), "the capture is whole without it")
			continue
		}
		d.files = append(d.files, f.name)
	}
	d.report = r
	return nil
}

// outcome is the report, nil if there is none.
func (d *seriesDiagnosis) outcome() *report.Report {
	if d == nil {
		return nil
	}
	return d.report
}

// part writes a part of a report.
type part func(io.Writer) error

// storePart writes a file that has its name only when it is whole.
func storePart(file string, write part) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	return writeWhole(file, b.Bytes())
}
