package redact

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

const (
	// slabBytes is how much text is stored in a piece.
	slabBytes = 1 << 20
	// maxStringBytes is how long one string may get, so that damaged input is not held
	// to its end. V8 cuts strings near 1024 characters, unless told otherwise.
	maxStringBytes = 64 << 20
	// maxStrings is set by the 32 bits of a node's name.
	maxStrings = 1<<32 - 1
)

// table is the strings of a snapshot as they stand in the file, with escapes.
type table struct {
	slabs [][]byte
	refs  column[ref]
	bytes uint64
}

// ref is where a string stands.
type ref struct {
	slab, start uint32
	size        uint32 // with the bit hasEscapes
}

// hasEscapes is set in sizes. No string is as long.
const hasEscapes = 1 << 31

// add appends a string.
func (t *table) add(raw []byte) {
	last := len(t.slabs) - 1
	if last < 0 || len(t.slabs[last])+len(raw) > cap(t.slabs[last]) {
		t.slabs = append(t.slabs, make([]byte, 0, max(slabBytes, len(raw))))
		last++
	}
	start := len(t.slabs[last])
	t.slabs[last] = append(t.slabs[last], raw...)
	t.bytes += uint64(len(raw))
	size := uint32(len(raw))
	if bytes.IndexByte(raw, '\\') >= 0 {
		size |= hasEscapes
	}
	t.refs.add(ref{uint32(last), uint32(start), size})
}

func (t *table) len() uint64 { return t.refs.n }

// raw returns the string with its escapes; it is not to be changed.
func (t *table) raw(i uint64) []byte {
	r := t.refs.at(i)
	return t.slabs[r.slab][r.start : r.start+r.size&^hasEscapes]
}

// escaped says whether there are escapes in the string.
func (t *table) escaped(i uint64) bool { return t.refs.at(i).size&hasEscapes != 0 }

// strings reads the section of that name. Each string, with its escapes, goes to each;
// it is reused.
func (in *input) strings(each func(raw []byte) error) error {
	if err := in.expect('['); err != nil {
		return err
	}
	c, err := in.peek()
	if err != nil {
		return err
	}
	if c == ']' {
		in.pos++
		return nil
	}
	var raw []byte
	for n := 0; ; n++ {
		if n == maxStrings {
			return &LimitError{What: "strings", Max: maxStrings}
		}
		if err := in.expect('"'); err != nil {
			return err
		}
		at := in.offset()
		if raw, err = in.quoted(raw[:0], maxStringBytes); err != nil {
			return err
		}
		if !validEscapes(raw) {
			return &SyntaxError{Offset: at, Want: "a string", Got: "one with a wrong escape"}
		}
		if err := each(raw); err != nil {
			return err
		}
		c, err := in.peek()
		if err != nil {
			return err
		}
		if in.pos == in.end || c != ',' && c != ']' {
			return in.want(`"," or "]"`)
		}
		in.pos++
		if c == ']' {
			return nil
		}
	}
}

// validEscapes says whether each backslash starts an escape of JSON.
func validEscapes(raw []byte) bool {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		switch raw[i] { // quoted has seen to it that there is one
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		case 'u':
			if _, ok := hex4(raw[i+1:]); !ok {
				return false
			}
			i += 4
		default:
			return false
		}
	}
	return true
}

// hex4 reads four hexadecimal digits.
func hex4(b []byte) (unit rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		unit = unit<<4 | rune(c)
	}
	return unit, true
}

// The UTF-16 surrogates: two of them, high and low, are one character.
const (
	highStart, lowStart, lowEnd = 0xd800, 0xdc00, 0xe000
	surrogateBits               = 10
	supplementary               = 0x10000
)

// decode appends what the string stands for, in WTF-8: UTF-8 that may have lone
// surrogates, as JavaScript strings may.
func decode(b, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			b = append(b, c)
			continue
		}
		i++
		switch c = raw[i]; c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			unit, _ := hex4(raw[i+1:])
			i += 4
			if unit >= highStart && unit < lowStart && i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
				if low, ok := hex4(raw[i+3:]); ok && low >= lowStart && low < lowEnd {
					unit = supplementary + (unit-highStart)<<surrogateBits + low - lowStart
					i += 6
				}
			}
			b = appendUnit(b, unit)
			continue
		}
		b = append(b, c)
	}
	return b
}

func appendUnit(b []byte, unit rune) []byte {
	if unit >= highStart && unit < lowEnd {
		return append(b, 0xe0|byte(unit>>12), 0x80|byte(unit>>6)&0x3f, 0x80|byte(unit)&0x3f)
	}
	return utf8.AppendRune(b, unit)
}

// units returns how long a string in WTF-8 is in JavaScript.
func units(s []byte) int {
	n := 0
	for _, c := range s {
		if utf8.RuneStart(c) {
			n++
			if c >= 0xf0 && c <= 0xf4 {
				n++
			}
		}
	}
	return n
}

// encode appends a string of valid UTF-8 as V8 writes it: in ASCII, without the quotes.
func encode(b []byte, s string) []byte {
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ' && r < utf8.RuneSelf:
			b = append(b, byte(r))
		case r < supplementary:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			r -= supplementary
			b = fmt.Appendf(b, `\u%04x\u%04x`, highStart+r>>surrogateBits, lowStart+r&(1<<surrogateBits-1))
		}
	}
	return b
}
