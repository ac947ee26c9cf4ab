package fakeaws

import (
	"testing"
	"testing/synctest"
	"time"
)

// No test in a bubble may write through smux: it pools channels, and those of one bubble are no
// good in another.

// bubble is a server without a socket, for tests in a synctest bubble, and a container to open
// sessions in.
type bubble struct {
	*Server
	task *task
}

func newBubble(t *testing.T, cfg Config) *bubble {
	s := newServer(cfg)
	arn, _ := addNode(s, "")
	s.UpdateTask(arn, func(task *Task) { task.Containers[0].Ports = nil }) // no real connections in a bubble
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &bubble{Server: s, task: s.world.taskByARN(arn)}
}

// session starts a session as StartSession does.
func (b *bubble) session() *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newSession(b.task, &b.task.Containers[0], sessionSpec{id: "alice-" + newHex(17), document: portDocument, port: 9229})
}

// client connects a client to a session.
func (b *bubble) client(t *testing.T, sess *session) *client {
	c := newTestClient(t, sess.id)
	c.wire(sess)
	return c
}

// shaken says whether the handshake of c is done once nothing moves any more.
func (c *client) shaken() bool {
	synctest.Wait()
	select {
	case <-c.ready:
		return true
	default:
		return false
	}
}

func TestIdleTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		sess := b.session()
		c := b.client(t, sess)
		if !c.shaken() {
			t.Fatal("no handshake")
		}
		for range 5 { // data winds it up
			time.Sleep(19 * time.Minute)
			c.send(payloadData, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // a smux NOP
		}
		synctest.Wait()
		if sess.over() {
			t.Fatal("idle in spite of data")
		}
		for range 4 { // acknowledgements do not
			time.Sleep(4 * time.Minute)
			c.mu.Lock()
			c.ack(frame{Type: typeOutput, Sequence: 0})
			c.mu.Unlock()
		}
		time.Sleep(4*time.Minute - time.Nanosecond)
		synctest.Wait()
		if sess.over() {
			t.Fatal("over before its time")
		}
		time.Sleep(time.Nanosecond)
		if closed := <-c.over; closed.Output != idleOutput {
			t.Errorf("%+v", closed)
		}
		got := sess.snapshot()
		if got.EndedBy != endedByIdle || got.Status != statusTerminated || got.EndedAt.Sub(got.StartedAt) != 115*time.Minute {
			t.Errorf("%+v", got)
		}
	})
}

func TestHandshakeTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		sess := b.session() // its client never comes
		time.Sleep(startupTime + handshakeTimeout - time.Nanosecond)
		synctest.Wait()
		if sess.over() {
			t.Fatal("over before its time")
		}
		time.Sleep(time.Nanosecond + drainTimeout)
		synctest.Wait()
		if got := sess.snapshot(); got.EndedBy != endedByAgent || got.Status != statusFailed {
			t.Errorf("%+v", got)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := sess.agent.running; n != 0 {
			t.Errorf("%d slots taken", n)
		}
	})
}

// TestLateClient connects a client after the agent: it gets the handshake that nobody was there to
// hear.
func TestLateClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		sess := b.session()
		time.Sleep(5 * time.Second)
		c := b.client(t, sess)
		time.Sleep(2 * resendInterval)
		if !c.shaken() {
			t.Error("no handshake")
		}
	})
}

func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		b.Silence(true)
		sess := b.session()
		c := b.client(t, sess)
		time.Sleep(time.Minute)
		if c.shaken() || sess.snapshot().Status != statusConnecting {
			t.Error("a silent agent spoke")
		}
		b.Silence(false)
		if !b.client(t, b.session()).shaken() {
			t.Error("no handshake after the silence")
		}
		sess.end(endedByAPI, "")
		<-c.over
	})
}

// TestSessionLimit opens a third and a fourth session in one container.
func TestSessionLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		one, two, three := b.session(), b.session(), b.session()
		if !b.client(t, one).shaken() || !b.client(t, two).shaken() {
			t.Fatal("the first two did not start")
		}
		third := b.client(t, three)
		time.Sleep(10 * time.Minute)
		if third.shaken() {
			t.Fatal("the third did not wait")
		}
		one.end(endedByAPI, "")
		if !third.shaken() {
			t.Fatal("the third did not get the free slot")
		}

		four, five := b.session(), b.session() // one waits, the other wedges the control channel
		fourth, fifth := b.client(t, four), b.client(t, five)
		two.end(endedByAPI, "")
		three.end(endedByAPI, "")
		if !fourth.shaken() {
			t.Error("the waiting session did not get a free slot")
		}
		four.end(endedByAPI, "")
		six := b.client(t, b.session())
		time.Sleep(10 * time.Minute)
		if fifth.shaken() || six.shaken() {
			t.Error("a session started on a wedged control channel")
		}
	})
}

// TestTerminatedInQueue checks that a session that ends in the queue keeps its place, and does not
// start when its turn comes.
func TestTerminatedInQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		one, _, three := b.session(), b.session(), b.session()
		three.end(endedByAPI, "")
		synctest.Wait()
		if n := len(one.agent.queue); n != 1 {
			t.Errorf("%d sessions in the queue", n)
		}
		one.end(endedByAPI, "")
		time.Sleep(drainTimeout)
		synctest.Wait()
		if a := one.agent; a.running != 1 || len(a.queue) != 0 {
			t.Errorf("%d running, %d waiting", a.running, len(a.queue))
		}
		if !b.client(t, b.session()).shaken() {
			t.Error("the free slot is not free")
		}
	})
}

// TestSlotDrains checks that the slot of a session whose last messages nobody acknowledges stays
// taken as long as the agent waits for them.
func TestSlotDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		sess := b.session()
		c := newTestClient(t, sess.id)
		c.mute = true
		c.wire(sess)
		if !c.shaken() {
			t.Fatal("no handshake")
		}
		running := func() int {
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			return sess.agent.running
		}
		sess.end(endedByAPI, "")
		time.Sleep(drainTimeout - time.Nanosecond)
		if n := running(); n != 1 {
			t.Errorf("%d slots taken before the agent gave up waiting", n)
		}
		time.Sleep(time.Nanosecond)
		if n := running(); n != 0 {
			t.Errorf("%d slots taken after that", n)
		}
	})
}

// TestStopLosesWhatIsInFlight stops a task while a message is on its way: the client gets nothing
// but the end.
func TestStopLosesWhatIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{RTT: 100 * time.Millisecond})
		sess := b.session()
		c := b.client(t, sess)
		time.Sleep(125 * time.Millisecond) // request, response, and half the way of the handshake's end
		b.StopTask(b.task.arn, "EssentialContainerExited", "")
		<-c.over
		if seen, _ := c.counts(); seen != 1 || c.shaken() {
			t.Errorf("%d messages, handshake done: %v", seen, c.shaken())
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		if n := sess.agent.running; n != 0 {
			t.Errorf("%d slots taken in a stopped container", n)
		}
	})
}
