package tunnel

import (
	"bytes"
	"encoding/binary"
	"log/slog"
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

func TestDecode(t *testing.T) {
	good := agentFrame(t, message.OutputStreamMessage, 7, message.Output, []byte("hello"))
	m, err := decode(silent, good)
	if err != nil || m.SequenceNumber != 7 || string(m.Payload) != "hello" || m.MessageType != message.OutputStreamMessage {
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
		"payload":         {func(f []byte) []byte { f[len(f)-1] ^= 1; return f }, "Hash"},
		"no type":         {func(f []byte) []byte { clear(f[4:36]); return f }, "MessageType"},
		"no date":         {func(f []byte) []byte { clear(f[40:48]); return f }, "CreatedDate"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := decode(silent, tt.damage(bytes.Clone(good)))
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
