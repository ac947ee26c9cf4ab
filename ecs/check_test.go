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
		Overrides: &ecstypes.TaskOverride{},
		Containers: []ecstypes.Container{{
			Name: aws.String("api"), RuntimeId: aws.String(id32 + "-1527056392"), Image: aws.String("api:1"),
			ManagedAgents: []ecstypes.ManagedAgent{{Name: ecstypes.ManagedAgentNameExecuteCommandAgent, LastStatus: aws.String("RUNNING")}},
		}},
	}
	t := newTarget(task)
	t.definition = ecstypes.TaskDefinition{
		NetworkMode: ecstypes.NetworkModeAwsvpc,
		ContainerDefinitions: []ecstypes.ContainerDefinition{{
			Name: aws.String("api"), Command: []string{"node", "--inspect", "dist/main.js"},
			PortMappings: []ecstypes.PortMapping{{ContainerPort: aws.Int32(3000)}},
		}},
	}
	t.choose("api")
	return t
}

func definition(t *Target) *ecstypes.ContainerDefinition {
	return &t.definition.ContainerDefinitions[0]
}

func TestCheck(t *testing.T) {
	tests := map[string]struct {
		change func(*Target)
		id     string
		level  Level
		got    string // part of Got
		fix    string // part of Fix
		live   bool
	}{
		"running":     {func(*Target) {}, "task.running", OK, "RUNNING", "", false},
		"pending":     {func(t *Target) { t.task.LastStatus = aws.String("PENDING") }, "task.running", Block, "PENDING", "wait", true},
		"stopped":     {stopped, "task.running", Block, "OutOfMemoryError", "another task", false},
		"exec on":     {func(*Target) {}, "exec.enabled", OK, "true", "", false},
		"exec off":    {func(t *Target) { t.task.EnableExecuteCommand = false }, "exec.enabled", Block, "false", "heap is lost", false},
		"exec, alone": {func(t *Target) { t.task.EnableExecuteCommand, t.Service = false, "" }, "exec.enabled", Block, "false", "run-task", false},
		"agent":       {func(*Target) {}, "exec.agent", OK, "RUNNING", "", false},
		"agent pending": {func(t *Target) { t.task.Containers[0].ManagedAgents[0].LastStatus = aws.String("PENDING") },
			"exec.agent", Block, "PENDING", "wait", true},
		"agent stopped": {func(t *Target) {
			t.task.Containers[0].ManagedAgents[0].LastStatus, t.task.Containers[0].ManagedAgents[0].Reason = aws.String("STOPPED"), aws.String("exit code: 1")
		},
			"exec.agent", Block, "exit code: 1", "task role", true},
		"no agent":      {func(t *Target) { t.task.Containers[0].ManagedAgents = nil }, "exec.agent", Block, "no ExecuteCommandAgent", "exec.enabled", false},
		"runtime id":    {func(*Target) {}, "exec.runtimeid", OK, "-1527056392", "", false},
		"no runtime id": {func(t *Target) { t.RuntimeID = "" }, "exec.runtimeid", Block, "none", "wait", true},
		"network none":  {func(t *Target) { t.definition.NetworkMode = ecstypes.NetworkModeNone }, "net.mode", Block, "no network", "network mode", false},
		"not mapped":    {func(*Target) {}, "net.mapping9229", OK, "not mapped", "", false},
		"mapped":        {func(t *Target) { definition(t).PortMappings[0].ContainerPort = aws.Int32(9229) }, "net.mapping9229", Info, "9229", "remove", false},
		"mapped range": {func(t *Target) { definition(t).PortMappings[0].ContainerPortRange = aws.String("9000-9300") },
			"net.mapping9229", Info, "9000-9300", "remove", false},
		"loopback": {func(*Target) {}, "net.exposed", OK, "no sign", "", false},
		"all addresses": {func(t *Target) { definition(t).Command = []string{"sh", "-c", "node --inspect=0.0.0.0:9229 x.js"} },
			"net.exposed", Danger, "0.0.0.0", "127.0.0.1:9229", false},
		"all, mapped": {func(t *Target) {
			definition(t).Command = []string{"node", "--inspect=0.0.0.0"}
			definition(t).PortMappings[0].ContainerPort = aws.Int32(9229)
			t.definition.NetworkMode = ecstypes.NetworkModeBridge
		}, "net.exposed", Danger, "is mapped", "127.0.0.1:9229", false},
		"all, bridge": {func(t *Target) {
			definition(t).Command = []string{"node", "--inspect=[::]:9229"}
			t.definition.NetworkMode = ecstypes.NetworkModeBridge
		}, "net.exposed", Warn, "same host", "127.0.0.1:9229", false},
		"inspect":      {func(*Target) {}, "node.inspect", Info, "--inspect in command", "", true},
		"no inspect":   {func(t *Target) { definition(t).Command = []string{"node", "x.js"} }, "node.inspect", Info, "nothing declared", "SIGUSR1", true},
		"other port":   {func(t *Target) { definition(t).Command = []string{"node", "--inspect=9333"} }, "node.inspect", Warn, "9333", "--port 9333", true},
		"waits":        {func(t *Target) { definition(t).Command = []string{"node", "--inspect-brk"} }, "node.inspect", Danger, "--inspect-brk", "--inspect", false},
		"no signal":    {func(t *Target) { definition(t).Command = []string{"node", "--disable-sigusr1"} }, "node.inspect", Info, "nothing", "NODE_OPTIONS", false},
		"NODE_OPTIONS": {withOptions("--max-old-space-size=2048 --inspect=127.0.0.1:9229"), "node.inspect", Info, "NODE_OPTIONS", "", true},
		"override": {func(t *Target) {
			t.task.Overrides.ContainerOverrides = []ecstypes.ContainerOverride{{Name: aws.String("api"), Command: []string{"node", "--inspect-wait"}}}
		}, "node.inspect", Danger, "--inspect-wait", "--inspect", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			target := healthy()
			tt.change(&target)
			f := find(t, Check(target, 9229), tt.id)
			if f.Level != tt.level || !strings.Contains(f.Got, tt.got) || !strings.Contains(f.Fix, tt.fix) || f.Live != tt.live {
				t.Errorf("got %+v, want level %s, got …%s…, fix …%s…, live %t", f, tt.level, tt.got, tt.fix, tt.live)
			}
			if f.Want == "" || f.Why == "" {
				t.Errorf("finding without want or why: %+v", f)
			}
			if (tt.fix == "") != (f.Fix == "") {
				t.Errorf("fix %q, want …%s…", f.Fix, tt.fix)
			}
		})
	}
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

func find(t *testing.T, findings []Finding, id string) Finding {
	t.Helper()
	for _, f := range findings {
		if f.ID == id {
			return f
		}
	}
	t.Fatalf("no finding %q", id)
	return Finding{}
}

func TestReady(t *testing.T) {
	if target := healthy(); !Ready(Check(target, 9229)) {
		t.Errorf("a healthy task is not ready: %+v", Check(target, 9229))
	}
	target := healthy()
	target.task.EnableExecuteCommand = false
	if Ready(Check(target, 9229)) {
		t.Error("a task without ECS Exec is ready")
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
