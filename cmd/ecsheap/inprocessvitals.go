package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
)

// vitals asks how the process is, after its garbage was collected and its objects
// were counted.
func (p *inProcess) vitals(ctx context.Context) (gate.Vitals, guest.Vitals, error) {
	var own guest.Vitals
	var census *gate.Census
	counted := false
	err := p.line.do(ctx, func(c *cdp.Conn) (err error) {
		if counted { // V8's trace is long: connections here may not live long enough for it
			census, err = nil, c.CollectGarbage(ctx)
		} else {
			counted = true
			census, err = count(ctx, c)
		}
		if err != nil {
			return err
		}
		if g, _ := p.tenant(); g != nil {
			own, err = g.Vitals(ctx)
		} else {
			own, err = plainVitals(ctx, c)
		}
		return err
	})
	if err != nil {
		return gate.Vitals{}, own, err
	}
	v := gate.Vitals{
		RSS: own.RSS, HeapUsed: own.HeapUsed, HeapTotal: own.HeapTotal, External: own.External,
		LargeObjects: own.LargeObjects(), HeapSizeLimit: own.HeapSizeLimit, OldSpaceLimit: own.OldSpaceLimit,
		MemoryLimit: own.MemoryLimit, MemoryUsed: own.MemoryUsed, DiskFree: own.DiskFree(),
		CPUs: own.CPUs, Load: own.Load, Collected: true, Census: census,
	}
	_, err = fmt.Sscanf(own.NodeVersion, "v%d.%d", &v.NodeMajor, &v.NodeMinor)
	return v, own, err
}

// plainVitals is what can be asked without a guest.
func plainVitals(ctx context.Context, c *cdp.Conn) (guest.Vitals, error) {
	m, err := c.Memory(ctx)
	if err != nil {
		return guest.Vitals{}, err
	}
	who, err := c.Process(ctx)
	return guest.Vitals{
		PID: who.PID, NodeVersion: who.NodeVersion, RSS: m.RSS, HeapUsed: m.HeapUsed, HeapTotal: m.HeapTotal, External: m.External,
		HeapSizeLimit: who.HeapSizeLimit, MemoryLimit: who.MemoryLimit, Load: -1, Workers: -1,
	}, err
}

// count has the process collect its garbage and count its objects. A process that
// cannot count them has collected its garbage all the same.
func count(ctx context.Context, c *cdp.Conn) (*gate.Census, error) {
	args, err := c.TraceGarbage(ctx, gate.CensusCategory, gate.CensusEvent)
	if isAs[*cdp.CallError](err) { // it traces already, for somebody else
		return nil, c.CollectGarbage(ctx)
	}
	if err != nil && !errors.Is(err, cdp.ErrNoTrace) {
		return nil, err
	}
	census, err := gate.ParseCensus(args["live"])
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // a forecast without it is only wider
	}
	return &census, nil
}
