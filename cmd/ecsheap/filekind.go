package main

import (
	"bytes"
	"io"
	"os"
)

// fileKind is a kind of file that is taken for a heap snapshot.
type fileKind struct{ what, hint string }

// kindBytes is how much of a file is looked at to tell its kind: the first section of each
// is named in them.
const kindBytes = 256

// kindOf tells what a file is that is no heap snapshot, by its first bytes; nil if that is
// nothing that is known.
func kindOf(file string) *fileKind {
	info, err := os.Stat(file)
	if err != nil || !info.Mode().IsRegular() { // of a pipe the bytes are gone
		return nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, kindBytes)
	n, err := io.ReadFull(f, head)
	if err != nil && n == 0 {
		return nil
	}
	return kindOfBytes(head[:n])
}

// kindOfBytes tells the kind by the names that the formats begin with.
func kindOfBytes(head []byte) *fileKind {
	const open = "open it in Chrome DevTools; a heap snapshot is taken by `ecsheap snapshot`"
	text := string(bytes.Map(func(c rune) rune {
		if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
			return -1
		}
		return c
	}, head))
	begins := func(with string) bool { return len(text) >= len(with) && text[:len(with)] == with }
	switch {
	case begins("\ufeff"):
		return &fileKind{"it begins with a byte order mark", "take the mark away with `tail -c +4`: a program has added it to the snapshot"}
	case begins(`{"head":{"callFrame"`):
		return &fileKind{"it is a sampling heap profile", open}
	case begins(`{"nodes":[{"id"`):
		return &fileKind{"it is a CPU profile", open}
	case begins(`{"traceEvents"`):
		return &fileKind{"it is a trace of events", open}
	case begins(`{"schema"`):
		return &fileKind{"it is JSON of ecsheap", "name a .heapsnapshot file, or the directory of a capture: `ecsheap analyze DIR`"}
	}
	return nil
}
