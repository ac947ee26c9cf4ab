package heap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const (
	// blockBytes is how much is read and parsed at a time: enough that handing a block
	// to another goroutine costs nothing, little enough to stay in the cache between
	// reading and parsing.
	blockBytes = 512 << 10
	// fillBytes is what a read waits for, so that a slow stream is not parsed in
	// crumbs.
	fillBytes = 256 << 10
	// padBytes follow each block, so that the scanner of numbers may read eight bytes
	// at any place of it, and one behind them.
	padBytes = 16
	// maxEmptyReads is how often a reader may return nothing before it counts as
	// broken, as in package bufio.
	maxEmptyReads = 100
)

// input is a window on the bytes of a snapshot.
type input struct {
	ctx      context.Context // an input lives as long as one call of Parse
	r        io.Reader
	progress func(int64)

	buf      []byte // blockBytes and padBytes
	pos, end int    // what is left to parse
	base     int64  // offset of buf[0]
	eof      bool
}

// offset returns the place of the next byte.
func (in *input) offset() int64 { return in.base + int64(in.pos) }

// want returns an error about the next byte.
func (in *input) want(what string) error {
	return &SyntaxError{Offset: in.offset(), Want: what, Got: quote(in.buf[in.pos:in.end])}
}

// more makes at least one more byte follow those that are left. It returns false at the
// end of the input, and where the window is full.
func (in *input) more() (bool, error) {
	return in.moveTo(in.buf)
}

// moveTo is more, with the rest of the window in another buffer.
func (in *input) moveTo(buf []byte) (bool, error) {
	n := copy(buf, in.buf[in.pos:in.end])
	in.base += int64(in.pos)
	in.buf, in.pos, in.end = buf, 0, n
	if in.eof || n == blockBytes {
		return false, nil
	}
	if err := in.ctx.Err(); err != nil {
		return false, fmt.Errorf("reading snapshot: %w", context.Cause(in.ctx))
	}
	for empty := 0; in.end < blockBytes && in.end-n < fillBytes; {
		m, err := in.r.Read(in.buf[in.end:blockBytes])
		in.end += m
		if errors.Is(err, io.EOF) {
			in.eof = true
			break
		}
		if err != nil {
			return false, fmt.Errorf("reading snapshot: %w", err)
		}
		if m > 0 {
			empty = 0
		} else if empty++; empty == maxEmptyReads {
			return false, fmt.Errorf("reading snapshot: %w", io.ErrNoProgress)
		}
	}
	if in.progress != nil {
		in.progress(in.base + int64(in.end))
	}
	return in.end > n, nil
}

// peek returns the next byte that is not white space. At the end of the input it
// returns 0.
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
	if in.pos == in.end {
		ok, err := in.more()
		if err != nil {
			return 0, err
		}
		if !ok {
			return 0, in.want(want)
		}
	}
	in.pos++
	return in.buf[in.pos-1], nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }
