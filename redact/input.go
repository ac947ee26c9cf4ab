package redact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	// windowBytes is how much is read at a time: enough that system calls do not count.
	windowBytes = 1 << 20
	// maxEmptyReads is how often a reader may return nothing before it counts as
	// broken, as in package bufio.
	maxEmptyReads = 100
	// maxKeyBytes bounds the names of the sections; V8's longest is
	// "trace_function_infos".
	maxKeyBytes = 64
	// maxHeaderBytes bounds the section "snapshot"; V8 writes about 1.5 kB.
	maxHeaderBytes = 1 << 20
)

// input is a window on the bytes of a snapshot.
type input struct {
	ctx      context.Context // an input lives as long as one call of Snapshot
	r        io.Reader
	progress func(int64)

	buf      []byte
	pos, end int   // what is left of the window
	base     int64 // offset of buf[0]
	eof      bool
}

func newInput(ctx context.Context, r io.Reader, progress func(int64)) *input {
	return &input{ctx: ctx, r: r, progress: progress, buf: make([]byte, windowBytes)}
}

// offset returns the place of the next byte.
func (in *input) offset() int64 { return in.base + int64(in.pos) }

// want returns an error about the next byte.
func (in *input) want(what string) error {
	return &SyntaxError{Offset: in.offset(), Want: what, Got: quote(in.buf[in.pos:in.end])}
}

// more fills the window once it is used up. It returns false at the end of the input.
func (in *input) more() (bool, error) {
	if in.pos < in.end {
		return true, nil
	}
	in.base += int64(in.end)
	in.pos, in.end = 0, 0
	if err := in.ctx.Err(); err != nil {
		return false, fmt.Errorf("reading snapshot: %w", context.Cause(in.ctx))
	}
	for empty := 0; in.end == 0 && !in.eof; empty++ {
		if empty == maxEmptyReads {
			return false, fmt.Errorf("reading snapshot: %w", io.ErrNoProgress)
		}
		n, err := in.r.Read(in.buf)
		in.end = n
		if errors.Is(err, io.EOF) {
			in.eof = true
		} else if err != nil {
			return false, fmt.Errorf("reading snapshot: %w", err)
		}
	}
	if in.progress != nil {
		in.progress(in.base + int64(in.end))
	}
	return in.end > 0, nil
}

// peek returns the next byte that is not white space, or 0 at the end of the input.
func (in *input) peek() (byte, error) {
	for {
		for ; in.pos < in.end; in.pos++ {
			if c := in.buf[in.pos]; !isSpace(c) {
				return c, nil
			}
		}
		if ok, err := in.more(); !ok {
			return 0, err
		}
	}
}

// expect reads the byte, and white space before it.
func (in *input) expect(c byte) error {
	got, err := in.peek()
	if err != nil {
		return err
	}
	if got != c || in.pos == in.end {
		return in.want(strconv.Quote(string(c)))
	}
	in.pos++
	return nil
}

// next returns the next byte as it is.
func (in *input) next(want string) (byte, error) {
	ok, err := in.more()
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, in.want(want)
	}
	in.pos++
	return in.buf[in.pos-1], nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// key reads an object's key and the colon behind it.
func (in *input) key() (string, error) {
	if err := in.expect('"'); err != nil {
		return "", err
	}
	raw, err := in.quoted(nil, maxKeyBytes)
	if err != nil {
		return "", err
	}
	return string(raw), in.expect(':')
}

// quoted appends the rest of a JSON string to b, without decoding it, and without the
// closing quote.
func (in *input) quoted(b []byte, limit int) ([]byte, error) {
	start := len(b)
	for {
		ok, err := in.more()
		if err != nil {
			return b, err
		}
		if !ok {
			return b, in.want("a closing quote")
		}
		rest := in.buf[in.pos:in.end]
		stop := bytes.IndexByte(rest, '"')
		if stop < 0 {
			stop = len(rest)
		}
		if escape := bytes.IndexByte(rest[:stop], '\\'); escape >= 0 {
			stop = escape
		}
		if len(b)-start+stop > limit {
			return b, in.want(fmt.Sprintf("a closing quote within %d bytes", limit))
		}
		b = append(b, rest[:stop]...)
		in.pos += stop
		if in.pos == in.end {
			continue
		}
		if c := in.buf[in.pos]; c == '"' {
			in.pos++
			return b, nil
		}
		in.pos++
		c, err := in.next("an escape")
		if err != nil {
			return b, err
		}
		b = append(b, '\\', c)
	}
}

// object reads a JSON object of limited size and returns it as it is.
func (in *input) object() ([]byte, error) {
	if err := in.expect('{'); err != nil {
		return nil, err
	}
	raw := []byte{'{'}
	for depth := 1; depth > 0; {
		c, err := in.next("a closing bracket")
		if err != nil {
			return nil, err
		}
		if len(raw) >= maxHeaderBytes {
			return nil, &LimitError{What: "bytes of header", Max: maxHeaderBytes}
		}
		raw = append(raw, c)
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if raw, err = in.quoted(raw, maxHeaderBytes); err != nil {
				return nil, err
			}
			raw = append(raw, '"')
		}
	}
	return raw, nil
}

// skip reads one JSON value, or the rest of one that is depth brackets deep here, and
// forgets it. No more than its brackets and quotes are checked.
func (in *input) skip(depth int) error {
	if c, err := in.peek(); err != nil {
		return err
	} else if depth == 0 && (c == 0 || c == ',' || c == ']' || c == '}') {
		return in.want("a value")
	}
	for {
		c, err := in.peek()
		if err != nil {
			return err
		}
		if in.pos == in.end {
			if depth == 0 {
				return nil
			}
			return in.want("a closing bracket")
		}
		if depth == 0 && (c == ',' || c == '}' || c == ']') {
			return nil
		}
		in.pos++
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			if err := in.skipQuoted(); err != nil {
				return err
			}
		}
		if depth == 0 && (c == '}' || c == ']' || c == '"') {
			return nil
		}
	}
}

// skipQuoted reads the rest of a JSON string and forgets it.
func (in *input) skipQuoted() error {
	for escaped := false; ; {
		c, err := in.next("a closing quote")
		if err != nil {
			return err
		}
		if c == '"' && !escaped {
			return nil
		}
		escaped = c == '\\' && !escaped
	}
}
