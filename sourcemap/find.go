package sourcemap

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

const (
	// maxFileBytes bounds maps and the scripts that hold them. The map of a bundle of
	// 20 MB, with all its sources, has about 80 MB; parsing it takes some three times
	// that.
	maxFileBytes = 128 << 20
	// inline is the SourceMapURL of a script that holds its map itself, in the manifest
	// of a capture.
	inline = "inline"
	// dataScheme starts a URL that holds what it stands for.
	dataScheme = "data:"
)

// found is a map that is not parsed yet.
type found struct {
	data []byte // nil = there is none
	name string // of the file it is in
	base string // path, in the process's world, that its sources are relative to
}

// find looks for the map of the script at a path: in the script's URL of it, in the
// user's folder, and beside the script on this disk.
func (r *Resolver) find(s Script, file string) (found, error) {
	if strings.HasPrefix(s.SourceMapURL, dataScheme) {
		data, err := dataOf(s.SourceMapURL)
		return found{data, file, file}, err
	}
	if r.folder != nil {
		f, err := r.inFolder(s, file)
		if err != nil || f.data != nil {
			return f, err
		}
	}
	return besideScript(s, file)
}

// deployedMap returns the path of the map in the process's world, which its sources are
// relative to. It need not be there.
func deployedMap(s Script, file string) string {
	if s.SourceMapURL != "" && s.SourceMapURL != inline {
		if at, ok := beside(file, s.SourceMapURL); ok {
			return at
		}
	}
	return file + mapSuffix
}

// besideScript looks on this disk at the very paths that the process has: it may run on
// this machine, or from an equal checkout.
func besideScript(s Script, file string) (found, error) {
	reference := s.SourceMapURL
	if reference == "" || reference == inline {
		text, err := readFile(filepath.FromSlash(file))
		if err != nil {
			return found{name: file}, err
		}
		if held := mapReference(text); held != "" {
			reference = held
		}
	}
	if strings.HasPrefix(reference, dataScheme) {
		data, err := dataOf(reference)
		return found{data, file, file}, err
	}
	at := deployedMap(Script{SourceMapURL: reference}, file)
	data, err := readFile(filepath.FromSlash(at))
	return found{data, at, at}, err
}

// readFile returns what is in a file, nil if there is none. Whatever a manifest names
// could stand here: nothing but regular files of a sensible size is opened.
func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil, nil // not there is no mistake
	}
	if info.Size() > maxFileBytes {
		return nil, &SizeError{info.Size(), maxFileBytes}
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, withoutPath(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFileBytes))
	if err != nil {
		return nil, withoutPath(err)
	}
	return data, nil
}

// withoutPath returns the cause of an error alone: the path stands in ours.
func withoutPath(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("reading it: %w", err)
}

// reference stands in the last lines of a script, behind "//# " or "//@ ".
var reference = []byte("sourceMappingURL=")

// mapReference returns what a script says of its map, as its last comment of that kind.
func mapReference(script []byte) string {
	for end := len(script); ; {
		i := bytes.LastIndex(script[:end], reference)
		if i < 0 {
			return ""
		}
		end = i
		if before := script[:i]; !bytes.HasSuffix(before, []byte("//# ")) && !bytes.HasSuffix(before, []byte("//@ ")) {
			continue
		}
		rest := script[i+len(reference):]
		if stop := bytes.IndexAny(rest, " \t\r\n\"'`"); stop >= 0 {
			rest = rest[:stop]
		}
		return string(rest)
	}
}

// dataOf returns what a data URL holds.
func dataOf(u string) ([]byte, error) {
	kind, text, ok := strings.Cut(strings.TrimPrefix(u, dataScheme), ",")
	if !ok {
		return nil, errors.New("reading a data URL without data")
	}
	if strings.Contains(text, "%") {
		plain, err := url.PathUnescape(text)
		if err != nil {
			return nil, errors.New("reading a data URL: a bad escape")
		}
		text = plain
	}
	if !strings.HasSuffix(kind, ";base64") {
		return []byte(text), nil
	}
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return nil, fmt.Errorf("reading a data URL: %w", err)
	}
	return data, nil
}
