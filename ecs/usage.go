package ecs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscloudwatch "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
)

// Where Container Insights with enhanced observability keeps the memory of single
// tasks (CloudWatch user guide, "Amazon ECS Container Insights with enhanced
// observability metrics").
const (
	insightsNamespace = "ECS/ContainerInsights"
	memoryMetric      = "TaskMemoryUtilization" // in percent of what the task reserves
)

const (
	// usageWindow is how far back a last value is looked for. There is one a
	// minute, and it comes some minutes late.
	usageWindow = 15 * time.Minute

	// usagePeriod is in seconds.
	usagePeriod = 60

	// usageWait is how long the memory is worth waiting for: what else is known of
	// the tasks must not wait for an endpoint that a network does not reach.
	usageWait = 10 * time.Second

	// usageBatch is how many metrics one GetMetricData call takes.
	usageBatch = 500
)

// Usage is what CloudWatch last knew of a task's memory, all its containers
// together.
type Usage struct {
	Share float64   // of the task's memory, 1 is all of it
	Bytes int64     // 0 if the task's memory is not known
	At    time.Time // of the minute that it was the maximum of
}

// MemoryUsage asks CloudWatch for the memory of the tasks, by their ARN. There is
// none where the cluster has no Container Insights with enhanced observability, for
// a task of the last few minutes, and where the caller may not ask: missing says
// then, in a few words for people, why some have none. Each task costs a metric
// of one GetMetricData call ($0.01 for 1000). The error is the cause of ctx.
func MemoryUsage(ctx context.Context, client *awscloudwatch.Client, tasks []Target) (usage map[string]Usage, missing string, err error) {
	usage = map[string]Usage{}
	patience, cancel := context.WithTimeout(ctx, usageWait)
	defer cancel()
	for len(tasks) > 0 {
		batch := tasks[:min(usageBatch, len(tasks))]
		tasks = tasks[len(batch):]
		if err := memoryBatch(patience, client, batch, usage); err != nil {
			return usage, "memory now: " + unasked("cloudwatch:GetMetricData", err), context.Cause(ctx)
		}
	}
	if len(usage) == 0 {
		missing = "memory now: CloudWatch has none of these tasks (Container Insights with enhanced observability is off, or they are minutes old)"
	}
	return usage, missing, nil
}

// memoryBatch asks for at most usageBatch tasks.
func memoryBatch(ctx context.Context, client *awscloudwatch.Client, tasks []Target, usage map[string]Usage) error {
	now := time.Now()
	in := &awscloudwatch.GetMetricDataInput{
		StartTime: aws.Time(now.Add(-usageWindow)), EndTime: aws.Time(now), ScanBy: cwtypes.ScanByTimestampDescending,
	}
	for i, t := range tasks {
		in.MetricDataQueries = append(in.MetricDataQueries, cwtypes.MetricDataQuery{
			Id: aws.String("m" + strconv.Itoa(i)),
			MetricStat: &cwtypes.MetricStat{
				Metric: &cwtypes.Metric{
					Namespace: aws.String(insightsNamespace), MetricName: aws.String(memoryMetric), Dimensions: t.dimensions(),
				},
				Period: aws.Int32(usagePeriod), Stat: aws.String("Maximum"),
			},
		})
	}
	pages := awscloudwatch.NewGetMetricDataPaginator(client, in)
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range out.MetricDataResults {
			i, err := strconv.Atoi(strings.TrimPrefix(aws.ToString(r.Id), "m"))
			if err != nil || i < 0 || i >= len(tasks) || len(r.Values) == 0 || len(r.Timestamps) == 0 {
				continue
			}
			arn := tasks[i].TaskARN
			if _, have := usage[arn]; !have { // the last one comes first
				share := r.Values[0] / 100
				usage[arn] = Usage{Share: share, Bytes: int64(share * float64(tasks[i].reserved())), At: r.Timestamps[0]}
			}
		}
	}
	return nil
}

// dimensions name the metrics of one task.
func (t Target) dimensions() []cwtypes.Dimension {
	d := func(name, value string) cwtypes.Dimension {
		return cwtypes.Dimension{Name: aws.String(name), Value: aws.String(value)}
	}
	group := d("ServiceName", t.Service)
	if t.Service == "" {
		group = d("TaskDefinitionFamily", t.Family)
	}
	return []cwtypes.Dimension{d("ClusterName", t.Cluster), group, d("TaskId", t.TaskID())}
}

// unasked says in a few words why an action gave no answer.
func unasked(action string, err error) string {
	var api smithy.APIError
	switch {
	case accessRefused(err):
		return "needs " + action
	case errors.As(err, &api):
		return fmt.Sprintf("%s answers %s", action, api.ErrorCode())
	}
	return action + " cannot be asked"
}

// answered tells whether the error is an answer of AWS rather than a lack of one.
func answered(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api)
}
