package fakeaws

import (
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// reorderDelay is how late a reordered message is: at the agent's pace a handful of later ones
	// overtake it.
	reorderDelay = 5 * time.Millisecond
	// duplicateDelay is how long after the first a second copy arrives.
	duplicateDelay = time.Millisecond
)

// NetworkFaults are what goes wrong between the client and the agent, in both directions, with
// stream messages and acknowledgements. The gateway's own messages are spared.
type NetworkFaults struct {
	// Drop, Reorder and Duplicate are the probabilities, 0 to 1, that a message is lost, is
	// overtaken by later ones, or arrives twice.
	Drop, Reorder, Duplicate float64
	// Delay is added to every message, one way.
	Delay time.Duration
	// Seed makes the dice repeatable.
	Seed uint64
}

// network is the state of the faults, shared by all lines of a server.
type network struct {
	mu     sync.Mutex
	faults NetworkFaults
	dice   *rand.Rand // nil when there are no faults
}

// fate is what happens to one message.
type fate struct {
	drop, twice bool
	delay       time.Duration // one way, order kept
	late        time.Duration // beyond its turn
}

// Network sets what goes wrong on the data channels from now on, in sessions that are open as well.
// The zero NetworkFaults ends the trouble.
func (s *Server) Network(f NetworkFaults) {
	n := &s.network
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults, n.dice = f, nil
	if f != (NetworkFaults{}) {
		n.dice = rand.New(rand.NewPCG(f.Seed, 0))
	}
}

// fate throws the dice for one message.
func (n *network) fate() fate {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dice == nil {
		return fate{}
	}
	out := fate{
		drop:  n.dice.Float64() < n.faults.Drop,
		twice: n.dice.Float64() < n.faults.Duplicate,
		delay: n.faults.Delay,
	}
	if n.dice.Float64() < n.faults.Reorder {
		out.late = reorderDelay
	}
	return out
}
