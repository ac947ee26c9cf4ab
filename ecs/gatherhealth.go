package ecs

import (
	"context"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"golang.org/x/sync/errgroup"
)

func (g *gatherer) targetGroups(ctx context.Context) error {
	if gap := g.f.Service.gap(); gap != nil {
		g.f.TargetGroups = because[[]elbtypes.TargetGroup](gap)
		return nil
	}
	arns := g.f.Target.targetGroups(g.f.Service.Value)
	if len(arns) == 0 {
		g.f.TargetGroups = Known[[]elbtypes.TargetGroup](nil)
		return nil
	}
	return ask(&g.f.TargetGroups, "elasticloadbalancing:DescribeTargetGroups", func() ([]elbtypes.TargetGroup, error) {
		out, err := g.ELB.DescribeTargetGroups(ctx, &awselb.DescribeTargetGroupsInput{TargetGroupArns: arns})
		if err != nil {
			return nil, err
		}
		return out.TargetGroups, nil
	})
}

// targetHealth asks each target group how it finds the task.
func (g *gatherer) targetHealth(ctx context.Context) error {
	if g.f.Service.gap() != nil {
		return nil
	}
	arns := g.f.Target.targetGroups(g.f.Service.Value)
	if len(arns) == 0 {
		return nil
	}
	return ask(&g.f.TargetHealth, "elasticloadbalancing:DescribeTargetHealth", func() (map[string]elbtypes.TargetHealth, error) {
		var mu sync.Mutex
		var group errgroup.Group
		states := map[string]elbtypes.TargetHealth{}
		for _, arn := range arns {
			group.Go(func() error {
				out, err := g.ELB.DescribeTargetHealth(ctx, &awselb.DescribeTargetHealthInput{TargetGroupArn: aws.String(arn)})
				if err != nil {
					return err
				}
				if h, ok := g.ours(out.TargetHealthDescriptions); ok {
					mu.Lock()
					defer mu.Unlock()
					states[arn] = h
				}
				return nil
			})
		}
		err := group.Wait()
		return states, err
	})
}

// ours finds the task among the targets of a group: by its address, or by its instance
// and host port.
func (g *gatherer) ours(targets []elbtypes.TargetHealthDescription) (elbtypes.TargetHealth, bool) {
	t := g.f.Target
	c, _ := t.container()
	var ids []string
	if address := t.attached("privateIPv4Address"); address != "" {
		ids = append(ids, address)
	}
	if i := g.f.Instance.Value; i != nil {
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
