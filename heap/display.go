package heap

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxPlainName is where the name of a plain object is cut, in UTF-16 units.
const maxPlainName = 100

// Name returns what DevTools shows as the name of the node: of plain objects their
// properties, of concatenated strings their content, of others the RawName.
func (s *Snapshot) Name(n Node) string {
	return toUTF8(s.display(n))
}

func (s *Snapshot) display(n Node) []byte {
	switch {
	case s.Type(n) == ConsStringNode:
		return s.consText(n)
	case s.isPlain(n):
		return s.plainText(n)
	}
	return s.text.at(textID(s.name[n]))
}

// EdgeName returns the name of the edge, or its index in decimal.
func (s *Snapshot) EdgeName(e Edge) string {
	name := s.edgeName[e]
	if !s.to[e].kind().named() {
		return strconv.FormatUint(uint64(name), 10)
	}
	text := s.text.at(textID(name))
	if s.to[e].kind() == ShortcutEdge {
		if n := digits(text); n > 0 { // DevTools shows what parseInt makes of it
			if i, err := strconv.ParseUint(string(text[:n]), 10, 53); err == nil {
				return strconv.FormatUint(i, 10)
			}
		}
	}
	return toUTF8(text)
}

// plainText names a plain object by its first and last properties: {a, b, …, z}.
func (s *Snapshot) plainText(n Node) []byte {
	head, tail := []byte("{"), []byte("}")
	headUnits, tailUnits := 1, 1
	from, to := int64(s.first[n]), int64(s.first[n+1])-1
	for atEnd := false; from <= to; {
		e := from
		if atEnd {
			e = to
		}
		step := func() {
			if atEnd {
				to--
			} else {
				from++
			}
		}
		if s.to[e].kind() != PropertyEdge || s.known.proto.has(s.edgeName[e]) {
			step()
			continue
		}
		shown := formatProperty(s.text.at(textID(s.edgeName[e])))
		units := utf16Len(shown)
		if headUnits > 1 && headUnits+tailUnits+units > maxPlainName {
			break
		}
		step()
		if atEnd {
			if tailUnits > 1 {
				tail, tailUnits = slices.Concat([]byte(", "), tail), tailUnits+2
			}
			tail, tailUnits = slices.Concat(shown, tail), tailUnits+units
		} else {
			if headUnits > 1 {
				head, headUnits = append(head, ", "...), headUnits+2
			}
			head, headUnits = append(head, shown...), headUnits+units
		}
		atEnd = !atEnd
	}
	if from <= to {
		head = append(head, ", …"...)
	}
	if tailUnits > 1 {
		head = append(head, ", "...)
	}
	return append(head, tail...)
}

// formatProperty quotes names that would be taken for punctuation.
func formatProperty(name []byte) []byte {
	if !bytes.ContainsAny(name, `,'"{}`) {
		return name
	}
	return jsonQuote(name)
}

// jsonQuote is JavaScript's JSON.stringify of a string in WTF-8.
func jsonQuote(s []byte) []byte {
	q := []byte{'"'}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			q = append(q, '\\', c)
		case c < ' ':
			if i := bytes.IndexByte([]byte("\b\f\n\r\t"), c); i >= 0 {
				q = append(q, '\\', "bfnrt"[i])
			} else {
				q = fmt.Appendf(q, `\u%04x`, c)
			}
		case isSurrogate(s[i:]):
			q = fmt.Appendf(q, `\u%04x`, highStart|int(s[i+1]&0x1f)<<6|int(s[i+2]&0x3f))
			i += surrogateBytes - 1
		default:
			q = append(q, c)
		}
	}
	return append(q, '"')
}

// utf16Len returns how long a string in WTF-8 is in JavaScript.
func utf16Len(s []byte) int {
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
