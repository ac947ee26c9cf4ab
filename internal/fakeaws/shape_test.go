package fakeaws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// wiretap keeps the last answer's body and operation.
type wiretap struct {
	mu        sync.Mutex
	operation string
	body      []byte
}

// Do sends a request and keeps the answer.
func (w *wiretap) Do(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, w.operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.body = body
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// moduleDir is where a module of the SDK lies; its response_snapshot folder holds one answer of
// each operation with every field filled.
func moduleDir(t *testing.T, service string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service).Output()
	if err != nil {
		nodetest.Missing(t, "the go command is needed to find the SDK's fixtures", err.Error())
	}
	return strings.TrimSpace(string(out))
}

// sameShape says where got has a field that want does not know, or of another kind.
func sameShape(path string, got, want any) error {
	switch got := got.(type) {
	case map[string]any:
		wants, ok := want.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is an object, want %T", path, want)
		}
		for key, v := range got {
			w, ok := wants[key]
			if !ok {
				return fmt.Errorf("%s has no field %q", path, key)
			}
			if err := sameShape(path+"."+key, v, w); err != nil {
				return err
			}
		}
		return nil
	case []any:
		wants, ok := want.([]any)
		if !ok || len(wants) == 0 {
			return fmt.Errorf("%s is a list, want %T", path, want)
		}
		for i, v := range got {
			if err := sameShape(fmt.Sprintf("%s[%d]", path, i), v, wants[0]); err != nil {
				return err
			}
		}
		return nil
	}
	if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
		return fmt.Errorf("%s is a %T, want %T", path, got, want)
	}
	return nil
}

func TestSameShape(t *testing.T) {
	parse := func(s string) (v any) {
		if err := json.Unmarshal([]byte(s), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	want := parse(`{"a":"x","b":[{"c":1}],"d":{"e":true}}`)
	for _, tt := range []struct {
		got string
		ok  bool
	}{
		{`{}`, true},
		{`{"a":"y","b":[{"c":2},{}]}`, true},
		{`{"a":1}`, false},
		{`{"z":1}`, false},
		{`{"b":[{"x":1}]}`, false},
		{`{"b":{"c":1}}`, false},
		{`{"d":{"e":"true"}}`, false},
		{`{"a":null}`, false},
	} {
		if err := sameShape("$", parse(tt.got), want); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.got, err)
		}
	}
}

// shapeWorld is a server where every field of every answer is in use, and the requests that show it.
func shapeWorld(t *testing.T) (cfg aws.Config, ecs []func(*awsecs.Client) error, ssm []func(*awsssm.Client) error) {
	s := start(t, Config{})
	ctx := t.Context()
	arn, target := addNode(s, "127.0.0.1:1")
	s.UpdateTask(arn, func(task *Task) {
		task.StartedBy, task.CapacityProvider, task.ContainerInstance = "ecs-svc/1", "FARGATE_SPOT", "i1"
		task.Tags = map[string]string{"ecsheap": "allowed"}
		c := &task.Containers[0]
		c.Command, c.EntryPoint, c.Environment = []string{"node"}, []string{"sh"}, map[string]string{"A": "b"}
		c.PortMappings, c.Memory, c.MemoryReservation = []PortMapping{{ContainerPort: 3000, Name: "http"}}, 512, 256
	})
	ec2 := s.AddTask(Task{Cluster: "prod", NetworkMode: "bridge", LaunchType: "EC2", Exec: true, Containers: []Container{{
		Name: "web", AgentStatus: "STOPPED", AgentReason: "exit 1", PortMappings: []PortMapping{{ContainerPort: 80, HostPort: 49153}},
	}}})
	s.StopTask(s.AddTask(Task{Cluster: "prod", ID: strings.Repeat("a", 32)}), "UserInitiated", "test")
	session, prod := startSession(t, s, target).SessionId, aws.String("prod")
	ecs = []func(*awsecs.Client) error{
		call(ctx, (*awsecs.Client).ListClusters, &awsecs.ListClustersInput{MaxResults: aws.Int32(1)}),
		call(ctx, (*awsecs.Client).DescribeClusters, &awsecs.DescribeClustersInput{
			Clusters: []string{"prod", "none"}, Include: []ecsField{"SETTINGS", "CONFIGURATIONS"},
		}),
		call(ctx, (*awsecs.Client).ListServices, &awsecs.ListServicesInput{Cluster: prod}),
		call(ctx, (*awsecs.Client).DescribeServices, &awsecs.DescribeServicesInput{Cluster: prod, Services: []string{"api", "none"}}),
		call(ctx, (*awsecs.Client).ListTasks, &awsecs.ListTasksInput{Cluster: prod, MaxResults: aws.Int32(1)}),
		call(ctx, (*awsecs.Client).DescribeTasks, &awsecs.DescribeTasksInput{
			Cluster: prod, Include: []taskField{"TAGS"},
			Tasks: []string{arn, ec2, strings.Repeat("a", 32), strings.Repeat("f", 32)},
		}),
		call(ctx, (*awsecs.Client).DescribeTaskDefinition, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("api")}),
		call(ctx, (*awsecs.Client).ExecuteCommand, &awsecs.ExecuteCommandInput{
			Cluster: prod, Task: &arn, Command: aws.String("sh"), Interactive: true,
		}),
	}
	ssm = []func(*awsssm.Client) error{
		call(ctx, (*awsssm.Client).StartSession, portInput(target)),
		call(ctx, (*awsssm.Client).ResumeSession, &awsssm.ResumeSessionInput{SessionId: session}),
		call(ctx, (*awsssm.Client).TerminateSession, &awsssm.TerminateSessionInput{SessionId: session}),
		call(ctx, (*awsssm.Client).GetConnectionStatus, &awsssm.GetConnectionStatusInput{Target: &target}),
		call(ctx, (*awsssm.Client).DescribeSessions, &awsssm.DescribeSessionsInput{State: "History"}),
		call(ctx, (*awsssm.Client).DescribeSessions, &awsssm.DescribeSessionsInput{State: "Active", MaxResults: aws.Int32(1)}),
	}
	return awsConfig(s, accessKeyID, defaultRegion), ecs, ssm
}

// call puts one request of any type away for later.
func call[C, In, Out, Opt any](ctx context.Context, do func(C, context.Context, In, ...Opt) (Out, error), in In) func(C) error {
	return func(client C) error {
		_, err := do(client, ctx, in)
		return err
	}
}

// TestShapes compares every JSON answer with the SDK's own fixture for the operation: no field may
// be unknown, none of another kind.
func TestShapes(t *testing.T) {
	tap := &wiretap{}
	cfg, ecsCalls, ssmCalls := shapeWorld(t)
	cfg.HTTPClient = tap
	ecsModule, ssmModule := moduleDir(t, "ecs"), moduleDir(t, "ssm")
	for _, do := range ecsCalls {
		err := do(awsecs.NewFromConfig(cfg))
		tap.compare(t, ecsModule, err)
	}
	for _, do := range ssmCalls {
		err := do(awsssm.NewFromConfig(cfg))
		tap.compare(t, ssmModule, err)
	}
}

// compare compares the last answer with the fixture of its operation.
func (w *wiretap) compare(t *testing.T, module string, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	snap, err := os.ReadFile(filepath.Join(module, "response_snapshot", w.operation+".response.snap"))
	if err != nil {
		t.Fatal(err)
	}
	_, fixture, _ := bytes.Cut(snap, []byte("\n\n"))
	var got, want any
	if err := errors.Join(json.Unmarshal(w.body, &got), json.Unmarshal(fixture, &want)); err != nil {
		t.Fatal(err)
	}
	if err := sameShape(w.operation, got, want); err != nil {
		t.Errorf("%v\n%s", err, w.body)
	}
}
