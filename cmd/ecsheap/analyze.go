package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/report"
)

// categoryDiagnosis is the help's category for the flags of a diagnosis.
const categoryDiagnosis = "Diagnosis"

func analyzeCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "analyze", Category: categoryAnalyse,
		Usage:     "say what leaks: a diagnosis of heap snapshots",
		UsageText: "ecsheap analyze ecsheap-api-0123abcd-20260102T030405Z\necsheap analyze s1.heapsnapshot s2.heapsnapshot s3.heapsnapshot",
		ArgsUsage: "DIR|FILE...",
		Description: "DIR is that of a capture. FILEs are .heapsnapshot files of one process, oldest first, plain or compressed with gzip or zstd;\n" +
			"- is standard input. Three tell a leak from noise, two what grows, one what is big. Of a DIR the times are known, too, and\n" +
			"with them rates. Nothing is written but what --html and --pprof ask for.",
		Flags: slices.Concat([]cli.Flag{
			&cli.StringFlag{Name: "html", Category: categoryDiagnosis, Usage: "write the report as one page for a browser, to `FILE`"},
			&cli.StringFlag{Name: "pprof", Category: categoryDiagnosis, Usage: "write the last snapshot as a profile for go tool pprof, to `FILE`"},
		}, diagnosisFlags(), formatFlags()),
		Action: func(c *cli.Context) error {
			o, err := readAnalyze(c, u)
			if err != nil {
				return err
			}
			return because(c.Context, runAnalyze(c.Context, u, o))
		},
	}
}

// analyzeOptions are the values of the flags of analyze.
type analyzeOptions struct {
	diagnosisOptions
	args  []string // a directory, or files
	html  string   // file, "" = none
	pprof string   // file, "" = none
	json  bool
}

func readAnalyze(c *cli.Context, u *ui) (analyzeOptions, error) {
	o := analyzeOptions{html: c.String("html"), pprof: c.String("pprof"), args: c.Args().Slice()}
	var err error
	if o.json, err = readFormat(c, u); err != nil {
		return o, err
	}
	if o.diagnosisOptions, err = readDiagnosis(c); err != nil {
		return o, err
	}
	if err := flagsFirst(c, o.args); err != nil {
		return o, err
	}
	if len(o.args) == 0 {
		return o, &usageError{text: "which snapshots?", hint: "ecsheap analyze [flags] DIR, or FILEs, oldest first"}
	}
	if slices.Contains(o.args, "") {
		return o, &usageError{text: "the name of a file is empty", hint: helpHint(c)}
	}
	if err := onceStdin(o.args); err != nil {
		return o, err
	}
	for _, flag := range []string{"html", "pprof"} {
		if !c.IsSet(flag) {
			continue
		}
		if err := writable(flag, c.String(flag), o.args); err != nil {
			return o, err
		}
	}
	if o.html != "" && o.pprof != "" && filepath.Clean(o.html) == filepath.Clean(o.pprof) {
		return o, &usageError{text: "--html and --pprof name one file", hint: "for example --html report.html --pprof heap.pb.gz"}
	}
	return o, nil
}

// writable refuses a file that cannot be written, before minutes go into what is
// to be in it, and one of those that are read.
func writable(flag, file string, inputs []string) error {
	if file == "" || file == stdinFile {
		return &usageError{text: fmt.Sprintf("--%s %q is no file", flag, file), hint: "name a file to write"}
	}
	dir, err := os.Stat(filepath.Dir(file))
	if err != nil || !dir.IsDir() {
		return &usageError{text: fmt.Sprintf("--%s %s: there is no such directory", flag, printable(file)), hint: "make it first, or name another file"}
	}
	there, err := os.Stat(file)
	if err != nil {
		return nil //nolint:nilerr // it is yet to be made
	}
	if !there.Mode().IsRegular() { // a device, too: it would be replaced
		return &usageError{text: fmt.Sprintf("--%s %s is no ordinary file", flag, printable(file)), hint: "name a file to write"}
	}
	if strings.HasSuffix(strings.TrimSuffix(strings.TrimSuffix(file, ".gz"), ".zst"), ".heapsnapshot") || slices.ContainsFunc(inputs, func(input string) bool {
		info, err := os.Stat(input)
		return err == nil && os.SameFile(info, there)
	}) {
		return &usageError{text: fmt.Sprintf("--%s %s would overwrite a snapshot", flag, printable(file)), hint: "name another file"}
	}
	return nil
}

func runAnalyze(ctx context.Context, u *ui, o analyzeOptions) error {
	s, err := subjectOf(u, o.args)
	if err != nil {
		return err
	}
	if o.html != "" {
		s.info.Page = shellLine(o.html)
	}
	r, err := s.diagnose(ctx, u, o.diagnosisOptions, nil)
	if err != nil {
		return err
	}
	for _, out := range []struct {
		file  string
		write part
	}{{o.html, r.HTML}, {o.pprof, r.Pprof}} {
		if out.file == "" {
			continue
		}
		if err := storePart(out.file, out.write); err != nil {
			return fmt.Errorf("writing %s: %w", printable(out.file), err)
		}
	}
	u.settle()
	if err := printReport(u, o.json, r); err != nil {
		return err
	}
	return o.verdict(r)
}

// subjectOf is what the arguments name: the directory of a capture, or files.
func subjectOf(u *ui, args []string) (subject, error) {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if arg == stdinFile || err != nil || !info.IsDir() {
			continue
		}
		if len(args) > 1 {
			return subject{}, &usageError{text: printable(arg) + " is a directory", hint: "name one directory, or files alone"}
		}
		return subjectOfDir(u, arg)
	}
	if series, ok := captureOf(args); ok {
		s := subjectOfSeries(series)
		if !slices.EqualFunc(s.files, args, func(a, b string) bool { return filepath.Base(a) == filepath.Base(b) }) {
			s.warn(u, orderText(s.files, "manifest.json"), orderHint)
		}
		return s, nil
	}
	return subjectOfFiles(args), nil
}

// captureOf returns the capture that files are snapshots of, reduced to them and in its
// order, if all are of one and each is named once. Then their times are known.
func captureOf(files []string) (capture.Series, bool) {
	dir := filepath.Dir(files[0])
	if slices.ContainsFunc(files, func(file string) bool { return file == stdinFile || filepath.Dir(file) != dir }) {
		return capture.Series{}, false
	}
	series, err := capture.Load(dir)
	if err != nil {
		return capture.Series{}, false
	}
	var named []capture.Shot
	sameIDs := true
	for _, shot := range series.Snapshots {
		sameIDs = sameIDs && (shot.SameObjectIDs || len(named) == 0)
		if slices.ContainsFunc(files, func(file string) bool { return filepath.Base(file) == shot.File }) {
			shot.SameObjectIDs = sameIDs
			named, sameIDs = append(named, shot), true
		}
	}
	series.Snapshots = named
	return series, len(named) == len(files)
}

// subjectOfDir reads what a manifest tells.
func subjectOfDir(u *ui, dir string) (subject, error) {
	series, err := capture.Load(dir)
	if err != nil {
		if _, statErr := os.Stat(filepath.Join(dir, "manifest.json")); errors.Is(statErr, fs.ErrNotExist) {
			return subject{}, &usageError{text: printable(dir) + " is no directory of a capture: it has no manifest.json", hint: filesHint(dir)}
		}
		return subject{}, err
	}
	if len(series.Snapshots) == 0 {
		return subject{}, &usageError{text: "the capture in " + printable(dir) + " has no snapshot", hint: "its manifest.json says why; take it again"}
	}
	if !series.Complete() {
		u.warn(fmt.Sprintf("the capture has %d of %s", len(series.Snapshots), plural(series.Count, "snapshot")), "the diagnosis is of what there is")
	}
	return subjectOfSeries(series), nil
}

// printReport prints a diagnosis on stdout.
func printReport(u *ui, asJSON bool, r *report.Report) error {
	if asJSON {
		object, err := reportJSON(r)
		if err != nil {
			return err
		}
		return u.json(object)
	}
	var text bytes.Buffer
	if err := r.Text(&text, maxColumns); err != nil {
		return err
	}
	_, err := u.out.Write([]byte(u.emphasized(text.String())))
	return err
}

// emphasized makes the sentence and the titles of a report bold.
func (u *ui) emphasized(text string) string {
	if !u.colorOut {
		return text
	}
	var b strings.Builder
	sentence := true
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" {
			sentence = false
		}
		if sentence || line != "" && line[0] >= 'A' && line == strings.ToUpper(line) {
			line = u.boldOut(line)
		}
		b.WriteString(line + "\n")
	}
	return b.String()
}
