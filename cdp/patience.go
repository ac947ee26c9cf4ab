package cdp

import (
	"context"
	"time"
)

const (
	// callLimit bounds the wait for the answer to a small command. The process's
	// event loop has to come round for it, so a busy process answers late: after
	// its own work, or after the events that piled up during a snapshot, which
	// takes seconds. One that is stopped or frozen never answers.
	callLimit = time.Minute

	// stallLimit bounds the time in which nothing more of a snapshot arrives. V8
	// is silent while it collects garbage and while it sorts the entries of one
	// huge table: a heap of 48 MB took 74 s on Node.js 16, and all this takes four
	// times as long on a quarter of a CPU. Only whole events of the snapshot
	// count; the largest, 1.3 MB, arrives in time at 2.2 KB/s.
	stallLimit = 10 * time.Minute
)

// watch is a time limit that can move. The Conn's mu guards it.
type watch struct {
	timer *time.Timer
	over  bool
}

// watch ends the connection with silence as its cause when left says that no
// time is left. c.mu must be held, and is held when left is called.
func (c *Conn) watch(left func() time.Duration, silence *SilentError) *watch {
	w := &watch{}
	w.timer = time.AfterFunc(left(), func() {
		if c.overdue(w, left, silence) {
			c.log.Debug("inspector given up", "err", silence)
			_ = c.line.Close()
		}
	})
	return w
}

// overdue ends the connection if no time is left, and sets the timer again
// otherwise.
func (c *Conn) overdue(w *watch, left func() time.Duration, silence *SilentError) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if w.over {
		return false
	}
	if d := left(); d > 0 {
		w.timer.Reset(d)
		return false
	}
	w.over = true
	return c.endLocked(&LostError{Err: silence})
}

// stop ends the watch. The Conn's mu must be held.
func (w *watch) stop() {
	w.over = true
	w.timer.Stop()
}

// expect ends the connection unless the returned func is called within
// callLimit. The time during which a snapshot is on the wire, or an evaluation
// is under way, does not count: V8 answers nothing until it is through, and they
// have a watch of their own.
func (c *Conn) expect(method string) (answered func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	since := time.Now()
	w := c.watch(func() time.Duration {
		switch {
		case c.shot != nil || c.evaluating():
			return callLimit
		case c.shotEnd.After(since):
			since = c.shotEnd
		}
		if c.longEnd.After(since) {
			since = c.longEnd
		}
		return callLimit - time.Since(since)
	}, &SilentError{Method: method, For: callLimit})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		w.stop()
	}
}

// endure ends the connection when nothing at all has arrived from the process
// for stallLimit, unless the returned func is called before. Bytes count, not
// messages: a large answer may take longer than that on a slow line.
func (c *Conn) endure(method string) (answered func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := time.Now()
	w := c.watch(func() time.Duration {
		if c.shot != nil { // which has its own watch, and may be held by our side
			return stallLimit
		}
		since := sent
		for _, t := range []time.Time{c.shotEnd, c.line.lastHeard()} {
			if t.After(since) {
				since = t
			}
		}
		return stallLimit - time.Since(since)
	}, &SilentError{Method: method, For: stallLimit})
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		w.stop()
	}
}

// endLong notes that the call is through. c.mu must be held.
func (c *Conn) endLong(id int64) {
	if _, ok := c.long[id]; ok {
		delete(c.long, id)
		c.longEnd = time.Now()
	}
}

// abandonLong notes that nobody waits for the call any more. It may run on.
func (c *Conn) abandonLong(id int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.long[id]; ok {
		c.long[id] = time.Now()
	}
}

// evaluating reports whether a long call keeps the process busy, as far as is
// known. One that was abandoned and has not ended for stallLimit waits for
// something that never comes, and keeps nobody busy. c.mu must be held.
func (c *Conn) evaluating() bool {
	for id, abandoned := range c.long {
		if !abandoned.IsZero() && time.Since(abandoned) > stallLimit {
			delete(c.long, id)
		}
	}
	return len(c.long) > 0
}

// ask is Call for small commands: the connection is given up when the process
// does not answer within callLimit.
func (c *Conn) ask(ctx context.Context, method string, params, result any) error {
	defer c.expect(method)()
	return c.Call(ctx, method, params, result)
}

// watchShot gives up a snapshot of which nothing more arrives. The time during
// which our own side takes nothing does not count. c.mu must be held.
func (c *Conn) watchShot(s *shot, method string) {
	s.moved = time.Now()
	s.watch = c.watch(func() time.Duration {
		if s.held {
			return stallLimit
		}
		return stallLimit - time.Since(s.moved)
	}, &SilentError{Method: method, For: stallLimit})
}

// hold notes that an event of s has arrived and waits for our own side, or no
// longer does. Events of other kinds are no sign that the snapshot goes on.
func (c *Conn) hold(s *shot, held bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.held, s.moved = held, time.Now()
}
