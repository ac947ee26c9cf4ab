package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/ecsheap/ecsheap/ecs"
)

// taskPicker is the list of tasks, in their order.
func taskPicker(tasks []ecs.Task, now time.Time) *picker {
	p := &picker{title: "Which task?", columns: []pickColumn{
		{title: "TASK"}, {title: "AGE", right: true, rank: 1}, {title: "REV", right: true, rank: 5}, {title: "MEMORY", right: true, rank: 2},
		{title: "HEALTH", rank: 6}, {title: "EXEC", rank: 3}, {title: "ZONE", rank: 7}, {title: "SERVICE", rank: 4},
	}}
	short := shortIDs(tasks)
	for i, t := range tasks {
		p.add(t.TaskID(), short[i], ageCell(t, now), revisionCell(t), memoryCell(t), healthCell(t.Health), execCell(t, t.Container), zoneCell(t),
			cmp.Or(t.Service, "family "+t.Family))
	}
	return p
}

// containerPicker is the list of the containers that may be meant.
func containerPicker(task ecs.Task, among []ecs.Candidate) *picker {
	p := &picker{title: "Which container?", columns: []pickColumn{
		{title: "CONTAINER"}, {title: "EXEC", rank: 1}, {title: "HEALTH", rank: 3}, {title: "INSPECTOR", rank: 2}, {title: "IMAGE", rank: 4},
	}}
	for _, a := range among {
		i := slices.IndexFunc(task.Containers, func(c ecs.TaskContainer) bool { return c.Name == a.Name })
		if i < 0 {
			i = 0 // they come from the same task
		}
		c := task.Containers[i]
		p.add("", c.Name, execCell(task, c.Name), healthCell(c.Health), inspectorCell(c), c.Image)
	}
	return p
}

// minShortID is how much of a task's id one types: git, copilot and the console
// cut theirs about there.
const minShortID = 8

// shortIDs are the beginnings of the tasks' ids, as long as they must be to differ.
func shortIDs(tasks []ecs.Task) []string {
	ids := make([]string, len(tasks))
	for i, t := range tasks {
		ids[i] = t.TaskID()
	}
	sorted := slices.Sorted(slices.Values(ids))
	length := minShortID
	for i := 1; i < len(sorted); i++ {
		same := 0
		for same < min(len(sorted[i-1]), len(sorted[i])) && sorted[i-1][same] == sorted[i][same] {
			same++
		}
		length = max(length, same+1)
	}
	for i, id := range ids {
		ids[i] = strings.TrimSuffix(id[:min(length, len(id))], "-")
	}
	return ids
}
