package tunnel

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/aws/session-manager-plugin/src/message"
	"github.com/twinj/uuid"
)

var silent = pluginLog{slog.New(slog.DiscardHandler)}

// agentFrame is a frame as the agent sends it.
func agentFrame(t testing.TB, kind string, seq int64, payloadType message.PayloadType, payload []byte) []byte {
	t.Helper()
	m := message.ClientMessage{
		MessageType: kind, SchemaVersion: 1, CreatedDate: uint64(time.Now().UnixMilli()), SequenceNumber: seq,
		MessageId: uuid.NewV4(), PayloadType: uint32(payloadType), Payload: payload,
	}
	frame, err := m.SerializeClientMessage(silent)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// parse reads a frame with the plugin's parser.
func parse(t testing.TB, raw []byte) message.ClientMessage {
	t.Helper()
	var m message.ClientMessage
	if err := m.DeserializeClientMessage(silent, raw); err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestDecode(t *testing.T) {
	good := agentFrame(t, message.OutputStreamMessage, 7, message.Output, []byte("hello"))
	m, err := decode(good)
	if err != nil || m.seq != 7 || string(m.payload) != "hello" || m.kind != message.OutputStreamMessage {
		t.Fatalf("decode = %+v, %v", m, err)
	}
	tests := map[string]struct {
		damage func([]byte) []byte
		want   string
	}{
		"empty":           {func([]byte) []byte { return nil }, "a header has 120"},
		"short":           {func(f []byte) []byte { return f[:119] }, "a header has 120"},
		"header length":   {func(f []byte) []byte { binary.BigEndian.PutUint32(f, 1<<31); return f }, "expected 116"},
		"payload length":  {func(f []byte) []byte { return append(f, 0) }, "payload length 5"},
		"negative length": {func(f []byte) []byte { binary.BigEndian.PutUint32(f[116:], 1<<32-1); return f }, "payload length 4294967295"},
		"payload":         {func(f []byte) []byte { f[len(f)-1] ^= 1; return f }, "digest"},
		"no type":         {func(f []byte) []byte { clear(f[4:36]); return f }, "message type"},
		"no date":         {func(f []byte) []byte { clear(f[40:48]); return f }, "date of creation"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := decode(tt.damage(bytes.Clone(good)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want …%s…", err, tt.want)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add(agentFrame(f, message.OutputStreamMessage, 0, message.Output, []byte("x")))
	f.Add(agentFrame(f, message.AcknowledgeMessage, 0, 0, []byte(`{"AcknowledgedMessageSequenceNumber":0}`)))
	f.Add(agentFrame(f, message.ChannelClosedMessage, 0, 0, []byte(`{"Output":"bye"}`)))
	f.Add(agentFrame(f, message.OutputStreamMessage, 0, message.HandshakeRequestPayloadType, []byte(`{"AgentVersion":"3"}`)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		// Whatever comes must be refused or handled, never a panic.
		c := newChannel("target", "session", "client", slog.New(slog.DiscardHandler))
		_ = c.receive(raw)
		_ = c.receive(raw)
	})
}

// FuzzDecodeLikePlugin compares our reading of frames with the plugin's: what we
// take, it must take and read in the same way, and what we refuse, it must refuse
// too, unless it is for the lengths, which it trusts.
func FuzzDecodeLikePlugin(f *testing.F) {
	for _, kind := range []string{message.OutputStreamMessage, message.AcknowledgeMessage, message.StartPublicationMessage, "x"} {
		f.Add(agentFrame(f, kind, 1<<40+7, message.Output, []byte("hello")))
	}
	f.Add(agentFrame(f, message.InputStreamMessage, -1, message.Flag, []byte{0, 0, 0, 2}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := decode(raw)
		if err != nil && (len(raw) < payloadAt || strings.Contains(err.Error(), "length")) {
			return
		}
		var want message.ClientMessage
		pluginErr := errors.Join(want.DeserializeClientMessage(silent, raw), want.Validate())
		if (err == nil) != (pluginErr == nil) {
			t.Fatalf("we say %v, the plugin says %v", err, pluginErr)
		}
		if err == nil {
			sameFrame(t, got, want)
		}
	})
}

func sameFrame(t *testing.T, got frame, want message.ClientMessage) {
	t.Helper()
	if got.kind != want.MessageType || got.seq != want.SequenceNumber || uint32(got.payloadType) != want.PayloadType ||
		!bytes.Equal(got.payload, want.Payload) || !bytes.Equal(got.id[:], want.MessageId.Bytes()) {
		t.Errorf("read %+v, the plugin reads %+v", got, want)
	}
}

// TestFramesLikePlugin compares random frames of ours with the plugin's in both
// directions: it reads ours as we meant them, and builds the same bytes.
func TestFramesLikePlugin(t *testing.T) {
	dice := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		payload := make([]byte, 1+dice.IntN(2000)) // the plugin cannot build an empty one
		for i := range payload {
			payload[i] = byte(dice.Uint32())
		}
		kind := []string{message.InputStreamMessage, message.OutputStreamMessage, message.AcknowledgeMessage, strings.Repeat("k", 32)}[dice.IntN(4)]
		seq, flags, payloadType := int64(dice.Uint64()), dice.Uint64(), message.PayloadType(dice.Uint32())
		raw := appendFrame([]byte("before"), kind, seq, flags, payloadType, payload)[len("before"):]
		m := parse(t, raw)
		if m.Flags != flags || m.SchemaVersion != 1 || m.HeaderLength != headerSize || m.PayloadLength != uint32(len(payload)) || m.MessageId.Version() != 4 {
			t.Fatalf("the plugin reads %+v", m)
		}
		back, err := decode(raw)
		if err != nil || back.seq != seq || back.payloadType != payloadType || back.kind != kind || !bytes.Equal(back.payload, payload) {
			t.Fatalf("decode = %+v, %v", back, err)
		}
		sameFrame(t, back, m)
		theirs, err := m.SerializeClientMessage(silent)
		if err != nil || !bytes.Equal(theirs, raw) {
			t.Fatalf("the plugin builds other bytes of the same message, %v", err)
		}
	}
}

// TestAcksLikePlugin compares our acknowledgements with the plugin's.
func TestAcksLikePlugin(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		of, err := decode(agentFrame(t, message.OutputStreamMessage, int64(dice.Uint64()>>dice.IntN(64)), message.Output, []byte("x")))
		if err != nil {
			t.Fatal(err)
		}
		uuid.SwitchFormat(uuid.CleanHyphen) // as the plugin does
		ours := appendAck(nil, of)
		if len(ours) > payloadAt+maxAck {
			t.Fatalf("an acknowledgement has %d bytes", len(ours))
		}
		m := parse(t, ours)
		content := message.AcknowledgeContent{
			MessageType: of.kind, MessageId: uuid.New(of.id[:]).String(), SequenceNumber: of.seq, IsSequentialMessage: true,
		}
		want, err := message.SerializeClientMessageWithAcknowledgeContent(silent, content)
		if err != nil {
			t.Fatal(err)
		}
		theirs := parse(t, want)
		if string(m.Payload) != string(theirs.Payload) || m.Flags != theirs.Flags || m.MessageType != theirs.MessageType || m.SequenceNumber != theirs.SequenceNumber {
			t.Fatalf("acknowledged with %+v %s, the plugin with %+v %s", m, m.Payload, theirs, theirs.Payload)
		}
	}
}

// FuzzAcknowledgedNumber compares the short way with encoding/json.
func FuzzAcknowledgedNumber(f *testing.F) {
	const id = "01234567-89ab-cdef-0123-456789abcdef"
	agents := ackType + message.InputStreamMessage + ackID + id + ackNumber
	f.Add([]byte(agents + "42" + ackEnd))
	f.Add([]byte(agents + "042" + ackEnd))
	f.Add([]byte(agents + ackEnd))
	f.Add([]byte(agents + "9223372036854775807" + ackEnd))
	f.Add([]byte(agents + "1" + ackEnd + "}"))
	f.Add([]byte(`{"AcknowledgedMessageSequenceNumber": 5}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		got, err := acknowledgedNumber(payload)
		var want message.AcknowledgeContent
		wantErr := json.Unmarshal(payload, &want)
		if (err == nil) != (wantErr == nil) || err == nil && got != want.SequenceNumber {
			t.Errorf("%q: %d, %v; encoding/json: %d, %v", payload, got, err, want.SequenceNumber, wantErr)
		}
	})
}

func TestAgentAckIsTheShortWay(t *testing.T) {
	payload, err := json.Marshal(message.AcknowledgeContent{
		MessageType: message.InputStreamMessage, MessageId: "01234567-89ab-cdef-0123-456789abcdef", SequenceNumber: 42, IsSequentialMessage: true,
	})
	if seq, ok := agentAck(payload); err != nil || !ok || seq != 42 {
		t.Errorf("%s: %d, %t, %v", payload, seq, ok, err)
	}
}
