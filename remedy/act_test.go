package remedy

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/ecsheap/ecsheap/ecs"
	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

const taskID = "0123456789abcdef0123456789abcdef"

// world is a fake AWS with one service, and findings about it.
type world struct {
	*fakeaws.Server
	clients *ecs.Clients
	group   string // ARN of the target group
	task    string // ARN
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	w := &world{Server: server}
	w.group = server.AddTargetGroup(fakeaws.TargetGroup{Name: "api", Interval: 15, Unhealthy: 3})
	server.SetRole(fakeaws.Role{Name: "api-task", Policies: map[string]string{}})
	server.AddService(fakeaws.Service{Cluster: "prod", Name: "api", LoadBalancers: []fakeaws.LoadBalancer{{TargetGroup: w.group, Container: "api", Port: 80}}})
	w.task = server.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "api", ID: taskID, Exec: true, TaskRole: "arn:aws:iam::111122223333:role/api-task",
		Containers: []fakeaws.Container{{Name: "api", Essential: true}},
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	w.clients = ecs.NewClients(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
	})
	return w
}

// finding is one about the world.
func (w *world) finding(id string) ecs.Finding {
	return ecs.Finding{ID: id, Level: ecs.Warn, Fix: "x", Live: true, Params: map[string]string{
		ecs.ParamRegion: "eu-west-1", ecs.ParamCluster: "prod", ecs.ParamService: "api", ecs.ParamTask: taskID, ecs.ParamTaskARN: w.task,
		ecs.ParamRole: "api-task", ecs.ParamRoleARN: "arn:aws:iam::111122223333:role/api-task", ecs.ParamTargetGroup: w.group, ecs.ParamDesired: "2",
	}}
}

// TestThereAndBack makes each change, and takes it back.
func TestThereAndBack(t *testing.T) {
	tests := []struct {
		id     string
		action string
		after  State // a part of it
	}{
		{"svc.autoscale", "ecs:UpdateTaskProtection", State{keyEnabled: "true"}},
		{"svc.desired", "ecs:UpdateService", State{keyDesired: "2"}},
		{"role.ssmmessages", "iam:PutRolePolicy", State{keyDocument: compact(iampolicies.ECSExec())}},
		{"hc.alb", "elasticloadbalancing:ModifyTargetGroup", State{keyInterval: "300", keyThreshold: "10"}},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			w := newWorld(t)
			plan, err := Plan(t.Context(), w.clients, []ecs.Finding{w.finding(tt.id)})
			if err != nil || len(plan) != 1 || plan[0].Action != tt.action || !plan[0].Free() {
				t.Fatalf("%+v, %v", plan, err)
			}
			before := plan[0].Before
			made, err := Apply(t.Context(), w.clients, plan[0])
			if err != nil || !made.After.has(tt.after) {
				t.Fatalf("%+v, %v", made, err)
			}
			if again, err := Plan(t.Context(), w.clients, []ecs.Finding{w.finding(tt.id)}); err != nil || len(again) != 0 {
				t.Errorf("planned again: %+v, %v", again, err)
			}
			for range 2 { // the second finds nothing to do
				if err := Undo(t.Context(), w.clients, made, false); err != nil {
					t.Fatal(err)
				}
				if now, err := actions[tt.action].look(t.Context(), w.clients, made); err != nil || !maps.Equal(now, before) {
					t.Errorf("%v instead of %v, %v", now, before, err)
				}
			}
		})
	}
}

// TestUndoLeavesOthersAlone: what somebody changed in between stays.
func TestUndoLeavesOthersAlone(t *testing.T) {
	w := newWorld(t)
	plan, err := Plan(t.Context(), w.clients, []ecs.Finding{w.finding("svc.desired")})
	if err != nil {
		t.Fatal(err)
	}
	made, err := Apply(t.Context(), w.clients, plan[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := setService(t.Context(), w.clients, made, State{keyDesired: "5"}); err != nil {
		t.Fatal(err)
	}
	var changed *ChangedError
	if err := Undo(t.Context(), w.clients, made, false); !errors.As(err, &changed) || !strings.Contains(changed.Hint(), "desiredCount 5 now") {
		t.Errorf("%v", err)
	}
	if err := Undo(t.Context(), w.clients, made, true); err != nil {
		t.Errorf("with force: %v", err)
	}
	if now, err := lookService(t.Context(), w.clients, made); err != nil || now[keyDesired] != "1" {
		t.Errorf("%v, %v", now, err)
	}
}

func TestPlanOnce(t *testing.T) {
	w := newWorld(t)
	findings := []ecs.Finding{w.finding("svc.autoscale"), w.finding("svc.az-rebalance"), w.finding("exec.enabled"), {ID: "svc.desired", Level: ecs.OK, Fix: "x"}}
	w.UpdateService("prod", "api", func(s *fakeaws.Service) { s.Exec = false })
	plan, err := Plan(t.Context(), w.clients, findings)
	if err != nil || len(plan) != 2 || plan[0].Finding != "svc.autoscale" || plan[1].Free() || plan[1].Effect != Replaces {
		t.Errorf("%+v, %v", plan, err)
	}
}

// TestProtectionOutlastsTheCount: what is made last is taken back first.
func TestProtectionOutlastsTheCount(t *testing.T) {
	w := newWorld(t)
	plan, err := Plan(t.Context(), w.clients, []ecs.Finding{w.finding("svc.desired"), w.finding("hc.alb"), w.finding("svc.autoscale")})
	if err != nil || len(plan) != 3 || plan[0].Finding != "svc.autoscale" || plan[1].Finding != "svc.desired" {
		t.Errorf("%+v, %v", plan, err)
	}
}

// TestPlanNothing plans no change where none would help.
func TestPlanNothing(t *testing.T) {
	w := newWorld(t)
	for id, params := range map[string][]string{
		"svc.desired": {ecs.ParamDesired}, "exec.sessions": {ecs.ParamSession}, "hc.alb": {ecs.ParamTargetGroup},
		"role.ssmmessages": {ecs.ParamRole, ecs.ParamRoleARN}, "exec.flag-drift": nil,
	} {
		f := w.finding(id)
		for _, p := range params {
			f.Params[p] = ""
		}
		if plan, err := Plan(t.Context(), w.clients, []ecs.Finding{f}); err != nil || len(plan) != 0 {
			t.Errorf("%s: %+v, %v", id, plan, err)
		}
	}
}

// TestProtectTellsOfAnother: UpdateTaskProtection would end a longer protection sooner.
func TestProtectTellsOfAnother(t *testing.T) {
	w := newWorld(t)
	target, err := ecs.Find(t.Context(), w.clients.ECS, ecs.Query{Cluster: "prod", Task: taskID})
	if err != nil {
		t.Fatal(err)
	}
	change, err := Protect(t.Context(), w.clients, target, 120)
	if err != nil || !change.Before.ProtectedUntil().IsZero() {
		t.Fatalf("%+v, %v", change, err)
	}
	if _, err := Apply(t.Context(), w.clients, change); err != nil {
		t.Fatal(err)
	}
	change, err = Protect(t.Context(), w.clients, target, 60)
	if until := time.Until(change.Before.ProtectedUntil()); err != nil || until < 110*time.Minute || until > 121*time.Minute {
		t.Errorf("%+v, %v", change, err)
	}
}

// TestProtectionRefused: ECS tells failures with HTTP 200.
func TestProtectionRefused(t *testing.T) {
	w := newWorld(t)
	plan, err := Plan(t.Context(), w.clients, []ecs.Finding{w.finding("svc.autoscale")})
	if err != nil {
		t.Fatal(err)
	}
	w.UpdateService("prod", "api", func(s *fakeaws.Service) { s.ProtectionBlocked = true })
	var failed *FailedError
	if _, err := Apply(t.Context(), w.clients, plan[0]); !errors.As(err, &failed) || failed.Reason != "DEPLOYMENT_BLOCKED" {
		t.Errorf("%v", err)
	}
}

func TestUnknownAction(t *testing.T) {
	var unknown *UnknownError
	for _, c := range []Change{{Action: "ec2:RunInstances", Reversible: true}, {Action: "ssm:TerminateSession"}} {
		if err := Undo(t.Context(), nil, c, false); !errors.As(err, &unknown) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
