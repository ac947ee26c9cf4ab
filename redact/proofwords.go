package redact

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// strings reads the last section and takes the words that may be of the original.
func (p *prover) strings() error {
	p.constants()
	p.kinds, p.names, p.counts, p.tables = nil, nil, nil, nil
	i := uint64(0)
	err := p.texts(func(text []byte) error {
		if i == p.was.len() {
			return &ProofError{What: "it has more strings than the original"}
		}
		before := p.original(i)
		if length16(before) != length16(text) {
			return &ProofError{What: fmt.Sprintf("string %d has another length", i)}
		}
		isSame := string(before) == string(text)
		if isSame && length16(text) > keptLength {
			p.equals = append(p.equals, i)
		}
		switch {
		case p.isCode(i, text):
			p.permit(text)
		default:
			if p.roles[i]&roleEngine != 0 && bytes.IndexByte(text, '@') >= 0 {
				text = idOfNode.ReplaceAll(text, nil)
			}
			eachWord(text, func(word []byte) {
				if !isShortNumber(word) {
					p.words.add(hashWord(word))
				}
			})
		}
		i++
		return nil
	})
	if err == nil && i != p.was.len() {
		err = &ProofError{What: "strings are missing"}
	}
	return err
}

// original returns string i of the original.
func (p *prover) original(i uint64) []byte {
	raw := p.was.raw(i)
	if !p.was.escaped(i) {
		return raw
	}
	return unescape(raw)
}

// idOfNode is in the name of an edge of a WeakMap.
var idOfNode = regexp.MustCompile(`@[0-9]+`)

// ofUser is a folder that is named like its owner.
var ofUser = regexp.MustCompile(`[/\\](?:home|Users)[/\\]([^/\\]+)`)

// isCode says whether the place of string i shows that its words are those of code.
func (p *prover) isCode(i uint64, text []byte) bool {
	r := p.roles[i]
	switch {
	case r&(roleCode|roleVariable|roleConstant) != 0:
		if was := ofUser.FindSubmatch(p.original(i)); was != nil && bytes.Contains(text, was[1]) {
			return false
		}
		return true
	case r&roleEngine != 0:
		return !bytes.Contains(text, []byte(" key (")) // the name of the key is in it
	case r&roleNative != 0:
		return !bytes.ContainsAny(text, `"=@?&`) && !bytes.Contains(text, []byte("//"))
	}
	return bytes.HasPrefix(text, []byte("system / "))
}

// permit takes the words of a text as those of code.
func (p *prover) permit(text []byte) {
	eachWord(text, func(word []byte) {
		if p.code[string(word)]&ofProgram == 0 {
			p.code[string(word)] |= ofProgram
		}
	})
}

// judge looks for the words of the copy in the original, once all that is code is known.
func (p *prover) judge() (uint64, error) {
	allowed := wordTable{}
	for word := range p.code {
		eachWord([]byte(word), func(part []byte) { allowed.add(hashWord(part)) })
	}
	for _, i := range p.equals {
		if p.roles[i] == 0 && !p.isAllowed(p.original(i), &allowed) {
			return 0, &ProofError{What: fmt.Sprintf("string %d is as it was, and no name of code", i)}
		}
	}
	gone, next := uint64(0), 0
	for i := range p.was.len() {
		text := p.original(i)
		bad := false
		eachWord(text, func(word []byte) {
			sum := hashWord(word)
			bad = bad || p.words.has(sum) && !allowed.has(sum)
		})
		if bad {
			return 0, &ProofError{What: fmt.Sprintf("a word of string %d is left, and no name of code", i)}
		}
		if next < len(p.equals) && p.equals[next] == i {
			next++
		} else if length16(text) > keptLength {
			gone++
		}
	}
	return gone, nil
}

// isAllowed says whether a text is a name of code, or has no more than three letters and
// digits outside of words of code.
func (p *prover) isAllowed(text []byte, allowed *wordTable) bool {
	rest := 0
	for _, accessor := range []string{"get ", "set "} {
		text = bytes.TrimPrefix(text, []byte(accessor))
	}
	if p.code.has(string(text)) {
		return true
	}
	for _, c := range text {
		if isWord(c) {
			rest++
		}
	}
	eachWord(text, func(word []byte) {
		if allowed.has(hashWord(word)) {
			rest -= len(word)
		}
	})
	return rest <= keptLength
}

// isShortNumber says whether a word is a number of a size that occurs everywhere.
func isShortNumber(word []byte) bool {
	return len(word) < longNumber && strings.Trim(string(word), decimals) == ""
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '$' || c >= utf8.RuneSelf
}

// eachWord calls with each word of more than three letters and digits.
func eachWord(text []byte, call func(word []byte)) {
	start := -1
	for i, c := range text {
		if isWord(c) {
			if start < 0 {
				start = i
			}
			continue
		}
		if start >= 0 && i-start > keptLength {
			call(text[start:i])
		}
		start = -1
	}
	if start >= 0 && len(text)-start > keptLength {
		call(text[start:])
	}
}

// hashWord is FNV-1a with a last mix, never 0.
func hashWord(word []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range word {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	return h | 1
}

// length16 is the length of a text in JavaScript.
func length16(text []byte) int {
	n := 0
	for _, c := range text {
		switch {
		case c&0xc0 == 0x80:
		case c >= 0xf0:
			n += 2
		default:
			n++
		}
	}
	return n
}

// wordTable is a set of hashes, with open addresses.
type wordTable struct {
	slots []uint64 // a power of two
	n     int
}

func (t *wordTable) add(h uint64) {
	if t.n*2 >= len(t.slots) {
		old := t.slots
		t.slots = make([]uint64, max(1<<10, len(old)*2))
		t.n = 0
		for _, o := range old {
			if o != 0 {
				t.add(o)
			}
		}
	}
	mask := len(t.slots) - 1
	at := int((h>>44 | h<<20)) & mask
	for t.slots[at] != 0 && t.slots[at] != h {
		at = (at + 1) & mask
	}
	if t.slots[at] == 0 {
		t.slots[at] = h
		t.n++
	}
}

func (t *wordTable) has(h uint64) bool {
	if t.n == 0 {
		return false
	}
	mask := len(t.slots) - 1
	at := int((h>>44 | h<<20)) & mask
	for t.slots[at] != 0 {
		if t.slots[at] == h {
			return true
		}
		at = (at + 1) & mask
	}
	return false
}
