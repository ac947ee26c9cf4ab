package tunnel

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/session-manager-plugin/src/config"
)

const (
	// giveUpAfter is how long a message may stay unacknowledged while a socket is
	// open before the session counts as dead. It is the plugin's limit too. A
	// container that is short of CPU can keep its agent from answering for long.
	giveUpAfter = 5 * time.Minute

	// resendBurst bounds the messages sent again in one tick, 100 ms: 320 KB/s. The
	// acknowledgements of a slow line come late, and a whole window sent again and
	// again would make it slower.
	resendBurst = 32

	// maxBackoff is the exponent up to which the pause before the next try doubles.
	maxBackoff = 3
)

// resendLoop sends messages again that have waited longer than the retransmission
// timeout for their acknowledgement. The plugin's scheduler cannot be stopped,
// never notes that it has resent, and looks at the oldest message alone; but the
// agent acknowledges each one, so it is known which are missing.
func (c *channel) resendLoop(ctx context.Context) error {
	ticker := time.NewTicker(config.ResendSleepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if err := c.resend(); err != nil {
				return err
			}
		}
	}
}

// resend sends again what is due.
func (c *channel) resend() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.out.waiting()) == 0 || c.socket.Load() == nil {
		return nil
	}
	now := time.Now()
	if waited := now.Sub(c.out.waiting()[0].since); waited > giveUpAfter {
		return fmt.Errorf("message %d was not acknowledged within %s", c.out.first, giveUpAfter)
	}
	burst := 0
	c.out.each(func(m *outgoing) bool {
		if now.Sub(m.sent) > c.dc.RetransmissionTimeout<<min(m.resent, maxBackoff) {
			m.resent++
			m.sent = now
			c.transmit(m.content)
			burst++
		}
		return burst < resendBurst
	})
	return nil
}
