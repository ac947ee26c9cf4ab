package redact

// place says where a text stands in a snapshot. A text can have several places.
type place uint16

const (
	inContent  place = 1 << iota // a string's, regular expression's, symbol's or unknown node's name
	inEngine                     // the name of a node or an edge that V8 or Node.js makes up
	inFunction                   // the name of a function
	inClass                      // the name of an object
	inNative                     // the name of a native object
	inVariable                   // the name of a context's slot
	inProperty                   // the name of a property
	inShape                      // a string that describes a property in a hidden class
	inGlobal                     // the name of a property of the global object
	inPrivate                    // the description of a private symbol
	inScript                     // the name of a script
	inComputed                   // what a program has given a function as its name, or an object as its tag
)

// keeps is the rule: it says whether a text may stay as it is. What is neither kept
// whole nor has one of the frames of frames.go gets a pseudonym.
func keeps(p place, s string, known map[string]bool) bool {
	if len(s) <= 1 || known[s] {
		return true
	}
	if p&^(inContent|inComputed) == 0 {
		return units([]byte(s)) <= 1
	}
	switch {
	case smallIndex.MatchString(s):
	case p&inEngine != 0 && p&inContent == 0 && anyIndex.MatchString(s):
	case p&(inEngine|inNative) != 0 && isEngineName(s):
	case p&inFunction != 0 && (isEngineName(s) || isCodeName(s, functionName) || isCodeOf(s)):
	case p&inVariable != 0 && isCodeName(s, variableName):
	case p&inPrivate != 0 && isCodeName(s, privateName):
	case p&inClass != 0 && (p&inComputed == 0 || p&(inFunction|inVariable) != 0) && isName(s, className):
	case p&(inClass|inNative) != 0 && elementName.MatchString(s):
	case p&inClass != 0 && (systemClass.MatchString(s) || languageClass.MatchString(s)):
	case p&(inShape|inGlobal) != 0 && isName(s, identifier):
	case p&inProperty != 0 && len(s) <= keptLength && identifier.MatchString(s):
	default:
		return units([]byte(s)) <= 1
	}
	return true
}

// keptLength is how many characters of a property's name tell nothing: issue and proof
// speak of strings of more.
const keptLength = 3

// nodePlaces returns where the names of nodes stand, by type.
func nodePlaces(types []string) []place {
	all := make([]place, len(types))
	for i, t := range types {
		switch t {
		case "hidden", "array", "number", "synthetic", "object shape", "wasm object":
			all[i] = inEngine
		case "closure", "code":
			all[i] = inFunction
		case "object":
			all[i] = inClass
		case "native":
			all[i] = inNative
		default: // strings, regular expressions, symbols, and what later versions of V8 add
			all[i] = inContent
		}
	}
	return all
}

// edgePlaces returns where the names of edges stand, by type; 0 for those with an index
// and for types that later versions of V8 add.
func edgePlaces(types []string) []place {
	all := make([]place, len(types))
	for i, t := range types {
		switch t {
		case "context":
			all[i] = inVariable
		case "property":
			all[i] = inProperty
		case "internal", "shortcut", "weak":
			all[i] = inEngine
		}
	}
	return all
}
