package main

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

func TestMemoryBounds(t *testing.T) {
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	for _, kv := range server.Env() {
		name, value, _ := strings.Cut(kv, "=")
		t.Setenv(name, value)
	}
	arn := server.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "api", ID: "0123456789abcdef0123456789abcdef", Memory: "2048",
		Containers: []fakeaws.Container{{Name: "api", Memory: 512}, {Name: "proxy"}},
	})
	cfg, err := loadAWS(t.Context(), &ui{}, targetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	client := awsecs.NewFromConfig(cfg)
	for name, want := range map[string][]int64{"api": {2 << 30, 512 << 20}, "proxy": {2 << 30}} {
		got := memoryBounds(t.Context(), client, ecs.Target{Cluster: "prod", TaskARN: arn, Container: name})
		if len(got) != len(want) {
			t.Errorf("%s: %+v", name, got)
			continue
		}
		for i := range got {
			if got[i].Limit != want[i] || got[i].Name == "" {
				t.Errorf("%s: %+v, want %d", name, got[i], want[i])
			}
		}
	}
	if got := memoryBounds(t.Context(), client, ecs.Target{Cluster: "prod", TaskARN: arn + "0"}); got != nil {
		t.Errorf("a task that is not there: %+v", got)
	}
}

func TestBound(t *testing.T) {
	for text, want := range map[string]int64{"512": 512 << 20, "0": 0, "": 0, "-1": 0, "0.5 GB": 0} {
		got := bound([]gate.Bound{{}}, "x", aws.String(text))[1:]
		if want == 0 && len(got) != 0 || want != 0 && (len(got) != 1 || got[0].Limit != want) {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

func TestHealthBudgets(t *testing.T) {
	in := []ecs.HealthBudget{{Kind: "container", Name: "api", Budget: time.Minute, Earliest: time.Second, Detail: "d", Skipped: "s"}}
	want := gate.HealthBudget{Kind: "container", Name: "api", Budget: time.Minute, Earliest: time.Second, Detail: "d", Skipped: "s"}
	if got := healthBudgets(in); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v", got)
	}
}
