package redact

import (
	"bytes"
	"unicode/utf8"
)

// fate is what becomes of a string.
type fate uint8

const (
	replaced  fate = iota
	framed         // the engine's part of it stays
	keptWhole      // it stays
)

// wording says what each string of a snapshot is in the copy.
type wording struct {
	places *spread
	texts  *table
	names  *pseudonyms
	code   lexicon
	kept   bits
	// keptSums are the sums of what is kept, for the names in frames.
	keptSums map[uint64]bool
	text     []byte // reused
}

func newWording(places *spread, texts *table, key []byte) *wording {
	w := &wording{
		places: places, texts: texts, names: newPseudonyms(key, texts.bytes, texts.len()), code: newLexicon(),
		kept: newBits(texts.len()), keptSums: map[uint64]bool{},
	}
	for i := range texts.len() {
		switch p := places.at(i); {
		case p&inConstant != 0 && p&(inProperty|inClass|inSymbol) != 0:
			w.code.addConstant(string(w.decoded(i)))
		case p&(inFunction|inVariable) != 0:
			w.code.add(string(w.decoded(i)))
		}
	}
	words := map[string]bool{}
	for _, word := range engineTexts() {
		words[word] = true
	}
	short := 0
	for i := range texts.len() {
		text := w.decoded(i)
		w.names.reserve(text)
		p := places.at(i)
		if len(text) > 1 && len(text) > maxCodeName || isContent(p) && len(text) > utf8.UTFMax && !words[string(text)] {
			short += oneIf(len(text) < uniqueLength)
			continue
		}
		if s := string(text); keeps(p, s, words, w.code) {
			w.kept.add(i)
			w.keptSums[w.names.sum(text)] = true
		} else {
			short += oneIf(len(text) < uniqueLength)
		}
	}
	w.names.expect(short)
	return w
}

// isContent says whether no name stands in any of the places.
func isContent(p place) bool { return p&^(inContent|inConstant) == 0 }

func oneIf(is bool) int {
	if is {
		return 1
	}
	return 0
}

// decoded returns string i; it is not to be changed, and reused.
func (w *wording) decoded(i uint64) []byte {
	raw := w.texts.raw(i)
	if !w.texts.escaped(i) {
		return raw
	}
	w.text = decode(w.text[:0], raw)
	return w.text
}

// append appends what string i is in the copy, with its escapes.
func (w *wording) append(b []byte, i uint64) ([]byte, fate) {
	if w.kept.has(i) {
		return append(b, w.texts.raw(i)...), keptWhole
	}
	p := w.places.at(i)
	text := w.decoded(i)
	if isContent(p) {
		return w.replace(b, p, text), replaced
	}
	var pieces []string
	if p&^(inContent|inConstant|inProperty) != 0 || bytes.IndexByte(text, ' ') >= 0 { // of properties, only the framed have one
		pieces = frame(p, string(text))
	}
	if pieces == nil {
		return w.replace(b, p, text), replaced
	}
	for j, piece := range pieces {
		if j%2 == 1 && !w.mayStay(p, piece) {
			b = w.replace(b, 0, []byte(piece))
		} else {
			b = encode(b, piece)
		}
	}
	return b, framed
}

// mayStay says whether the name in a frame may stay: it is kept where it stands for
// itself, or is the symbol of the language or of Node.js.
func (w *wording) mayStay(p place, s string) bool {
	if p&inScript != 0 {
		return false
	}
	if p&(inClass|inNative) != 0 && (systemClass.MatchString(s) || languageClass.MatchString(s)) {
		return true
	}
	return w.keptSums[w.names.sum([]byte(s))] || p&inProperty != 0 && (w.code.has(s) || wellKnownSymbol.MatchString(s) && w.code.hasAll(s))
}

// replace appends a text of the same length in JavaScript, and in DevTools if it is the
// name of a property.
func (w *wording) replace(b []byte, p place, text []byte) []byte {
	n := units(text)
	if n == 0 {
		return b
	}
	marks := ""
	if p&inProperty != 0 {
		marks = showing(text).marks()
	}
	if len(marks) >= n {
		marks = ""
	}
	name := w.names.of(text, n-len(marks))
	if name[0] < utf8.RuneSelf {
		b = append(b, name...) // letters and digits alone
	} else {
		b = encode(b, string(name))
	}
	return encode(b, marks)
}
