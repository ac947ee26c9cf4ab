package capture

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxManifest bounds the manifest that Load reads. A day of samples every 5 s
// takes 2 MB.
const maxManifest = 64 << 20

// Load reads the manifest of the capture in dir and checks that its snapshots
// are there in full size; it does not read them. Snapshots that never became
// whole (left over when a capture was killed) are named in Series.Unfinished.
//
// Errors: *DirError.
func Load(dir string) (Series, error) {
	info, err := os.Stat(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return Series{}, &DirError{Dir: dir, Problem: "has no " + manifestName, Fix: "name the directory of a capture, or the snapshot files themselves"}
	}
	const fix = "name the directory of a capture"
	if err == nil && info.Size() > maxManifest {
		err = fmt.Errorf("%s has %d bytes, more than %d", manifestName, info.Size(), maxManifest)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(filepath.Join(dir, manifestName))
	}
	if err != nil {
		return Series{}, &DirError{Dir: dir, Problem: "cannot be read", Fix: fix, Err: bare(err)}
	}
	s, err := parseManifest(text)
	if err != nil {
		return Series{}, &DirError{Dir: dir, Problem: "has a damaged " + manifestName, Fix: "name the snapshot files themselves", Err: err}
	}
	s.Dir = dir
	for _, shot := range s.Snapshots {
		if err := present(dir, shot); err != nil {
			return Series{}, err
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Series{}, &DirError{Dir: dir, Problem: "cannot be read", Fix: fix, Err: bare(err)}
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".heapsnapshot"+tmpSuffix) {
			s.Unfinished = append(s.Unfinished, e.Name())
		}
	}
	return s, nil
}

// present checks that the file of shot is there with its full size.
func present(dir string, shot Shot) error {
	info, err := os.Stat(filepath.Join(dir, shot.File))
	if err != nil {
		return &DirError{Dir: dir, Problem: "lacks " + shot.File, Fix: "restore the file, or name the other snapshot files themselves", Err: bare(err)}
	}
	if info.Size() != shot.Bytes {
		return &DirError{Dir: dir, Problem: fmt.Sprintf("%s has %d bytes, not %d", shot.File, info.Size(), shot.Bytes), Fix: "the file was changed after it was taken: restore it"}
	}
	return nil
}

// parseManifest decodes and checks the text of a manifest, which may come from
// anywhere.
func parseManifest(text []byte) (Series, error) {
	var s Series
	if err := json.Unmarshal(text, &s); err != nil {
		return Series{}, fmt.Errorf("decoding: %w", err)
	}
	if s.Schema != schema {
		return Series{}, fmt.Errorf("schema is %d, not %d: another version of the program wrote it", s.Schema, schema)
	}
	for i, shot := range s.Snapshots {
		if shot.File != filepath.Base(shot.File) || !filepath.IsLocal(shot.File) || shot.File == "." {
			return Series{}, fmt.Errorf("snapshot %d: %q is not the name of a file in the directory", i+1, shot.File)
		}
		if i > 0 && shot.N <= s.Snapshots[i-1].N {
			return Series{}, fmt.Errorf("snapshot %d comes after snapshot %d", shot.N, s.Snapshots[i-1].N)
		}
	}
	return s.filled(), nil
}
