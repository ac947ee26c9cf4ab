package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/capture"
	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// detach has the process take a series into the directory "out", and checks that
// nobody is connected any more.
func (w *world) detach(t *testing.T, args ...string) {
	t.Helper()
	r := w.start(t, append([]string{"snapshot", "--cluster", "prod", "--task", taskID, "--detach", "--dir", "out"}, args...)...)
	r.wantCode(t, 0)
	if got := strings.TrimSpace(r.stdout.String()); got != "out" {
		t.Errorf("stdout %q", got)
	}
	if !strings.Contains(r.stderr.String(), "ecsheap snapshot --resume out") {
		t.Errorf("it does not say how to come back:\n%s", r.stderr)
	}
	w.wantEnded(t, 1)
	if n := w.wantWhole(t, "out"); n != 0 {
		t.Errorf("%d snapshots", n)
	}
}

// detached is what detached.json says.
func (w *world) detached(t *testing.T) capture.Detached {
	t.Helper()
	d, err := capture.LoadDetached(filepath.Join(w.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// due waits until the last snapshot may be fetched.
func (w *world) due(t *testing.T) {
	t.Helper()
	d := w.detached(t)
	eventually(t, "the series is due", func() bool { return time.Now().After(d.Due) })
}

// resume fetches the series.
func (w *world) resume(t *testing.T, args ...string) *run {
	t.Helper()
	return w.start(t, append([]string{"snapshot", "--resume", "out"}, args...)...)
}

// series is the manifest of the fetched series.
func (w *world) series(t *testing.T) capture.Series {
	t.Helper()
	if _, err := os.Stat(filepath.Join(w.dir, "out", "detached.json")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("detached.json is still there: %v", err)
	}
	s, err := capture.Load(filepath.Join(w.dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDetached takes a series with nobody connected, on every tested Node.js.
func TestDetached(t *testing.T) {
	t.Parallel()
	for _, version := range nodeVersions() {
		for _, transfer := range []string{"disk", "memory"} {
			if transfer == "memory" && version != "22" {
				continue
			}
			t.Run("node"+version+"/"+transfer, func(t *testing.T) {
				t.Parallel()
				node := bulk(t, version, bulkMB)
				before := node.State()
				w := newWorld(t, fakeaws.Config{RTT: 10 * time.Millisecond}, node)
				w.detach(t, "--count", "3", "--interval", "2s", "--transfer", transfer)

				early := w.resume(t)
				early.wantCode(t, 7)
				early.wantError(t, "the last snapshot is due at")
				w.wantEnded(t, 1) // nobody connected
				w.due(t)
				found, err := os.ReadFile(filepath.Join(w.dir, "out", "detached.json"))
				if err != nil {
					t.Fatal(err)
				}
				w.wantHelper(t, 1)
				r := w.resume(t, "--output", "json")
				r.wantCode(t, 0)
				w.wantEnded(t, 2)
				if n := w.wantWhole(t, "out"); n != 3 {
					t.Fatalf("%d snapshots\n%s", n, r.stderr)
				}
				wantDetached(t, w.series(t), transfer)
				wantSameIDs(t, w.snapshots(t, 3))
				node.AwaitState(before)
				wantNoGuest(t, dialNode(t, node))

				w.wantHelper(t, 2)

				// The program was killed right after the process had been told.
				if err := os.WriteFile(filepath.Join(w.dir, "out", "detached.json"), found, 0o600); err != nil {
					t.Fatal(err)
				}
				last := w.resume(t)
				last.wantCode(t, 0)
				wantDetached(t, w.series(t), transfer)
				again := w.resume(t)
				again.wantCode(t, 2)
				again.wantError(t, "a series that is here already")
			})
		}
	}
}

// wantHelper checks the lines about our helper in the audit: one when it was
// installed, and one when it was removed.
func (w *world) wantHelper(t *testing.T, lines int) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.dir, "out", auditFile))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), `"helper installed"`); n != lines {
		t.Errorf("%d lines about the helper, want %d:\n%s", n, lines, text)
	}
}

// snapshots reads the first n snapshots.
func (w *world) snapshots(t *testing.T, n int) (all []*heap.Snapshot) {
	t.Helper()
	for _, shot := range w.series(t).Snapshots[:n] {
		data, err := os.ReadFile(filepath.Join(w.dir, "out", shot.File))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parseHeap(t, data))
	}
	return all
}

// wantDetached checks the manifest of a whole series.
func wantDetached(t *testing.T, s capture.Series, transfer string) {
	t.Helper()
	if !s.Complete() || s.FinishedAt.IsZero() || len(s.Warnings) != 0 || len(s.Scripts) == 0 || len(s.Checks) == 0 || s.Target.TaskARN == "" {
		t.Errorf("series %+v", s)
	}
	// A sample a second, of the ten before the first snapshot and those after it.
	if n := len(s.Samples); n < 10 || s.Samples[0].At.After(s.Snapshots[0].StartedAt) || s.Samples[n-1].At.Before(s.Snapshots[1].StartedAt) {
		t.Errorf("%d samples from %v to %v", n, s.Samples[0].At, s.Samples[n-1].At)
	}
	for i, shot := range s.Snapshots {
		if !shot.SameObjectIDs || shot.Transfer != transfer || shot.PauseFrom != "process" || shot.PauseMs <= 0 || shot.RSSBefore <= 0 || shot.WireBytes <= 0 {
			t.Errorf("shot %+v", shot)
		}
		if gate, _ := json.Marshal(shot.Gate); (i == 0) != strings.Contains(string(gate), `"verdict"`) {
			t.Errorf("shot %d: gate %s", i+1, gate)
		}
		if i > 0 && shot.StartedAt.Sub(s.Snapshots[i-1].StartedAt) < 1900*time.Millisecond {
			t.Errorf("shot %d came %v after the one before", i+1, shot.StartedAt.Sub(s.Snapshots[i-1].StartedAt))
		}
	}
}

// TestDetachedDisturbed has a debugger come and go between the first snapshot and
// the second: their ids mean other objects, and the manifest says so.
func TestDetachedDisturbed(t *testing.T) {
	for _, version := range nodeVersions() {
		t.Run("node"+version, func(t *testing.T) {
			t.Parallel()
			node := bulk(t, version, bulkMB)
			w := newWorld(t, fakeaws.Config{}, node)
			w.detach(t, "--count", "3", "--interval", "4s", "--transfer", "disk")
			eventually(t, "the first snapshot is there", func() bool { return unlinked(t, node) == 1 })
			other := dialNode(t, node)
			if _, err := other.Process(t.Context()); err != nil { // answered after the snapshot
				t.Fatal(err)
			}
			other.Close()
			if n := unlinked(t, node); n != 1 {
				t.Fatalf("%d snapshots are there already", n)
			}
			w.due(t)
			r := w.resume(t)
			r.wantCode(t, 0)
			s := w.series(t)
			if got := s.Snapshots; got[1].SameObjectIDs || !got[2].SameObjectIDs {
				t.Errorf("sameObjectIds: %v, %v", got[1].SameObjectIDs, got[2].SameObjectIDs)
			}
			if len(s.Warnings) != 1 || s.Warnings[0].Shot != 2 || !strings.Contains(r.stderr.String(), "object ids of snapshot 2 do not continue") {
				t.Errorf("warnings %v\n%s", s.Warnings, r.stderr)
			}
		})
	}
}

// TestDetachedRestart replaces the process while nobody is there.
func TestDetachedRestart(t *testing.T) {
	t.Parallel()
	first, second := bulk(t, "", 4), bulk(t, "", 4)
	var now atomic.Value
	now.Store(first.Inspector)
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	task := server.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "api", ID: taskID, Exec: true,
		Containers: []fakeaws.Container{{
			Name: "api", Essential: true, Command: []string{"node", "--inspect", "main.js"},
			Dial: func(ctx context.Context, _ int) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", now.Load().(string))
			},
		}},
	})
	w := &world{Server: server, task: task, node: first, dir: t.TempDir()}
	w.detach(t, "--count", "1", "--protect")
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	now.Store(second.Inspector)
	before := second.State()
	w.due(t)
	r := w.resume(t)
	r.wantCode(t, 6)
	r.wantError(t, "the detached series is gone: the process was restarted", "its snapshots went with it")
	second.AwaitState(before)
	w.wantReleased(t) // there is nothing left to protect

	w.StopTask(task, "EssentialContainerExited", "Essential container in task exited")
	r = w.resume(t)
	r.wantCode(t, 6)
	r.wantError(t, "the detached series is gone", "its task is no longer there")
	w.wantEnded(t, 2)
}

// TestDetachedDeadline comes too late: the process has dropped everything.
func TestDetachedDeadline(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", 4)
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	w.detach(t, "--count", "1", "--keep-for", "1s", "--transfer", "disk")
	eventually(t, "the snapshot is there", func() bool { return unlinked(t, node) == 1 })
	d := w.detached(t)
	if keeps := d.Deadline.Sub(d.Due); keeps != time.Second {
		t.Errorf("it is kept for %v", keeps)
	}
	// The guest waits for a minute of silence, too.
	eventually(t, "half of the silence has passed", func() bool { return time.Since(d.StartedAt) > 35*time.Second })
	eventually(t, "the snapshot is gone", func() bool { return unlinked(t, node) == 0 })
	node.AwaitState(before)
	r := w.resume(t)
	r.wantCode(t, 6)
	r.wantError(t, "the detached series is gone: its deadline was at")
}

// TestResumeKilled kills the program while it fetches; the next run goes on.
func TestResumeKilled(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", bulkMB)
	before := node.State()
	w := newWorld(t, fakeaws.Config{Pace: true}, node)
	w.detach(t, "--count", "2", "--interval", "1s", "--transfer", "disk")
	w.due(t)
	killed := w.resume(t)
	w.receiving(t, "out", "s2")
	if err := killed.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	killed.wantCode(t, -1)
	first, err := os.Stat(filepath.Join(w.dir, "out", "s1.heapsnapshot"))
	if err != nil {
		t.Fatal(err)
	}
	r := w.resume(t)
	r.wantCode(t, 0)
	if n := w.wantWhole(t, "out"); n != 2 {
		t.Errorf("%d snapshots", n)
	}
	if now, err := os.Stat(filepath.Join(w.dir, "out", "s1.heapsnapshot")); err != nil || !os.SameFile(first, now) {
		t.Errorf("the first was fetched again: %v", err)
	}
	if s := w.series(t); !s.Complete() || !s.Snapshots[1].SameObjectIDs {
		t.Errorf("%+v", s)
	}
	if err := w.Close(); err != nil { // ends the session of the killed run, as the idle timer would
		t.Error(err)
	}
	node.AwaitState(before)
}

// TestResumeTwice has a second run come while the first one fetches.
func TestResumeTwice(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", bulkMB)
	before := node.State()
	w := newWorld(t, fakeaws.Config{Pace: true}, node)
	w.detach(t, "--count", "1", "--transfer", "disk")
	w.due(t)
	first := w.resume(t)
	w.receiving(t, "out", "s1")
	second := w.resume(t)
	second.wantCode(t, 2)
	second.wantError(t, "another ecsheap is fetching into it", "wait until that one is done")
	first.wantCode(t, 0)
	if n := w.wantWhole(t, "out"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
	w.wantEnded(t, 2) // the second one connected to nothing
	node.AwaitState(before)
}

// TestResumeInterrupted leaves what is not fetched where it is, also when the
// connection is lost for good.
func TestResumeInterrupted(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", bulkMB)
	before := node.State()
	w := newWorld(t, fakeaws.Config{Pace: true}, node)
	w.detach(t, "--count", "2", "--interval", "1s", "--transfer", "disk")
	w.due(t)
	stopped := w.resume(t)
	w.receiving(t, "out", "s1")
	if err := stopped.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	stopped.wantCode(t, 130)
	w.wantEnded(t, 2)
	if n := unlinked(t, node); n != 2 {
		t.Errorf("the process holds %d", n)
	}
	cut := w.resume(t)
	w.receiving(t, "out", "s1")
	sessions := w.Sessions()
	if !w.Bye(sessions[len(sessions)-1].ID) { // another one is opened
		t.Error("no session to end")
	}
	cut.wantCode(t, 0)
	if n := w.wantWhole(t, "out"); n != 2 {
		t.Errorf("%d snapshots", n)
	}
	node.AwaitState(before)
}

// TestResumeEarly ends a series before its time.
func TestResumeEarly(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", 4)
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	w.detach(t, "--count", "3", "--interval", "1h", "--transfer", "disk")
	eventually(t, "the first snapshot is there", func() bool { return unlinked(t, node) == 1 })
	r := w.resume(t, "--force")
	r.wantCode(t, 8)
	r.wantError(t, "only 1 of 3 snapshots taken", "before its time")
	if s := w.series(t); s.Count != 3 || len(s.Snapshots) != 1 {
		t.Errorf("%+v", s)
	}
	w.wantWhole(t, "out")
	node.AwaitState(before)
}

// TestDetachRefused leaves nothing behind.
func TestDetachRefused(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", 4)
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "snapshot", "--inspector", node.Inspector, "--detach", "--max-pause", "1ms", "--dir", "out")
	r.wantCode(t, 7)
	if _, err := os.Stat(filepath.Join(w.dir, "out")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory is there: %v", err)
	}
	node.AwaitState(before)
	wantNoGuest(t, dialNode(t, node))
}

// TestDetachedDirect goes past AWS, and reads what scripts get.
func TestDetachedDirect(t *testing.T) {
	t.Parallel()
	node := bulk(t, "", 4)
	before := node.State()
	w := newWorld(t, fakeaws.Config{}, node)
	r := w.start(t, "snapshot", "--inspector", node.Inspector, "--detach", "--output", "json", "--dir", "out")
	r.wantCode(t, 0)
	var got struct {
		Schema          int
		Dir             string
		Snapshots       []capture.Shot
		Diagnosis       json.RawMessage
		DueAt, Deadline time.Time
		Resume          []string
	}
	if err := json.Unmarshal([]byte(r.stdout.String()), &got); err != nil {
		t.Fatalf("%v in %s", err, r.stdout)
	}
	if got.Schema != 1 || got.Dir != "out" || got.Snapshots == nil || len(got.Snapshots) != 0 || string(got.Diagnosis) != "null" ||
		strings.Join(got.Resume, " ") != "ecsheap snapshot --resume out" || got.Deadline.Sub(got.DueAt) != 24*time.Hour {
		t.Errorf("%+v", got)
	}
	w.due(t)
	r = w.resume(t)
	r.wantCode(t, 0)
	if n := w.wantWhole(t, "out"); n != 1 {
		t.Errorf("%d snapshots", n)
	}
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("AWS was called: %+v", calls)
	}
	node.AwaitState(before)
}
