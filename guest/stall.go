package guest

import (
	"context"
	"time"
)

const (
	// stallLook is how often it is looked whether anything arrives.
	stallLook = 5 * time.Second

	// stallQuiet is how long nothing of a piece may arrive before the target is asked
	// why. Packing one takes it 10 to 100 ms, on a quarter of a CPU and behind what
	// the application has in libuv's pool seconds.
	stallQuiet = 90 * time.Second

	// stallBytes is how much has to arrive to count as something of a piece. The
	// capture's own signs of life are a few kilobytes in that time.
	stallBytes = 64 << 10

	// stallPrompt is how soon a target answers whose loop is free and whose link has
	// nothing to carry. One that takes longer gets its time again: it was busy.
	stallPrompt = time.Second

	// stallLimit bounds the wait for one piece whatever arrives, as package cdp bounds
	// its silence: three pieces that cannot be compressed at 12 kB/s.
	stallLimit = 10 * time.Minute
)

// await waits for a piece, for as long as there is hope: reading and packing are
// done by libuv's pool, and where that hangs the target answers all but this.
func (p *puller) await(ctx context.Context, piece <-chan fetched, wire func() int64) fetched {
	if wire == nil {
		wire = func() int64 { return 0 }
	}
	tick := time.NewTicker(stallLook)
	defer tick.Stop()
	began, arrived := time.Now(), wire()
	quiet := began
	for {
		select {
		case f := <-piece:
			return f
		case <-ctx.Done():
			return fetched{err: context.Cause(ctx)}
		case <-tick.C:
		}
		if now := wire(); now-arrived >= stallBytes {
			arrived, quiet = now, time.Now()
		}
		if time.Since(began) >= stallLimit {
			return fetched{err: &StalledError{For: time.Since(began)}}
		}
		if time.Since(quiet) < stallQuiet {
			continue
		}
		asked := time.Now()
		if _, err := call[hello](ctx, p.guest, "hello", nil); err != nil {
			return fetched{err: err}
		}
		if time.Since(asked) < stallPrompt && len(piece) == 0 {
			return fetched{err: &StalledError{For: time.Since(began)}}
		}
		quiet = time.Now()
	}
}
