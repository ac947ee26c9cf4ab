package e2e

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/guest"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// cuts are what happens to a tunnel, and whether its session survives.
var cuts = map[string]struct {
	cut   func(w *world, session string) bool
	heals bool
}{
	"client socket": {func(w *world, s string) bool { return w.KillClientSocket(s) }, true},
	"agent socket":  {func(w *world, s string) bool { return w.KillAgentSocket(s) }, true},
	"session": {func(w *world, s string) bool {
		w.RefuseResume(s)
		return w.KillClientSocket(s)
	}, false},
}

// moments are when it happens.
var moments = map[string]func(t *testing.T, w *world, r *run, transfer gate.Transfer){
	"take": func(t *testing.T, w *world, r *run, transfer gate.Transfer) { w.taking(t, r, transfer) },
	"pull": func(t *testing.T, w *world, _ *run, _ gate.Transfer) { w.receiving(t, "out", "s1") },
}

// taking waits until the process takes the first snapshot, or is about to.
func (w *world) taking(t *testing.T, r *run, transfer gate.Transfer) {
	t.Helper()
	eventually(t, "a snapshot is asked for", func() bool { return strings.Contains(r.stderr.String(), "forecast: ") })
	if transfer != gate.Disk {
		return
	}
	eventually(t, "the process writes it", func() bool {
		files, err := nodetest.OpenFiles(w.node.PID)
		return err == nil && slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, " (deleted)") })
	})
}

func snapshotBy(transfer gate.Transfer, more ...string) []string {
	return append([]string{"snapshot", "--cluster", "prod", "--task", taskID, "--transfer", string(transfer), "--dir", "out"}, more...)
}

// TestTunnelCut breaks the tunnel while the process takes a snapshot and while it
// is fetched. What stays in the process is fetched all the same, over another
// session if need be.
func TestTunnelCut(t *testing.T) {
	t.Parallel()
	for _, transfer := range []gate.Transfer{gate.Disk, gate.Memory} {
		for moment, await := range moments {
			for name, fault := range cuts {
				t.Run(string(transfer)+"/"+moment+"/"+name, func(t *testing.T) {
					t.Parallel()
					w := newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 12))
					before := w.node.State()
					r := w.start(t, snapshotBy(transfer)...)
					await(t, w, r, transfer)
					if !fault.cut(w, w.Sessions()[0].ID) {
						t.Fatal("there was no socket to break")
					}
					r.wantCode(t, 0)
					if n := w.wantWhole(t, "out"); n != 1 {
						t.Errorf("%d snapshots", n)
					}
					sessions := 1
					if !fault.heals {
						sessions = 2
					}
					if again := strings.Contains(r.stderr.String(), "connected again, to the same process"); again == fault.heals {
						t.Errorf("connected again: %t\n%s", again, r.stderr)
					}
					series := w.load(t, "out")
					if shot := series.Snapshots[0]; shot.Transfer != string(transfer) {
						t.Errorf("shot %+v", shot)
					}
					if len(series.Scripts) == 0 {
						t.Error("one cut, and the scripts are not asked for any more")
					}
					w.wantEnded(t, sessions)
					wantNothingLeft(t, w.node, before)
				})
			}
		}
	}
}

// TestStreamCut: what V8 sends while it makes it cannot be gone on with when the
// session is gone.
func TestStreamCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 4))
	before := w.node.State()
	r := w.start(t, snapshotBy(gate.Stream)...)
	w.receiving(t, "out", "s1")
	session := w.Sessions()[0].ID
	if !cuts["session"].cut(w, session) {
		t.Fatal("there was no socket to break")
	}
	r.wantCode(t, 6)
	r.wantError(t, session, "the session is over")
	if n := w.wantWhole(t, "out"); n != 0 {
		t.Errorf("%d snapshots", n)
	}
	// The guest could not be taken out: a next run does.
	next := w.start(t, "snapshot", "--inspector", w.node.Inspector, "--dir", "again")
	next.wantCode(t, 0)
	wantNothingLeft(t, w.node, before)
}

// TestKilledThenAgain: the run after a killed one takes over.
func TestKilledThenAgain(t *testing.T) {
	t.Parallel()
	for _, transfer := range transfers {
		for moment, await := range moments {
			t.Run(string(transfer)+"/"+moment, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 8))
				before := w.node.State()
				r := w.start(t, snapshotBy(transfer)...)
				await(t, w, r, transfer)
				if err := r.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				r.wantCode(t, -1)
				next := w.start(t, "snapshot", "--inspector", w.node.Inspector, "--dir", "again")
				next.wantCode(t, 0)
				if !strings.Contains(next.stderr.String(), "an earlier ecsheap left its helper") {
					t.Errorf("the next run does not say that it replaces the helper:\n%s", next.stderr)
				}
				if n := w.wantWhole(t, "again"); n != 1 {
					t.Errorf("%d snapshots", n)
				}
				if err := w.Close(); err != nil { // ends the session, as the idle timer would
					t.Error(err)
				}
				wantNothingLeft(t, w.node, before)
			})
		}
	}
}

// TestKilledForGood: nobody comes back, and the process cleans up by itself.
func TestKilledForGood(t *testing.T) {
	if !full() {
		t.Skip("waits for more than a minute: set FULL=1")
	}
	for _, transfer := range transfers {
		t.Run(string(transfer), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 8))
			before := w.node.State()
			r := w.start(t, snapshotBy(transfer)...)
			w.receiving(t, "out", "s1")
			if err := r.Process.Signal(syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			r.wantCode(t, -1)
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), guest.DefaultSilence+15*time.Second) // it is looked at every few seconds
			defer cancel()
			ticker := time.NewTicker(5 * time.Second)
			defer ticker.Stop()
			for guestSymbols(t, w.node) > 0 {
				select {
				case <-ticker.C:
				case <-ctx.Done():
					t.Fatal("the guest does not leave")
				}
			}
			wantNothingLeft(t, w.node, before)
		})
	}
}

// guestSymbols counts what is ours on globalThis. It does not call the guest.
func guestSymbols(t *testing.T, node *nodetest.Process) (n int) {
	t.Helper()
	conn := dialNode(t, node)
	defer conn.Close()
	err := conn.Evaluate(t.Context(), `Object.getOwnPropertySymbols(globalThis).filter(s => String(s).includes("ecsheap")).length`, &n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestProcessExits ends the process while it takes a snapshot.
func TestProcessExits(t *testing.T) {
	t.Parallel()
	for _, transfer := range transfers {
		t.Run(string(transfer), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeaws.Config{}, bulk(t, "", 30))
			r := w.start(t, snapshotBy(transfer)...)
			w.taking(t, r, transfer)
			if err := w.node.Kill(); err != nil {
				t.Fatal(err)
			}
			r.wantCode(t, 6)
			r.wantError(t)
			if n := w.wantWhole(t, "out"); n != 0 {
				t.Errorf("%d snapshots", n)
			}
			w.wantEnded(t, 1)
		})
	}
}

// busyApp has its event loop busy for most of the time.
const busyApp = `
(function spin() { const until = Date.now() + 80; while (Date.now() < until); setTimeout(spin, 1); })();
`

// TestBusyProcess takes snapshots of a process that uses all of its CPU.
func TestBusyProcess(t *testing.T) {
	for _, transfer := range transfers {
		t.Run(string(transfer), func(t *testing.T) {
			node := nodetest.Start(t, nodetest.Options{
				Script: nodetest.Bulk() + busyApp, Args: []string{"4"}, Ready: nodetest.BulkReady, Inspect: true,
			})
			before := node.State()
			w := newWorld(t, fakeaws.Config{}, node)
			r := w.start(t, snapshotBy(transfer, "--count", "2", "--interval", "0s")...)
			r.wantCode(t, 0)
			if n := w.wantWhole(t, "out"); n != 2 {
				t.Errorf("%d snapshots", n)
			}
			w.wantEnded(t, 1)
			wantNothingLeft(t, node, before)
		})
	}
}
