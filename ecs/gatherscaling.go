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

// scalingBatch is how many services one DescribeScalableTargets call takes (Application
// Auto Scaling API reference).
const scalingBatch = 50

func (g *gatherer) scaling(ctx context.Context) error {
	return list[[]scalingtypes.ScalableTarget]{
		action: "application-autoscaling:DescribeScalableTargets", size: scalingBatch,
		fact: func(f *Facts) *Fact[[]scalingtypes.ScalableTarget] { return &f.Scaling },
		key: func(f *Facts) string {
			if f.Target.Service == "" {
				return ""
			}
			return f.Target.scalingID()
		},
		ask: func(ctx context.Context, ids []string) (map[string][]scalingtypes.ScalableTarget, error) {
			have := map[string][]scalingtypes.ScalableTarget{}
			pages := awsscaling.NewDescribeScalableTargetsPaginator(g.Scaling, &awsscaling.DescribeScalableTargetsInput{
				ServiceNamespace: scalingtypes.ServiceNamespaceEcs, ResourceIds: ids,
			})
			for pages.HasMorePages() {
				page, err := pages.NextPage(ctx)
				if err != nil {
					return nil, err
				}
				for _, t := range page.ScalableTargets {
					id := aws.ToString(t.ResourceId)
					have[id] = append(have[id], t)
				}
			}
			return have, nil
		},
	}.put(ctx, g)
}

// activities asks what scaling has done, where there is any.
func (g *gatherer) activities(ctx context.Context) error {
	return question[[]scalingtypes.ScalingActivity]{
		action: "application-autoscaling:DescribeScalingActivities", fact: func(f *Facts) *Fact[[]scalingtypes.ScalingActivity] { return &f.Activities },
		key: func(f *Facts) (string, *Gap) {
			if f.Scaling.gap() != nil || len(f.Scaling.Value) == 0 {
				return "", nil
			}
			return f.Target.scalingID(), nil
		},
		ask: func(ctx context.Context, f *Facts) ([]scalingtypes.ScalingActivity, error) {
			out, err := g.Scaling.DescribeScalingActivities(ctx, &awsscaling.DescribeScalingActivitiesInput{
				ServiceNamespace: scalingtypes.ServiceNamespaceEcs, ResourceId: aws.String(f.Target.scalingID()), MaxResults: aws.Int32(newestActivities),
			})
			if err != nil {
				return nil, err
			}
			return out.ScalingActivities, nil
		},
	}.put(ctx, g)
}
