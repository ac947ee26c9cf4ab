package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/ecsheap/ecsheap/heap"
)

// sentinelClass is the class of the object by which ids are checked (see
// guest.Guest.Sentinel), and markPrefix begins the names of its properties.
const (
	sentinelClass = "EcsheapGuest"
	markPrefix    = "shot"
)

// fileIDs is what a snapshot tells of V8's table of ids at its time.
type fileIDs struct {
	sentinel heap.ID
	marks    map[int]heap.ID // of the objects made right before each shot, by its number
	highest  heap.ID         // that V8 had given to an object on its heap
}

// idReader reads fileIDs, and keeps those of the latest file: in a series each is
// compared with the one before and the one after it.
type idReader struct {
	file string
	ids  fileIDs
}

// same tells whether ids continue from one file to the other, which is snapshot n.
// Nobody could ask V8 in between; its objects in the files have to do.
func (r *idReader) same(ctx context.Context, before, after string, n int) (bool, error) {
	a := r.ids
	if r.file != before {
		var err error
		if a, err = readFileIDs(ctx, before); err != nil {
			return false, err
		}
	}
	b, err := readFileIDs(ctx, after)
	if err != nil {
		return false, err
	}
	r.file, r.ids = after, b
	return continues(a, b, n), nil
}

// continues tells whether b, of snapshot n, has the ids of a: the old objects
// kept theirs, and the new one got one that a does not know.
func continues(a, b fileIDs, n int) bool {
	if a.sentinel != b.sentinel || b.marks[n] <= a.highest {
		return false
	}
	for shot, id := range a.marks {
		if b.marks[shot] != id {
			return false
		}
	}
	return true
}

func readFileIDs(ctx context.Context, file string) (fileIDs, error) {
	f, err := os.Open(file)
	if err != nil {
		return fileIDs{}, err
	}
	defer f.Close()
	s, err := heap.Parse(ctx, bufio.NewReaderSize(f, readBuffer), nil)
	if err != nil {
		return fileIDs{}, fmt.Errorf("reading %s: %w", filepath.Base(file), err)
	}
	ids, err := idsOf(s)
	if err != nil {
		return fileIDs{}, fmt.Errorf("%s %w", filepath.Base(file), err)
	}
	return ids, nil
}

// idsOf finds our objects in a snapshot.
func idsOf(s *heap.Snapshot) (fileIDs, error) {
	ids := fileIDs{marks: map[int]heap.ID{}}
	found := 0
	for n := range heap.Node(s.NumNodes()) {
		id := s.ID(n)
		if id%2 == 1 { // even ones are made of addresses and hashes
			ids.highest = max(ids.highest, id)
		}
		if s.Type(n) != heap.ObjectNode || s.RawName(n) != sentinelClass {
			continue
		}
		found++
		ids.sentinel = id
		for ref := range s.Out(n) {
			number, isMark := strings.CutPrefix(s.EdgeName(ref.Edge), markPrefix)
			if shot, err := strconv.Atoi(number); isMark && err == nil {
				ids.marks[shot] = s.ID(ref.To)
			}
		}
	}
	if found != 1 {
		return ids, fmt.Errorf("has %s of class %s, not one", plural(found, "object"), sentinelClass)
	}
	return ids, nil
}
