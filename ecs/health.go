package ecs

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
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
// What may not be asked, or cannot be, is a budget with Skipped.
func (f *Facts) HealthBudgets() []HealthBudget {
	budgets := containerBudget(f.Target)
	if gap := f.Service.gap(); gap != nil {
		return append(budgets, HealthBudget{Kind: groupCheck, Name: "of service " + f.Target.Service, Skipped: gap.text()})
	}
	if gap := f.TargetGroups.gap(); gap != nil {
		for _, arn := range f.Target.targetGroups(f.Service.Value) {
			budgets = append(budgets, HealthBudget{Kind: groupCheck, Name: groupName(arn), Skipped: gap.text()})
		}
		return budgets
	}
	for _, g := range f.TargetGroups.Value {
		if checks(g) {
			budgets = append(budgets, groupBudget(g))
		}
	}
	return budgets
}

// checks tells whether a target group makes health checks.
func checks(g elbtypes.TargetGroup) bool { return g.HealthCheckEnabled == nil || *g.HealthCheckEnabled }

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
func (t Target) targetGroups(s *ecstypes.Service) []string {
	if s == nil {
		return nil
	}
	var arns []string
	for _, lb := range s.LoadBalancers {
		arn := aws.ToString(lb.TargetGroupArn) // "" for a Classic Load Balancer
		if arn != "" && t.serves(lb) && !slices.Contains(arns, arn) {
			arns = append(arns, arn)
		}
	}
	return arns
}

// serves tells whether the load balancer's probes go to the container.
func (t Target) serves(lb ecstypes.LoadBalancer) bool {
	name := aws.ToString(lb.ContainerName)
	return name == "" || name == t.Container
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
