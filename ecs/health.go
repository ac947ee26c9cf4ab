package ecs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

// HealthBudget is how long the target's process may stop before a health check
// gives it up.
type HealthBudget struct {
	Kind string // "container" or "target-group"
	Name string // of the container, or of the target group
	// Budget is after how long it is given up for sure, whenever a probe comes.
	Budget time.Duration
	// Earliest is after how long it can be, when a probe comes at the wrong moment.
	Earliest time.Duration
	Detail   string // the figures behind both
	Skipped  string // why the budget is not known, "" when it is
}

// Kinds of health budgets.
const (
	containerCheck = "container"
	groupCheck     = "target-group"
)

// What a container definition leaves out (ECS API reference, HealthCheck).
const (
	defaultHealthInterval = 30 * time.Second
	defaultHealthTimeout  = 5 * time.Second
	defaultHealthRetries  = 3
)

// HealthBudgets returns the budgets of the container's own health check and of
// the target groups that its service has for it: none, when nothing checks it.
// The first needs no call. What may not be asked, or cannot be, is a budget
// with Skipped; it asks ecs:DescribeServices and
// elasticloadbalancing:DescribeTargetGroups. The error is the cause of ctx.
func HealthBudgets(ctx context.Context, client *awsecs.Client, balancers *awselb.Client, t Target) ([]HealthBudget, error) {
	budgets := containerBudget(t)
	arns, err := t.targetGroups(ctx, client)
	if err != nil {
		return append(budgets, skipped("of service "+t.Service, "ecs:DescribeServices", err)), context.Cause(ctx)
	}
	if len(arns) == 0 {
		return budgets, nil
	}
	out, err := balancers.DescribeTargetGroups(ctx, &awselb.DescribeTargetGroupsInput{TargetGroupArns: arns})
	if err != nil {
		for _, arn := range arns {
			budgets = append(budgets, skipped(groupName(arn), "elasticloadbalancing:DescribeTargetGroups", err))
		}
		return budgets, context.Cause(ctx)
	}
	for _, g := range out.TargetGroups {
		if g.HealthCheckEnabled == nil || *g.HealthCheckEnabled {
			budgets = append(budgets, groupBudget(g))
		}
	}
	return budgets, nil
}

// containerBudget is that of the health check in the container's definition.
// Its startPeriod no longer counts: it is over long before a heap has leaked.
func containerBudget(t Target) []HealthBudget {
	budgets := []HealthBudget{}
	_, d := t.container()
	h := d.HealthCheck
	if h == nil || len(h.Command) == 0 || h.Command[0] == "NONE" {
		return budgets // checks of the image itself are none of ECS's
	}
	return append(budgets, newBudget(containerCheck, t.Container, "retries",
		cmp.Or(seconds(h.Interval), defaultHealthInterval),
		cmp.Or(seconds(h.Timeout), defaultHealthTimeout),
		cmp.Or(int(aws.ToInt32(h.Retries)), defaultHealthRetries)))
}

func groupBudget(g elbtypes.TargetGroup) HealthBudget {
	return newBudget(groupCheck, aws.ToString(g.TargetGroupName), "unhealthy threshold",
		seconds(g.HealthCheckIntervalSeconds), seconds(g.HealthCheckTimeoutSeconds), int(aws.ToInt32(g.UnhealthyThresholdCount)))
}

// newBudget counts n probes in a row that time out. The last fails after n
// intervals and a timeout when the process stops right after a good probe, and
// an interval sooner when it stops right before one.
func newBudget(kind, name, threshold string, interval, timeout time.Duration, n int) HealthBudget {
	return HealthBudget{
		Kind: kind, Name: name,
		Budget:   time.Duration(n)*interval + timeout,
		Earliest: time.Duration(max(n-1, 0))*interval + timeout,
		Detail:   fmt.Sprintf("interval %s, %s %d, timeout %s", interval, threshold, n, timeout),
	}
}

// targetGroups returns the ARNs of the target groups that the service has for
// the container, each once.
func (t Target) targetGroups(ctx context.Context, client *awsecs.Client) ([]string, error) {
	if t.Service == "" {
		return nil, nil
	}
	out, err := client.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: aws.String(t.Cluster), Services: []string{t.Service}})
	if err != nil {
		return nil, err
	}
	var arns []string
	for _, s := range out.Services { // one, or none when it is gone
		for _, lb := range s.LoadBalancers {
			arn := aws.ToString(lb.TargetGroupArn) // "" for a Classic Load Balancer
			if arn != "" && t.serves(lb) && !slices.Contains(arns, arn) {
				arns = append(arns, arn)
			}
		}
	}
	return arns, nil
}

// serves tells whether the load balancer's probes go to the container.
func (t Target) serves(lb ecstypes.LoadBalancer) bool {
	name := aws.ToString(lb.ContainerName)
	return name == "" || name == t.Container
}

// skipped says why a budget of a target group is not known.
func skipped(name, action string, err error) HealthBudget {
	b := HealthBudget{Kind: groupCheck, Name: name}
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && (api.ErrorCode() == "AccessDenied" || api.ErrorCode() == "AccessDeniedException"):
		b.Skipped = "skipped: needs " + action
	case errors.As(err, &api):
		b.Skipped = fmt.Sprintf("skipped: %s answers %s", action, api.ErrorCode())
	default:
		b.Skipped = fmt.Sprintf("skipped: %s cannot be asked", action)
	}
	return b
}

// groupName is the name in the ARN of a target group, …:targetgroup/name/id.
func groupName(arn string) string {
	name := arn
	if i := len(arn) - len(lastSegment(arn)) - 1; i > 0 {
		name = lastSegment(arn[:i])
	}
	return name
}

func seconds(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }
