package ecs

import (
	"errors"
	"strings"
	"testing"
)

const (
	id32   = "0123456789abcdef0123456789abcdef"
	idUUID = "01234567-89ab-cdef-0123-456789abcdef"

	container = "arn:aws:ecs:eu-west-1:111122223333:container/prod/" + id32 + "/aaaaaaaa-0000-4000-8000-000000000001"
)

func TestParseTask(t *testing.T) {
	tests := map[string]struct {
		text  string
		want  TaskRef
		whole bool
	}{
		"id":              {id32, TaskRef{ID: id32}, true},
		"id in capitals":  {"0123456789ABCDEF0123456789ABCDEF", TaskRef{ID: id32}, true},
		"id with spaces":  {" " + id32 + "\n", TaskRef{ID: id32}, true},
		"old id":          {idUUID, TaskRef{ID: idUUID}, true},
		"prefix":          {"0123", TaskRef{ID: "0123"}, false},
		"new ARN":         {"arn:aws:ecs:eu-west-1:111122223333:task/prod/" + id32, TaskRef{"aws", "eu-west-1", "111122223333", "prod", "", id32, ""}, true},
		"old ARN":         {"arn:aws:ecs:us-east-1:111122223333:task/" + idUUID, TaskRef{"aws", "us-east-1", "111122223333", "", "", idUUID, ""}, true},
		"GovCloud ARN":    {"arn:aws-us-gov:ecs:us-gov-west-1:111122223333:task/a_b-c/" + id32, TaskRef{"aws-us-gov", "us-gov-west-1", "111122223333", "a_b-c", "", id32, ""}, true},
		"China ARN":       {"arn:aws-cn:ecs:cn-north-1:111122223333:task/prod/" + id32, TaskRef{"aws-cn", "cn-north-1", "111122223333", "prod", "", id32, ""}, true},
		"isolated ARN":    {"arn:aws-iso-b:ecs:us-isob-east-1:111122223333:task/prod/" + id32, TaskRef{"aws-iso-b", "us-isob-east-1", "111122223333", "prod", "", id32, ""}, true},
		"European ARN":    {"arn:aws-eusc:ecs:eusc-de-east-1:111122223333:task/prod/" + id32, TaskRef{"aws-eusc", "eusc-de-east-1", "111122223333", "prod", "", id32, ""}, true},
		"container ARN":   {container, TaskRef{"aws", "eu-west-1", "111122223333", "prod", "", id32, container}, true},
		"console":         {"https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/tasks/" + id32 + "/configuration?region=eu-west-1", TaskRef{Region: "eu-west-1", Cluster: "prod", ID: id32}, true},
		"console service": {"https://us-east-2.console.aws.amazon.com/ecs/v2/clusters/prod/services/api/tasks/" + id32, TaskRef{Region: "us-east-2", Cluster: "prod", Service: "api", ID: id32}, true},
		"former console":  {"https://console.aws.amazon.com/ecs/home?region=eu-west-1#/clusters/a_b-c/tasks/" + id32 + "/details", TaskRef{Region: "eu-west-1", Cluster: "a_b-c", ID: id32}, true},
		"former, old id":  {"https://eu-west-1.console.aws.amazon.com/ecs/home?region=eu-west-1#/clusters/prod/tasks/" + idUUID + "/details?tab=logs", TaskRef{Region: "eu-west-1", Cluster: "prod", ID: idUUID}, true},
		"several logins":  {"https://111122223333-abcd1234.eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/tasks/" + id32, TaskRef{Region: "eu-west-1", Cluster: "prod", ID: id32}, true},
		"console, China":  {"https://cn-north-1.console.amazonaws.cn/ecs/v2/clusters/prod/tasks/" + id32 + "?region=cn-north-1", TaskRef{Region: "cn-north-1", Cluster: "prod", ID: id32}, true},
		"console, Gov":    {"https://console.amazonaws-us-gov.com/ecs/v2/clusters/prod/tasks/" + id32 + "?region=us-gov-west-1", TaskRef{Region: "us-gov-west-1", Cluster: "prod", ID: id32}, true},
		"odd names":       {"https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/services/services/tasks/tasks/" + id32, TaskRef{Region: "eu-west-1", Cluster: "services", Service: "tasks", ID: id32}, true},
		"capitals":        {"HTTPS://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/Prod/tasks/0123456789ABCDEF0123456789ABCDEF", TaskRef{Region: "eu-west-1", Cluster: "Prod", ID: id32}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := ParseTask(tt.text)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("ParseTask(%q) = %+v, want %+v", tt.text, got, tt.want)
			}
			if got.Whole() != tt.whole {
				t.Errorf("Whole() = %t, want %t", got.Whole(), tt.whole)
			}
		})
	}
}

func TestParseTaskRefuses(t *testing.T) {
	for _, text := range []string{
		"", "my-service", "-", "task/prod/" + id32, "arn:aws:ecs:eu-west-1:111122223333:service/prod/api", "arn:aws:ecs", "arn:aws:s3:::bucket/" + id32,
		"arn:aws:ecs:eu-west-1:1:task/prod/", "arn:aws:ecs:eu-west-1:1:task/prod/" + id32 + "/more", "https://console.aws.amazon.com/ecs/v2/clusters/prod", "https://%zz",
		"https://example.com/ecs/v2/clusters/prod/tasks/" + id32, "http://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/tasks/" + id32,
		"https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/tasks/" + id32 + "?region=eu-west-2", // which one?
		"https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/a%2Fb/tasks/" + id32,
		"arn:aws:ecs:evil.example.com#:111122223333:task/prod/" + id32, "arn:aws:ecs:eu-west-1:1:container/aaaaaaaa-0000-4000-8000-000000000001",
		"arn:aws:ecs:eu-west-1:1:task-definition/api:3", "arn:aws:ecs:eu-west-1:1:cluster/prod", id32 + id32,
	} {
		ref, err := ParseTask(text)
		var refErr *RefError
		if !errors.As(err, &refErr) || refErr.Hint() == "" {
			t.Errorf("ParseTask(%q) = %+v, %v; want a *RefError with a hint", text, ref, err)
		}
	}
}

func FuzzParseTask(f *testing.F) {
	for _, s := range []string{id32, idUUID, "arn:aws:ecs:eu-west-1:111122223333:task/prod/" + id32, "https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/prod/tasks/" + id32} {
		f.Add(s)
	}
	f.Add(container)
	f.Add("https://111122223333-a.eu-west-1.console.aws.amazon.com/ecs/home?region=eu-west-1#/clusters/prod/services/api/tasks/" + id32 + "/details?a=b")
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseTask(s)
		if err == nil && !idPrefix.MatchString(ref.ID) {
			t.Errorf("ParseTask(%q) accepted the id %q", s, ref.ID)
		}
		if ref.Region != "" && !regionName.MatchString(ref.Region) || ref.Cluster != "" && !resourceName.MatchString(ref.Cluster) {
			t.Errorf("ParseTask(%q) accepted the region %q and the cluster %q", s, ref.Region, ref.Cluster)
		}
		if again, err := ParseTask(ref.ID); ref.ID != "" && (err != nil || again.ID != ref.ID) {
			t.Errorf("ParseTask(%q) gave the id %q, which reads as %+v, %v", s, ref.ID, again, err)
		}
		if err != nil && ref != (TaskRef{}) {
			t.Errorf("ParseTask(%q) = %+v beside the error %v", s, ref, err)
		}
	})
}

func TestRefErrorHints(t *testing.T) {
	for text, want := range map[string]string{
		"arn:aws:ecs:eu-west-1:1:service/prod/api":                               "--service",
		"arn:aws:ecs:eu-west-1:1:cluster/prod":                                   "--cluster",
		"arn:aws:ecs:eu-west-1:1:task-definition/api:3":                          "--family",
		"arn:aws:ecs:eu-west-1:1:container/aaaaaaaa-0000-4000-8000-000000000001": "--container",
	} {
		_, err := ParseTask(text)
		refErr, ok := errors.AsType[*RefError](err)
		if !ok || !strings.Contains(refErr.Hint(), want) {
			t.Errorf("%s: %v, want a hint with %s", text, err, want)
		}
	}
}
