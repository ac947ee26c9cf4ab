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
	// longNumber is in no such name: it is part of an id, a hash, a token.
	longNumber = regexp.MustCompile(`[0-9]{5}|[0-9a-fA-F]{12}`)
)

// namer gives the names that the report may show.
func (r *Report) namer() namer { return namer{heap: r.last, open: r.WithStrings} }

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
	for part := range strings.SplitSeq(s.Edge[len(prefix):], ".") {
		if !readsLikeCode(part) {
			return prefix + maskedKey // all of it: a key may have dots itself
		}
	}
	return s.Edge
}

// readsLikeCode tells whether a part of a step names something in code, or is a
// form of words that the diagnosis uses: "[entry]", "(global)", "[12]".
func readsLikeCode(part string) bool {
	if inner, ok := strings.CutPrefix(part, "["); ok {
		part = strings.TrimSuffix(inner, "]")
		if strings.Trim(part, "0123456789") == "" {
			return true // an index
		}
	}
	for _, around := range [][2]string{{"(", ")"}, {`"`, `"`}, {"<symbol ", ">"}, {"get ", ""}, {"set ", ""}} {
		if inner, ok := strings.CutPrefix(part, around[0]); ok {
			part = strings.TrimSuffix(inner, around[1])
		}
	}
	return len(part) <= maxCodeName && codeName.MatchString(part) && !longNumber.MatchString(part)
}
