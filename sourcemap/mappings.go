package sourcemap

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// segment maps what starts at a column of a generated line.
type segment struct {
	column         int32 // generated, from 0
	source         int32 // index, or none
	line           int32 // original, from 0
	originalColumn int32 // from 0
	name           int32 // index, or none
}

// none is the index of a source or a name that a segment does not have.
const none = -1

// maxLines bounds the generated lines of a map, which a few bytes can claim to be
// millions. The biggest bundles have a million.
const maxLines = 1 << 24

// maxSegments bounds what a map takes in memory, to 320 MB. A bundle of 20 MB has some 5
// million segments.
const maxSegments = 1 << 24

// mappings are the segments of all generated lines, one line behind the other.
//
// They are read here and not by github.com/go-sourcemap/sourcemap, which the tests
// compare with: that one takes the end of an earlier line for a place that no segment of
// its own line covers, gives code without a source that of its neighbour, does not heed
// the columns of sections, and panics on indexes below zero.
type mappings struct {
	// ends has the end of each line's segments. Lines behind the last one have none.
	ends     []uint32
	segments []segment
}

// find returns the segment that covers a place of the generated code: the last one of
// the line that starts at the column or before. A segment never reaches into the next
// line.
func (m *mappings) find(line, column int) (segment, bool) {
	if line < 0 || line >= len(m.ends) {
		return segment{}, false
	}
	start := uint32(0)
	if line > 0 {
		start = m.ends[line-1]
	}
	row := m.segments[start:m.ends[line]]
	i, exact := slices.BinarySearchFunc(row, column, func(s segment, column int) int { return cmp.Compare(int(s.column), column) })
	if !exact { // the first of several at one column counts there, the last one behind it
		i--
	}
	if i < 0 {
		return segment{}, false
	}
	return row[i], true
}

// position is a place of the generated code.
type position struct{ line, column int64 } // both from 0

func (p position) less(q position) bool {
	return p.line < q.line || p.line == q.line && p.column < q.column
}

// decoder reads the mappings of one section, in the notation of ECMA-426.
type decoder struct {
	text           string
	offset         position // of the section
	until          position // where the next one starts
	sources, names int      // how many there are
	// firstSource and firstName are the indexes that the section's own ones start at.
	firstSource, firstName int32

	pos    int
	values [5]int64 // as in the text: column, source, line, column, name
	out    *mappings
}

// endless is behind all places.
var endless = position{line: math.MaxInt64}

// decode appends the section.
func (d *decoder) decode() error {
	if n := strings.Count(d.text, ",") + strings.Count(d.text, ";") + 1; n < maxSegments {
		d.out.segments = slices.Grow(d.out.segments, n)
	}
	for line := int64(0); ; line++ {
		at := position{line: d.offset.line + line}
		if at.line >= maxLines {
			return fmt.Errorf("reading mappings: more than %d lines", maxLines)
		}
		if line == 0 {
			at.column = d.offset.column
		} else if !at.less(d.until) {
			return nil
		}
		d.values[0] = 0
		d.out.reach(int(at.line))
		more, err := d.row(at)
		if err != nil {
			return fmt.Errorf("reading mappings: line %d: %w", at.line+1, err)
		}
		d.out.sortLast()
		if !more {
			return nil
		}
	}
}

// reach has the given line be the last one.
func (m *mappings) reach(line int) {
	for len(m.ends) <= line {
		m.ends = append(m.ends, uint32(len(m.segments)))
	}
}

// sortLast sorts the segments of the last line by column. Nearly always they are.
func (m *mappings) sortLast() {
	start := uint32(0)
	if n := len(m.ends); n > 1 {
		start = m.ends[n-2]
	}
	byColumn := func(a, b segment) int { return cmp.Compare(a.column, b.column) }
	if row := m.segments[start:]; !slices.IsSortedFunc(row, byColumn) {
		slices.SortStableFunc(row, byColumn)
	}
	m.ends[len(m.ends)-1] = uint32(len(m.segments))
}

// row reads the segments of a line, which starts at the given place. It returns false
// behind the last line.
func (d *decoder) row(start position) (more bool, err error) {
	for d.pos < len(d.text) {
		switch d.text[d.pos] {
		case ';':
			d.pos++
			return true, nil
		case ',':
			d.pos++
		default:
			s, err := d.segment()
			if err != nil {
				return false, err
			}
			column := start.column + int64(s.column)
			if column > math.MaxInt32 {
				return false, errors.New("a column that is too big")
			}
			s.column = int32(column)
			if len(d.out.segments) == maxSegments {
				return false, fmt.Errorf("more than %d segments", maxSegments)
			}
			if (position{start.line, column}).less(d.until) {
				d.out.segments = append(d.out.segments, s)
			}
		}
	}
	return false, nil
}

// segment reads one segment: one, four or five numbers, each but for the column of a
// line relative to the one before.
func (d *decoder) segment() (segment, error) {
	n := 0
	for ; d.pos < len(d.text) && d.text[d.pos] != ',' && d.text[d.pos] != ';'; n++ {
		v, err := d.number()
		if err != nil {
			return segment{}, err
		}
		if n == len(d.values) {
			return segment{}, errors.New("a segment of more than five numbers")
		}
		if d.values[n] += v; d.values[n] < 0 || d.values[n] > math.MaxInt32 {
			return segment{}, fmt.Errorf("the value %d in a segment", d.values[n])
		}
	}
	s := segment{column: int32(d.values[0]), source: none, name: none}
	if n == 1 {
		return s, nil
	}
	if n < 4 {
		return s, fmt.Errorf("a segment of %d numbers", n)
	}
	if d.values[1] >= int64(d.sources) {
		return s, fmt.Errorf("source %d of %d", d.values[1], d.sources)
	}
	s.source = d.firstSource + int32(d.values[1])
	s.line, s.originalColumn = int32(d.values[2]), int32(d.values[3])
	if n == 5 {
		if d.values[4] >= int64(d.names) {
			return s, fmt.Errorf("name %d of %d", d.values[4], d.names)
		}
		s.name = d.firstName + int32(d.values[4])
	}
	return s, nil
}

const (
	digitBits = 5 // of a base64 digit; the sixth says whether another one follows
	// maxShift is where a number has more than 32 bits with its sign.
	maxShift = 30
)

// number reads a VLQ: a signed number in base64, lowest digits first.
func (d *decoder) number() (int64, error) {
	v := int64(0)
	for shift := 0; ; shift += digitBits {
		if d.pos == len(d.text) || d.text[d.pos] == ',' || d.text[d.pos] == ';' {
			return 0, errors.New("a number without an end")
		}
		digit := base64Digit(d.text[d.pos])
		if digit < 0 {
			return 0, fmt.Errorf("the byte %#02x in place of a base64 digit", d.text[d.pos])
		}
		if shift > maxShift {
			return 0, errors.New("a number of more than 32 bits")
		}
		d.pos++
		v |= (digit & (1<<digitBits - 1)) << shift
		if digit>>digitBits == 0 {
			break
		}
	}
	if v&1 != 0 {
		return -(v >> 1), nil
	}
	return v >> 1, nil
}

// base64Digit returns the value of a digit, or -1.
func base64Digit(c byte) int64 {
	switch {
	case c >= 'A' && c <= 'Z':
		return int64(c - 'A')
	case c >= 'a' && c <= 'z':
		return int64(c-'a') + 26
	case c >= '0' && c <= '9':
		return int64(c-'0') + 52
	case c == '+':
		return 62
	case c == '/':
		return 63
	}
	return -1
}
