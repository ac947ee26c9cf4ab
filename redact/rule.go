package redact

// place says where a text stands in a snapshot. A text can have several places.
type place uint16

const (
	inContent  place = 1 << iota // a string's, regular expression's or unknown node's name
	inEngine                     // the name of a node or an edge that V8 or Node.js makes up
	inFunction                   // the name of a function
	inClass                      // the name of an object
	inNative                     // the name of a native object
	inSymbol                     // the description of a symbol
	inVariable                   // the name of a context's slot
	inProperty                   // the name of a property
	inConstant                   // a string among the constants of compiled code
	inScript                     // the name of a script
	inCode                       // the name of a node of compiled code: a function's or a script's
)

// keeps is the rule: it says whether a text may stay as it is. What is neither kept
// whole nor has one of the frames of frames.go gets a pseudonym.
//
// Functions and variables have their names from the source text alone. Those of classes,
// properties and symbols may have come from data, so they have to be in the lexicon.
func keeps(p place, s string, words map[string]bool, names lexicon) bool {
	if len(s) <= 1 || words[s] {
		return true
	}
	if p&^(inContent|inConstant|inCode|inScript) == 0 {
		return units([]byte(s)) <= 1
	}
	switch {
	case smallIndex.MatchString(s):
	case p&inEngine != 0 && p&inContent == 0 && anyIndex.MatchString(s):
	case p&(inEngine|inNative) != 0 && isEngineName(s):
	case p&inFunction != 0 && (isEngineName(s) || isCodeName(s, functionName) || isCodeOf(s)):
	case p&inVariable != 0 && isCodeName(s, variableName):
	case p&(inClass|inProperty|inSymbol) != 0 && names.has(s):
	case p&(inClass|inNative) != 0 && (elementName.MatchString(s) || systemClass.MatchString(s) || languageClass.MatchString(s)):
	case p&inClass != 0 && isName(s, className) && names.hasAll(s):
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
		case "closure":
			all[i] = inFunction
		case "code":
			all[i] = inCode
		case "symbol":
			all[i] = inSymbol
		case "object":
			all[i] = inClass
		case "native":
			all[i] = inNative
		default: // strings, regular expressions, and what later versions of V8 add
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
