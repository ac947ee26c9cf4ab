package sourcemap

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
)

const (
	// mapSuffix is what compilers put behind the name of a script for that of its map.
	mapSuffix = ".map"
	// maxFiles bounds the search of a folder: that of a big project with all its
	// packages has some 100,000 files, a home folder or a disk more.
	maxFiles = 500_000
)

// folder is the user's folder with maps.
type folder struct {
	dir string // absolute, with slashes

	listed  sync.Once
	byName  map[string][]candidate // by the map's base name
	scripts map[string][]candidate // by the script's base name
	own     []candidate            // maps that are not those of packages

	read   sync.Once
	byFile map[string][]candidate // by the base name of the script that the map names
}

// candidate is a file that may be, or hold, the map of a script.
type candidate struct {
	file   string // path of it, with slashes
	script string // path that the script would have beside it
}

func newFolder(dir string) (*folder, error) {
	full, err := filepath.Abs(dir)
	if err != nil {
		return nil, &DirError{dir, err}
	}
	if _, err := os.ReadDir(full); err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok {
			err = e.Err
		}
		return nil, &DirError{dir, err}
	}
	return &folder{dir: filepath.ToSlash(full)}, nil
}

// isScript says whether the name is that of JavaScript.
func isScript(name string) bool {
	ext := path.Ext(name)
	return ext == ".js" || ext == ".cjs" || ext == ".mjs"
}

// errTooMany ends a walk.
var errTooMany = errors.New("it has too many files")

// list walks through the folder. Links are not followed. After an error, what was found
// before counts.
func (f *folder) list() error {
	f.byName, f.scripts = map[string][]candidate{}, map[string][]candidate{}
	seen := 0
	err := filepath.WalkDir(filepath.FromSlash(f.dir), func(name string, entry fs.DirEntry, err error) error {
		if seen++; seen > maxFiles {
			return errTooMany
		}
		if err != nil || !entry.Type().IsRegular() {
			return nil // what may not be read has no map for us
		}
		c := candidate{file: filepath.ToSlash(name)}
		base := path.Base(c.file)
		switch {
		case strings.HasSuffix(base, mapSuffix):
			c.script = strings.TrimSuffix(c.file, mapSuffix)
			f.byName[base] = append(f.byName[base], c)
			if projectOf(strings.TrimPrefix(c.file, f.dir)) == "" {
				f.own = append(f.own, c)
			}
		case isScript(base):
			c.script = c.file
			f.scripts[base] = append(f.scripts[base], c)
		}
		return nil
	})
	if err == nil && len(f.byName) == 0 && len(f.scripts) == 0 {
		err = errors.New("it has none")
	}
	if err != nil {
		return &DirError{f.dir, err}
	}
	return nil
}

// readFiles finds out which scripts the maps say they are of.
func (f *folder) readFiles() {
	f.byFile = map[string][]candidate{}
	for _, c := range f.own {
		data, err := readFile(filepath.FromSlash(c.file))
		var head struct {
			File string `json:"file"`
		}
		if err != nil || json.Unmarshal(data, &head) != nil || head.File == "" {
			continue
		}
		if at, ok := beside(c.file, head.File); ok {
			c.script = at
			f.byFile[path.Base(at)] = append(f.byFile[path.Base(at)], c)
		}
	}
}

// kinds yields the files that may have the script's map, the best kind first: maps by
// their name, maps by the name that they have for the script, scripts that hold theirs.
func (f *folder) kinds(s Script, file string) iter.Seq[[]candidate] {
	base := path.Base(file)
	return func(yield func([]candidate) bool) {
		if !yield(renamed(f.byName[path.Base(deployedMap(s, file))], base)) || !yield(f.byName[base+mapSuffix]) {
			return
		}
		f.read.Do(f.readFiles)
		if yield(f.byFile[base]) {
			yield(f.scripts[base])
		}
	}
}

// renamed returns the candidates with the script's name: it need not be that of the map.
func renamed(all []candidate, base string) []candidate {
	out := make([]candidate, len(all))
	for i, c := range all {
		out[i] = candidate{c.file, path.Join(path.Dir(c.script), base)}
	}
	return out
}

// inFolder looks for the map of the script in the user's folder.
func (r *Resolver) inFolder(s Script, file string) (found, error) {
	r.folder.listed.Do(func() {
		if err := r.folder.list(); err != nil {
			r.warn(err)
		}
	})
	for all := range r.folder.kinds(s, file) {
		c, err := r.choose(all, file)
		if err != nil {
			return found{name: r.folder.dir}, err
		}
		if c.file == "" {
			continue
		}
		f, err := r.folder.open(c)
		f.base = deployedMap(s, file)
		if err != nil || f.data != nil {
			return f, err
		}
	}
	return found{}, nil
}

// open reads the map that the candidate is, holds or names.
func (f *folder) open(c candidate) (found, error) {
	data, err := readFile(filepath.FromSlash(c.file))
	if err != nil || !isScript(c.file) {
		return found{data: data, name: c.file}, err
	}
	held := mapReference(data)
	if strings.HasPrefix(held, dataScheme) {
		data, err = dataOf(held)
		return found{data: data, name: c.file}, err
	}
	at, ok := beside(c.file, held)
	if !ok || held == "" || !strings.HasPrefix(at, f.dir+"/") {
		return found{}, nil
	}
	data, err = readFile(filepath.FromSlash(at))
	return found{data: data, name: at}, err
}

// choose returns the candidate whose path ends most like the script's, none if it fits
// another script better. It guesses between no two.
func (r *Resolver) choose(all []candidate, file string) (candidate, error) {
	best, bestFit := candidate{}, -1
	var rival candidate
	for _, c := range all {
		fit := r.folder.fit(c.script, file)
		switch {
		case fit > bestFit:
			best, bestFit, rival = c, fit, candidate{}
		case fit == bestFit && fit >= 0 && !sameContent(best.file, c.file):
			rival = c
		}
	}
	if bestFit < 0 {
		return candidate{}, nil
	}
	if rival.file != "" {
		return candidate{}, &AmbiguousError{best.file, rival.file}
	}
	for _, s := range r.scripts {
		other, ok := localPath(withoutQuery(s.URL))
		if !ok || other == file || path.Base(other) != path.Base(file) {
			continue
		}
		switch fit := r.folder.fit(best.script, other); {
		case fit > bestFit:
			return candidate{}, nil
		case fit == bestFit:
			return candidate{}, &AmbiguousError{file, other}
		}
	}
	return best, nil
}

// fit says how well the path of a script beside a candidate agrees with that of a
// script of the process: by how many folders, from the last one on, times two, and one
// more if that is all that the folder has of it. It is -1 if they cannot be the same:
// packages are told apart by their whole path.
func (f *folder) fit(beside, file string) int {
	a, b := strings.Split(path.Dir(beside), "/"), strings.Split(path.Dir(file), "/")
	n := 0
	for n < len(a) && n < len(b) && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	for _, p := range [][]string{a, b} {
		for _, name := range p[:len(p)-n] {
			if name == packages {
				return -1
			}
		}
	}
	if inside := strings.Count(strings.TrimPrefix(beside, f.dir), "/") - 1; n >= inside {
		return 2*n + 1
	}
	return 2 * n
}

// sameContent says whether two files hold the same: builds are often there twice.
func sameContent(a, b string) bool {
	one, err := readFile(filepath.FromSlash(a))
	if err != nil || one == nil {
		return false
	}
	other, err := readFile(filepath.FromSlash(b))
	return err == nil && bytes.Equal(one, other)
}
