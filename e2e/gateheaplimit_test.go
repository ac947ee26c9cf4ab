package e2e

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// fillsOldSpace is a program that keeps small objects until so many bytes of its
// old generation are left: node app.js MIB LEFT. It does so in turns of the event
// loop, since V8 cannot keep up with a program that does nothing but allocate.
const fillsOldSpace = `'use strict';
const v8 = require('v8');
const [limit, left] = [Number(process.argv[2]) * 2 ** 20, Number(process.argv[3])];
const used = () => v8.getHeapStatistics().used_heap_size;
const kept = globalThis.kept = [];
let n = 0;
const fill = () => {
  const chunk = [];
  for (let i = 0; i < 500; i++, n++) chunk.push({a: {n, half: n + 0.5}, s: 't' + n});
  kept.push(chunk);
  if (used() < limit - left) setImmediate(fill);
  else console.log('full ' + used());
};
fill();
process.stdin.on('end', () => process.exit(0)).resume();
`

// TestSnapshotNearV8sLimit takes snapshots of processes that use nearly as much of
// what V8 allows itself as the gate has no word against: V8 ends none of them, since
// what it makes for a snapshot is outside of the heap.
func TestSnapshotNearV8sLimit(t *testing.T) {
	const oldSpace, left = 64, 19_000_000 // MiB, and bytes of it
	for _, version := range nodeVersions() {
		for _, transfer := range transfers {
			t.Run(fmt.Sprintf("node%s/%s", version, transfer), func(t *testing.T) {
				t.Parallel()
				p := nodetest.Start(t, nodetest.Options{
					Version: version, Script: fillsOldSpace, Args: []string{strconv.Itoa(oldSpace), strconv.Itoa(left)}, Ready: "full ", Inspect: true,
					NodeArgs: []string{fmt.Sprintf("--max-old-space-size=%d", oldSpace)},
				})
				ctx, cancel := context.WithTimeout(t.Context(), takeTimeout)
				defer cancel()
				conn := dialNode(t, p)
				g := installGuest(t, conn.Evaluate, guest.Options{})
				own, err := g.Vitals(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if own.OldSpaceLimit != oldSpace<<20 {
					t.Fatalf("the guest reads a limit of %d bytes from the command line, want %d", own.OldSpaceLimit, oldSpace<<20)
				}
				v := gate.Vitals{HeapUsed: own.HeapUsed, HeapSizeLimit: own.HeapSizeLimit, OldSpaceLimit: own.OldSpaceLimit}
				if err := gate.Decide(gate.Predict(v, transfer, nil), gate.Limits{DiskFree: -1}, v).Err(); err != nil {
					t.Error(err)
				}
				began := time.Now()
				n := nearLimit(ctx, t, conn, g, transfer)
				t.Logf("%.1f MB of %.1f MB in use, by V8's limit %d MB; a snapshot of %d MB in %v", float64(own.HeapUsed)/1e6, float64(v.OldSpaceLimit)/1e6,
					own.HeapSizeLimit/1e6, n/1e6, time.Since(began).Round(time.Millisecond))
				if _, err := g.Vitals(ctx); err != nil {
					t.Errorf("the process does not answer any more: %v", err)
				}
			})
		}
	}
}

// nearLimit takes one snapshot to the end and returns its size.
func nearLimit(ctx context.Context, t *testing.T, conn *inspected, g *guest.Guest, transfer gate.Transfer) int64 {
	t.Helper()
	if transfer == gate.Stream {
		var n counted
		if err := conn.HeapSnapshot(ctx, &n, nil); err != nil {
			t.Fatal(err)
		}
		return int64(n)
	}
	shot, err := g.Take(ctx, guest.Mode(transfer), guest.TakeOptions{Need: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Pull(ctx, shot, io.Discard, guest.PullOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := g.Release(ctx, shot); err != nil {
		t.Fatal(err)
	}
	return shot.Bytes
}

// counted counts what is written.
type counted int64

// Write implements io.Writer.
func (n *counted) Write(p []byte) (int, error) {
	*n += counted(len(p))
	return len(p), nil
}
