package tunnel

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestOutbox compares the queue with a map, over random acknowledgements in any
// order, some of them twice and some of what was never sent.
func TestOutbox(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 1))
	var o outbox
	want := map[int64]bool{}
	for range 20_000 {
		if dice.IntN(2) == 0 && len(want) < 100 {
			want[o.next] = true
			o.add([]byte{1}, time.Time{})
		} else {
			seq := o.next - int64(dice.IntN(120)) + 2
			if _, ok := o.acknowledge(seq); ok != want[seq] {
				t.Fatalf("acknowledging %d: %t, want %t", seq, ok, want[seq])
			}
			delete(want, seq)
		}
		oldest := o.next
		if len(want) > 0 {
			oldest = slices.Min(slices.Collect(maps.Keys(want)))
		}
		kept := 0
		o.each(func(*outgoing) bool { kept++; return true })
		if o.first != oldest || kept != len(want) || int64(len(o.waiting())) != o.next-oldest {
			t.Fatalf("first %d, %d kept, %d waiting; want %d, %d, %d", o.first, kept, len(o.waiting()), oldest, len(want), o.next-oldest)
		}
	}
	for seq := range want {
		o.acknowledge(seq)
	}
	if len(o.queue) > 0 || o.first != o.next {
		t.Errorf("%d are left when all are acknowledged", len(o.queue))
	}
}
