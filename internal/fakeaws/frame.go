package fakeaws

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"
)

// Message types of the data channel (amazon-ssm-agent agent/session/contracts).
const (
	typeInput   = "input_stream_data"  // client to agent
	typeOutput  = "output_stream_data" // agent to client
	typeAck     = "acknowledge"
	typeClosed  = "channel_closed"
	typeStart   = "start_publication"
	typePause   = "pause_publication"
	maxTypeName = 32
)

// Payload types of stream messages.
const (
	payloadData              = 1
	payloadHandshakeRequest  = 5
	payloadHandshakeResponse = 6
	payloadHandshakeComplete = 7
	payloadFlag              = 10
)

// Flags: the payload of a payloadFlag message, a big-endian uint32. A multiplexing agent knows no
// others.
const (
	flagTerminateSession   = 2
	flagConnectToPortError = 3
)

// Offsets of the fields of a message, all of them big-endian.
const (
	atHeaderLength  = 0
	atType          = 4
	atSchemaVersion = 36
	atCreated       = 40
	atSequence      = 48
	atFlags         = 56
	atID            = 64 // the less significant half of the UUID first
	atDigest        = 80
	atPayloadType   = 112
	atPayloadLength = 116
	atPayload       = 120

	// headerLength counts the bytes before the payload length, not those before the payload.
	headerLength = 116

	// flagSYN marks the first message of a stream.
	flagSYN = 1
)

// frame is one message of the data channel.
type frame struct {
	Type        string
	Created     time.Time // to the millisecond
	Sequence    int64
	Flags       uint64
	ID          messageID
	PayloadType uint32
	Payload     []byte
}

// frameError says why bytes are no message.
type frameError struct{ reason string }

func (e *frameError) Error() string { return "data channel message: " + e.reason }

// encode returns the message as bytes of its own.
func (f *frame) encode() []byte {
	b := make([]byte, atPayload+len(f.Payload))
	binary.BigEndian.PutUint32(b[atHeaderLength:], headerLength)
	n := copy(b[atType:atSchemaVersion], f.Type)
	for i := atType + n; i < atSchemaVersion; i++ {
		b[i] = ' '
	}
	binary.BigEndian.PutUint32(b[atSchemaVersion:], 1)
	binary.BigEndian.PutUint64(b[atCreated:], uint64(f.Created.UnixMilli()))
	binary.BigEndian.PutUint64(b[atSequence:], uint64(f.Sequence))
	binary.BigEndian.PutUint64(b[atFlags:], f.Flags)
	copy(b[atID:], f.ID[8:])
	copy(b[atID+8:], f.ID[:8])
	digest := sha256.Sum256(f.Payload)
	copy(b[atDigest:], digest[:])
	binary.BigEndian.PutUint32(b[atPayloadType:], f.PayloadType)
	binary.BigEndian.PutUint32(b[atPayloadLength:], uint32(len(f.Payload)))
	copy(b[atPayload:], f.Payload)
	return b
}

// decodeFrame reads a message. The payload is a part of b, not a copy. The lengths must agree with
// len(b) and the digest with the payload.
func decodeFrame(b []byte) (frame, error) {
	if len(b) < atPayload {
		return frame{}, &frameError{fmt.Sprintf("%d bytes, shorter than a header", len(b))}
	}
	if n := binary.BigEndian.Uint32(b[atHeaderLength:]); n != headerLength {
		return frame{}, &frameError{fmt.Sprintf("header length %d, want %d", n, headerLength)}
	}
	f := frame{
		Type:        frameType(b),
		Created:     time.UnixMilli(int64(binary.BigEndian.Uint64(b[atCreated:]))),
		Sequence:    int64(binary.BigEndian.Uint64(b[atSequence:])),
		Flags:       binary.BigEndian.Uint64(b[atFlags:]),
		PayloadType: binary.BigEndian.Uint32(b[atPayloadType:]),
		Payload:     b[atPayload:],
	}
	copy(f.ID[8:], b[atID:atID+8])
	copy(f.ID[:8], b[atID+8:atDigest])
	if f.Type == "" {
		return frame{}, &frameError{"no message type"}
	}
	if n := binary.BigEndian.Uint32(b[atPayloadLength:]); int64(n) != int64(len(f.Payload)) {
		return frame{}, &frameError{fmt.Sprintf("payload length %d, but %d bytes follow", n, len(f.Payload))}
	}
	if digest := sha256.Sum256(f.Payload); !bytes.Equal(digest[:], b[atDigest:atPayloadType]) {
		return frame{}, &frameError{"payload digest does not match"}
	}
	return f, nil
}

// frameType reads the message type alone. Senders pad it with blanks or with zero bytes. Names that
// are on the hot path cost no allocation.
func frameType(b []byte) string {
	if len(b) < atSchemaVersion {
		return ""
	}
	name := bytes.TrimSpace(bytes.Trim(b[atType:atSchemaVersion], "\x00"))
	switch string(name) {
	case typeInput:
		return typeInput
	case typeOutput:
		return typeOutput
	case typeAck:
		return typeAck
	}
	return string(name)
}
