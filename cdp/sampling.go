package cdp

import (
	"context"
	"errors"
	"fmt"
	"time"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/heapprofiler"
)

// profileGrace bounds the wait for the profile after ctx has ended. V8 collects
// all garbage first, which takes a second or two for a large heap.
const profileGrace = 10 * time.Second

// ErrSampling says that somebody samples allocations of the process already: a
// DevTools, or a profiler within the process. V8 has only one sampling profiler,
// so that ending ours would end theirs.
var ErrSampling = errors.New("allocations of the process are being sampled already")

// SampleOptions tune Sample. The zero value means what V8 takes by default.
type SampleOptions struct {
	// Interval is the number of bytes between two samples, on average; 0 = 32 KB.
	Interval int
	// Collected includes objects that are garbage by the time of the profile:
	// it then shows who allocates, not who keeps. Node.js before 20 ignores it.
	Collected bool
}

// Sample has V8 sample allocations for the duration and returns its profile as
// JSON, in the format of a .heapprofile file of DevTools
// (HeapProfiler.SamplingHeapProfile). It holds what was allocated in that time
// and still lives at its end, when V8 collects all garbage. What a function
// allocates that V8 has inlined counts for the function it was inlined into.
//
// When ctx ends before, the profile so far is fetched, for at most ten seconds,
// and returned together with the cause of ctx. Errors: [ErrSampling], and what
// [Conn.Evaluate] says of a process that does not answer.
//
// V8 goes on sampling only if the process did not answer in time, and then until
// the Conn is closed.
func (c *Conn) Sample(ctx context.Context, duration time.Duration, opts SampleOptions) ([]byte, error) {
	switch sampling, err := c.sampling(ctx); {
	case err != nil:
		return nil, err
	case sampling:
		return nil, ErrSampling
	}
	params := heapprofiler.StartSamplingParams{SamplingInterval: float64(opts.Interval)}
	if opts.Collected {
		params.IncludeObjectsCollectedByMajorGC, params.IncludeObjectsCollectedByMinorGC = &opts.Collected, &opts.Collected
	}
	if err := c.ask(ctx, heapprofiler.CommandStartSampling, params, nil); err != nil {
		if ctx.Err() != nil { // it may have been started after all
			c.abandonSampling(ctx)
		}
		return nil, err
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-c.stop:
		return nil, c.Err()
	}
	return c.endSampling(ctx)
}

// sampling reports whether V8 samples already. V8 refuses to give a profile
// when it does not (v8 src/inspector/v8-heap-profiler-agent-impl.cc).
func (c *Conn) sampling(ctx context.Context) (bool, error) {
	k := &call{method: heapprofiler.CommandGetSamplingProfile}
	a, err := c.patient(ctx, k, nil)
	if err != nil {
		return false, err
	}
	return a.err == nil, nil
}

// endSampling fetches the profile and ends the sampling.
func (c *Conn) endSampling(ctx context.Context) ([]byte, error) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	// A timer of its own, because ctx may also end while the profile is fetched.
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(profileGrace, func() { cancel(context.Cause(ctx)) })
		context.AfterFunc(late, func() { timer.Stop() })
	})
	defer stop()
	k := &call{method: heapprofiler.CommandStopSampling}
	a, err := c.patient(late, k, nil)
	if err != nil {
		return nil, err
	}
	var res struct {
		Profile jsonv2.Value `json:"profile"`
	}
	if err := c.decode(k, a, &res); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return res.Profile, fmt.Errorf("sampling allocations: %w", context.Cause(ctx))
	}
	return res.Profile, nil
}

// abandonSampling ends the sampling without waiting for long.
func (c *Conn) abandonSampling(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), politeLimit)
	defer cancel()
	if err := c.Call(ctx, heapprofiler.CommandStopSampling, nil, nil); err != nil {
		c.log.Debug("ending the sampling", "err", err)
	}
}
