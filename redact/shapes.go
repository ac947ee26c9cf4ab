package redact

import (
	"regexp"
	"strings"
)

const (
	// maxName is how long a name may be that only its place says is code, in bytes:
	// longer ones in real programs are minified maps or data.
	maxName = 40
	// maxCodeName is the same where V8 took the name from the source text itself.
	maxCodeName = 120
	// maxDigitRun and maxDigitsInName are how many digits a name may have: sha256,
	// Uint8Array, iso8601 have fewer, numbers of customers have more.
	maxDigitRun     = 4
	maxDigitsInName = 5
	// minHexRun is how many hexadecimal digits make a hash or an id.
	minHexRun = 8
	// minTokenLength is how long a name must be to be judged by how its letters change:
	// camelCase changes from lower to upper case every few letters, base64 at each
	// second.
	minTokenLength = 12
	tokenChange    = 3
	// maxDigitGroups is in how many places a name has digits: sha256Base64 has two,
	// what is drawn from 36 letters and digits has more.
	maxDigitGroups = 2
	// minDrawn is how long a name must be to be judged by its groups of digits, and
	// minCapitals to be taken for base32 when it has nothing but capitals and digits.
	minDrawn    = 8
	minCapitals = 10
)

// The shapes of names.
var (
	identifier = regexp.MustCompile(`^[\pL_$][\pL\pN_$]*$`)
	// variableName has V8's own, such as .this_function and .new.target, and private fields.
	variableName = regexp.MustCompile(`^[.#]?[\pL_$][\pL\pN_$]*(\.[\pL_$][\pL\pN_$]*)*$`)
	// className has WebAssembly.Module and the like.
	className = regexp.MustCompile(`^[\pL_$][\pL\pN_$]*(\.[\pL_$][\pL\pN_$]*)?$`)
	// codeWord is an identifier, or a word in the code such as the name of a header.
	codeWord = regexp.MustCompile(`^#?[\pL_$][\pL\pN_$-]*$`)
	// compoundName is one of several words, as events and metrics have: user:created.
	compoundName = regexp.MustCompile(`^[\pL_$][\pL\pN_$-]*([.:][\pL_$][\pL\pN_$-]*)+$`)
	// functionName has accessors, bound functions, private methods, methods with
	// well-known symbols, and what V8 infers from an assignment: get size, #parse,
	// [Symbol.iterator], Module._extensions..js.
	functionName = regexp.MustCompile(`^((get|set|bound|async|static) )*(#?[\pL_$][\pL\pN_$]*(\.+[\pL_$][\pL\pN_$]*)*|\[Symbol\.[a-zA-Z]+\])$`)
	// engineName is words of V8, Node.js and Blink: (GC roots), system / Map
	// (ConsOneByteString), Node / std::basic_string, C++ Persistent roots.
	engineName = regexp.MustCompile(`^(\d+ / )?\(?[A-Za-z_][\w+:<>$-]*\)?(( /)? \(?[A-Za-z_][\w+:<>$-]*\)?)*$`)
	formatWord = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_ ]{0,39}$`)
	smallIndex = regexp.MustCompile(`^[0-9]{1,3}$`)
	// anyIndex is the name of an engine's edge out of an array.
	anyIndex = regexp.MustCompile(`^[0-9]{1,10}$`)
	// elementName is a DOM node without attributes.
	elementName = regexp.MustCompile(`^(Detached )?<[A-Za-z][\w-]{0,19}>$`)
	systemClass = regexp.MustCompile(`^system / [A-Z][A-Za-z]{1,40}$`)
	// languageClass is a class of the language that has no function of its name in the
	// heap, or not always.
	languageClass = regexp.MustCompile(`^((Intl|WebAssembly|Temporal)(\.[A-Z][A-Za-z]{1,30})?|(Array|Map|Set|String|RegExp String|Segmenter String|Segment|Async-from-Sync|URLSearchParams|Headers|FormData) Iterator|Iterator Helper|(Async)?Generator|Atomics|JSON|Math|Reflect|Arguments|Module|process|console|global( / | \(global\*?\))?)$`)
	// secretPrefix begins keys that well-known services hand out.
	secretPrefix = regexp.MustCompile(`^(AKIA|ASIA|AROA|AIDA|AIza|gh[opsur]_|github_pat_|glpat|xox[abprs]|sk_|pk_|rk_|eyJ|whsec_|do[opr]_|hv[sb]_|npm_|SG_|ya29)[A-Za-z0-9_]{6,}$`)
)

// engineTexts are texts that the program of every snapshot has, or that V8 writes in place of
// contents. Rules of DevTools ask for some of them.
func engineTexts() []string {
	return []string{
		"true", "false", "null", "undefined", "<dummy>", "(concatenated string)", "(sliced string)",
		"symbol", "private symbol", "heap number", "smi number", "bigint", "number", "double",
		"<symbol>", "Object", "Array", "Function", "constructor", "prototype", "__proto__",
	}
}

// isFormatWord says whether s could be a field, a type or a section of a heap snapshot.
func isFormatWord(s string) bool { return formatWord.MatchString(s) && !isToken(s) }

// isEngineName says whether s, in a place where the engine writes, is its own word.
func isEngineName(s string) bool {
	return len(s) <= maxCodeName && (smallIndex.MatchString(s) || engineName.MatchString(s)) && !isToken(s)
}

// isToken says whether a name looks like data: a number, a hash, a key.
func isToken(s string) bool {
	if secretPrefix.MatchString(s) {
		return true
	}
	var digits, digitRun, digitGroups, hexRun, hexDigits, changes, others int
	for i := 0; i < len(s); i++ {
		c := s[i]
		isDigit, isUpper, isLower := c-'0' <= 9, c-'A' < 26, c-'a' < 26
		if isDigit {
			digits++
			if digitRun++; digitRun == 1 {
				digitGroups++
			}
		} else {
			digitRun = 0
		}
		if !isDigit && !isUpper {
			others++
		}
		if isDigit || c|0x20 >= 'a' && c|0x20 <= 'f' {
			hexRun++
			if isDigit {
				hexDigits++
			}
		} else {
			hexRun, hexDigits = 0, 0
		}
		if i > 0 {
			before := s[i-1]
			if isUpper && before-'a' < 26 || isDigit != (before-'0' <= 9) && (isLower || isUpper || isDigit) {
				changes++
			}
		}
		if digitRun > maxDigitRun || digits > maxDigitsInName || hexRun >= minHexRun && hexDigits > 1 {
			return true
		}
	}
	return len(s) >= minTokenLength && changes*tokenChange > len(s) ||
		len(s) >= minDrawn && digitGroups > maxDigitGroups || len(s) >= minCapitals && others == 0 && digits > 0
}

// isName says whether s, of the shape, is a name that may be kept where data can stand as
// well.
func isName(s string, shape *regexp.Regexp) bool {
	return len(s) <= maxName && shape.MatchString(s) && !isToken(s)
}

// isCodeName says whether s, of the shape, may be kept where V8 writes what stands in the
// source text.
func isCodeName(s string, shape *regexp.Regexp) bool {
	return len(s) <= maxCodeName && shape.MatchString(s) && !secretPrefix.MatchString(s)
}

// isCodeOf says whether s is a code object's name with a function's in it: (code for
// parse), (instruction stream for get size).
func isCodeOf(s string) bool {
	inner, ok := strings.CutSuffix(s, ")")
	if !ok || !strings.HasPrefix(inner, "(") {
		return false
	}
	what, name, ok := strings.Cut(inner[1:], " for ")
	return ok && isEngineName(what) && isCodeName(name, functionName)
}
