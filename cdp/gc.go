package cdp

import (
	"context"

	"github.com/chromedp/cdproto/heapprofiler"
)

// CollectGarbage has V8 collect all garbage of the process. It stands still for
// that: about half a second for a heap of 300 MB.
func (c *Conn) CollectGarbage(ctx context.Context) error {
	k := &call{method: heapprofiler.CommandCollectGarbage}
	a, err := c.patient(ctx, k, nil)
	if err != nil {
		return err
	}
	return c.decode(k, a, nil)
}

// TrackAllocations has V8 remember, from now on, which function allocated each
// object, so that snapshots hold the stack of every object younger than this.
//
// It is expensive: every allocation takes the slow path, and every 50 ms V8 goes
// through its table of objects (measured: Node.js 22 and 24 run five to ten times
// slower, 18 comes to a standstill). So it is for who asks for it by name.
//
// Ending it resets the object ids of the heap profiler, so that later snapshots
// cannot be compared with earlier ones by id: V8 offers no other way but to take
// one more snapshot (HeapProfiler.stopTrackingHeapObjects). Close ends it too.
func (c *Conn) TrackAllocations(ctx context.Context, on bool) error {
	if !on {
		if c.setProfiler(profilerOff) == profilerOff {
			return nil
		}
		return c.disableProfiler(ctx)
	}
	if err := c.enableProfiler(ctx); err != nil {
		return err
	}
	return c.ask(ctx, heapprofiler.CommandStartTrackingHeapObjects, heapprofiler.StartTrackingHeapObjectsParams{TrackAllocations: &on}, nil)
}
