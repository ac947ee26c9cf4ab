package e2e

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// protected is when the protection of the task ends, the zero time if it has none.
func (w *world) protected() (until time.Time) {
	w.UpdateTask(w.task, func(task *fakeaws.Task) {
		if task.Protected {
			until = task.ProtectedUntil
		}
	})
	return until
}

// wantReleased checks that the task is not protected any more, and that the audit has
// the beginning and the end.
func (w *world) wantReleased(t *testing.T) {
	t.Helper()
	if until := w.protected(); !until.IsZero() {
		t.Errorf("the task is protected until %s", until)
	}
	var did, undone int
	for _, line := range w.auditOf(t, "out") {
		switch {
		case !strings.HasPrefix(line.What, "task protected until "):
		case line.Where != w.task || line.Undo != "ecs:UpdateTaskProtection":
			t.Errorf("audit: %+v", line)
		case line.Done:
			undone++
		default:
			did++
		}
	}
	if did != 1 || undone != 1 {
		t.Errorf("the audit has %d beginnings and %d ends:\n%s", did, undone, w.read(t, "out/"+auditFile))
	}
}

// TestProtect has the task protected while it is captured, and not afterwards, however
// that ends.
func TestProtect(t *testing.T) {
	t.Parallel()
	protect := append(slices.Clone(snapshotArgs), "--protect", "--no-analyze")
	for name, ending := range map[string]struct {
		signal syscall.Signal // 0 = none
		code   int
	}{"whole": {code: 0}, "Ctrl-C": {syscall.SIGINT, 130}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := slow(t)
			r := w.start(t, protect...)
			w.receiving(t, "out", "s1")
			if left := time.Until(w.protected()); left < 10*time.Minute || left > 20*time.Minute {
				t.Errorf("while it is captured the task is protected for %s", left)
			}
			if ending.signal != 0 {
				if err := r.Process.Signal(ending.signal); err != nil {
					t.Fatal(err)
				}
			}
			r.wantCode(t, ending.code)
			w.wantReleased(t)
			w.wantEnded(t, 1)
		})
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, fakeaws.Config{}, bulk(t, "", 4))
		r := w.start(t, append(slices.Clone(protect), "--max-pause", "1ms")...)
		r.wantCode(t, 7)
		if until := w.protected(); !until.IsZero() || !strings.Contains(r.stderr.String(), "ended the protection of the task") {
			t.Errorf("protected until %s\n%s", until, r.stderr)
		}
		w.wantEnded(t, 1)
	})
	t.Run("killed", func(t *testing.T) { // it ends by itself
		t.Parallel()
		w := slow(t)
		r := w.start(t, protect...)
		w.receiving(t, "out", "s1")
		if err := r.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		r.wantCode(t, -1)
		if left := time.Until(w.protected()); left <= 0 || left > 20*time.Minute {
			t.Errorf("protected for %s", left)
		}
		if left := open(w.auditOf(t, "out")); !slices.ContainsFunc(left, func(what string) bool { return strings.HasPrefix(what, "task protected until ") }) {
			t.Errorf("the audit does not say that it may be protected: %v", left)
		}
	})
}

// TestProtectDetached keeps the task protected while the process takes a series by
// itself, and not when there is none.
func TestProtectDetached(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 4))
	args := []string{"snapshot", "--cluster", "prod", "--task", taskID, "--protect", "--detach", "--dir", "out", "--count", "2", "--interval", "1h"}
	refused := w.start(t, append(slices.Clone(args), "--max-pause", "1ms")...)
	refused.wantCode(t, 7)
	if until := w.protected(); !until.IsZero() {
		t.Errorf("no series, and protected until %s\n%s", until, refused.stderr)
	}
	w.start(t, args...).wantCode(t, 0)
	if left := time.Until(w.protected()); left < time.Hour || left > time.Hour+20*time.Minute {
		t.Errorf("protected for %s", left)
	}
}

// TestProtectResumed has the --resume that has fetched a detached series end what the
// series had protected, unless somebody else has changed that since.
func TestProtectResumed(t *testing.T) {
	day := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Second)
	for name, meanwhile := range map[string]func(*fakeaws.Task){
		"as it was":      func(*fakeaws.Task) {},
		"changed":        func(task *fakeaws.Task) { task.ProtectedUntil = day },
		"ended already":  func(task *fakeaws.Task) { task.Protected, task.ProtectedUntil = false, time.Time{} },
		"process killed": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := bulk(t, "", 2)
			w := newWorld(t, fakeaws.Config{}, node)
			w.detach(t, "--protect")
			w.resume(t).wantCode(t, 7) // it is not due
			if left := time.Until(w.protected()); left < 10*time.Minute || left > 20*time.Minute {
				t.Errorf("while the process has the series, the task is protected for %s", left)
			}
			w.due(t)
			if meanwhile == nil {
				if err := node.Kill(); err != nil {
					t.Fatal(err)
				}
				w.resume(t).wantCode(t, 6)
				if w.protected().IsZero() {
					t.Error("nobody could know that the series is gone, and the protection is")
				}
				return
			}
			w.UpdateTask(w.task, meanwhile)
			r := w.resume(t, "--no-analyze")
			r.wantCode(t, 0)
			if name == "changed" {
				if until := w.protected(); !until.Equal(day) || !strings.Contains(r.stderr.String(), "changed by somebody else") {
					t.Errorf("protected until %s, want %s\n%s", until, day, r.stderr)
				}
				return
			}
			w.wantReleased(t)
			w.wantGranted(t, "../iam-policies/operator-snapshot.json", "../iam-policies/operator-protect.json")
		})
	}
}

// TestProtectStandalone refuses before anything is begun: ECS protects tasks of services
// only.
func TestProtectStandalone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fakeaws.Config{}, bulk(t, "", 1))
	w.UpdateTask(w.task, func(task *fakeaws.Task) { task.Service = "" })
	r := w.start(t, append(slices.Clone(snapshotArgs), "--protect")...)
	r.wantCode(t, 5)
	r.wantError(t, "protecting the task: ECS refused: TASK_NOT_VALID (The task is not part of a service.)", "only running tasks of a service can be protected")
	w.wantEnded(t, 0)
	if n := w.wantWhole(t, "out"); n != 0 {
		t.Errorf("%d snapshots", n)
	}
}
