package ecs

import (
	"errors"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

func TestPickTask(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	server.SetCluster(fakeaws.Cluster{Name: "prod", ContainerInsights: "enhanced"})
	pool(server)
	_, err := Find(t.Context(), client, Query{Cluster: "prod", Service: "api"})
	several, ok := errors.AsType[*AmbiguousError](err)
	if !ok {
		t.Fatal(err)
	}
	usage, missing, err := MemoryUsage(t.Context(), newMetrics(t, server), several.Tasks)
	if err != nil || missing != "" || len(usage) != 6 {
		t.Fatalf("usage of %d, missing %q, %v", len(usage), missing, err)
	}
	none, why, err := MemoryUsage(t.Context(), newMetrics(t, func() *fakeaws.Server { s, _ := newClient(t, "eu-west-1"); return s }()), several.Tasks)
	if err != nil || len(none) != 0 || !strings.Contains(why, "enhanced observability") {
		t.Fatalf("usage of %d without metrics: %q, %v", len(none), why, err)
	}
	tests := []struct {
		pick  Pick
		usage map[string]Usage
		want  int
		says  string
	}{
		{Hungriest, usage, 5, "is the hungriest (98 % of its memory) of 7; passed over: 2"},
		{Oldest, nil, 5, "is the oldest of 7; passed over: 2 without a running agent"},
		{Newest, nil, 1, "is the newest of 7"},
		{Hungriest, none, 5, "is the oldest, as it is not known which is the hungriest (memory now: CloudWatch has none"},
	}
	for _, tt := range tests {
		got, says := PickTask(several.Tasks, tt.pick, tt.usage, why)
		if got.TaskID() != id(tt.want) || !strings.Contains(says, tt.says) {
			t.Errorf("%s: %s (%s), want %d and …%s…", tt.pick, got.TaskID(), says, tt.want, tt.says)
		}
	}
	unreachable := []Target{several.Tasks[0], several.Tasks[1]} // 7 and 6
	if got, says := PickTask(unreachable, Newest, nil, ""); got.TaskID() != id(6) || strings.Contains(says, "passed") {
		t.Errorf("of those that cannot be reached: %s (%s)", got.TaskID(), says)
	}
}
