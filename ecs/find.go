package ecs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"
)

const (
	// describeBatch is how many tasks one DescribeTasks call takes, and how many
	// ListTasks returns at most.
	describeBatch = 100

	// maxCalls is how many calls are on their way at once. AWS refuses bursts (for
	// reads of a cluster's resources above 50, then 20 a second), which other
	// clients of the account draw on too.
	maxCalls = 8
)

// Find returns the one container that the query means, in a running task, or
// in a stopped one if its whole id is given.
//
// Errors: [*RefError], [*ContradictionError], [*NotFoundError], [*AmbiguousError],
// or what the SDK returned.
func Find(ctx context.Context, client *awsecs.Client, q Query) (Target, error) {
	ref, q, err := q.resolve()
	if err != nil {
		return Target{}, err
	}
	found, q, err := tasks(ctx, client, q, ref)
	if err != nil {
		return Target{}, err
	}
	switch len(found) {
	case 0:
		return Target{}, &NotFoundError{Query: q, Region: client.Options().Region, Account: ref.Account}
	case 1:
		if q.Container, err = found[0].named(q.Container, ref.ContainerARN); err != nil {
			return Target{}, err
		}
		return Choose(ctx, client, found[0], q.Container)
	}
	return Target{}, ambiguousTasks(found)
}

// ambiguousTasks lists the tasks, the oldest first: it has leaked most.
func ambiguousTasks(found []Target) *AmbiguousError {
	slices.SortFunc(found, older)
	list := make([]Candidate, len(found))
	for i, t := range found {
		list[i] = Candidate{Name: t.TaskID(), Service: t.Service, Started: t.StartedAt}
	}
	return &AmbiguousError{What: "task", Candidates: list, Tasks: found}
}

// older orders tasks by their age, the oldest first; those that have not started
// are the youngest.
func older(a, b Target) int {
	if a.StartedAt.IsZero() != b.StartedAt.IsZero() {
		if a.StartedAt.IsZero() {
			return 1
		}
		return -1
	}
	return cmp.Or(a.StartedAt.Compare(b.StartedAt), strings.Compare(a.TaskARN, b.TaskARN))
}

// tasks returns the tasks that the query means, and the query with its cluster;
// their containers are not chosen yet. Each page of ids is described while the
// next is fetched.
func tasks(ctx context.Context, client *awsecs.Client, q Query, ref TaskRef) ([]Target, Query, error) {
	q, err := q.placed(ctx, client)
	if err != nil {
		return nil, q, err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxCalls)
	var mu sync.Mutex
	batches := map[int][]Target{}
	n := 0
	for ids, listErr := range taskIDs(ctx, client, q, ref) {
		if listErr != nil {
			err = listErr
			break
		}
		batch := n
		n++
		group.Go(func() error {
			targets, err := describe(ctx, client, q, ids)
			mu.Lock()
			defer mu.Unlock()
			batches[batch] = targets
			return err
		})
	}
	if waitErr := group.Wait(); waitErr != nil { // it has cancelled the listing too
		err = waitErr
	}
	if err != nil {
		return nil, q, notFound(client, q, err)
	}
	var found []Target
	for i := range n {
		found = append(found, batches[i]...)
	}
	return found, q, nil
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
	out, err := client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: optional(q.Cluster), Tasks: ids, Include: withTags})
	if err != nil {
		return nil, err
	}
	targets := make([]Target, 0, len(out.Tasks))
	for _, task := range out.Tasks {
		t := newTarget(task)
		if (q.Service == "" || t.Service == q.Service) && (q.Family == "" || t.Family == q.Family) {
			targets = append(targets, t)
		}
	}
	return targets, nil // a task that is gone is in out.Failures, reason MISSING
}

// withTags has tasks come with their tags, which conditions of policies are about.
var withTags = []ecstypes.TaskField{ecstypes.TaskFieldTags}

// Refresh asks ECS for the present state of the task.
func Refresh(ctx context.Context, client *awsecs.Client, t Target) (Target, error) {
	out, err := client.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: aws.String(t.Cluster), Tasks: []string{t.TaskARN}, Include: withTags})
	if err != nil {
		return t, fmt.Errorf("describing the task: %w", err)
	}
	if len(out.Tasks) == 0 {
		return t, &NotFoundError{Query: Query{Cluster: t.Cluster, Task: t.TaskID()}}
	}
	now := newTarget(out.Tasks[0])
	now.definition, now.undefined = t.definition, t.undefined
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

// Choose fetches the definition of a task that [AmbiguousError] or [List] gave,
// and returns the container of that name in it; with no name the one to debug.
// A caller who may not see the definition gets a target that is [Target.Undefined].
// Errors: [*NotFoundError], [*AmbiguousError], or what the SDK returned.
func Choose(ctx context.Context, client *awsecs.Client, t Target, name string) (Target, error) {
	only := []Target{t}
	if err := define(ctx, client, only); err != nil {
		return t, err
	}
	chosen, unclear, err := chooseEach(ctx, client, only, name)
	switch {
	case err != nil:
		return only[0], err
	case len(unclear) > 0:
		return only[0], unclear[0].Err
	}
	return chosen[0], nil
}

// servedIn returns the one of several containers that the load balancers of described
// services send requests to, "" if that tells none.
func servedIn(described []ecstypes.Service, among []Candidate) string {
	name := ""
	for _, s := range described { // one, or none when it is gone
		for _, lb := range s.LoadBalancers {
			of := aws.ToString(lb.ContainerName)
			if !slices.ContainsFunc(among, func(c Candidate) bool { return c.Name == of }) {
				continue
			}
			if name != "" && name != of {
				return ""
			}
			name = of
		}
	}
	return name
}

// named returns the name of the container with the ARN, which must not be another
// one than the flag names; without an ARN it is what the flag names.
func (t Target) named(flag, arn string) (string, error) {
	if arn == "" {
		return flag, nil
	}
	for _, c := range t.task.Containers {
		if aws.ToString(c.ContainerArn) != arn {
			continue
		}
		name := aws.ToString(c.Name)
		if flag != "" && flag != name {
			return "", &ContradictionError{Flag: "container", Given: flag, By: "task", What: "container", Told: name}
		}
		return name, nil
	}
	return "", &NotFoundError{
		Query:      Query{Cluster: t.Cluster, Task: t.TaskID(), Container: lastSegment(arn)},
		Containers: containerNames(t.task.Containers),
	}
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
