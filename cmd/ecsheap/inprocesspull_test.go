package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/guest"
)

// TestPace checks how pieces shrink and grow.
func TestPace(t *testing.T) {
	p := pace{piece: fullPiece}
	if o := p.options(7); o.From != 7 || o.Parallel != 0 || o.Piece != 0 || o.Most != 0 {
		t.Errorf("with nothing cut: %+v", o)
	}
	for i, want := range []int64{256 << 10, 32 << 10, leastPiece, leastPiece} {
		p.cut()
		if o := p.options(7); o.From != 7 || o.Parallel != 1 || o.Piece != want || o.Most != pieceStreak*want {
			t.Errorf("after %d cuts: %+v", i+1, o)
		}
	}
	streaks := 0
	for ; p.piece < fullPiece; streaks++ {
		before := p.piece
		if p.arrived(); p.piece <= before {
			t.Fatalf("stays at %d", before)
		}
	}
	if p.arrived(); streaks != 7 || p.options(0).Parallel != 1 || p.options(0).Piece != 0 {
		t.Errorf("%d streaks to %+v", streaks, p)
	}
}

// TestDiesOfCuts knows the versions of Node.js that may crash of a cut.
func TestDiesOfCuts(t *testing.T) {
	for version, want := range map[string]bool{"v14.21.3": true, "v22.23.3": true, "v24.21.0": false, "v26.10.0": false, "": false, "24": false} {
		if got := diesOfCuts(version); got != want {
			t.Errorf("%q: %t", version, got)
		}
	}
}

// TestStalledIsLost ends with the code of a lost target, and is not tried again: each
// call would keep the guest from leaving by itself.
func TestStalledIsLost(t *testing.T) {
	err := fmt.Errorf("fetching the snapshot: %w", &guest.StalledError{For: 90 * time.Second})
	if code := exitCode(err); code != codeLost || mendable(t.Context(), err) {
		t.Errorf("exit code %d, mendable %t", code, mendable(t.Context(), err))
	}
}
