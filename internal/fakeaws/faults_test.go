package fakeaws

import (
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestRecovery breaks a transfer again and again; every byte must arrive once, in order.
func TestRecovery(t *testing.T) {
	for name, breakIt := range map[string]func(*testing.T, *Server, *client){
		"client socket": killClient, "bye": bye, "agent socket": killAgent, "stranded": strandClient,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Config{})
			_, target := addNode(s, listen(t, echo))
			c := openSession(t, s, target)
			data := noise(1, 50_000)
			done, enough := make(chan error, 1), make(chan struct{})
			c.wg.Go(func() {
				for last := false; !last; {
					select {
					case <-enough:
						last = true
					default:
					}
					if err := roundTrip(c, data); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			})
			for range 3 {
				breakIt(t, s, c)
			}
			close(enough)
			if err := within(t, "end of the transfer", done); err != nil {
				t.Error(err)
			}
		})
	}
}

func killClient(t *testing.T, s *Server, c *client) {
	if !s.KillClientSocket(c.id) {
		t.Error("no client to kill")
	}
	if err := c.awaitLoss(); websocket.CloseStatus(err) != -1 {
		t.Errorf("a killed socket ends with %v", err)
	}
	c.resume(s)
}

// strandClient has the client notice nothing: it resumes because it has been away.
func strandClient(t *testing.T, s *Server, c *client) {
	if !s.StrandClientSocket(c.id) {
		t.Error("no client to strand")
	}
	c.resume(s)
}

func bye(t *testing.T, s *Server, c *client) {
	if !s.Bye(c.id) {
		t.Error("no client to say Bye to")
	}
	closed, ok := errors.AsType[websocket.CloseError](c.awaitLoss())
	if !ok || closed.Code != websocket.StatusNormalClosure || closed.Reason != "Bye" {
		t.Errorf("Bye ends with %v", closed)
	}
	c.resume(s)
}

func killAgent(t *testing.T, s *Server, c *client) {
	if !s.KillAgentSocket(c.id) {
		t.Error("no agent to kill")
	}
	for within(t, "word of the agent's loss", c.kinds) != typePause {
	}
	for within(t, "word of the agent's return", c.kinds) != typeStart {
	}
}

// TestKillResets kills the socket of a client that is not writing, because the kernel tells a reset
// once only, to reader or writer.
func TestKillResets(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, "127.0.0.1:1")
	c := openSession(t, s, target)
	if !s.KillClientSocket(c.id) || s.KillClientSocket(c.id) || s.Bye(c.id) || s.KillClientSocket("alice-0") || s.KillAgentSocket("alice-0") {
		t.Error("killed a socket that was not there, or the one that was not")
	}
	if err := c.awaitLoss(); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a killed socket ends with %v", err)
	}
	c.resume(s)
}

// TestBadNetwork lets a transfer through a network that loses, swaps, repeats and delays messages.
func TestBadNetwork(t *testing.T) {
	for name, f := range map[string]NetworkFaults{
		"drop":      {Drop: 0.02, Seed: 1},
		"reorder":   {Reorder: 0.2, Seed: 2},
		"duplicate": {Duplicate: 0.3, Seed: 3},
		"delay":     {Delay: 10 * time.Millisecond, Seed: 4},
		"all":       {Drop: 0.01, Reorder: 0.1, Duplicate: 0.1, Delay: 2 * time.Millisecond, Seed: 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, Config{RTT: 2 * time.Millisecond})
			_, target := addNode(s, listen(t, echo))
			s.Network(f)
			c := openSession(t, s, target)
			done := make(chan error, 1)
			c.wg.Go(func() { // twice, because a repetition may come after all the rest
				done <- errors.Join(roundTrip(c, noise(8, 100_000)), roundTrip(c, noise(9, 100_000)))
			})
			if err := within(t, "end of the transfer", done); err != nil {
				t.Error(err)
			}
			if seen, distinct := c.counts(); f.Duplicate > 0 && seen == distinct {
				t.Error("no message arrived twice")
			}
		})
	}
}

// TestPausePublication watches the gateway tell the client that the agent is away and back.
func TestPausePublication(t *testing.T) {
	s := start(t, Config{})
	_, target := addNode(s, "127.0.0.1:1")
	c := openSession(t, s, target)
	s.KillAgentSocket(c.id)
	for _, want := range []string{typeStart, typePause, typeStart} {
		if kind := within(t, want, c.kinds); kind != want {
			t.Errorf("%s, want %s", kind, want)
		}
	}
}
