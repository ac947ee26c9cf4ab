package fakeaws

import (
	"bytes"
	"encoding/json"
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
)

// wiretap keeps the last answer's body and operation.
type wiretap struct {
	mu        sync.Mutex
	operation string
	body      []byte
}

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

// moduleDir is where a module of the SDK lies; its response_snapshot folder holds one answer of each operation with every field filled.
func moduleDir(t *testing.T, service string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2/service/"+service).Output()
	if err != nil {
		t.Skipf("the go command is needed to find the SDK's fixtures: %v", err)
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

// TestShapes compares every JSON answer with the SDK's own fixture for the operation: no field may be unknown, none of another kind.
func TestShapes(t *testing.T) {
	fixtures := map[string]string{"ecs": moduleDir(t, "ecs"), "ssm": moduleDir(t, "ssm")}
	s := start(t, Config{})
	arn, target := addNode(s, "127.0.0.1:1")
	s.UpdateTask(arn, func(task *Task) {
		task.StartedBy, task.CapacityProvider, task.ContainerInstance = "ecs-svc/1", "FARGATE_SPOT", "i1"
		task.Tags = map[string]string{"ecsheap": "allowed"}
		c := &task.Containers[0]
		c.Command, c.EntryPoint, c.Environment = []string{"node"}, []string{"sh"}, map[string]string{"A": "b"}
		c.PortMappings, c.Memory, c.MemoryReservation = []PortMapping{{ContainerPort: 3000, Name: "http"}}, 512, 256
	})
	s.AddTask(Task{Cluster: "prod", NetworkMode: "bridge", LaunchType: "EC2", Exec: true, Containers: []Container{
		{Name: "web", AgentStatus: "STOPPED", AgentReason: "exit 1", PortMappings: []PortMapping{{ContainerPort: 80, HostPort: 49153}}},
	}})
	tap := &wiretap{}
	cfg := awsConfig(s, accessKeyID, defaultRegion)
	cfg.HTTPClient = tap
	ecs, ssm, ctx := awsecs.NewFromConfig(cfg), awsssm.NewFromConfig(cfg), t.Context()
	prod := aws.String("prod")
	session := *startSession(t, s, target).SessionId

	for _, tt := range []struct {
		service string
		call    func() error
	}{
		{"ecs", func() error {
			_, err := ecs.ListClusters(ctx, &awsecs.ListClustersInput{MaxResults: aws.Int32(1)})
			return err
		}},
		{"ecs", func() error {
			_, err := ecs.DescribeClusters(ctx, &awsecs.DescribeClustersInput{Clusters: []string{"prod", "none"}, Include: []ecsField{"SETTINGS", "CONFIGURATIONS"}})
			return err
		}},
		{"ecs", func() error { _, err := ecs.ListServices(ctx, &awsecs.ListServicesInput{Cluster: prod}); return err }},
		{"ecs", func() error {
			_, err := ecs.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: prod, Services: []string{"api", "none"}})
			return err
		}},
		{"ecs", func() error {
			_, err := ecs.ListTasks(ctx, &awsecs.ListTasksInput{Cluster: prod, MaxResults: aws.Int32(1)})
			return err
		}},
		{"ecs", func() error {
			tasks := []string{arn, s.world.tasks[1].arn, strings.Repeat("f", 32)}
			_, err := ecs.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: prod, Tasks: tasks, Include: []taskField{"TAGS"}})
			return err
		}},
		{"ecs", func() error {
			_, err := ecs.DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("api")})
			return err
		}},
		{"ecs", func() error {
			_, err := ecs.ExecuteCommand(ctx, &awsecs.ExecuteCommandInput{Cluster: prod, Task: &arn, Command: aws.String("sh"), Interactive: true})
			return err
		}},
		{"ssm", func() error { _, err := ssm.StartSession(ctx, portInput(target)); return err }},
		{"ssm", func() error {
			_, err := ssm.ResumeSession(ctx, &awsssm.ResumeSessionInput{SessionId: &session})
			return err
		}},
		{"ssm", func() error {
			_, err := ssm.TerminateSession(ctx, &awsssm.TerminateSessionInput{SessionId: &session})
			return err
		}},
		{"ssm", func() error {
			_, err := ssm.GetConnectionStatus(ctx, &awsssm.GetConnectionStatusInput{Target: &target})
			return err
		}},
		{"ssm", func() error {
			_, err := ssm.DescribeSessions(ctx, &awsssm.DescribeSessionsInput{State: "History"})
			return err
		}},
		{"ssm", func() error {
			_, err := ssm.DescribeSessions(ctx, &awsssm.DescribeSessionsInput{State: "Active", MaxResults: aws.Int32(1)})
			return err
		}},
	} {
		if err := tt.call(); err != nil {
			t.Error(err)
			continue
		}
		snap, err := os.ReadFile(filepath.Join(fixtures[tt.service], "response_snapshot", tap.operation+".response.snap"))
		if err != nil {
			t.Fatal(err)
		}
		_, fixture, _ := bytes.Cut(snap, []byte("\n\n"))
		var got, want any
		if err := json.Unmarshal(tap.body, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(fixture, &want); err != nil {
			t.Fatal(err)
		}
		if err := sameShape(tap.operation, got, want); err != nil {
			t.Errorf("%v\n%s", err, tap.body)
		}
	}
}
