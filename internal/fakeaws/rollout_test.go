package fakeaws

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// eventually asks the server until ok says yes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("never came: %s", what)
		}
	}
}

// running lists the ARNs of a service's running tasks.
func running(t *testing.T, s *Server) []string {
	t.Helper()
	out, err := ecsClient(s).ListTasks(t.Context(), &awsecs.ListTasksInput{Cluster: aws.String("prod"), ServiceName: aws.String("api")})
	if err != nil {
		t.Fatal(err)
	}
	return out.TaskArns
}

func describeAPI(t *testing.T, s *Server) types.Service {
	t.Helper()
	out, err := ecsClient(s).DescribeServices(t.Context(), &awsecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: []string{"api"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Services[0]
}

func updateAPI(t *testing.T, s *Server, in awsecs.UpdateServiceInput) *types.Service {
	t.Helper()
	in.Cluster, in.Service = aws.String("prod"), aws.String("api")
	out, err := ecsClient(s).UpdateService(t.Context(), &in)
	if err != nil {
		t.Fatal(err)
	}
	return out.Service
}

// deployed is a service of n tasks without ECS Exec, and their ARNs.
func deployed(t *testing.T, cfg Config, n int) (s *Server, arns []string) {
	s = start(t, cfg)
	for range n {
		arns = append(arns, s.AddTask(Task{Cluster: "prod", Service: "api", Containers: []Container{{
			Name: "web", Image: "web:1", Command: []string{"node", "a.js"}, Ports: map[int]string{9229: "127.0.0.1:1"},
		}}}))
	}
	return s, arns
}

// TestForcedDeployment turns ECS Exec on, which only new tasks have.
func TestForcedDeployment(t *testing.T) {
	s, old := deployed(t, Config{TaskStart: 20 * time.Millisecond, TaskStop: 10 * time.Millisecond}, 2)
	if svc := updateAPI(t, s, awsecs.UpdateServiceInput{EnableExecuteCommand: aws.Bool(true)}); len(svc.Deployments) != 1 || !svc.EnableExecuteCommand {
		t.Errorf("the flag alone: %+v", svc.Deployments)
	}
	svc := updateAPI(t, s, awsecs.UpdateServiceInput{ForceNewDeployment: true})
	if len(svc.Deployments) != 2 || svc.Deployments[0].RolloutState != "IN_PROGRESS" || *svc.Deployments[1].Status != "ACTIVE" || svc.Deployments[1].RunningCount != 2 {
		t.Errorf("deployments at first %+v", svc.Deployments)
	}
	fewest := int32(2)
	eventually(t, "the end of the deployment", func() bool {
		svc := describeAPI(t, s)
		fewest = min(fewest, svc.RunningCount)
		return len(svc.Deployments) == 1 && svc.Deployments[0].RolloutState == "COMPLETED"
	})
	if fewest < 2 {
		t.Errorf("only %d tasks ran in between, minimumHealthyPercent is 100", fewest)
	}
	now := running(t, s)
	if len(now) != 2 || slices.Contains(now, old[0]) || slices.Contains(now, old[1]) {
		t.Fatalf("tasks %v, before %v", now, old)
	}
	out, err := ecsClient(s).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("prod"), Tasks: append(now, old...)})
	if err != nil {
		t.Fatal(err)
	}
	for i, task := range out.Tasks {
		if fresh := i < 2; task.EnableExecuteCommand != fresh || (*task.LastStatus == "RUNNING") != fresh || fresh && *task.Containers[0].RuntimeId == "" {
			t.Errorf("task %d: %+v", i, task)
		}
		if i >= 2 && task.StopCode != types.TaskStopCodeServiceSchedulerInitiated {
			t.Errorf("old task stopped by %s", task.StopCode)
		}
	}
	s.UpdateTask(now[0], func(task *Task) {
		if task.Containers[0].Ports[9229] != "127.0.0.1:1" {
			t.Errorf("ports %v", task.Containers[0].Ports)
		}
	})
}

// TestProtectedTaskStays has a deployment wait for a task that is protected.
func TestProtectedTaskStays(t *testing.T) {
	s, old := deployed(t, Config{}, 1)
	s.UpdateTask(old[0], func(task *Task) { task.Protected = true })
	updateAPI(t, s, awsecs.UpdateServiceInput{ForceNewDeployment: true})
	eventually(t, "the new task", func() bool { return describeAPI(t, s).RunningCount == 2 })
	if now := running(t, s); !slices.Contains(now, old[0]) {
		t.Errorf("protected %s is gone: %v", old[0], now)
	}
	s.UpdateTask(old[0], func(task *Task) { task.Protected = false })
	eventually(t, "the end", func() bool { return !slices.Contains(running(t, s), old[0]) })
}

// TestRegisterAndDeploy takes the way of a fix: describe, change, register, update.
func TestRegisterAndDeploy(t *testing.T) {
	s, _ := deployed(t, Config{}, 1)
	launched := make(chan string, 1)
	s.UpdateService("prod", "api", func(svc *Service) {
		svc.Launch = func(task *Task) {
			task.Containers[0].Ports = map[int]string{9229: "127.0.0.1:2"}
			launched <- task.ID
		}
	})
	ecs, ctx := ecsClient(s), t.Context()
	out, err := ecs.DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("api")})
	if err != nil {
		t.Fatal(err)
	}
	d := out.TaskDefinition
	d.ContainerDefinitions[0].Environment = []types.KeyValuePair{{Name: aws.String("NODE_OPTIONS"), Value: aws.String("--inspect")}}
	d.ContainerDefinitions[0].DockerLabels = map[string]string{"kept": "yes"} // nothing that the fake knows
	made, err := ecs.RegisterTaskDefinition(ctx, &awsecs.RegisterTaskDefinitionInput{
		Family: d.Family, ContainerDefinitions: d.ContainerDefinitions, NetworkMode: d.NetworkMode, Cpu: d.Cpu, Memory: d.Memory,
		TaskRoleArn: d.TaskRoleArn, RequiresCompatibilities: d.RequiresCompatibilities,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := lastPart(*made.TaskDefinition.TaskDefinitionArn); got != "api:2" || made.TaskDefinition.ContainerDefinitions[0].DockerLabels["kept"] != "yes" {
		t.Errorf("registered %s %+v", got, made.TaskDefinition)
	}
	updateAPI(t, s, awsecs.UpdateServiceInput{TaskDefinition: aws.String("api:2")})
	within(t, "the launch", launched)
	eventually(t, "the end", func() bool { svc := describeAPI(t, s); return len(svc.Deployments) == 1 && svc.RunningCount == 1 })
	now := running(t, s)
	task, err := ecs.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: aws.String("prod"), Tasks: now})
	if err != nil || lastPart(*task.Tasks[0].TaskDefinitionArn) != "api:2" || task.Tasks[0].LaunchType != "FARGATE" {
		t.Errorf("%+v, %v", task, err)
	}
	s.UpdateTask(now[0], func(task *Task) {
		if c := task.Containers[0]; c.Ports[9229] != "127.0.0.1:2" || c.Environment["NODE_OPTIONS"] != "--inspect" {
			t.Errorf("container %+v", c)
		}
	})
	for name, in := range map[string]awsecs.RegisterTaskDefinitionInput{
		"no containers": {Family: d.Family, ContainerDefinitions: []types.ContainerDefinition{}},
		"no image":      {Family: d.Family, ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("a")}}},
		"twice":         {Family: d.Family, ContainerDefinitions: append(slices.Clone(d.ContainerDefinitions), d.ContainerDefinitions...)},
	} {
		if _, err := ecs.RegisterTaskDefinition(ctx, &in); errorCode(err) != "ClientException" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestScaling(t *testing.T) {
	s, old := deployed(t, Config{}, 3)
	s.UpdateTask(old[0], func(task *Task) { task.Protected = true })
	updateAPI(t, s, awsecs.UpdateServiceInput{DesiredCount: aws.Int32(1)})
	eventually(t, "one task", func() bool { return len(running(t, s)) == 1 })
	if now := running(t, s); now[0] != old[0] {
		t.Errorf("%v is left, the protected one is %s", now, old[0])
	}
	updateAPI(t, s, awsecs.UpdateServiceInput{DesiredCount: aws.Int32(4)})
	eventually(t, "four tasks", func() bool { return describeAPI(t, s).RunningCount == 4 })
}

func TestRunAndStopTask(t *testing.T) {
	s := start(t, Config{TaskStart: 10 * time.Millisecond, TaskStop: time.Hour})
	s.AddTask(Task{Cluster: "prod", Family: "job", Containers: []Container{{Name: "web"}}})
	ecs, ctx, prod := ecsClient(s), t.Context(), aws.String("prod")
	out, err := ecs.RunTask(ctx, &awsecs.RunTaskInput{
		Cluster: prod, TaskDefinition: aws.String("job"), Count: aws.Int32(2), EnableExecuteCommand: true, StartedBy: aws.String("me"),
		Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
		Overrides: &types.TaskOverride{TaskRoleArn: aws.String("arn:role"), ContainerOverrides: []types.ContainerOverride{{
			Name: aws.String("web"), Environment: []types.KeyValuePair{{Name: aws.String("A"), Value: aws.String("b")}},
		}}},
	})
	if err != nil || len(out.Tasks) != 2 || *out.Tasks[0].LastStatus != "PROVISIONING" || out.Tasks[0].Containers[0].RuntimeId != nil {
		t.Fatalf("%+v, %v", out, err)
	}
	arn := *out.Tasks[0].TaskArn
	read := func() types.Task {
		t.Helper()
		out, err := ecs.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: prod, Tasks: []string{arn}, Include: []taskField{"TAGS"}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Tasks[0]
	}
	eventually(t, "the task", func() bool { return *read().LastStatus == "RUNNING" })
	task := read()
	if *task.Overrides.TaskRoleArn != "arn:role" || *task.Overrides.ContainerOverrides[0].Environment[0].Value != "b" || *task.Tags[0].Value != "b" || *task.Group != "family:job" {
		t.Errorf("task %+v", task)
	}
	if _, err := ecs.StopTask(ctx, &awsecs.StopTaskInput{Cluster: prod, Task: &arn, Reason: aws.String("done")}); err != nil {
		t.Fatal(err)
	}
	if task := read(); *task.LastStatus != "STOPPING" || *task.DesiredStatus != "STOPPED" || *task.StoppedReason != "done" || task.StoppedAt != nil {
		t.Errorf("stopping %+v", task)
	}
	for name, in := range map[string]awsecs.RunTaskInput{
		"no definition": {TaskDefinition: aws.String("none")}, "too many": {TaskDefinition: aws.String("job"), Count: aws.Int32(11)},
	} {
		in.Cluster = prod
		if _, err := ecs.RunTask(ctx, &in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
