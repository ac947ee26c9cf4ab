package tunnel

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/session-manager-plugin/src/message"
)

// The plugin's parser makes some 75 allocations a message. What is hot, data and
// acknowledgements, is read and written here, in the layout that the plugin's
// constants give; everything else is left to the plugin (docs/decisions/0006).

const (
	headerSize  = message.ClientMessage_PayloadLengthOffset // the header length that a frame declares
	payloadAt   = message.ClientMessage_PayloadOffset
	maxTypeName = message.ClientMessage_MessageTypeLength

	// ackFlags is what the plugin sets in an acknowledgement: SYN and FIN, as it
	// is a stream of its own.
	ackFlags = 3

	// maxAck bounds an acknowledgement: the header and 180 to 200 bytes of JSON.
	maxAck = 384
)

// frame is one message of the data channel, as far as the data path cares.
type frame struct {
	kind        string // the message type
	seq         int64
	id          [16]byte // in the order of its text form
	payloadType message.PayloadType
	payload     []byte // a part of the raw message
}

// decode reads a message of the gateway and checks its lengths and its digest.
func decode(raw []byte) (frame, error) {
	if len(raw) < payloadAt {
		return frame{}, fmt.Errorf("frame of %d bytes: a header has %d", len(raw), payloadAt)
	}
	if n := binary.BigEndian.Uint32(raw); n != headerSize {
		return frame{}, fmt.Errorf("header length %d: expected %d", n, headerSize)
	}
	if n := binary.BigEndian.Uint32(raw[headerSize:]); int64(n) != int64(len(raw)-payloadAt) {
		return frame{}, fmt.Errorf("payload length %d in a frame with %d bytes of payload", n, len(raw)-payloadAt)
	}
	f := frame{
		kind:        kindOf(raw[message.ClientMessage_MessageTypeOffset:message.ClientMessage_SchemaVersionOffset]),
		seq:         int64(binary.BigEndian.Uint64(raw[message.ClientMessage_SequenceNumberOffset:])),
		payloadType: message.PayloadType(binary.BigEndian.Uint32(raw[message.ClientMessage_PayloadTypeOffset:])),
		payload:     raw[payloadAt:],
	}
	const at = message.ClientMessage_MessageIdOffset
	copy(f.id[8:], raw[at:at+8]) // the less significant half comes first
	copy(f.id[:8], raw[at+8:at+16])
	return f, f.check(raw)
}

// check is the plugin's Validate.
func (f *frame) check(raw []byte) error {
	switch f.kind {
	case message.StartPublicationMessage, message.PausePublicationMessage:
		return nil
	case "":
		return errors.New("a frame without a message type")
	}
	if binary.BigEndian.Uint64(raw[message.ClientMessage_CreatedDateOffset:]) == 0 {
		return errors.New("a frame without a date of creation")
	}
	if len(f.payload) == 0 {
		return nil
	}
	const at = message.ClientMessage_PayloadDigestOffset
	if digest := sha256.Sum256(f.payload); !bytes.Equal(digest[:], raw[at:at+sha256.Size]) {
		return errors.New("the digest of a frame is not that of its payload")
	}
	return nil
}

// kindOf reads a message type, which is padded with blanks or zero bytes. The
// frequent ones cost no allocation.
func kindOf(field []byte) string {
	name := bytes.TrimSpace(bytes.Trim(field, "\x00"))
	switch string(name) {
	case message.OutputStreamMessage:
		return message.OutputStreamMessage
	case message.AcknowledgeMessage:
		return message.AcknowledgeMessage
	case message.InputStreamMessage:
		return message.InputStreamMessage
	}
	return string(name)
}

// appendFrame appends a message to b. kind has at most maxTypeName bytes.
func appendFrame(b []byte, kind string, seq int64, flags uint64, payloadType message.PayloadType, payload []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, headerSize)
	b = append(b, kind...)
	for range maxTypeName - len(kind) {
		b = append(b, ' ')
	}
	b = binary.BigEndian.AppendUint32(b, 1) // schema version
	b = binary.BigEndian.AppendUint64(b, uint64(time.Now().UnixMilli()))
	b = binary.BigEndian.AppendUint64(b, uint64(seq))
	b = binary.BigEndian.AppendUint64(b, flags)
	b = appendID(b)
	digest := sha256.Sum256(payload)
	b = append(b, digest[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(payloadType))
	b = binary.BigEndian.AppendUint32(b, uint32(len(payload)))
	return append(b, payload...)
}

// appendID appends a random UUID (RFC 9562 version 4), halves swapped.
func appendID(b []byte) []byte {
	at := len(b)
	b = append(b, make([]byte, 16)...)
	id := b[at:]
	_, _ = rand.Read(id)          // never fails
	id[0] = id[0]&0x3f | 0x80     // the variant, at the start of the second half
	id[8+6] = id[8+6]&0x0f | 0x40 // the version
	return b
}

// The acknowledgement of f is ackType f.kind ackID f.id ackNumber f.seq ackEnd: what
// encoding/json makes of the plugin's message.AcknowledgeContent.
const (
	ackType   = `{"AcknowledgedMessageType":"`
	ackID     = `","AcknowledgedMessageId":"`
	ackNumber = `","AcknowledgedMessageSequenceNumber":`
	ackEnd    = `,"IsSequentialMessage":true}`
)

// appendAck appends the acknowledgement of f, an output_stream_data message, to b.
func appendAck(b []byte, f frame) []byte {
	var room [maxAck]byte
	p := append(room[:0], ackType...)
	p = append(p, f.kind...)
	p = append(p, ackID...)
	for i, part := range [][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			p = append(p, '-')
		}
		p = hex.AppendEncode(p, f.id[part[0]:part[1]])
	}
	p = append(p, ackNumber...)
	p = strconv.AppendInt(p, f.seq, 10)
	p = append(p, ackEnd...)
	return appendFrame(b, message.AcknowledgeMessage, 0, ackFlags, 0, p)
}

// acknowledgedNumber reads which message an acknowledgement is for.
func acknowledgedNumber(payload []byte) (int64, error) {
	if seq, ok := agentAck(payload); ok {
		return seq, nil
	}
	var ack message.AcknowledgeContent
	if err := json.Unmarshal(payload, &ack); err != nil {
		return 0, fmt.Errorf("reading an acknowledgement: %w", err)
	}
	return ack.SequenceNumber, nil
}

// agentAck reads an acknowledgement in exactly the form in which agents write it.
func agentAck(p []byte) (seq int64, ok bool) {
	const idLength, maxDigits = 36, 18 // digits that fit int64 in any case
	if p, ok = bytes.CutPrefix(p, []byte(ackType+message.InputStreamMessage+ackID)); !ok || len(p) < idLength {
		return 0, false
	}
	for _, c := range p[:idLength] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && c != '-' {
			return 0, false
		}
	}
	if p, ok = bytes.CutPrefix(p[idLength:], []byte(ackNumber)); !ok {
		return 0, false
	}
	n := 0
	for ; n < len(p) && n < maxDigits && p[n] >= '0' && p[n] <= '9'; n++ {
		seq = 10*seq + int64(p[n]-'0')
	}
	if n == 0 || n > 1 && p[0] == '0' {
		return 0, false
	}
	return seq, string(p[n:]) == ackEnd
}
