package redact

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/maphash"
	"strings"
)

const (
	// uniqueLength is from where on a pseudonym has enough letters (62^11 > 2^64) that
	// no two of millions are the same. Shorter ones are compared.
	uniqueLength = 11
	// hashedLength is how many characters of a pseudonym come from the hash, 62^22 >
	// 2^128; the rest is filler, which compresses well.
	hashedLength = 22
	filler       = "x"
	// maxTries is how often a short pseudonym is taken from letters or digits. When
	// nearly all of those are taken, there are the characters of the CJK block.
	maxTries           = 1 << 6
	wideStart, wideEnd = 0x4e00, 0xa000
)

const (
	decimals = "0123456789"
	letters  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	alphabet = letters + decimals
)

// pseudonyms gives texts others of the same length: the same one each time, and no two
// texts the same.
type pseudonyms struct {
	mac  hash.Hash
	seed maphash.Seed
	// taken has the short texts that are in the copy already or were in the original,
	// and whose pseudonyms they are: 0 for nobody's.
	taken map[uint64]uint64
}

func newPseudonyms(key []byte) *pseudonyms {
	return &pseudonyms{mac: hmac.New(sha256.New, key), seed: maphash.MakeSeed(), taken: map[uint64]uint64{}}
}

// sum is a short stand-in for a text in sets of this run.
func (p *pseudonyms) sum(s string) uint64 { return maphash.String(p.seed, s) | 1 }

// reserve keeps a text from becoming a pseudonym.
func (p *pseudonyms) reserve(s string) {
	if len(s) < uniqueLength {
		p.taken[p.sum(s)] = 0
	}
}

// of returns the pseudonym of a text of n characters, n > 0. Numbers become numbers, as
// DevTools reads some: the lengths of strings that V8 has cut.
func (p *pseudonyms) of(s string, n int) string {
	isNumber := s[0] != '0' && strings.Trim(s, decimals) == ""
	owner := p.sum(s)
	for try := uint64(0); ; try++ {
		candidate := p.candidate(s, n, try, isNumber)
		if n >= uniqueLength {
			return candidate
		}
		at := p.sum(candidate)
		holder, ok := p.taken[at]
		if !ok {
			p.taken[at] = owner
		}
		if !ok || holder == owner {
			return candidate
		}
	}
}

// candidate returns the nth text that a hash of s makes.
func (p *pseudonyms) candidate(s string, n int, try uint64, isNumber bool) string {
	p.mac.Reset()
	var number [8]byte
	binary.LittleEndian.PutUint64(number[:], try)
	p.mac.Write(number[:]) // a hash never fails
	p.mac.Write([]byte(s))
	digest := digits(p.mac.Sum(nil))
	var b strings.Builder
	for i := range n {
		switch {
		case try >= maxTries:
			b.WriteRune(wideStart + rune(digest.next(wideEnd-wideStart)))
		case isNumber && i == 0:
			b.WriteByte(decimals[1+digest.next(9)])
		case isNumber:
			b.WriteByte(decimals[digest.next(10)])
		case i == 0:
			b.WriteByte(letters[digest.next(len(letters))])
		case i < hashedLength:
			b.WriteByte(alphabet[digest.next(len(alphabet))])
		default:
			b.WriteString(strings.Repeat(filler, n-i))
			return b.String()
		}
	}
	return b.String()
}

// digits takes numbers from a hash.
func digits(sum []byte) *digest {
	d := &digest{}
	for i := range d {
		d[i] = binary.LittleEndian.Uint64(sum[8*i:])
	}
	return d
}

// digest is a large number, from which next takes digits of any base.
type digest [sha256.Size / 8]uint64

// next divides the number by base and returns the rest. base is small.
func (d *digest) next(base int) int {
	rest := uint64(0)
	for i := range d {
		for shift := 32; shift >= 0; shift -= 32 {
			part := rest<<32 | d[i]>>shift&0xffffffff
			q := part / uint64(base)
			rest = part % uint64(base)
			d[i] = d[i]&^(0xffffffff<<shift) | q<<shift
		}
	}
	return int(rest)
}

// isPseudonym says whether s has the form of one, as it can be in the copy.
func isPseudonym(s string) bool {
	for _, c := range s {
		if !(c < 0x80 && strings.ContainsRune(alphabet, c)) && (c < wideStart || c >= wideEnd) {
			return false
		}
	}
	return s != ""
}
