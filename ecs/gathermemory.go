package ecs

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// MemoryUse is memory in use, as CloudWatch knew it last.
type MemoryUse struct {
	Bytes int64
	// Hungriest says that it is that of the service's task which uses most, because the
	// cluster has no metrics of single tasks.
	Hungriest bool
}

// memory asks for the share of its memory that the task uses and for the largest that a
// task of its service does, in one call: the second is there without Container Insights.
func (g *gatherer) memory(ctx context.Context) error {
	t := g.f.Target
	if _, limit := t.memoryLimit(); limit == 0 {
		return nil
	}
	return ask(&g.f.MemoryUsed, "cloudwatch:GetMetricData", func() (MemoryUse, error) {
		d := func(name, value string) cwtypes.Dimension {
			return cwtypes.Dimension{Name: aws.String(name), Value: aws.String(value)}
		}
		in := &awscloudwatch.GetMetricDataInput{
			StartTime: aws.Time(g.f.At.Add(-usageWindow)), EndTime: aws.Time(g.f.At.Add(time.Minute)), ScanBy: cwtypes.ScanByTimestampDescending,
			MetricDataQueries: []cwtypes.MetricDataQuery{maximumOf("own", insightsNamespace, memoryMetric, t.dimensions())},
		}
		if t.Service != "" {
			in.MetricDataQueries = append(in.MetricDataQueries,
				maximumOf("service", "AWS/ECS", "MemoryUtilization", []cwtypes.Dimension{d("ClusterName", t.Cluster), d("ServiceName", t.Service)}))
		}
		out, err := g.Metrics.GetMetricData(ctx, in)
		if err != nil {
			return MemoryUse{}, err
		}
		last := map[string]float64{}
		for _, r := range out.MetricDataResults {
			if len(r.Values) > 0 {
				last[aws.ToString(r.Id)] = r.Values[0]
			}
		}
		for _, id := range []string{"own", "service"} { // percent of what the task reserves, both
			if share, ok := last[id]; ok {
				return MemoryUse{Bytes: int64(share / 100 * float64(t.reserved())), Hungriest: id == "service"}, nil
			}
		}
		return MemoryUse{}, &noMetricError{}
	})
}

// noMetricError means that CloudWatch knows nothing of a task.
type noMetricError struct{}

func (e *noMetricError) Error() string      { return "CloudWatch has no figures of it" }
func (e *noMetricError) unanswered() string { return e.Error() }

func maximumOf(id, namespace, metric string, dimensions []cwtypes.Dimension) cwtypes.MetricDataQuery {
	return cwtypes.MetricDataQuery{Id: aws.String(id), MetricStat: &cwtypes.MetricStat{
		Metric: &cwtypes.Metric{Namespace: aws.String(namespace), MetricName: aws.String(metric), Dimensions: dimensions},
		Period: aws.Int32(usagePeriod), Stat: aws.String("Maximum"),
	}}
}
