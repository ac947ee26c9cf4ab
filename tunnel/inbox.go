package tunnel

import "sync"

// inbox is the queue of received bytes between the socket and smux.
type inbox struct {
	mu      sync.Mutex
	changed *sync.Cond
	chunks  [][]byte
	size    int
	err     error
}

func newInbox() *inbox {
	q := &inbox{}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// push appends b, which must not change afterwards. It never blocks: the
// reader of the socket waits in waitBelow, where it holds no lock.
func (q *inbox) push(b []byte) {
	if len(b) == 0 {
		return
	}
	q.mu.Lock()
	q.chunks = append(q.chunks, b)
	q.size += len(b)
	q.mu.Unlock()
	q.changed.Broadcast()
}

// waitBelow blocks while limit bytes or more are queued and the inbox is open.
func (q *inbox) waitBelow(limit int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.size >= limit && q.err == nil {
		q.changed.Wait()
	}
}

// read blocks until there are bytes, or the inbox is closed and empty.
func (q *inbox) read(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.chunks) == 0 && q.err == nil {
		q.changed.Wait()
	}
	if len(q.chunks) == 0 {
		return 0, q.err
	}
	n := 0
	for n < len(p) && len(q.chunks) > 0 {
		k := copy(p[n:], q.chunks[0])
		n += k
		if q.chunks[0] = q.chunks[0][k:]; len(q.chunks[0]) == 0 {
			q.chunks[0] = nil
			q.chunks = q.chunks[1:]
		}
	}
	q.size -= n
	q.changed.Broadcast()
	return n, nil
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
