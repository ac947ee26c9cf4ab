package tunnel

import "time"

// outbox keeps the messages that were sent until they are acknowledged. The
// plugin has a linked list for it, which it searches from the front.
type outbox struct {
	first int64 // number of the oldest that is not acknowledged; next when there is none
	next  int64 // number of the next message to send
	queue []outgoing
	head  int // of message first in queue; what is before is done with
}

// outgoing is one message that was sent.
type outgoing struct {
	content []byte    // nil once acknowledged
	sent    time.Time // the last time
	since   time.Time // the first time on the socket that is open now
	resent  int
}

// waiting are the messages from first on, acknowledged ones among them included.
func (o *outbox) waiting() []outgoing { return o.queue[o.head:] }

// add keeps the message with the number o.next.
func (o *outbox) add(content []byte, now time.Time) {
	o.queue = append(o.queue, outgoing{content: content, sent: now, since: now})
	o.next++
}

// acknowledge forgets message seq and returns what was known of it; ok is false
// when it was not waited for.
func (o *outbox) acknowledge(seq int64) (m outgoing, ok bool) {
	if seq < o.first || seq >= o.next {
		return outgoing{}, false
	}
	entry := &o.queue[o.head+int(seq-o.first)]
	if entry.content == nil {
		return outgoing{}, false
	}
	m = *entry
	entry.content = nil
	for o.head < len(o.queue) && o.queue[o.head].content == nil {
		o.head++
		o.first++
	}
	if o.head > len(o.queue)/2 { // so that the array is used again
		o.queue = o.queue[:copy(o.queue, o.queue[o.head:])]
		o.head = 0
	}
	return m, true
}

// each calls f with every message that is not acknowledged, oldest first, until
// it returns false.
func (o *outbox) each(f func(m *outgoing) bool) {
	for i := o.head; i < len(o.queue); i++ {
		if o.queue[i].content != nil && !f(&o.queue[i]) {
			return
		}
	}
}
