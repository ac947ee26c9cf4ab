package fakeaws

import (
	"maps"
	"slices"
	"time"
)

const (
	// clientTimeout is when the client takes a message for lost: far above the round trip on a machine
	// under load, or what is slow would be sent over and over and be slower still.
	clientTimeout = 500 * time.Millisecond

	// clientBurst is how many messages it sends again in a tick.
	clientBurst = 32
)

// resend sends again what counts as lost, ten times a second, the oldest first.
func (c *client) resend() {
	tick := time.NewTicker(resendInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-c.ctx.Done():
			return
		}
		c.mu.Lock()
		burst := 0
		for _, seq := range slices.Sorted(maps.Keys(c.unacked)) {
			m := c.unacked[seq]
			if burst == clientBurst {
				break
			}
			if time.Since(m.at) < clientTimeout {
				continue
			}
			c.write(m.msg)
			c.unacked[seq] = sent{msg: m.msg, at: time.Now()}
			burst++
		}
		c.mu.Unlock()
	}
}
