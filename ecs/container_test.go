package ecs

import (
	"errors"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// TestApplication: the application among what runs beside it.
func TestApplication(t *testing.T) {
	plain := func(name string) fakeaws.Container { return fakeaws.Container{Name: name, Essential: true} }
	with := func(c fakeaws.Container, change func(*fakeaws.Container)) fakeaws.Container { change(&c); return c }
	tests := map[string]struct {
		containers []fakeaws.Container
		balanced   string // container that the load balancer of the service sends requests to
		want       string // name, or part of the error
	}{
		"alone":            {[]fakeaws.Container{plain("x")}, "", "x"},
		"Node.js":          {[]fakeaws.Container{plain("nginx"), node("app")}, "", "app"},
		"sidecars by name": {[]fakeaws.Container{plain("log_router"), plain("datadog-agent"), plain("aws-otel-collector"), plain("envoy"), plain("ecs-service-connect-Ab1"), plain("xray-daemon"), plain("aws-guardduty-agent-x"), plain("app")}, "", "app"},
		"sidecar by image": {[]fakeaws.Container{with(plain("logs"), func(c *fakeaws.Container) { c.Image = "public.ecr.aws/aws-observability/aws-for-fluent-bit:stable" }),
			with(plain("agent"), func(c *fakeaws.Container) { c.Image = "localhost:5000/datadog/agent:7@sha256:0" }), plain("app")}, "", "app"},
		"a sidecar that Node.js runs": {[]fakeaws.Container{with(node("datadog-agent"), func(*fakeaws.Container) {}), plain("app")}, "", "app"},
		"done before":                 {[]fakeaws.Container{with(node("migrate"), func(c *fakeaws.Container) { c.LastStatus, c.Essential = "STOPPED", false }), node("app")}, "", "app"},
		"essential":                   {[]fakeaws.Container{with(node("helper"), func(c *fakeaws.Container) { c.Essential = false }), node("app")}, "", "app"},
		"behind the load balancer":    {[]fakeaws.Container{node("worker"), node("app")}, "app", "app"},
		"balanced sidecar":            {[]fakeaws.Container{plain("envoy"), node("worker"), node("app")}, "envoy", "2 containers fit"},
		"two":                         {[]fakeaws.Container{node("a"), node("b")}, "", "2 containers fit"},
		"only sidecars":               {[]fakeaws.Container{plain("envoy"), plain("xray-daemon")}, "", "2 containers fit"},
		"not the variable":            {[]fakeaws.Container{plain("a"), with(plain("b"), func(c *fakeaws.Container) { c.Environment = map[string]string{"NODE_ENV": "production"} })}, "", "b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server, client := newClient(t, "eu-west-1")
			for i := range tt.containers {
				tt.containers[i].RuntimeID = ""
			}
			server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: id32, Containers: tt.containers})
			if tt.balanced != "" {
				server.AddService(fakeaws.Service{Cluster: "prod", Name: "api", LoadBalancers: []fakeaws.LoadBalancer{{TargetGroup: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/api/0123456789abcdef", Container: tt.balanced, Port: 80}}})
			}
			got, err := Find(t.Context(), client, Query{Cluster: "prod", Task: id32})
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got %v, want %s", err, tt.want)
				}
				return
			}
			if got.Container != tt.want || got.RuntimeID == "" {
				t.Errorf("chose %q (%s), want %q", got.Container, got.RuntimeID, tt.want)
			}
		})
	}
}

func TestContainerARN(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: id32, Containers: []fakeaws.Container{node("a"), node("b")}})
	b, err := Find(t.Context(), client, Query{Cluster: "prod", Task: id32, Container: "b"})
	if err != nil {
		t.Fatal(err)
	}
	arn := b.containerARN()
	if got, err := Find(t.Context(), client, Query{Task: arn}); err != nil || got.Container != "b" {
		t.Errorf("%s: %v, %v", arn, got, err)
	}
	_, err = Find(t.Context(), client, Query{Task: arn, Container: "a"})
	if contradiction, ok := errors.AsType[*ContradictionError](err); !ok || !strings.Contains(err.Error(), "--container a contradicts --task, which names container b") {
		t.Errorf("another name: %v (%v)", err, contradiction)
	}
	if missing, ok := errors.AsType[*NotFoundError](func() error { _, err := Find(t.Context(), client, Query{Task: container}); return err }()); !ok || !strings.Contains(missing.Hint(), "a, b") {
		t.Errorf("another container: %v", missing)
	}
}
