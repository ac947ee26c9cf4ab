package ecs

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"golang.org/x/sync/errgroup"
)

const (
	// gatherTimeout bounds the questions of a whole check: three rounds of calls that
	// are made at once, each of which may be throttled and tried again.
	gatherTimeout = 30 * time.Second

	// quickTimeout is how long a capture may be held up by questions whose answers it
	// can do without.
	quickTimeout = 3 * time.Second

	// gatherEach is what each task adds to that: AWS may allow no more than some ten calls
	// a second of a kind.
	gatherEach = 200 * time.Millisecond

	// maxGather is how many calls are on their way at once: a round for one task, and
	// few enough for hundreds of them not to be a burst that AWS refuses (for reads
	// of a cluster's resources that is above 50).
	maxGather = 16
)

// Scope is how much is asked.
type Scope int

const (
	// Quick asks what a capture can warn of with the permissions that it has anyway
	// (iam-policies/operator-snapshot.json): the service and its target groups.
	Quick Scope = iota
	// Whole asks everything.
	Whole
)

// Gather asks for the facts that the checks judge by, as far as the caller may. What
// may not be asked, or is not answered, is a fact with a gap. The error is the cause of
// ctx, or says that the credentials have expired.
func Gather(ctx context.Context, c *Clients, t Target, port int, scope Scope) (*Facts, error) {
	facts, err := GatherAll(ctx, c, []Target{t}, port, scope)
	return facts[0], err
}

// GatherAll is [Gather] for several tasks of one cluster, in their order. What tasks
// share is asked once, and what one call answers for many of them in one call.
func GatherAll(ctx context.Context, c *Clients, targets []Target, port int, scope Scope) ([]*Facts, error) {
	g := &gatherer{Clients: c, at: time.Now(), slots: make(chan struct{}, maxGather)}
	for _, t := range targets {
		g.all = append(g.all, &Facts{Target: t, Port: port, At: g.at})
	}
	timeout := quickTimeout
	if scope == Whole {
		timeout = gatherTimeout + time.Duration(len(targets))*gatherEach
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	rounds := []round{{g.service}, {g.targetGroups}}
	if scope == Whole {
		rounds = []round{
			{
				g.service, g.cluster, g.deployments, g.protection, g.instance, g.connection, g.sessions,
				g.role, g.caller, g.networkInterface, g.subnet, g.scaling, g.memory,
			},
			{g.targetGroups, g.targetHealth, g.roleKMS, g.operator, g.routes, g.endpoints, g.activities},
			{g.groups},
		}
	}
	for _, r := range rounds {
		if err := r.run(limited); err != nil {
			return g.all, err
		}
		if ctx.Err() != nil {
			return g.all, context.Cause(ctx)
		}
	}
	return g.all, nil
}

// round is a set of questions that need no answer of one another. Each sets facts of
// its own.
type round []func(context.Context) error

// run ends all of them with the first error: that is one which makes the others
// pointless.
func (r round) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, ask := range r {
		group.Go(func() error { return ask(ctx) })
	}
	return group.Wait()
}

// gatherer asks, for all tasks of a run.
type gatherer struct {
	*Clients
	all   []*Facts // of tasks of one cluster
	at    time.Time
	slots chan struct{} // one for each call that may be on its way
}

// clusterName names the cluster of all tasks.
func (g *gatherer) clusterName() string { return g.all[0].Target.Cluster }

func (g *gatherer) cluster(ctx context.Context) error {
	return question[ecstypes.Cluster]{
		action: "ecs:DescribeClusters", fact: func(f *Facts) *Fact[ecstypes.Cluster] { return &f.Cluster },
		key: alike,
		ask: func(ctx context.Context, f *Facts) (ecstypes.Cluster, error) {
			out, err := g.ECS.DescribeClusters(ctx, &awsecs.DescribeClustersInput{
				Clusters: []string{f.Target.Cluster}, Include: []ecstypes.ClusterField{ecstypes.ClusterFieldConfigurations, ecstypes.ClusterFieldSettings},
			})
			if err != nil {
				return ecstypes.Cluster{}, err
			}
			if len(out.Clusters) == 0 {
				return ecstypes.Cluster{}, &goneError{what: "cluster"}
			}
			return out.Clusters[0], nil
		},
	}.put(ctx, g)
}

// goneError means that ECS has forgotten something since the task was found.
type goneError struct{ what string }

func (e *goneError) Error() string      { return "the " + e.what + " is gone" }
func (e *goneError) unanswered() string { return e.Error() }

func (g *gatherer) service(ctx context.Context) error {
	for _, f := range g.all {
		if f.Target.Service == "" {
			f.Service = Known[*ecstypes.Service](nil)
		}
	}
	return list[*ecstypes.Service]{
		action: "ecs:DescribeServices", size: serviceBatch, missing: &goneError{what: "service"},
		fact: func(f *Facts) *Fact[*ecstypes.Service] { return &f.Service },
		key:  func(f *Facts) string { return f.Target.Service },
		ask: func(ctx context.Context, names []string) (map[string]*ecstypes.Service, error) {
			out, err := g.ECS.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: aws.String(g.clusterName()), Services: names})
			if err != nil {
				return nil, err
			}
			have := map[string]*ecstypes.Service{}
			for i, s := range out.Services {
				have[aws.ToString(s.ServiceName)] = &out.Services[i]
			}
			return have, nil
		},
	}.put(ctx, g)
}

// newestDeployments is how many service deployments are looked at: one is under way at
// most, and it is among the newest.
const newestDeployments = 5

func (g *gatherer) deployments(ctx context.Context) error {
	return question[[]ecstypes.ServiceDeploymentBrief]{
		action: "ecs:ListServiceDeployments", fact: func(f *Facts) *Fact[[]ecstypes.ServiceDeploymentBrief] { return &f.Deployments },
		key: func(f *Facts) (string, *Gap) { return f.Target.Service, nil },
		ask: func(ctx context.Context, f *Facts) ([]ecstypes.ServiceDeploymentBrief, error) {
			out, err := g.ECS.ListServiceDeployments(ctx, &awsecs.ListServiceDeploymentsInput{
				Cluster: aws.String(f.Target.Cluster), Service: aws.String(f.Target.Service), MaxResults: aws.Int32(newestDeployments), Status: underWay,
			})
			if err != nil {
				return nil, err
			}
			return out.ServiceDeployments, nil
		},
	}.put(ctx, g)
}

func (g *gatherer) protection(ctx context.Context) error {
	return list[ecstypes.ProtectedTask]{ // of a task without any the reason is in the failures of the answer
		action: "ecs:GetTaskProtection", size: protectionBatch,
		fact: func(f *Facts) *Fact[ecstypes.ProtectedTask] { return &f.Protection },
		key: func(f *Facts) string {
			if f.Target.Service == "" {
				return ""
			}
			return f.Target.TaskARN
		},
		ask: func(ctx context.Context, arns []string) (map[string]ecstypes.ProtectedTask, error) {
			out, err := g.ECS.GetTaskProtection(ctx, &awsecs.GetTaskProtectionInput{Cluster: aws.String(g.clusterName()), Tasks: arns})
			if err != nil {
				return nil, err
			}
			return byKey(out.ProtectedTasks, func(p ecstypes.ProtectedTask) string { return aws.ToString(p.TaskArn) }), nil
		},
	}.put(ctx, g)
}

// instanceBatch is how many instances one DescribeContainerInstances call takes (ECS
// API reference).
const instanceBatch = 100

func (g *gatherer) instance(ctx context.Context) error {
	arn := func(f *Facts) string { return aws.ToString(f.Target.task.ContainerInstanceArn) }
	for _, f := range g.all {
		if arn(f) == "" {
			f.Instance = Known[*ecstypes.ContainerInstance](nil)
		}
	}
	return list[*ecstypes.ContainerInstance]{
		action: "ecs:DescribeContainerInstances", size: instanceBatch, missing: &goneError{what: "container instance"},
		fact: func(f *Facts) *Fact[*ecstypes.ContainerInstance] { return &f.Instance }, key: arn,
		ask: func(ctx context.Context, arns []string) (map[string]*ecstypes.ContainerInstance, error) {
			out, err := g.ECS.DescribeContainerInstances(ctx, &awsecs.DescribeContainerInstancesInput{Cluster: aws.String(g.clusterName()), ContainerInstances: arns})
			if err != nil {
				return nil, err
			}
			have := map[string]*ecstypes.ContainerInstance{}
			for i, instance := range out.ContainerInstances {
				have[aws.ToString(instance.ContainerInstanceArn)] = &out.ContainerInstances[i]
			}
			return have, nil
		},
	}.put(ctx, g)
}
