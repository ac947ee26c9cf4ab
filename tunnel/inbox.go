package tunnel

import (
	"context"
	"sync"
)

// blockSize is the unit in which the inbox keeps bytes: many messages, so that
// none of them costs an allocation.
const blockSize = 64 << 10

// inbox is the queue of received bytes between the socket and smux.
type inbox struct {
	mu      sync.Mutex
	changed *sync.Cond
	blocks  [][]byte // each of capacity blockSize; all but the last are full
	start   int      // of what is not read, in the first block
	size    int      // bytes that are not read
	spare   []byte   // an empty block, for the next that is needed
	err     error
}

func newInbox() *inbox {
	q := &inbox{}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// push appends a copy of b. It never blocks: the reader of the socket waits in
// waitBelow, where it holds no lock.
func (q *inbox) push(b []byte) {
	if len(b) == 0 {
		return
	}
	q.mu.Lock()
	q.size += len(b)
	for len(b) > 0 {
		last := len(q.blocks) - 1
		if last < 0 || len(q.blocks[last]) == blockSize {
			q.blocks = append(q.blocks, q.block())
			last++
		}
		n := min(len(b), blockSize-len(q.blocks[last]))
		q.blocks[last] = append(q.blocks[last], b[:n]...)
		b = b[n:]
	}
	q.mu.Unlock()
	q.changed.Broadcast()
}

// block returns an empty block.
func (q *inbox) block() []byte {
	if b := q.spare; b != nil {
		q.spare = nil
		return b
	}
	return make([]byte, 0, blockSize)
}

// full tells whether limit bytes or more are queued and the inbox is open.
func (q *inbox) full(limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.size >= limit && q.err == nil
}

// waitBelow blocks while limit bytes or more are queued and the inbox is open, until ctx
// ends: a socket that is dead must be replaced though nobody reads.
func (q *inbox) waitBelow(ctx context.Context, limit int) {
	stop := context.AfterFunc(ctx, func() {
		q.mu.Lock() // or it might come between the look at ctx and the wait
		defer q.mu.Unlock()
		q.changed.Broadcast()
	})
	defer stop()
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size >= limit && q.err == nil && ctx.Err() == nil {
		q.changed.Wait()
	}
}

// read blocks until there are bytes, or the inbox is closed and empty.
func (q *inbox) read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size == 0 && q.err == nil {
		q.changed.Wait()
	}
	if q.size == 0 {
		return 0, q.err
	}
	n := 0
	for n < len(p) && q.size > 0 {
		k := copy(p[n:], q.blocks[0][q.start:])
		n += k
		q.start += k
		q.size -= k
		if q.start == len(q.blocks[0]) {
			q.drop()
		}
	}
	q.changed.Broadcast()
	return n, nil
}

// drop removes the first block, which is read.
func (q *inbox) drop() {
	q.spare = q.blocks[0][:0]
	rest := copy(q.blocks, q.blocks[1:]) // few: 16 MB are 256
	q.blocks[rest] = nil
	q.blocks = q.blocks[:rest]
	q.start = 0
}

// close makes read return err once the queue is empty.
func (q *inbox) close(err error) {
	q.mu.Lock()
	if q.err == nil {
		q.err = err
	}
	q.mu.Unlock()
	q.changed.Broadcast()
}
