package ecs

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

func newClient(t *testing.T, region string) (*fakeaws.Server, *awsecs.Client) {
	t.Helper()
	return newClients(t, region, fakeaws.Config{})
}

// newClientOf has the world in the region.
func newClientOf(t *testing.T, region string) (*fakeaws.Server, *awsecs.Client) {
	t.Helper()
	return newClients(t, region, fakeaws.Config{Region: region})
}

func newClients(t *testing.T, region string, cfg fakeaws.Config) (*fakeaws.Server, *awsecs.Client) {
	t.Helper()
	server, err := fakeaws.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return server, awsecs.New(awsecs.Options{
		Region: region, BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
	})
}

// containerARN is that of the chosen container.
func (t Target) containerARN() string { c, _ := t.container(); return aws.ToString(c.ContainerArn) }

func node(name string) fakeaws.Container {
	return fakeaws.Container{Name: name, Command: []string{"node", "main.js"}, Essential: true, RuntimeID: id32 + "-0000000001"}
}

func TestFind(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	other := strings.Repeat("f", 32)
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", Family: "api", ID: id32, Exec: true, Containers: []fakeaws.Container{node("api"), {Name: "log_router", RuntimeID: "x"}}})
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "web", Family: "api", ID: other, Containers: []fakeaws.Container{node("web")}})
	server.AddTask(fakeaws.Task{Cluster: "default", Family: "job", ID: idUUID, Containers: []fakeaws.Container{node("job"), node("job2")}})

	tests := map[string]struct {
		query Query
		want  string // Target.String()
	}{
		"id":              {Query{Cluster: "prod", Task: id32}, "prod/api/" + id32 + "/api"},
		"prefix":          {Query{Cluster: "prod", Task: "0123"}, "prod/api/" + id32 + "/api"},
		"ARN":             {Query{Task: "arn:aws:ecs:eu-west-1:111122223333:task/prod/" + id32}, "prod/api/" + id32 + "/api"},
		"cluster ARN":     {Query{Cluster: "arn:aws:ecs:eu-west-1:111122223333:cluster/prod", Task: id32}, "prod/api/" + id32 + "/api"},
		"service":         {Query{Cluster: "prod", Service: "web"}, "prod/web/" + other + "/web"},
		"family":          {Query{Family: "job", Container: "job2"}, "default/job/" + idUUID + "/job2"},
		"family, service": {Query{Cluster: "prod", Family: "api", Service: "api"}, "prod/api/" + id32 + "/api"},
		"sidecar":         {Query{Cluster: "prod", Task: id32, Container: "log_router"}, "prod/api/" + id32 + "/log_router"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Find(t.Context(), client, tt.query)
			if err != nil {
				t.Fatal(err)
			}
			if got.String() != tt.want {
				t.Errorf("found %s, want %s", got, tt.want)
			}
		})
	}
	got, err := Find(t.Context(), client, Query{Cluster: "prod", Task: id32})
	if err != nil {
		t.Fatal(err)
	}
	if want := "ecs:prod_" + id32 + "_" + id32 + "-0000000001"; got.SSM() != want {
		t.Errorf("SSM() = %s, want %s", got.SSM(), want)
	}
	if !Ready(Check(got, 9229)) {
		t.Errorf("not ready: %+v", Check(got, 9229))
	}
}

func TestFindFails(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	for i := range 7 {
		server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: fmt.Sprintf("%032x", i+1), Containers: []fakeaws.Container{node("a"), node("b")}})
	}
	server.AddService(fakeaws.Service{Cluster: "prod", Name: "idle"})
	one := fmt.Sprintf("%032x", 1)
	tests := map[string]struct {
		query     Query
		err, hint string
	}{
		"no task":             {Query{Cluster: "prod", Task: id32}, `no task "` + id32 + `" in cluster "prod"`, "--cluster"},
		"no prefix":           {Query{Cluster: "prod", Task: "abc"}, `no task "abc"`, "ecsheap tasks"},
		"no cluster":          {Query{Cluster: "nope", Task: id32}, `no cluster "nope" in eu-west-1`, "--region"},
		"no service":          {Query{Cluster: "prod", Service: "nope"}, `no service "nope" in cluster "prod"`, "--cluster"},
		"no tasks":            {Query{Cluster: "prod", Service: "idle"}, `no running task of service "idle"`, "ecsheap tasks"},
		"no family":           {Query{Cluster: "prod", Family: "nope"}, `no running task of family "nope"`, "ecsheap tasks"},
		"service, not family": {Query{Cluster: "prod", Service: "api", Family: "nope"}, `no running task of service "api" and family "nope" in`, "ecsheap tasks"},
		"task, not service":   {Query{Cluster: "prod", Task: one, Service: "idle"}, `no task "` + one + `" of service "idle" in`, "ecsheap tasks"},
		"no container":        {Query{Cluster: "prod", Task: one, Container: "c"}, `no container "c"`, "a, b"},
		"many":                {Query{Cluster: "prod", Service: "api"}, "7 tasks fit", "and 2 more"},
		"containers":          {Query{Cluster: "prod", Task: one}, "2 containers fit", "--container: a, b"},
		"account":             {Query{Task: "arn:aws:ecs:eu-west-1:999988887777:task/prod/" + id32}, `no task`, "account 999988887777"},
		"contradiction":       {Query{Cluster: "prod", Task: "arn:aws:ecs:eu-west-1:1:task/test/" + one}, "contradicts", "drop --cluster"},
		"no reference":        {Query{Task: "my task"}, "not a task", "task id"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Find(t.Context(), client, tt.query)
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Fatalf("got %v, want …%s…", err, tt.err)
			}
			var hinter interface{ Hint() string }
			if !errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), tt.hint) {
				t.Errorf("no hint …%s… in %v", tt.hint, hinter)
			}
		})
	}
}

// TestFindPages counts calls: a service of 250 tasks is three pages.
func TestFindPages(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	for range 250 {
		server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", Containers: []fakeaws.Container{node("a")}})
	}
	_, err := Find(t.Context(), client, Query{Cluster: "prod", Service: "api"})
	several, ok := errors.AsType[*AmbiguousError](err)
	if !ok || len(several.Tasks) != 250 || len(several.Candidates) != 250 {
		t.Fatalf("got %v, want 250 tasks", err)
	}
	if calls := len(server.Calls()); calls != 6 { // three pages of ListTasks, three of DescribeTasks
		t.Errorf("%d calls, want 6", calls)
	}
}

func TestRefresh(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	arn := server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: id32, Exec: true, Containers: []fakeaws.Container{node("api")}})
	target, err := Find(t.Context(), client, Query{Cluster: "prod", Task: id32})
	if err != nil {
		t.Fatal(err)
	}
	if _, stopped := target.Stopped(); stopped {
		t.Error("a running task counts as stopped")
	}
	server.StopTask(arn, "EssentialContainerExited", "Essential container in task exited")
	target, err = Refresh(t.Context(), client, target)
	if err != nil {
		t.Fatal(err)
	}
	if reason, stopped := target.Stopped(); !stopped || !strings.Contains(reason, "Essential container") || !strings.Contains(reason, "EssentialContainerExited") {
		t.Errorf("Stopped() = %q, %t", reason, stopped)
	}
	findings := Check(target, 9229)
	if i := slices.IndexFunc(findings, func(f Finding) bool { return f.ID == "task.running" && f.Level == Block }); i < 0 {
		t.Errorf("no block in %+v", findings)
	}
}

func TestOtherRegion(t *testing.T) {
	server, client := newClient(t, "us-east-1")
	server.AddTask(fakeaws.Task{Cluster: "prod", ID: id32, Containers: []fakeaws.Container{node("api")}})
	_, err := Find(t.Context(), client, Query{Cluster: "prod", Task: id32})
	var notFound *NotFoundError
	if !errors.As(err, &notFound) || !notFound.NoCluster || notFound.Region != "us-east-1" {
		t.Errorf("got %v", err)
	}
}
