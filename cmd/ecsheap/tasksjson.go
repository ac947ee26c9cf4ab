package main

import (
	"time"

	"github.com/ecsheap/ecsheap/ecs"
)

// tasksJSON is the output of tasks --output json.
type tasksJSON struct {
	Schema  int        `json:"schema"`
	Cluster string     `json:"cluster"`
	Region  string     `json:"region"`
	Tasks   []taskJSON `json:"tasks"` // the best victim first
	Missing []string   `json:"missing"`
}

// taskJSON is one task. What is not known is null.
type taskJSON struct {
	ID                string          `json:"id"`
	TaskARN           string          `json:"taskArn"`
	Service           string          `json:"service"` // "" for a task outside a service
	Family            string          `json:"family"`
	Revision          int             `json:"revision"`
	CurrentRevision   *bool           `json:"currentRevision"`
	TaskDefinitionARN string          `json:"taskDefinitionArn"`
	Status            string          `json:"status"`
	Health            string          `json:"health"`
	StartedAt         *time.Time      `json:"startedAt"`
	AgeMs             *int64          `json:"ageMs"`
	LaunchType        string          `json:"launchType"`
	CapacityProvider  string          `json:"capacityProvider"`
	Spot              bool            `json:"spot"`
	PlatformVersion   string          `json:"platformVersion"`
	Zone              string          `json:"zone"`
	MemoryLimit       *int64          `json:"memoryLimit"`
	MemoryUsed        *int64          `json:"memoryUsed"`
	MemoryShare       *float64        `json:"memoryShare"` // of what the task reserves, 1 is all of it
	MemoryAt          *time.Time      `json:"memoryAt"`
	Reachable         bool            `json:"reachable"` // a container that is no sidecar has a running agent of ECS Exec
	Protected         *bool           `json:"protected"`
	ProtectedUntil    *time.Time      `json:"protectedUntil"`
	Container         *string         `json:"container"` // the one to debug, null if that is not clear
	Containers        []containerJSON `json:"containers"`
}

type containerJSON struct {
	Name              string        `json:"name"`
	Image             string        `json:"image"`
	RuntimeID         string        `json:"runtimeId"`
	Status            string        `json:"status"`
	Health            string        `json:"health"`
	Essential         bool          `json:"essential"`
	Sidecar           bool          `json:"sidecar"`
	MemoryLimit       *int64        `json:"memoryLimit"`
	MemoryReservation *int64        `json:"memoryReservation"`
	ExecAgent         *string       `json:"execAgent"` // null: there is none
	Inspector         *declaredJSON `json:"inspector"` // null: not declared
}

// declaredJSON is a flag of Node.js in the task definition.
type declaredJSON struct {
	Flag  string `json:"flag"`
	Where string `json:"where"`
	Host  string `json:"host"`
	Port  int    `json:"port"`
	Waits bool   `json:"waits"`
}

func newTasksJSON(l ecs.Listing, region string, now time.Time) tasksJSON {
	out := tasksJSON{Schema: schema, Cluster: l.Cluster, Region: region, Tasks: []taskJSON{}, Missing: l.Missing}
	for _, t := range l.Tasks {
		out.Tasks = append(out.Tasks, newTaskJSON(t, now))
	}
	return out
}

func newTaskJSON(t ecs.Task, now time.Time) taskJSON {
	out := taskJSON{
		ID: t.TaskID(), TaskARN: t.TaskARN, Service: t.Service, Family: t.Family, Revision: t.Revision, CurrentRevision: t.Current,
		TaskDefinitionARN: t.TaskDefinitionARN, Status: t.Status, Health: t.Health, StartedAt: known(t.StartedAt.UTC()),
		LaunchType: t.LaunchType, CapacityProvider: t.CapacityProvider, Spot: t.Spot(), PlatformVersion: t.PlatformVersion, Zone: t.Zone,
		MemoryLimit: known(t.MemoryLimit), Reachable: t.Reachable(), Protected: t.Protected, ProtectedUntil: known(t.ProtectedUntil.UTC()),
		Container: known(t.Container), Containers: []containerJSON{},
	}
	if out.StartedAt != nil {
		age := now.Sub(t.StartedAt).Milliseconds()
		out.AgeMs = &age
	}
	if t.Memory != nil {
		out.MemoryUsed, out.MemoryShare, out.MemoryAt = known(t.Memory.Bytes), &t.Memory.Share, known(t.Memory.At.UTC())
	}
	for _, c := range t.Containers {
		container := containerJSON{
			Name: c.Name, Image: c.Image, RuntimeID: c.RuntimeID, Status: c.Status, Health: c.Health, Essential: c.Essential, Sidecar: c.Sidecar,
			MemoryLimit: known(c.MemoryLimit), MemoryReservation: known(c.MemoryReservation), ExecAgent: known(c.ExecAgent),
		}
		if i := c.Inspector; i != nil {
			container.Inspector = &declaredJSON{Flag: i.Flag, Where: i.Where, Host: i.Host, Port: i.Port, Waits: i.Waits}
		}
		out.Containers = append(out.Containers, container)
	}
	return out
}

// known is nil for the zero value, which stands for what is not known.
func known[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
