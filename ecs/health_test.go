package ecs

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// clientsOf are clients of a fake AWS that try everything once.
func clientsOf(t *testing.T, server *fakeaws.Server) *Clients {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return NewClients(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
	})
}

func TestHealthBudgets(t *testing.T) {
	check := func(interval, timeout, retries int) *fakeaws.HealthCheck {
		return &fakeaws.HealthCheck{Command: []string{"CMD-SHELL", "true"}, Interval: interval, Timeout: timeout, Retries: retries, StartPeriod: 300}
	}
	quick, slow := fakeaws.TargetGroup{Name: "quick", Interval: 10, Timeout: 6, Unhealthy: 3}, fakeaws.TargetGroup{Name: "slow"}
	tests := map[string]struct {
		check     *fakeaws.HealthCheck
		groups    []fakeaws.TargetGroup
		container string // that the groups are for, "" = api
		fault     *fakeaws.Fault
		alone     bool // outside of a service
		want      []HealthBudget
	}{
		"nothing checks": {},
		"container": {check: check(20, 10, 4), want: []HealthBudget{
			{Kind: "container", Name: "api", Budget: 90 * time.Second, Earliest: 70 * time.Second, Detail: "interval 20s, retries 4, timeout 10s"},
		}},
		"defaults": {check: check(0, 0, 0), want: []HealthBudget{
			{Kind: "container", Name: "api", Budget: 95 * time.Second, Earliest: 65 * time.Second, Detail: "interval 30s, retries 3, timeout 5s"},
		}},
		"none by name": {check: &fakeaws.HealthCheck{Command: []string{"NONE"}}},
		"groups": {groups: []fakeaws.TargetGroup{quick, slow, quick}, want: []HealthBudget{
			{Kind: "target-group", Name: "quick", Budget: 36 * time.Second, Earliest: 26 * time.Second, Detail: "interval 10s, unhealthy threshold 3, timeout 6s"},
			{Kind: "target-group", Name: "slow", Budget: 65 * time.Second, Earliest: 35 * time.Second, Detail: "interval 30s, unhealthy threshold 2, timeout 5s"},
		}},
		"groups of another container": {groups: []fakeaws.TargetGroup{quick}, container: "proxy"},
		"no service":                  {groups: []fakeaws.TargetGroup{quick}, alone: true},
		"groups denied": {
			check: check(20, 10, 4), groups: []fakeaws.TargetGroup{quick},
			fault: &fakeaws.Fault{Operation: "elasticloadbalancing.DescribeTargetGroups", Code: "AccessDenied", Status: http.StatusForbidden},
			want: []HealthBudget{
				{Kind: "container", Name: "api", Budget: 90 * time.Second, Earliest: 70 * time.Second, Detail: "interval 20s, retries 4, timeout 10s"},
				{Kind: "target-group", Name: "quick", Skipped: "skipped: needs elasticloadbalancing:DescribeTargetGroups"},
			},
		},
		"service denied": {
			groups: []fakeaws.TargetGroup{quick}, fault: &fakeaws.Fault{Operation: "ecs.DescribeServices", Code: "AccessDeniedException"},
			want: []HealthBudget{{Kind: "target-group", Name: "of service api", Skipped: "skipped: needs ecs:DescribeServices"}},
		},
		"throttled": {
			groups: []fakeaws.TargetGroup{quick}, fault: &fakeaws.Fault{Operation: "elasticloadbalancing.DescribeTargetGroups", Code: "Throttling"},
			want: []HealthBudget{{Kind: "target-group", Name: "quick", Skipped: "unknown: elasticloadbalancing:DescribeTargetGroups answers Throttling"}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server, client := newClient(t, "eu-west-1")
			service := fakeaws.Service{Cluster: "prod", Name: "api"}
			arns := map[string]string{}
			for _, g := range tt.groups {
				if arns[g.Name] == "" {
					arns[g.Name] = server.AddTargetGroup(g)
				}
				container := tt.container
				if container == "" {
					container = "api"
				}
				service.LoadBalancers = append(service.LoadBalancers, fakeaws.LoadBalancer{TargetGroup: arns[g.Name], Container: container, Port: 3000})
			}
			server.AddService(service)
			task := fakeaws.Task{Cluster: "prod", Service: "api", ID: id32, Containers: []fakeaws.Container{{Name: "api", HealthCheck: tt.check}}}
			if tt.alone {
				task.Service = ""
			}
			server.AddTask(task)
			target, err := Find(t.Context(), client, Query{Cluster: "prod", Task: id32})
			if err != nil {
				t.Fatal(err)
			}
			if tt.fault != nil {
				server.Fault(*tt.fault)
			}
			facts, err := Gather(t.Context(), clientsOf(t, server), target, 9229, Quick)
			if err != nil {
				t.Fatal(err)
			}
			if got := facts.HealthBudgets(); got == nil || !slices.Equal(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			wantNeededCalls(t, server, tt.alone, len(tt.groups) > 0 && tt.container == "")
		})
	}
}

// wantNeededCalls checks that nothing is asked that cannot matter.
func wantNeededCalls(t *testing.T, server *fakeaws.Server, alone, groups bool) {
	t.Helper()
	for _, call := range server.Calls() {
		switch call.Action {
		case "ecs:DescribeServices":
			if alone {
				t.Errorf("%s of a task outside of a service", call.Action)
			}
		case "elasticloadbalancing:DescribeTargetGroups":
			if !groups || alone {
				t.Errorf("%s without a target group", call.Action)
			}
			if !slices.Equal(call.Resources, []string{"*"}) {
				t.Errorf("%s on %v", call.Action, call.Resources)
			}
		}
	}
}

func TestGatherEndsWithTheContext(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: id32, Containers: []fakeaws.Container{node("api")}})
	target, err := Find(t.Context(), client, Query{Cluster: "prod", Task: id32})
	if err != nil {
		t.Fatal(err)
	}
	reason := errors.New("the user has gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	if _, err := Gather(ctx, clientsOf(t, server), target, 9229, Whole); !errors.Is(err, reason) {
		t.Errorf("got %v", err)
	}
}

func TestGroupName(t *testing.T) {
	for arn, want := range map[string]string{
		"arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/api-blue/0123456789abcdef": "api-blue",
		"odd": "odd", "": "", "/": "/",
	} {
		if got := groupName(arn); got != want {
			t.Errorf("groupName(%q) = %q, want %q", arn, got, want)
		}
	}
}
