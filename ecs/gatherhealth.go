package ecs

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"
)

func (g *gatherer) targetGroups(ctx context.Context) error {
	for _, f := range g.all {
		if len(groupsOf(f)) == 0 {
			f.TargetGroups = Known[[]elbtypes.TargetGroup](nil)
		}
	}
	return question[[]elbtypes.TargetGroup]{
		action: "elasticloadbalancing:DescribeTargetGroups", fact: func(f *Facts) *Fact[[]elbtypes.TargetGroup] { return &f.TargetGroups },
		key: func(f *Facts) (string, *Gap) { return strings.Join(groupsOf(f), " "), f.Service.gap() },
		ask: func(ctx context.Context, f *Facts) ([]elbtypes.TargetGroup, error) {
			out, err := g.ELB.DescribeTargetGroups(ctx, &awselb.DescribeTargetGroupsInput{TargetGroupArns: groupsOf(f)})
			if err != nil {
				return nil, err
			}
			return out.TargetGroups, nil
		},
	}.put(ctx, g)
}

// groupsOf are the ARNs of the target groups that the task is in, none while its
// service is not known.
func groupsOf(f *Facts) []string {
	if f.Service.gap() != nil {
		return nil
	}
	return f.Target.targetGroups(f.Service.Value)
}

// targetHealth asks each target group how it finds its targets, and picks the tasks
// among them.
func (g *gatherer) targetHealth(ctx context.Context) error {
	const action = "elasticloadbalancing:DescribeTargetHealth"
	var arns []string
	for _, f := range g.all {
		arns = append(arns, groupsOf(f)...)
	}
	arns = distinct(arns)
	targets := make([]Fact[[]elbtypes.TargetHealthDescription], len(arns))
	group, ctx := errgroup.WithContext(ctx)
	for i, arn := range arns {
		group.Go(func() (err error) {
			targets[i], err = asked(action, func() ([]elbtypes.TargetHealthDescription, error) {
				defer g.slot(ctx)()
				out, err := g.ELB.DescribeTargetHealth(ctx, &awselb.DescribeTargetHealthInput{TargetGroupArn: aws.String(arn)})
				if err != nil {
					return nil, err
				}
				return out.TargetHealthDescriptions, nil
			})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, f := range g.all {
		if of := groupsOf(f); len(of) > 0 {
			f.TargetHealth = f.healthIn(of, func(arn string) Fact[[]elbtypes.TargetHealthDescription] { return targets[slices.Index(arns, arn)] })
		}
	}
	return nil
}

// healthIn is the health of the task in each of the target groups that knows it.
func (f *Facts) healthIn(arns []string, targets func(arn string) Fact[[]elbtypes.TargetHealthDescription]) Fact[map[string]elbtypes.TargetHealth] {
	states := map[string]elbtypes.TargetHealth{}
	for _, arn := range arns {
		all := targets(arn)
		if gap := all.gap(); gap != nil {
			return because[map[string]elbtypes.TargetHealth](gap)
		}
		if h, ok := f.ours(all.Value); ok {
			states[arn] = h
		}
	}
	return Known(states)
}

// ours finds the task among the targets of a group: by its address, or by its instance
// and host port.
func (f *Facts) ours(targets []elbtypes.TargetHealthDescription) (elbtypes.TargetHealth, bool) {
	t := f.Target
	c, _ := t.container()
	var ids []string
	if address := t.attached("privateIPv4Address"); address != "" {
		ids = append(ids, address)
	}
	if i := f.Instance.Value; i != nil {
		ids = append(ids, aws.ToString(i.Ec2InstanceId))
	}
	for _, target := range targets {
		if target.Target == nil || target.TargetHealth == nil || !slices.Contains(ids, aws.ToString(target.Target.Id)) {
			continue
		}
		port := aws.ToInt32(target.Target.Port)
		onHost := len(c.NetworkBindings) == 0
		for _, b := range c.NetworkBindings {
			onHost = onHost || aws.ToInt32(b.HostPort) == port
		}
		if onHost {
			return *target.TargetHealth, true
		}
	}
	return elbtypes.TargetHealth{}, false
}

// attached is a detail of the task's network interface, "" for none.
func (t Target) attached(name string) string {
	for _, a := range t.task.Attachments {
		for _, d := range a.Details {
			if aws.ToString(a.Type) == "ElasticNetworkInterface" && aws.ToString(d.Name) == name {
				return aws.ToString(d.Value)
			}
		}
	}
	return ""
}
