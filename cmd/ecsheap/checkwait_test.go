package main

import (
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// TestWaitsForAgent finds a task whose agent comes later, and one whose agent never gets
// through to Systems Manager.
func TestWaitsForAgent(t *testing.T) {
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	container := func(task string) fakeaws.Container {
		return fakeaws.Container{Name: "api", Essential: true, RuntimeID: task + "-1234567890"}
	}
	late := container("0123456789abcdef0123456789abcdef")
	late.AgentDelay = 100 * time.Millisecond
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "late", ID: "0123456789abcdef0123456789abcdef", Exec: true, StartedAt: time.Now(), Containers: []fakeaws.Container{late}})
	cut := container("1123456789abcdef0123456789abcdef")
	cut.Disconnected = true
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "cut", ID: "1123456789abcdef0123456789abcdef", Exec: true, Containers: []fakeaws.Container{cut}})

	cfg := demoAWS(server)
	clients := ecs.NewClients(cfg)
	u, said := quiet(t)
	find := func(service string, wait time.Duration) ecs.Target {
		t.Helper()
		o := checkOptions{targetOptions: targetOptions{query: ecs.Query{Cluster: "prod", Service: service}}, wait: wait}
		target, err := findWaiting(t.Context(), u, o, cfg, clients)
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	if lacks, starting := find("late", time.Hour).Starting(); starting {
		t.Errorf("did not wait: %s", lacks)
	}
	if !ecs.Connecting(t.Context(), clients.SSM, find("cut", 500*time.Millisecond)) {
		t.Error("a disconnected agent counts as connected")
	}
	text := said()
	for _, want := range []string{"waiting up to 1h0m0s: the ExecuteCommandAgent is PENDING", ": the agent is not connected"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
