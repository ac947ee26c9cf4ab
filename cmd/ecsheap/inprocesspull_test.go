package main

import "testing"

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
	if p.arrived(); streaks != 7 || p.options(0).Parallel != 0 {
		t.Errorf("%d streaks to %+v", streaks, p)
	}
}
