package cdp

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/runtime"
)

// clockLimit bounds the wait for the target's clock after a snapshot is
// complete; its answer is the next message on the wire.
const clockLimit = 5 * time.Second

// shot is a heap snapshot on the wire.
type shot struct {
	id     int64              // of the takeHeapSnapshot command
	frames chan *bytes.Buffer // unbuffered, so the command's answer cannot overtake a chunk
	gone   chan struct{}      // closed when nobody takes the frames any more

	// Guarded by the Conn's mu:
	watch *watch
	moved time.Time // when the latest event arrived, or was taken
	held  bool      // an event waits until our own side takes it
}

// HeapSnapshot takes a heap snapshot and writes its JSON text to w, as it
// arrives. The process stands still while V8 builds the snapshot. progress (nil
// is fine) is called with objects done and in total during that time.
//
// w and progress are called from the caller's goroutine only. A slow w slows
// the target's sending; note that Node.js then queues the rest in its own
// memory.
//
// When w fails, or ctx ends, HeapSnapshot returns that error at once and the
// rest of the snapshot is received and dropped behind the scenes. The
// connection stays usable, but the next call is answered only after the rest
// has come through; Close does not wait for it. One snapshot is taken at a
// time, a second call waits.
//
// When nothing of the snapshot arrives for ten minutes the process is given up:
// the connection ends with a *LostError around a *SilentError.
func (c *Conn) HeapSnapshot(ctx context.Context, w io.Writer, progress func(done, total int)) error {
	if err := c.enableProfiler(ctx); err != nil {
		return err
	}
	select {
	case c.slot <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("waiting for the snapshot before: %w", context.Cause(ctx))
	case <-c.stop:
		return c.Err()
	}
	c.setPause(0)
	before, err := c.send(ctx, runtime.CommandEvaluate, clock, nil)
	if err != nil {
		<-c.slot
		return err
	}
	defer c.forget(before)
	s := &shot{frames: make(chan *bytes.Buffer), gone: make(chan struct{})}
	defer close(s.gone)
	report := true // its first event tells when the snapshot has begun
	take, err := c.send(ctx, heapprofiler.CommandTakeHeapSnapshot, heapprofiler.TakeHeapSnapshotParams{ReportProgress: &report}, s)
	if err != nil {
		c.withdraw(s)
		return err
	}
	defer c.forget(take)
	after, err := c.collect(ctx, s, take, w, progress)
	if after != nil {
		defer c.forget(after)
	}
	if err != nil {
		return err
	}
	c.measure(ctx, before, after)
	return nil
}

// collect writes the chunks of s to w until the answer to take comes. At the
// first event it has the clock read once more: the process stands still by then,
// so that the reading is taken when it goes on. (Sent any sooner, it would come
// before the snapshot: V8 of Node.js 22 and later takes it in a task of its own.)
func (c *Conn) collect(ctx context.Context, s *shot, take *call, w io.Writer, progress func(done, total int)) (after *call, err error) {
	for {
		select {
		case frame := <-s.frames:
			err := consume(frame.Bytes(), w, progress)
			c.free <- frame
			if err == nil && after == nil {
				after, err = c.send(ctx, runtime.CommandEvaluate, clock, nil)
			}
			if err != nil {
				return after, err
			}
		case a := <-take.reply:
			return after, c.decode(take, a, nil)
		case <-ctx.Done():
			return after, fmt.Errorf("receiving a heap snapshot: %w", context.Cause(ctx))
		case <-c.stop:
			return after, c.Err()
		}
	}
}

// withdraw takes back a snapshot whose command was never sent.
func (c *Conn) withdraw(s *shot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shot == s {
		s.watch.stop()
		c.shot = nil
	}
	<-c.slot
}

// currentShot returns the snapshot on the wire, or nil.
func (c *Conn) currentShot() *shot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.shot
}

// busy reports whether a snapshot is on the wire.
func (c *Conn) busy() bool { return c.currentShot() != nil }

// profilerState is what is known of the target's heap profiler.
type profilerState uint8

const (
	profilerOff   profilerState = iota // never asked for
	profilerAsked                      // perhaps on: the command was sent
	profilerOn
)

// enableProfiler sends HeapProfiler.enable, as DevTools does, unless the
// profiler is on already. It is what Close undoes: from the first snapshot on V8
// keeps track of all object ids, which slows the process down.
func (c *Conn) enableProfiler(ctx context.Context) error {
	if c.setProfiler(profilerAsked) == profilerOn {
		return nil
	}
	if err := c.ask(ctx, heapprofiler.CommandEnable, nil, nil); err != nil {
		return err
	}
	c.setProfiler(profilerOn)
	return nil
}

// disableProfiler ends the tracking of object ids and of allocations.
func (c *Conn) disableProfiler(ctx context.Context) error {
	if err := c.ask(ctx, heapprofiler.CommandDisable, nil, nil); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.profiler = profilerOff
	return nil
}

// setProfiler moves on to the state s, never back, and returns the state now.
func (c *Conn) setProfiler(s profilerState) profilerState {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.profiler = max(c.profiler, s)
	return c.profiler
}

// clock asks for the target's monotonic clock, in milliseconds.
var clock = evaluation(`(t => t[0] * 1e3 + t[1] / 1e6)(process.hrtime())`, true)

// measure computes how long the target stood still, if after was asked at all.
func (c *Conn) measure(ctx context.Context, before, after *call) {
	if after == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, clockLimit)
	defer cancel()
	var t0, t1 float64
	if c.value(ctx, before, &t0) != nil || c.value(ctx, after, &t1) != nil || t1 < t0 {
		return
	}
	c.setPause(time.Duration((t1 - t0) * float64(time.Millisecond)))
}

func (c *Conn) setPause(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pause = d
}

// LastPause returns how long the latest complete HeapSnapshot kept the
// process's event loop from running, or 0 when that is not known.
//
// It is the difference of two readings of the target's own clock, the first
// asked for right before the snapshot, the second as soon as the first event of
// the snapshot came, so that it waits in the target for the end of the snapshot.
// The time that the snapshot takes on the wire is not in it. It is too high by
// what else kept the process busy between the readings, and when the pause is
// shorter than the way of a message there and back, by up to that time.
func (c *Conn) LastPause() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pause
}

// consume handles one event of a snapshot. It changes msg.
func consume(msg []byte, w io.Writer, progress func(done, total int)) error {
	text, ok, err := chunk(msg)
	if err != nil {
		return fmt.Errorf("decoding a snapshot chunk: %w", err)
	}
	if ok {
		_, err := w.Write(text)
		return err
	}
	var m struct {
		Params struct {
			Chunk *string `json:"chunk"`
			Done  int     `json:"done"`
			Total int     `json:"total"`
		} `json:"params"`
	}
	if err := jsonv2.Unmarshal(msg, &m, jsonv2.AllowInvalidUTF8(true)); err != nil {
		return fmt.Errorf("decoding a snapshot event: %w", err)
	}
	if m.Params.Chunk != nil {
		_, err := io.WriteString(w, *m.Params.Chunk)
		return err
	}
	if progress != nil && m.Params.Total > 0 {
		progress(m.Params.Done, m.Params.Total)
	}
	return nil
}
