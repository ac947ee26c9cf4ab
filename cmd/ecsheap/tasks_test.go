package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// TestTasksWidth: no line is wider than the page, whatever things are called.
func TestTasksWidth(t *testing.T) {
	now := time.Now()
	yes, no := true, false
	tasks := manyTasks(now)
	for i := range tasks {
		tasks[i].Revision, tasks[i].Current, tasks[i].Protected = 123456, &no, &yes
		tasks[i].LaunchType, tasks[i].Zone = "MANAGED_INSTANCES", "us-west-2-lax-1a"
		tasks[i].Containers = []ecs.TaskContainer{{Name: "app", ExecAgent: "STOPPED", Inspector: &ecs.Inspector{Flag: "--inspect-brk", Waits: true, Port: 65535}}}
	}
	tasks[7].Service = strings.Repeat("服務", 60)
	var out bytes.Buffer
	u := &ui{out: &out}
	if err := u.printTasks(tasks, now); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 251 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if displayWidth(line) > maxColumns {
			t.Errorf("%d columns: %s", displayWidth(line), line)
		}
	}
}

func TestTaskCells(t *testing.T) {
	now := time.Now()
	ages := map[time.Duration]string{0: "0s", 59 * time.Second: "59s", time.Minute: "1m", 59 * time.Minute: "59m", time.Hour: "1h", 47 * time.Hour: "47h", 48 * time.Hour: "2d", -time.Hour: "0s"}
	for age, want := range ages {
		if got := ageCell(ecs.Task{Target: ecs.Target{StartedAt: now.Add(-age)}}, now); got != want {
			t.Errorf("age %s: %s, want %s", age, got, want)
		}
	}
	if got := ageCell(ecs.Task{Status: "PROVISIONING"}, now); got != "provisioning" {
		t.Errorf("not started: %s", got)
	}
	const mib = 1 << 20
	for want, task := range map[string]ecs.Task{
		"-":          {},
		"-/2.1 GB":   {MemoryLimit: 2048 * mib},
		"1.1/2.1 GB": {MemoryLimit: 2048 * mib, Memory: &ecs.Usage{Share: 0.5, Bytes: 1024 * mib}},
		"93%":        {Memory: &ecs.Usage{Share: 0.93}},
	} {
		if got := memoryCell(task); got != want {
			t.Errorf("memory %s, want %s", got, want)
		}
	}
	waits := ecs.Inspector{Flag: "--inspect-brk", Waits: true, Host: "127.0.0.1", Port: 9230}
	open := ecs.Inspector{Flag: "--inspect=0.0.0.0", Host: "0.0.0.0", Port: 9229}
	for want, c := range map[string]ecs.TaskContainer{"?": {}, "-": {Defined: true}, "brk:9230": {Inspector: &waits, Defined: true}, "*:9229": {Inspector: &open, Defined: true}} {
		if got := inspectorCell(c); got != want {
			t.Errorf("inspector %s, want %s", got, want)
		}
	}
}

// TestTasksJSON: what is not known is null, and lists are not.
func TestTasksJSON(t *testing.T) {
	listing := ecs.Listing{Cluster: "prod", Missing: []string{}, Tasks: []ecs.Task{{}, {
		Memory: &ecs.Usage{Share: 0.5}, Containers: []ecs.TaskContainer{{Name: "a"}},
	}}}
	text, err := json.Marshal(newTasksJSON(listing, "eu-west-1", time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"schema":1`, `"missing":[]`, `"containers":[]`, `"startedAt":null`, `"ageMs":null`, `"memoryLimit":null`, `"memoryUsed":null`, `"memoryShare":0.5`,
		`"protected":null`, `"protectedUntil":null`, `"currentRevision":null`, `"container":null`, `"execAgent":null`, `"inspector":null`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(string(text), "0001-01-01") {
		t.Errorf("a time that is none in %s", text)
	}
}

// TestPatient: throttling is outlasted, anything else is not.
func TestPatient(t *testing.T) {
	p := newPatient(nil)
	throttled, denied := &smithy.GenericAPIError{Code: "ThrottlingException"}, &smithy.GenericAPIError{Code: "ServerException"}
	for attempt := 1; attempt < throttledTries; attempt++ {
		if d, err := p.RetryDelay(attempt, throttled); err != nil || d < 0 || d > throttledPause {
			t.Errorf("attempt %d of a throttled call: %s, %v", attempt, d, err)
		}
		_, err := p.RetryDelay(attempt, denied)
		if attempt < otherTries && err != nil || attempt >= otherTries && !errors.Is(err, denied) {
			t.Errorf("attempt %d of another call: %v", attempt, err)
		}
	}
	if p.MaxAttempts() != throttledTries || !p.IsErrorRetryable(throttled) {
		t.Errorf("at most %d attempts", p.MaxAttempts())
	}
}

// TestTasksThrottled: a burst of refusals in the listing of 250 tasks costs nothing
// but time, and every call is made again by itself.
func TestTasksThrottled(t *testing.T) {
	const tasks, refusals = 250, 8
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	for range tasks {
		server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", Exec: true, Containers: []fakeaws.Container{{Name: "api", Essential: true}}})
	}
	server.Throttle(fakeaws.Throttle{Operations: []string{"ecs."}, Burst: 2, Refusals: refusals})
	s := newSelection(&ui{}, targetOptions{}, demoAWS(server))
	listing, err := ecs.List(t.Context(), s.client, s.metrics, ecs.Query{Cluster: "prod", Service: "api"})
	if err != nil || len(listing.Tasks) != tasks {
		t.Fatalf("%d tasks, %v", len(listing.Tasks), err)
	}
	refused, answered := 0, 0
	for _, c := range server.Calls() {
		switch {
		case c.Service != "ecs":
		case c.Err == "ThrottlingException":
			refused++
		default:
			answered++
		}
	}
	// Three pages of ListTasks, DescribeTasks and GetTaskProtection each, one service, one definition.
	if refused != refusals || answered != 11 {
		t.Errorf("%d calls refused, %d answered, want %d and 11", refused, answered, refusals)
	}
	for _, missing := range listing.Missing {
		if strings.Contains(missing, "Throttling") {
			t.Errorf("missing: %s", missing)
		}
	}
}
