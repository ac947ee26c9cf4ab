package main

import (
	"bufio"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	tests := []struct{ in, want string }{
		{"Session", "Session"},
		{"{a, b}", "{a, b}"},
		{"Ärger 日本", "Ärger 日本"},
		{"a\nb\tc\r", `a\nb\tc\r`},
		{"\x1b[31mred\x07\x7f", `\u001b[31mred\u0007\u007f`},
		{"\u009b31m", `\u009b31m`},               // the one-byte CSI
		{"abc\u202etxt.exe", `abc\u202etxt.exe`}, // reads backwards
		{"\ud7ff|\ufffd", `\ud7ff|` + "\ufffd"},  // not assigned; a replacement that is really there
		{"\U000e0001", `\U000e0001`},
		{"\xff\xc3", `\xff\xc3`},
		{`back\slash`, `back\slash`},
		{"", ""},
	}
	for _, tt := range tests {
		if got := printable(tt.in); got != tt.want {
			t.Errorf("printable(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	for _, s := range []string{"", "a", "\x1b]0;title\x07", "\xed\xa0\x80\xed\xb0\x80", "\u2028\u200d", "\xf0\x9f\x98", "日本\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := printable(s)
		if i := strings.IndexFunc(out, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 || !utf8.ValidString(out) {
			t.Errorf("printable(%q) = %q", s, out)
		}
		if again := printable(out); again != out {
			t.Errorf("escaped again, %q became %q", out, again)
		}
		for columns := 1; columns < 12; columns++ {
			if cut := fit(out, columns); displayWidth(cut) > columns || !utf8.ValidString(cut) {
				t.Errorf("fit(%q, %d) = %q", out, columns, cut)
			}
			if cut := fitEnd(out, columns); displayWidth(cut) > columns || !utf8.ValidString(cut) {
				t.Errorf("fitEnd(%q, %d) = %q", out, columns, cut)
			}
		}
	})
}

func TestFit(t *testing.T) {
	tests := []struct {
		in         string
		columns    int
		start, end string
	}{
		{"short", 5, "short", "short"},
		{"longer", 5, "long…", "…nger"},
		{"日本語", 6, "日本語", "日本語"},
		{"日本語", 5, "日本…", "…本語"},
		{"日本語", 4, "日…", "…語"},
		{"e\u0301e\u0301e\u0301", 3, "e\u0301e\u0301e\u0301", "e\u0301e\u0301e\u0301"},
		{"ab", 1, "…", "…"},
	}
	for _, tt := range tests {
		if got := fit(tt.in, tt.columns); got != tt.start {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.in, tt.columns, got, tt.start)
		}
		if got := fitEnd(tt.in, tt.columns); got != tt.end {
			t.Errorf("fitEnd(%q, %d) = %q, want %q", tt.in, tt.columns, got, tt.end)
		}
	}
}

func TestWrap(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"12345678", "12345678"},
		{"123456789", "12345678|  9"},
		{"12345678abcdefgh", "12345678|  abcdef|  gh"},
		{"日本日本日", "日本日本|  日"},
	}
	for _, tt := range tests {
		if got := strings.Join(wrap(tt.in, 8), "|"); got != tt.want {
			t.Errorf("wrap(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestGrouped(t *testing.T) {
	tests := []struct {
		n            int64
		want, signed string
	}{
		{0, "0", "0"},
		{999, "999", "+999"},
		{1000, "1,000", "+1,000"},
		{-1234567, "-1,234,567", "-1,234,567"},
		{-123, "-123", "-123"},
		{math.MaxInt64, "9,223,372,036,854,775,807", "+9,223,372,036,854,775,807"},
		{math.MinInt64, "-9,223,372,036,854,775,808", "-9,223,372,036,854,775,808"},
	}
	for _, tt := range tests {
		if got := grouped(tt.n); got != tt.want {
			t.Errorf("grouped(%d) = %s, want %s", tt.n, got, tt.want)
		}
		if got := signed(tt.n); got != tt.signed {
			t.Errorf("signed(%d) = %s, want %s", tt.n, got, tt.signed)
		}
	}
}

func TestTable(t *testing.T) {
	tb := table{indent: "  ", columns: []column{{title: "COUNT"}, {title: "FIELD", left: true, max: 6}, {title: "CLASS", left: true}}}
	tb.add("1,234,567", "a", "Session")
	tb.add("1", "longer than six", strings.Repeat("x", 200))
	tb.add("20", "日本", "")
	got := written(func(w *bufio.Writer) { tb.write(w, func(s string) string { return "<" + s + ">" }) })
	want := "  <    COUNT  FIELD   CLASS>\n" +
		"  1,234,567  a       Session\n" +
		"          1  longe…  " + strings.Repeat("x", maxColumns-2-9-2-6-2-1) + "…\n" +
		"         20  日本\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

// TestTableFits writes tables of any text: no line is wider than the page.
func TestTableFits(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		runes := []rune("ab 日é\u0301😀\x1b\u202e")
		var b strings.Builder
		for range random.IntN(60) {
			b.WriteRune(runes[random.IntN(len(runes))])
		}
		return printable(b.String())
	}
	for range 200 {
		tb := table{columns: []column{{title: "N"}, {title: "NAME", left: true, max: fieldColumns}, {title: "CLASS", left: true}}}
		for range 5 {
			tb.add(grouped(random.Int64()), text(), text())
		}
		for line := range strings.Lines(written(func(w *bufio.Writer) { tb.write(w, nil) })) {
			if width := displayWidth(strings.TrimSuffix(line, "\n")); width > maxColumns {
				t.Errorf("%d columns: %s", width, line)
			}
		}
	}
}

// written returns what f writes.
func written(f func(*bufio.Writer)) string {
	var b strings.Builder
	w := bufio.NewWriter(&b)
	f(w)
	w.Flush()
	return b.String()
}
