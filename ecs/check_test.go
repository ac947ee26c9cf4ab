package ecs

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// healthy is a target that nothing stands in the way of.
func healthy() Target {
	task := ecstypes.Task{
		ClusterArn: aws.String("arn:aws:ecs:eu-west-1:111122223333:cluster/prod"), TaskArn: aws.String("arn:aws:ecs:eu-west-1:111122223333:task/prod/" + id32),
		TaskDefinitionArn: aws.String("arn:aws:ecs:eu-west-1:111122223333:task-definition/api:42"),
		Group:             aws.String("service:api"), LastStatus: aws.String("RUNNING"), DesiredStatus: aws.String("RUNNING"), EnableExecuteCommand: true,
		Overrides: &ecstypes.TaskOverride{}, LaunchType: ecstypes.LaunchTypeFargate, PlatformVersion: aws.String("1.4.0"), PlatformFamily: aws.String("Linux"),
		Connectivity: ecstypes.ConnectivityConnected, Memory: aws.String("4096"),
		Containers: []ecstypes.Container{{
			Name: aws.String("api"), RuntimeId: aws.String(id32 + "-1527056392"), Image: aws.String("api:1"),
			ManagedAgents: []ecstypes.ManagedAgent{{Name: ecstypes.ManagedAgentNameExecuteCommandAgent, LastStatus: aws.String("RUNNING")}},
		}},
	}
	t := newTarget(task)
	t.definition = ecstypes.TaskDefinition{
		NetworkMode: ecstypes.NetworkModeAwsvpc, TaskRoleArn: aws.String("arn:aws:iam::111122223333:role/api-task-role"),
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			LinuxParameters: &ecstypes.LinuxParameters{InitProcessEnabled: aws.Bool(true)},
			Name:            aws.String("api"), Command: []string{"node", "--inspect", "dist/main.js"},
			PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(3000)}},
		}},
	}
	t.choose("api")
	return t
}

func definition(t *Target) *ecstypes.ContainerDefinition {
	return &t.definition.ContainerDefinitions[0]
}

func stopped(t *Target) {
	t.task.LastStatus, t.task.DesiredStatus, t.task.StoppingAt = aws.String("STOPPED"), aws.String("STOPPED"), aws.Time(time.Unix(1, 0))
	t.task.StoppedReason, t.task.StopCode = aws.String("Essential container in task exited"), ecstypes.TaskStopCodeEssentialContainerExited
	t.task.Containers[0].Reason = aws.String("OutOfMemoryError: Container killed due to memory usage")
}

func withOptions(value string) func(*Target) {
	return func(t *Target) {
		definition(t).Command = []string{"node", "x.js"}
		definition(t).Environment = []ecstypes.KeyValuePair{{Name: aws.String("NODE_OPTIONS"), Value: aws.String(value)}}
	}
}

// TestCheckKeepsSecrets makes sure that no value of the environment reaches a
// finding, as findings go to manifests and tickets.
func TestCheckKeepsSecrets(t *testing.T) {
	target := healthy()
	withOptions("--require=/hunter2 --inspect")(&target)
	for _, f := range Check(target, 9229) {
		if strings.Contains(f.Got+f.Fix, "hunter2") {
			t.Errorf("finding tells an environment value: %+v", f)
		}
	}
}

func TestInspectorAddress(t *testing.T) {
	tests := map[string]Inspector{
		"--inspect":                {Host: "127.0.0.1", Port: 9229},
		"--inspect=9333":           {Host: "127.0.0.1", Port: 9333},
		"--inspect=0.0.0.0":        {Host: "0.0.0.0", Port: 9229},
		"--inspect=localhost:9333": {Host: "localhost", Port: 9333},
		"--inspect=[::1]:9333":     {Host: "::1", Port: 9333},
		"--inspect-brk=[::]":       {Host: "::", Port: 9229, Waits: true},
		"--inspect=myhost:70000":   {Host: "myhost", Port: 9229},
	}
	for flag, want := range tests {
		target := healthy()
		definition(&target).Command = []string{"node", flag}
		want.Flag, want.Where = flag, "command"
		if got := inspector(target); got != want {
			t.Errorf("%s: got %+v, want %+v", flag, got, want)
		}
	}
}

func TestChooseContainer(t *testing.T) {
	type container struct {
		name, image string
		command     []string
		essential   bool
	}
	tests := map[string]struct {
		containers []container
		name, want string
		ambiguous  bool
	}{
		"only one":        {containers: []container{{name: "web"}}, want: "web"},
		"named":           {containers: []container{{name: "a"}, {name: "b"}}, name: "b", want: "b"},
		"sidecar dropped": {containers: []container{{name: "log_router"}, {name: "ecs-service-connect-x1"}, {name: "app"}}, want: "app"},
		"only a sidecar":  {containers: []container{{name: "envoy"}}, want: "envoy"},
		"node command":    {containers: []container{{name: "nginx", essential: true}, {name: "app", command: []string{"node", "x"}, essential: true}}, want: "app"},
		"node image":      {containers: []container{{name: "redis", image: "redis:7"}, {name: "x", image: "registry.example/base/node:22@sha256:ab"}}, want: "x"},
		"essential":       {containers: []container{{name: "a"}, {name: "b", essential: true}}, want: "b"},
		"ambiguous":       {containers: []container{{name: "a", command: []string{"npm", "start"}, essential: true}, {name: "b", command: []string{"node"}, essential: true}}, ambiguous: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var target Target
			for _, c := range tt.containers {
				target.task.Containers = append(target.task.Containers, ecstypes.Container{Name: aws.String(c.name), Image: aws.String(c.image)})
				target.definition.ContainerDefinitions = append(target.definition.ContainerDefinitions,
					ecstypes.ContainerDefinition{Name: aws.String(c.name), Command: c.command, Essential: aws.Bool(c.essential)})
			}
			got, err := chooseContainer(target, tt.name)
			if tt.ambiguous != (err != nil) || got != tt.want {
				t.Errorf("got %q, %v; want %q, ambiguous %t", got, err, tt.want, tt.ambiguous)
			}
		})
	}
}
