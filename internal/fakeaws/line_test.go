package fakeaws

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestLineLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(&network{}, 25*time.Millisecond)
		began := time.Now()
		for i := range byte(10) {
			l.put([]byte{i})
			time.Sleep(time.Millisecond)
		}
		for i := range byte(10) {
			msg, err := l.take(t.Context())
			if err != nil || msg[0] != i {
				t.Errorf("%v, %v; want %d", msg, err, i)
			}
			if got, want := time.Since(began), 25*time.Millisecond+time.Duration(i)*time.Millisecond; got != want {
				t.Errorf("message %d after %v, want %v: messages in flight overlap", i, got, want)
			}
		}
	})
}

// TestLineOrder compares the queue with a stable sort.
func TestLineOrder(t *testing.T) {
	for seed := range uint64(20) {
		l := newLine(&network{}, 0)
		r := rand.New(rand.NewPCG(seed, 3))
		base := time.Now().Add(-time.Hour)
		var want []parcel
		for i := range 300 {
			p := parcel{due: base.Add(time.Duration(r.IntN(50)) * time.Second), msg: []byte{byte(i), byte(i >> 8)}}
			want = append(want, p)
			l.insert(p)
		}
		slices.SortStableFunc(want, func(a, b parcel) int { return cmp.Compare(a.due.UnixNano(), b.due.UnixNano()) })
		for _, p := range want {
			if msg, _, err := l.next(t.Context()); err != nil || !bytes.Equal(msg, p.msg) {
				t.Fatalf("seed %d: %v, want %v, %v", seed, msg, p.msg, err)
			}
		}
	}
}

func TestLineEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(&network{}, time.Second)
		ctx, cancel := context.WithCancelCause(t.Context())
		reason := errors.New("reason")
		cancel(reason)
		if _, err := l.take(ctx); !errors.Is(err, reason) {
			t.Errorf("canceled: %v", err)
		}
		l.put([]byte("lost"))
		l.lose()
		l.put([]byte("last"))
		l.finish()
		l.put([]byte("late"))
		l.announce([]byte("late"))
		if msg, err := l.take(t.Context()); err != nil || string(msg) != "last" {
			t.Errorf("%q, %v", msg, err)
		}
		if msg, err := l.take(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("%q, %v", msg, err)
		}
	})
}

// TestLineTakeover ends one taker and starts another; the first may not swallow what comes after
// its end.
func TestLineTakeover(t *testing.T) {
	for range 200 {
		l := newLine(&network{}, 0)
		first, stop := context.WithCancel(t.Context())
		swallowed := make(chan []byte, 1)
		go func() {
			msg, _ := l.take(first)
			swallowed <- msg
		}()
		stop()
		l.put([]byte("x"))
		if msg, err := l.take(t.Context()); err != nil || string(msg) != "x" {
			t.Fatalf("%q, %v", msg, err)
		}
		if msg := <-swallowed; msg != nil {
			t.Fatalf("%q went to the first", msg)
		}
	}
}

func TestLineRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLine(&network{}, 0)
		wait := func(ctx context.Context) <-chan error {
			done := make(chan error, 1)
			go func() { done <- l.waitRoom(ctx) }()
			synctest.Wait()
			return done
		}
		for range lineRoom - 1 {
			l.put([]byte("x"))
		}
		if len(wait(t.Context())) != 1 {
			t.Error("waits while there is room")
		}
		for name, makeRoom := range map[string]func(){
			"take":   func() { _, _ = l.take(t.Context()) },
			"lose":   l.lose,
			"finish": l.finish,
		} {
			for len(l.queue) < lineRoom {
				l.put([]byte("x"))
			}
			done := wait(t.Context())
			if len(done) != 0 {
				t.Errorf("%s: does not wait", name)
			}
			makeRoom()
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			l.finished = false
		}
		for len(l.queue) < lineRoom {
			l.put([]byte("x"))
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := wait(ctx)
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// TestNetworkFaults counts what happens to many messages.
func TestNetworkFaults(t *testing.T) {
	const n = 20_000
	for _, tt := range []struct {
		name                       string
		faults                     NetworkFaults
		arrived, repeated, swapped float64 // shares of n
	}{
		{"none", NetworkFaults{}, 1, 0, 0},
		{"drop", NetworkFaults{Drop: 0.1, Seed: 1}, 0.9, 0, 0},
		{"duplicate", NetworkFaults{Duplicate: 0.2, Seed: 2}, 1, 0.2, 0},
		{"reorder", NetworkFaults{Reorder: 0.05, Seed: 3}, 1, 0, 0.05},
		{"delay", NetworkFaults{Delay: time.Second, Seed: 4}, 1, 0, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &Server{}
			s.Network(tt.faults)
			l := newLine(&s.network, 0)
			began := time.Now()
			for i := range n {
				l.put([]byte{byte(i), byte(i >> 8)})
				time.Sleep(100 * time.Microsecond)
			}
			l.finish()
			var distinct, repeated, swapped float64
			seen, last := map[int]bool{}, -1
			for msg, err := l.take(t.Context()); err == nil; msg, err = l.take(t.Context()) {
				i := int(msg[0]) | int(msg[1])<<8
				switch {
				case seen[i]:
					repeated++
				default:
					distinct++
					if i < last {
						swapped++
					}
				}
				seen[i], last = true, max(last, i)
			}
			near := func(got, want float64) bool { return got/n > want-0.01 && got/n < want+0.01 }
			if !near(distinct, tt.arrived) || !near(repeated, tt.repeated) || !near(swapped, tt.swapped) {
				t.Errorf("%s: of %d messages %v arrived, %v twice, %v late", tt.name, n, distinct, repeated, swapped)
			}
			want := n*100*time.Microsecond + tt.faults.Delay
			if late := time.Since(began) - want; late > reorderDelay || tt.faults.Delay > 0 && late < -time.Millisecond {
				t.Errorf("%s: %v late", tt.name, late)
			}
			l.finished = false
			l.announce([]byte("control"))
			if msg, err := l.take(t.Context()); err != nil || string(msg) != "control" {
				t.Errorf("%s: a message of the gateway: %q, %v", tt.name, msg, err)
			}
		})
	}
}
