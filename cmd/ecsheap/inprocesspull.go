package main

import (
	"context"
	"io"

	"github.com/ecsheap/ecsheap/guest"
)

const (
	// fullPiece is how much of a snapshot is asked for at once when all is well: what
	// a guest gives at most.
	fullPiece = 2 << 20

	// leastPiece is what is asked for over a connection that breaks off again and
	// again. On the wire it has 21 kB at most, when nothing can be compressed, and
	// usually 4.
	leastPiece = 16 << 10

	// pieceShrink is by how much a piece gets smaller when a connection breaks off:
	// three of them in a row lead from the full piece to the least.
	pieceShrink = 8

	// pieceStreak is how many pieces have to arrive before a larger one is tried.
	pieceStreak = 4
)

// pace is how a snapshot is asked for: in large pieces, several on their way, as
// long as connections hold; after a cut in small ones, since what was on its way is
// lost with the connection, and larger again as they arrive. But one by one from then
// on: Node.js up to 22 can crash when a connection is cut just as another answer is
// about to leave.
type pace struct {
	piece int64
	alone bool // a connection has been cut
}

// options are those of the next Pull, and how far it shall go.
func (p pace) options(from int64) guest.PullOptions {
	o := guest.PullOptions{From: from}
	if p.alone {
		o.Parallel = 1
	}
	if p.piece < fullPiece {
		o.Piece, o.Most = p.piece, pieceStreak*p.piece
	}
	return o
}

func (p *pace) cut()     { p.piece, p.alone = max(p.piece/pieceShrink, leastPiece), true }
func (p *pace) arrived() { p.piece = min(2*p.piece, fullPiece) }

// pull fetches a snapshot through the inspector's connection, for as long as any
// of it arrives.
func (p *inProcess) pull(ctx context.Context, shot guest.Shot, w io.Writer) error {
	pace, done := pace{piece: fullPiece, alone: p.line.wasLost()}, int64(0)
	for done < shot.Bytes {
		before := done
		err := p.bound(ctx, func(g *guest.Guest) error {
			options := pace.options(done)
			options.Wire = p.line.wire
			pulled, err := g.Pull(ctx, shot, w, options)
			done += pulled.Plain
			if mendable(ctx, err) {
				pace.cut()
			}
			return err
		})
		switch {
		case err == nil:
			pace.arrived()
		case done == before || !mendable(ctx, err):
			return err
		}
	}
	return nil
}
