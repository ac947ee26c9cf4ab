package fakeaws

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	ecsNamespace      = "AWS/ECS"
	insightsNamespace = "ECS/ContainerInsights"

	// maxDatapoints is how many points of one metric the fake shows at most, the newest ones.
	maxDatapoints = 60
)

// metricQuery is one query of GetMetricData.
type metricQuery struct {
	id, label, namespace, metric, stat string
	dimensions                         map[string]string
	period                             time.Duration
	silent                             bool // ReturnData is false
	expression                         string
}

// metricResult is the answer to one.
type metricResult struct {
	id, label  string
	timestamps []time.Time
	values     []float64
}

// check refuses what CloudWatch refuses, and expressions, which the fake does not evaluate.
func (q *metricQuery) check() error {
	invalid := func(text string) error { return &apiError{Code: "ValidationError", Message: text} }
	switch {
	case q.id == "":
		return invalid("The parameter MetricDataQueries.member.1.Id is required.")
	case q.id[0] < 'a' || q.id[0] > 'z':
		return invalid("The value " + q.id + " for parameter MetricDataQueries.member.1.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.")
	case q.expression != "":
		return invalid("expressions are not evaluated here")
	case q.period < time.Second || q.namespace == "" || q.metric == "" || q.stat == "":
		return invalid("MetricStat needs Metric, Period and Stat.")
	}
	return nil
}

// metricData evaluates the queries from start to end, newest points first unless ascending.
func (w *world) metricData(queries []metricQuery, start, end time.Time, ascending bool) []metricResult {
	var results []metricResult
	for _, q := range queries {
		if q.silent {
			continue
		}
		result := metricResult{id: q.id, label: q.label}
		setDefault(&result.label, q.metric)
		value, known := q.statistic(w.samples(&q))
		at := min(end.Unix(), time.Now().Unix())
		at -= at % int64(q.period.Seconds())
		for known && at >= start.Unix() && len(result.values) < maxDatapoints {
			result.timestamps = append(result.timestamps, time.Unix(at, 0).UTC())
			result.values = append(result.values, value)
			at -= int64(q.period.Seconds())
		}
		if ascending {
			slices.Reverse(result.timestamps)
			slices.Reverse(result.values)
		}
		results = append(results, result)
	}
	return results
}

// statistic makes one number of the samples of all tasks.
func (q *metricQuery) statistic(samples []float64) (float64, bool) {
	if len(samples) == 0 {
		return 0, false
	}
	sum := 0.0
	for _, v := range samples {
		sum += v
	}
	switch q.stat {
	case "Average":
		return sum / float64(len(samples)), true
	case "Maximum":
		return slices.Max(samples), true
	case "Minimum":
		return slices.Min(samples), true
	case "Sum":
		return sum, true
	case "SampleCount":
		return float64(len(samples)), true
	}
	return 0, false
}

// samples are the values of a metric for each task, or each container, that its dimensions cover.
// Only the sets of dimensions that AWS publishes exist.
func (w *world) samples(q *metricQuery) []float64 {
	if !w.published(q) {
		return nil
	}
	var out []float64
	for _, t := range w.tasks {
		if t.LastStatus != statusRunning || !t.has(q.dimensions) {
			continue
		}
		if strings.HasPrefix(q.metric, "Container") {
			for i := range t.Containers {
				c := &t.Containers[i]
				if name, ok := q.dimensions["ContainerName"]; (!ok || name == c.Name) && c.MemoryUsed > 0 {
					out = appendMetric(out, strings.TrimPrefix(q.metric, "Container"), c.MemoryUsed, c.limit(t))
				}
			}
		} else if t.MemoryUsed > 0 {
			out = appendMetric(out, strings.TrimPrefix(q.metric, "Task"), t.MemoryUsed, t.limit())
		}
	}
	return out
}

// appendMetric adds the value that a memory metric has for so much used of so much.
func appendMetric(out []float64, metric string, used, limit float64) []float64 {
	switch {
	case metric == "MemoryUtilized":
		return append(out, used)
	case metric == "MemoryReserved":
		return append(out, limit)
	case metric == "MemoryUtilization" && limit > 0:
		return append(out, 100*used/limit)
	}
	return out
}

// published says whether AWS publishes a metric with these dimensions in the cluster: the free ones
// always, the ones of Container Insights where it is on, those of single tasks where it is enhanced.
func (w *world) published(q *metricQuery) bool {
	set := strings.Join(slices.Sorted(maps.Keys(q.dimensions)), " ")
	if q.namespace == ecsNamespace {
		return q.metric == "MemoryUtilization" && (set == "ClusterName" || set == "ClusterName ServiceName")
	}
	c := w.cluster(q.dimensions["ClusterName"])
	if q.namespace != insightsNamespace || c == nil {
		return false
	}
	wide := set == "ClusterName" || set == "ClusterName ServiceName" || set == "ClusterName TaskDefinitionFamily"
	task := set == "ClusterName ServiceName TaskId" || set == "ClusterName TaskDefinitionFamily TaskId"
	container := set == "ClusterName ContainerName ServiceName" || set == "ClusterName ContainerName TaskDefinitionFamily" ||
		set == "ClusterName ContainerName ServiceName TaskId" || set == "ClusterName ContainerName TaskDefinitionFamily TaskId"
	switch q.metric {
	case "MemoryUtilized", "MemoryReserved":
		return wide && (c.ContainerInsights == "enabled" || c.ContainerInsights == "enhanced")
	case "TaskMemoryUtilization":
		return (wide || task) && c.ContainerInsights == "enhanced"
	case "ContainerMemoryUtilization", "ContainerMemoryUtilized", "ContainerMemoryReserved":
		return (wide || container) && c.ContainerInsights == "enhanced"
	}
	return false
}

// has says whether a task has all of the dimensions but that of its container.
func (t *task) has(dimensions map[string]string) bool {
	own := map[string]string{"ClusterName": t.Cluster, "ServiceName": t.Service, "TaskDefinitionFamily": t.Family, "TaskId": t.ID}
	for name, value := range dimensions {
		if name != "ContainerName" && own[name] != value {
			return false
		}
	}
	return true
}

// limit is the memory of a task in MiB: its own, or that of its containers together.
func (t *task) limit() float64 {
	if mib, err := strconv.ParseFloat(t.Memory, 64); err == nil {
		return mib
	}
	sum := 0
	for i := range t.Containers {
		c := &t.Containers[i]
		if c.MemoryReservation > 0 {
			sum += c.MemoryReservation
		} else {
			sum += c.Memory
		}
	}
	return float64(sum)
}

// limit is the memory of a container in MiB: its own, or the task's.
func (c *Container) limit(t *task) float64 {
	switch {
	case c.Memory > 0:
		return float64(c.Memory)
	case c.MemoryReservation > 0:
		return float64(c.MemoryReservation)
	}
	return t.limit()
}
