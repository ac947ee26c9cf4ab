package ecs

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// sidecars are containers of AWS and of monitoring vendors that run beside the
// application, by their own name or by that of their image; a trailing * matches
// any ending.
var sidecars = []string{
	"log_router", "log-router", "firelens*", "aws-for-fluent-bit", "fluent-bit*", "fluentd*", "filebeat*", "vector",
	"aws-otel*", "adot*", "otel-collector*", "opentelemetry-collector*", "xray*", "aws-xray*", "cloudwatch-agent*", "cwagent*",
	"datadog-agent*", "datadog-init*", "newrelic-infra*", "envoy", "aws-appmesh*", "ecs-service-connect-*", "aws-guardduty-agent*", "~internal~ecs~*",
}

// sidecarImages are repositories whose last part says too little.
var sidecarImages = []string{"datadog/agent", "datadog/docker-dd-agent", "newrelic/nri-ecs", "envoyproxy/envoy"}

// chooseContainer picks the container to debug: the one that is named; else the
// only candidate left after dropping those that do not run, and sidecars; else the
// only one with signs of Node.js; else the only essential one. The error is a
// [*NotFoundError] or an [*AmbiguousError].
func chooseContainer(t Target, name string) (string, error) {
	if name != "" {
		if !slices.ContainsFunc(t.task.Containers, func(c ecstypes.Container) bool { return aws.ToString(c.Name) == name }) {
			return "", &NotFoundError{Query: Query{Cluster: t.Cluster, Task: t.TaskID(), Container: name}, Containers: containerNames(t.task.Containers)}
		}
		return name, nil
	}
	left := slices.Clone(t.task.Containers)
	for _, keep := range []func(ecstypes.Container, ecstypes.ContainerDefinition) bool{runs, notSidecar, looksLikeNode, isEssential} {
		narrowed := slices.DeleteFunc(slices.Clone(left), func(c ecstypes.Container) bool {
			return !keep(c, definitionOf(t.definition, aws.ToString(c.Name)))
		})
		if len(narrowed) > 0 {
			left = narrowed
		}
		if len(left) == 1 {
			return aws.ToString(left[0].Name), nil
		}
	}
	if len(left) == 0 {
		return "", &NotFoundError{Query: Query{Cluster: t.Cluster, Task: t.TaskID()}, Containers: []string{}}
	}
	list := make([]Candidate, len(left))
	for i, n := range containerNames(left) {
		list[i] = Candidate{Name: n}
	}
	return "", &AmbiguousError{What: "container", Candidates: list, Tasks: []Target{t}}
}

// runs is false for containers that have done their work, such as migrations.
func runs(c ecstypes.Container, _ ecstypes.ContainerDefinition) bool {
	return aws.ToString(c.LastStatus) != string(ecstypes.DesiredStatusStopped)
}

func notSidecar(c ecstypes.Container, d ecstypes.ContainerDefinition) bool {
	if d.FirelensConfiguration != nil {
		return false
	}
	image := repository(aws.ToString(c.Image))
	for _, name := range []string{aws.ToString(c.Name), lastSegment(image)} {
		if slices.ContainsFunc(sidecars, func(pattern string) bool {
			prefix, wild := strings.CutSuffix(pattern, "*")
			return name == prefix || wild && strings.HasPrefix(name, prefix)
		}) {
			return false
		}
	}
	return !slices.ContainsFunc(sidecarImages, func(name string) bool { return image == name || strings.HasSuffix(image, "/"+name) })
}

// looksLikeNode tells whether the definition shows Node.js: in its command,
// entry point, image name, or by NODE_… variables.
func looksLikeNode(c ecstypes.Container, d ecstypes.ContainerDefinition) bool {
	for _, word := range slices.Concat(d.EntryPoint, d.Command, []string{imageName(aws.ToString(c.Image))}) {
		for part := range strings.FieldsFuncSeq(word, func(r rune) bool { return strings.ContainsRune(" /-_.=", r) }) {
			switch part {
			case "node", "nodejs", "npm", "yarn", "pnpm", "pm2", "nest", "next":
				return true
			}
		}
	}
	return slices.ContainsFunc(d.Environment, func(kv ecstypes.KeyValuePair) bool {
		return strings.HasPrefix(aws.ToString(kv.Name), "NODE_")
	})
}

func isEssential(_ ecstypes.Container, d ecstypes.ContainerDefinition) bool {
	return d.Essential == nil || *d.Essential // ECS takes true as the default
}

// imageName is an image reference without registry, tag and digest.
func imageName(image string) string { return lastSegment(repository(image)) }

// repository is an image reference without tag and digest.
func repository(image string) string {
	name, _, _ := strings.Cut(image, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') { // no port of a registry
		name = name[:i]
	}
	return name
}

func definitionOf(d ecstypes.TaskDefinition, name string) ecstypes.ContainerDefinition {
	for _, c := range d.ContainerDefinitions {
		if aws.ToString(c.Name) == name {
			return c
		}
	}
	return ecstypes.ContainerDefinition{}
}

func containerNames(containers []ecstypes.Container) []string {
	names := make([]string, len(containers))
	for i, c := range containers {
		names[i] = aws.ToString(c.Name)
	}
	return names
}
