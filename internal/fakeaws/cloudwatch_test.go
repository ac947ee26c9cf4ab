package fakeaws

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go/encoding/cbor"
)

// metricQueryCBOR asks for the maximum of a metric over the last five minutes; the dimensions are
// names and values.
func metricQueryCBOR(id, metric string, dimensions ...string) []byte {
	list := cbor.List{}
	for i := 0; i < len(dimensions); i += 2 {
		list = append(list, cbor.Map{"Name": cbor.String(dimensions[i]), "Value": cbor.String(dimensions[i+1])})
	}
	namespace := insightsNamespace
	if metric == "MemoryUtilization" {
		namespace = ecsNamespace
	}
	at := func(ago time.Duration) cbor.Value {
		return &cbor.Tag{ID: 1, Value: cbor.Float64(float64(time.Now().Add(-ago).UnixMilli()) / 1000)}
	}
	return cbor.Encode(cbor.Map{
		"StartTime": at(5 * time.Minute), "EndTime": at(0),
		"MetricDataQueries": cbor.List{cbor.Map{"Id": cbor.String(id), "MetricStat": cbor.Map{
			"Metric": cbor.Map{"Namespace": cbor.String(namespace), "MetricName": cbor.String(metric), "Dimensions": list},
			"Period": cbor.Uint(60), "Stat": cbor.String("Maximum"),
		}}},
	})
}

func TestMetricData(t *testing.T) {
	s := start(t, Config{})
	s.SetCluster(Cluster{Name: "prod", ContainerInsights: "enhanced"})
	s.SetCluster(Cluster{Name: "plain"})
	var ids []string
	for i, used := range []float64{1024, 3072, 0} {
		for _, cluster := range []string{"prod", "plain"} {
			arn := s.AddTask(Task{Cluster: cluster, Service: "api", Memory: "4096", MemoryUsed: used, Containers: []Container{
				{Name: "web", Memory: 2048, MemoryUsed: used / 2}, {Name: "log", MemoryUsed: 1},
			}})
			if i == 0 {
				ids = append(ids, lastPart(arn))
			}
		}
	}
	for name, tt := range map[string]struct {
		metric     string
		dimensions []string
		want       float64 // -1 for no data
	}{
		"service":       {"MemoryUtilization", []string{"ClusterName", "prod", "ServiceName", "api"}, 75},
		"no insights":   {"MemoryUtilization", []string{"ClusterName", "plain", "ServiceName", "api"}, 75},
		"task":          {"TaskMemoryUtilization", []string{"ClusterName", "prod", "ServiceName", "api", "TaskId", ids[0]}, 25},
		"by family":     {"TaskMemoryUtilization", []string{"ClusterName", "prod", "TaskDefinitionFamily", "api", "TaskId", ids[0]}, 25},
		"not enhanced":  {"TaskMemoryUtilization", []string{"ClusterName", "plain", "ServiceName", "api", "TaskId", ids[1]}, -1},
		"id alone":      {"TaskMemoryUtilization", []string{"ClusterName", "prod", "TaskId", ids[0]}, -1},
		"container":     {"ContainerMemoryUtilized", []string{"ClusterName", "prod", "ServiceName", "api", "TaskId", ids[0], "ContainerName", "web"}, 512},
		"percent":       {"ContainerMemoryUtilization", []string{"ClusterName", "prod", "ServiceName", "api", "TaskId", ids[0], "ContainerName", "web"}, 25},
		"megabytes":     {"MemoryUtilized", []string{"ClusterName", "prod", "ServiceName", "api"}, 3072},
		"reserved":      {"MemoryReserved", []string{"ClusterName", "prod", "ServiceName", "api"}, 4096},
		"other service": {"MemoryUtilization", []string{"ClusterName", "prod", "ServiceName", "none"}, -1},
		"no such":       {"Happiness", []string{"ClusterName", "prod"}, -1},
	} {
		header := map[string]string{"Smithy-Protocol": cborProtocolName, "Content-Type": cborContentType}
		status, body := post(t, s, "monitoring", "/service/"+graniteService+"/operation/GetMetricData", header, string(metricQueryCBOR("m1", tt.metric, tt.dimensions...)))
		value, err := cbor.Decode([]byte(body))
		if err != nil || status != http.StatusOK {
			t.Fatalf("%s: %d %v", name, status, err)
		}
		result := value.(cbor.Map)["MetricDataResults"].(cbor.List)[0].(cbor.Map)
		values := result["Values"].(cbor.List)
		got := -1.0
		if len(values) > 0 {
			got = float64(values[0].(cbor.Float64))
			if at, err := cbor.AsTime(result["Timestamps"].(cbor.List)[0]); err != nil || time.Since(at) > 2*time.Minute || len(values) < 4 {
				t.Errorf("%s: %d values, newest at %v, %v", name, len(values), at, err)
			}
		}
		if got != tt.want || result["Id"] != cbor.String("m1") {
			t.Errorf("%s: %v of %v, want %v", name, got, result["Id"], tt.want)
		}
	}
	status, body := postForm(t, s, "monitoring", "GetMetricData", "2010-08-01")
	if status != http.StatusBadRequest || !strings.Contains(body, "ValidationError") {
		t.Errorf("nothing asked: %d %s", status, body)
	}
}
