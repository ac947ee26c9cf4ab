package fakeaws

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
)

// fullTask has every field of a task in use, on a container instance.
func fullTask() Task {
	one, zero := 1, 0
	return Task{
		Cluster: "prod", Service: "full", LaunchType: "EC2", ContainerInstance: "i1", CapacityProvider: "asg", Exec: true,
		PidMode: "task", IpcMode: "task", EphemeralStorage: 50, ProxyContainer: "envoy", Architecture: "ARM64", PlatformFamily: "Linux",
		Volumes: []Volume{{Name: "ssm"}, {Name: "logs", HostPath: "/var/log/app"}}, Zone: "eu-west-1c",
		Subnet: secondSubnet, PublicIP: "203.0.113.7", SecurityGroups: []string{defaultGroup}, Connectivity: "DISCONNECTED",
		RoleOverride: "arn:aws:iam::111122223333:role/other", ExecutionRole: "arn:aws:iam::111122223333:role/exec",
		StopCode: "TerminationNotice", StoppedReason: "retiring", StoppingAt: time.Now(), Protected: true, Tags: map[string]string{"a": "b"},
		Containers: []Container{{
			Name: "web", Essential: true, ExitCode: &one, Reason: "OutOfMemoryError: Container killed", AgentReason: "why",
			Environment: map[string]string{"A": "b"}, Secrets: map[string]string{"PASSWORD": "arn:secret"}, EnvironmentFiles: []string{"arn:aws:s3:::b/x.env"},
			PortMappings: []PortMapping{{Range: "9000-9300"}, {ContainerPort: 80, Name: "http"}}, Memory: 512, MemoryReservation: 256,
			ReadonlyRootFilesystem: true, MountPoints: []MountPoint{{Volume: "ssm", Path: "/var/lib/amazon/ssm"}},
			HealthCheck:     &HealthCheck{Command: []string{"CMD", "true"}, StartPeriod: 1},
			LinuxParameters: &LinuxParameters{InitProcessEnabled: true, MaxSwap: &zero, Swappiness: &zero, AddCapabilities: []string{"SYS_PTRACE"}},
			RestartPolicy:   &RestartPolicy{Enabled: true, IgnoredExitCodes: []int{0}, AttemptPeriod: 180}, StopTimeout: 30, DisableNetworking: true,
			User: "node", LogDriver: "awsfirelens", VersionConsistency: "enabled",
			Override: &ContainerOverride{Command: []string{"node"}, Environment: map[string]string{"NODE_OPTIONS": "--inspect"}, CPU: 1, Memory: 2, MemoryReservation: 3},
		}, {Name: "router", Firelens: "fluentbit"}},
	}
}

// fullService has every field of a service in use.
func fullService() Service {
	return Service{
		Cluster: "prod", Name: "full", Exec: true, Desired: 2, SchedulingStrategy: "DAEMON", ResourceManagement: "ECS", ZoneRebalancing: "ENABLED",
		GracePeriod: 60, ServiceConnect: "apps", CapacityProviders: []string{"asg"}, Events: []string{"(service full) has reached a steady state."},
		DeploymentConfiguration: DeploymentConfiguration{MaximumPercent: 150, MinimumHealthyPercent: 50, CircuitBreaker: true, Rollback: true, Strategy: "BLUE_GREEN", BakeTime: 5},
		Tags:                    map[string]string{"team": "a"}, AssignPublicIP: "ENABLED",
		Deployments: []Deployment{
			{ID: "ecs-svc/2", Revision: 2, RolloutState: "IN_PROGRESS", Failed: 1},
			{ID: "ecs-svc/1", Revision: 1, RolloutState: "FAILED", Reason: "tasks failed to start"},
		},
	}
}

// fullCluster has every field of a cluster in use.
func fullCluster() Cluster {
	return Cluster{
		Name: "prod", ContainerInsights: "enhanced", ServiceConnectNamespace: "apps", Tags: map[string]string{"env": "prod"},
		Exec: ExecConfiguration{KMSKey: "arn:key", Logging: "OVERRIDE", LogGroup: "/exec", Bucket: "logs", Prefix: "p"},
	}
}

// TestShapesOfStates is TestShapes for everything that a preflight asks about.
func TestShapesOfStates(t *testing.T) {
	s := start(t, Config{})
	ctx, prod, full := t.Context(), aws.String("prod"), aws.String("full")
	arn := s.AddTask(fullTask())
	s.AddService(fullService())
	s.SetCluster(fullCluster())
	s.AddContainerInstance(ContainerInstance{Cluster: "prod", ID: "i1", CapacityProvider: "asg"})
	lone := s.AddTask(Task{Cluster: "prod", Containers: []Container{{Name: "a"}}})
	definition := &awsecs.RegisterTaskDefinitionInput{
		Family: full, NetworkMode: types.NetworkModeAwsvpc, Cpu: aws.String("256"), Memory: aws.String("512"),
		ContainerDefinitions: []types.ContainerDefinition{{
			Name: aws.String("web"), Image: aws.String("web:2"), HealthCheck: &types.HealthCheck{Command: []string{"CMD", "true"}},
			Ulimits: []types.Ulimit{{Name: types.UlimitNameNofile, HardLimit: 9, SoftLimit: 9}},
		}},
	}
	tap := &wiretap{}
	cfg := awsConfig(s, accessKeyID, defaultRegion)
	cfg.HTTPClient = tap
	module := moduleDir(t, "ecs")
	for _, do := range []func(*awsecs.Client) error{
		call(ctx, (*awsecs.Client).DescribeClusters, &awsecs.DescribeClustersInput{
			Clusters: []string{"prod"}, Include: []ecsField{"SETTINGS", "CONFIGURATIONS", "STATISTICS", "TAGS"},
		}),
		call(ctx, (*awsecs.Client).DescribeServices, &awsecs.DescribeServicesInput{Cluster: prod, Services: []string{"full"}, Include: []types.ServiceField{"TAGS"}}),
		call(ctx, (*awsecs.Client).ListServiceDeployments, &awsecs.ListServiceDeploymentsInput{Cluster: prod, Service: full, MaxResults: aws.Int32(1)}),
		call(ctx, (*awsecs.Client).DescribeTasks, &awsecs.DescribeTasksInput{Cluster: prod, Tasks: []string{arn}, Include: []taskField{"TAGS"}}),
		call(ctx, (*awsecs.Client).DescribeTaskDefinition, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: full}),
		call(ctx, (*awsecs.Client).DescribeContainerInstances, &awsecs.DescribeContainerInstancesInput{Cluster: prod, ContainerInstances: []string{"i1", "i2"}}),
		call(ctx, (*awsecs.Client).UpdateTaskProtection, &awsecs.UpdateTaskProtectionInput{Cluster: prod, Tasks: []string{arn, lone}, ProtectionEnabled: true}),
		call(ctx, (*awsecs.Client).GetTaskProtection, &awsecs.GetTaskProtectionInput{Cluster: prod, Tasks: []string{arn, lone}}),
		call(ctx, (*awsecs.Client).RegisterTaskDefinition, definition),
		call(ctx, (*awsecs.Client).UpdateService, &awsecs.UpdateServiceInput{Cluster: prod, Service: full, TaskDefinition: full}),
		call(ctx, (*awsecs.Client).RunTask, &awsecs.RunTaskInput{Cluster: prod, TaskDefinition: full}),
		call(ctx, (*awsecs.Client).StopTask, &awsecs.StopTaskInput{Cluster: prod, Task: &lone}),
	} {
		tap.compare(t, module, do(awsecs.NewFromConfig(cfg)))
	}
}

func TestDescribeClusterStates(t *testing.T) {
	s := start(t, Config{})
	s.SetCluster(fullCluster())
	s.AddCluster("plain")
	s.AddTask(Task{Cluster: "prod", LastStatus: "PENDING", Containers: []Container{{Name: "a"}}})
	out, err := ecsClient(s).DescribeClusters(t.Context(), &awsecs.DescribeClustersInput{
		Clusters: []string{"prod", s.clusterARN("plain")}, Include: []ecsField{"SETTINGS", "CONFIGURATIONS", "STATISTICS"},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := out.Clusters[0]
	exec := c.Configuration.ExecuteCommandConfiguration
	got := []string{
		*c.Settings[0].Value, *exec.KmsKeyId, string(exec.Logging), *exec.LogConfiguration.CloudWatchLogGroupName, *exec.LogConfiguration.S3BucketName,
		*c.Statistics[0].Name, *c.Statistics[0].Value, *out.Clusters[1].Settings[0].Value,
		string(out.Clusters[1].Configuration.ExecuteCommandConfiguration.Logging),
	}
	want := []string{"enhanced", "arn:key", "OVERRIDE", "/exec", "logs", "pendingFargateTasksCount", "1", "disabled", "DEFAULT"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	plain, err := ecsClient(s).DescribeClusters(t.Context(), &awsecs.DescribeClustersInput{Clusters: []string{"prod"}})
	if err != nil || plain.Clusters[0].Configuration != nil || len(plain.Clusters[0].Settings)+len(plain.Clusters[0].Tags) > 0 {
		t.Errorf("not asked for, and there: %+v, %v", plain.Clusters, err)
	}
}

func TestDeployments(t *testing.T) {
	s := start(t, Config{})
	for revision, n := range map[int]int{1: 3, 2: 1} {
		for range n {
			s.AddTask(Task{Cluster: "prod", Service: "full", Revision: revision, Containers: []Container{{Name: "a"}}})
		}
	}
	s.AddTask(Task{Cluster: "prod", Service: "full", Revision: 2, LastStatus: "PENDING", DesiredStatus: "RUNNING", Containers: []Container{{Name: "a"}}})
	describe := func() types.Service {
		t.Helper()
		out, err := ecsClient(s).DescribeServices(t.Context(), &awsecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: []string{"full"}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Services[0]
	}
	var got []string
	read := func() {
		for _, d := range describe().Deployments {
			got = append(got, fmt.Sprintln(*d.Id, *d.Status, d.RolloutState, lastPart(*d.TaskDefinition), d.DesiredCount, d.RunningCount, d.PendingCount, d.FailedTasks))
		}
	}
	read() // nobody said anything: all is done
	s.AddService(fullService())
	read()
	want := []string{
		"ecs-svc/1 PRIMARY COMPLETED full:2 5 1 1 0\n",
		"ecs-svc/2 PRIMARY IN_PROGRESS full:2 2 1 1 1\n",
		"ecs-svc/1 ACTIVE FAILED full:1 3 3 0 0\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	svc := describe()
	if *svc.DeploymentConfiguration.MaximumPercent != 150 || svc.LaunchType != "" || len(svc.CapacityProviderStrategy) != 1 ||
		svc.AvailabilityZoneRebalancing != "ENABLED" || svc.ResourceManagementType != "ECS" || !svc.Deployments[0].ServiceConnectConfiguration.Enabled {
		t.Errorf("service %+v", svc)
	}
	for _, tt := range []struct {
		status []types.ServiceDeploymentStatus
		want   []string
	}{
		{nil, []string{"IN_PROGRESS", "ROLLBACK_FAILED"}},
		{[]types.ServiceDeploymentStatus{"IN_PROGRESS"}, []string{"IN_PROGRESS"}},
		{[]types.ServiceDeploymentStatus{"PENDING"}, nil},
	} {
		out, err := ecsClient(s).ListServiceDeployments(t.Context(), &awsecs.ListServiceDeploymentsInput{
			Cluster: aws.String("prod"), Service: aws.String("full"), Status: tt.status,
		})
		if err != nil {
			t.Fatal(err)
		}
		var states []string
		for _, d := range out.ServiceDeployments {
			states = append(states, string(d.Status))
		}
		if !slices.Equal(states, tt.want) {
			t.Errorf("%v: %v, want %v", tt.status, states, tt.want)
		}
	}
	_, err := ecsClient(s).ListServiceDeployments(t.Context(), &awsecs.ListServiceDeploymentsInput{Cluster: aws.String("prod"), Service: aws.String("none")})
	if errorCode(err) != "ServiceNotFoundException" {
		t.Errorf("no such service: %v", err)
	}
}

// TestTaskStates reads back through the SDK what a task was made with.
func TestTaskStates(t *testing.T) {
	s := start(t, Config{})
	arn := s.AddTask(fullTask())
	out, err := ecsClient(s).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("prod"), Tasks: []string{arn}})
	if err != nil {
		t.Fatal(err)
	}
	task, web := out.Tasks[0], out.Tasks[0].Containers[0]
	override := task.Overrides.ContainerOverrides[0]
	got := []any{
		string(task.Connectivity), *task.AvailabilityZone, *task.CapacityProviderName, lastPart(*task.ContainerInstanceArn), string(task.StopCode),
		task.StoppingAt != nil, *task.Overrides.TaskRoleArn, *override.Environment[0].Value, override.Command[0], *web.ExitCode, *web.Reason,
		*task.Attachments[0].Details[0].Value, task.EphemeralStorage.SizeInGiB,
	}
	want := []any{
		"DISCONNECTED", "eu-west-1c", "asg", "i1", "TerminationNotice", true, "arn:aws:iam::111122223333:role/other", "--inspect", "node",
		int32(1), "OutOfMemoryError: Container killed", secondSubnet, int32(50),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	definition, err := ecsClient(s).DescribeTaskDefinition(t.Context(), &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("full")})
	if err != nil {
		t.Fatal(err)
	}
	d := definition.TaskDefinition
	c := d.ContainerDefinitions[0]
	got = []any{
		string(d.PidMode), string(d.RuntimePlatform.CpuArchitecture), *d.ProxyConfiguration.ContainerName, *d.Volumes[1].Host.SourcePath, *c.ReadonlyRootFilesystem,
		*c.MountPoints[0].ContainerPath, *c.LinuxParameters.InitProcessEnabled, *c.LinuxParameters.MaxSwap, c.LinuxParameters.Capabilities.Add[0],
		*c.RestartPolicy.Enabled, *c.StopTimeout, *c.DisableNetworking, *c.Secrets[0].Name, *c.EnvironmentFiles[0].Value, *c.PortMappings[0].ContainerPortRange,
		string(c.LogConfiguration.LogDriver), string(d.ContainerDefinitions[1].FirelensConfiguration.Type), *d.ExecutionRoleArn,
	}
	want = []any{
		"task", "ARM64", "envoy", "/var/log/app", true, "/var/lib/amazon/ssm", true, int32(0), "SYS_PTRACE", true, int32(30), true, "PASSWORD",
		"arn:aws:s3:::b/x.env", "9000-9300", "awsfirelens", "fluentbit", "arn:aws:iam::111122223333:role/exec",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestAgentComesUp has an agent be PENDING for a while after the start of its task.
func TestAgentComesUp(t *testing.T) {
	s := start(t, Config{})
	add := func(age time.Duration) string {
		return s.AddTask(Task{Exec: true, StartedAt: time.Now().Add(-age), Containers: []Container{{Name: "a", AgentDelay: time.Minute}}})
	}
	for arn, want := range map[string]string{add(time.Second): "PENDING", add(time.Hour): "RUNNING"} {
		out, err := ecsClient(s).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Tasks: []string{arn}})
		if err != nil {
			t.Fatal(err)
		}
		agent := out.Tasks[0].Containers[0].ManagedAgents[0]
		if *agent.LastStatus != want || (agent.LastStartedAt != nil) != (want == "RUNNING") {
			t.Errorf("agent %+v, want %s", agent, want)
		}
		_, err = ecsClient(s).ExecuteCommand(t.Context(), &awsecs.ExecuteCommandInput{Task: &arn, Command: aws.String("sh"), Interactive: true})
		if (err == nil) != (want == "RUNNING") {
			t.Errorf("ExecuteCommand while the agent is %s: %v", want, err)
		}
	}
	// An agent that runs and reaches nobody is another thing.
	arn := s.AddTask(Task{Exec: true, Containers: []Container{{Name: "a", Disconnected: true}}})
	_, err := ecsClient(s).ExecuteCommand(t.Context(), &awsecs.ExecuteCommandInput{Task: &arn, Command: aws.String("sh"), Interactive: true})
	if errorCode(err) != "TargetNotConnectedException" {
		t.Errorf("disconnected: %v", err)
	}
}

func TestContainerInstances(t *testing.T) {
	s := start(t, Config{})
	s.AddTask(Task{Cluster: "prod", LaunchType: "EC2", ContainerInstance: "fine", Containers: []Container{{Name: "a"}}})
	s.AddContainerInstance(ContainerInstance{Cluster: "prod", ID: "old", AgentVersion: "1.50.1", AgentDisconnected: true})
	out, err := ecsClient(s).DescribeContainerInstances(t.Context(), &awsecs.DescribeContainerInstancesInput{
		Cluster: aws.String("prod"), ContainerInstances: []string{"old", s.instanceARN("prod", "fine"), "none"},
	})
	if err != nil {
		t.Fatal(err)
	}
	old, fine := out.ContainerInstances[0], out.ContainerInstances[1]
	if *old.VersionInfo.AgentVersion != "1.50.1" || old.AgentConnected || !fine.AgentConnected || fine.RunningTasksCount != 1 {
		t.Errorf("instances %+v and %+v", old, fine)
	}
	if len(out.Failures) != 1 || *out.Failures[0].Reason != "MISSING" {
		t.Errorf("failures %+v", out.Failures)
	}
}
