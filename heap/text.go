package heap

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"
)

const (
	// pageBits is the log of the number of strings in a page.
	pageBits    = 12
	pageStrings = 1 << pageBits
	// maxPageBytes is set by the 32 bits of an offset in a page. V8 cuts strings near
	// 1024 characters, so that pages have a few MB at most.
	maxPageBytes = 1<<32 - 1
	// maxStringBytes is how long one string may get, so that damaged input is not held
	// to its end. V8 cuts strings near 1024 characters, unless told otherwise.
	maxStringBytes = 64 << 20
	// maxStrings is set by the 32 bits of a name. The top is for the names that we add.
	maxStrings = 1<<32 - 1<<20
)

// textID is the index of a string.
type textID uint32

// page is some neighbouring strings, one behind the other.
type page struct {
	bytes []byte
	ends  []uint32
}

// text is the strings of a snapshot, in WTF-8: UTF-8 that may have lone surrogates, as
// JavaScript strings may. Pages hold them without the slack of a growing slice.
type text struct {
	pages []page
	// open is the page that is being filled.
	open page
}

func (t *text) len() int { return len(t.pages)*pageStrings + len(t.open.ends) }

// at returns the string as it is; it is not to be changed.
func (t *text) at(id textID) []byte {
	pg := &t.open
	if i := int(id >> pageBits); i < len(t.pages) {
		pg = &t.pages[i]
	}
	i := id & (pageStrings - 1)
	var start uint32
	if i > 0 {
		start = pg.ends[i-1]
	}
	return pg.bytes[start:pg.ends[i]]
}

// string returns the string in UTF-8: what is none in it is replaced by U+FFFD.
func (t *text) string(id textID) string { return toUTF8(t.at(id)) }

// toUTF8 replaces each lone surrogate, and each byte that is no UTF-8, by U+FFFD.
func toUTF8(s []byte) string {
	if utf8.Valid(s) {
		return string(s)
	}
	var b []byte
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		if r == utf8.RuneError && isSurrogate(s) {
			n = 3
		}
		b = utf8.AppendRune(b, r)
		s = s[n:]
	}
	return string(b)
}

// isSurrogate says whether s starts with a surrogate in WTF-8.
func isSurrogate(s []byte) bool {
	return len(s) >= 3 && s[0] == 0xed && s[1] >= 0xa0 && s[1] <= 0xbf && s[2]&0xc0 == 0x80
}

// growing returns how long the string is whose bytes are being appended to open.
func (t *text) growing() int {
	if n := len(t.open.ends); n > 0 {
		return len(t.open.bytes) - int(t.open.ends[n-1])
	}
	return len(t.open.bytes)
}

// end ends the string whose bytes have been appended to open.
func (t *text) end() error {
	if len(t.open.bytes) > maxPageBytes {
		return &LimitError{What: "bytes of text in a page", Max: maxPageBytes}
	}
	t.open.ends = append(t.open.ends, uint32(len(t.open.bytes)))
	if len(t.open.ends) == pageStrings {
		t.close()
	}
	if t.len() > maxStrings {
		return &LimitError{What: "strings", Max: maxStrings}
	}
	return nil
}

// close stores the open page at its exact size and reuses its memory for the next one.
func (t *text) close() {
	t.pages = append(t.pages, page{bytes: bytes.Clone(t.open.bytes), ends: slices.Clone(t.open.ends)})
	t.open.bytes, t.open.ends = t.open.bytes[:0], t.open.ends[:0]
}

// add appends a string that is not in the file. There is room for 2^20 of them.
func (t *text) add(s []byte) textID {
	id := textID(t.len())
	t.open.bytes = append(t.open.bytes, s...)
	t.open.ends = append(t.open.ends, uint32(len(t.open.bytes)))
	if len(t.open.ends) == pageStrings {
		t.close()
	}
	return id
}

// strings reads the section of that name.
func (p *parser) strings() error {
	if err := p.expect('['); err != nil {
		return err
	}
	c, err := p.peek()
	if err != nil {
		return err
	}
	if c == ']' {
		p.pos++
		return nil
	}
	for {
		if err := p.expect('"'); err != nil {
			return err
		}
		if err := p.string(&p.s.text); err != nil {
			return err
		}
		c, err := p.peek()
		if err != nil {
			return err
		}
		if p.pos == p.end || c != ',' && c != ']' {
			return p.want(`"," or "]"`)
		}
		p.pos++
		if c == ']' {
			p.s.text.trim()
			return nil
		}
	}
}

// trim gives the slack of the last page back.
func (t *text) trim() {
	t.open.bytes, t.open.ends = slices.Clip(bytes.Clone(t.open.bytes)), slices.Clone(t.open.ends)
}

// string reads the rest of a JSON string.
func (in *input) string(t *text) error {
	for {
		rest := in.buf[in.pos:in.end]
		n := bytes.IndexByte(rest, '"')
		plain := rest
		if n >= 0 {
			plain = rest[:n]
		}
		escape := bytes.IndexByte(plain, '\\')
		if escape >= 0 {
			plain = plain[:escape]
		}
		t.open.bytes = append(t.open.bytes, plain...)
		in.pos += len(plain)
		switch {
		case escape >= 0:
			in.pos++
			if err := in.escape(t); err != nil {
				return err
			}
		case n >= 0:
			in.pos++
			return t.end()
		default:
			if t.growing() > maxStringBytes {
				return in.want(fmt.Sprintf("a closing quote within %d MB", maxStringBytes>>20))
			}
			ok, err := in.more()
			if err != nil {
				return err
			}
			if !ok {
				return in.want("a closing quote")
			}
		}
	}
}

// escape reads what follows a backslash.
func (in *input) escape(t *text) error {
	c, err := in.next("an escape")
	if err != nil {
		return err
	}
	switch c {
	case '"', '\\', '/':
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
		unit, err := in.hex4()
		if err != nil {
			return err
		}
		t.appendUnit(unit)
		return nil
	default:
		in.pos--
		return in.want("an escape")
	}
	t.open.bytes = append(t.open.bytes, c)
	return nil
}

// hex4 reads four hexadecimal digits.
func (in *input) hex4() (unit rune, err error) {
	for range 4 {
		c, err := in.next("four hexadecimal digits")
		if err != nil {
			return 0, err
		}
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			in.pos--
			return 0, in.want("four hexadecimal digits")
		}
		unit = unit<<4 | rune(c)
	}
	return unit, nil
}

// The UTF-16 surrogates: two of them, high and low, are one character.
const (
	highStart, lowStart, lowEnd = 0xd800, 0xdc00, 0xe000
	surrogateBytes              = 3 // in WTF-8
	surrogateBits               = 10
	supplementary               = 0x10000
)

// appendUnit appends a UTF-16 unit to the open string, joining it with the high
// surrogate that may be before it.
func (t *text) appendUnit(unit rune) {
	if unit < highStart || unit >= lowEnd {
		t.open.bytes = utf8.AppendRune(t.open.bytes, unit)
		return
	}
	b := t.open.bytes
	if unit >= lowStart {
		start := 0
		if n := len(t.open.ends); n > 0 {
			start = int(t.open.ends[n-1])
		}
		if tail := b[max(start, len(b)-surrogateBytes):]; isSurrogate(tail) && tail[1] < 0xb0 {
			high := rune(tail[1]&0x0f)<<6 | rune(tail[2]&0x3f)
			t.open.bytes = utf8.AppendRune(b[:len(b)-surrogateBytes], supplementary+high<<surrogateBits+(unit-lowStart))
			return
		}
	}
	t.open.bytes = append(b, 0xe0|byte(unit>>12), 0x80|byte(unit>>6)&0x3f, 0x80|byte(unit)&0x3f)
}
