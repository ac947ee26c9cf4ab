package redact

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/maphash"
	"strconv"
	"unicode/utf8"
)

const (
	// uniqueLength is from where on a pseudonym has enough letters (62^11 > 2^64) that
	// no two of millions are the same. Shorter ones are compared.
	uniqueLength = 11
	// hashedLength is how many characters of a pseudonym come from the hash, 62^22 >
	// 2^128; the rest is filler, which compresses well.
	hashedLength = 22
	filler       = 'x'
	// perWord is how many digits of base 62 a word of 64 bits gives.
	perWord = 10
	// maxTries is how often a short pseudonym is taken from letters or digits. When
	// nearly all of those are taken, there are the characters of the CJK block.
	maxTries           = 1 << 6
	wideStart, wideEnd = 0x4e00, 0xa000
	// longNumber is how long a number is that is an identifier of somebody rather than
	// one of the numbers that occur everywhere, such as the length of a string.
	longNumber = 8
)

const (
	decimals = "0123456789"
	letters  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	alphabet = letters + decimals
)

// pseudonyms gives texts others of the same length: the same one each time, and no two
// texts the same.
type pseudonyms struct {
	key  []byte
	text []byte // the key and a text, reused
	seed maphash.Seed
	// words and texts are those of the original that a short pseudonym must not be.
	words, texts *filter
	// owners has the short pseudonyms that are taken, and whose they are.
	owners map[uint64]uint64
	room   []byte // a pseudonym, reused
}

// newPseudonyms expects texts of so many bytes in all.
func newPseudonyms(key []byte, textBytes, texts uint64) *pseudonyms {
	return &pseudonyms{
		key: append([]byte(nil), key...), seed: maphash.MakeSeed(), owners: map[uint64]uint64{},
		words: newFilter(textBytes / bytesPerWord), texts: newFilter(texts),
	}
}

// bytesPerWord is how long a word is at the least, on average.
const bytesPerWord = 6

// expect makes room for so many short pseudonyms.
func (p *pseudonyms) expect(short int) { p.owners = make(map[uint64]uint64, short) }

// sum is a short stand-in for a text in sets of this run.
func (p *pseudonyms) sum(s []byte) uint64 { return maphash.Bytes(p.seed, s) | 1 }

// reserve keeps a text and the words in it from becoming pseudonyms.
func (p *pseudonyms) reserve(s []byte) {
	if len(s) < uniqueLength*utf8.UTFMax {
		p.texts.add(wordSum(s))
	}
	for start, i := 0, 0; i <= len(s); i++ {
		if i < len(s) && isWordByte(s[i]) {
			continue
		}
		if n := i - start; n > keptLength && n < uniqueLength*utf8.UTFMax {
			p.words.add(wordSum(s[start:i]))
		}
		start = i + 1
	}
}

// isWordByte says whether a byte of WTF-8 belongs to a word: letters, digits, and all
// that is not ASCII.
func isWordByte(c byte) bool {
	return c-'0' <= 9 || c|0x20-'a' < 26 || c == '_' || c == '$' || c >= utf8.RuneSelf
}

// wordSum is a hash of a word.
func wordSum(s []byte) uint64 {
	h := uint64(len(s))
	for _, c := range s {
		h = (h ^ uint64(c)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h * 0xff51afd7ed558ccd
}

// of returns the pseudonym of a text of n characters, n > 0; it is reused. Numbers become
// numbers, as DevTools reads some: the lengths of strings that V8 has cut. All others are
// letters and digits of ASCII, or none of it.
func (p *pseudonyms) of(s []byte, n int) []byte {
	isNumber := s[0] != '0' && isDigits(s)
	if n >= uniqueLength {
		p.room = p.candidate(p.room[:0], s, n, 0, isNumber)
		return p.room
	}
	owner := p.sum(s)
	for try := uint64(0); ; try++ {
		p.room = p.candidate(p.room[:0], s, n, try, isNumber)
		candidate := p.room
		sum := wordSum(candidate)
		if p.texts.has(sum) || (!isNumber || n >= longNumber) && p.words.has(sum) {
			continue
		}
		holder, ok := p.owners[sum]
		if !ok {
			p.owners[sum] = owner
		}
		if !ok || holder == owner {
			return candidate
		}
	}
}

func isDigits(s []byte) bool {
	for _, c := range s {
		if c-'0' > 9 {
			return false
		}
	}
	return true
}

// candidate appends the nth text that a hash of s makes. What is shown of the hash does
// not allow to go on from it.
func (p *pseudonyms) candidate(b []byte, s []byte, n int, try uint64, isNumber bool) []byte {
	p.text = append(binary.LittleEndian.AppendUint64(append(p.text[:0], p.key...), try), s...)
	sum := sha256.Sum256(p.text)
	words := [...]uint64{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:]), binary.LittleEndian.Uint64(sum[16:])}
	next := func(i int, base uint64) uint64 {
		w := &words[i/perWord]
		digit := *w % base
		*w /= base
		return digit
	}
	for i := range min(n, hashedLength) {
		switch {
		case try >= maxTries:
			b = utf8.AppendRune(b, wideStart+rune(next(i%(len(words)*4), wideEnd-wideStart)))
		case isNumber && i == 0:
			b = append(b, decimals[1+next(i, 9)])
		case isNumber:
			b = append(b, decimals[next(i, 10)])
		case i == 0:
			b = append(b, letters[next(i, uint64(len(letters)))])
		default:
			b = append(b, alphabet[next(i, uint64(len(alphabet)))])
		}
	}
	for i := hashedLength; i < n; i++ {
		b = append(b, filler)
	}
	return b
}

// key returns the pseudonym of a number, of the same length.
func (p *pseudonyms) number(n uint64) []byte {
	s := strconv.AppendUint([]byte("key "), n&^minus, 10)
	return p.candidate(nil, s, len(s)-len("key "), 0, true)
}

// filter is a set that may say of one in thousands that it is in it though it is not
// (Bloom, in blocks of a cache line).
type filter struct{ blocks [][filterWords]uint64 }

const (
	filterWords   = 8         // 64 bytes
	filterPer     = 16        // members a block: 32 bits each
	filterBits    = 4         // of a member
	maxFilterSize = 1<<22 - 1 // blocks, 256 MB
)

func newFilter(members uint64) *filter {
	return &filter{blocks: make([][filterWords]uint64, 1+min(members/filterPer, maxFilterSize))}
}

func (f *filter) block(h uint64) *[filterWords]uint64 {
	return &f.blocks[(h>>32)*uint64(len(f.blocks))>>32]
}

func (f *filter) add(h uint64) {
	b := f.block(h)
	for i := 0; i < filterBits; i++ {
		b[h&7] |= 1 << (h >> 3 & 63)
		h = h*0x2545f4914f6cdd1d + 0x9e3779b97f4a7c15
		h ^= h >> 31
	}
}

func (f *filter) has(h uint64) bool {
	b := f.block(h)
	for i := 0; i < filterBits; i++ {
		if b[h&7]>>(h>>3&63)&1 == 0 {
			return false
		}
		h = h*0x2545f4914f6cdd1d + 0x9e3779b97f4a7c15
		h ^= h >> 31
	}
	return true
}
