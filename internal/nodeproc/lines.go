package nodeproc

import (
	"bytes"
	"context"
	"strings"
	"sync"
)

// MaxOutput is how many bytes of output a Process remembers. A service that
// logs for hours must not fill our memory; a test wants the last page.
const MaxOutput = 256 << 10

// maxLine bounds a line without an end, for the same reason.
const maxLine = 64 << 10

// lines collects the output of a process line by line. stdout and stderr have
// a stream each, so that a line is never cut in two by the other.
type lines struct {
	mu    sync.Mutex
	kept  []string
	size  int           // bytes in kept, with their line ends
	first int           // number of the line kept[0], counted from the start
	more  chan struct{} // closed and replaced at each new line
	ended bool
	open  []*stream
}

func newLines() *lines { return &lines{more: make(chan struct{})} }

// stream is an io.Writer that cuts what it gets into lines.
type stream struct {
	to      *lines
	partial []byte
}

func (l *lines) stream() *stream {
	s := &stream{to: l}
	l.open = append(l.open, s)
	return s
}

// Write takes p and never fails: a full pipe would block the process.
func (s *stream) Write(p []byte) (int, error) {
	s.to.mu.Lock()
	defer s.to.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		line, rest, found := bytes.Cut(p, []byte("\n"))
		p = rest
		s.partial = append(s.partial, line...)
		if found || len(s.partial) >= maxLine {
			s.flush()
		}
	}
	return n, nil
}

func (s *stream) flush() {
	s.to.add(strings.TrimSuffix(string(s.partial), "\r"))
	s.partial = s.partial[:0]
}

func (l *lines) add(line string) {
	l.kept = append(l.kept, line)
	l.size += len(line) + 1
	for l.size > MaxOutput {
		l.size -= len(l.kept[0]) + 1
		l.kept = l.kept[1:]
		l.first++
	}
	close(l.more)
	l.more = make(chan struct{})
}

// end flushes what came without a line end and wakes all who wait.
func (l *lines) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.open {
		if len(s.partial) > 0 {
			s.flush()
		}
	}
	l.ended = true
	close(l.more)
}

// await returns the first line that contains text, as soon as there is one.
func (l *lines) await(ctx context.Context, text string) (string, error) {
	next := 0 // number of the first line not looked at
	for {
		l.mu.Lock()
		for _, line := range l.kept[max(0, next-l.first):] {
			if strings.Contains(line, text) {
				l.mu.Unlock()
				return line, nil
			}
		}
		next = l.first + len(l.kept)
		ended, more := l.ended, l.more
		l.mu.Unlock()
		if ended {
			return "", ErrEnded
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == 0 {
		return ""
	}
	return strings.Join(l.kept, "\n") + "\n"
}
