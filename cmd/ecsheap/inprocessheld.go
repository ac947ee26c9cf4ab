package main

import (
	"context"
	"fmt"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/guest"
)

// held takes a snapshot that stays in the process, on its disk or in its memory,
// until it has been pulled. A lost connection does it no harm.
func (p *inProcess) held(ctx context.Context, mode guest.Mode, o guest.TakeOptions, fetch func(guest.Shot) error) (capture.Taken, error) {
	p.holding = "the snapshot that it was told to take, if it has"
	shot, err := p.take(ctx, mode, o)
	if err != nil {
		if !isAs[*cdp.LostError](err) {
			p.holding = "" // it says that there is none
		}
		return capture.Taken{}, err
	}
	p.holding = fmt.Sprintf("the snapshot of %s that it holds in %s", bytesText(shot.Bytes), heldIn(shot))
	freed := p.audit.did("snapshot held in the process", heldIn(shot), "freed once it is fetched, and with the helper; an unlinked file leaves nothing behind")
	taken := capture.Taken{Transfer: string(mode), Pause: shot.Pause, PeakRSS: shot.RSSPeak}
	if err := fetch(shot); err != nil {
		return taken, err
	}
	err = p.bound(ctx, func(g *guest.Guest) error { return g.Release(ctx, shot) })
	if err == nil {
		freed()
		p.holding = ""
	}
	return taken, err
}

// bound is lifeline.do for what makes sense with the guest of this moment only. It
// may be called from several goroutines.
func (p *inProcess) bound(ctx context.Context, f func(*guest.Guest) error) error {
	_, generation := p.tenant()
	var lost error
	return p.line.do(ctx, func(*cdp.Conn) error {
		g, now := p.tenant()
		if now != generation || g == nil { // which takes none now, and had one
			return &replacedError{lost}
		}
		err := f(g)
		if isAs[*cdp.LostError](err) {
			lost = err
		}
		return err
	})
}

// replacedError says that what held a snapshot for us went away with it.
type replacedError struct {
	lost error // how that showed; nil when it showed elsewhere
}

func (e *replacedError) Error() string {
	text := "the snapshot that the process held is gone, with the process or because nobody asked for it for a minute"
	if e.lost != nil {
		text += ": " + errorText(e.lost)
	}
	return text
}

// Unwrap does not return the loss, which is mended.
func (e *replacedError) Unwrap() error { return &guest.GoneError{} }

// Hint says what the usual reasons are.
func (e *replacedError) Hint() string {
	return "if the process ran out of memory or a health check ended it, capture a younger one; else run the same command again"
}

// take has the guest take a snapshot. If the connection is lost meanwhile, the
// process goes on with it and the guest tells of it later.
func (p *inProcess) take(ctx context.Context, mode guest.Mode, o guest.TakeOptions) (shot guest.Shot, err error) {
	asked, latest := false, p.latest()
	err = p.bound(ctx, func(g *guest.Guest) (err error) {
		if asked {
			state, err := g.State(ctx)
			if err != nil {
				return err
			}
			if n := len(state.Shots); n > 0 && state.Shots[n-1].ID > latest {
				shot = state.Shots[n-1]
				return nil
			}
		}
		asked = true
		shot, err = g.Take(ctx, mode, o)
		return err
	})
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.last = shot.ID
	}
	return shot, err
}

// latest is the id of the latest shot of the guest of this moment.
func (p *inProcess) latest() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}
