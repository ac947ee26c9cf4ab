package ecs

import (
	"errors"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

const (
	taskARN    = "arn:aws:ecs:eu-west-1:111122223333:task/prod/" + id32
	serviceARN = "arn:aws:ecs:eu-west-1:111122223333:service/prod/api"
	clusterARN = "arn:aws:ecs:eu-west-1:111122223333:cluster/prod"
	taskURL    = "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/services/api/tasks/" + id32
)

func TestResolve(t *testing.T) {
	tests := map[string]struct {
		query            Query
		cluster, service string
		region, flag     string
	}{
		"names":            {Query{Cluster: "a_b-c", Service: "api"}, "a_b-c", "api", "", ""},
		"cluster ARN":      {Query{Cluster: clusterARN, Service: "api"}, "prod", "api", "eu-west-1", "cluster"},
		"service ARN":      {Query{Service: serviceARN}, "prod", "api", "eu-west-1", "service"},
		"old service ARN":  {Query{Cluster: "prod", Service: "arn:aws-cn:ecs:cn-north-1:111122223333:service/api"}, "prod", "api", "cn-north-1", "service"},
		"all agree":        {Query{Cluster: clusterARN, Service: serviceARN, Task: taskURL}, "prod", "api", "eu-west-1", "task"},
		"address, names":   {Query{Cluster: "prod", Service: "api", Task: taskURL}, "prod", "api", "eu-west-1", "task"},
		"nothing":          {Query{}, "", "", "", ""},
		"GovCloud cluster": {Query{Cluster: "arn:aws-us-gov:ecs:us-gov-east-1:111122223333:cluster/a_b-c"}, "a_b-c", "", "us-gov-east-1", "cluster"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, got, err := tt.query.resolve()
			if err != nil {
				t.Fatal(err)
			}
			region, flag, err := tt.query.Region()
			if err != nil {
				t.Fatal(err)
			}
			if got.Cluster != tt.cluster || got.Service != tt.service || region != tt.region || flag != tt.flag {
				t.Errorf("cluster %q, service %q, region %q by %q", got.Cluster, got.Service, region, flag)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	tests := map[string]struct {
		query Query
		want  string
	}{
		"cluster, task":    {Query{Cluster: "test", Task: taskARN}, "--cluster test contradicts --task, which names cluster prod"},
		"cluster, service": {Query{Cluster: "test", Service: serviceARN}, "--cluster test contradicts --service, which names cluster prod"},
		"service, task":    {Query{Service: "web", Task: taskURL}, "--service web contradicts --task, which names service api"},
		"regions":          {Query{Service: "arn:aws:ecs:us-east-1:111122223333:service/prod/api", Task: taskARN}, "--service names region us-east-1 and contradicts --task, which names region eu-west-1"},
		"no cluster":       {Query{Cluster: serviceARN}, "is not a cluster"},
		"no service":       {Query{Service: clusterARN}, "is not a service"},
		"other ARN":        {Query{Cluster: "arn:aws:s3:::bucket"}, "is not a cluster"},
		"half an ARN":      {Query{Service: "arn:aws:ecs:eu-west-1:1:service/"}, "is not a service"},
		"long ARN":         {Query{Service: serviceARN + "/x/y"}, "is not a service"},
		"odd region":       {Query{Cluster: "arn:aws:ecs:a.example.com/:1:cluster/prod"}, "is not a cluster"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := tt.query.resolve()
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want …%s…", err, tt.want)
			}
			var hinter interface{ Hint() string }
			if !errors.As(err, &hinter) || hinter.Hint() == "" {
				t.Errorf("%v has no hint", err)
			}
		})
	}
}

// TestClusterDefault: the only cluster, else the one called default, else a question.
func TestClusterDefault(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	server.AddTask(fakeaws.Task{Cluster: "a_b-c", Service: "api", ID: id32, Containers: []fakeaws.Container{node("api")}})
	find := func() (Target, error) { return Find(t.Context(), client, Query{Task: "0123"}) }
	if got, err := find(); err != nil || got.Cluster != "a_b-c" {
		t.Errorf("with one cluster: %v, %v", got, err)
	}
	server.AddCluster("staging")
	_, err := find()
	if several, ok := errors.AsType[*AmbiguousError](err); !ok || several.What != "cluster" || !strings.Contains(several.Hint(), "--cluster: a_b-c, staging") {
		t.Errorf("with two clusters: %v", err)
	}
	server.AddCluster("default")
	if missing, ok := errors.AsType[*NotFoundError](func() error { _, err := find(); return err }()); !ok || missing.Query.Cluster != "default" {
		t.Errorf("with one called default: %v", missing)
	}
	server.Fault(fakeaws.Fault{Operation: "ecs.ListClusters", Code: "AccessDeniedException", Message: "no"})
	if missing, ok := errors.AsType[*NotFoundError](func() error { _, err := find(); return err }()); !ok || missing.Query.Cluster != "default" {
		t.Errorf("who may not list: %v", missing)
	}
	server.ClearFaults()
	server.Fault(fakeaws.Fault{Operation: "ecs.ListClusters", Code: "ExpiredTokenException", Message: "expired"})
	if _, err := find(); err == nil || !strings.Contains(err.Error(), "Expired") {
		t.Errorf("expired: %v", err)
	}
}

// TestPartitions has targets be right in every partition, with names of all kinds.
func TestPartitions(t *testing.T) {
	for region, partition := range map[string]string{"eu-west-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn", "us-iso-east-1": "aws-iso"} {
		for _, id := range []string{id32, idUUID} {
			server, client := newClientOf(t, region)
			arn := server.AddTask(fakeaws.Task{Cluster: "a_b-c", Service: "api_v2-x", ID: id, Exec: true, Containers: []fakeaws.Container{node("api")}})
			if !strings.HasPrefix(arn, "arn:"+partition+":ecs:"+region+":") {
				t.Fatalf("the task is %s", arn)
			}
			got, err := Find(t.Context(), client, Query{Cluster: "a_b-c", Task: arn})
			if err != nil {
				t.Errorf("%s: %v", arn, err)
				continue
			}
			if want := "ecs:a_b-c_" + id + "_" + id32 + "-0000000001"; got.SSM() != want || got.TaskARN != arn || got.Region() != region {
				t.Errorf("%s: target %s in %s, want %s", arn, got.SSM(), got.Region(), want)
			}
			if got, err = Find(t.Context(), client, Query{Task: got.containerARN()}); err != nil || got.TaskARN != arn || got.Container != "api" {
				t.Errorf("by its container's ARN: %v, %v", got, err)
			}
		}
	}
}
