package cdp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
)

// The events of a snapshot.
const (
	chunkMethod    = "HeapProfiler.addHeapSnapshotChunk"
	progressMethod = "HeapProfiler.reportHeapSnapshotProgress"
)

// What these events begin with, as V8 writes them (all of Node.js 14 to 26). A
// message with its fields in another order is still understood, through the
// ordinary JSON decoder.
var (
	chunkName    = []byte(`{"method":"` + chunkMethod + `"`)
	progressName = []byte(`{"method":"` + progressMethod + `"`)
	chunkHead    = []byte(`{"method":"` + chunkMethod + `","params":{"chunk":"`)
)

// isShotEvent reports whether msg is an event that belongs to a snapshot.
func isShotEvent(msg []byte) bool {
	return bytes.HasPrefix(msg, chunkName) || bytes.HasPrefix(msg, progressName)
}

// chunk returns the text of an addHeapSnapshotChunk event. It decodes within
// msg, so msg is spoilt and the text is valid only as long as msg is. ok is
// false, and msg untouched, if msg is something else.
func chunk(msg []byte) (text []byte, ok bool, err error) {
	if !bytes.HasPrefix(msg, chunkHead) {
		return nil, false, nil
	}
	text, rest, err := unescape(msg[len(chunkHead):])
	if err != nil {
		return nil, false, err
	}
	// Fields that V8 does not send today are fine, broken JSON is not.
	if string(rest) != `}}` && !jsonv2.Value(`{"method":"","params":{"chunk":""`+string(rest)).IsValid() {
		return nil, false, errTail
	}
	return text, true, nil
}

// Why a message is not JSON.
var (
	errTail    = errors.New("malformed JSON after the chunk")
	errEnd     = errors.New("JSON string without an end")
	errControl = errors.New("control character inside a JSON string")
	errEscape  = errors.New("invalid escape in a JSON string")
)

// unescape decodes a JSON string, whose opening quotation mark is already
// taken off, in place. It returns the decoded bytes and what follows the closing
// quotation mark. The result is never longer than its source, so one pass from
// left to right is enough.
//
// It differs from encoding/json in what cannot be decoded: a lone surrogate
// keeps its escape \udXXX (the text is itself JSON, where that escape means the
// same), and bytes that are not UTF-8 stay as they are.
func unescape(b []byte) (text, rest []byte, err error) {
	r, w := 0, 0 // w <= r
	for {
		n := plain(b, r, w)
		r, w = r+n, w+n
		switch {
		case r == len(b):
			return nil, nil, errEnd
		case b[r] == '"':
			return b[:w], b[r+1:], nil
		case b[r] < ' ':
			return nil, nil, fmt.Errorf("%w at byte %d", errControl, r)
		}
		read, wrote := escape(b, r, w)
		if read == 0 {
			return nil, nil, fmt.Errorf("%w at byte %d", errEscape, r)
		}
		r, w = r+read, w+wrote
	}
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// special returns a word whose lowest set bit is in the first byte of x (the
// lowest, as read in little endian) that is a quotation mark, a backslash or a
// control character; 0 if there is none. See "Determine if a word has a byte
// less than n" in Sean Anderson's Bit Twiddling Hacks: borrows make higher bits
// unreliable, the lowest one is exact.
func special(x uint64) uint64 {
	quote := x ^ ones*'"'
	slash := x ^ ones*'\\'
	return ((x-ones*' ')&^x | (quote-ones)&^quote | (slash-ones)&^slash) & highs
}

// plain copies bytes that stand for themselves from b[r:] down to b[w:], eight
// at a time, and returns how many there were.
func plain(b []byte, r, w int) int {
	start := r
	for r+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[r:])
		m := special(x)
		if m != 0 {
			n := bits.TrailingZeros64(m) / 8
			copyDown(b, r, w, n)
			return r + n - start
		}
		// The eight bytes at w end at or before r+8: nothing unread is lost.
		binary.LittleEndian.PutUint64(b[w:], x)
		r, w = r+8, w+8
	}
	for r < len(b) && b[r] != '"' && b[r] != '\\' && b[r] >= ' ' {
		b[w] = b[r]
		r, w = r+1, w+1
	}
	return r - start
}

// copyDown moves the n < 8 bytes at r to w. A loop is faster than copy here.
func copyDown(b []byte, r, w, n int) {
	for i := range n {
		b[w+i] = b[r+i]
	}
}

// simple maps the letter of a two-byte escape to what it means; 0 is none.
var simple = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape decodes the escape at b[r:] to b[w:] and returns the lengths of both;
// 0, 0 if it is invalid.
func escape(b []byte, r, w int) (read, wrote int) {
	if r+1 >= len(b) {
		return 0, 0
	}
	if c := simple[b[r+1]]; c != 0 {
		b[w] = c
		return 2, 1
	}
	u, ok := unicodeEscape(b[r:])
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(u) {
		return 6, utf8.EncodeRune(b[w:r+6], u)
	}
	if low, ok := unicodeEscape(b[r+6:]); ok {
		if full := utf16.DecodeRune(u, low); full != utf8.RuneError {
			return 12, utf8.EncodeRune(b[w:r+12], full)
		}
	}
	copy(b[w:], b[r:r+6])
	return 6, 6
}

// unicodeEscape returns the code unit of the \uXXXX that b begins with.
func unicodeEscape(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var u rune
	for _, c := range b[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		u = u<<4 | rune(c)
	}
	return u, true
}
