package report

import (
	"regexp"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/leak"
)

// A property of an object that is used as a map is named by data: an address, a
// token. Its name is shown only if it reads like a name in code.
const maxCodeName = 40 // characters; few names in code are longer

// maskedKey stands for a name that may be data.
const maskedKey = "[key]"

var (
	// codeName is a name in code, private ones and those of headers too.
	codeName = regexp.MustCompile(`^#?[A-Za-z_$][\w$]*(-[A-Za-z]+)*$`)
	// severalWords is a name of several words, as events and metrics have.
	severalWords = regexp.MustCompile(`^[A-Za-z_$][\w$-]*([.:][A-Za-z_$][\w$-]*)+$`)
	// longNumber is in no such name: it is part of an id, a hash, a token.
	longNumber = regexp.MustCompile(`[0-9]{5}|[0-9a-fA-F]{12}`)
)

// namer gives the names that the report may show.
func (r *Report) namer() namer {
	return namer{heap: r.last, open: r.WithStrings, isCode: r.IsCode, isConstant: r.IsConstant, maps: map[heap.Node]bool{}}
}

// edgePrefixes are words of a diagnosis in front of the name itself.
var edgePrefixes = []string{"global.", "context.", "."}

// edgeName is the readable name of a step, without what may be data.
func (r *Report) edgeName(s leak.Step) string {
	if r.WithStrings || s.Type != heap.PropertyEdge {
		return s.Edge
	}
	prefix := ""
	for _, p := range edgePrefixes {
		if strings.HasPrefix(s.Edge, p) {
			prefix = p
			break
		}
	}
	m := namer{isCode: r.IsCode, isConstant: r.IsConstant}
	if m.isName(s.Edge[len(prefix):]) {
		return s.Edge
	}
	for part := range strings.SplitSeq(s.Edge[len(prefix):], ".") {
		if !m.isName(part) {
			return prefix + maskedKey // all of it: a key may have dots itself
		}
	}
	return s.Edge
}

// bareName takes from a part of a step the forms of words that the diagnosis uses:
// "[entry]", "(global)", "get size". Of an index, "[12]", nothing is left.
func bareName(part string) string {
	if inner, ok := strings.CutPrefix(part, "["); ok {
		part = strings.TrimSuffix(inner, "]")
		if strings.Trim(part, "0123456789") == "" {
			return ""
		}
	}
	for _, around := range [][2]string{{"(", ")"}, {`"`, `"`}, {"<symbol ", ">"}, {"get ", ""}, {"set ", ""}} {
		if inner, ok := strings.CutPrefix(part, around[0]); ok {
			part = strings.TrimSuffix(inner, around[1])
		}
	}
	return part
}

// readsLikeCode tells whether a part of a step names something in code, or is a form of
// words that the diagnosis uses.
func readsLikeCode(part string) bool {
	name := bareName(part)
	return name == "" && strings.HasPrefix(part, "[") ||
		len(name) <= maxCodeName && codeName.MatchString(name) && !longNumber.MatchString(name) && !looksRandom(name)
}

// readsLikeWords tells whether a name is one of several words that may stand in code.
func readsLikeWords(name string) bool {
	return len(name) <= maxCodeName && severalWords.MatchString(name) && !longNumber.MatchString(name) && !looksRandom(name)
}

// secretPrefix begins keys that well-known services hand out.
var secretPrefix = regexp.MustCompile(`^(AKIA|ASIA|AROA|AIDA|AIza|gh[opsur]_|github_pat_|glpat|xox[abprs]|sk_|pk_|rk_|whsec_|do[opr]_|eyJ|npm_|SG_|ya29|hv[sb]_)\w{6,}`)

// looksRandom tells whether a name looks drawn rather than thought of: a token, an id of
// a session. It cannot know; objects that are used as maps are masked whatever their keys
// look like, see namer.ref.
func looksRandom(name string) bool {
	const (
		minRandom   = 8  // characters: shorter ones are too short to be secret
		digitGroups = 3  // sha256Base64 has two
		capitals    = 10 // of nothing but capitals and digits, and both: base32
		letters     = 4  // in a word of camelCase, on average
	)
	if secretPrefix.MatchString(name) {
		return true
	}
	groups, humps, digits, lower := 0, 0, 0, 0
	for i, c := range []byte(name) {
		before := byte(0)
		if i > 0 {
			before = name[i-1]
		}
		switch {
		case '0' <= c && c <= '9':
			digits++
			if before < '0' || before > '9' {
				groups++
			}
		case 'a' <= c && c <= 'z' || c == '_' || c == '-':
			lower++
		case 'A' <= c && c <= 'Z' && 'a' <= before && before <= 'z':
			humps++
		}
	}
	return len(name) >= minRandom && (groups >= digitGroups || humps*letters > len(name)+letters) ||
		len(name) >= capitals && lower == 0 && digits > 0
}
