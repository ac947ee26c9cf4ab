package fakeaws

import (
	"context"
	"time"

	"github.com/coder/websocket"
)

// agentReconnectDelay is how long an agent takes to open its data channel again: its retryer begins
// with 100 to 200 ms (agent/session/config).
const agentReconnectDelay = 150 * time.Millisecond

// Fault makes an API operation fail.
type Fault struct {
	// Operation is "service.Operation", such as "ssm.StartSession".
	Operation string
	// Code is the error's code, such as "ExpiredTokenException".
	Code    string
	Message string
	// Status is the HTTP status, 400 when zero.
	Status int
	// Times is how often it fails; 0 is for ever.
	Times int
}

// Fault makes an operation fail from now on. Of several faults for one operation the oldest that is
// left counts.
func (s *Server) Fault(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults makes every operation work again.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// takeFault uses one failure of an operation up.
func (s *Server) takeFault(operation string) *apiError {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Operation != operation {
			continue
		}
		if f.Times == 1 {
			s.faults = append(s.faults[:i], s.faults[i+1:]...)
		}
		f.Times-- // from 0 on it only goes further down, which never hits 1
		return &apiError{Code: f.Code, Message: f.Message, Status: f.Status}
	}
	return nil
}

// KillClientSocket resets the client's TCP connection. Everything in flight is lost in both
// directions; the session lives, and ResumeSession works. It says whether a client was connected.
func (s *Server) KillClientSocket(sessionID string) bool {
	sock := s.detachClient(sessionID)
	if sock == nil {
		return false
	}
	sock.reset()
	return true
}

// Bye closes the client's socket as the gateway does about once an hour: close code 1000, reason
// "Bye". What is in flight is lost, the session lives. It says whether a client was connected.
func (s *Server) Bye(sessionID string) bool {
	sock := s.detachClient(sessionID)
	if sock == nil || !s.enter() {
		return false
	}
	go func() {
		defer s.wg.Done()
		_ = sock.conn.Close(websocket.StatusNormalClosure, "Bye") // the client may have left first
	}()
	return true
}

// detachClient takes a session's client socket from it.
func (s *Server) detachClient(sessionID string) *clientSocket {
	sess := s.session(sessionID)
	if sess == nil {
		return nil
	}
	return sess.channel.detach(nil)
}

// KillAgentSocket breaks the agent's data channel. Everything in flight is lost in both directions;
// the agent opens a new one after a short while, reading on from its ports meanwhile. It says
// whether the agent was connected.
func (s *Server) KillAgentSocket(sessionID string) bool {
	sess := s.session(sessionID)
	if sess == nil || !sess.channel.agentLost() || !s.enter() {
		return false
	}
	go func() {
		defer s.wg.Done()
		timer := time.NewTimer(agentReconnectDelay)
		defer timer.Stop()
		select {
		case <-timer.C:
			sess.channel.agentConnected()
		case <-sess.ctx.Done():
		}
	}()
	return true
}

// Silence makes the agents of all containers take sessions but never speak: no handshake ever
// comes. It counts for sessions that start from now on.
func (s *Server) Silence(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = on
}

// RefuseResume makes ResumeSession answer without a token for this session, which is how AWS says
// that it is over.
func (s *Server) RefuseResume(sessionID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[sessionID] = true
}

// ListLate has DescribeSessions go on listing a session as active for a time after its end, as the
// real list does, which follows what happens by a second or so.
func (s *Server) ListLate(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listLate = d
}

// ExpireTokens makes the next n tokens that ResumeSession gives for this session expire before they
// are used: the gateway closes the sockets that present them.
func (s *Server) ExpireTokens(sessionID string, n int) {
	if sess := s.session(sessionID); sess != nil {
		sess.mu.Lock()
		defer sess.mu.Unlock()
		sess.expired = n
	}
}

// BlackOut cuts a session's client off from AWS for a time, as a tunnel does to a train: sockets
// stay open and carry nothing, new ones and ResumeSession get no answer. What is under way then
// arrives late. A black-out that has begun is not made longer.
func (s *Server) BlackOut(sessionID string, d time.Duration) {
	sess := s.session(sessionID)
	if sess == nil {
		return
	}
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if sess.light != nil {
		return
	}
	light := make(chan struct{})
	sess.light = light
	time.AfterFunc(d, func() {
		sess.mu.Lock()
		defer sess.mu.Unlock()
		sess.light = nil
		close(light)
	})
}

// awaitLight waits until no black-out is on, or ctx ends.
func (sess *session) awaitLight(ctx context.Context) error {
	sess.mu.Lock()
	light := sess.light
	sess.mu.Unlock()
	if light == nil {
		return nil
	}
	select {
	case <-light:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
