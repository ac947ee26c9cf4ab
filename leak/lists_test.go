package leak

import (
	"fmt"
	"strings"
	"testing"
)

// classed gives an object what each has, a shape and a prototype.
func (s *shot) classed(key string) {
	s.shape(key, "length")
	s.hold(key, "__proto__", key+" prototype", "Object", 100)
}

// ring adds a list of timers as Node.js has it: the head is a link of its own class.
func (s *shot) ring(owner, edge string, order []int) {
	const key = "list"
	kind := "context"
	if owner != "vars" {
		kind = "element"
	}
	s.node(key, "object", "TimersList", 72)
	s.Edge(owner, kind, edge, key)
	s.classed(key)
	at := key
	for _, i := range order {
		timer := fmt.Sprint("timer", i)
		s.node(timer, "object", "Timeout", 128)
		s.node(timer+" callback", "closure", "onTimer", 64).At(7, 40, 4)
		s.Edge(timer, "property", "_onTimeout", timer+" callback")
		s.node(timer+" state", "object", "Session", 400)
		s.Edge(timer+" callback", "internal", "context", timer+" state")
		s.Edge(at, "property", "_idleNext", timer)
		s.Edge(timer, "property", "_idlePrev", at)
		at = timer
	}
	s.Edge(at, "property", "_idleNext", key)
	s.Edge(key, "property", "_idlePrev", at)
}

// pool adds a list that its holder has by both ends, of plain objects.
func (s *shot) pool(order []int) {
	s.hold("vars", "pool", "pool", "Pool", 100)
	s.hold("pool", "waiting", "waiting", "DoublyLinkedList", 40)
	s.classed("waiting")
	for at, i := range order {
		key := fmt.Sprint("waiter", i)
		s.node(key, "object", "Object", 40)
		s.hold(key, "data", key+" data", "Request", 400)
		if at > 0 {
			before := fmt.Sprint("waiter", order[at-1])
			s.Edge(key, "property", "prev", before)
			s.Edge(before, "property", "next", key)
		}
	}
	s.Edge("waiting", "property", "head", fmt.Sprint("waiter", order[0]))
	s.Edge("waiting", "property", "tail", fmt.Sprint("waiter", order[len(order)-1]))
}

// TestDoublyLinkedLists has lists of which something outside refers to a link.
func TestDoublyLinkedLists(t *testing.T) {
	outside := func(s *shot, key string) {
		s.hold("global", "services", "services", "Services", 40)
		s.hold("services", "server", "server", "Server", 400)
		s.Edge("server", "property", "checking", key)
	}
	tests := []scene{
		{"timers that one beside them enters", func(s *shot) {
			s.ring("vars", "list", numbers(0, s.k*each))
			outside(s, "timer0")
		}, Leaking, "list in server.js (TimersList)", TimerLeak, []int{100, 200, 300}},
		{"timers that come and go", func(s *shot) {
			s.ring("vars", "list", append([]int{0}, numbers(s.k*1000, s.k*1000+each)...))
			outside(s, "timer0")
		}, Stable, "", "", nil},
		{"waiters that one beside them enters", func(s *shot) {
			s.pool(numbers(0, s.k*each))
			outside(s, "waiter7")
		}, Leaking, "Pool.waiting (DoublyLinkedList)", LinkedList, []int{100, 200, 300}},
		{"waiters that come and go", func(s *shot) {
			s.pool(append([]int{7}, numbers(s.k*1000, s.k*1000+each)...))
			outside(s, "waiter7")
		}, Stable, "", "", nil},
	}
	for _, sc := range tests {
		t.Run(sc.name, func(t *testing.T) { sc.check(t) })
	}
}

// TestWhatTimersAreSaidToDo tells those that wait from those that are through.
func TestWhatTimersAreSaidToDo(t *testing.T) {
	tests := []struct {
		name  string
		build func(s *shot)
		want  string
	}{
		{"intervals", func(s *shot) {
			s.hold("vars", "map", "map", "Object", 40)
			s.ring("map", "30000", numbers(0, s.k*each))
		}, "Intervals of 30 s go on for ever"},
		{"delays", func(s *shot) {
			s.hold("vars", "map", "map", "Object", 40)
			s.node("null", "hidden", "null", 0)
			s.ring("map", "86400000", numbers(0, s.k*each))
			for i := range s.k * each {
				s.Edge(fmt.Sprint("timer", i), "property", "_repeat", "null")
			}
		}, "Timers with a delay of 24 h are still waiting"},
		{"done", func(s *shot) {
			s.array("vars", "timers", "timers", numbers(0, s.k*each), s.object("timer", "Timeout"))
		}, "Timers are kept after they have fired"},
	}
	for _, test := range tests {
		if d := diagnose(t, 3, Options{}, test.build); len(d.Suspects) == 0 || !strings.HasPrefix(d.Suspects[0].Explanation, test.want) {
			t.Errorf("%s: %+v", test.name, d.Suspects)
		}
	}
}
