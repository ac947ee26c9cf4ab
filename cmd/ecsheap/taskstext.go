package main

import (
	"bufio"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ecsheap/ecsheap/ecs"
)

// nothing stands for what is not there, or not known.
const nothing = "-"

// tasksTable is a line for each task, or for each container of a task of which it
// is not clear which one is the application.
func tasksTable(tasks []ecs.Task, now time.Time) *table {
	t := &table{columns: []column{
		{title: "TASK", left: true}, {title: "AGE"}, {title: "REV"}, {title: "MEMORY"}, {title: "EXEC", left: true}, {title: "HEALTH", left: true},
		{title: "PROT", left: true}, {title: "WHERE", left: true}, {title: "INSPECTOR", left: true}, {title: "CONTAINER", left: true},
	}}
	short := shortIDs(tasks)
	for i, task := range tasks {
		for _, c := range debuggable(task) {
			name := c.Name
			if service := cmp.Or(task.Service, task.Family); service != name {
				name = service + "/" + name
			}
			t.add(short[i], ageCell(task, now), revisionCell(task), memoryCell(task), execCell(task, c.Name), healthCell(task.Health),
				protectionCell(task), whereCell(task), inspectorCell(c), printable(name))
		}
	}
	t.dropEmpty("HEALTH", "PROT")
	return t
}

// dropEmpty leaves columns out that say nothing of any row, for the sake of the others.
func (t *table) dropEmpty(titles ...string) {
	for i := len(t.columns) - 1; i >= 0; i-- {
		said := slices.ContainsFunc(t.rows, func(row []string) bool { return row[i] != nothing && row[i] != "no" })
		if said || !slices.Contains(titles, t.columns[i].title) {
			continue
		}
		t.columns = slices.Delete(t.columns, i, i+1)
		for at, row := range t.rows {
			t.rows[at] = slices.Delete(row, i, i+1)
		}
	}
}

// debuggable is the container that a capture would take, or all that may be meant.
func debuggable(t ecs.Task) []ecs.TaskContainer {
	left := slices.DeleteFunc(slices.Clone(t.Containers), func(c ecs.TaskContainer) bool {
		if t.Container != "" {
			return c.Name != t.Container
		}
		return c.Sidecar
	})
	if len(left) == 0 {
		return []ecs.TaskContainer{{Name: nothing}}
	}
	return left
}

// printTasks prints the table.
func (u *ui) printTasks(tasks []ecs.Task, now time.Time) error {
	w := bufio.NewWriter(u.out) // keeps the first error for Flush
	if len(tasks) > 0 {
		tasksTable(tasks, now).write(w, func(s string) string { return u.paintOut(bold, s) })
	}
	return w.Flush()
}

// ageCell is an age in one unit, as that is what tells tasks apart.
func ageCell(t ecs.Task, now time.Time) string {
	if t.StartedAt.IsZero() {
		return strings.ToLower(cmp.Or(t.Status, nothing)) // pending, or on its way there
	}
	switch age := max(now.Sub(t.StartedAt), 0); {
	case age < time.Minute:
		return fmt.Sprintf("%ds", int(age.Seconds()))
	case age < time.Hour:
		return fmt.Sprintf("%dm", int(age.Minutes()))
	case age < 48*time.Hour:
		return fmt.Sprintf("%dh", int(age.Hours()))
	default:
		return fmt.Sprintf("%dd", int(age.Hours()/24))
	}
}

// revisionCell marks the revision that is on its way out.
func revisionCell(t ecs.Task) string {
	if t.Revision == 0 {
		return nothing
	}
	text := strconv.Itoa(t.Revision)
	if t.Current != nil && !*t.Current {
		text += " old"
	}
	return text
}

// memoryCell is what is used and what there is, in the unit of the latter.
func memoryCell(t ecs.Task) string {
	switch {
	case t.Memory == nil && t.MemoryLimit == 0:
		return nothing
	case t.Memory == nil:
		return nothing + "/" + bytesText(t.MemoryLimit)
	case t.MemoryLimit == 0 || t.Memory.Bytes == 0:
		return fmt.Sprintf("%.0f%%", 100*t.Memory.Share)
	}
	limit := bytesText(t.MemoryLimit)
	number, unit, _ := strings.Cut(limit, " ")
	whole, err := strconv.ParseFloat(number, 64)
	if err != nil || whole == 0 {
		return bytesText(t.Memory.Bytes) + "/" + limit
	}
	return fmt.Sprintf("%.1f/%s %s", float64(t.Memory.Bytes)/(float64(t.MemoryLimit)/whole), number, unit)
}

// execCell tells whether a session can be opened to the container.
func execCell(t ecs.Task, container string) string {
	i := slices.IndexFunc(t.Containers, func(c ecs.TaskContainer) bool { return c.Name == container })
	if i < 0 { // it is not clear which: any that is no sidecar will do
		if t.Reachable() {
			return "yes"
		}
		return "no"
	}
	switch agent := t.Containers[i].ExecAgent; agent {
	case "RUNNING":
		return "yes"
	case "":
		return "no"
	default:
		return strings.ToLower(printable(agent))
	}
}

func healthCell(health string) string {
	switch health {
	case "HEALTHY":
		return "ok"
	case "UNHEALTHY":
		return "BAD"
	}
	return nothing
}

func protectionCell(t ecs.Task) string {
	switch {
	case t.Protected == nil:
		return nothing
	case *t.Protected:
		return "yes"
	}
	return "no"
}

// whereCell is the launch type, or Spot, and the zone.
func whereCell(t ecs.Task) string {
	where := t.LaunchType
	switch {
	case t.Spot():
		where = "SPOT"
	case where == "MANAGED_INSTANCES":
		where = "MANAGED"
	}
	return strings.TrimSuffix(printable(where)+" "+zoneCell(t), " "+nothing)
}

// zoneCell is the zone without the region that all tasks share.
func zoneCell(t ecs.Task) string {
	return cmp.Or(printable(strings.TrimPrefix(strings.TrimPrefix(t.Zone, t.Region()), "-")), nothing)
}

// inspectorCell is the inspector as the task definition declares it.
func inspectorCell(c ecs.TaskContainer) string {
	switch i := c.Inspector; {
	case i == nil && !c.Defined:
		return "?"
	case i == nil:
		return nothing
	case i.Waits:
		return fmt.Sprintf("brk:%d", i.Port)
	case i.Exposed():
		return fmt.Sprintf("*:%d", i.Port)
	default:
		return fmt.Sprintf(":%d", i.Port)
	}
}
