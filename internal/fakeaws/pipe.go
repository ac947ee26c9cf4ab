package fakeaws

import (
	"io"
	"sync"
)

// pipeCapacity is Linux's default for a unix socket (net.core.wmem_default), which is what stands
// between the agent's data channel and its smux server.
const pipeCapacity = 212_992

// buffer is one direction of a pipe: bytes in a ring. Writers block while it is full, readers while
// it is empty.
type buffer struct {
	mu      sync.Mutex
	changed sync.Cond
	ring    []byte
	head, n int
	closed  bool
}

func newBuffer(capacity int) *buffer {
	b := &buffer{ring: make([]byte, capacity)}
	b.changed.L = &b.mu
	return b
}

// Read returns what is there, at least one byte. After Close it empties the buffer and then returns
// io.EOF.
func (b *buffer) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.n == 0 {
		if b.closed {
			return 0, io.EOF
		}
		b.changed.Wait()
	}
	total := 0
	for total < len(p) && b.n > 0 {
		k := copy(p[total:], b.ring[b.head:min(b.head+b.n, len(b.ring))])
		b.head = (b.head + k) % len(b.ring)
		b.n -= k
		total += k
	}
	b.changed.Broadcast()
	return total, nil
}

// Write returns when all of p is in the buffer, or io.ErrClosedPipe after Close.
func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	total := 0
	for {
		if b.closed {
			return total, io.ErrClosedPipe
		}
		for total < len(p) && b.n < len(b.ring) {
			tail := (b.head + b.n) % len(b.ring)
			room := min(tail+len(b.ring)-b.n, len(b.ring))
			k := copy(b.ring[tail:room], p[total:])
			b.n += k
			total += k
		}
		b.changed.Broadcast()
		if total == len(p) {
			return total, nil
		}
		b.changed.Wait()
	}
}

// Close wakes everybody. Closing twice is harmless.
func (b *buffer) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.changed.Broadcast()
	return nil
}

// pipeEnd is one end of a two-way pipe.
type pipeEnd struct{ in, out *buffer }

// newPipe returns the two ends of a pipe that holds capacity bytes in each direction.
func newPipe(capacity int) (a, b pipeEnd) {
	x, y := newBuffer(capacity), newBuffer(capacity)
	return pipeEnd{in: x, out: y}, pipeEnd{in: y, out: x}
}

// Read reads what the other end wrote.
func (e pipeEnd) Read(p []byte) (int, error) { return e.in.Read(p) }

// Write writes for the other end to read.
func (e pipeEnd) Write(p []byte) (int, error) { return e.out.Write(p) }

// Close closes both directions, for both ends.
func (e pipeEnd) Close() error {
	_ = e.in.Close() // never fails
	return e.out.Close()
}
