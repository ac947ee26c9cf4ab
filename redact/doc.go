// Package redact makes a copy of a V8 heap snapshot that can be shared: the same graph,
// sizes, ids, locations and names of code, but other string contents.
//
// What is kept is decided by where in the snapshot a text stands, and by whether it is an
// identifier of code; rule.go is the whole rule. In short, a text of more than one
// character is kept if it is
//
//   - a word of V8 or Node.js: the name of a hidden, array, synthetic or similar node, or
//     of an internal edge, and made of plain words;
//   - the name of a function or a variable, which V8 takes from the source text;
//   - the name of a class, a property or a symbol, if a function or a variable has the same
//     name, if it is a constant of compiled code (a name or a literal that stands in the
//     source text of a function that V8 has compiled), or if V8 or Node.js use it
//     themselves (words.txt, made by scripts/words.sh from Node.js 14 to 26);
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
// because V8's own table says which node is which character. Data that is equal to a name
// in the code stays where it is a name. V8 throws the compiled code of functions away that
// have not run for a while: names that stand only there are replaced, too. And single
// characters, names of properties of up to three characters and numbers of up to three
// digits stay what they are.
//
// It keeps in memory 9 bytes a node, the strings and some bytes for each, and for the proof
// the words of the copy as hashes.
package redact
