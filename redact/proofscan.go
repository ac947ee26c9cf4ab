package redact

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

// scanner reads the JSON of a copy, byte by byte, for the proof.
type scanner struct {
	ctx      context.Context // as long as one proof
	r        io.Reader
	buf      []byte
	pos, end int
}

func newScanner(ctx context.Context, r io.Reader) *scanner {
	return &scanner{ctx: ctx, r: r, buf: make([]byte, windowBytes)}
}

// fill reads the next window.
func (s *scanner) fill() error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	n, err := io.ReadAtLeast(s.r, s.buf, 1)
	s.pos, s.end = 0, n
	if n == 0 && err != nil {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// next reads the next byte that is no white space.
func (s *scanner) next() (byte, error) {
	for {
		for s.pos < s.end {
			c := s.buf[s.pos]
			s.pos++
			if c > ' ' {
				return c, nil
			}
		}
		if err := s.fill(); err != nil {
			return 0, err
		}
	}
}

func (s *scanner) want(c byte) error {
	got, err := s.next()
	if err == nil && got != c {
		err = &ProofError{What: "it is not the JSON that was written"}
	}
	return err
}

// plain reads a key of plain words.
func (s *scanner) plain() (string, error) {
	if err := s.want('"'); err != nil {
		return "", err
	}
	var key []byte
	for {
		text, err := s.piece()
		if err != nil {
			return "", err
		}
		key = append(key, text...)
		if s.pos < s.end {
			break
		}
	}
	s.pos++
	for _, c := range key {
		if !isWord(c) && c != ' ' || len(key) > keyLength {
			return "", &ProofError{What: "there is a text in the name of a section"}
		}
	}
	return string(key), nil
}

// keyLength is how long a plain word may be.
const keyLength = 40

// piece reads up to a quote, a backslash or the end of the window.
func (s *scanner) piece() ([]byte, error) {
	if s.pos == s.end {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	rest := s.buf[s.pos:s.end]
	n := bytes.IndexByte(rest, '"')
	if n < 0 {
		n = len(rest)
	}
	if escape := bytes.IndexByte(rest[:n], '\\'); escape >= 0 {
		n = escape
	}
	s.pos += n
	return rest[:n], nil
}

// header reads the first section, in which all texts are plain words.
func (s *scanner) header() error {
	var raw []byte
	for depth := 0; ; {
		c, err := s.next()
		if err != nil {
			return err
		}
		raw = append(raw, c)
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			s.pos--
			word, err := s.plain()
			if err != nil {
				return err
			}
			raw = append(append(raw, word...), '"')
		}
		if depth == 0 {
			break
		}
	}
	if !json.Valid(raw) {
		return &ProofError{What: "its header is no JSON"}
	}
	return nil
}

// numbersOnly reads a section that has to be of nothing but numbers.
func (s *scanner) numbersOnly() error {
	depth := 0
	for {
		c, err := s.next()
		if err != nil {
			return err
		}
		switch {
		case c == '[':
			depth++
		case c == ']':
			depth--
		case c != ',' && c != '-' && (c < '0' || c > '9'):
			return &ProofError{What: "there is a text in a section of numbers"}
		}
		if depth == 0 {
			if c != ']' {
				return &ProofError{What: "a section is no list"}
			}
			return nil
		}
	}
}

// records reads a list of records of numbers.
func (s *scanner) records(fields int, each func(vals []uint64) error) error {
	if err := s.want('['); err != nil {
		return err
	}
	vals := make([]uint64, fields)
	field, value, digits := 0, uint64(0), false
	for {
		if s.pos == s.end {
			if err := s.fill(); err != nil {
				return err
			}
		}
		for i, c := range s.buf[s.pos:s.end] {
			if d := c - '0'; d <= 9 {
				value = value*10 + uint64(d)
				digits = true
				continue
			}
			switch {
			case c == ',' || c == ']':
				if digits {
					vals[field] = value
					value, digits = 0, false
					field++
				}
				if field == fields {
					field = 0
					if err := each(vals); err != nil {
						return err
					}
				}
				if c == ']' {
					s.pos += i + 1
					if field != 0 {
						return &ProofError{What: "a record is not whole"}
					}
					return nil
				}
			case c == '-' || c <= ' ':
			default:
				return &ProofError{What: "there is a text among the numbers"}
			}
		}
		s.pos = s.end
	}
}

// texts reads the list of strings.
func (s *scanner) texts(each func(text []byte) error) error {
	if err := s.want('['); err != nil {
		return err
	}
	c, err := s.next()
	if err != nil || c == ']' {
		return err
	}
	s.pos--
	var raw []byte
	for {
		if err := s.want('"'); err != nil {
			return err
		}
		raw = raw[:0]
		escapes := false
		for {
			text, err := s.piece()
			if err != nil {
				return err
			}
			raw = append(raw, text...)
			if s.pos == s.end {
				continue
			}
			s.pos++
			if s.buf[s.pos-1] == '"' {
				break
			}
			escapes = true
			if s.pos == s.end {
				if err := s.fill(); err != nil {
					return err
				}
			}
			raw = append(raw, '\\', s.buf[s.pos])
			s.pos++
		}
		text := raw
		if escapes {
			text = unescape(raw)
		}
		if err := each(text); err != nil {
			return err
		}
		switch c, err := s.next(); {
		case err != nil:
			return err
		case c == ']':
			return nil
		case c != ',':
			return &ProofError{What: "the strings are no list"}
		}
	}
}

// unescape returns what a JSON string stands for, a lone surrogate as the three bytes that
// it would have.
func unescape(raw []byte) []byte {
	var b strings.Builder
	high := rune(-1)
	flush := func() {
		if high >= 0 {
			b.Write([]byte{0xed, 0x80 | byte(high>>6&0x3f), 0x80 | byte(high&0x3f)})
			high = -1
		}
	}
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			flush()
			b.WriteByte(raw[i])
			continue
		}
		i++
		if raw[i] != 'u' {
			flush()
			at := strings.IndexByte("bfnrt", raw[i])
			if at >= 0 {
				b.WriteByte("\b\f\n\r\t"[at])
			} else {
				b.WriteByte(raw[i])
			}
			continue
		}

		value, _ := strconv.ParseUint(string(raw[i+1:i+5]), 16, 16) // the escapes are valid
		unit := rune(value)
		i += 4
		switch {
		case unit>>10 == 0xd800>>10:
			flush()
			high = unit
		case unit>>10 == 0xdc00>>10 && high >= 0:
			b.WriteRune(0x10000 + (high-0xd800)<<10 + unit - 0xdc00)
			high = -1
		case unit>>10 == 0xdc00>>10:
			high = unit
			flush()
		default:
			flush()
			b.WriteRune(unit)
		}
	}
	flush()
	return []byte(b.String())
}
