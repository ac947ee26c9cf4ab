package main

import (
	"context"
	"encoding/csv"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/heaptest"
)

func TestAppendRow(t *testing.T) {
	r := heap.Row{Node: 7, ID: 15, Type: "object", Class: "A, B", Name: `say "hi"`, Self: 24, Retained: 1 << 40, Distance: heap.Unreached, Detachedness: heap.Detached}
	const want = `7,15,object,"A, B","say ""hi""",24,1099511627776,-5,1,2` + "\n"
	if got := string(appendRow(nil, r, 1)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if header := strings.Count(exportHeader, ","); header != 9 {
		t.Errorf("the header has %d commas", header)
	}
}

func TestAppendField(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "a b": "a b", " a": `" a"`, "a ": `"a "`, "a,b": `"a,b"`, `a"b`: `"a""b"`, "a\nb": "\"a\nb\"", "a\r": "\"a\r\"", "日本": "日本",
	} {
		if got := string(appendField(nil, in)); got != want {
			t.Errorf("%q became %s, want %s", in, got, want)
		}
	}
}

// TestExport reads the rows back as a program would.
func TestExport(t *testing.T) {
	s := parse(t, leakingService([]int{1}))
	var out strings.Builder
	if err := writeRows(t.Context(), &out, s, false); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(strings.NewReader(out.String())).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+s.NumNodes() {
		t.Errorf("%d rows of %d nodes", len(rows), s.NumNodes())
	}
	for ordinal, want := range map[int]string{
		0:  "0|1|synthetic|(synthetic)||0|5576|100000000|1|0",
		9:  "9|19|string|(string)|\x1b[31mred\a \u202eword, \"quoted\"\nand \ufffd half|48|48|3|7|0",
		10: "10|21|object|Evil\x1b[2J,|Evil\x1b[2J,|24|24|3|7|0",
		13: "13|35|object|Session|Session|72|104|5|11|0",
	} {
		if got := strings.Join(rows[1+ordinal], "|"); got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestExportToTerminal(t *testing.T) {
	var out strings.Builder
	if err := writeRows(t.Context(), &out, parse(t, leakingService(nil)), true); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexFunc(out.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
		t.Errorf("the terminal gets %q", out.String()[i:])
	}
}

func TestExportStops(t *testing.T) {
	g := heaptest.New(heaptest.Node24)
	for i := range 2 * exportCheck {
		g.Node(strconv.Itoa(i), "object", "A", 16)
	}
	s := parse(t, g)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	var out strings.Builder
	if err := writeRows(ctx, &out, s, false); !errors.Is(err, stopped) {
		t.Errorf("error %v, want the cause of the context", err)
	}
	full := errors.New("full")
	if err := writeRows(t.Context(), fullDisk{full}, s, false); !errors.Is(err, full) {
		t.Errorf("error %v, want that of the writer", err)
	}
}

// fullDisk refuses what is written to it.
type fullDisk struct{ err error }

func (w fullDisk) Write([]byte) (int, error) { return 0, w.err }

func parse(t *testing.T, g *heaptest.Graph) *heap.Snapshot {
	t.Helper()
	s, err := heap.Parse(t.Context(), g.Reader(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// FuzzAppendField reads fields back with encoding/csv.
func FuzzAppendField(f *testing.F) {
	for _, s := range []string{"", "a", "a,b", `"`, `""`, `a"b"`, "line\nline", " a", "a ", "\t", "日本", "\xed\xa0\x80", "\x00\x1b", `\.`, "#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line := append(appendField([]byte("x,"), s), ",y\n"...)
		got, err := csv.NewReader(strings.NewReader(string(line))).ReadAll()
		if err != nil {
			t.Fatalf("%q became %q: %v", s, line, err)
		}
		// encoding/csv reads a carriage return before a line feed as part of the line's end.
		want := []string{"x", strings.ReplaceAll(s, "\r\n", "\n"), "y"}
		if len(got) != 1 || !slices.Equal(got[0], want) {
			t.Errorf("%q became %q, read as %q", s, line, got)
		}
	})
}

func BenchmarkAppendRow(b *testing.B) {
	r := heap.Row{Node: 1234567, ID: 2345678, Type: "object", Class: "Session", Name: "Session", Self: 56, Retained: 12345, Distance: 12}
	var buf []byte
	for b.Loop() {
		buf = appendRow(buf[:0], r, 2345677)
	}
	b.SetBytes(int64(len(buf)))
}
