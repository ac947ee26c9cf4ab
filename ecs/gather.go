package ecs

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"golang.org/x/sync/errgroup"
)

const (
	// gatherTimeout bounds the questions of a whole check: three rounds of calls that
	// are made at once, each of which may be throttled and tried again.
	gatherTimeout = 30 * time.Second

	// quickTimeout is how long a capture may be held up by questions whose answers it
	// can do without.
	quickTimeout = 3 * time.Second

	// sessionLooks is how often a full container is looked at before it counts as full,
	// with sessionPause between: the list follows the ends of sessions by a second or so.
	sessionLooks = 3
	sessionPause = time.Second
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
	f := &Facts{Target: t, Port: port, At: time.Now()}
	timeout := quickTimeout
	if scope == Whole {
		timeout = gatherTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	g := &gatherer{Clients: c, f: f}
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
			return f, err
		}
		if ctx.Err() != nil {
			return f, context.Cause(ctx)
		}
	}
	return f, nil
}

// round is a set of questions that need no answer of one another. Each sets facts of
// its own.
type round []func(context.Context) error

func (r round) run(ctx context.Context) error {
	var group errgroup.Group
	for _, ask := range r {
		group.Go(func() error { return ask(ctx) })
	}
	return group.Wait()
}

// gatherer asks.
type gatherer struct {
	*Clients
	f *Facts
}

// ask sets a fact. Its error is that of credentials which have expired: then nothing
// else is worth asking.
func ask[T any](fact *Fact[T], action string, question func() (T, error)) error {
	v, err := question()
	if expired(err) {
		return fmt.Errorf("checking: %w", err)
	}
	*fact = factOf(action, v, err)
	return nil
}

func (g *gatherer) cluster(ctx context.Context) error {
	return ask(&g.f.Cluster, "ecs:DescribeClusters", func() (ecstypes.Cluster, error) {
		out, err := g.ECS.DescribeClusters(ctx, &awsecs.DescribeClustersInput{
			Clusters: []string{g.f.Target.Cluster}, Include: []ecstypes.ClusterField{ecstypes.ClusterFieldConfigurations, ecstypes.ClusterFieldSettings},
		})
		if err != nil {
			return ecstypes.Cluster{}, err
		}
		if len(out.Clusters) == 0 {
			return ecstypes.Cluster{}, &goneError{what: "cluster"}
		}
		return out.Clusters[0], nil
	})
}

// goneError means that ECS has forgotten something since the task was found.
type goneError struct{ what string }

func (e *goneError) Error() string      { return "the " + e.what + " is gone" }
func (e *goneError) unanswered() string { return e.Error() }

func (g *gatherer) service(ctx context.Context) error {
	t := g.f.Target
	if t.Service == "" {
		g.f.Service = Known[*ecstypes.Service](nil)
		return nil
	}
	return ask(&g.f.Service, "ecs:DescribeServices", func() (*ecstypes.Service, error) {
		out, err := g.ECS.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: aws.String(t.Cluster), Services: []string{t.Service}})
		if err != nil {
			return nil, err
		}
		if len(out.Services) == 0 {
			return nil, &goneError{what: "service"}
		}
		return &out.Services[0], nil
	})
}

// newestDeployments is how many service deployments are looked at: one is under way at
// most, and it is among the newest.
const newestDeployments = 5

func (g *gatherer) deployments(ctx context.Context) error {
	t := g.f.Target
	if t.Service == "" {
		return nil
	}
	return ask(&g.f.Deployments, "ecs:ListServiceDeployments", func() ([]ecstypes.ServiceDeploymentBrief, error) {
		out, err := g.ECS.ListServiceDeployments(ctx, &awsecs.ListServiceDeploymentsInput{
			Cluster: aws.String(t.Cluster), Service: aws.String(t.Service), MaxResults: aws.Int32(newestDeployments), Status: underWay,
		})
		if err != nil {
			return nil, err
		}
		return out.ServiceDeployments, nil
	})
}

func (g *gatherer) protection(ctx context.Context) error {
	t := g.f.Target
	if t.Service == "" {
		return nil
	}
	return ask(&g.f.Protection, "ecs:GetTaskProtection", func() (ecstypes.ProtectedTask, error) {
		out, err := g.ECS.GetTaskProtection(ctx, &awsecs.GetTaskProtectionInput{Cluster: aws.String(t.Cluster), Tasks: []string{t.TaskARN}})
		if err != nil {
			return ecstypes.ProtectedTask{}, err
		}
		if len(out.ProtectedTasks) == 0 { // the reason is in out.Failures: such a task has none
			return ecstypes.ProtectedTask{}, nil
		}
		return out.ProtectedTasks[0], nil
	})
}

func (g *gatherer) instance(ctx context.Context) error {
	t := g.f.Target
	arn := aws.ToString(t.task.ContainerInstanceArn)
	if arn == "" {
		g.f.Instance = Known[*ecstypes.ContainerInstance](nil)
		return nil
	}
	return ask(&g.f.Instance, "ecs:DescribeContainerInstances", func() (*ecstypes.ContainerInstance, error) {
		out, err := g.ECS.DescribeContainerInstances(ctx, &awsecs.DescribeContainerInstancesInput{Cluster: aws.String(t.Cluster), ContainerInstances: []string{arn}})
		if err != nil {
			return nil, err
		}
		if len(out.ContainerInstances) == 0 {
			return nil, &goneError{what: "container instance"}
		}
		return &out.ContainerInstances[0], nil
	})
}

func (g *gatherer) connection(ctx context.Context) error {
	if g.f.Target.RuntimeID == "" {
		return nil
	}
	return ask(&g.f.Connection, "ssm:GetConnectionStatus", func() (ssmtypes.ConnectionStatus, error) { return connection(ctx, g.SSM, g.f.Target) })
}

func connection(ctx context.Context, client *awsssm.Client, t Target) (ssmtypes.ConnectionStatus, error) {
	out, err := client.GetConnectionStatus(ctx, &awsssm.GetConnectionStatusInput{Target: aws.String(t.SSM())})
	if err != nil {
		return "", err
	}
	return out.Status, nil
}

// Connecting tells whether the agent of the target runs and Systems Manager does not know
// it yet, which takes an agent some seconds, or for ever. It is false as well when
// that cannot be asked: waiting would not help.
func Connecting(ctx context.Context, client *awsssm.Client, t Target) bool {
	if c, _ := t.container(); t.RuntimeID == "" || !agentUp(c) {
		return false
	}
	status, err := connection(ctx, client, t)
	return err == nil && status == ssmtypes.ConnectionStatusNotConnected
}

// sessions looks at a full container more than once.
func (g *gatherer) sessions(ctx context.Context) error {
	if g.f.Target.RuntimeID == "" {
		return nil
	}
	return ask(&g.f.Sessions, "ssm:DescribeSessions", func() ([]ssmtypes.Session, error) {
		for look := 1; ; look++ {
			active, err := g.activeSessions(ctx)
			if err != nil || len(active) < sessionLimit || look == sessionLooks {
				return active, err
			}
			select {
			case <-ctx.Done():
				return active, nil
			case <-time.After(sessionPause):
			}
		}
	})
}

func (g *gatherer) activeSessions(ctx context.Context) ([]ssmtypes.Session, error) {
	var active []ssmtypes.Session
	pages := awsssm.NewDescribeSessionsPaginator(g.SSM, &awsssm.DescribeSessionsInput{
		State:   ssmtypes.SessionStateActive,
		Filters: []ssmtypes.SessionFilter{{Key: ssmtypes.SessionFilterKeyTargetId, Value: aws.String(g.f.Target.SSM())}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		active = append(active, page.Sessions...)
	}
	return active, nil
}
