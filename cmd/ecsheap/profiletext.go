package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/sampling"
)

const (
	// profileRows is how many places the text output shows; the files have all.
	profileRows = 15

	// fewSamples is where shares get unsure: a true half shows as anything from
	// 31 to 69 per cent among 25 samples (95 % confidence, binomial).
	fewSamples = 25

	// closer is how many times as many samples are advised where there were none.
	closer = 4

	// functionColumns and placeColumns are where names are cut: together with
	// the numbers before them they fill maxColumns.
	functionColumns = 26
	placeColumns    = 38
)

// profileJSON is the output of profile --output json, and profile.json.
type profileJSON struct {
	Schema           int             `json:"schema"`
	Dir              string          `json:"dir"`
	Target           capture.Target  `json:"target"`
	Process          capture.Process `json:"process"`
	StartedAt        time.Time       `json:"startedAt"`
	DurationMs       int64           `json:"durationMs"`
	IntervalBytes    int             `json:"intervalBytes"`
	IncludeCollected bool            `json:"includeCollected"`
	Samples          int             `json:"samples"`
	WireBytes        int64           `json:"wireBytes"`
	TotalBytes       int64           `json:"totalBytes"`
	Sites            []siteJSON      `json:"sites"`     // functions of the application, with what others allocated for them
	Functions        []siteJSON      `json:"functions"` // all functions, as DevTools shows them
}

// siteJSON is a function and what it allocated.
type siteJSON struct {
	Function   string  `json:"function"`
	URL        string  `json:"url"`    // "" for built-in functions
	Line       int     `json:"line"`   // where the function begins, from 1; 0 = unknown
	Column     int     `json:"column"` // from 1
	SelfBytes  int64   `json:"selfBytes"`
	TotalBytes int64   `json:"totalBytes"`
	Share      float64 `json:"share"` // of selfBytes in the whole, 0 to 1
}

func sitesJSON(sites []sampling.Site) []siteJSON {
	list := make([]siteJSON, len(sites))
	for i, s := range sites {
		list[i] = siteJSON(s)
	}
	return list
}

// tellProfile stores and prints what there is, and returns the error of the
// sampling, or its own.
func tellProfile(u *ui, o profileOptions, r sampled, err error) error {
	if r.raw == nil {
		return err
	}
	p, parseErr := sampling.Parse(bytes.NewReader(r.raw))
	if parseErr != nil {
		// Unlike us, DevTools may know what to make of it.
		if storeErr := storeFiles(o.dir, profilePart{profileFile, r.raw}); storeErr != nil {
			return u.both(err, storeErr)
		}
		u.step("what V8 sent is in %s", filepath.Join(o.dir, profileFile))
		return u.both(err, fmt.Errorf("reading what V8 sent: %w", parseErr))
	}
	summary := profileJSON{
		Schema: schema, Dir: o.dir, Target: r.target, Process: r.process, StartedAt: r.startedAt.UTC().Truncate(time.Millisecond),
		DurationMs: r.duration.Milliseconds(), IntervalBytes: o.interval, IncludeCollected: o.collected,
		Samples: len(p.Samples), WireBytes: r.wireBytes, TotalBytes: p.TotalBytes(), Sites: sitesJSON(p.Sites()), Functions: sitesJSON(p.Functions()),
	}
	if storeErr := storeProfile(o.dir, r, p, o, summary); storeErr != nil {
		return u.both(err, storeErr)
	}
	u.step("profile of %s in %s: %s for Chrome DevTools (Memory, Load profile), %s for go tool pprof", durationText(r.duration), o.dir, profileFile, profilePprofFile)
	if n := len(p.Samples); 0 < n && n < fewSamples {
		u.warn(fmt.Sprintf("no more than %s: the shares are guesses", plural(len(p.Samples), "sample")), "sample for longer, or more often, for example --duration 5m --sampling-interval 32768")
	}
	u.settle()
	if o.json {
		return u.both(err, u.json(summary))
	}
	return u.both(err, printProfile(u, summary))
}

// both returns the error that came first; when there are two it tells the second
// one as a warning.
func (u *ui) both(first, second error) error {
	if first == nil {
		return second
	}
	if second != nil {
		u.warn(errorText(second), hintOf(second))
	}
	return first
}

// printProfile prints the places that allocate most.
func printProfile(u *ui, p profileJSON) error {
	if p.Samples == 0 {
		_, err := fmt.Fprintln(u.out, nothingSampled(p))
		return err
	}
	w := bufio.NewWriter(u.out) // keeps the first error for Flush
	what := "are still alive"
	if p.IncludeCollected {
		what = "in all, alive or collected"
	}
	fmt.Fprintf(w, "%s allocated in %s %s (estimated from %s)\n", bytesText(p.TotalBytes),
		durationText(time.Duration(p.DurationMs)*time.Millisecond), what, plural(p.Samples, "sample"))
	t := table{columns: []column{
		{title: "SELF"}, {title: "%"}, {title: "TOTAL"}, {title: "%"}, {title: "FUNCTION", left: true, max: functionColumns}, {title: "BEGINS AT", left: true},
	}}
	sites := slices.DeleteFunc(slices.Clone(p.Sites), func(s siteJSON) bool { return s.SelfBytes == 0 }) // these only call
	rows := sites[:min(len(sites), profileRows)]
	for _, s := range rows {
		t.add(bytesText(s.SelfBytes), percent(s.SelfBytes, p.TotalBytes), bytesText(s.TotalBytes), percent(s.TotalBytes, p.TotalBytes),
			printable(s.Function), fitEnd(place(s), placeColumns)) // the line number is at the end
	}
	if len(rows) > 0 {
		fmt.Fprintln(w)
		t.write(w, u.boldOut)
	}
	if more := len(sites) - len(rows); more > 0 {
		fmt.Fprintf(w, "and %d more, in %s\n", more, printable(filepath.Join(p.Dir, profileJSONFile)))
	}
	return w.Flush()
}

// nothingSampled says what a profile without a sample means, and what to do.
func nothingSampled(p profileJSON) string {
	what := "nothing that was allocated is still alive, as far as samples tell"
	if p.IncludeCollected {
		what = "nothing was allocated, as far as samples tell"
	}
	return fmt.Sprintf(`%s:
no sample in %s, at one every %s on average.
The service was idle, or keeps next to nothing. Profile it under load, for longer,
or more closely: for example --duration 5m --sampling-interval %d`,
		what, durationText(time.Duration(p.DurationMs)*time.Millisecond), bytesText(int64(p.IntervalBytes)), max(p.IntervalBytes/closer, minSampling))
}

// place is where a function begins, as editors understand it.
func place(s siteJSON) string {
	if s.URL == "" {
		return ""
	}
	file := s.URL
	if u, err := url.Parse(file); err == nil && u.Scheme == "file" && u.Path != "" {
		file = u.Path
	}
	if s.Line == 0 {
		return printable(file)
	}
	return printable(fmt.Sprintf("%s:%d:%d", file, s.Line, s.Column))
}
