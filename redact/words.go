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

// add adds the name of a function or a variable: all of it, and the identifiers that V8 has
// made it of (get size, Module.load).
func (l lexicon) add(s string) {
	for part := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == ' ' || c == '.' }) {
		if _, known := l[part]; !known && isName(part, codeWord) {
			l[part] = ofProgram
		}
	}
}

// addConstant adds a constant of compiled code. Of these a name of several words counts as a
// whole, too (user:created). Not so of functions, which data may have named:
// { [key]: () => … }.
func (l lexicon) addConstant(s string) {
	l.add(s)
	if _, known := l[s]; !known && isName(s, compoundName) {
		l[s] = ofProgram
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

// Names is the set of the identifiers of code that the names of a heap are judged by: those
// of V8 and Node.js, and those that are added. It is for reports, which mask by the rule
// that the copy is made by.
type Names struct{ code lexicon }

// NewNames returns the names of V8 and Node.js.
func NewNames() Names { return Names{newLexicon()} }

// Add adds the name of a function or a variable.
func (n Names) Add(name string) { n.code.add(name) }

// AddConstant adds a constant of compiled code.
func (n Names) AddConstant(text string) { n.code.addConstant(text) }

// Has says whether a name, or each part of one with dots, is one of code, or that of a class
// of V8's or the language's own. It may be called from several goroutines once nothing is
// added any more.
func (n Names) Has(name string) bool {
	return n.code.has(name) || isName(name, className) && n.code.hasAll(name) ||
		elementName.MatchString(name) || systemClass.MatchString(name) || languageClass.MatchString(name)
}

// HasWhole says whether a name is one of code as it stands. It may be called as Has may.
func (n Names) HasWhole(name string) bool { return n.code.has(name) }

// BytecodeArray is the name of the nodes of V8's compiled code, whose constants are the names
// and literals that stand in the source text of the function.
const BytecodeArray = bytecodeArray

// IsConstantTable says whether a node of this name that is reached from compiled code, or
// from such a node, is part of its table of constants.
func IsConstantTable(name string) bool { return isConstants(name) }
