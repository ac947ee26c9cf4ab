// Package leaktest is a corpus of small Node.js services, leaking and healthy
// ones, and captures real heap snapshots of them under load:
//
//	for _, app := range leaktest.Apps() {
//		files := leaktest.Capture(t, "24", app, leaktest.Plan{})
//		… find the leak, and ask app.Want whether it is the one …
//	}
//
// The apps are the files of the folders apps and holdout: complete programs of
// their own, which know nothing of tests. driver.js sends them requests.
package leaktest

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:embed driver.js
var driver string

//go:embed apps holdout
var sources embed.FS

// App is a service and the truth about it.
type App struct {
	Name string
	// Leaks says that it leaks. A healthy one may grow, but not for ever.
	Leaks bool
	// Pattern is in a word how it leaks, or why it looks as if it did.
	Pattern string
	// Want is the accumulation point: what a developer would have to mend.
	Want Want
	// Also are further leaks of the same app.
	Also []Want
	// Heavy says that its heap is so large that a series takes ten seconds.
	Heavy bool
	// Load is how many requests it gets in an interval.
	Load int
	// Holdout says that the app is of the second set, see [Holdout].
	Holdout bool

	file string
}

// Want is an accumulation point, in the words of the source. The zero value is
// that of a healthy app.
type Want struct {
	// Any are the formulations that are equally true.
	Any []Point
	// At, if not empty, is text of the one line of the source that a developer has
	// to be led to: that of a callback whose holder alone says little.
	At string
}

// Point is something that holds what leaks, and the name that the source has
// for it.
type Point struct {
	Class string // as in a heap snapshot: "Map", "Array", "(concatenated string)"
	Name  string // of the property, the variable, the event that holds it
}

// Accepts reports whether a suspect of the given class is the accumulation
// point. edge is the last named edge of its path; title may have the name instead,
// for things that no single edge leads to. Of many such things at once the suspect
// is what holds them all, and title has both as "name (class)". A part of a word
// is not enough. Plain objects go by the class "Object", whatever their fields.
func (w Want) Accepts(class, edge, title string) bool {
	if strings.HasPrefix(class, "{") {
		class = "Object" // DevTools names them after their fields
	}
	return slices.ContainsFunc(w.Any, func(p Point) bool {
		return p.Class == class && (hasWord(edge, p.Name) || hasWord(title, p.Name)) || hasWord(title, p.Name+" ("+p.Class+")")
	})
}

// String returns the formulations.
func (w Want) String() string {
	var all []string
	for _, p := range w.Any {
		all = append(all, p.Name+" ("+p.Class+")")
	}
	return strings.Join(all, " or ")
}

// hasWord reports whether name is in text, with no letter or digit beside it.
func hasWord(text, name string) bool {
	for from := 0; name != ""; {
		at := strings.Index(text[from:], name)
		if at < 0 {
			return false
		}
		start := from + at
		end := start + len(name)
		if (start == 0 || !wordByte(text[start-1])) && (end == len(text) || !wordByte(text[end])) {
			return true
		}
		from = start + 1
	}
	return false
}

// wordByte reports whether b can be part of a name in JavaScript.
func wordByte(b byte) bool {
	return b == '_' || b == '$' || b == '#' || b >= 0x80 || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// File is the base name of the program, as the scripts of a snapshot are named.
func (a App) File() string { return path.Base(a.file) }

// Source returns the program.
func (a App) Source() string {
	src, err := sources.ReadFile(a.file)
	if err != nil {
		return "" // the tests of this package have them all
	}
	return string(src)
}

// Line returns the number of the one line, from 1, that holds the text, 0 when
// there is none or more than one.
func (a App) Line(text string) int {
	found := 0
	for i, line := range strings.Split(a.Source(), "\n") {
		if !strings.Contains(line, text) {
			continue
		}
		if found != 0 {
			return 0
		}
		found = i + 1
	}
	return found
}

// Find returns the app with the name, of those of Apps and Holdout.
func Find(name string) (App, bool) {
	for _, app := range slices.Concat(Apps(), Holdout()) {
		if app.Name == name {
			return app, true
		}
	}
	return App{}, false
}
