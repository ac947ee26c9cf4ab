package fakeaws

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/aws/session-manager-plugin/src/log"
	"github.com/aws/session-manager-plugin/src/message"
	"github.com/google/go-cmp/cmp"
	"github.com/twinj/uuid"
)

func exampleFrame(kind string, payload []byte) frame {
	return frame{
		Type: kind, Created: time.UnixMilli(1795003000123), Sequence: 77, Flags: flagSYN,
		ID: messageID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, PayloadType: payloadData, Payload: payload,
	}
}

func TestFrameRoundTrip(t *testing.T) {
	for _, payload := range [][]byte{{}, []byte("x"), bytes.Repeat([]byte{0xff}, payloadSize)} {
		want := exampleFrame(typeOutput, payload)
		got, err := decodeFrame(want.encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFrameRefuses(t *testing.T) {
	f := exampleFrame(typeOutput, []byte("payload"))
	good := f.encode()
	for name, spoil := range map[string]func([]byte) []byte{
		"nothing":           func([]byte) []byte { return nil },
		"a cut header":      func(b []byte) []byte { return b[:atPayload-1] },
		"a cut payload":     func(b []byte) []byte { return b[:len(b)-1] },
		"a longer payload":  func(b []byte) []byte { return append(b, 0) },
		"other payload":     func(b []byte) []byte { b[atPayload] ^= 1; return b },
		"other digest":      func(b []byte) []byte { b[atDigest] ^= 1; return b },
		"other header size": func(b []byte) []byte { b[3] = 120; return b },
		"huge length":       func(b []byte) []byte { binary.BigEndian.PutUint32(b[atPayloadLength:], 1<<32-1); return b },
		"no type":           func(b []byte) []byte { clear(b[atType:atSchemaVersion]); return b },
	} {
		if got, err := decodeFrame(spoil(bytes.Clone(good))); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if frameType(good[:20]) != "" {
		t.Error("a type in 20 bytes")
	}
}

// pluginLog is a logger for the plugin's codec, which logs nothing but errors that it returns as
// well.
type pluginLog struct{ log.T }

func (pluginLog) Error(...any) error          { return nil }
func (pluginLog) Errorf(string, ...any) error { return nil }

// theirs is f as the plugin's own type.
func theirs(f frame) message.ClientMessage {
	return message.ClientMessage{
		MessageType: f.Type, SchemaVersion: 1, CreatedDate: uint64(f.Created.UnixMilli()), SequenceNumber: f.Sequence, Flags: f.Flags,
		MessageId: uuid.New(f.ID[:]), PayloadType: f.PayloadType, Payload: f.Payload,
	}
}

// TestFrameMatchesPlugin reads with each codec what the other wrote.
func TestFrameMatchesPlugin(t *testing.T) {
	var quiet pluginLog
	for _, kind := range []string{typeInput, typeOutput, typeAck, typeClosed, typeStart, typePause, "agent_session_state"} {
		for _, payload := range [][]byte{[]byte("{}"), bytes.Repeat([]byte("ab\x00\xff"), 256)} {
			f := exampleFrame(kind, payload)
			plugin := theirs(f)
			bytesOfPlugin, err := plugin.SerializeClientMessage(quiet)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(f.encode(), bytesOfPlugin) {
				t.Errorf("%s: bytes differ", kind)
			}
			got, err := decodeFrame(bytesOfPlugin)
			if err != nil || !cmp.Equal(f, got) {
				t.Errorf("%s: %v\n%s", kind, err, cmp.Diff(f, got))
			}
			var back message.ClientMessage
			if err := back.DeserializeClientMessage(quiet, f.encode()); err != nil {
				t.Fatal(err)
			}
			if err := back.Validate(); err != nil {
				t.Error(err)
			}
			if back.MessageType != kind || back.SequenceNumber != 77 ||
				back.MessageId.String() != f.ID.String() || !bytes.Equal(back.Payload, payload) {
				t.Errorf("%s: plugin reads %+v", kind, back)
			}
		}
	}
}

// FuzzDecodeFrame checks that what is accepted is written back byte for byte, but for padding, and
// read alike by the plugin.
func FuzzDecodeFrame(f *testing.F) {
	for _, kind := range []string{typeInput, typeAck, typeClosed} {
		example := exampleFrame(kind, []byte(`{"a":1}`))
		f.Add(example.encode())
	}
	padded := exampleFrame("x", nil)
	b := padded.encode()
	clear(b[atType+1 : atSchemaVersion])
	f.Add(b)
	f.Add([]byte{})
	var quiet pluginLog
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := decodeFrame(b)
		if err != nil {
			return
		}
		again := got.encode()
		if !bytes.Equal(again[atCreated:], b[atCreated:]) {
			t.Errorf("%x became %x", b, again)
		}
		var plugin message.ClientMessage
		if err := plugin.DeserializeClientMessage(quiet, b); err != nil {
			t.Errorf("the plugin refuses: %v", err)
		}
		if plugin.SequenceNumber != got.Sequence || plugin.Flags != got.Flags || plugin.PayloadType != got.PayloadType ||
			!bytes.Equal(plugin.Payload, got.Payload) || plugin.MessageId.String() != got.ID.String() {
			t.Errorf("plugin %+v, fake %+v", plugin, got)
		}
	})
}

func TestMessageIDIsAUUID(t *testing.T) {
	id := newMessageID()
	if id[6]>>4 != 4 || id[8]>>6 != 2 || id == newMessageID() {
		t.Errorf("%x", id)
	}
	if got := (messageID{1, 0x23, 15: 0xff}).String(); got != "01230000-0000-0000-0000-0000000000ff" {
		t.Error(got)
	}
}
