package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync/atomic"
	"time"
)

// progressAfter is how long a file is read in silence: small files should not
// make the terminal flicker.
const progressAfter = 500 * time.Millisecond

// readProgress counts what is read of a file, for the live line. The bytes are
// those of the file, before any decompression, so that they can be compared
// with its size.
type readProgress struct {
	file  string
	r     io.Reader
	size  int64 // 0: not known
	began time.Time
	done  atomic.Int64
	end   atomic.Pointer[error] // why there is no more to read: io.EOF, or a failure
}

func (p *readProgress) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.done.Add(int64(n))
	if err != nil {
		p.end.Store(&err)
	}
	return n, err
}

// failure returns why the file could not be read to its end, or nil.
func (p *readProgress) failure() error {
	if err := p.end.Load(); err != nil && !errors.Is(*err, io.EOF) {
		return *err
	}
	return nil
}

// line is the live line. What comes once the file is read is the work on the
// graph.
func (p *readProgress) line() string {
	elapsed := time.Since(p.began)
	if elapsed < progressAfter {
		return ""
	}
	done, name := p.done.Load(), printable(filepath.Base(p.file)) // narrow terminals cut the line
	switch {
	case p.end.Load() != nil:
		return fmt.Sprintf("%s: working on the graph of %s, %s", name, bytesText(done), clock(elapsed))
	case p.size > 0:
		return fmt.Sprintf("%s: reading %d %% of %s, %s", name, 100*done/p.size, bytesText(p.size), clock(elapsed))
	}
	return fmt.Sprintf("%s: reading %s, %s", name, bytesText(done), clock(elapsed))
}
