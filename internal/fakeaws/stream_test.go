package fakeaws

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// wire is what a stream sent and delivered.
type wire struct {
	t         *testing.T
	stream    *stream
	out       []frame // stream messages
	acks      []int64 // acknowledged by the stream
	delivered []int64
	refuse    error // answer of deliver
}

func newWire(t *testing.T) *wire {
	w := &wire{t: t}
	transmit := func(msg []byte) {
		f, err := decodeFrame(msg)
		if err != nil {
			t.Error(err)
		}
		if f.Type == typeOutput {
			w.out = append(w.out, f)
			return
		}
		var ack ackJSON
		if err := json.Unmarshal(f.Payload, &ack); err != nil || f.Type != typeAck || f.Sequence != 0 || ack.Type != typeInput {
			t.Errorf("%+v, %v", f, err)
		}
		w.acks = append(w.acks, ack.Sequence)
	}
	deliver := func(f frame) error {
		if w.refuse == nil {
			w.delivered = append(w.delivered, f.Sequence)
		}
		return w.refuse
	}
	w.stream = newStream(transmit, deliver)
	return w
}

// sent is the sequence numbers of the messages that went out.
func (w *wire) sent() (seqs []int64) {
	for _, f := range w.out {
		seqs = append(seqs, f.Sequence)
	}
	return seqs
}

// input is a message of the client.
func (w *wire) input(seq int64) {
	w.t.Helper()
	f := frame{Type: typeInput, Created: time.Now(), Sequence: seq, ID: newMessageID(), PayloadType: payloadData, Payload: []byte("x")}
	if err := w.stream.receive(f.encode()); err != nil && !errors.Is(err, w.refuse) {
		w.t.Error(err)
	}
}

// ack is an acknowledgement of the client.
func (w *wire) ack(seq int64) {
	w.t.Helper()
	payload, _ := json.Marshal(ackJSON{Type: typeOutput, Sequence: seq, IsSequential: true})
	f := frame{Type: typeAck, Created: time.Now(), ID: newMessageID(), Payload: payload}
	if err := w.stream.receive(f.encode()); err != nil {
		w.t.Error(err)
	}
}

func (w *wire) publication(kind string) {
	if err := w.stream.receive(publication(kind)); err != nil {
		w.t.Error(err)
	}
}

func TestStreamNumbers(t *testing.T) {
	w := newWire(t)
	for range 3 {
		w.stream.send(payloadData, []byte("x"))
	}
	w.stream.send(payloadData, nil) // nothing to send
	if got := w.sent(); !slices.Equal(got, []int64{0, 1, 2}) {
		t.Error(got)
	}
	if w.out[0].Flags != flagSYN || w.out[1].Flags != 0 {
		t.Errorf("flags %d, %d", w.out[0].Flags, w.out[1].Flags)
	}
}

// TestResendFrontOnly checks that only the oldest message is resent, one in a tick and after its
// timeout.
func TestResendFrontOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		for range 3 {
			w.stream.send(payloadData, []byte("x"))
		}
		w.out = nil
		tick := func() {
			time.Sleep(resendInterval)
			w.stream.resend()
		}
		tick()
		tick() // the timeout of 200 ms must have passed, not just be reached
		if len(w.out) != 0 {
			t.Errorf("resent %v before the timeout", w.sent())
		}
		tick()
		tick()
		if got := w.sent(); !slices.Equal(got, []int64{0}) {
			t.Errorf("resent %v, want the front once", got)
		}
		w.ack(0)
		w.ack(2)
		tick()
		if got := w.sent(); !slices.Equal(got, []int64{0, 1}) {
			t.Errorf("resent %v, want the next front", got)
		}
		w.ack(1)
		tick()
		if w.stream.kept() != 0 || w.stream.outstanding() != 0 || len(w.out) != 2 {
			t.Errorf("kept %d, outstanding %d, sent %v", w.stream.kept(), w.stream.outstanding(), w.sent())
		}
	})
}

// TestTimeoutFollowsRTT feeds round trips and compares the timeout with a slow calculation.
func TestTimeoutFollowsRTT(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire(t)
		r := rand.New(rand.NewPCG(1, 1))
		rtt, variation := 100.0, 0.0 // milliseconds
		for seq := range int64(200) {
			took := time.Duration(r.IntN(400)) * time.Millisecond
			if seq < 50 {
				took = 20 * time.Millisecond
			}
			w.stream.send(payloadData, []byte("x"))
			time.Sleep(took)
			w.ack(seq)
			sample := float64(took.Milliseconds())
			variation = 0.75*variation + 0.25*max(rtt-sample, sample-rtt)
			rtt = 0.875*rtt + 0.125*sample
			want := min(1000, rtt+max(10, 4*variation))
			if got := float64(w.stream.rto) / float64(time.Millisecond); got < want-0.01 || got > want+0.01 {
				t.Fatalf("after message %d: %.3f ms, want %.3f", seq, got, want)
			}
		}
		time.Sleep(time.Minute)
		w.stream.send(payloadData, []byte("x"))
		time.Sleep(time.Minute)
		w.ack(200)
		if w.stream.rto != maxRTO {
			t.Errorf("timeout %v after a minute", w.stream.rto)
		}
	})
}

func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, resume := range map[string]func(*wire){
			"start":  func(w *wire) { w.publication(typeStart) },
			"ack":    func(w *wire) { w.ack(99) },
			"client": func(w *wire) { w.input(0) },
		} {
			w := newWire(t)
			w.publication(typePause)
			w.publication(typePause)
			w.stream.send(payloadData, []byte("x"))
			time.Sleep(time.Second)
			w.stream.resend()
			if len(w.out) != 0 || w.stream.kept() != 1 {
				t.Errorf("%s: sent %v, kept %d in a pause", name, w.sent(), w.stream.kept())
			}
			waited := make(chan error, 1)
			go func() { waited <- w.stream.awaitPublication(t.Context()) }()
			synctest.Wait()
			if len(waited) != 0 {
				t.Errorf("%s: did not wait in a pause", name)
			}
			resume(w)
			if err := <-waited; err != nil {
				t.Error(err)
			}
			w.stream.resend()
			if got := w.sent(); !slices.Equal(got, []int64{0}) {
				t.Errorf("%s: sent %v after the pause", name, got)
			}
		}
	})
}

// TestFullBuffer checks that what does not fit is sent but never again, which is how the agent
// loses data, and that what is too early is not acknowledged.
func TestFullBuffer(t *testing.T) {
	w := newWire(t)
	w.stream.capacity = 10
	for range 12 {
		w.stream.send(payloadData, []byte("x"))
	}
	if n := w.stream.kept(); n != 10 || len(w.out) != 12 || w.stream.outstanding() != 12 {
		t.Fatalf("kept %d, sent %d, outstanding %d", n, len(w.out), w.stream.outstanding())
	}
	for seq := range int64(10) {
		w.ack(seq)
	}
	if w.stream.kept() != 0 || w.stream.outstanding() != 0 {
		t.Errorf("kept %d, outstanding %d", w.stream.kept(), w.stream.outstanding())
	}
	for seq := range int64(12) {
		w.input(seq + 1)
	}
	if len(w.acks) != 10 || len(w.delivered) != 0 {
		t.Errorf("acknowledged %v, delivered %v", w.acks, w.delivered)
	}
	w.input(0)
	if len(w.delivered) != 11 {
		t.Errorf("delivered %v", w.delivered)
	}
}

// TestReceiveOrder delivers messages in every kind of disorder; the oracle is the sorted set.
func TestReceiveOrder(t *testing.T) {
	for seed := range uint64(50) {
		w := newWire(t)
		r := rand.New(rand.NewPCG(seed, 2))
		var arrivals []int64
		for seq := range int64(40) {
			for range 1 + r.IntN(3) {
				arrivals = append(arrivals, seq)
			}
		}
		r.Shuffle(len(arrivals), func(i, j int) { arrivals[i], arrivals[j] = arrivals[j], arrivals[i] })
		for _, seq := range arrivals {
			w.input(seq)
		}
		want := slices.Compact(slices.Sorted(slices.Values(arrivals)))
		if !slices.Equal(w.delivered, want) {
			t.Errorf("seed %d: delivered %v", seed, w.delivered)
		}
		if !slices.Equal(w.acks, arrivals) { // repetitions as well
			t.Errorf("seed %d: acknowledged %v, want %v", seed, w.acks, arrivals)
		}
		if len(w.stream.early) != 0 {
			t.Errorf("seed %d: %d messages left over", seed, len(w.stream.early))
		}
	}
}

// TestNotDelivered checks that a message that could not be delivered is not acknowledged and is
// taken when it comes again.
func TestNotDelivered(t *testing.T) {
	w := newWire(t)
	w.refuse = errors.New("not ready")
	w.input(0)
	if len(w.acks) != 0 {
		t.Error("acknowledged a message that was not delivered")
	}
	w.refuse = nil
	w.input(0)
	if !slices.Equal(w.delivered, []int64{0}) || !slices.Equal(w.acks, []int64{0}) {
		t.Errorf("delivered %v, acknowledged %v", w.delivered, w.acks)
	}
}

func TestReceiveRefuses(t *testing.T) {
	w := newWire(t)
	other := frame{Type: typeClosed, Created: time.Now()}
	badAck := frame{Type: typeAck, Payload: []byte("{")}
	for _, msg := range [][]byte{nil, bytes.Repeat([]byte{1}, 200), other.encode(), badAck.encode()} {
		if err := w.stream.receive(msg); err == nil {
			t.Errorf("took %x", msg)
		}
	}
}
