package redact

import (
	_ "embed" // words.txt
	"strings"
)

// engineWords are the names of V8's and Node.js's own code in the versions of the tests,
// one a line. scripts/words.sh makes the file.
//
//go:embed words.txt
var engineWords string

// lexicon is the set of the identifiers of code: a name that may have come from data is
// kept only if it is one of them.
type lexicon map[string]origin

// origin says who uses a name.
type origin uint8

const (
	ofEngine  origin = 1 + iota // V8 or Node.js
	ofProgram                   // code of the program that V8 has compiled
)

func newLexicon() lexicon {
	l := make(lexicon, strings.Count(engineWords, "\n"))
	for word := range strings.Lines(engineWords) {
		l[strings.TrimSuffix(word, "\n")] = ofEngine
	}
	return l
}

// add adds the name of a function or a variable, or a constant of compiled code: all of
// it, and the identifiers that V8 has made it of (get size, Module.load).
func (l lexicon) add(s string) {
	for part := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == ' ' || c == '.' }) {
		if _, known := l[part]; !known && isName(part, codeWord) {
			l[part] = ofProgram
		}
	}
}

// has says whether a name of the shape is one of code.
func (l lexicon) has(s string) bool { return l[s] != 0 }

// hasAll says whether all parts of a name with dots are names of code.
func (l lexicon) hasAll(s string) bool {
	for part := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == '.' || c == ':' }) {
		if len(part) > keptLength && !l.has(part) {
			return false
		}
	}
	return true
}

// IsEngineWord returns a function that says whether a name is one that V8's or Node.js's
// own code uses. It may be called from several goroutines.
func IsEngineWord() func(name string) bool {
	return newLexicon().has
}
