package fakeaws

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"sync"
	"time"
)

// Timing and sizes of amazon-ssm-agent 3.3 (agent/session/config).
const (
	resendInterval   = 100 * time.Millisecond
	initialRTT       = 100 * time.Millisecond
	initialRTO       = 200 * time.Millisecond
	maxRTO           = time.Second
	clockGranularity = 10 * time.Millisecond
	rttWeight        = 1.0 / 8
	rttVarWeight     = 1.0 / 4
	bufferCapacity   = 100_000 // messages, in each direction
)

// stream is the agent's end of a data channel: it numbers what it sends and keeps it until it is
// acknowledged, puts in order what it receives, and acknowledges that. Its flaws are the agent's:
// it resends nothing but its oldest message, one in a tick, and a message beyond the buffer's
// capacity is sent but not kept.
type stream struct {
	transmit func(msg []byte)    // never blocks; the message may be lost
	deliver  func(f frame) error // gets the messages of the client in order; may block
	capacity int                 // messages that are kept, in each direction
	acked    chan struct{}       // capacity 1: something was acknowledged

	mu      sync.Mutex
	next    int64 // sequence number of the next message to send
	oldest  int64 // every message before this one is acknowledged or was never kept
	unacked map[int64]*sent
	paused  chan struct{} // not nil while publication is paused; closed when it goes on
	rtt     float64       // nanoseconds, smoothed
	rttVar  float64
	rto     time.Duration

	expected int64 // next sequence number of the client; for the receiving goroutine alone, as is early
	early    map[int64]frame
}

// sent is a message that waits for its acknowledgement.
type sent struct {
	msg []byte
	at  time.Time // of the last time it was sent
}

func newStream(transmit func([]byte), deliver func(frame) error) *stream {
	return &stream{
		transmit: transmit, deliver: deliver, capacity: bufferCapacity,
		acked:   make(chan struct{}, 1),
		unacked: map[int64]*sent{}, early: map[int64]frame{},
		rtt: float64(initialRTT), rto: initialRTO,
	}
}

// send numbers a message, sends it unless publication is paused, and keeps it. Empty payloads are
// not sent, as by the agent.
func (st *stream) send(payloadType uint32, payload []byte) {
	if len(payload) == 0 {
		return
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	now := time.Now()
	f := frame{Type: typeOutput, Created: now, Sequence: st.next, ID: newMessageID(), PayloadType: payloadType, Payload: payload}
	if st.next == 0 {
		f.Flags = flagSYN
	}
	msg := f.encode()
	if st.paused == nil {
		st.transmit(msg)
	}
	if len(st.unacked) < st.capacity {
		st.unacked[st.next] = &sent{msg: msg, at: now}
	}
	st.next++
}

// outstanding counts the messages from the oldest unacknowledged one on, acknowledged ones among
// them included.
func (st *stream) outstanding() int64 {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.next - st.advance()
}

// kept counts the messages that wait for an acknowledgement.
func (st *stream) kept() int {
	st.mu.Lock()
	defer st.mu.Unlock()
	return len(st.unacked)
}

// advance finds the oldest message that is not acknowledged; it is next when there is none. The
// caller holds st.mu.
func (st *stream) advance() int64 {
	if len(st.unacked) == 0 {
		st.oldest = st.next
	}
	for st.oldest < st.next && st.unacked[st.oldest] == nil {
		st.oldest++
	}
	return st.oldest
}

// resend sends the oldest message again if its time is up.
func (st *stream) resend() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.paused != nil {
		return
	}
	front := st.unacked[st.advance()]
	if front == nil || time.Since(front.at) <= st.rto {
		return
	}
	st.transmit(front.msg)
	front.at = time.Now()
}

// resendLoop calls resend at every tick until ctx ends.
func (st *stream) resendLoop(ctx context.Context) {
	tick := time.NewTicker(resendInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			st.resend()
		case <-ctx.Done():
			return
		}
	}
}

// awaitPublication blocks while publication is paused.
func (st *stream) awaitPublication(ctx context.Context) error {
	for {
		st.mu.Lock()
		paused := st.paused
		st.mu.Unlock()
		if paused == nil {
			return nil
		}
		select {
		case <-paused:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// setPaused switches publication. Any message from the client switches it on as well.
func (st *stream) setPaused(paused bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	switch {
	case paused && st.paused == nil:
		st.paused = make(chan struct{})
	case !paused && st.paused != nil:
		close(st.paused)
		st.paused = nil
	}
}

// receive handles one message from the gateway. Only one goroutine may call it.
func (st *stream) receive(msg []byte) error {
	f, err := decodeFrame(msg)
	if err != nil {
		return err
	}
	switch f.Type {
	case typeInput:
		st.setPaused(false)
		return st.receiveInput(f)
	case typeAck:
		st.setPaused(false)
		return st.receiveAck(f)
	case typePause, typeStart:
		st.setPaused(f.Type == typePause)
		return nil
	}
	return &frameError{fmt.Sprintf("type %q is not for an agent", f.Type)}
}

// receiveInput delivers what is in order, keeps what is early, and acknowledges both, and old
// messages again: their first acknowledgement may be lost.
func (st *stream) receiveInput(f frame) error {
	switch {
	case f.Sequence < st.expected:
		st.acknowledge(f)
		return nil
	case f.Sequence > st.expected:
		if len(st.early) < st.capacity {
			st.acknowledge(f)
			st.early[f.Sequence] = f
		}
		return nil
	}
	if err := st.deliver(f); err != nil {
		return err
	}
	st.acknowledge(f)
	st.expected++
	for {
		f, ok := st.early[st.expected]
		if !ok {
			return nil
		}
		delete(st.early, st.expected)
		if err := st.deliver(f); err != nil {
			return err
		}
		st.expected++
	}
}

// ackJSON is the payload of an acknowledgement.
type ackJSON struct {
	Type         string `json:"AcknowledgedMessageType"`
	ID           string `json:"AcknowledgedMessageId"`
	Sequence     int64  `json:"AcknowledgedMessageSequenceNumber"`
	IsSequential bool   `json:"IsSequentialMessage"`
}

// acknowledge sends an acknowledgement of f; it has no number of its own and is never resent.
func (st *stream) acknowledge(f frame) {
	payload, err := json.Marshal(ackJSON{Type: f.Type, ID: f.ID.String(), Sequence: f.Sequence, IsSequential: true})
	if err != nil {
		return // cannot be: strings, a number and a bool
	}
	ack := frame{Type: typeAck, Created: time.Now(), ID: newMessageID(), Payload: payload}
	st.transmit(ack.encode())
}

// receiveAck forgets the acknowledged message and learns the round-trip time from it, also from one
// that was sent twice.
func (st *stream) receiveAck(f frame) error {
	var ack ackJSON
	if err := json.Unmarshal(f.Payload, &ack); err != nil {
		return fmt.Errorf("reading acknowledgement: %w", err)
	}
	st.mu.Lock()
	m := st.unacked[ack.Sequence]
	if m != nil {
		st.learn(time.Since(m.at))
		delete(st.unacked, ack.Sequence)
	}
	st.mu.Unlock()
	notify(st.acked)
	return nil
}

// learn updates the retransmission timeout as RFC 6298 does, with the agent's order of steps,
// granularity and cap. The caller holds st.mu.
func (st *stream) learn(took time.Duration) {
	sample := float64(took)
	st.rttVar = (1-rttVarWeight)*st.rttVar + rttVarWeight*math.Abs(st.rtt-sample)
	st.rtt = (1-rttWeight)*st.rtt + rttWeight*sample
	st.rto = min(maxRTO, time.Duration(st.rtt+max(float64(clockGranularity), 4*st.rttVar)))
}
