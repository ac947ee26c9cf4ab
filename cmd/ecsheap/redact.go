package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/urfave/cli/v2"

	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/redact"
)

func redactCommand(u *ui) *cli.Command {
	return &cli.Command{
		Name: "redact", Category: categoryAnalyse,
		Usage:     "copy a heap snapshot without its string contents, so that it can be shared",
		UsageText: "ecsheap redact s3.heapsnapshot s3-shared.heapsnapshot",
		ArgsUsage: "IN OUT",
		Description: "OUT has the same objects, sizes, ids and references as IN, and the names of code: those of functions, variables and scripts,\n" +
			"and of classes and properties that compiled code in the heap has as well. All other text becomes a pseudonym of the same length,\n" +
			"made with a key that is thrown away. OUT is read again before it gets its name: no string of more than three\n" +
			"characters may be left that is not a name of code. Sizes, lengths and names of code can still tell something: look before you share.\n" +
			"IN is a .heapsnapshot file, plain or compressed with gzip or zstd; - is standard input. OUT is plain.",
		Flags: slices.Concat([]cli.Flag{
			&cli.BoolFlag{Name: "overwrite", Category: categoryOutput, Usage: "replace OUT if it is there"},
			&cli.StringFlag{Name: "key", Category: categoryOutput, Usage: "`file` with the key of the pseudonyms, made if it is not there: for snapshots that are compared with each other. Do not share it"},
		}, formatFlags()),
		Action: func(c *cli.Context) error {
			o, err := readRedact(c, u)
			if err != nil {
				return err
			}
			return because(c.Context, runRedact(c.Context, u, o))
		},
	}
}

// redactOptions are the values of the flags of redact.
type redactOptions struct {
	in, out   string
	key       string // "" for none
	overwrite bool
	json      bool
}

func readRedact(c *cli.Context, u *ui) (redactOptions, error) {
	o := redactOptions{key: c.String("key"), overwrite: c.Bool("overwrite")}
	var err error
	if o.json, err = readFormat(c, u); err != nil {
		return o, err
	}
	files, err := fileArguments(c)
	if err != nil {
		return o, err
	}
	o.in, o.out = files[0], files[1]
	if o.out == stdinFile {
		return o, &usageError{text: "OUT has to be a file", hint: "it is read again to prove that it is clean"}
	}
	return o, checkOut(o)
}

// checkOut refuses what must not be written to, before anything is read.
func checkOut(o redactOptions) error {
	out, err := os.Stat(o.out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &snapshotFileError{file: o.out, err: withoutPath(err)}
	}
	if in, err := os.Stat(o.in); err == nil && os.SameFile(in, out) {
		return &usageError{text: "IN and OUT are the same file", hint: "name another file for OUT"}
	}
	switch {
	case out.IsDir():
		return &usageError{text: printable(o.out) + " is a directory", hint: "name a file for OUT"}
	case !out.Mode().IsRegular():
		return &usageError{text: printable(o.out) + " is no regular file", hint: "name a file for OUT"}
	case !o.overwrite:
		return existsError(o.out)
	}
	return nil
}

func existsError(file string) error {
	return &usageError{text: printable(file) + " exists already", hint: "--overwrite replaces it"}
}

func runRedact(ctx context.Context, u *ui, o redactOptions) error {
	key, err := redactKey(o.key)
	if err != nil {
		return err
	}
	f, err := openSnapshot(ctx, u, o.in)
	if err != nil {
		return err
	}
	if f != u.in {
		defer f.Close()
	}
	p := &readProgress{file: o.in, r: f, began: time.Now()}
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		p.size = info.Size()
	} else {
		pipe := abandonable(ctx, f)
		defer pipe.Close()
		p.r = pipe
	}
	u.status(p.line)
	debug.SetGCPercent(gcPercent)
	report, err := redactSnapshot(ctx, p, o, key)
	if err != nil {
		return redactFailure(ctx, p, o, err)
	}
	u.settle()
	for _, section := range report.Dropped {
		u.warn(fmt.Sprintf("left out %q, which holds something else than numbers", section), "")
	}
	if o.json {
		return u.json(newRedactJSON(o, report))
	}
	return printRedact(u, o, report)
}

// redactSnapshot takes the compression away.
func redactSnapshot(ctx context.Context, r io.Reader, o redactOptions, key []byte) (redact.Report, error) {
	b := bufio.NewReaderSize(r, readBuffer)
	magic, err := b.Peek(len(zstdMagic))
	if err != nil && !errors.Is(err, io.EOF) {
		return redact.Report{}, err
	}
	var plain io.Reader = b
	switch {
	case bytes.Equal(magic, zstdMagic):
		z, err := zstd.NewReader(b, zstd.WithDecoderMaxWindow(zstdWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return redact.Report{}, err
		}
		defer z.Close()
		plain = z
	case strings.HasPrefix(string(magic), "\x1f\x8b"):
		if plain, err = gzip.NewReader(b); err != nil {
			return redact.Report{}, err
		}
	}
	return redact.Snapshot(ctx, plain, o.out, redact.Options{Key: key, Overwrite: o.overwrite})
}

// redactFailure words what went wrong: with IN as the other commands do, or with OUT.
func redactFailure(ctx context.Context, p *readProgress, o redactOptions, err error) error {
	var syntax *redact.SyntaxError
	var limit *redact.LimitError
	var exists *redact.ExistsError
	var proof *redact.ProofError
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case ctx.Err() != nil, errors.As(err, &proof):
		return err
	case errors.As(err, &syntax):
		return unreadable(ctx, p, &heap.SyntaxError{Offset: syntax.Offset, Want: syntax.Want, Got: syntax.Got})
	case errors.As(err, &limit):
		return unreadable(ctx, p, &heap.LimitError{What: limit.What, Max: limit.Max})
	case errors.As(err, &exists):
		return existsError(o.out)
	case p.failure() == nil && (errors.As(err, &path) || errors.As(err, &link)):
		return &outFileError{file: o.out, err: withoutPath(err)}
	}
	return unreadable(ctx, p, err)
}

// outFileError is a file that cannot be written.
type outFileError struct {
	file string
	err  error
}

func (e *outFileError) Error() string { return "writing " + printable(e.file) + ": " + e.err.Error() }
func (e *outFileError) Unwrap() error { return e.err }

// Hint says what the folder lacks.
func (e *outFileError) Hint() string {
	switch {
	case errors.Is(e.err, fs.ErrNotExist):
		return "make the folder first"
	case errors.Is(e.err, fs.ErrPermission):
		return "choose a folder that you may write to"
	}
	return "OUT is about as large as the uncompressed IN"
}

// withoutPath takes the name of the file away, which is told already, or is that of a
// temporary file.
func withoutPath(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// redactKey reads the key in the file, or makes one. It returns nil if there is no file.
func redactKey(file string) ([]byte, error) {
	if file == "" {
		return nil, nil
	}
	key, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		key = make([]byte, redact.KeyBytes)
		_, _ = rand.Read(key) // never fails
		f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, &outFileError{file: file, err: withoutPath(err)}
		}
		_, err = f.Write(key)
		if err = errors.Join(err, f.Close()); err != nil {
			return nil, &outFileError{file: file, err: withoutPath(err)}
		}
		return key, nil
	case err != nil:
		return nil, &usageError{text: fmt.Sprintf("--key %s: %v", printable(file), withoutPath(err)), hint: "name a file with a key, or one that is not there yet"}
	case len(key) != redact.KeyBytes:
		return nil, &usageError{text: fmt.Sprintf("--key %s holds %d bytes", printable(file), len(key)), hint: fmt.Sprintf("a key has %d; name a file that is not there, and one is made", redact.KeyBytes)}
	}
	return key, nil
}

// redactJSON is the output of redact --output json.
type redactJSON struct {
	Schema   int      `json:"schema"`
	In       string   `json:"in"`
	Out      string   `json:"out"`
	Nodes    uint64   `json:"nodes"`
	Edges    uint64   `json:"edges"`
	Strings  uint64   `json:"strings"`
	Kept     uint64   `json:"kept"`
	Framed   uint64   `json:"framed"`
	Replaced uint64   `json:"replaced"`
	Keys     uint64   `json:"keys"`
	Proven   uint64   `json:"proven"`
	Dropped  []string `json:"dropped"`
}

func newRedactJSON(o redactOptions, r redact.Report) redactJSON {
	return redactJSON{
		Schema: schema, In: o.in, Out: o.out, Nodes: r.Nodes, Edges: r.Edges, Strings: r.Strings,
		Kept: r.Kept, Framed: r.Framed, Replaced: r.Replaced, Keys: r.Keys, Proven: r.Proven, Dropped: append([]string{}, r.Dropped...),
	}
}

func printRedact(u *ui, o redactOptions, r redact.Report) error {
	_, err := fmt.Fprintf(u.out, "%s\n%s nodes, %s edges: as they were\n%s strings: %s names of code and single characters kept, %s kept in part, %s replaced\n"+
		"read again: none of the %s strings of more than three characters that are no names of code is left\n",
		printable(o.out), grouped(r.Nodes), grouped(r.Edges), grouped(r.Strings), grouped(r.Kept), grouped(r.Framed), grouped(r.Replaced), grouped(r.Proven))
	return err
}
