package redact

import (
	"regexp"
	"strings"
)

// A frame is what the engine writes around a name: it stays, the name in it is kept or
// not for itself.
var (
	accessor = regexp.MustCompile(`(?s)^((?:get|set) )(.+)$`)
	symbol   = regexp.MustCompile(`(?s)^(<symbol )(.+)(>)$`)
	// Window / https://host/, global / , process (internal cache) / : a class, and what the
	// embedder says of the context.
	ofPage = regexp.MustCompile(`(?s)^()(system / [A-Za-z]+|[A-Za-z_$][\w$.]{0,60})((?: \((?:[a-z]+ cache|prototype|global\*?)\))? / )(.*)$`)
	// <div id="x">: DevTools makes <div> the class.
	element = regexp.MustCompile(`(?s)^((?:Detached )?<[A-Za-z][\w-]{0,19} )(.+)(>)$`)
	// wellKnownSymbol is the description of a symbol of the language or of Node.js.
	wellKnownSymbol = regexp.MustCompile(`^(Symbol|nodejs|node:[a-z_]+)(\.[A-Za-z]{1,24}){0,3}$`)
)

// frame splits s into what stays and names: pieces with an even index stay. It is nil if
// no frame fits the places of s.
func frame(p place, s string) []string {
	var form *regexp.Regexp
	switch {
	case p&inScript != 0:
		return pathPieces(s)
	case p&inEngine != 0 && strings.Contains(s, " / part of key ("):
		return ephemeronPieces(s)
	case p&inProperty != 0 && strings.HasPrefix(s, "<symbol "):
		form = symbol
	case p&inProperty != 0 && (strings.HasPrefix(s, "get ") || strings.HasPrefix(s, "set ")):
		form = accessor
	case p&(inNative|inClass) != 0 && strings.Contains(s, "<"):
		form = element
	case p&(inNative|inClass) != 0:
		form = ofPage
	default:
		return nil
	}
	m := form.FindStringSubmatch(s)
	if m == nil {
		return nil
	}
	pieces := m[1:]
	if last := len(pieces) - 1; last%2 == 1 && pieces[last] == "" {
		return pieces[:last] // a context of which there is nothing to say
	}
	return pieces
}

// ephemeronPieces is frame for the edges of a WeakMap's entries, of which there may be
// millions. DevTools tells them by this form:
//
//	12 / part of key (Key @345) -> value (a text @67) pair in WeakMap (table @89)
func ephemeronPieces(s string) []string {
	const part, value, pair = " / part of key (", " -> value (", " pair in WeakMap (table @"
	head := countDigits(s)
	if head == 0 || !strings.HasPrefix(s[head:], part) {
		return nil
	}
	head += len(part)
	end := strings.LastIndex(s, pair)
	if end < head {
		return nil
	}
	if table := s[end+len(pair):]; countDigits(table) == 0 || table[countDigits(table):] != ")" {
		return nil
	}
	tail := idStart(s[:end])
	if tail < head {
		return nil
	}
	for at := tail; ; { // the last one counts
		if at = strings.LastIndex(s[head:at], value); at < 0 {
			return nil
		}
		at += head
		if key := idStart(s[:at]); key >= head {
			middle := at + len(value)
			return []string{s[:head], s[head:key], s[key:middle], s[middle:tail], s[tail:]}
		}
	}
}

// countDigits returns how many digits a text begins with.
func countDigits(s string) int {
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return n
}

// idStart returns where the id begins that a text ends with, " @12)", -1 if it has none.
func idStart(s string) int {
	at := len(s) - 1
	if at < 0 || s[at] != ')' {
		return -1
	}
	for at > 0 && s[at-1]-'0' <= 9 {
		at--
	}
	if at == len(s)-1 || at < 2 || s[at-2:at] != " @" {
		return -1
	}
	return at - 2
}

var (
	// pathElement is a file or folder of a script, such as ms@2.1.3 or @nestjs.
	pathElement = regexp.MustCompile(`^@?[\pL\pN_$.+~-]*(@\d[\w.+-]*)?$`)
	// pathScheme begins URLs of scripts.
	pathScheme = regexp.MustCompile(`^(file:///|node:|https?://|webpack://|webpack-internal:///|evalmachine\.|wasm://)`)
	scriptFile = regexp.MustCompile(`\.(c|m)?(js|ts|jsx|tsx|json|node|wasm|vue)$`)
)

// pathPieces splits the name of a script into what stays and what does not. The elements
// of a path stay if they look like names and do not follow the folder in which the
// users' homes are. A name that is neither of a module of Node.js nor a path to a file of
// code does not stay at all.
func pathPieces(s string) []string {
	scheme := pathScheme.FindString(s)
	rest := s[len(scheme):]
	if scheme != "node:" && !scriptFile.MatchString(s) {
		return nil
	}
	pieces := []string{scheme}
	secret := func(text string) { pieces = append(pieces, text, "") }
	keep := func(text string) { pieces[len(pieces)-1] += text }
	home := false
	for rest != "" {
		end := strings.IndexAny(rest, `/\`)
		if end < 0 {
			end = len(rest)
		}
		name := rest[:end]
		switch {
		case name == "":
		case len(name) > maxName || !pathElement.MatchString(name) || isToken(name) || home:
			secret(name)
		default:
			keep(name)
		}
		home = name == "home" || name == "Users"
		if end < len(rest) {
			keep(rest[end : end+1])
			end++
		}
		rest = rest[end:]
	}
	return pieces
}

// shownLength is what DevTools adds to the length of a property's name when it shows it:
// names with punctuation are shown as JSON. Interfaces are cut at a length, so that it
// has to stay.
type shownLength struct {
	quoted         bool
	escapes, codes int // characters that JSON writes as \x, and as \u0000
}

func showing(s []byte) shownLength {
	var l shownLength
	for i, c := range s {
		switch {
		case c == ',' || c == '\'' || c == '{' || c == '}':
			l.quoted = true
		case c == '"':
			l.quoted = true
			l.escapes++
		case c == '\\' || strings.IndexByte("\b\f\n\r\t", c) >= 0:
			l.escapes++
		case c < ' ' || c == 0xed && i+1 < len(s) && s[i+1] >= 0xa0:
			l.codes++
		}
	}
	return l
}

// marks returns characters that make a name of letters be shown as long as another, and
// are as many as they take of it.
func (l shownLength) marks() string {
	if !l.quoted {
		return ""
	}
	s := strings.Repeat(`"`, l.escapes) + strings.Repeat("\x01", l.codes)
	if l.escapes == 0 {
		s += ","
	}
	return s
}
