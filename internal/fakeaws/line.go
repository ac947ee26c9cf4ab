package fakeaws

import (
	"context"
	"io"
	"slices"
	"sync"
	"time"
)

// lineRoom is how many messages one direction holds before the agent's writes block: about what the
// TCP buffers between an agent and a client hold.
const lineRoom = 4096

// line is one direction of the way between client and agent: messages in flight, each due at its
// own time. Losing the line's socket loses them.
type line struct {
	network *network
	delay   time.Duration

	mu       sync.Mutex
	queue    []parcel // by due, earliest first
	latest   time.Time
	finished bool
	wake     chan struct{} // something changed for take
	room     chan struct{} // something changed for waitRoom
}

// parcel is one message in flight.
type parcel struct {
	due time.Time
	msg []byte
}

func newLine(n *network, delay time.Duration) *line {
	return &line{network: n, delay: delay, wake: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// put sends a message on its way. It never blocks. Messages keep their order unless the network
// faults say otherwise.
func (l *line) put(msg []byte) {
	now := time.Time{}
	fate := l.network.fate()
	if fate.drop {
		return
	}
	if d := l.delay + fate.delay; d > 0 || fate.late > 0 || fate.twice {
		now = time.Now().Add(d)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.finished {
		return
	}
	if now.After(l.latest) {
		l.latest = now
	}
	l.insert(parcel{due: l.latest.Add(fate.late), msg: msg})
	if fate.twice {
		l.insert(parcel{due: l.latest.Add(duplicateDelay), msg: msg})
	}
}

// announce sends a message of the gateway itself, which the network faults spare: the tunnel has no
// way to ask for it again.
func (l *line) announce(msg []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now().Add(l.delay); l.delay > 0 && now.After(l.latest) {
		l.latest = now
	}
	if !l.finished {
		l.insert(parcel{due: l.latest, msg: msg})
	}
}

// insert keeps the queue in the order of due; equal times keep the order of arrival. The place is
// almost always at the end.
func (l *line) insert(p parcel) {
	i := len(l.queue)
	for i > 0 && l.queue[i-1].due.After(p.due) {
		i--
	}
	l.queue = slices.Insert(l.queue, i, p)
	notify(l.wake)
}

// take waits for the next message that is due. It returns io.EOF when the line is finished and
// empty, else the cause of ctx. Once ctx has ended it takes nothing that is put later: that is for
// the one who takes over.
func (l *line) take(ctx context.Context) ([]byte, error) {
	for {
		msg, wait, err := l.next(ctx)
		if msg != nil || err != nil {
			return msg, err
		}
		l.await(ctx, wait)
	}
}

// next returns the first message if it is due, else how long it will be, or a negative time when
// there is none.
func (l *line) next(ctx context.Context) (msg []byte, wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		notify(l.wake) // this taker may have used up the wake-up of its successor
		return nil, 0, context.Cause(ctx)
	}
	if len(l.queue) == 0 {
		if l.finished {
			return nil, 0, io.EOF
		}
		return nil, -1, nil
	}
	p := l.queue[0]
	if !p.due.IsZero() {
		if wait := time.Until(p.due); wait > 0 {
			return nil, wait, nil
		}
	}
	l.queue[0] = parcel{}
	l.queue = l.queue[1:]
	if len(l.queue) == lineRoom-1 {
		notify(l.room)
	}
	return p.msg, 0, nil
}

// await waits until the line changes, wait has passed (unless it is negative), or ctx ends.
func (l *line) await(ctx context.Context, wait time.Duration) {
	var due <-chan time.Time
	if wait >= 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-l.wake:
	case <-due:
	case <-ctx.Done():
	}
}

// waitRoom blocks while the line is full. Only one goroutine may wait.
func (l *line) waitRoom(ctx context.Context) error {
	for {
		l.mu.Lock()
		full := len(l.queue) >= lineRoom && !l.finished
		l.mu.Unlock()
		if !full {
			return nil
		}
		select {
		case <-l.room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// lose drops what is in flight.
func (l *line) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.queue)
	l.queue = l.queue[:0]
	notify(l.room)
}

// finish lets nothing more in; take goes on until the line is empty.
func (l *line) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.finished = true
	notify(l.wake)
	notify(l.room)
}

// notify wakes the one goroutine that waits on a channel of capacity 1, now or at its next wait.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
