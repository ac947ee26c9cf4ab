// Package ecs finds the container to debug in Amazon ECS, and says what stands
// between it and a debugger.
package ecs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Query narrows down the container. Without a cluster it is the one that Task or
// Service names, else the only one of the region, else the one named default.
type Query struct {
	Cluster   string // name or ARN
	Service   string // name or ARN
	Family    string // of the task definition
	Task      string // as ParseTask reads it
	Container string
}

// Target is one container of a task.
type Target struct {
	Cluster           string // name
	Service           string // "" for a task outside a service
	Family            string // of the task definition
	TaskARN           string
	TaskDefinitionARN string
	Container         string
	RuntimeID         string // "" while the container is not running
	Image             string
	ImageDigest       string
	LaunchType        string
	StartedAt         time.Time // zero while the task is not running

	task       ecstypes.Task
	definition ecstypes.TaskDefinition
	undefined  *Gap // why the definition is not known, nil when it is
}

// SSM is the container's target string for Systems Manager,
// ecs:<cluster name>_<task id>_<runtime id>.
func (t Target) SSM() string {
	return fmt.Sprintf("ecs:%s_%s_%s", t.Cluster, t.TaskID(), t.RuntimeID)
}

// TaskID is the last part of the task's ARN.
func (t Target) TaskID() string { return lastSegment(t.TaskARN) }

// String names the target for people: cluster/service/task id/container.
func (t Target) String() string {
	parts := []string{t.Cluster, t.Service, t.TaskID(), t.Container}
	if t.Service == "" {
		parts[1] = t.Family
	}
	return strings.Join(parts, "/")
}

// Definition is the task definition of the task, as ECS describes it. It holds the
// values of environment variables: what prints it masks them.
func (t Target) Definition() ecstypes.TaskDefinition { return t.definition }

// Undefined tells whether the task definition is not known, and why: then Definition is
// empty, and says nothing.
func (t Target) Undefined() (reason string, undefined bool) {
	if t.undefined == nil {
		return "", false
	}
	return t.undefined.text(), true
}

// awsvpc tells whether the task has a network interface of its own.
func (t Target) awsvpc() bool {
	if t.undefined != nil {
		return t.attached("networkInterfaceId") != ""
	}
	return t.definition.NetworkMode == ecstypes.NetworkModeAwsvpc
}

// container returns the task's container named Container, and its definition.
func (t Target) container() (ecstypes.Container, ecstypes.ContainerDefinition) {
	var c ecstypes.Container
	var d ecstypes.ContainerDefinition
	for _, have := range t.task.Containers {
		if aws.ToString(have.Name) == t.Container {
			c = have
		}
	}
	for _, have := range t.definition.ContainerDefinitions {
		if aws.ToString(have.Name) == t.Container {
			d = have
		}
	}
	return c, d
}

// newTarget describes a task without choosing its container.
func newTarget(task ecstypes.Task) Target {
	t := Target{
		Cluster:           clusterName(aws.ToString(task.ClusterArn)),
		TaskARN:           aws.ToString(task.TaskArn),
		TaskDefinitionARN: aws.ToString(task.TaskDefinitionArn),
		LaunchType:        string(task.LaunchType),
		StartedAt:         aws.ToTime(task.StartedAt),
		task:              task,
	}
	t.Service, _ = strings.CutPrefix(aws.ToString(task.Group), "service:")
	if t.Service == aws.ToString(task.Group) {
		t.Service = ""
	}
	t.Family, _, _ = strings.Cut(lastSegment(t.TaskDefinitionARN), ":")
	return t
}

// choose sets the target's container.
func (t *Target) choose(name string) {
	t.Container = name
	c, _ := t.container()
	t.RuntimeID = aws.ToString(c.RuntimeId)
	t.Image = aws.ToString(c.Image)
	t.ImageDigest = aws.ToString(c.ImageDigest)
}
