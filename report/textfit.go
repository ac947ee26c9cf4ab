package report

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// visible makes foreign text harmless on a terminal: class names hold whatever
// the process had in its memory. What is no visible character of one line
// becomes an escape.
func visible(s string) string {
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if !hidden(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

func hidden(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

// wide are the scripts whose letters terminals draw two columns wide.
var wide = []*unicode.RangeTable{unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana}

// cells is the number of columns that visible text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += runeCells(r)
	}
	return n
}

func runeCells(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case unicode.In(r, wide...), r >= 0x3000 && r < 0x3040, r >= 0xff00 && r <= 0xff60, r >= 0x1f300 && r <= 0x1faff:
		return 2
	}
	return 1
}

// within cuts visible text to a number of columns and marks the cut.
func within(s string, columns int) string {
	if cells(s) <= columns {
		return s
	}
	left := columns - 1 // one is for the mark
	for i, r := range s {
		if left -= runeCells(r); left < 0 {
			return s[:i] + "…"
		}
	}
	return s
}

// ending cuts visible text to a number of columns and keeps its end, which says
// most of a place in the code.
func ending(s string, columns int) string {
	used := cells(s)
	if used <= columns {
		return s
	}
	for i, r := range s {
		if used <= columns-1 { // one is for the mark
			return "…" + s[i:]
		}
		used -= runeCells(r)
	}
	return ""
}

// pad fills visible text up with spaces to a number of columns.
func pad(s string, columns int) string {
	return s + strings.Repeat(" ", max(columns-cells(s), 0))
}

// unit is what stands behind a number, with the sign that ends a sentence or a bracket.
var unit = regexp.MustCompile(`^(%|[kMGT]?B(/s|/min|/h)?|ms|s|min|h)[.,;:)]*$`)

// unbroken joins numbers with their units: "37 %".
func unbroken(words []string) []string {
	var all []string
	for i, w := range words {
		if before := len(all) - 1; i > 0 && unit.MatchString(w) && endsInDigit(all[before]) {
			all[before] += " " + w
			continue
		}
		all = append(all, w)
	}
	return all
}

// endsInDigit says whether the last character is one.
func endsInDigit(s string) bool { return s != "" && s[len(s)-1] >= '0' && s[len(s)-1] <= '9' }

// lines breaks visible text at spaces into lines of a number of columns. A word
// that is longer than a line is broken anywhere.
func lines(s string, columns int) []string {
	var all []string
	line, used := "", 0
	for _, word := range unbroken(strings.Fields(s)) {
		for {
			n := cells(word)
			if line != "" && used+1+n <= columns {
				line, used = line+" "+word, used+1+n
				break
			}
			if line != "" {
				all = append(all, line)
				line, used = "", 0
			}
			if n <= columns {
				line, used = word, n
				break
			}
			cut := head(word, columns)
			all = append(all, word[:cut])
			word = word[cut:]
		}
	}
	if line != "" {
		all = append(all, line)
	}
	return all
}

// head is how many bytes of the text fit into a number of columns, at least one
// character.
func head(s string, columns int) int {
	for i, r := range s {
		if columns -= runeCells(r); columns < 0 && i > 0 {
			return i
		}
	}
	return len(s)
}

// grouped prints a number with a comma between groups of three digits.
func grouped[N ~int | ~int64](n N) string {
	s := strconv.FormatInt(int64(n), 10)
	first := 0
	if s[0] == '-' {
		first = 1
	}
	for i := len(s) - 3; i > first; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// signed prints a difference with its sign.
func signed[N ~int | ~int64](n N) string {
	if n > 0 {
		return "+" + grouped(n)
	}
	return grouped(n)
}

// size prints bytes for people: decimal units, as DevTools and AWS use them.
func size(n int64) string {
	const step = 1000
	value, sign := math.Abs(float64(n)), ""
	if n < 0 {
		sign = "-"
	}
	if value < step {
		return fmt.Sprintf("%s%.0f B", sign, value)
	}
	units := []string{"kB", "MB", "GB", "TB", "PB", "EB"}
	for value /= step; value >= 999.95 && len(units) > 1; value /= step {
		units = units[1:]
	}
	return fmt.Sprintf("%s%.1f %s", sign, value, units[0])
}

// share prints a part of a whole in per cent.
func share(part float64) string {
	part = clamp(part)
	switch {
	case part > 0 && part < 0.01:
		return "less than 1 %"
	case part < 1 && part > 0.99:
		return "99 %" // not all, and not rounded up to it
	}
	return fmt.Sprintf("%.0f %%", 100*part)
}

// clamp brings what should be a share into its range; a division by nothing is
// none.
func clamp(part float64) float64 {
	if math.IsNaN(part) {
		return 0
	}
	return min(max(part, 0), 1)
}

// span prints a duration for people, in its two biggest units.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < day:
		return twoUnits(int(d.Hours()), "h", int(d.Minutes())%60, "min")
	case d < 100*day:
		return twoUnits(int(d/day), "d", int(d.Hours())%24, "h")
	}
	return fmt.Sprintf("%d d", int(d/day))
}

func twoUnits(big int, bigUnit string, small int, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", big, bigUnit)
	}
	return fmt.Sprintf("%d %s %d %s", big, bigUnit, small, smallUnit)
}

// perTime prints a rate in the unit of time that leaves it a readable number: at
// least one of what print shows as whole.
func perTime(perSecond, whole float64, print func(float64) string) string {
	for _, unit := range []struct {
		name    string
		seconds float64
	}{{"s", 1}, {"min", 60}} {
		if math.Abs(perSecond)*unit.seconds >= whole {
			return print(perSecond*unit.seconds) + "/" + unit.name
		}
	}
	return print(perSecond*3600) + "/h"
}

// sizeRate prints bytes a time, with its sign.
func sizeRate(perSecond float64) string {
	return perTime(perSecond, 1000, func(v float64) string {
		text := size(int64(math.Round(v)))
		if v > 0 {
			return "+" + text
		}
		return text
	})
}

// countRate prints objects a time, with its sign.
func countRate(perSecond float64) string {
	return perTime(perSecond, 1, func(v float64) string {
		if math.Abs(v) < 10 {
			return fmt.Sprintf("%+.1f", v)
		}
		return signed(int64(math.Round(v)))
	})
}
