package tunnel

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/session-manager-plugin/src/config"
	"github.com/aws/session-manager-plugin/src/datachannel"
)

// maxResends is how often one message is sent while a socket is open before
// the session counts as dead: with the longest retransmission timeout of one
// second, the five minutes that the plugin allows too.
const maxResends = 300

// resendLoop sends the oldest message again whenever it has waited longer than
// the retransmission timeout for its acknowledgement. The plugin's scheduler
// does the same but cannot be stopped, and never notes that it has resent.
func (c *channel) resendLoop(ctx context.Context) error {
	ticker := time.NewTicker(config.ResendSleepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
			if err := c.resendFront(); err != nil {
				return err
			}
		}
	}
}

func (c *channel) resendFront() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	front := c.dc.OutgoingMessageBuffer.Messages.Front()
	if front == nil || c.socket.Load() == nil {
		return nil
	}
	m := front.Value.(datachannel.StreamingMessage)
	if time.Since(m.LastSentTime) <= c.dc.RetransmissionTimeout {
		return nil
	}
	if *m.ResendAttempt >= maxResends {
		return fmt.Errorf("message %d was not acknowledged after %d tries", m.SequenceNumber, maxResends)
	}
	*m.ResendAttempt++
	m.LastSentTime = time.Now()
	front.Value = m
	c.transmit(m.Content)
	return nil
}
