package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/leak"
)

// misplacedError ends a diagnosis of files of which nothing is known but what is in them:
// one of them is older than the one before it, or the same snapshot.
type misplacedError struct{ file string }

func (e *misplacedError) Error() string {
	return printable(e.file) + " does not stand where its age puts it"
}

// rereadable says whether all are ordinary files, which can be read a second time.
func rereadable(files []string) bool {
	return !slices.ContainsFunc(files, func(file string) bool {
		info, err := os.Stat(file)
		return file == stdinFile || err == nil && !info.Mode().IsRegular()
	})
}

// inPlace returns *misplacedError if a file does not follow the one before it.
func (s subject) inPlace(file string, order leak.Order) error {
	if s.loose && (order == leak.Earlier || order == leak.Identical) {
		return &misplacedError{file}
	}
	return nil
}

// arranged returns the subject with the files in the order of their age and each snapshot
// once, and says so. It reads them all once more, which costs less than a diagnosis. Files
// that are not all of one process stay as they are.
func (s subject) arranged(ctx context.Context, u *ui) (subject, error) {
	s.loose = false
	var (
		imprints []*leak.Imprint // of those that are kept, oldest first
		files    []string
		left     []string // what is said of those that are not
		copies   int      // how many those are
	)
	for _, file := range s.files {
		whole, err := loadSnapshot(ctx, u, file)
		if err != nil {
			return s, err
		}
		at := len(imprints)
		for i, known := range imprints {
			order := known.Order(whole)
			if order == leak.Unrelated {
				return s, nil
			}
			if order == leak.Identical {
				if text := copyText(file, files[i]); !slices.Contains(left, text) {
					left = append(left, text)
				}
				copies++
				at = -1
				break
			}
			if order == leak.Earlier {
				at = min(at, i)
			}
		}
		if at >= 0 {
			imprints, files = slices.Insert(imprints, at, leak.NewImprint(whole)), slices.Insert(files, at, file)
		}
		forget()
	}
	other := s.reordered(u, files, left)
	other.options.Copies = copies
	return other, nil
}

// copyText says of a file that it counts for nothing beside one that came before it.
func copyText(file, known string) string {
	if filepath.Clean(file) == filepath.Clean(known) {
		return printable(known) + " is named more than once, and counts once"
	}
	return fmt.Sprintf("%s is the same snapshot as %s, and counts once", printable(file), printable(known))
}

// reordered is the subject with other files in the place of its own.
func (s subject) reordered(u *ui, files, left []string) subject {
	for _, text := range left {
		s.warn(u, text, "name each snapshot once")
	}
	var given []string // of the same files
	for _, file := range s.files {
		if slices.Contains(files, file) && !slices.Contains(given, file) {
			given = append(given, file)
		}
	}
	if !slices.Equal(given, files) {
		s.warn(u, orderText(files, "their object ids"), orderHint)
	}
	other := subjectOfFiles(files)
	other.loose, other.options, other.scripts = false, s.options, s.scripts
	other.info.Page, other.info.Warnings = s.info.Page, s.info.Warnings
	return other
}

// warn tells the user, and the report.
func (s *subject) warn(u *ui, text, hint string) {
	u.warn(text, hint)
	s.info.Warnings = append(s.info.Warnings, text)
}

// orderHint is what to do when files stand in another order than that of their age.
const orderHint = "name the oldest snapshot first"

// orderText says in which order files are read, and who says that it is the right one.
func orderText(files []string, by string) string {
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = printable(filepath.Base(file))
	}
	return fmt.Sprintf("the files were in the wrong order; by %s it is %s", by, strings.Join(names, ", "))
}

// rearrange is what a diagnosis that has ended with an error may try once more with.
func (s subject) rearrange(ctx context.Context, u *ui, err error) (subject, bool, error) {
	var misplaced *misplacedError
	if !errors.As(err, &misplaced) {
		return s, false, err
	}
	other, err := s.arranged(ctx, u)
	return other, err == nil, err
}
