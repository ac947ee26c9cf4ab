package ecs

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// TestCommandLine prefers what the task overrides to its definition.
func TestCommandLine(t *testing.T) {
	target := Target{Container: "api", definition: ecstypes.TaskDefinition{ContainerDefinitions: []ecstypes.ContainerDefinition{
		{Name: aws.String("proxy"), Command: []string{"envoy"}},
		{Name: aws.String("api"), EntryPoint: []string{"/opt/node"}, Command: []string{"a.js"}},
	}}}
	check := func(want ...string) {
		t.Helper()
		entryPoint, command := target.CommandLine()
		if got := slices.Concat(entryPoint, command); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	check("/opt/node", "a.js")
	target.task.Overrides = &ecstypes.TaskOverride{ContainerOverrides: []ecstypes.ContainerOverride{
		{Name: aws.String("proxy"), Command: []string{"other"}},
		{Name: aws.String("api")},
	}}
	check("/opt/node", "a.js")
	target.task.Overrides.ContainerOverrides[1].Command = []string{"b.js"}
	check("/opt/node", "b.js")
}
