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
	for f := range vals {
		if i >= end {
			return end, false
		}
		word := binary.LittleEndian.Uint64(b[i:]) ^ 0x3030303030303030
		// The top bit of each byte is set where there is no digit.
		n := bits.TrailingZeros64((word+0x7676767676767676|word)&0x8080808080808080) &^ 7
		if n == 0 || n == 64 && b[i+8]-'0' <= 9 {
			v, next, ok := slowNumber(b, i, end)
			if !ok {
				return next, false
			}
			vals[f], i = v, next
		} else {
			word <<= 64 - n
			word = word*10 + word>>8
			vals[f] = (word&0x000000ff000000ff*0x000f424000000064 + word>>16&0x000000ff000000ff*0x0000271000000001) >> 32
			i += n >> 3
		}
		if b[i] == ',' {
			i++
			continue
		}
		next, ok := comma(b, i, end)
		if !ok {
			return next, false
		}
		i = next
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
