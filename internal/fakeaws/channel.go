package fakeaws

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// channel is the gateway's side of a session: the client's socket, the agent's socket, and what is
// in flight between them. The gateway stores nothing: when either socket is lost, everything in
// flight is, in both directions.
type channel struct {
	toClient, toAgent *line

	mu      sync.Mutex
	client  *clientSocket // nil while no client is connected
	agentUp bool
	came    chan struct{} // capacity 1: a client came
}

func newChannel(n *network, rtt time.Duration) *channel {
	return &channel{toClient: newLine(n, rtt/2), toAgent: newLine(n, rtt/2), came: make(chan struct{}, 1)}
}

// attach makes sock the client's socket and returns the one it replaces, if any.
func (ch *channel) attach(sock *clientSocket) (replaced *clientSocket) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	replaced = ch.client
	if replaced != nil {
		replaced.stop()
		ch.loseInFlight()
	}
	ch.client = sock
	notify(ch.came)
	if ch.agentUp {
		ch.announceStart()
	}
	return replaced
}

// detach forgets the client's socket, if it still is sock (nil is any), and returns it.
func (ch *channel) detach(sock *clientSocket) *clientSocket {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.client == nil || sock != nil && ch.client != sock {
		return nil
	}
	sock = ch.client
	ch.client = nil
	sock.stop()
	ch.loseInFlight()
	if ch.agentUp {
		ch.toAgent.announce(publication(typePause))
	}
	return sock
}

// agentConnected tells the gateway that the agent opened its socket.
func (ch *channel) agentConnected() {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.agentUp = true
	if ch.client != nil {
		ch.announceStart()
		return
	}
	ch.toAgent.announce(publication(typePause))
}

// agentLost tells the gateway that the agent's socket died. It says whether there was one.
func (ch *channel) agentLost() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if !ch.agentUp {
		return false
	}
	ch.agentUp = false
	ch.loseInFlight()
	if ch.client != nil {
		ch.toClient.announce(publication(typePause))
	}
	return true
}

// announceStart tells both sides that the other is there.
func (ch *channel) announceStart() {
	ch.toClient.announce(publication(typeStart))
	ch.toAgent.announce(publication(typeStart))
}

// loseInFlight drops what is on the way in either direction.
func (ch *channel) loseInFlight() {
	ch.toClient.lose()
	ch.toAgent.lose()
}

// fromAgent passes a message on, if both sockets are there; else it is lost.
func (ch *channel) fromAgent(msg []byte) {
	if ch.whole() {
		ch.toClient.put(msg)
	}
}

// fromClient passes a message on, if both sockets are there; else it is lost.
func (ch *channel) fromClient(msg []byte) {
	if ch.whole() {
		ch.toAgent.put(msg)
	}
}

func (ch *channel) whole() bool {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	return ch.client != nil && ch.agentUp
}

// close tells the client that the session is over and lets nothing more through.
func (ch *channel) close(closed []byte) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.agentUp = false
	ch.toClient.announce(closed)
	ch.toClient.finish()
	ch.toAgent.finish()
}

// waitRoom blocks the agent's data while the way to the client is full, as a TCP socket would.
func (ch *channel) waitRoom(ctx context.Context) error { return ch.toClient.waitRoom(ctx) }

// publication is the gateway's word to one side that the other has come (typeStart) or gone
// (typePause).
func publication(kind string) []byte {
	f := frame{Type: kind, Created: time.Now(), ID: newMessageID()}
	return f.encode()
}

// closedJSON is the payload of a channel_closed message.
type closedJSON struct {
	MessageType   string `json:"MessageType"`
	MessageID     string `json:"MessageId"`
	DestinationID string `json:"DestinationId"`
	SessionID     string `json:"SessionId"`
	SchemaVersion int    `json:"SchemaVersion"`
	CreatedDate   string `json:"CreatedDate"`
	Output        string `json:"Output"`
}

// closedMessage is the channel_closed message of a session.
func closedMessage(sessionID, target, output string) []byte {
	f := frame{Type: typeClosed, Created: time.Now(), ID: newMessageID()}
	f.Payload, _ = json.Marshal(closedJSON{ // strings and a number: cannot fail
		MessageType: typeClosed, MessageID: f.ID.String(), DestinationID: target, SessionID: sessionID,
		SchemaVersion: 1, CreatedDate: strconv.FormatInt(f.Created.UnixMilli(), 10), Output: output,
	})
	return f.encode()
}
