package guest

import (
	"context"
	"fmt"
	"io"
	"sync"
)

// DefaultParallel keeps the link busy while the target prepares the next piece,
// and leaves one of the four threads of libuv's pool to the application.
const DefaultParallel = 3

// PullOptions tune Pull.
type PullOptions struct {
	From     int64                   // plain bytes that w has already
	Most     int64                   // plain bytes to fetch, about; 0 = all that are left
	Parallel int                     // pieces asked for at once, 0 is DefaultParallel
	Piece    int64                   // plain bytes of a piece at most, 0 = as many as the target gives: 2 MiB
	Progress func(plain, wire int64) // told the totals of this Pull after each piece; nil is fine
	// Wire returns the bytes that have arrived over the connection so far, whatever
	// they belong to. While they grow, a piece that takes long is waited for. nil is fine.
	Wire func() int64
}

// Pulled says what a Pull has done, complete or not.
type Pulled struct {
	Plain int64 // bytes written to w by this Pull
	Wire  int64 // bytes of the pieces as they travelled, in the answers
}

// Pull fetches a snapshot and writes it, plain and in order, to w. The first piece
// travels alone: the target is asked nothing else meanwhile, not by State either, so
// that a network that cuts connections after few bytes does it while there is no other
// answer to send, which Node.js up to 22 can die of. With Parallel 1 that goes for every
// piece. It holds a
// few pieces of 2 MiB, here and in the target, whatever the size. w and the
// Progress func are called from the caller's goroutine only; a slow w slows the
// asking.
//
// After an error the caller may go on where it ended, over a new connection too:
// call Reconnect, then Pull again with From larger by Plain.
//
// Errors: *CorruptError when a piece does not fit its checksum, *StalledError when
// none comes although the target answers, a *TargetError with code "NO_SHOT" when
// the target holds the snapshot no more, else w's or those of every method.
func (g *Guest) Pull(ctx context.Context, shot Shot, w io.Writer, opts PullOptions) (Pulled, error) {
	if opts.Parallel <= 0 {
		opts.Parallel = DefaultParallel
	}
	if opts.From < 0 || opts.From > shot.Bytes {
		return Pulled{}, fmt.Errorf("fetching the snapshot: from byte %d of %d", opts.From, shot.Bytes)
	}
	end := shot.Bytes
	if opts.Most > 0 {
		end = min(end, opts.From+opts.Most)
	}
	g.mu.Lock()
	size := g.hello.Range
	g.mu.Unlock()
	// No piece of the target's memory reaches over a multiple of its own size.
	for opts.Piece > 0 && size > opts.Piece && size%2 == 0 {
		size /= 2
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &puller{guest: g, shot: shot, size: size, queue: make(chan chan fetched, opts.Parallel), slots: make(chan struct{}, opts.Parallel), every: opts.Parallel == 1}
	for p.kept < opts.Parallel-1 {
		p.slots <- struct{}{}
		p.kept++
	}
	p.running.Go(func() { p.ask(ctx, opts.From, end) })
	// No goroutine outlives the Pull: Evaluate returns when its context ends.
	defer p.running.Wait()
	defer cancel()
	done, err := p.write(ctx, w, opts)
	return done, wrap("fetching the snapshot", err)
}

// puller is a Pull under way.
type puller struct {
	guest   *Guest
	shot    Shot
	size    int64             // of a piece; each ends at a multiple of it
	queue   chan chan fetched // pieces in order, each on a channel of its own; as long as slots
	slots   chan struct{}     // held from the asking for a piece until it is written
	kept    int               // slots that are not used yet: one more is with each piece that arrives
	every   bool              // piece travels alone, not only the first
	running sync.WaitGroup
}

// fetched is a piece, or why there is none.
type fetched struct {
	plain []byte
	wire  int
	err   error
}

// ask asks for the pieces from a byte on until one reaches the end, as many at once
// as there are slots.
func (p *puller) ask(ctx context.Context, begin, end int64) {
	defer close(p.queue)
	for offset := begin; offset < end; {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		from, next := offset, min(offset-offset%p.size+p.size, p.shot.Bytes)
		piece := make(chan fetched, 1)
		alone := p.every || from == begin
		p.running.Go(func() { piece <- p.fetch(ctx, from, next-from, alone) })
		p.queue <- piece // there is room: no more than there are slots
		offset = next
	}
}

// fetch fetches one piece and unpacks it. Alone means that nothing else is asked
// meanwhile.
func (p *puller) fetch(ctx context.Context, offset, length int64, alone bool) fetched {
	if alone {
		over, err := p.guest.turn(ctx)
		if err != nil {
			return fetched{err: err}
		}
		defer over()
	}
	packed, err := call[packed](ctx, p.guest, "read", map[string]int64{"id": int64(p.shot.ID), "offset": offset, "length": length})
	if err != nil {
		return fetched{err: err}
	}
	plain, err := packed.open(offset, int(length))
	return fetched{plain: plain, wire: len(packed.Data), err: err}
}

// write writes the pieces as they come, in order.
func (p *puller) write(ctx context.Context, w io.Writer, opts PullOptions) (Pulled, error) {
	var done Pulled
	for piece := range p.queue {
		f := p.await(ctx, piece, opts.Wire)
		if f.err != nil {
			return done, f.err
		}
		n, err := w.Write(f.plain)
		done.Plain += int64(n)
		done.Wire += int64(f.wire)
		if err != nil {
			return done, fmt.Errorf("writing: %w", err)
		}
		<-p.slots
		if p.kept > 0 {
			p.kept--
			<-p.slots
		}
		if opts.Progress != nil {
			opts.Progress(done.Plain, done.Wire)
		}
	}
	if ctx.Err() != nil {
		return done, context.Cause(ctx)
	}
	return done, nil
}
