package e2e

import (
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// activationErrands open the inspector of a running process, in a real container.
func activationErrands() []errand {
	return []errand{
		{"snapshot of a process without inspector", []string{"operator-snapshot", "operator-activate"}, func(t *testing.T, h holder) []permission {
			y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{})
			y.UpdateTask(y.task, func(task *fakeaws.Task) { task.Tags = map[string]string{"ecsheap": "allowed"} })
			h.only(y.Server)
			w := y.world(t)
			w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--activate", "--dir", "out").wantCode(t, 0)
			y.wantEnded(t)
			return w.asked()
		}},
	}
}
