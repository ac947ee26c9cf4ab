package cdp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	jsonv2 "github.com/chromedp/cdproto/cdp/jsonv2"
	"github.com/chromedp/cdproto/heapprofiler"
)

// Methods of Node.js's own domain for trace events (node
// src/inspector/node_protocol.pdl).
const (
	tracingStart    = "NodeTracing.start"
	tracingStop     = "NodeTracing.stop"
	tracingData     = "NodeTracing.dataCollected"
	tracingComplete = "NodeTracing.tracingComplete"
)

// ErrNoTrace says that the process made no such trace event.
var ErrNoTrace = errors.New("no such trace event")

// traceStart are the parameters of NodeTracing.start.
type traceStart struct {
	TraceConfig struct {
		IncludedCategories []string `json:"includedCategories"`
	} `json:"traceConfig"`
}

// traceData are the parameters of NodeTracing.dataCollected.
type traceData struct {
	Value []struct {
		Name string                  `json:"name"`
		Args map[string]jsonv2.Value `json:"args"`
	} `json:"value"`
}

// TraceGarbage collects the garbage of the process with a category of trace
// events switched on meanwhile, and returns the arguments of the events of that
// name together, as JSON. The process stands still for the collection; tracing is off
// again afterwards.
//
// Errors: [ErrNoTrace], which wraps no harm: the garbage was collected. A process
// that traces already, on the command line or for another inspector, refuses
// with a *CallError.
func (c *Conn) TraceGarbage(ctx context.Context, category, event string) (map[string]jsonv2.Value, error) {
	data, done := c.Subscribe(tracingData)
	defer done()
	complete, ended := c.Subscribe(tracingComplete)
	defer ended()
	var params traceStart
	params.TraceConfig.IncludedCategories = []string{category}
	if err := c.ask(ctx, tracingStart, params, nil); err != nil {
		return nil, fmt.Errorf("starting to trace: %w", err)
	}
	found := make(chan map[string]jsonv2.Value, 1)
	go func() { found <- eventArgs(data, complete, event) }()
	err := c.ask(ctx, heapprofiler.CommandCollectGarbage, nil, nil)
	// Whatever happened, tracing is not to stay on.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceEnd)
	defer cancel()
	if stopErr := c.ask(after, tracingStop, nil, nil); err == nil {
		err = stopErr
	}
	if err != nil {
		return nil, fmt.Errorf("collecting garbage: %w", err)
	}
	select {
	case args := <-found:
		if len(args) == 0 {
			return nil, fmt.Errorf("%w: %s", ErrNoTrace, event)
		}
		return args, nil
	case <-after.Done():
		return nil, fmt.Errorf("%w: %s", ErrNoTrace, event)
	}
}

// traceLate is how long events are waited for after tracing is complete: they
// take milliseconds.
const traceLate = 2 * time.Second

// traceEnd bounds the wait for the last events: they are written twice a second
// (node src/tracing/node_trace_writer.cc).
const traceEnd = 10 * time.Second

// eventArgs gathers the arguments of the events until tracing is complete.
func eventArgs(data, complete <-chan jsonv2.Value, event string) map[string]jsonv2.Value {
	args := map[string]jsonv2.Value{}
	take := func(params jsonv2.Value) {
		if !bytes.Contains(params, []byte(event)) {
			return
		}
		var d traceData
		if jsonv2.Unmarshal(params, &d, jsonv2.AllowInvalidUTF8(true)) != nil {
			return
		}
		for _, e := range d.Value {
			if e.Name == event {
				maps.Copy(args, e.Args)
			}
		}
	}
	var late <-chan time.Time
	for late == nil || len(args) == 0 {
		select {
		case params, ok := <-data:
			if !ok {
				return args
			}
			take(params)
		case <-complete:
			// Events come after that, too: they are written by another thread.
			late, complete = time.After(traceLate), nil
		case <-late:
			return args
		}
	}
	return args
}
