package ecs

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// mebibyte is the unit of memory in ECS.
const mebibyte = 1 << 20

// MemoryLimit is a limit on memory that ECS sets.
type MemoryLimit struct {
	Name  string // for people
	Bytes int64
}

// MemoryLimits are the hard limits of the task and of the container, of which the
// process often sees neither. They are those of the running task, overrides
// included; its definition may say otherwise.
func (t Target) MemoryLimits() []MemoryLimit {
	container, _ := t.container()
	var limits []MemoryLimit
	for _, l := range []struct {
		name string
		text *string // in MiB
	}{{"the task", t.task.Memory}, {"the container, by ECS", container.Memory}} {
		if n, err := strconv.ParseInt(aws.ToString(l.text), 10, 64); err == nil && n > 0 {
			limits = append(limits, MemoryLimit{l.name, n * mebibyte})
		}
	}
	return limits
}
