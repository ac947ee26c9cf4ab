package main

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// printableJSON makes JSON harmless on a terminal, as printable does for text:
// what is no visible character becomes an escape of JSON, which means the same.
// encoding/json writes the characters above 0x7e as they are, also those that
// steer a terminal (U+009B is its one-byte CSI) and those that reorder a line.
func printableJSON(data []byte) []byte {
	i := firstUnprintable(data)
	if i == len(data) {
		return data
	}
	out := append(make([]byte, 0, len(data)+len(data)/8), data[:i]...)
	for i < len(data) {
		r, size := utf8.DecodeRune(data[i:])
		switch {
		case steadyJSON(r):
			out = append(out, data[i:i+size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
	}
	return out
}

// firstUnprintable returns where the first character is that needs an escape,
// or the length.
func firstUnprintable(data []byte) int {
	for i := 0; i < len(data); {
		r, size := rune(data[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(data[i:])
		}
		if !steadyJSON(r) {
			return i
		}
		i += size
	}
	return len(data)
}

// steadyJSON says whether a character of JSON may stay: what is below a space is
// between the values, for encoding/json escapes it inside of strings.
func steadyJSON(r rune) bool { return r < 0x7f || unicode.IsPrint(r) }
