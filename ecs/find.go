package ecs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// describeBatch is how many tasks one DescribeTasks call takes.
const describeBatch = 100

// Find returns the one container that the query means, in a running task, or
// in a stopped one if its whole id is given.
//
// Errors: [*RefError], [*NotFoundError], [*AmbiguousError], or what the SDK
// returned.
func Find(ctx context.Context, client *awsecs.Client, q Query) (Target, error) {
	var found []Target
	for t, err := range Targets(ctx, client, q) {
		if err != nil {
			return Target{}, err
		}
		found = append(found, t)
	}
	switch len(found) {
	case 0:
		return Target{}, &NotFoundError{Query: q, Region: client.Options().Region}
	case 1:
		err := choose(ctx, client, &found[0], q.Container)
		return found[0], err
	}
	return Target{}, &AmbiguousError{What: "task", Candidates: candidates(found)}
}

// candidates describes the tasks for people, the oldest first: it has leaked most.
func candidates(tasks []Target) []Candidate {
	slices.SortFunc(tasks, func(a, b Target) int { return a.StartedAt.Compare(b.StartedAt) })
	list := make([]Candidate, len(tasks))
	for i, t := range tasks {
		list[i] = Candidate{Name: t.TaskID(), Service: t.Service, Started: t.StartedAt}
	}
	return list
}

// Targets yields the tasks that the query means; their containers are not
// chosen yet. An error ends it.
func Targets(ctx context.Context, client *awsecs.Client, q Query) iter.Seq2[Target, error] {
	return func(yield func(Target, error) bool) {
		ref, q, err := q.resolve()
		if err != nil {
			yield(Target{}, err)
			return
		}
		for ids, err := range taskIDs(ctx, client, q, ref) {
			if err != nil {
				yield(Target{}, notFound(client, q, err))
				return
			}
			tasks, err := describe(ctx, client, q, ids)
			if err != nil {
				yield(Target{}, notFound(client, q, err))
				return
			}
			for _, t := range tasks {
				if !yield(t, nil) {
					return
				}
			}
		}
	}
}

// resolve reads the query's task, and takes the cluster from it.
func (q Query) resolve() (TaskRef, Query, error) {
	if q.Task == "" {
		return TaskRef{}, q, nil
	}
	ref, err := ParseTask(q.Task)
	if err != nil {
		return ref, q, err
	}
	if ref.Cluster != "" && q.Cluster != "" && clusterName(q.Cluster) != ref.Cluster {
		return ref, q, &ContradictionError{Flag: "cluster", Given: q.Cluster, Task: ref.Cluster}
	}
	if ref.Cluster != "" {
		q.Cluster = ref.Cluster
	}
	return ref, q, nil
}

// taskIDs yields the ids of the tasks in batches that DescribeTasks takes.
func taskIDs(ctx context.Context, client *awsecs.Client, q Query, ref TaskRef) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if ref.Whole() {
			yield([]string{ref.ID}, nil)
			return
		}
		pages := awsecs.NewListTasksPaginator(client, listInput(q))
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			ids := page.TaskArns
			if ref.ID != "" {
				ids = slices.DeleteFunc(ids, func(arn string) bool { return !strings.HasPrefix(lastSegment(arn), ref.ID) })
			}
			if len(ids) > 0 && !yield(ids, nil) {
				return
			}
		}
	}
}

// listInput filters by service or family: ECS rejects both together, so the
// family is then compared in describe.
func listInput(q Query) *awsecs.ListTasksInput {
	in := &awsecs.ListTasksInput{Cluster: optional(q.Cluster), MaxResults: aws.Int32(describeBatch)}
	if q.Service != "" {
		in.ServiceName = aws.String(q.Service)
	} else {
		in.Family = optional(q.Family)
	}
	return in
}

func describe(ctx context.Context, client *awsecs.Client, q Query, ids []string) ([]Target, error) {
	out, err := client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: optional(q.Cluster), Tasks: ids})
	if err != nil {
		return nil, err
	}
	targets := make([]Target, 0, len(out.Tasks))
	for _, task := range out.Tasks {
		t := newTarget(task)
		if (q.Service == "" || t.Service == lastSegment(q.Service)) && (q.Family == "" || t.Family == q.Family) {
			targets = append(targets, t)
		}
	}
	return targets, nil // a task that is gone is in out.Failures, reason MISSING
}

// Refresh asks ECS for the present state of the task.
func Refresh(ctx context.Context, client *awsecs.Client, t Target) (Target, error) {
	out, err := client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: aws.String(t.Cluster), Tasks: []string{t.TaskARN}})
	if err != nil {
		return t, fmt.Errorf("describing the task: %w", err)
	}
	if len(out.Tasks) == 0 {
		return t, &NotFoundError{Query: Query{Cluster: t.Cluster, Task: t.TaskID()}}
	}
	now := newTarget(out.Tasks[0])
	now.definition = t.definition
	now.choose(t.Container)
	return now, nil
}

// Stopped tells whether the task is stopping or stopped, and what ECS gives as
// the reason.
func (t Target) Stopped() (reason string, stopped bool) {
	if t.task.StoppingAt == nil && aws.ToString(t.task.DesiredStatus) != string(ecstypes.DesiredStatusStopped) {
		return "", false
	}
	reason = aws.ToString(t.task.StoppedReason)
	if c, _ := t.container(); aws.ToString(c.Reason) != "" {
		reason = strings.TrimPrefix(reason+": "+aws.ToString(c.Reason), ": ")
	}
	if code := t.task.StopCode; code != "" {
		reason = strings.TrimSpace(fmt.Sprintf("%s (%s)", reason, code))
	}
	return reason, true
}

// choose fetches the task definition and picks the container.
func choose(ctx context.Context, client *awsecs.Client, t *Target, name string) error {
	out, err := client.DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(t.TaskDefinitionARN)})
	if err != nil {
		return fmt.Errorf("describing the task definition: %w", err)
	}
	if out.TaskDefinition != nil {
		t.definition = *out.TaskDefinition
	}
	chosen, err := chooseContainer(*t, name)
	if err != nil {
		return err
	}
	t.choose(chosen)
	return nil
}

// notFound gives the errors of a missing cluster or service their type.
func notFound(client *awsecs.Client, q Query, err error) error {
	region := client.Options().Region
	var cluster *ecstypes.ClusterNotFoundException
	var service *ecstypes.ServiceNotFoundException
	switch {
	case errors.As(err, &cluster):
		return &NotFoundError{Query: q, Region: region, NoCluster: true, Err: err}
	case errors.As(err, &service):
		return &NotFoundError{Query: q, Region: region, NoService: true, Err: err}
	}
	return fmt.Errorf("looking for the task: %w", err)
}

// optional is nil for the empty string, which the API would take as a value.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
