package sourcemap

import "fmt"

// DirError says that the folder with the maps cannot be read.
type DirError struct {
	Dir string
	Err error
}

// Error names the folder.
func (e *DirError) Error() string { return fmt.Sprintf("reading source maps in %s: %v", e.Dir, e.Err) }

// Unwrap returns the cause.
func (e *DirError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *DirError) Hint() string {
	return "name the folder that the build wrote its .js.map files to, such as dist"
}

// MapError says why the source map of a script is of no use. Places of the script stay
// what they were.
type MapError struct {
	Script string // path
	Map    string // path, or "the script" that holds it
	Err    error
}

// Error names both files and the cause.
func (e *MapError) Error() string {
	return fmt.Sprintf("source map of %s in %s: %v", e.Script, e.Map, e.Err)
}

// Unwrap returns the cause.
func (e *MapError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *MapError) Hint() string {
	return "use the maps of the very build that runs, with --source-maps DIR"
}

// ShortError says that a map ends before a line that the script has: it is the map of
// another build.
type ShortError struct {
	Line  int // of the script, from 1
	Lines int // that the map has
}

// Error names the lines.
func (e *ShortError) Error() string {
	return fmt.Sprintf("it has %d lines, but the script a function in line %d", e.Lines, e.Line)
}

// AmbiguousError says that several maps fit a script, or several scripts a map, equally
// well.
type AmbiguousError struct {
	One, Other string // paths
}

// Error names two of them.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s and %s fit equally well", e.One, e.Other)
}

// SizeError says that a file is bigger than a source map is.
type SizeError struct {
	Size, Max int64 // bytes
}

// Error names the sizes.
func (e *SizeError) Error() string {
	return fmt.Sprintf("%d bytes are more than the %d of the biggest map that is read", e.Size, e.Max)
}
