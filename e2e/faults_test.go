package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// slow is a world in which a snapshot of 4 MB takes about five seconds, so that
// faults hit it in the middle.
func slow(t *testing.T) *world {
	t.Helper()
	return newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 4))
}

var snapshotArgs = []string{"snapshot", "--cluster", "prod", "--task", taskID, "--count", "2", "--interval", "0s", "--dir", "out"}

func TestClientKilled(t *testing.T) {
	t.Parallel()
	w := slow(t)
	before := w.node.State()
	r := w.start(t, snapshotArgs...)
	w.receiving(t, "out", "s1")
	if err := r.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r.wantCode(t, -1)
	if _, err := os.Stat(filepath.Join(w.dir, "out", "s1.heapsnapshot")); err == nil {
		t.Error("a half snapshot has its final name")
	}
	// The next run ends what the killed one left open, and its own.
	next := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "again")
	next.wantCode(t, 0)
	first := w.Sessions()[0]
	if want := fmt.Sprintf("ended session %s, which an earlier ecsheap (pid %d) had left open", first.ID, r.Process.Pid); !strings.Contains(next.stderr.String(), want) {
		t.Errorf("the next run does not say that it %s:\n%s", want, next.stderr)
	}
	if n := w.wantWhole(t, "again"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
	w.wantEnded(t, 2)
	w.node.AwaitState(before)
}

func TestInterrupted(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := slow(t)
			before := w.node.State()
			r := w.start(t, snapshotArgs...)
			w.receiving(t, "out", "s1")
			if err := r.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if signal == syscall.SIGHUP { // a window that closes sends two
				eventually(t, "it cleans up", func() bool { return strings.Contains(r.stderr.String(), "taking our helper out") })
				_ = r.Process.Signal(signal) // it may have ended
			}
			r.wantCode(t, 130)
			for _, want := range []string{"ecsheap: error: stopped by a signal", "taking our helper out of the process (another Ctrl-C abandons it)"} {
				if !strings.Contains(r.stderr.String(), want) {
					t.Errorf("no %q on stderr:\n%s", want, r.stderr)
				}
			}
			if n := w.wantWhole(t, "out"); n != 0 {
				t.Errorf("%d snapshots", n)
			}
			w.wantEnded(t, 1)
			w.node.AwaitState(before)
		})
	}
}

func TestTaskDies(t *testing.T) {
	t.Parallel()
	w := slow(t)
	r := w.start(t, snapshotArgs...)
	w.receiving(t, "out", "s1")
	if err := w.node.Kill(); err != nil {
		t.Fatal(err)
	}
	w.StopTask(w.task, "EssentialContainerExited", "Essential container in task exited")
	r.wantCode(t, 6)
	r.wantError(t, "was stopped: Essential container in task exited")
	if n := w.wantWhole(t, "out"); n != 0 {
		t.Errorf("%d snapshots", n)
	}
	w.wantEnded(t, 1)
}

// TestTaskDiesLater keeps the first snapshot and says that the second is missing.
func TestTaskDiesLater(t *testing.T) {
	t.Parallel()
	w := slow(t)
	r := w.start(t, snapshotArgs...)
	w.receiving(t, "out", "s2")
	if err := w.node.Kill(); err != nil {
		t.Fatal(err)
	}
	w.StopTask(w.task, "EssentialContainerExited", "Essential container in task exited")
	r.wantCode(t, 8)
	r.wantError(t, "only 1 of 2 snapshots", "was stopped")
	if n := w.wantWhole(t, "out"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
	w.wantEnded(t, 1)
}

// TestProcessDies loses the process but not the task.
func TestProcessDies(t *testing.T) {
	t.Parallel()
	w := slow(t)
	r := w.start(t, snapshotArgs...)
	w.receiving(t, "out", "s1")
	if err := w.node.Kill(); err != nil {
		t.Fatal(err)
	}
	r.wantCode(t, 6)
	r.wantError(t)
	if n := w.wantWhole(t, "out"); n != 0 {
		t.Errorf("%d snapshots", n)
	}
	w.wantEnded(t, 1)
}

func TestSocketLost(t *testing.T) {
	t.Parallel()
	faults := map[string]func(w *world, session string) bool{
		"client socket": func(w *world, s string) bool { return w.KillClientSocket(s) },
		"agent socket":  func(w *world, s string) bool { return w.KillAgentSocket(s) },
		"bye":           func(w *world, s string) bool { return w.Bye(s) },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := slow(t)
			before := w.node.State()
			r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "out")
			w.receiving(t, "out", "s1")
			if !fault(w, w.Sessions()[0].ID) {
				t.Fatal("there was no socket to break")
			}
			r.wantCode(t, 0)
			if resumed := strings.Contains(r.stderr.String(), "session resumed"); resumed != (name != "agent socket") {
				t.Errorf("resumed: %t\n%s", resumed, r.stderr)
			}
			if n := w.wantWhole(t, "out"); n != 1 {
				t.Errorf("%d snapshots", n)
			}
			w.wantEnded(t, 1)
			w.node.AwaitState(before)
		})
	}
}

// TestDiskFull gives the program a file system of 9 MB, for one snapshot but not for two.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs mount namespaces")
	}
	const mount = `mkdir small && mount -t tmpfs -o size=9m none small && exec "$0" "$@"`
	if out, err := exec.Command("unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt").CombinedOutput(); err != nil {
		nodetest.Missing(t, "mount namespaces: "+string(out), "run as root, or allow user namespaces")
	}
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 4))
	before := w.node.State()
	// The first snapshot fits, the second does not. ls shows what is left, as
	// the file system goes away with the program.
	script := strings.Replace(mount, `exec "$0" "$@"`, `{ "$0" "$@"; code=$?; ls small/out; exit $code; }`, 1)
	r := w.startCommand(t, "unshare", "-rm", "sh", "-c", script, program,
		"snapshot", "--cluster", "prod", "--task", taskID, "--count", "2", "--interval", "0s", "--dir", "small/out", "--no-analyze")
	r.wantCode(t, 8)
	r.wantError(t, "only 1 of 2", "no space left", "MB free")
	// First what the program printed.
	if got := strings.Fields(r.stdout.String()); fmt.Sprint(got) != "[small/out/s1.heapsnapshot audit.jsonl manifest.json s1.heapsnapshot]" {
		t.Errorf("left on disk: %v", got)
	}
	w.wantEnded(t, 1)
	w.node.AwaitState(before)
}

// TestTooManySessions refuses the session that would wedge the agent.
func TestTooManySessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 1))
	first := w.forward(t)
	second := w.start(t, "profile", "--cluster", "prod", "--task", taskID, "--duration", "1h", "--dir", "second")
	eventually(t, "the second session is there", func() bool { return len(w.Sessions()) == 2 })
	third := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "third")
	third.wantCode(t, 3)
	third.wantError(t, "has 2 sessions already", w.Sessions()[0].ID, w.Sessions()[1].ID)
	if !strings.Contains(second.stderr.String(), "another session: "+w.Sessions()[0].ID) {
		t.Errorf("the second is not told of the first:\n%s", second.stderr)
	}
	first.stop(t)
	if err := second.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	second.wantCode(t, 130)
	w.wantEnded(t, 2)
}

// TestSeriesInFullContainer refuses to take snapshots beside a series before it counts
// sessions: one of them may end while it does, and the object ids of the series with it.
func TestSeriesInFullContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{Pace: true}, bulk(t, "", 8))
	first := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "first", "--no-analyze")
	w.receiving(t, "first", "s1")
	second := w.forward(t)
	third := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "third")
	third.wantCode(t, 3)
	third.wantError(t, "another ecsheap takes snapshots of this container", w.Sessions()[0].ID)
	second.stop(t)
	first.wantCode(t, 0)
	w.wantEnded(t, 2)
}

// TestClosedPipe closes what the program writes to, as head and grep do.
func TestClosedPipe(t *testing.T) {
	t.Parallel()
	for name, redirect := range map[string]string{"stdout": "| true", "stderr": "2>&1 >/dev/null | true"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fakeaws.Config{}, bulk(t, "", 2))
			before := w.node.State()
			r := w.startCommand(t, "sh", "-c", `"$0" "$@" `+redirect, program, "snapshot", "--cluster", "prod", "--task", taskID, "--count", "2", "--interval", "1s", "--dir", "out")
			r.wantCode(t, 0) // of true
			eventually(t, "the session has ended", func() bool { s := w.Sessions(); return len(s) == 1 && !s[0].EndedAt.IsZero() })
			if n := w.wantWhole(t, "out"); n != 2 {
				t.Errorf("%d snapshots", n)
			}
			w.node.AwaitState(before)
		})
	}
}

// TestInterruptedSeries tells of the snapshots that there are.
func TestInterruptedSeries(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 2))
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--count", "2", "--interval", "1h", "--dir", "out", "--output", "json")
	eventually(t, "the first snapshot is there", func() bool {
		_, err := os.Stat(filepath.Join(w.dir, "out", "s1.heapsnapshot"))
		return err == nil
	})
	if err := r.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	r.wantCode(t, 130)
	if !strings.Contains(r.stdout.String(), `"file": "s1.heapsnapshot"`) || !strings.Contains(r.stderr.String(), `"code":130`) {
		t.Errorf("stdout:\n%s\nstderr:\n%s", r.stdout, r.stderr)
	}
	w.wantEnded(t, 1)
}

// TestNohup goes on after a hangup that the shell has told it to ignore.
func TestNohup(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 2))
	r := w.startCommand(t, "sh", "-c", `trap "" HUP; exec "$0" "$@"`, program, "snapshot", "--cluster", "prod", "--task", taskID, "--count", "2", "--interval", "3s", "--dir", "out")
	eventually(t, "the first snapshot is there", func() bool {
		_, err := os.Stat(filepath.Join(w.dir, "out", "s1.heapsnapshot"))
		return err == nil
	})
	if err := r.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.wantCode(t, 0)
}

// TestParentDies kills the shell that started a snapshot, which has no time to say so and
// takes what the program writes to with it. A snapshot has an end of its own, unlike a
// tunnel: it is finished, and no session is left.
func TestParentDies(t *testing.T) {
	t.Parallel()
	w := slow(t)
	before := w.node.State()
	shell := w.startCommand(t, "sh", "-c", `"$0" "$@" 2>&1 | cat & wait; true`, program, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "out")
	w.receiving(t, "out", "s1")
	if err := shell.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the session has ended", func() bool { return len(w.Sessions()) == 1 && len(w.left()) == 0 })
	if n := w.wantWhole(t, "out"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
	w.node.AwaitState(before)
}
