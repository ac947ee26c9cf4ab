package tunnel

import (
	"encoding/binary"
	"fmt"

	"github.com/aws/session-manager-plugin/src/message"
)

// decode reads one frame of the gateway and checks its digest. The lengths are
// checked here because the plugin's parser trusts them: it slices the frame at
// the header length that the frame declares.
func decode(log pluginLog, raw []byte) (message.ClientMessage, error) {
	var m message.ClientMessage
	const header = message.ClientMessage_PayloadLengthOffset
	const payload = header + message.ClientMessage_PayloadLengthLength
	if len(raw) < payload {
		return m, fmt.Errorf("frame of %d bytes: a header has %d", len(raw), payload)
	}
	if n := binary.BigEndian.Uint32(raw); n != header {
		return m, fmt.Errorf("header length %d: expected %d", n, header)
	}
	if n := binary.BigEndian.Uint32(raw[header:]); int64(n) != int64(len(raw)-payload) {
		return m, fmt.Errorf("payload length %d in a frame with %d bytes of payload", n, len(raw)-payload)
	}
	if err := m.DeserializeClientMessage(log, raw); err != nil {
		return m, fmt.Errorf("parsing a frame: %w", err)
	}
	if err := m.Validate(); err != nil {
		return m, fmt.Errorf("checking a frame: %w", err)
	}
	return m, nil
}
