// Package sourcemap finds where the code of a script was written: the line of
// TypeScript behind a line of JavaScript.
//
//	r, err := sourcemap.New(sourcemap.Options{Scripts: scripts, Dir: "dist"})
//	…
//	at := r.Resolve(location) // src/throttler.service.ts:41:7
//
// Maps are found in a folder that the user names, beside the script on this disk, or
// within the script. Nothing is ever fetched from a network, and nothing is guessed: a
// place that no map knows stays what it was.
package sourcemap

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/ecsheap/ecsheap/heap"
)

// Script is a script of the process, as the inspector tells of it.
type Script struct {
	URL          string // such as file:///app/dist/main.js or /app/dist/main.js
	SourceMapURL string // as the script names it; "inline" = within the script; "" = none
}

// Options say where to look for maps. The zero value looks beside the scripts.
type Options struct {
	// Scripts are those of the process, by V8's id of them in decimal, as in the
	// manifest of a capture. nil = unknown: the names in the snapshot have to do.
	Scripts map[string]Script
	// Dir is a folder with maps, or with scripts that hold their maps, "" = none. It
	// comes before what is beside the scripts.
	Dir string
}

// Position is a place in a source, counted from 1 as editors do.
type Position struct {
	File     string // path within the project, or what the place was: a path, a URL, "script 57"
	Line     int    // 0 = unknown
	Column   int    // 0 = unknown
	Name     string // of what stands there, if the map has it
	Original bool   // found through a map
}

// String returns file:line:column.
func (p Position) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Resolver follows places of scripts to where they come from. It reads each map once,
// when it is first needed. Its methods are safe for use by several goroutines.
type Resolver struct {
	scripts  map[string]Script
	projects []string // folders that have packages
	folder   *folder  // nil without Options.Dir

	mu       sync.Mutex
	maps     map[Script]*lazyMap
	warnings []error
}

// lazyMap is a map that is read when it is needed.
type lazyMap struct {
	once  sync.Once
	m     *sourceMap // nil = there is none
	name  string     // of its file
	base  string     // path that its sources are relative to, "" = none
	short sync.Once  // for the warning that it ends before the script does
}

// New returns a Resolver. The error is a *DirError if the folder cannot be read.
func New(o Options) (*Resolver, error) {
	r := &Resolver{scripts: map[string]Script{}, maps: map[Script]*lazyMap{}}
	for id, s := range o.Scripts {
		r.scripts[id] = s
		file, ok := localPath(s.URL)
		if project := projectOf(file); ok && project != "" && !slices.Contains(r.projects, project) {
			r.projects = append(r.projects, project)
		}
	}
	if o.Dir != "" {
		var err error
		if r.folder, err = newFolder(o.Dir); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Resolve returns where the code at a place of a snapshot was written. What cannot be
// found out stays as it was: see Position.Original.
func (r *Resolver) Resolve(l heap.Location) Position {
	script := r.script(l)
	plain := Position{File: fileOf(l, script), Line: max(l.Line+1, 0), Column: max(l.Column+1, 0)}
	file, ok := localPath(script.URL)
	if !ok {
		return plain // code of Node.js itself, or made at run time
	}
	lm := r.mapOf(script, file)
	if lm.m == nil {
		return plain
	}
	s, ok := lm.m.find(l.Line, l.Column)
	if l.Line >= len(lm.m.ends) {
		lm.short.Do(func() {
			r.warn(&MapError{Script: file, Map: lm.name, Err: &ShortError{Line: l.Line + 1, Lines: len(lm.m.ends)}})
		})
	}
	if !ok || s.source == none || lm.m.sources[s.source] == "" {
		return plain
	}
	p := Position{
		File: readable(lm.m.sources[s.source], file, lm.base, r.projects), Line: int(s.line) + 1, Column: int(s.originalColumn) + 1,
		Original: true,
	}
	if s.name != none {
		p.Name = lm.m.names[s.name]
	}
	return p
}

// Warnings returns what kept places from being followed, in the order in which it was
// met: a *MapError for each map that is broken or does not fit.
func (r *Resolver) Warnings() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.warnings)
}

func (r *Resolver) warn(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.warnings = append(r.warnings, err)
}

// script returns the script of a place. The snapshot's own name of it decides: scripts
// of another process would have the same ids.
func (r *Resolver) script(l heap.Location) Script {
	s, ok := r.scripts[strconv.Itoa(l.ScriptID)]
	if !ok || l.Script != "" && fileName(l.Script) != fileName(s.URL) {
		return Script{URL: withoutQuery(l.Script)}
	}
	s.URL = withoutQuery(s.URL)
	return s
}

// fileName returns the path of a file URL, or else the name as it is.
func fileName(name string) string {
	if file, ok := localPath(name); ok {
		return file
	}
	return name
}

// withoutQuery returns the URL of the file: modules can be loaded several times, each
// with a query of its own. Paths may have a question mark.
func withoutQuery(u string) string {
	if scheme(u) == "" {
		return u
	}
	if i := strings.IndexAny(u, "?#"); i >= 0 {
		return u[:i]
	}
	return u
}

// fileOf names the file of a place that no map leads on from.
func fileOf(l heap.Location, s Script) string {
	switch {
	case l.Script != "":
		return fileName(l.Script)
	case s.URL != "":
		return fileName(s.URL)
	}
	return "script " + strconv.Itoa(l.ScriptID)
}

// mapOf returns the map of the script, read.
func (r *Resolver) mapOf(s Script, file string) *lazyMap {
	r.mu.Lock()
	lm := r.maps[s]
	if lm == nil {
		lm = &lazyMap{}
		r.maps[s] = lm
	}
	r.mu.Unlock()
	lm.once.Do(func() {
		found, err := r.find(s, file)
		lm.name, lm.base = found.name, found.base
		if err == nil && found.data != nil {
			lm.m, err = parse(found.data)
		}
		if err != nil {
			lm.m = nil
			r.warn(&MapError{Script: file, Map: found.name, Err: err})
		}
	})
	return lm
}
