package capture

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"
)

// maxDepth bounds the nesting within a section. The deepest of a snapshot,
// trace_tree, has two levels for each frame of a stack, of which V8 records 64.
// Together with the outermost object it is the bound of encoding/json.
const maxDepth = 9_999

// state is where a scanner is in the grammar of JSON (RFC 8259). The names say
// what has been read, or what may come.
type state uint8

const (
	wantValue state = iota
	wantValueOrClose
	wantKey
	wantKeyOrClose
	wantColon
	wantCommaOrClose
	inString
	inEscape
	inHex   // of a \uXXXX
	inMinus // only the sign so far
	inZero  // a leading zero, after which no digit may come
	inInt
	inPoint // the point so far
	inFraction
	inE // the e so far
	inESign
	inExponent
	inLiteral
	finished
)

// kind is the type of an element of a list.
type kind uint8

const (
	anything kind = iota
	number
	text
)

// scanner checks one JSON value that comes in pieces. It counts the elements of
// the value if it is an array.
type scanner struct {
	only  kind  // what the array's elements must be
	count int64 // elements of the array so far

	state   state
	key     bool   // the string being read is a member's name
	hex     int    // digits of the escape still to come
	literal string // rest of the literal still to come
	stack   []byte // open brackets
}

// scan takes bytes of p up to the end of the value and returns how many. Its state
// is then finished. The error says what was
// expected at p[n].
func (s *scanner) scan(p []byte) (n int, err error) {
	for n < len(p) && s.state != finished {
		switch s.state {
		case inString:
			n += plainRun(p[n:])
		case inInt, inZero:
			if s.only == number && len(s.stack) == 1 {
				run := 0
				run, s.state, s.count = integers(p[n:], s.state, s.count)
				n += run
			}
		}
		if n == len(p) {
			break
		}
		taken, err := s.next(p[n])
		if err != nil {
			return n, err
		}
		if taken {
			n++
		}
	}
	return n, nil
}

// next moves on by c. It does not take c when c ends a number that stands alone.
func (s *scanner) next(c byte) (taken bool, err error) {
	switch s.state {
	case inString, inEscape, inHex:
		return true, s.nextOfString(c)
	case inMinus, inZero, inInt, inPoint, inFraction, inE, inESign, inExponent:
		return s.nextOfNumber(c)
	case inLiteral:
		if c != s.literal[0] {
			return false, wantError(strconv.Quote(s.literal))
		}
		if s.literal = s.literal[1:]; s.literal == "" {
			s.ended()
		}
		return true, nil
	}
	if c == ' ' || c == '\n' || c == '\r' || c == '\t' {
		return true, nil
	}
	return true, s.nextOfStructure(c)
}

// want says in words what may come in a state of the structure.
var want = map[state]string{
	wantValue: "a value", wantValueOrClose: "a value or ]",
	wantKey: "a name", wantKeyOrClose: "a name or }", wantColon: "a colon", wantCommaOrClose: "a comma or the closing bracket",
}

// wantError is an error that says what was expected.
type wantError string

func (e wantError) Error() string { return string(e) }

// nextOfStructure moves on by a c that is no white space.
func (s *scanner) nextOfStructure(c byte) error {
	open := byte(0)
	if len(s.stack) > 0 {
		open = s.stack[len(s.stack)-1]
	}
	switch {
	case s.state == wantCommaOrClose && c == ',' && open == '[':
		s.state = wantValue
	case s.state == wantCommaOrClose && c == ',':
		s.state = wantKey
	case c == ']' && open == '[' && (s.state == wantCommaOrClose || s.state == wantValueOrClose),
		c == '}' && open == '{' && (s.state == wantCommaOrClose || s.state == wantKeyOrClose):
		s.stack = s.stack[:len(s.stack)-1]
		s.ended()
	case s.state == wantColon && c == ':':
		s.state = wantValue
	case (s.state == wantKey || s.state == wantKeyOrClose) && c == '"':
		s.state, s.key = inString, true
	case s.state == wantValue || s.state == wantValueOrClose:
		return s.begin(c)
	default:
		return wantError(want[s.state])
	}
	return nil
}

// begin starts the value that c is the first byte of.
func (s *scanner) begin(c byte) error {
	element := len(s.stack) == 1 && s.stack[0] == '['
	isNumber := c == '-' || '0' <= c && c <= '9'
	switch {
	case element && s.only == number && !isNumber:
		return wantError("a number")
	case element && s.only == text && c != '"':
		return wantError("a string")
	case element:
		s.count++
	}
	switch {
	case c == '{' || c == '[':
		if len(s.stack) == maxDepth {
			return wantError(fmt.Sprintf("at most %d levels", maxDepth))
		}
		s.stack = append(s.stack, c)
		s.state = wantKeyOrClose
		if c == '[' {
			s.state = wantValueOrClose
		}
	case c == '"':
		s.state, s.key = inString, false
	case c == '-':
		s.state = inMinus
	case c == '0':
		s.state = inZero
	case isNumber:
		s.state = inInt
	case c == 't':
		s.state, s.literal = inLiteral, "rue"
	case c == 'f':
		s.state, s.literal = inLiteral, "alse"
	case c == 'n':
		s.state, s.literal = inLiteral, "ull"
	default:
		return wantError(want[s.state])
	}
	return nil
}

// ended is called when a value has ended.
func (s *scanner) ended() {
	s.state = wantCommaOrClose
	if len(s.stack) == 0 {
		s.state = finished
	}
}

// nextOfString moves on by a byte within a string.
func (s *scanner) nextOfString(c byte) error {
	switch s.state {
	case inEscape:
		switch c {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			s.state = inString
		case 'u':
			s.state, s.hex = inHex, 4
		default:
			return wantError("an escape")
		}
	case inHex:
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return wantError("a hexadecimal digit")
		}
		if s.hex--; s.hex == 0 {
			s.state = inString
		}
	default:
		switch {
		case c == '\\':
			s.state = inEscape
		case c == '"' && s.key:
			s.state = wantColon
		case c == '"':
			s.ended()
		case c < ' ':
			return wantError("no control character in a string")
		}
	}
	return nil
}

// nextOfNumber moves on by a byte within or after a number.
func (s *scanner) nextOfNumber(c byte) (taken bool, err error) {
	digit := '0' <= c && c <= '9'
	switch st := s.state; {
	case st == inMinus && c == '0':
		s.state = inZero
	case (st == inMinus || st == inInt) && digit:
		s.state = inInt
	case (st == inPoint || st == inFraction) && digit:
		s.state = inFraction
	case (st == inE || st == inESign || st == inExponent) && digit:
		s.state = inExponent
	case (st == inInt || st == inZero) && c == '.':
		s.state = inPoint
	case (st == inInt || st == inZero || st == inFraction) && (c == 'e' || c == 'E'):
		s.state = inE
	case st == inE && (c == '+' || c == '-'):
		s.state = inESign
	case st == inInt || st == inZero || st == inFraction || st == inExponent:
		s.ended()
		return false, nil
	default:
		return false, wantError("a digit")
	}
	return true, nil
}

// integers runs through a list such as "12,0,345\n,7", which is nearly all of a
// snapshot, from within a number (st is inInt or inZero). It stops wherever
// something else comes, still within a number, and returns how far it got.
func integers(p []byte, st state, count int64) (int, state, int64) {
	i := 0
	for {
		if st == inInt {
			for i < len(p) && p[i]-'0' <= 9 {
				i++
			}
		}
		j := i
		if j < len(p) && p[j] == '\n' {
			j++
		}
		if j+1 >= len(p) || p[j] != ',' {
			return i, st, count
		}
		switch c := p[j+1]; {
		case c == '0':
			st = inZero
		case c-'1' <= 8:
			st = inInt
		default:
			return i, st, count
		}
		count++
		i = j + 2
	}
}

// plainRun returns how many bytes at the start of p stand for themselves in a
// JSON string: no quotation mark, backslash or control character. It looks at
// eight at a time ("Determine if a word has a byte less than n" in Sean
// Anderson's Bit Twiddling Hacks).
func plainRun(p []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	n := 0
	for ; n+8 <= len(p); n += 8 {
		x := binary.LittleEndian.Uint64(p[n:])
		quote := x ^ ones*'"'
		slash := x ^ ones*'\\'
		m := ((x-ones*' ')&^x | (quote-ones)&^quote | (slash-ones)&^slash) & highs
		if m != 0 {
			return n + bits.TrailingZeros64(m)/8
		}
	}
	for n < len(p) && p[n] != '"' && p[n] != '\\' && p[n] >= ' ' {
		n++
	}
	return n
}
