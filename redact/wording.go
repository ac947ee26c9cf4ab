package redact

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
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
	places []place
	texts  *table
	names  *pseudonyms
	words  map[string]bool
	kept   bits
	// keptSums are the sums of what is kept, for the names in frames.
	keptSums map[uint64]bool
	text     []byte // reused
}

func newWording(places []place, texts *table, names *pseudonyms) *wording {
	w := &wording{places: places, texts: texts, names: names, words: map[string]bool{}, kept: newBits(texts.len()), keptSums: map[uint64]bool{}}
	for _, word := range words() {
		w.words[word] = true
	}
	for i := range texts.len() {
		w.text = decode(w.text[:0], texts.raw(i))
		s := string(w.text)
		if keeps(places[i], s, w.words) {
			w.kept.add(i)
			w.keptSums[names.sum(s)] = true
		}
		names.reserve(s)
	}
	return w
}

// append appends what string i is in the copy, with its escapes.
func (w *wording) append(b []byte, i uint64) ([]byte, fate) {
	raw := w.texts.raw(i)
	if w.kept.has(i) {
		return append(b, raw...), keptWhole
	}
	w.text = decode(w.text[:0], raw)
	s := string(w.text)
	pieces := frame(w.places[i], s)
	if pieces == nil {
		return encode(b, w.replacement(w.places[i], s)), replaced
	}
	for j, piece := range pieces {
		if j%2 == 1 && !w.mayStay(w.places[i], piece) {
			piece = w.replacement(0, piece)
		}
		b = encode(b, piece)
	}
	return b, framed
}

// staysWhole says whether all of what stands in the frame of s may stay.
func (w *wording) staysWhole(p place, s string) bool {
	pieces := frame(p, s)
	for j := 1; j < len(pieces); j += 2 {
		if !w.mayStay(p, pieces[j]) {
			return false
		}
	}
	return len(pieces) > 0
}

// mayStay says whether the name in a frame may stay: it is kept where it stands for
// itself.
func (w *wording) mayStay(p place, s string) bool {
	if p&inScript != 0 {
		return false
	}
	if p&(inClass|inNative) != 0 && (systemClass.MatchString(s) || languageClass.MatchString(s)) {
		return true
	}
	return w.keptSums[w.names.sum(s)] || p&inProperty != 0 && wellKnownSymbol.MatchString(s)
}

// replacement returns a text of the same length in JavaScript, and in DevTools if it is
// the name of a property.
func (w *wording) replacement(p place, s string) string {
	n := units([]byte(s))
	if n == 0 {
		return ""
	}
	marks := ""
	if p&inProperty != 0 {
		marks = showing([]byte(s)).marks()
	}
	if len(marks) >= n {
		marks = ""
	}
	return w.names.of(s, n-len(marks)) + marks
}

// key returns the pseudonym of a number, of the same length.
func (p *pseudonyms) key(n uint64) string {
	s := strconv.FormatUint(n&^minus, 10)
	return p.candidate("key "+s, len(s), 0, true)
}

// prove reads the finished file and looks whether its strings are what they should be:
// each is either a string that the rule keeps, at its own index, or has the form of a
// pseudonym; and none is one of the strings of more than three characters that the rule
// does not keep. It returns how many of those there are.
func (w *wording) prove(ctx context.Context, file *os.File, h *header) (uint64, error) {
	var secrets []uint64 // their sums
	for i := range w.texts.len() {
		if w.kept.has(i) {
			continue
		}
		w.text = decode(w.text[:0], w.texts.raw(i))
		if s := string(w.text); units(w.text) > keptLength && !w.staysWhole(w.places[i], s) {
			secrets = append(secrets, w.names.sum(s))
		}
	}
	slices.Sort(secrets)
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, fmt.Errorf("reading redacted snapshot: %w", err)
	}
	in := newInput(ctx, file, nil)
	i := uint64(0)
	err := eachSection(in, func(name string) error {
		if name != "strings" {
			return plainSection(in, name)
		}
		return in.strings(func(raw []byte) error {
			if i == w.texts.len() {
				return &ProofError{What: "it has more strings than the original"}
			}
			i++
			return w.check(i-1, raw, secrets)
		})
	})
	if err == nil && i != w.texts.len() {
		err = &ProofError{What: "strings are missing"}
	}
	return uint64(len(secrets)), err
}

// check looks at string i of the copy.
func (w *wording) check(i uint64, raw []byte, secrets []uint64) error {
	was := string(decode(nil, w.texts.raw(i)))
	is := string(decode(nil, raw))
	if units([]byte(was)) != units([]byte(is)) {
		return &ProofError{What: fmt.Sprintf("string %d has another length", i)}
	}
	if keeps(w.places[i], was, w.words) {
		if was != is {
			return &ProofError{What: fmt.Sprintf("string %d is not what it was", i)}
		}
		return nil
	}
	if _, found := slices.BinarySearch(secrets, w.names.sum(is)); found && units([]byte(is)) > keptLength {
		return &ProofError{What: fmt.Sprintf("string %d is one of the original", i)}
	}
	pieces, newPieces := frame(w.places[i], was), []string{"", is, ""}
	if pieces == nil {
		pieces = []string{"", was, ""}
	} else if newPieces = cut(is, pieces); newPieces == nil {
		return &ProofError{What: fmt.Sprintf("string %d has lost its form", i)}
	}
	for j := 1; j < len(pieces); j += 2 {
		if !w.mayStay(w.places[i], pieces[j]) && !isPseudonym(strings.TrimRight(newPieces[j], "\",\x01")) {
			return &ProofError{What: fmt.Sprintf("string %d is neither the name of something in the code nor a pseudonym", i)}
		}
	}
	return nil
}

// cut cuts s at the lengths of the pieces, of which those with an even index must be the
// same.
func cut(s string, pieces []string) []string {
	var all []string
	for j, piece := range pieces {
		n := len(piece)
		if j%2 == 1 {
			n = 0
			for units([]byte(s[:n])) < units([]byte(piece)) && n < len(s) {
				n++
			}
			for n < len(s) && s[n]&0xc0 == 0x80 { // the rest of a character
				n++
			}
		} else if !strings.HasPrefix(s, piece) {
			return nil
		}
		all = append(all, s[:n])
		s = s[n:]
	}
	return all
}

// eachSection reads an object and hands over the keys; each has to read the values.
func eachSection(in *input, each func(name string) error) error {
	if err := in.expect('{'); err != nil {
		return err
	}
	for {
		name, err := in.key()
		if err != nil {
			return err
		}
		if err := each(name); err != nil {
			return err
		}
		c, err := in.peek()
		if err != nil {
			return err
		}
		in.pos++
		if c == '}' {
			return nil
		}
		if c != ',' {
			return &ProofError{What: "it is no JSON object"}
		}
	}
}

// plainSection makes sure that a section of the copy has no text in it.
func plainSection(in *input, name string) error {
	if name == "snapshot" {
		raw, err := in.object()
		if err == nil && !onlyWords(raw) {
			err = &ProofError{What: "there is a text in the header"}
		}
		return err
	}
	ok, _, err := in.plainArray(nil)
	if err == nil && (!ok || !isFormatWord(name)) {
		err = &ProofError{What: "there is a text in a section of numbers"}
	}
	return err
}
