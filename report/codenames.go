package report

// maskedClass stands for a name of a class that may be data: of classes that a program makes
// at run time, { [name]: class {} }, and of objects with a Symbol.toStringTag.
const maskedClass = "[class]"

// tellsNothing is how many characters are too few to tell something, as in redact.
const tellsNothing = 3

// isName tells whether a part of a name is one in code: it reads like one, and, where the
// report knows the names of the code, it is one of them, or such a one of several words.
func (m namer) isName(part string) bool {
	name := bareName(part)
	if !readsLikeCode(part) {
		return m.isConstant != nil && readsLikeWords(name) && m.isConstant(name)
	}
	return m.isCode == nil || len(name) <= tellsNothing || m.isCode(name)
}

// isClass tells whether the name of a class, of other than plain objects, may be shown.
func (m namer) isClass(name string) bool {
	return m.isCode == nil || len(name) <= tellsNothing || m.isCode(name)
}
