package sourcemap

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// schemeEnd separates the scheme of a URL.
const schemeEnd = "://"

// scheme returns the scheme of a URL, "" of a path.
func scheme(source string) string {
	before, _, ok := strings.Cut(source, schemeEnd)
	if !ok || strings.ContainsAny(before, "/?#") {
		return ""
	}
	return before
}

// isAbsolute says whether a source stands for itself, without a root before it.
func isAbsolute(source string) bool {
	return strings.HasPrefix(source, "/") || scheme(source) != ""
}

// localPath returns the path of a script or a map, with slashes, if it may be one of a
// file system: of a file URL and of an absolute path. A file URL of another machine
// would be a way to reach the network.
func localPath(name string) (string, bool) {
	if scheme(name) == "file" {
		u, err := url.Parse(name)
		if err != nil || u.Host != "" && u.Host != "localhost" {
			return "", false
		}
		name = u.Path
	}
	if !strings.HasPrefix(name, "/") || strings.HasPrefix(name, "//") {
		return "", false
	}
	return path.Clean(name), true
}

// beside resolves a reference that stands in the file at a path. It returns false for
// what is no file there.
func beside(file, reference string) (string, bool) {
	if isAbsolute(reference) {
		return localPath(reference)
	}
	if strings.Contains(reference, ":") { // such as data:…
		return "", false
	}
	if plain, err := url.PathUnescape(reference); err == nil {
		reference = plain
	}
	return path.Join(path.Dir(file), reference), true
}

// moduleFolder is where packages are. The folder around it is that of the project.
const (
	packages     = "node_modules"
	moduleFolder = "/" + packages + "/"
)

// projectOf returns the folder that a path's packages belong to, "" if the path is not
// within a package.
func projectOf(file string) string {
	if i := strings.Index(file, moduleFolder); i >= 0 {
		return file[:i]
	}
	return ""
}

// readable makes a name for people of a source: a path within the project, such as
// src/throttler.service.ts. script is the path of the script that was made of it, "" if
// it has none, base what the map's sources are relative to. projects are folders that
// may be the project's.
func readable(source, script, base string, projects []string) string {
	switch s := scheme(source); s {
	case "file", "":
	case "http", "https":
		return source
	default: // webpack://name/./src/main.ts?1a2b
		_, rest, _ := strings.Cut(source, schemeEnd)
		_, rest, _ = strings.Cut(rest, "/")
		rest, _, _ = strings.Cut(rest, "?")
		return withoutDots(rest)
	}
	full, ok := localPath(source)
	if !ok && base != "" && !isAbsolute(source) {
		full, ok = path.Join(path.Dir(base), source), true
	}
	if !ok {
		return withoutDots(source)
	}
	return within(full, script, projects)
}

// withoutDots returns a path without the steps upwards that it starts with.
func withoutDots(p string) string {
	return strings.TrimLeft(strings.TrimPrefix(path.Clean("/"+p), "/"), "/")
}

// within returns the path within the project: the outermost folder with packages, or
// else the folder that both the source and the script are in.
func within(full, script string, projects []string) string {
	best := ""
	for _, p := range append(slices.Clip(projects), projectOf(script)) {
		if p != "" && strings.HasPrefix(full, p+"/") && (best == "" || len(p) < len(best)) {
			best = p
		}
	}
	if best == "" {
		best = commonFolder(full, script)
	}
	if best == "" {
		return full
	}
	if best == path.Dir(full) { // a name alone would not say much
		best = path.Dir(best)
	}
	return strings.TrimPrefix(strings.TrimPrefix(full, best), "/")
}

// commonFolder returns the deepest folder that both files are in.
func commonFolder(a, b string) string {
	last := 0
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '/' {
			last = i
		}
	}
	return a[:last]
}
