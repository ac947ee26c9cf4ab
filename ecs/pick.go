package ecs

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Pick is a way to choose one of several tasks.
type Pick string

// The ways to choose.
const (
	Hungriest Pick = "hungriest" // that uses most of its memory, by CloudWatch
	Oldest    Pick = "oldest"    // that started first, and so has leaked most
	Newest    Pick = "newest"    // that started last
)

// Picks returns all ways to choose.
func Picks() []Pick { return []Pick{Hungriest, Oldest, Newest} }

// PickTask chooses one of the tasks, of which there must be one, and says in words
// for people which and why. Tasks that no session can be opened to are passed over
// as long as there are others. usage is needed for [Hungriest] alone, and missing
// says why a task has none: without any the oldest is taken.
func PickTask(tasks []Target, pick Pick, usage map[string]Usage, missing string) (Target, string) {
	left := slices.DeleteFunc(slices.Clone(tasks), func(t Target) bool { return !t.Reachable() })
	passed := len(tasks) - len(left)
	if len(left) == 0 {
		left, passed = slices.Clone(tasks), 0
	}
	order, why := older, "the "+string(pick)
	switch {
	case pick == Newest:
		order = func(a, b Target) int { return older(b, a) }
	case pick == Hungriest && slices.ContainsFunc(left, func(t Target) bool { _, known := usage[t.TaskARN]; return known }):
		order = func(a, b Target) int { return cmp.Or(hungrier(a, b, usage), older(a, b)) }
	case pick == Hungriest:
		why = fmt.Sprintf("the oldest, as it is not known which is the hungriest (%s)", missing)
	}
	chosen := slices.MinFunc(left, order)
	if u, known := usage[chosen.TaskARN]; known && pick == Hungriest {
		why += fmt.Sprintf(" (%.0f %% of its memory)", 100*u.Share)
	}
	why = fmt.Sprintf("%s is %s of %d", chosen.TaskID(), why, len(tasks))
	if passed > 0 {
		why += fmt.Sprintf("; passed over: %d without a running agent of ECS Exec", passed)
	}
	return chosen, why
}

// hungrier orders tasks by the share of their memory that they use, the hungriest
// first. Tasks without a figure come last.
func hungrier(a, b Target, usage map[string]Usage) int {
	ua, knownA := usage[a.TaskARN]
	ub, knownB := usage[b.TaskARN]
	if !knownA || !knownB {
		return falseFirst(knownB, knownA)
	}
	return cmp.Compare(ub.Share, ua.Share)
}

// falseFirst puts false before true.
func falseFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// Reachable tells whether a session can be opened to a container of the task that
// is no known sidecar, as far as ECS knows: it runs, and its agent of ECS Exec
// does. Without a definition all of its containers count that are none by name.
func (t Target) Reachable() bool {
	if _, stopped := t.Stopped(); stopped {
		return false
	}
	return slices.ContainsFunc(t.task.Containers, func(c ecstypes.Container) bool {
		return notSidecar(c, definitionOf(t.definition, aws.ToString(c.Name))) && execAgent(c) == agentRunning
	})
}

const agentRunning = "RUNNING"

// execAgent is the status of the container's agent of ECS Exec, "" if it has none.
func execAgent(c ecstypes.Container) string {
	for _, a := range c.ManagedAgents {
		if a.Name == ecstypes.ManagedAgentNameExecuteCommandAgent {
			return aws.ToString(a.LastStatus)
		}
	}
	return ""
}
