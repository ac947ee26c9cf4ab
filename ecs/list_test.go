package ecs

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

func newMetrics(t testing.TB, server *fakeaws.Server) *awscloudwatch.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return awscloudwatch.New(awscloudwatch.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
	})
}

func id(n int) string { return fmt.Sprintf("%032x", n) }

// pool is a service of tasks that differ in all that matters.
func pool(server *fakeaws.Server) {
	now := time.Now()
	add := func(n int, change func(*fakeaws.Task)) {
		task := fakeaws.Task{
			Cluster: "prod", Service: "api", ID: id(n), Exec: true, Revision: 7, StartedAt: now.Add(-time.Duration(n) * time.Hour), Memory: "2048",
			Containers: []fakeaws.Container{{Name: "api", Command: []string{"node", "--inspect", "x.js"}, Essential: true, HealthStatus: "HEALTHY"}, {Name: "log_router"}},
		}
		change(&task)
		server.AddTask(task)
	}
	add(1, func(t *fakeaws.Task) { t.MemoryUsed = 1024 })
	add(2, func(t *fakeaws.Task) {
		t.MemoryUsed = 1843.2
		t.Zone, t.CapacityProvider = "eu-west-1b", "FARGATE_SPOT"
	})
	add(3, func(t *fakeaws.Task) { t.Protected, t.ProtectedUntil = true, now.Add(time.Hour) })
	add(4, func(t *fakeaws.Task) { t.MemoryUsed, t.Containers[0].HealthStatus = 2000, "UNHEALTHY" })
	add(5, func(t *fakeaws.Task) { t.MemoryUsed, t.Revision = 2001, 6 })
	add(6, func(t *fakeaws.Task) { t.MemoryUsed, t.Containers[0].AgentStatus = 2040, "STOPPED" })
	add(7, func(t *fakeaws.Task) { t.MemoryUsed, t.Exec = 2047, false })
	server.AddService(fakeaws.Service{Cluster: "prod", Name: "api", Exec: true})
}

func TestList(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	server.SetCluster(fakeaws.Cluster{Name: "prod", ContainerInsights: "enhanced"})
	pool(server)
	listing, err := List(t.Context(), client, newMetrics(t, server), Query{Cluster: "prod", Service: "api"})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, task := range listing.Tasks {
		order = append(order, strings.TrimLeft(task.TaskID(), "0"))
	}
	// 2 and 1 by their memory, 3 without a figure; 5 and 4 may go; 7 and 6 cannot be reached.
	if want := "2 1 3 5 4 7 6"; strings.Join(order, " ") != want {
		t.Errorf("order %v, want %s", order, want)
	}
	if len(listing.Missing) != 0 || listing.Cluster != "prod" {
		t.Errorf("missing %q in %s", listing.Missing, listing.Cluster)
	}
	hungriest, third, old := listing.Tasks[0], listing.Tasks[2], listing.Tasks[3]
	if m := hungriest.Memory; m == nil || m.Share < 0.899 || m.Share > 0.901 || m.Bytes < 1843<<20 || m.Bytes > 1844<<20 || time.Since(m.At) > usageWindow {
		t.Errorf("memory %+v", m)
	}
	if hungriest.Zone != "eu-west-1b" || !hungriest.Spot() || hungriest.Container != "api" || hungriest.Revision != 7 || hungriest.MemoryLimit != 2048<<20 {
		t.Errorf("hungriest: %+v", hungriest)
	}
	if third.Memory != nil || third.Protected == nil || !*third.Protected || third.ProtectedUntil.IsZero() {
		t.Errorf("protected: %+v", third)
	}
	if old.Current == nil || *old.Current || third.Current == nil || !*third.Current || *listing.Tasks[1].Protected {
		t.Errorf("revisions: %v, %v", old.Current, third.Current)
	}
	c := hungriest.Containers
	if len(c) != 2 || c[0].Inspector == nil || c[0].Inspector.Port != 9229 || c[0].ExecAgent != "RUNNING" || c[0].Sidecar || !c[1].Sidecar || c[1].Inspector != nil {
		t.Errorf("containers: %+v", c)
	}
}

// TestListDenied: what may not be asked is said, and the rest is there.
func TestListDenied(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	pool(server)
	for _, operation := range []string{"ecs.GetTaskProtection", "ecs.DescribeServices", "ecs.DescribeTaskDefinition", "cloudwatch.GetMetricData"} {
		server.Fault(fakeaws.Fault{Operation: operation, Code: "AccessDeniedException", Message: "no"})
	}
	listing, err := List(t.Context(), client, newMetrics(t, server), Query{Cluster: "prod", Service: "api"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"current revision: needs ecs:DescribeServices", "inspector: needs ecs:DescribeTaskDefinition", "memory now: needs cloudwatch:GetMetricData", "protection: needs ecs:GetTaskProtection"}
	if !slices.Equal(listing.Missing, want) {
		t.Errorf("missing %q, want %q", listing.Missing, want)
	}
	if task := listing.Tasks[0]; len(listing.Tasks) != 7 || task.Container != "api" || task.Containers[0].Defined || task.Protected != nil || task.Current != nil {
		t.Errorf("%d tasks, first %+v", len(listing.Tasks), task)
	}
}

func TestListFails(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	pool(server)
	if l, err := List(t.Context(), client, nil, Query{Cluster: "prod", Family: "nope"}); err != nil || len(l.Tasks) != 0 || l.Tasks == nil {
		t.Errorf("nothing there: %+v, %v", l, err)
	}
	for name, q := range map[string]Query{"cluster": {Cluster: "nope"}, "service": {Cluster: "prod", Service: "nope"}} {
		if _, err := List(t.Context(), client, nil, q); !isNotFound(err) {
			t.Errorf("no %s: %v", name, err)
		}
	}
	_ = server.Close()
	if _, err := List(t.Context(), client, nil, Query{Cluster: "prod"}); err == nil {
		t.Error("no error without AWS")
	}
}

// TestListWithoutMetrics: an endpoint of CloudWatch that does not answer costs its
// column.
func TestListWithoutMetrics(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	pool(server)
	elsewhere, _ := newClient(t, "eu-west-1")
	metrics := newMetrics(t, elsewhere)
	_ = elsewhere.Close()
	listing, err := List(t.Context(), client, metrics, Query{Cluster: "prod"})
	if err != nil || len(listing.Tasks) != 7 || !slices.Equal(listing.Missing, []string{"memory now: cloudwatch:GetMetricData cannot be asked"}) {
		t.Errorf("%d tasks, missing %q, %v", len(listing.Tasks), listing.Missing, err)
	}
}

func isNotFound(err error) bool { _, ok := errors.AsType[*NotFoundError](err); return ok }

// fleet is a service of 250 tasks of three revisions.
func fleet(t testing.TB, cfg fakeaws.Config) (*fakeaws.Server, *awsecs.Client, *awscloudwatch.Client) {
	t.Helper()
	server, err := fakeaws.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	server.SetCluster(fakeaws.Cluster{Name: "prod", ContainerInsights: "enhanced"})
	for n := range 250 {
		server.AddTask(fakeaws.Task{
			Cluster: "prod", Service: "api", ID: id(n), Exec: true, Revision: 1 + n%3, MemoryUsed: float64(500 + n), Containers: []fakeaws.Container{node("api")},
		})
	}
	transport := &http.Transport{MaxIdleConnsPerHost: maxCalls}
	t.Cleanup(transport.CloseIdleConnections)
	client := awsecs.New(awsecs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: transport},
	})
	return server, client, newMetrics(t, server)
}

// TestListCalls counts the calls for 250 tasks.
func TestListCalls(t *testing.T) {
	server, client, metrics := fleet(t, fakeaws.Config{})
	listing, err := List(t.Context(), client, metrics, Query{Cluster: "prod", Service: "api"})
	if err != nil || len(listing.Tasks) != 250 || len(listing.Missing) != 0 {
		t.Fatalf("%d tasks, missing %q, %v", len(listing.Tasks), listing.Missing, err)
	}
	if listing.Tasks[0].TaskID() != id(248) { // the hungriest of the newest revision
		t.Errorf("the first is %s", listing.Tasks[0].TaskID())
	}
	calls := map[string]int{}
	for _, c := range server.Calls() {
		calls[c.Operation]++
	}
	want := map[string]int{"ListTasks": 3, "DescribeTasks": 3, "DescribeServices": 1, "GetTaskProtection": 3, "DescribeTaskDefinition": 3, "GetMetricData": 1}
	for operation, n := range want {
		if calls[operation] != n {
			t.Errorf("%s called %d times, want %d", operation, calls[operation], n)
		}
	}
	if len(calls) != len(want) {
		t.Errorf("calls %v, want %v", calls, want)
	}
}

// BenchmarkList lists 250 tasks at 30 ms a call.
func BenchmarkList(b *testing.B) {
	_, client, metrics := fleet(b, fakeaws.Config{Latency: 30 * time.Millisecond})
	for b.Loop() {
		if l, err := List(b.Context(), client, metrics, Query{Cluster: "prod", Service: "api"}); err != nil || len(l.Tasks) != 250 {
			b.Fatal(len(l.Tasks), err)
		}
	}
}
