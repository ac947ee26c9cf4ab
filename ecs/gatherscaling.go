package ecs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsscaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
)

// newestActivities is how many activities are looked at: the newest come first.
const newestActivities = 20

// scalingID is what Application Auto Scaling calls the service.
func (t Target) scalingID() string { return "service/" + t.Cluster + "/" + t.Service }

func (g *gatherer) scaling(ctx context.Context) error {
	t := g.f.Target
	if t.Service == "" {
		return nil
	}
	return ask(&g.f.Scaling, "application-autoscaling:DescribeScalableTargets", func() ([]scalingtypes.ScalableTarget, error) {
		out, err := g.Scaling.DescribeScalableTargets(ctx, &awsscaling.DescribeScalableTargetsInput{
			ServiceNamespace: scalingtypes.ServiceNamespaceEcs, ResourceIds: []string{t.scalingID()},
		})
		if err != nil {
			return nil, err
		}
		return out.ScalableTargets, nil
	})
}

// activities asks what scaling has done, where there is any.
func (g *gatherer) activities(ctx context.Context) error {
	if g.f.Scaling.gap() != nil || len(g.f.Scaling.Value) == 0 {
		return nil
	}
	return ask(&g.f.Activities, "application-autoscaling:DescribeScalingActivities", func() ([]scalingtypes.ScalingActivity, error) {
		out, err := g.Scaling.DescribeScalingActivities(ctx, &awsscaling.DescribeScalingActivitiesInput{
			ServiceNamespace: scalingtypes.ServiceNamespaceEcs, ResourceId: aws.String(g.f.Target.scalingID()), MaxResults: aws.Int32(newestActivities),
		})
		if err != nil {
			return nil, err
		}
		return out.ScalingActivities, nil
	})
}
