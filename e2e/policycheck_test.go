package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// checkErrands are what check, tasks, fix and undo do, in a world where all that they
// may ask about is there.
func checkErrands() []errand {
	preflight := []string{"operator-preflight"}
	fix := []string{"operator-preflight", "operator-fix"}
	return []errand{
		{"check of a task", preflight, func(t *testing.T, h holder) []permission {
			w := h.scaled(t)
			w.start(t, "check", "--cluster", "prod", "--task", taskID).wantCode(t, 3) // it says that the holder may not tunnel
			return w.asked()
		}},
		{"check of a service", preflight, func(t *testing.T, h holder) []permission {
			w := h.scaled(t)
			w.start(t, "check", "--cluster", "prod", "--service", "api").wantCode(t, 3)
			return w.asked()
		}},
		{"check of all tasks", preflight, func(t *testing.T, h holder) []permission {
			w := h.scaled(t)
			w.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", Exec: true, Containers: []fakeaws.Container{{Name: "api", Command: []string{"node", "x.js"}, Essential: true}}})
			w.start(t, "check", "--cluster", "prod", "--service", "api", "--all").wantCode(t, 3)
			return w.asked()
		}},
		{"check of a task on EC2", preflight, checkOnEC2},
		{"tasks", preflight, func(t *testing.T, h holder) []permission {
			w := h.scaled(t)
			w.start(t, "tasks", "--cluster", "prod").wantCode(t, 0)
			return w.asked()
		}},
		{"fix of the task role and of a target group, and undo", fix, func(t *testing.T, h holder) []permission {
			w := h.scaled(t)
			w.SetRole(fakeaws.Role{Name: "api-task", Policies: map[string]string{}})
			w.UpdateTask(w.task, func(task *fakeaws.Task) { task.Containers[0].Disconnected = true }) // connected it would need no permission
			w.there(t, "--only", "role.ssmmessages", "--only", "hc.alb")
			return w.asked()
		}},
		{"fix of the desired count, and undo", fix, func(t *testing.T, h holder) []permission {
			w := h.scaled(t)
			w.there(t, "--only", "svc.desired")
			return w.asked()
		}},
		{"fix of protection, and undo", []string{"operator-preflight", "operator-protect"}, func(t *testing.T, h holder) []permission {
			w := h.scaled(t)
			w.there(t, "--only", "svc.autoscale")
			return w.asked()
		}},
	}
}

// scaled is a world whose service is scaled, behind a load balancer that gives its
// targets up soon.
func (h holder) scaled(t *testing.T) *world {
	t.Helper()
	w := h.world(t, fakeaws.Config{})
	w.AddScalableTarget(fakeaws.ScalableTarget{Cluster: "prod", Service: "api", Min: 0, Max: 4})
	w.AddService(fakeaws.Service{Cluster: "prod", Name: "api", Exec: true, LoadBalancers: []fakeaws.LoadBalancer{
		{TargetGroup: w.AddTargetGroup(fakeaws.TargetGroup{Name: "hasty", Interval: 5, Timeout: 2, Unhealthy: 2}), Container: "api", Port: 3000},
	}})
	w.UpdateTask(w.task, func(task *fakeaws.Task) { task.TaskRole = "arn:aws:iam::111122223333:role/api-task" })
	w.SetRole(fakeaws.Role{Name: "api-task", Policies: map[string]string{"exec": policyText(t, "task-role-ecs-exec")}})
	return w
}

// policyText is a policy as it is in its file.
func policyText(t *testing.T, name string) string {
	t.Helper()
	policy, ok := iampolicies.Lookup(name)
	if !ok {
		t.Fatalf("no policy is called %s", name)
	}
	text, err := policy.Text()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkOnEC2 is a task on a machine of the account's own.
func checkOnEC2(t *testing.T, h holder) []permission {
	w := h.scaled(t)
	const instance = "00000000000000000000000000000001"
	w.AddContainerInstance(fakeaws.ContainerInstance{Cluster: "prod", ID: instance})
	w.UpdateTask(w.task, func(task *fakeaws.Task) { task.LaunchType, task.ContainerInstance = "EC2", instance })
	w.start(t, "check", "--cluster", "prod", "--task", taskID).wantCode(t, 3)
	return w.asked()
}

// there has changes made and taken back.
func (w *world) there(t *testing.T, only ...string) {
	t.Helper()
	journal := filepath.Join(t.TempDir(), "fixes.jsonl")
	args := append([]string{"fix", "--cluster", "prod", "--service", "api", "--apply", "--journal", journal}, only...)
	for _, step := range []struct {
		args []string
		word string
	}{{args, "Applied"}, {[]string{"undo", "--journal", journal}, "undone"}} {
		r := w.start(t, step.args...)
		r.wantCode(t, 0)
		if !strings.Contains(r.stdout.String(), step.word) {
			t.Errorf("no %q in\n%s%s", step.word, r.stdout, r.stderr)
		}
	}
}
