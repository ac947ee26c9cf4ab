package redact

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// KeyBytes is how long a key is that nobody guesses.
const KeyBytes = 32

// Options are the optional wishes of Snapshot.
type Options struct {
	// Key makes the pseudonyms: snapshots redacted with one key have the same ones, so
	// that names that are not kept can be compared. Whoever has the key can try whether
	// a guessed text is in the snapshot. Empty: a random key that nobody ever sees.
	Key []byte
	// Overwrite replaces a file that is there.
	Overwrite bool
	// Progress, if not nil, is told now and then how many bytes of the snapshot
	// (uncompressed) have been read.
	Progress func(bytes int64)
}

// Report says what a redacted snapshot holds.
type Report struct {
	Nodes, Edges uint64
	Strings      uint64 // in the table of the file
	Kept         uint64 // as they were: names of code, words of the engine, single characters
	Framed       uint64 // of which the engine's part and names of code stayed
	Replaced     uint64 // whole
	Keys         uint64 // numbers that were keys of objects, replaced
	// Proven is how many strings of more than three characters are not in the finished
	// file: they are not what they were, and it has no word of them but names of code.
	Proven uint64
	// Dropped are the sections that were left out, because they hold something else
	// than numbers.
	Dropped []string
}

// Snapshot reads a snapshot (plain JSON) and writes a redacted copy, readable by its owner
// alone, to the file out. The file is there once it is complete and has been proven to be
// clean: until then, and after an error, there is none, or the old one.
//
// What it keeps in memory is said above, at the package. It returns the
// cause of ctx when ctx ends first, a *SyntaxError when r does not hold one whole
// snapshot, a *LimitError when that is too big, an *ExistsError, a *ProofError, and the
// errors of r and of the file system, wrapped.
func Snapshot(ctx context.Context, r io.Reader, out string, o Options) (Report, error) {
	if _, err := os.Lstat(out); err == nil && !o.Overwrite {
		return Report{}, &ExistsError{File: out}
	}
	if len(o.Key) == 0 {
		o.Key = make([]byte, KeyBytes)
		_, _ = rand.Read(o.Key) // never fails
	}
	file, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".*.tmp") // for its owner alone
	if err != nil {
		return Report{}, fmt.Errorf("writing redacted snapshot: %w", err)
	}
	report, err := redact(ctx, r, file, o)
	if closeErr := file.Close(); err == nil && closeErr != nil {
		err = fmt.Errorf("writing redacted snapshot: %w", closeErr)
	}
	if err == nil {
		err = publish(file.Name(), out, o.Overwrite)
	}
	if err != nil {
		_ = os.Remove(file.Name()) // the error at hand says more
		return Report{}, err
	}
	return report, nil
}

// publish gives the finished file its name.
func publish(tmp, out string, overwrite bool) error {
	if !overwrite {
		err := os.Link(tmp, out)
		if err == nil {
			_ = os.Remove(tmp) // it has its other name
			return nil
		}
		if errors.Is(err, fs.ErrExist) {
			return &ExistsError{File: out}
		}
		// A file system without links: a file that turns up just now is lost.
	}
	if err := os.Rename(tmp, out); err != nil {
		return fmt.Errorf("writing redacted snapshot: %w", err)
	}
	return nil
}

// redact writes the copy and proves it.
func redact(ctx context.Context, r io.Reader, file *os.File, o Options) (Report, error) {
	c := &copier{
		input: newInput(ctx, r, o.Progress), file: file, out: bufio.NewWriterSize(file, copyBuffer), seen: map[string]bool{},
		names: newPseudonyms(o.Key, 0, 0),
	}
	if err := write(c, []byte{'{'}); err != nil {
		return Report{}, fmt.Errorf("writing redacted snapshot: %w", err)
	}
	if err := c.document(); err != nil {
		return Report{}, err
	}
	if err := c.out.Flush(); err != nil {
		return Report{}, fmt.Errorf("writing redacted snapshot: %w", err)
	}
	for _, p := range c.late {
		if _, err := file.WriteAt(p.text, p.at); err != nil {
			return Report{}, fmt.Errorf("writing redacted snapshot: %w", err)
		}
	}
	report := Report{Nodes: c.h.numNodes, Edges: c.h.numEdges, Strings: c.texts.len(), Keys: c.keys, Dropped: c.dropped}
	if err := c.conclude(); err != nil {
		return report, err
	}
	places := &c.places.places
	c.places = nil // the nodes are not needed any more
	if err := c.writeStrings(newWording(places, &c.texts, o.Key), &report); err != nil {
		return report, fmt.Errorf("writing redacted snapshot: %w", err)
	}
	if err := file.Sync(); err != nil {
		return report, fmt.Errorf("writing redacted snapshot: %w", err)
	}
	var err error
	report.Proven, err = prove(ctx, file, c.h, c.sums, &c.texts)
	return report, err
}

// conclude finds the places of all texts.
func (c *copier) conclude() error {
	v := c.places
	for _, traced := range []struct {
		names *column[uint32]
		place place
	}{{&c.functions, inFunction}, {&c.scripts, inScript}} {
		for i := range traced.names.n {
			if name := traced.names.at(i); !v.places.or(name, traced.place) {
				return tooFar(0, uint64(name))
			}
		}
	}
	return v.conclude(&c.texts, c.reread)
}

// writeStrings writes the last section and the end of the file.
func (c *copier) writeStrings(w *wording, report *Report) error {
	if err := c.begin("strings"); err != nil {
		return err
	}
	before := byte('[')
	var line []byte
	for i := range c.texts.len() {
		line = append(line[:0], before, '\n', '"')
		if i == 0 {
			line = append(line[:0], before, '"')
		}
		before = ','
		var how fate
		line, how = w.append(line, i)
		switch how {
		case keptWhole:
			report.Kept++
		case framed:
			report.Framed++
		default:
			report.Replaced++
		}
		if err := write(c, append(line, '"')); err != nil {
			return err
		}
	}
	if before == '[' {
		if err := write(c, []byte{'['}); err != nil {
			return err
		}
	}
	if err := write(c, []byte("]}")); err != nil {
		return err
	}
	return c.out.Flush()
}
