package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/term"

	"github.com/ecsheap/ecsheap/heap"
)

const (
	// stdinFile is the FILE that stands for standard input.
	stdinFile = "-"

	// readBuffer is read from a file at once: enough that system calls do not
	// count. Larger reads pass it by.
	readBuffer = 64 << 10

	// zstdWindow is the most memory that a .zst file may ask its reader for:
	// the limit of the zstd program itself unless told otherwise.
	zstdWindow = 128 << 20

	// listedFiles is how many files of a directory a hint names.
	listedFiles = 5
)

// zstdMagic begins every zstd frame (RFC 8878, 3.1.1).
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// loadSnapshot reads the heap snapshot in a file, plain or compressed with gzip
// or zstd (told by its first bytes, not by its name), or on standard input if
// the file is "-". A live line shows how far it is, and stays for the work on the
// graph until the caller takes it away with settle.
//
// Errors: *snapshotFileError, or the cause of a cancelled context.
func loadSnapshot(ctx context.Context, u *ui, file string) (*heap.Snapshot, error) {
	f, err := openSnapshot(ctx, u, file)
	if err != nil {
		return nil, err
	}
	if f != u.in {
		defer f.Close()
	}
	p := &readProgress{file: file, r: f, began: time.Now()}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		p.size = info.Size()
	} else {
		pipe := abandonable(ctx, f)
		defer pipe.Close()
		p.r = pipe
	}
	u.status(p.line)
	debug.SetGCPercent(gcPercent)
	s, err := parseSnapshot(ctx, p)
	if err != nil {
		return nil, unreadable(ctx, p, err)
	}
	return s, nil
}

// abandonable returns what r holds, until ctx ends: the read of a pipe that
// nobody writes to cannot be ended otherwise. Close ends it, too; the read that
// hangs then is left behind.
func abandonable(ctx context.Context, r io.Reader) io.ReadCloser {
	out, in := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(in, struct{ io.Reader }{r}, make([]byte, readBuffer)) // without WriteTo, which would not use the buffer
		in.CloseWithError(err)
	}()
	context.AfterFunc(ctx, func() { in.CloseWithError(context.Cause(ctx)) })
	return out
}

// gcPercent is how much garbage may gather, in per cent of what is in use. A
// snapshot in memory is a few large slices without pointers, so a collection
// costs next to nothing; at the default of 100 the peak is 4 to 9 % higher.
const gcPercent = 2

// forget gives the memory of a snapshot that has been reduced to the next one:
// left to itself, the collector would let the two stand side by side.
func forget() { runtime.GC() }

// settle takes the live line away: data on stdout comes next.
func (u *ui) settle() {
	u.status(nil)
	u.flush()
}

// parseSnapshot takes a zstd compression away; package heap knows gzip itself.
func parseSnapshot(ctx context.Context, r io.Reader) (*heap.Snapshot, error) {
	buffered := bufio.NewReaderSize(r, readBuffer)
	magic, err := buffered.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(magic, zstdMagic) {
		return heap.Parse(ctx, buffered, nil)
	}
	z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	return heap.Parse(ctx, z, nil)
}

// openSnapshot opens what FILE names.
func openSnapshot(ctx context.Context, u *ui, file string) (*os.File, error) {
	if file == stdinFile {
		if term.IsTerminal(int(u.in.Fd())) {
			return nil, &usageError{text: "standard input is a terminal", hint: "name a file, or send a snapshot through a pipe"}
		}
		return u.in, nil
	}
	f, err := openUntil(ctx, u, file)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, &usageError{text: printable(file) + " is a directory", hint: filesHint(file)}
	}
	return f, nil
}

// openUntil opens a file, or leaves the attempt behind when ctx ends: the system
// opens a named pipe only once there is somebody who writes to it, and nothing
// ends its waiting. Who waits for long is told for what.
func openUntil(ctx context.Context, u *ui, file string) (*os.File, error) {
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := os.Open(file)
		if err != nil {
			err = notOpened(file, err)
		}
		done <- opened{f, err}
	}()
	patience := time.NewTimer(pipePatience)
	defer patience.Stop()
	for {
		select {
		case o := <-done:
			return o.f, o.err
		case <-patience.C:
			if info, err := os.Stat(file); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
				continue // slow
			}
			u.warn(printable(file)+" is a pipe that nobody writes to yet", "waiting; Ctrl-C ends it")
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// pipePatience is how long the opening of a file takes before a reason is told: ordinary
// ones, and pipes with a program at the other end, take a fraction of it.
const pipePatience = 2 * time.Second

// notOpened words what the system says of a file that cannot be opened.
func notOpened(file string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err // the name is told already
	}
	if errors.Is(err, fs.ErrNotExist) {
		return &usageError{text: "no file " + printable(file), hint: "snapshots of a capture are in its directory, as s1.heapsnapshot and so on"}
	}
	return &snapshotFileError{file: file, err: err}
}

// filesHint names the snapshots in a directory, for who named the directory of
// a capture where one of its files is wanted.
func filesHint(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "name a .heapsnapshot file"
	}
	var names []string
	for _, e := range entries {
		if name := strings.TrimSuffix(strings.TrimSuffix(e.Name(), ".gz"), ".zst"); !e.IsDir() && strings.HasSuffix(name, ".heapsnapshot") {
			names = append(names, printable(filepath.Join(dir, e.Name())))
		}
	}
	switch {
	case len(names) == 0:
		return "it holds no .heapsnapshot file; name a file"
	case len(names) > listedFiles:
		more := len(names) - listedFiles
		return fmt.Sprintf("name one of its files: %s and %d more", strings.Join(names[:listedFiles], ", "), more)
	}
	return "name one of its files: " + strings.Join(names, ", ")
}

// unreadable words what went wrong with a file.
func unreadable(ctx context.Context, p *readProgress, err error) error {
	if ctx.Err() != nil {
		return err
	}
	e := &snapshotFileError{file: p.file, err: err}
	var syntax *heap.SyntaxError
	switch {
	case p.done.Load() == 0 && p.failure() == nil:
		e.fault = faultEmpty
	case errors.As(err, &syntax):
		e.fault, e.kind = faultSyntax, kindOf(p.file)
		if syntax.Offset == 0 && syntax.Got == "end of input" { // a compression of nothing
			e.fault = faultEmpty
		}
	case p.failure() == nil && !isAs[*heap.LimitError](err):
		e.fault = faultCompression // the file was there to be read
	}
	return e
}

// fileFault is what a file that cannot be used lacks.
type fileFault int

const (
	faultOther fileFault = iota // the system does not let us read it, or it is too big
	faultEmpty
	faultSyntax
	faultCompression
)

// snapshotFileError is a file that holds no whole heap snapshot, or that
// cannot be read.
type snapshotFileError struct {
	file  string
	fault fileFault
	kind  *fileKind // nil = unknown
	err   error
}

func (e *snapshotFileError) Error() string {
	// What stands in the file may be part of the reason.
	name, reason := printable(e.file), printable(e.err.Error())
	if e.kind != nil {
		reason = e.kind.what
	}
	switch e.fault {
	case faultEmpty:
		return name + " is empty"
	case faultSyntax:
		return name + " is not a whole heap snapshot: " + reason
	case faultCompression:
		return name + " cannot be decompressed: " + reason
	}
	return "reading " + name + ": " + reason
}

func (e *snapshotFileError) Unwrap() error { return e.err }

// Hint says what to do about the file.
func (e *snapshotFileError) Hint() string {
	var hinter interface{ Hint() string }
	var syntax *heap.SyntaxError
	switch {
	case e.kind != nil:
		return e.kind.hint
	case errors.As(e.err, &syntax) && e.fault == faultSyntax && syntax.Want == `"snapshot"`: // a whole JSON object, but another one
		return (&heap.SyntaxError{}).Hint()
	case e.fault == faultEmpty:
		return "take the snapshot again"
	case errors.Is(e.err, zstd.ErrWindowSizeExceeded):
		return "decompress it first with `zstd -d --long=31`"
	case e.fault == faultCompression:
		return "the file is cut off or damaged: copy it again, or take a new snapshot"
	case errors.As(e.err, &hinter):
		return hinter.Hint()
	case errors.Is(e.err, fs.ErrPermission):
		return "captures can be read by their owner alone"
	}
	return ""
}
