package fakeaws

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// reader collects what comes out of a line, as message types with the sequence number of stream
// messages.
type reader struct {
	got []string
}

func read(ctx context.Context, t *testing.T, l *line) *reader {
	r := &reader{}
	go func() {
		for {
			msg, err := l.take(ctx)
			if err != nil {
				return
			}
			f, err := decodeFrame(msg)
			if err != nil {
				t.Error(err)
			}
			r.got = append(r.got, f.Type+string(f.Payload))
		}
	}()
	return r
}

func newMessage(kind, payload string) []byte {
	f := frame{Type: kind, Created: time.Now(), ID: newMessageID(), Payload: []byte(payload)}
	return f.encode()
}

// TestSocketsLoseWhatIsInFlight kills either socket while messages are on the way in both
// directions.
func TestSocketsLoseWhatIsInFlight(t *testing.T) {
	const rtt = 100 * time.Millisecond
	for name, tt := range map[string]struct {
		kill, restore     func(ch *channel, sock *clientSocket)
		toClient, toAgent []string // after the kill
	}{
		"client": {
			kill:     func(ch *channel, sock *clientSocket) { ch.detach(sock) },
			restore:  func(ch *channel, sock *clientSocket) { ch.attach(sock) },
			toClient: []string{typeStart, typeOutput + "new"},
			toAgent:  []string{typePause, typeStart, typeInput + "new"},
		},
		"agent": {
			kill:     func(ch *channel, _ *clientSocket) { ch.agentLost() },
			restore:  func(ch *channel, _ *clientSocket) { ch.agentConnected() },
			toClient: []string{typePause, typeStart, typeOutput + "new"},
			toAgent:  []string{typeStart, typeInput + "new"},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ch := newChannel(&network{}, rtt)
			sock := &clientSocket{stop: func() {}}
			ch.attach(sock)
			ch.agentConnected()
			toClient, toAgent := read(ctx, t, ch.toClient), read(ctx, t, ch.toAgent)
			ch.fromAgent(newMessage(typeOutput, "first"))
			ch.fromClient(newMessage(typeInput, "first"))
			time.Sleep(rtt)
			synctest.Wait()
			want := []string{typeStart, typeOutput + "first"}
			if !slices.Equal(toClient.got, want) {
				t.Errorf("%s: client got %q, want %q", name, toClient.got, want)
			}
			toClient.got, toAgent.got = nil, nil

			ch.fromAgent(newMessage(typeOutput, "in flight"))
			ch.fromClient(newMessage(typeInput, "in flight"))
			tt.kill(ch, sock)
			ch.fromAgent(newMessage(typeOutput, "to nobody"))
			ch.fromClient(newMessage(typeInput, "to nobody"))
			tt.restore(ch, sock)
			ch.fromAgent(newMessage(typeOutput, "new"))
			ch.fromClient(newMessage(typeInput, "new"))
			time.Sleep(rtt)
			synctest.Wait()
			if !slices.Equal(toClient.got, tt.toClient) || !slices.Equal(toAgent.got, tt.toAgent) {
				t.Errorf("%s killed: client got %q, agent %q", name, toClient.got, toAgent.got)
			}
		})
	}
}

// TestDetachKnowsItsSocket checks that the end of an old socket does not disconnect its successor.
func TestDetachKnowsItsSocket(t *testing.T) {
	ch := newChannel(&network{}, 0)
	stopped := 0
	old, successor := &clientSocket{stop: func() { stopped++ }}, &clientSocket{stop: func() {}}
	if ch.detach(nil) != nil {
		t.Error("detached a socket that never was")
	}
	ch.attach(old)
	if ch.attach(successor) != old || stopped != 1 {
		t.Error("the successor did not replace the old socket")
	}
	if ch.detach(old) != nil {
		t.Error("the old socket was still attached")
	}
	if ch.detach(nil) != successor {
		t.Error("the successor was not attached")
	}
}
