package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/leak"
)

const throttledText = `Leak: ThrottlerStorageService.timeoutIds holds 48,210 Timeout objects, +16,070 per 10 min, 34 % of
the heap (61 MB), created at src/throttler.service.ts:41.

verdict       leak, confidence 93 %
because       It grew by the same amount in both intervals, and nothing that it got was let go of.
process       service api, cluster prod, task 01234567, container web, Node.js 22.1.0, pid 1, up 1 d
              2 h at the first snapshot
heap          61.0 MB → 88.0 MB → 115.0 MB in 3 snapshots over 20 min
memory        140.0 MB → 170.0 MB → 200.0 MB resident, limit 512.0 MB, reached in about 2 h 10 min
              at this rate

1. ThrottlerStorageService.timeoutIds (Array)
   timer never cleared, 61.0 MB (34 % of the heap), confidence 95 %

   holds         16,070 → 32,140 → 48,210 objects, +27/s
   retains       20.0 MB → 40.0 MB → 61.0 MB, +34.2 kB/s
   memory limit  reached in about 2 h 10 min at this rate
   created at    src/throttler.service.ts:41:7 in setExpirationTime
   held by
     global.throttler  ThrottlerStorageService  @7   src/throttler.service.ts:12:1
     .timeoutIds       Array                    @9
     .[key]            Object                   @11
   keeps, new ones alone
     48,210  4.2 MB  Timeout
     48,210  2.1 MB  ThrottlerHit
          3    96 B  {id, [key]}

   It holds [key]. Every call of setTimeout makes a Timeout. They are kept after they have fired,
   with all that their callbacks use.

   Advice: Take a Timeout out of the list when it fires, or use one interval for all.

GROWTH BY CLASS
 COUNT   CHANGE  SHALLOW   CHANGE  CLASS
48,210  +32,140   4.2 MB  +2.8 MB  Timeout
48,210  +32,140   2.1 MB  +1.4 MB  ThrottlerHit  throttler.service.ts:41

NOTES
- Memory outside of the heap grew by 2 MB, which no snapshot shows.
- snapshot 2: it was late

NEXT
- look at the suspect: ecsheap inspect --id 9 out/s3.heapsnapshot
- open in a browser: out/report.html
`

func textOf(t *testing.T, r *Report, width int) string {
	t.Helper()
	var b strings.Builder
	if err := r.Text(&b, width); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestText(t *testing.T) {
	if diff := cmp.Diff(throttledText, textOf(t, throttled(t), 0)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestTextFits prints foreign names of all kinds at several widths.
func TestTextFits(t *testing.T) {
	for _, name := range []string{strings.Repeat("Long", 60), "\x1b[31mred\u202e", strings.Repeat("漢字", 40), "a\nb\tc", "e\u0301 \xff"} {
		r := throttled(t)
		d := r.Diagnosis
		s := &d.Suspects[0]
		s.Rank, s.Title, s.Class, s.Explanation, s.Advice = 123, name, name, name, strings.Repeat("words of advice ", 20)
		s.Path[0].Edge, s.Path[0].Class, s.Path[0].Place = name, name, &leak.Place{File: name, Line: 1}
		s.Keeps = []leak.Kept{{Class: name, Count: 1, Size: 1}}
		d.Classes = append([]leak.Growth{{Class: name, Counts: []int{1, 1, 2}, Shallow: []int64{1, 1, 9e9}}}, d.Classes...)
		d.Notes = append(d.Notes, name)
		for _, width := range []int{0, 1, 50, 72, 100, 200} {
			want := width
			switch width {
			case 0:
				want = DefaultWidth
			case 1:
				want = minWidth
			}
			wantFits(t, textOf(t, r, width), want)
		}
	}
}

func wantFits(t *testing.T, text string, width int) {
	t.Helper()
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if strings.Contains(line, "advice …") {
			t.Errorf("width %d: a sentence is cut: %q", width, line)
		}
		if cells(line) > width {
			t.Errorf("width %d: %d columns: %q", width, cells(line), line)
		}
		if strings.ContainsFunc(line, hidden) {
			t.Errorf("width %d: not visible: %q", width, line)
		}
		if strings.TrimRight(line, " ") != line {
			t.Errorf("width %d: space at the end: %q", width, line)
		}
	}
}

func TestTextHidesStrings(t *testing.T) {
	r := throttled(t)
	if text := textOf(t, r, 0); strings.Contains(text, "alice") {
		t.Errorf("the secret is in\n%s", text)
	}
	r.WithStrings = true
	if text := textOf(t, r, 0); !strings.Contains(text, "@103  "+secret) || !strings.Contains(text, "."+secret) {
		t.Errorf("no secret in\n%s", text)
	}
}

// TestTextTellsOfMasks says how to see names that the sentence does not show, and only then.
func TestTextTellsOfMasks(t *testing.T) {
	r := throttled(t)
	const hint = "ecsheap analyze --with-strings"
	if text := textOf(t, r, 0); strings.Contains(text, hint) {
		t.Errorf("a hint without need in\n%s", text)
	}
	r.Diagnosis.Summary = "Leak: global." + secret + " holds 5 objects."
	if text := textOf(t, r, 0); !strings.Contains(text, "global.[key] holds") || !strings.Contains(text, hint) {
		t.Errorf("no hint in\n%s", text)
	}
	r.WithStrings = true
	if text := textOf(t, r, 0); strings.Contains(text, hint) {
		t.Errorf("a hint to what is given in\n%s", text)
	}
}

// TestLinesKeepUnits breaks no line between a number and its unit.
func TestLinesKeepUnits(t *testing.T) {
	for text, want := range map[string][]string{
		"holds at 37 % of": {"holds at", "37 % of"}, "at +126.4 kB/s now": {"at", "+126.4 kB/s", "now"}, "(7.8 MB), kept": {"(7.8 MB),", "kept"},
		"of 3 services": {"of 3", "services"}, "1 %": {"1 %"}, "% 1 B": {"% 1 B"},
	} {
		if got := lines(text, 11); !slices.Equal(got, want) {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// TestTextOfLittle has reports of which next to nothing is known.
func TestTextOfLittle(t *testing.T) {
	classes := []leak.Growth{
		{Class: "Small", Counts: []int{1}, Shallow: []int64{900}, Retained: []int64{900}},
		{Class: "Big", Counts: []int{2}, Shallow: []int64{10}, Retained: []int64{4e6}},
	}
	tests := []struct {
		name string
		d    leak.Diagnosis
		want []string
	}{
		{"nothing", leak.Diagnosis{}, []string{"No diagnosis.", "NEXT", "--count 3"}},
		{"one", leak.Diagnosis{Verdict: leak.Insufficient, Snapshots: make([]leak.Snapshot, 1), Classes: classes},
			[]string{"in a single snapshot", "BIGGEST CLASSES", "    2     10 B    4.0 MB  Big\n    1    900 B     900 B  Small\n", "take three snapshots"}},
		{"two", leak.Diagnosis{Verdict: leak.Growing, Snapshots: make([]leak.Snapshot, 2)}, []string{"in 2 snapshots\n", "take three snapshots"}},
		{"warm-up", leak.Diagnosis{Verdict: leak.Growing, Snapshots: make([]leak.Snapshot, 3)}, []string{"what still grows then, leaks"}},
		{"stable", leak.Diagnosis{Verdict: leak.Stable, Snapshots: make([]leak.Snapshot, 3)}, []string{"native memory"}},
		{"too short", leak.Diagnosis{Verdict: leak.Insufficient, Snapshots: make([]leak.Snapshot, 3)}, []string{"further apart"}},
		{"two processes", leak.Diagnosis{Verdict: leak.Insufficient, Method: leak.ClassComparison, Snapshots: make([]leak.Snapshot, 3)}, []string{"in one go"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			text := textOf(t, New(Info{}, &tt.d, nil), 0)
			for _, want := range tt.want {
				if !strings.Contains(text, want) {
					t.Errorf("no %q in\n%s", want, text)
				}
			}
			if strings.Contains(text, "inspect") || strings.Contains(text, "NOTES") || strings.Contains(text, "process") {
				t.Errorf("more than is known in\n%s", text)
			}
		})
	}
}

func TestTextOfManySuspects(t *testing.T) {
	r := throttled(t)
	first := r.Diagnosis.Suspects[0]
	for i := range 20 {
		s := first
		s.Rank, s.Title = i+2, fmt.Sprintf("suspect number %d", i+2)
		r.Diagnosis.Suspects = append(r.Diagnosis.Suspects, s)
	}
	text := textOf(t, r, 0)
	if n := strings.Count(text, "held by"); n != wholeSuspects {
		t.Errorf("%d suspects in full", n)
	}
	for _, want := range []string{"\nMORE SUSPECTS\n4. suspect number 4: 61.0 MB (34 %)\n", "\n13. suspect", "… and 8 more in the JSON"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestLongPath(t *testing.T) {
	r := throttled(t)
	var path []leak.Step
	for i := range 40 {
		path = append(path, leak.Step{Edge: fmt.Sprintf(".step%d", i), Class: "Object"})
	}
	r.Diagnosis.Suspects[0].Path = path
	text := textOf(t, r, 0)
	for _, want := range []string{".step0 ", ".step5 ", "… 28 more …", ".step34", ".step39"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, ".step6 ") || strings.Contains(text, ".step33") {
		t.Errorf("the middle is in\n%s", text)
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWriteErrors(t *testing.T) {
	r := throttled(t)
	for name, err := range map[string]error{"text": r.Text(full{}, 0), "json": r.JSON(full{}), "pprof": r.Pprof(full{})} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	tests := []struct{ got, want string }{
		{size(0), "0 B"}, {size(999), "999 B"}, {size(1000), "1.0 kB"}, {size(-1500), "-1.5 kB"}, {size(999_949), "999.9 kB"},
		{size(999_999), "1.0 MB"}, {size(61_200_000), "61.2 MB"}, {size(1 << 62), "4.6 EB"}, {size(-1 << 63), "-9.2 EB"},
		{grouped(0), "0"}, {grouped(-123), "-123"}, {grouped(1234567), "1,234,567"}, {grouped(-1234), "-1,234"}, {signed(12345), "+12,345"}, {signed(0), "0"},
		{share(0), "0 %"}, {share(0.004), "less than 1 %"}, {share(0.996), "99 %"}, {share(1), "100 %"}, {share(7), "100 %"}, {share(-1), "0 %"},
		{span(250 * time.Millisecond), "250 ms"}, {span(90 * time.Second), "90 s"}, {span(2 * time.Hour), "2 h"}, {span(130 * time.Minute), "2 h 10 min"},
		{span(26 * time.Hour), "1 d 2 h"}, {span(4000 * time.Hour), "166 d"}, {span(5 * time.Minute), "5 min"}, {span(1500 * time.Millisecond), "1.5 s"},
		{sizeRate(34166), "+34.2 kB/s"}, {sizeRate(100), "+6.0 kB/min"}, {sizeRate(0.5), "+1.8 kB/h"}, {sizeRate(-2000), "-2.0 kB/s"},
		{countRate(26.78), "+27/s"}, {countRate(1.5), "+1.5/s"}, {countRate(0.1), "+6.0/min"}, {countRate(0.001), "+3.6/h"}, {countRate(-3000), "-3,000/s"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}

func TestLines(t *testing.T) {
	tests := []struct {
		in      string
		columns int
		want    string
	}{
		{"", 10, ""},
		{"one two three", 7, "one two|three"},
		{"  spaces   between ", 20, "spaces between"},
		{"a verylongword b", 5, "a|veryl|ongwo|rd b"},
		{"漢字漢字", 3, "漢|字|漢|字"},
		{"漢", 1, "漢"}, // cannot be broken
	}
	for _, tt := range tests {
		if got := strings.Join(lines(tt.in, tt.columns), "|"); got != tt.want {
			t.Errorf("lines(%q, %d) = %q, want %q", tt.in, tt.columns, got, tt.want)
		}
	}
}

func FuzzLines(f *testing.F) {
	f.Add("one two three", 5)
	f.Add("\u06e0", 62) // takes no column
	f.Add("漢字 \x1b[2J\u202e \xff é", 3)
	f.Fuzz(func(t *testing.T, s string, columns int) {
		columns = 2 + max(columns, 0)%200
		text := visible(s)
		broken := lines(text, columns)
		for _, line := range broken {
			if cells(line) > columns {
				t.Errorf("%q takes %d columns of %d", line, cells(line), columns)
			}
		}
		if got, want := strings.Join(broken, ""), strings.Join(strings.Fields(text), ""); strings.ReplaceAll(got, " ", "") != want {
			t.Errorf("%q became %q", text, broken)
		}
		for _, cut := range []string{within(text, columns), ending(text, columns)} {
			if cells(cut) > columns {
				t.Errorf("%q takes %d columns of %d", cut, cells(cut), columns)
			}
		}
	})
}
