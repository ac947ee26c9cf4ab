package heap

import (
	"encoding/binary"
	"math/bits"
)

// record reads one record of len(vals) numbers of b, from i on: each followed by a
// comma, the very last of a section by the end. b must go on for padBytes behind end.
// It returns the place behind the record, or the place of what is wrong and false.
//
// Numbers are read eight digits at a time: a word is masked where its first byte that
// is no digit stands, and its digits are summed pairwise.
func record(b []byte, i, end int, vals []uint64) (int, bool) {
	f := 0
	if i+1 < end && b[i+1] == ',' && b[i]-'0' <= 9 { // nearly all types are one digit
		vals[0] = uint64(b[i] - '0')
		i, f = i+2, 1
	}
	for ; f < len(vals); f++ {
		if i >= end {
			return end, false
		}
		word := binary.LittleEndian.Uint64(b[i:]) ^ 0x3030303030303030
		// The top bit of each byte is set where there is no digit.
		n := bits.TrailingZeros64((word+0x7676767676767676|word)&0x8080808080808080) &^ 7
		next := i + n>>3
		if n == 0 || b[next] != ',' { // not often: white space, more than eight digits, the end
			var ok bool
			if vals[f], next, ok = slowNumber(b, i, end); !ok {
				return next, false
			}
			if i, ok = comma(b, next, end); !ok {
				return i, false
			}
			continue
		}
		word <<= (64 - n) & 63
		word = word*10 + word>>8
		vals[f] = (word&0x000000ff000000ff*0x000f424000000064 + word>>16&0x000000ff000000ff*0x0000271000000001) >> 32
		i = next + 1
	}
	return i, true
}

// comma reads white space and the comma behind a number. The last number of a section
// ends with it.
func comma(b []byte, i, end int) (int, bool) {
	for i < end && isSpace(b[i]) {
		i++
	}
	if i >= end {
		return end, true
	}
	if b[i] != ',' {
		return i, false
	}
	return i + 1, true
}

// slowNumber reads a number that has white space before it, or more than eight digits.
func slowNumber(b []byte, i, end int) (v uint64, next int, ok bool) {
	for i < end && isSpace(b[i]) {
		i++
	}
	start := i
	for ; i < end && b[i]-'0' <= 9; i++ {
		hi, lo := bits.Mul64(v, 10)
		sum, carry := bits.Add64(lo, uint64(b[i]-'0'), 0)
		if hi != 0 || carry != 0 {
			return 0, start, false
		}
		v = sum
	}
	return v, i, i > start
}
