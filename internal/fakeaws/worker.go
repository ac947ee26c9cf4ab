package fakeaws

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// agentVersion is what current ECS container agents ship.
	agentVersion = "3.3.1957.0"

	// handshakeTimeout is how long the agent waits for the client's answer
	// (agent/session/datachannel).
	handshakeTimeout = 15 * time.Second

	// drainTimeout is how long the agent waits for acknowledgements before it closes a data
	// channel; the slot stays taken meanwhile.
	drainTimeout = 2 * time.Second

	// startupTime is how long the agent takes to start a session worker; the client is usually
	// there first, and then nobody waits.
	startupTime = 500 * time.Millisecond

	muxSince         = "1.1.70.0"  // clients from here on speak smux
	noKeepAliveAfter = "1.2.331.0" // the agent leaves smux keepalive off for clients after this one
)

var (
	errTerminated = errors.New("client sent the TerminateSession flag")
	errNoAnswer   = errors.New("handshake timed out")
)

// worker is the agent's side of one session: handshake, port forwarding, end.
type worker struct {
	sess   *session
	stream *stream
	log    *slog.Logger

	answers    chan handshakeResponse // capacity 1
	shaken     atomic.Bool            // handshake complete: data is for the port from now on
	forward    atomic.Pointer[forward]
	terminal   atomic.Pointer[terminal] // of a session that runs a command
	terminated chan struct{}            // closed by the client's flag
	terminate  sync.Once
}

// handshakeResponse is the client's answer to a handshake request.
type handshakeResponse struct {
	ClientVersion          string `json:"ClientVersion"`
	ProcessedClientActions []struct {
		ActionType   string `json:"ActionType"`
		ActionStatus int    `json:"ActionStatus"`
		Error        string `json:"Error"`
	} `json:"ProcessedClientActions"`
}

// actionSuccess is the ActionStatus of an action that the client did.
const actionSuccess = 1

type handshakeRequest struct {
	AgentVersion           string            `json:"AgentVersion"`
	RequestedClientActions []requestedAction `json:"RequestedClientActions"`
}

type requestedAction struct {
	ActionType       string         `json:"ActionType"`
	ActionParameters sessionTypeReq `json:"ActionParameters"`
}

type sessionTypeReq struct {
	SessionType string            `json:"SessionType"`
	Properties  map[string]string `json:"Properties"`
}

type handshakeComplete struct {
	HandshakeTimeToComplete time.Duration `json:"HandshakeTimeToComplete"` // nanoseconds
	CustomerMessage         string        `json:"CustomerMessage"`
}

func newWorker(sess *session) *worker {
	w := &worker{
		sess: sess, log: sess.srv.log.With("session", sess.id),
		answers: make(chan handshakeResponse, 1), terminated: make(chan struct{}),
	}
	w.stream = newStream(sess.channel.fromAgent, w.deliver)
	return w
}

// run serves the session until it ends, then gives what was sent last a moment to be acknowledged.
// A silent worker takes the slot and says nothing.
func (w *worker) run(silent bool) {
	if silent {
		<-w.sess.ctx.Done()
		return
	}
	// The stream outlives the session's context, so that the last messages get through.
	ctx, stop := context.WithCancel(w.sess.srv.ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { w.receiveLoop(ctx) })
	wg.Go(func() { w.stream.resendLoop(ctx) })
	w.startUp(w.sess.ctx)
	w.sess.channel.agentConnected()

	err := w.serve(w.sess.ctx)
	w.log.Debug("agent stops", "err", err)
	if by := endedBy(w.sess.ctx); by != endedByTask && w.sess.srv.ctx.Err() == nil {
		w.drain(ctx)
	}
	switch {
	case errors.Is(err, errTerminated):
		w.sess.end(endedByClient, "")
	case errors.Is(err, errCommandEnded):
		w.sess.end(endedByCommand, "")
	case w.sess.ctx.Err() == nil:
		w.sess.end(endedByAgent, err.Error())
	}
}

// startUp waits for the client, but no longer than an agent needs to start.
func (w *worker) startUp(ctx context.Context) {
	timer := time.NewTimer(startupTime)
	defer timer.Stop()
	select {
	case <-w.sess.channel.came:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// serve shakes hands and forwards connections, or runs the session's command, until the session
// ends; the error says why it did.
func (w *worker) serve(ctx context.Context) error {
	if w.sess.port == 0 {
		return w.runCommand(ctx)
	}
	version, took, err := w.shakeHands(ctx)
	if err != nil {
		return err
	}
	if compareVersions(version, muxSince) < 0 {
		return fmt.Errorf("client version %s is older than %s and cannot multiplex", version, muxSince)
	}
	fwd, err := newForward(w, version)
	if err != nil {
		return err
	}
	w.forward.Store(fwd)
	w.shaken.Store(true)
	w.sendJSON(payloadHandshakeComplete, handshakeComplete{HandshakeTimeToComplete: took})
	w.sess.connected()
	return fwd.run(ctx, w.terminated)
}

// shakeHands asks the client to start a port session and waits for its answer.
func (w *worker) shakeHands(ctx context.Context) (clientVersion string, took time.Duration, err error) {
	began := time.Now()
	kind := sessionTypeReq{
		SessionType: "Port",
		Properties:  map[string]string{"portNumber": fmt.Sprint(w.sess.port), "type": "LocalPortForwarding"},
	}
	w.sendJSON(payloadHandshakeRequest, handshakeRequest{
		AgentVersion:           agentVersion,
		RequestedClientActions: []requestedAction{{ActionType: "SessionType", ActionParameters: kind}},
	})
	timer := time.NewTimer(handshakeTimeout)
	defer timer.Stop()
	select {
	case answer := <-w.answers:
		for _, action := range answer.ProcessedClientActions {
			if action.ActionStatus != actionSuccess {
				return "", 0, fmt.Errorf("%s failed on client with status %d: %s", action.ActionType, action.ActionStatus, action.Error)
			}
		}
		return answer.ClientVersion, time.Since(began), nil
	case <-timer.C:
		return "", 0, errNoAnswer
	case <-w.terminated:
		return "", 0, errTerminated
	case <-ctx.Done():
		return "", 0, context.Cause(ctx)
	}
}

// receiveLoop handles what comes from the client until ctx ends or the session lets nothing more
// through.
func (w *worker) receiveLoop(ctx context.Context) {
	for {
		msg, err := w.sess.channel.toAgent.take(ctx)
		if err != nil {
			return
		}
		if err := w.stream.receive(msg); err != nil {
			w.log.Debug("message not handled", "err", err)
		}
	}
}

// deliver handles one message of the client, in order. Data that comes before the handshake is done
// is thrown away, as by the agent.
func (w *worker) deliver(f frame) error {
	switch f.PayloadType {
	case payloadHandshakeResponse:
		var answer handshakeResponse
		if err := json.Unmarshal(f.Payload, &answer); err != nil {
			return fmt.Errorf("reading handshake response: %w", err)
		}
		select {
		case w.answers <- answer:
		default: // a second answer changes nothing
		}
	case payloadFlag:
		if len(f.Payload) == 4 && binary.BigEndian.Uint32(f.Payload) == flagTerminateSession {
			w.terminate.Do(func() { close(w.terminated) })
		}
	case payloadData:
		if w.sess.port == 0 {
			return w.typed(f.Payload)
		}
		if w.shaken.Load() {
			return w.forward.Load().write(f.Payload)
		}
	}
	return nil
}

// drain waits until all is acknowledged, or for as long as the agent does.
func (w *worker) drain(ctx context.Context) {
	timer := time.NewTimer(drainTimeout)
	defer timer.Stop()
	for w.stream.kept() > 0 {
		select {
		case <-w.stream.acked:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// sendFlag sends a flag to the client.
func (w *worker) sendFlag(flag uint32) {
	w.stream.send(payloadFlag, binary.BigEndian.AppendUint32(nil, flag))
}

func (w *worker) sendJSON(payloadType uint32, v any) {
	payload, err := json.Marshal(v)
	if err != nil {
		w.log.Error("encoding a handshake message", "err", err) // cannot be: plain structs
		return
	}
	w.stream.send(payloadType, payload)
}
