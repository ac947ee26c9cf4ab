package fakeaws

const (
	// sessionLimit is SessionWorkersLimit of the configuration that the ECS agent gives the SSM
	// agent (amazon-ecs-agent engine/execcmd).
	sessionLimit = 2
	// queueLimit is how many more sessions wait for a slot: the pool's queue has no buffer, so the
	// first waits in the submitting goroutine.
	queueLimit = 1
)

// agent is the SSM agent of one container, as far as it outlives a session: its slots. Server.mu
// guards it.
type agent struct {
	running int
	queue   []*session
	// wedged means that a session came while another waited already: the goroutine that reads the
	// control channel is stuck, and no session starts any more for as long as the container lives.
	// The gateway does not notice.
	wedged bool
}

// admit takes in a new session and says whether it starts at once.
func (a *agent) admit(sess *session) bool {
	switch {
	case a.wedged:
		return false
	case a.running < sessionLimit:
		a.running++
		return true
	case len(a.queue) < queueLimit:
		a.queue = append(a.queue, sess)
		return false
	}
	a.wedged = true
	return false
}

// release frees the slot of an ended session and returns the session that takes it, if any. A
// session that was terminated in the queue kept its place until now: the agent looks at the cancel
// flag only when a worker is free.
func (a *agent) release() *session {
	a.running--
	for len(a.queue) > 0 {
		next := a.queue[0]
		a.queue = a.queue[1:]
		if !next.over() {
			a.running++
			return next
		}
	}
	return nil
}
