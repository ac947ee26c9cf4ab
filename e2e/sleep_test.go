package e2e

import (
	"bytes"
	"crypto/rand"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// sleepFor is longer than what two clocks of the program may differ by before it takes the
// difference for a sleep (tunnel, sleepCheck).
const sleepFor = 10 * time.Second

// wakeLimit is far below the time in which a dead socket is noticed without a sleep,
// which is up to 45 seconds, on a machine under load.
const wakeLimit = 30 * time.Second

// sleepThrough stops the program like a laptop that sleeps, takes its socket away meanwhile
// as take does, and wakes it up.
func (r *run) sleepThrough(t *testing.T, w *world, take func(session string) bool) (woken time.Time) {
	t.Helper()
	if err := r.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if !take(w.Sessions()[0].ID) {
		t.Fatal("there was no socket to take")
	}
	<-time.After(sleepFor)
	if err := r.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	return time.Now()
}

// losses are what becomes of the socket of a machine that sleeps: AWS closes it, or the
// way to it is forgotten, and nobody says so.
func losses(w *world) map[string]func(string) bool {
	return map[string]func(string) bool{"closed": w.KillClientSocket, "forgotten": w.StrandClientSocket}
}

// TestTunnelCommandSleeps sleeps while a connection is at work: it goes on, and its bytes
// are right.
func TestTunnelCommandSleeps(t *testing.T) {
	t.Parallel()
	for _, loss := range []string{"closed", "forgotten"} {
		t.Run(loss, func(t *testing.T) {
			t.Parallel()
			w := ported(t, fakeaws.Config{Pace: true}, map[int]string{7000: listen(t, echo).Addr().String()})
			f := w.forward(t, "--port", "7000")
			conn := f.dial(t)
			data := make([]byte, 300_000)
			_, _ = rand.Read(data)
			sent := make(chan error, 1)
			go func() {
				_, err := conn.Write(data)
				sent <- err
			}()
			got := make([]byte, len(data))
			if _, err := io.ReadFull(conn, got[:10_000]); err != nil { // it is at work, and far from the end
				t.Fatal(err)
			}
			woken := f.sleepThrough(t, w, losses(w)[loss])
			f.says(t, "session resumed, nothing was lost")
			if took := time.Since(woken); took > wakeLimit {
				t.Errorf("the session was resumed %s after the sleep", took)
			}
			if _, err := io.ReadFull(conn, got[10_000:]); err != nil || !bytes.Equal(got, data) {
				t.Errorf("the connection did not outlive the sleep: %v", err)
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
			f.stop(t)
			w.wantEnded(t, 1)
		})
	}
}

// TestSnapshotSleeps sleeps while a snapshot is fetched: it is whole, of the same session.
func TestSnapshotSleeps(t *testing.T) {
	t.Parallel()
	for _, loss := range []string{"closed", "forgotten"} {
		t.Run(loss, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 12))
			before := w.node.State()
			r := w.start(t, snapshotBy(gate.Disk)...)
			w.receiving(t, "out", "s1")
			r.sleepThrough(t, w, losses(w)[loss])
			r.wantCode(t, 0)
			if n := w.wantWhole(t, "out"); n != 1 {
				t.Errorf("%d snapshots", n)
			}
			if text := r.stderr.String(); !strings.Contains(text, "session resumed, nothing was lost") || strings.Contains(text, "connected again") {
				t.Errorf("stderr:\n%s", text)
			}
			w.wantEnded(t, 1)
			wantNothingLeft(t, w.node, before)
		})
	}
}
