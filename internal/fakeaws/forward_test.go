package fakeaws

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRest checks the pause after a message, paced or not, with and without acknowledgements.
func TestRest(t *testing.T) {
	for _, tt := range []struct {
		name  string
		cfg   Config
		sent  int // messages without an acknowledgement
		acked bool
		want  time.Duration
	}{
		{"paced", Config{Pace: true}, 0, false, time.Millisecond},
		{"paced and acknowledged", Config{Pace: true}, 1, true, time.Millisecond},
		{"fast", Config{}, baseWindow - 1, false, 0},
		{"window full", Config{}, baseWindow, false, time.Millisecond},
		{"window full and acknowledged", Config{}, baseWindow, true, 0},
		{"a longer way holds more", Config{RTT: 10 * time.Millisecond}, baseWindow + 399, false, 0},
		{"but not any number", Config{RTT: 10 * time.Millisecond}, baseWindow + 400, false, time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := newBubble(t, tt.cfg)
			b.Silence(true)
			w := newWorker(b.session())
			fw, err := newForward(w, "1.3.0.0")
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = fw.mux.Close() }()
			for range tt.sent {
				w.stream.send(payloadData, []byte("x"))
			}
			if tt.acked {
				notify(w.stream.acked)
			}
			began := time.Now()
			if err := fw.rest(t.Context()); err != nil {
				t.Error(err)
			}
			if got := time.Since(began); got != tt.want {
				t.Errorf("%s: rested %v, want %v", tt.name, got, tt.want)
			}
		})
	}
}

// TestKeepAlive checks that the agent sends keepalives to clients of a certain age, which kills
// idle sessions, and to these alone.
func TestKeepAlive(t *testing.T) {
	for version, want := range map[string]bool{"1.1.70.0": true, "1.2.331.0": true, "1.2.331.1": false, "1.3.0.0": false} {
		if cfg := smuxConfig(version); cfg.KeepAliveDisabled == want || cfg.Version != 1 {
			t.Errorf("version %s: %+v", version, cfg)
		}
	}
}
