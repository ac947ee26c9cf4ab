package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable makes text harmless on a terminal: what is not a visible character
// of one line is written as an escape of Go, \n or \u001b. The strings of a heap
// are whatever the process had in its memory: text that steers a terminal, text
// that reads backwards. All of them go through here before they are shown.
func printable(s string) string {
	if !needsEscape(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		s = s[size:]
	}
	return b.String()
}

func needsEscape(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError })
		}
	}
	return false
}

// fit cuts printable text to a number of columns, and marks the cut.
func fit(s string, columns int) string {
	if len(s) <= columns || displayWidth(s) <= columns {
		return s
	}
	width := 0
	for i, r := range s {
		if width += runeWidth(r); width > columns-1 { // one column is for the mark
			return s[:i] + "…"
		}
	}
	return s
}

// fitEnd cuts printable text to a number of columns and keeps its end, which
// tells file names apart.
func fitEnd(s string, columns int) string {
	width := displayWidth(s)
	if width <= columns {
		return s
	}
	for i, r := range s {
		if width <= columns-1 { // one column is for the mark
			return "…" + s[i:]
		}
		width -= runeWidth(r)
	}
	return "…"
}

// wrap breaks printable text into lines of a number of columns, anywhere: it is
// for strings of the heap, which need not have words.
func wrap(s string, columns int) []string {
	const indent = "  "
	var lines []string
	start, width := 0, 0
	prefix := ""
	for i, r := range s {
		if width+runeWidth(r) > columns {
			lines = append(lines, prefix+s[start:i])
			prefix, start, width = indent, i, len(indent)
		}
		width += runeWidth(r)
	}
	return append(lines, prefix+s[start:])
}

// displayWidth is the number of columns that printable text takes.
func displayWidth(s string) int {
	width := 0
	for _, r := range s {
		width += runeWidth(r)
	}
	return width
}

// runeWidth is 2 for the scripts and pictures that terminals draw two columns
// wide (the blocks of Unicode's EastAsianWidth.txt that are W or F), 0 for
// marks on the character before, else 1.
func runeWidth(r rune) int {
	switch {
	case r < 0x300:
		return 1
	case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Me, r):
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3, r >= 0xf900 && r <= 0xfaff,
		r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60, r >= 0xffe0 && r <= 0xffe6, r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// grouped prints a number with a comma between groups of three digits.
func grouped[N ~int | ~int64 | ~uint32 | ~uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// signed prints a difference: grouped, with its sign.
func signed(n int64) string {
	if n > 0 {
		return "+" + grouped(n)
	}
	return grouped(n)
}
