package fakeaws

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
)

func TestTaskProtection(t *testing.T) {
	s := start(t, Config{})
	add := func(service, status string) string {
		return s.AddTask(Task{Cluster: "prod", Service: service, LastStatus: status, Containers: []Container{{Name: "a"}}})
	}
	s.AddService(Service{Cluster: "prod", Name: "busy", ProtectionBlocked: true})
	missing := s.taskARN("prod", "0123456789abcdef0123456789abcdef")
	api, busy, lone, stopped := add("api", ""), add("busy", ""), add("", ""), add("api", "STOPPED")
	update := func(in awsecs.UpdateTaskProtectionInput) (*awsecs.UpdateTaskProtectionOutput, string) {
		in.Cluster = aws.String("prod")
		out, err := ecsClient(s).UpdateTaskProtection(t.Context(), &in)
		return out, errorCode(err)
	}
	for name, tt := range map[string]struct {
		task string
		want string // reason of the failure
	}{
		"service":    {api, ""},
		"blocked":    {busy, "DEPLOYMENT_BLOCKED"},
		"standalone": {lone, "TASK_NOT_VALID"},
		"stopped":    {stopped, "TASK_NOT_VALID"},
		"missing":    {missing, "MISSING"},
	} {
		out, code := update(awsecs.UpdateTaskProtectionInput{Tasks: []string{tt.task}, ProtectionEnabled: true, ExpiresInMinutes: aws.Int32(60)})
		switch {
		case code != "":
			t.Errorf("%s: %s", name, code)
		case tt.want == "":
			p := out.ProtectedTasks[0]
			if left := time.Until(*p.ExpirationDate); !p.ProtectionEnabled || left < 59*time.Minute || left > time.Hour {
				t.Errorf("%s: %+v", name, p)
			}
		case len(out.ProtectedTasks) != 0 || *out.Failures[0].Reason != tt.want || *out.Failures[0].Arn != tt.task:
			t.Errorf("%s: %+v", name, out)
		}
	}
	got, err := ecsClient(s).GetTaskProtection(t.Context(), &awsecs.GetTaskProtectionInput{Cluster: aws.String("prod"), Tasks: []string{api, busy, lone}})
	if err != nil || len(got.ProtectedTasks) != 2 || !got.ProtectedTasks[0].ProtectionEnabled || got.ProtectedTasks[1].ProtectionEnabled || len(got.Failures) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	s.UpdateTask(api, func(task *Task) { task.ProtectedUntil = time.Now().Add(-time.Second) })
	got, err = ecsClient(s).GetTaskProtection(t.Context(), &awsecs.GetTaskProtectionInput{Cluster: aws.String("prod"), Tasks: []string{api}})
	if err != nil || got.ProtectedTasks[0].ProtectionEnabled || got.ProtectedTasks[0].ExpirationDate != nil {
		t.Errorf("after its end: %+v, %v", got, err)
	}
	for name, in := range map[string]awsecs.UpdateTaskProtectionInput{
		"too many":  {Tasks: make([]string, 11), ProtectionEnabled: true},
		"none":      {Tasks: []string{}, ProtectionEnabled: true},
		"too short": {Tasks: []string{api}, ProtectionEnabled: true, ExpiresInMinutes: aws.Int32(0)},
		"too long":  {Tasks: []string{api}, ProtectionEnabled: true, ExpiresInMinutes: aws.Int32(2881)},
	} {
		if _, code := update(in); code != "InvalidParameterException" {
			t.Errorf("%s: %q", name, code)
		}
	}
	if out, code := update(awsecs.UpdateTaskProtectionInput{Tasks: []string{api}}); code != "" || out.ProtectedTasks[0].ProtectionEnabled {
		t.Errorf("off: %+v, %s", out, code)
	}
}
