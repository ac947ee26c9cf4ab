package fakeaws

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

type (
	ecsField  = types.ClusterField
	taskField = types.TaskField
)

func TestDescribeTask(t *testing.T) {
	s := start(t, Config{})
	arn := s.AddTask(Task{
		Cluster: "prod", Service: "api", Revision: 42, ID: "0123456789abcdef0123456789abcdef", Exec: true,
		Containers: []Container{
			{Name: "api", Essential: true, HealthStatus: "HEALTHY", Memory: 3072},
			{Name: "log_router", AgentStatus: "STOPPED", AgentReason: "exit code: 1"},
			{Name: "bare", AgentStatus: AgentNone},
		},
	})
	if want := "arn:aws:ecs:eu-west-1:111122223333:task/prod/0123456789abcdef0123456789abcdef"; arn != want {
		t.Fatalf("ARN %s, want %s", arn, want)
	}
	out, err := ecsClient(s).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("prod"), Tasks: []string{arn}})
	if err != nil {
		t.Fatal(err)
	}
	task := out.Tasks[0]
	got := []any{
		*task.TaskDefinitionArn, *task.Group, string(task.LaunchType), *task.LastStatus, *task.DesiredStatus, task.EnableExecuteCommand,
		string(task.HealthStatus), task.StartedAt.After(*task.CreatedAt), *task.Containers[0].Memory, task.Containers[1].Memory == nil,
		string(task.Containers[0].ManagedAgents[0].Name), *task.Containers[0].ManagedAgents[0].LastStatus,
		*task.Containers[1].ManagedAgents[0].LastStatus, *task.Containers[1].ManagedAgents[0].Reason, len(task.Containers[2].ManagedAgents),
	}
	want := []any{
		"arn:aws:ecs:eu-west-1:111122223333:task-definition/api:42", "service:api", "FARGATE", "RUNNING", "RUNNING", true,
		"HEALTHY", true, "3072", true,
		"ExecuteCommandAgent", "RUNNING", "STOPPED", "exit code: 1", 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	id, digits, ok := strings.Cut(*task.Containers[0].RuntimeId, "-")
	if !ok || id != "0123456789abcdef0123456789abcdef" || len(digits) != 10 {
		t.Errorf("Fargate runtime id %s", *task.Containers[0].RuntimeId)
	}
	if a, b := *task.Containers[0].ContainerArn, *task.Containers[1].ContainerArn; a == b {
		t.Errorf("two containers with ARN %s", a)
	}
}

func TestTaskNames(t *testing.T) {
	s := start(t, Config{})
	const id, old = "0123456789abcdef0123456789abcdef", "01234567-89ab-cdef-0123-456789abcdef"
	s.AddTask(Task{Cluster: "prod", ID: id, Containers: []Container{{Name: "app"}}})
	s.AddTask(Task{Cluster: "old", ID: old, Containers: []Container{{Name: "app"}}})
	for _, tt := range []struct {
		cluster, name    string
		arn, miss, error string
	}{
		{"prod", id, "task/prod/" + id, "", ""},
		{"prod", "arn:aws:ecs:eu-west-1:111122223333:task/prod/" + id, "task/prod/" + id, "", ""},
		{"arn:aws:ecs:eu-west-1:111122223333:cluster/prod", id, "task/prod/" + id, "", ""},
		{"old", "arn:aws:ecs:eu-west-1:111122223333:task/" + old, "task/" + old, "", ""},
		{"old", old, "task/" + old, "", ""},
		{"prod", strings.Repeat("f", 32), "", "task/prod/" + strings.Repeat("f", 32), ""},
		{"prod", "arn:aws:ecs:eu-west-1:111122223333:task/other/" + id, "", "", "InvalidParameterException"},
		{"prod", "0123", "", "", "InvalidParameterException"},
		{"nowhere", id, "", "", "ClusterNotFoundException"},
		{"", id, "", "", "ClusterNotFoundException"},
	} {
		out, err := ecsClient(s).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: &tt.cluster, Tasks: []string{tt.name}})
		if code := errorCode(err); code != tt.error {
			t.Errorf("%s in %s: error %q, want %q", tt.name, tt.cluster, code, tt.error)
		}
		if err != nil {
			continue
		}
		var arn, miss string
		if len(out.Tasks) == 1 {
			arn = *out.Tasks[0].TaskArn
		}
		if len(out.Failures) == 1 && *out.Failures[0].Reason == "MISSING" {
			miss = *out.Failures[0].Arn
		}
		if !strings.HasSuffix(arn, tt.arn) || !strings.HasSuffix(miss, tt.miss) || (arn == "") != (tt.arn == "") {
			t.Errorf("%s in %s: task %q, missing %q", tt.name, tt.cluster, arn, miss)
		}
	}
}

func TestListTasks(t *testing.T) {
	s := start(t, Config{})
	s.AddCluster("empty")
	add := func(name string, task Task) string {
		task.Cluster, task.Containers = "prod", []Container{{Name: name}}
		return s.AddTask(task)
	}
	a := add("a", Task{Service: "api", Family: "api-prod", StartedBy: "ecs-svc/1"})
	b := add("b", Task{Service: "web", LaunchType: "EC2", ContainerInstance: "i1"})
	c := add("c", Task{Family: "job", StartedBy: "me"})
	d := add("d", Task{Service: "api", Family: "api-prod"})
	s.StopTask(d, "UserInitiated", "test")
	str := aws.String
	for _, tt := range []struct {
		name string
		in   awsecs.ListTasksInput
		want []string
		err  string
	}{
		{"all running", awsecs.ListTasksInput{}, []string{a, b, c}, ""},
		{"service", awsecs.ListTasksInput{ServiceName: str("api")}, []string{a}, ""},
		{"service ARN", awsecs.ListTasksInput{ServiceName: str(s.serviceARN("prod", "api"))}, []string{a}, ""},
		{"family", awsecs.ListTasksInput{Family: str("job")}, []string{c}, ""},
		{"stopped", awsecs.ListTasksInput{DesiredStatus: types.DesiredStatusStopped}, []string{d}, ""},
		{"started by", awsecs.ListTasksInput{StartedBy: str("me")}, []string{c}, ""},
		{"instance", awsecs.ListTasksInput{ContainerInstance: str("i1")}, []string{b}, ""},
		{"launch type", awsecs.ListTasksInput{LaunchType: types.LaunchTypeEc2}, []string{b}, ""},
		{"family and service", awsecs.ListTasksInput{Family: str("job"), ServiceName: str("api")}, nil, "InvalidParameterException"},
		{"started by and more", awsecs.ListTasksInput{StartedBy: str("me"), Family: str("job")}, nil, "InvalidParameterException"},
		{"no such service", awsecs.ListTasksInput{ServiceName: str("none")}, nil, "ServiceNotFoundException"},
		{"no such status", awsecs.ListTasksInput{DesiredStatus: "GONE"}, nil, "InvalidParameterException"},
		{"page too large", awsecs.ListTasksInput{MaxResults: aws.Int32(101)}, nil, "InvalidParameterException"},
		{"no such page", awsecs.ListTasksInput{NextToken: str("x")}, nil, "InvalidParameterException"},
		{"no such cluster", awsecs.ListTasksInput{Cluster: str("nowhere")}, nil, "ClusterNotFoundException"},
		{"empty cluster", awsecs.ListTasksInput{Cluster: str("empty")}, []string{}, ""},
		{"default cluster", awsecs.ListTasksInput{Cluster: str("")}, nil, "ClusterNotFoundException"},
	} {
		if tt.in.Cluster == nil {
			tt.in.Cluster = str("prod")
		}
		out, err := ecsClient(s).ListTasks(t.Context(), &tt.in)
		if code := errorCode(err); code != tt.err {
			t.Errorf("%s: error %q, want %q", tt.name, code, tt.err)
			continue
		}
		if err == nil && !slices.Equal(out.TaskArns, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, out.TaskArns, tt.want)
		}
	}
}

func TestPaging(t *testing.T) {
	s := start(t, Config{})
	var want []string
	for i := range 205 {
		want = append(want, s.AddTask(Task{Containers: []Container{{Name: fmt.Sprint(i)}}}))
	}
	for size, pages := range map[int32]int{0: 3, 100: 3, 41: 5, 99: 3} {
		in := &awsecs.ListTasksInput{}
		if size > 0 {
			in.MaxResults = &size
		}
		var got []string
		count := 0
		for p := awsecs.NewListTasksPaginator(ecsClient(s), in); p.HasMorePages(); count++ {
			out, err := p.NextPage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, out.TaskArns...)
		}
		if count != pages || !slices.Equal(got, want) {
			t.Errorf("size %d: %d pages with %d tasks, want %d with %d", size, count, len(got), pages, len(want))
		}
	}
	if _, err := ecsClient(s).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Tasks: want[:100]}); err != nil {
		t.Error(err)
	}
	_, err := ecsClient(s).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Tasks: want[:101]})
	if errorCode(err) != "InvalidParameterException" {
		t.Errorf("101 tasks: %v", err)
	}
}

func TestPageTokenRefusesForeignTokens(t *testing.T) {
	for _, token := range []string{"x", "ZnJvbS0", "ZnJvbS0tMQ==", "MTA=", pageToken(4) + "="} {
		if n, err := readPageToken(token); err == nil {
			t.Errorf("%q is page %d", token, n)
		}
	}
	if n, err := readPageToken(pageToken(7)); n != 7 || err != nil {
		t.Errorf("page 7 is %d, %v", n, err)
	}
}

func TestTaskDefinition(t *testing.T) {
	s := start(t, Config{})
	for revision := range 3 {
		s.AddTask(Task{Service: "api", Revision: revision + 1, Containers: []Container{{
			Name: "api", Image: fmt.Sprintf("api:%d", revision+1), Command: []string{"node", "main.js"},
			Environment:  map[string]string{"NODE_OPTIONS": "--inspect", "A": "b"},
			PortMappings: []PortMapping{{ContainerPort: 9229}},
		}}})
	}
	for name, image := range map[string]string{
		"api": "api:3", "api:1": "api:1", "arn:aws:ecs:eu-west-1:111122223333:task-definition/api:2": "api:2", "api:9": "", "none": "", "api:x": "",
	} {
		out, err := ecsClient(s).DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: &name})
		if (err != nil) != (image == "") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			continue
		}
		c := out.TaskDefinition.ContainerDefinitions[0]
		if *c.Image != image || *c.PortMappings[0].ContainerPort != 9229 || *c.PortMappings[0].HostPort != 9229 {
			t.Errorf("%s: image %s, ports %v", name, *c.Image, c.PortMappings)
		}
		if len(c.Environment) != 2 || *c.Environment[1].Value != "--inspect" {
			t.Errorf("%s: environment %v", name, c.Environment)
		}
	}
}

func TestServicesAndClusters(t *testing.T) {
	s := start(t, Config{})
	ecs, ctx := ecsClient(s), t.Context()
	s.AddTask(Task{Cluster: "prod", Service: "api", Revision: 2, Exec: true, Containers: []Container{{Name: "api"}}})
	s.AddTask(Task{Cluster: "prod", Service: "api", Revision: 1, Exec: true, Containers: []Container{{Name: "api"}}})
	s.AddTask(Task{Cluster: "prod", Service: "web", LastStatus: "PENDING", DesiredStatus: "RUNNING", Containers: []Container{{Name: "web"}}})
	s.AddService(Service{Cluster: "prod", Name: "web", Exec: true, Desired: 2})

	list, err := ecs.ListServices(ctx, &awsecs.ListServicesInput{Cluster: aws.String("prod")})
	if err != nil || len(list.ServiceArns) != 2 {
		t.Fatalf("services %v, %v", list, err)
	}
	out, err := ecs.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: append(list.ServiceArns, "none")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, svc := range out.Services {
		got = append(got, fmt.Sprintln(*svc.ServiceName, svc.DesiredCount, svc.RunningCount, svc.PendingCount, svc.EnableExecuteCommand, lastPart(*svc.TaskDefinition)))
	}
	if want := []string{"api 2 2 0 true api:2\n", "web 2 0 1 true web:1\n"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(out.Failures) != 1 || *out.Failures[0].Arn != s.serviceARN("prod", "none") {
		t.Errorf("failures %v", out.Failures)
	}
	_, err = ecs.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: make([]string, 11)})
	if errorCode(err) != "InvalidParameterException" {
		t.Errorf("11 services: %v", err)
	}

	clusters, err := ecs.DescribeClusters(ctx, &awsecs.DescribeClustersInput{Clusters: []string{"prod", "none"}})
	if err != nil {
		t.Fatal(err)
	}
	if c := clusters.Clusters[0]; c.RunningTasksCount != 2 || c.PendingTasksCount != 1 || c.ActiveServicesCount != 2 {
		t.Errorf("cluster %d %d %d", c.RunningTasksCount, c.PendingTasksCount, c.ActiveServicesCount)
	}
	if len(clusters.Failures) != 1 || *clusters.Failures[0].Reason != "MISSING" {
		t.Errorf("failures %v", clusters.Failures)
	}
	names, err := ecs.ListClusters(ctx, &awsecs.ListClustersInput{})
	if err != nil || !slices.Equal(names.ClusterArns, []string{s.clusterARN("prod")}) {
		t.Errorf("clusters %v, %v", names, err)
	}
}

func TestExecuteCommandErrors(t *testing.T) {
	s := start(t, Config{})
	add := func(exec bool, status string) string {
		return s.AddTask(Task{Exec: exec, Containers: []Container{{Name: "app", AgentStatus: status}}})
	}
	two := s.AddTask(Task{Exec: true, Containers: []Container{{Name: "a"}, {Name: "b"}}})
	for _, tt := range []struct {
		name, task, container, want string
	}{
		{"fine", add(true, ""), "", ""},
		{"exec off", add(false, ""), "", "InvalidParameterException"},
		{"agent starting", add(true, "PENDING"), "", "InvalidParameterException"},
		{"agent stopped", add(true, "STOPPED"), "", "TargetNotConnectedException"},
		{"container unnamed", two, "", "InvalidParameterException"},
		{"container named", two, "b", ""},
		{"no such container", two, "c", "InvalidParameterException"},
		{"no such task", strings.Repeat("0", 32), "", "InvalidParameterException"},
	} {
		in := &awsecs.ExecuteCommandInput{Task: &tt.task, Command: aws.String("sh"), Interactive: true}
		if tt.container != "" {
			in.Container = &tt.container
		}
		_, err := ecsClient(s).ExecuteCommand(t.Context(), in)
		if code := errorCode(err); code != tt.want {
			t.Errorf("%s: error %q, want %q", tt.name, code, tt.want)
		}
	}
}

func TestExecuteCommandClosesWithAMessage(t *testing.T) {
	s := start(t, Config{})
	arn, _ := addNode(s, "127.0.0.1:1")
	out, err := ecsClient(s).ExecuteCommand(t.Context(), &awsecs.ExecuteCommandInput{
		Cluster: aws.String("prod"), Task: &arn, Command: aws.String("node -v"), Interactive: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, *out.Session.SessionId, *out.Session.StreamUrl, *out.Session.TokenValue)
	if closed := within(t, "channel_closed", c.over); closed.Output != execOutput || closed.SessionID != c.id {
		t.Errorf("closed with %+v", closed)
	}
}
