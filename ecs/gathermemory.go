package ecs

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"golang.org/x/sync/errgroup"
)

// MemoryUse is memory in use, as CloudWatch knew it last.
type MemoryUse struct {
	Bytes int64
	// Hungriest says that it is that of the service's task which uses most, because the
	// cluster has no metrics of single tasks.
	Hungriest bool
}

// memory asks for the share of its memory that each task uses and for the largest that a
// task of its service does, in one call: the second is there without Container Insights.
func (g *gatherer) memory(ctx context.Context) error {
	shares := map[string]Fact[float64]{} // percent of what a task reserves, by the ARN of the task or the name of the service
	var keys []string
	queries := map[string]cwtypes.MetricDataQuery{}
	for _, f := range g.all {
		for _, key := range memoryKeys(f.Target) {
			if _, have := queries[key]; !have {
				keys = append(keys, key)
				queries[key] = memoryQuery(f.Target, key)
			}
		}
	}
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	for batch := range slices.Chunk(keys, usageBatch) {
		group.Go(func() error {
			last, err := asked("cloudwatch:GetMetricData", func() (map[string]float64, error) {
				defer g.slot(ctx)()
				return g.lastValues(ctx, batch, queries)
			})
			mu.Lock()
			defer mu.Unlock()
			for _, key := range batch {
				if v, ok := last.Value[key]; ok {
					shares[key] = Known(v)
				} else if last.Gap != nil {
					shares[key] = because[float64](last.Gap)
				}
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, f := range g.all {
		f.MemoryUsed = memoryUse(f.Target, shares)
	}
	return nil
}

// memoryKeys are what tells of a task's memory, the best first: the task and its
// service. Without a limit none is of use.
func memoryKeys(t Target) []string {
	switch _, limit := t.memoryLimit(); {
	case limit == 0:
		return nil
	case t.Service == "":
		return []string{t.TaskARN}
	}
	return []string{t.TaskARN, t.Service}
}

// memoryQuery is the question for one of them.
func memoryQuery(t Target, key string) cwtypes.MetricDataQuery {
	if key == t.TaskARN {
		return maximumOf(insightsNamespace, memoryMetric, t.dimensions())
	}
	return maximumOf("AWS/ECS", "MemoryUtilization", []cwtypes.Dimension{
		{Name: aws.String("ClusterName"), Value: aws.String(t.Cluster)}, {Name: aws.String("ServiceName"), Value: aws.String(t.Service)},
	})
}

// memoryUse is what the shares tell of a task.
func memoryUse(t Target, shares map[string]Fact[float64]) Fact[MemoryUse] {
	keys := memoryKeys(t)
	if len(keys) == 0 {
		return Fact[MemoryUse]{}
	}
	for _, key := range keys {
		share, have := shares[key]
		if !have {
			continue
		}
		if gap := share.gap(); gap != nil {
			return because[MemoryUse](gap)
		}
		return Known(MemoryUse{Bytes: int64(share.Value / 100 * float64(t.reserved())), Hungriest: key != t.TaskARN})
	}
	return factOf("", MemoryUse{}, &noMetricError{})
}

// lastValues asks for the last value of each metric.
func (g *gatherer) lastValues(ctx context.Context, keys []string, queries map[string]cwtypes.MetricDataQuery) (map[string]float64, error) {
	in := &awscloudwatch.GetMetricDataInput{
		StartTime: aws.Time(g.at.Add(-usageWindow)), EndTime: aws.Time(g.at.Add(time.Minute)), ScanBy: cwtypes.ScanByTimestampDescending,
	}
	for i, key := range keys {
		query := queries[key]
		query.Id = aws.String("m" + strconv.Itoa(i))
		in.MetricDataQueries = append(in.MetricDataQueries, query)
	}
	last := map[string]float64{}
	pages := awscloudwatch.NewGetMetricDataPaginator(g.Metrics, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range page.MetricDataResults {
			i, err := strconv.Atoi(strings.TrimPrefix(aws.ToString(r.Id), "m"))
			if err != nil || i < 0 || i >= len(keys) || len(r.Values) == 0 {
				continue
			}
			if _, have := last[keys[i]]; !have { // the last one comes first
				last[keys[i]] = r.Values[0]
			}
		}
	}
	return last, nil
}

// noMetricError means that CloudWatch knows nothing of a task.
type noMetricError struct{}

func (e *noMetricError) Error() string      { return "CloudWatch has no figures of it" }
func (e *noMetricError) unanswered() string { return e.Error() }

func maximumOf(namespace, metric string, dimensions []cwtypes.Dimension) cwtypes.MetricDataQuery {
	return cwtypes.MetricDataQuery{MetricStat: &cwtypes.MetricStat{
		Metric: &cwtypes.Metric{Namespace: aws.String(namespace), MetricName: aws.String(metric), Dimensions: dimensions},
		Period: aws.Int32(usagePeriod), Stat: aws.String("Maximum"),
	}}
}
