package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

const (
	manifestName = "manifest.json"

	// tmpSuffix marks what is not whole, or not known to be.
	tmpSuffix = ".tmp"

	// Heap snapshots hold the secrets of the process.
	dirMode  = 0o700
	fileMode = 0o600
)

// store is the directory of a capture.
type store struct {
	dir    string                              // cleaned
	made   []string                            // directories that we made, dir and parents of it, outermost first
	create func(name string) (*os.File, error) // makes a file that must not exist yet
}

// CheckDir tells early whether Run would refuse the directory: nil, or a
// [*DirError]. It tries it: what it makes, it takes away again.
func CheckDir(dir string) error {
	s, err := openStore(dir)
	if err != nil {
		return err
	}
	s.discard()
	return nil
}

// openStore makes the directory, or takes it when it is empty, or has no snapshot
// of an earlier capture. When it fails nothing stays of what it made.
func openStore(dir string) (*store, error) {
	s := &store{dir: filepath.Clean(dir)}
	s.create = s.createFile
	switch err := s.check(); {
	case err == nil:
	case errors.Is(err, fs.ErrNotExist):
		if err := s.makeDirs(s.dir); err != nil {
			s.discard()
			return nil, &DirError{Dir: s.dir, Problem: "cannot be made", Fix: "choose a place that you may write to", Err: err}
		}
	default:
		return nil, err
	}
	// Better now than after the process has stood still for the snapshot.
	f, err := s.createFile(manifestName + tmpSuffix)
	if err == nil {
		_ = f.Close()
		err = os.Remove(f.Name())
	}
	if err != nil {
		s.discard()
		return nil, &DirError{Dir: s.dir, Problem: "cannot be written to", Fix: "choose a directory that you may write to", Err: bare(err)}
	}
	return s, nil
}

// makeDirs is os.MkdirAll that remembers what it made.
func (s *store) makeDirs(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s is not a directory", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := s.makeDirs(parent); err != nil {
			return err
		}
	}
	err = os.Mkdir(dir, dirMode)
	if errors.Is(err, fs.ErrExist) { // somebody else has just made it, and owns it
		return nil
	}
	if err == nil {
		s.made = append(s.made, dir)
	}
	return err
}

// check returns an error unless dir is an empty directory; fs.ErrNotExist when
// there is nothing.
func (s *store) check() error {
	info, err := os.Stat(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil && !info.IsDir() {
		return &DirError{Dir: s.dir, Problem: "is not a directory", Fix: "choose a directory that does not exist yet"}
	}
	if err != nil {
		return &DirError{Dir: s.dir, Problem: "cannot be used", Fix: "choose a directory that does not exist yet", Err: bare(err)}
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return &DirError{Dir: s.dir, Problem: "cannot be read", Fix: "choose a directory that does not exist yet", Err: bare(err)}
	}
	if len(entries) > 0 && !fruitless(s.dir, entries) {
		return &DirError{Dir: s.dir, Problem: fmt.Sprintf("is not empty (%s is there)", entries[0].Name()), Fix: "choose a directory that does not exist yet; nothing is overwritten"}
	}
	return nil
}

// auditName is where the program writes down what it changed.
const auditName = "audit.jsonl"

// fruitless tells whether a directory is that of a capture without a snapshot,
// such as one that was refused: what the user does next is to try it again.
func fruitless(dir string, entries []fs.DirEntry) bool {
	for _, e := range entries {
		if e.Name() != manifestName && e.Name() != auditName {
			return false
		}
	}
	s, err := Load(dir)
	return err == nil && len(s.Snapshots) == 0
}

// bare takes the path off a system error, for messages that name it already.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// discard removes the directories that we made, as far as they are empty.
func (s *store) discard() {
	for _, dir := range slices.Backward(s.made) {
		if os.Remove(dir) != nil {
			return // not empty, and so are those around it
		}
	}
}

func (s *store) createFile(name string) (*os.File, error) {
	return os.OpenFile(filepath.Join(s.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
}

// commit gives the finished file its final name, once it is on the disk.
func (s *store) commit(f *os.File, name string) error {
	err := f.Sync()
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	if err := os.Rename(f.Name(), filepath.Join(s.dir, name)); err != nil {
		return err
	}
	return s.sync()
}

// sync makes a rename last.
func (s *store) sync() error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be synced there, and need not be
	}
	d, err := os.Open(s.dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}

// save replaces the manifest in one step.
func (s *store) save(series Series) error {
	return s.replace(manifestName, series.filled())
}

// replace writes a file of JSON in one step.
func (s *store) replace(name string, content any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(content); err != nil {
		return fmt.Errorf("encoding %s: %w", name, err)
	}
	f, err := s.create(name + tmpSuffix)
	if err != nil {
		return s.explain(err)
	}
	_, err = f.Write(b.Bytes())
	if err == nil {
		err = s.commit(f, name)
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return s.explain(err)
	}
	return nil
}

// explain gives an error of the file system its final form.
func (s *store) explain(err error) error {
	if isFull(err) {
		return &SpaceError{Dir: s.dir, Free: freeSpace(s.dir), Err: bare(err)}
	}
	return fmt.Errorf("writing to %s: %w", s.dir, err)
}
