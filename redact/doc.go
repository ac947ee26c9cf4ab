// Package redact makes a copy of a V8 heap snapshot that can be shared: the same graph,
// sizes, ids, locations and names of code, but other string contents.
//
// What is kept is decided by where in the snapshot a text stands, never by what it looks
// like alone; rule.go is the whole rule. In short, a text of more than one character is
// kept if it is
//
//   - a word of V8 or Node.js: the name of a hidden, array, synthetic or similar node, or
//     of an internal edge, and made of plain words;
//   - the name of a function, a variable or a private field;
//   - the name of a class, of a property that a hidden class (a V8 map) describes or that
//     the global object has, if it is an identifier of at most 40 characters and does not
//     look like a token (digits, hex, random letters);
//   - the name of a script, path element by path element, without what follows a home
//     directory.
//
// All else gets a pseudonym of the same length: a keyed hash. Equal texts stay equal and
// different ones different, so that classes, interfaces, duplicate strings and comparisons
// come out as before. Indexes that are keys of objects rather than places in an array are
// replaced, too.
//
// Two answers can change: a concatenated string is no longer equal to a string that has
// the same text in other parts, and where DevTools sorts by name, as among retainers that
// are equally near to a root, pseudonyms stand in an order of their own.
//
// It does not hide the graph itself: sizes, so the lengths of strings; ids; who refers to
// whom. A text that the program keeps character by character can be read from the graph,
// because V8's own table says which node is which character. Property names that look
// like identifiers are kept even if they came from JSON ({"acme_corp": 1}). And single
// characters, numbers of up to three digits and words that happen to be names in the code
// as well stay what they are.
package redact
