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
		if n := mebibytes(l.text); n > 0 {
			limits = append(limits, MemoryLimit{l.name, n})
		}
	}
	return limits
}

// TaskMemory is the memory limit of the whole task in bytes: its own, else what the
// hard limits of its containers add up to. It is 0 when there is none.
func (t Target) TaskMemory() int64 {
	if n := mebibytes(t.task.Memory); n > 0 {
		return n
	}
	var sum int64
	for _, c := range t.task.Containers {
		n := mebibytes(c.Memory)
		if n == 0 {
			return 0
		}
		sum += n
	}
	return sum
}

// reserved is what CloudWatch takes for the whole of a task's memory: its limit,
// else what its containers reserve.
func (t Target) reserved() int64 {
	if n := mebibytes(t.task.Memory); n > 0 {
		return n
	}
	var sum int64
	for _, c := range t.task.Containers {
		n := mebibytes(c.MemoryReservation)
		if n == 0 {
			n = mebibytes(c.Memory)
		}
		sum += n
	}
	return sum
}

// mebibytes reads a number of MiB; 0 is none.
func mebibytes(text *string) int64 {
	n, err := strconv.ParseInt(aws.ToString(text), 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0
	}
	return n * mebibyte
}
