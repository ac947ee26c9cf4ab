package ecs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"
)

// Unclear is a task whose container to debug is not known: several may be meant, or it
// has none of the wanted name.
type Unclear struct {
	Target Target // without a container
	Err    error  // an [*AmbiguousError] or a [*NotFoundError]
}

// FindAll returns the container to debug in each running task that the query fits, by
// service, the oldest task first, and the tasks of which that is not clear. The query
// names no task. Each task definition is asked for once.
//
// Errors: those of [Find] but for ambiguity of tasks and containers; a
// [*NotFoundError] if no task runs.
func FindAll(ctx context.Context, client *awsecs.Client, q Query) ([]Target, []Unclear, error) {
	ref, q, err := q.resolve()
	if err != nil {
		return nil, nil, err
	}
	found, q, err := tasks(ctx, client, q, ref)
	if err != nil {
		return nil, nil, err
	}
	found = slices.DeleteFunc(found, func(t Target) bool { return aws.ToString(t.task.LastStatus) == string(ecstypes.DesiredStatusStopped) })
	if len(found) == 0 {
		return nil, nil, &NotFoundError{Query: q, Region: client.Options().Region}
	}
	slices.SortFunc(found, func(a, b Target) int { return cmp.Or(strings.Compare(a.Service, b.Service), older(a, b)) })
	if err := define(ctx, client, found); err != nil {
		return nil, nil, err
	}
	return chooseEach(ctx, client, found, q.Container)
}

// describeDefinition is the IAM action of the task definition.
const describeDefinition = "ecs:DescribeTaskDefinition"

// define gives the tasks their definitions, each asked for once. Much of a task can be
// judged, and a tunnel opened, by a caller who may not see it.
func define(ctx context.Context, client *awsecs.Client, tasks []Target) error {
	var arns []string
	for _, t := range tasks {
		arns = append(arns, t.TaskDefinitionARN)
	}
	var mu sync.Mutex
	definitions := map[string]ecstypes.TaskDefinition{}
	gaps := map[string]*Gap{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxCalls)
	for _, arn := range distinct(arns) {
		group.Go(func() error {
			out, err := client.DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(arn)})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case accessRefused(err):
				gaps[arn] = gapOf(describeDefinition, err)
			case err != nil:
				return fmt.Errorf("describing the task definition: %w", err)
			case out.TaskDefinition != nil:
				definitions[arn] = *out.TaskDefinition
			}
			return nil
		})
	}
	err := group.Wait()
	for i := range tasks {
		tasks[i].definition, tasks[i].undefined = definitions[tasks[i].TaskDefinitionARN], gaps[tasks[i].TaskDefinitionARN]
	}
	return err
}

// chooseEach chooses the container of that name in tasks that have their definitions; with
// no name the one to debug. The services of those
// with several containers that may be meant are asked for together.
func chooseEach(ctx context.Context, client *awsecs.Client, tasks []Target, name string) (targets []Target, unclear []Unclear, err error) {
	chosen := make([]string, len(tasks))
	doubts := make([]error, len(tasks))
	var services []string
	for i, t := range tasks {
		chosen[i], doubts[i] = chooseContainer(t, name)
		if _, several := errors.AsType[*AmbiguousError](doubts[i]); several && t.Service != "" {
			services = append(services, t.Service)
		}
	}
	described := map[string]ecstypes.Service{}
	for batch := range slices.Chunk(distinct(services), serviceBatch) {
		out, err := client.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: aws.String(tasks[0].Cluster), Services: batch})
		if err != nil {
			if ctx.Err() != nil {
				return nil, nil, context.Cause(ctx)
			}
			break // who may not ask is told what may be meant
		}
		for _, s := range out.Services {
			described[aws.ToString(s.ServiceName)] = s
		}
	}
	for i, t := range tasks {
		if several, ok := errors.AsType[*AmbiguousError](doubts[i]); ok {
			if served := servedIn([]ecstypes.Service{described[t.Service]}, several.Candidates); served != "" {
				chosen[i], doubts[i] = served, nil
			}
		}
		if doubts[i] != nil {
			unclear = append(unclear, Unclear{Target: t, Err: doubts[i]})
			continue
		}
		t.choose(chosen[i])
		targets = append(targets, t)
	}
	return targets, unclear, nil
}
