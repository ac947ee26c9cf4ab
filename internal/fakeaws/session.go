package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Status of a session, as DescribeSessions writes it.
const (
	statusConnecting = "Connecting"
	statusConnected  = "Connected"
	statusTerminated = "Terminated"
	statusFailed     = "Failed"
)

// Who ended a session: Session.EndedBy.
const (
	endedByAPI    = "api"    // TerminateSession
	endedByClient = "client" // the TerminateSession flag on the data channel
	endedByIdle   = "idle"   // the idle timer
	endedByTask   = "task"   // the task stopped
	endedByAgent  = "agent"  // the agent gave up, for example without a handshake response

	endedByCommand = "command" // the command of ECS Exec ended by itself
)

const (
	portDocument = "AWS-StartPortForwardingSession"
	// execDocument is what DescribeSessions shows for a session of ECS Exec.
	execDocument = "AmazonECS-ExecuteInteractiveCommand"

	idleOutput = "Your session timed out due to inactivity."
	execOutput = "this loopback AWS opens sessions for ECS Exec but runs no commands"
)

// Session is one Session Manager session, open or ended.
type Session struct {
	ID, Target, Document, Reason, Owner string
	// Status is Connecting (no handshake yet), Connected, Terminated or Failed.
	Status    string
	StartedAt time.Time
	// EndedAt is zero and EndedBy empty while the session is open. EndedBy is "api", "client" (a
	// flag on the data channel), "idle", "task", "agent" or "command" (which ended by itself).
	EndedAt time.Time
	EndedBy string
}

// sessionSpec is what is asked for in a new session.
type sessionSpec struct {
	id, document, reason string
	port                 int    // 0 for a session that runs a command
	command              string // as given to ExecuteCommand
}

// endedError is the cancel cause of a session's context.
type endedError struct{ by string }

func (e *endedError) Error() string { return "session ended by " + e.by }

// session is a Session in the server.
type session struct {
	sessionSpec
	srv       *Server
	target    string
	task      *task
	container string
	agent     *agent
	channel   *channel
	started   time.Time
	ctx       context.Context // ends with the session; the cause is an *endedError
	cancel    context.CancelCauseFunc

	mu      sync.Mutex
	token   string // the one that opens a data channel; empty when used
	status  string
	ended   time.Time
	endedBy string
	idle    *time.Timer
	expired int           // how many of the next fresh tokens are worth nothing
	light   chan struct{} // nil, or closed at the end of a black-out
}

// newSession makes a session and hands it to the container's agent. The caller holds s.mu.
func (s *Server) newSession(t *task, c *Container, spec sessionSpec) *session {
	sess := &session{
		sessionSpec: spec, srv: s, task: t, container: c.Name, agent: t.agent(c.Name),
		target:  fmt.Sprintf("ecs:%s_%s_%s", t.Cluster, t.ID, c.RuntimeID),
		channel: newChannel(&s.network, s.cfg.RTT),
		started: time.Now(), token: newToken(), status: statusConnecting,
	}
	sess.ctx, sess.cancel = context.WithCancelCause(s.ctx)
	sess.idle = time.AfterFunc(s.cfg.IdleTimeout, func() { sess.end(endedByIdle, idleOutput) })
	s.sessions = append(s.sessions, sess)
	if sess.agent.admit(sess) {
		s.startWorker(sess)
	}
	return sess
}

// startWorker runs the agent's side of a session. The caller holds s.mu.
func (s *Server) startWorker(sess *session) {
	if !s.enterLocked() {
		return
	}
	silent := s.silent
	go func() {
		defer s.wg.Done()
		newWorker(sess).run(silent)
		s.mu.Lock()
		defer s.mu.Unlock()
		if next := sess.agent.release(); next != nil {
			s.startWorker(next)
		}
	}()
}

// session finds a session by id, nil if there is none.
func (s *Server) session(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessionByID(id)
}

// sessionByID is session for callers that hold s.mu.
func (s *Server) sessionByID(id string) *session {
	for _, sess := range s.sessions {
		if sess.id == id {
			return sess
		}
	}
	return nil
}

// streamURL is where the client opens its data channel.
func (sess *session) streamURL() string {
	return fmt.Sprintf("ws://%s/v1/data-channel/%s?role=%s&cell-number=AAEAA%s",
		sess.srv.listener.Addr(), sess.id, publishSubscribe, newHex(16))
}

// redeem uses up the token of an open session.
func (sess *session) redeem(token string) bool {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if token == "" || token != sess.token || !sess.ended.IsZero() {
		return false
	}
	sess.token = ""
	return true
}

// renew makes a fresh token, the only one that is good from now on. An ended session has none.
func (sess *session) renew() (token string, ok bool) {
	if sess.awaitLight(sess.ctx) != nil {
		return "", false
	}
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if !sess.ended.IsZero() {
		return "", false
	}
	if sess.expired > 0 {
		sess.expired--
		return newToken(), true
	}
	sess.token = newToken()
	return sess.token, true
}

// touch winds the idle timer up again.
func (sess *session) touch() {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if sess.ended.IsZero() {
		sess.idle.Reset(sess.srv.cfg.IdleTimeout)
	}
}

// connected notes that the handshake is done.
func (sess *session) connected() {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	if sess.ended.IsZero() {
		sess.status = statusConnected
	}
}

func (sess *session) over() bool {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	return !sess.ended.IsZero()
}

// end closes the session once: the client gets a channel_closed that says output, the agent stops.
// Later calls do nothing.
func (sess *session) end(by, output string) {
	sess.mu.Lock()
	if !sess.ended.IsZero() {
		sess.mu.Unlock()
		return
	}
	sess.ended, sess.endedBy, sess.status = time.Now(), by, statusTerminated
	if by == endedByAgent {
		sess.status = statusFailed
	}
	sess.idle.Stop()
	sess.mu.Unlock()
	sess.srv.log.Debug("session ended", "session", sess.id, "by", by)
	sess.channel.close(closedMessage(sess.id, sess.target, output))
	sess.cancel(&endedError{by})
}

// endedBy says who ended the session that ctx belongs to, empty when it was not ended but the
// server closed.
func endedBy(ctx context.Context) string {
	if e, ok := errors.AsType[*endedError](context.Cause(ctx)); ok {
		return e.by
	}
	return ""
}

// snapshot is the session as plain data.
func (sess *session) snapshot() Session {
	sess.mu.Lock()
	defer sess.mu.Unlock()
	return Session{
		ID: sess.id, Target: sess.target, Document: sess.document, Reason: sess.reason, Owner: sess.srv.owner(),
		Status: sess.status, StartedAt: sess.started, EndedAt: sess.ended, EndedBy: sess.endedBy,
	}
}

// Sessions lists every session so far, open and ended, oldest first.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Session, 0, len(s.sessions))
	for _, sess := range s.sessions {
		out = append(out, sess.snapshot())
	}
	return out
}
