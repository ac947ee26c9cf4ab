package redact

import (
	"io"
)

// array is a section of numbers that is being read, and copied as it is.
type array struct {
	name   string
	fields int // numbers of a record
	// signed is true where a number may be negative; it comes with the bit minus.
	signed bool
	out    io.Writer
	// each gets a record and the place in the input where its numbers start. Both are
	// reused.
	each func(vals []uint64, at []int64) error
}

// numbers reads an array of records of numbers. It returns how many there are.
func (in *input) numbers(a array) (records uint64, err error) {
	if err := in.expect('['); err != nil {
		return 0, err
	}
	if err := write(a.out, []byte{'['}); err != nil {
		return 0, err
	}
	r := recordReader{array: a, vals: make([]uint64, a.fields), at: make([]int64, a.fields)}
	for {
		ok, err := in.more()
		if err != nil {
			return r.records, err
		}
		if !ok {
			return r.records, in.want("the end of the " + a.name)
		}
		start := in.pos
		done := false
		for in.pos < in.end && !done && err == nil {
			if r.atStart() {
				err = r.fast(in)
			}
			if err == nil {
				done, err = r.read(in)
			}
		}
		if err == nil {
			err = write(a.out, in.buf[start:in.pos])
		}
		if done || err != nil {
			return r.records, err
		}
	}
}

// recordReader is numbers at work.
type recordReader struct {
	array
	vals    []uint64
	at      []int64
	field   int    // of the number that is read next, or is being read
	value   uint64 // of the digits so far
	digits  int
	ended   bool // white space stands behind the number
	begun   bool // there is a number or a comma
	records uint64
}

// minus is set in negative numbers. From Node.js 24 on V8 writes indexes of 2^31 and more as
// negative numbers of 32 bits; DevTools reads over the sign.
const minus = 1 << 63

// maxDigits are more than those of the largest number that V8 writes, and fit 63 bits.
const maxDigits = 18

// atStart says whether the next number is the first of a record.
func (r *recordReader) atStart() bool {
	return r.field == 0 && r.digits == 0 && r.value == 0 && !r.ended
}

// maxWidth is the most bytes of a number that fast reads, and of what is around it.
const maxWidth = maxDigits + 3

// fast reads records that look as V8 writes them: digits and commas, and at most a line
// end between two records. It stops in front of any other record, and near the end of the window.
func (r *recordReader) fast(in *input) error {
	buf := in.buf[:in.end]
	for i := in.pos; i < len(buf)-len(r.vals)*maxWidth; {
		for f := range r.vals {
			start := i
			v := uint64(0)
			for ; buf[i]-'0' <= 9; i++ {
				v = v*10 + uint64(buf[i]-'0')
			}
			if n := i - start; n == 0 || n > maxDigits {
				return nil
			}
			if f == len(r.vals)-1 && buf[i] == '\n' {
				i++
			}
			if buf[i] != ',' {
				return nil
			}
			i++
			r.vals[f], r.at[f] = v, in.base+int64(start)
		}
		in.pos = i
		r.begun = true
		r.records++
		if r.each != nil {
			if err := r.each(r.vals, r.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// read reads up to the end of a record or of the window, number by number. It returns true
// behind the closing bracket.
func (r *recordReader) read(in *input) (done bool, err error) {
	for ; in.pos < in.end; in.pos++ {
		c := in.buf[in.pos]
		switch {
		case c-'0' <= 9:
			if r.digits == 0 {
				r.at[r.field] = in.offset()
			}
			if r.ended || r.digits == maxDigits {
				return false, in.want(`"," or "]"`)
			}
			r.value = r.value&minus | (r.value&^minus*10 + uint64(c-'0'))
			r.digits++
		case c == ',' || c == ']' && (r.begun || r.digits > 0):
			if err := r.end(in); err != nil {
				return false, err
			}
			if c == ']' {
				if r.field != 0 {
					return false, in.want("a whole record of " + r.name)
				}
				in.pos++
				return true, nil
			}
			r.begun = true
			if r.field == 0 {
				in.pos++
				return false, nil
			}
		case c == ']':
			in.pos++
			return true, nil
		case isSpace(c):
			r.ended = r.digits > 0
		case c == '-' && r.signed && r.digits == 0 && r.value == 0:
			r.value = minus
		default:
			return false, in.want("a number or the end of the " + r.name)
		}
	}
	return false, nil
}

// end ends a number, and the record if it is the last one.
func (r *recordReader) end(in *input) error {
	if r.digits == 0 {
		return in.want("a number")
	}
	r.vals[r.field] = r.value
	r.value, r.digits, r.ended = 0, 0, false
	if r.field++; r.field < len(r.vals) {
		return nil
	}
	r.field = 0
	r.records++
	if r.each == nil {
		return nil
	}
	return r.each(r.vals, r.at)
}

// plainArray copies an array of nothing but numbers and more such arrays. It returns
// false at the first byte of something else, and how deep in brackets that is.
func (in *input) plainArray(out io.Writer) (ok bool, depth int, err error) {
	if c, err := in.peek(); err != nil || c != '[' {
		return false, 0, err
	}
	for {
		ok, err := in.more()
		if err != nil {
			return false, depth, err
		}
		if !ok {
			return false, depth, in.want("a closing bracket")
		}
		start := in.pos
		foreign := false
		for ; in.pos < in.end && !foreign; in.pos++ {
			switch c := in.buf[in.pos]; {
			case c == '[':
				depth++
			case c == ']':
				depth--
			case c-'0' <= 9 || c == ',' || c == '-' || isSpace(c):
			default:
				foreign = true
				in.pos-- // and back by the loop
			}
			if depth == 0 {
				in.pos++
				return true, 0, write(out, in.buf[start:in.pos])
			}
		}
		if foreign {
			return false, depth, nil
		}
		if err := write(out, in.buf[start:in.pos]); err != nil {
			return false, depth, err
		}
	}
}

func write(w io.Writer, b []byte) error {
	if w == nil {
		return nil
	}
	_, err := w.Write(b)
	return err
}
