package ecs

import (
	"slices"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// sound is a service of three tasks that nothing is wrong with, in AWS.
func sound(t *testing.T) (*fakeaws.Server, *Clients, func() Target) {
	t.Helper()
	server, client := newClient(t, "eu-west-1")
	for i := range 3 {
		id := id32
		if i > 0 {
			id = strings.Repeat(string(rune('a'+i)), 32)
		}
		server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: id, Exec: true, MemoryUsed: 900, Tags: map[string]string{"ecsheap": "allowed"}, Containers: []fakeaws.Container{{
			Name: "api", Command: []string{"node", "--inspect", "main.js"}, Essential: true, LinuxParameters: &fakeaws.LinuxParameters{InitProcessEnabled: true},
		}}})
	}
	return server, clientsOf(t, server), func() Target {
		target, err := Find(t.Context(), client, Query{Cluster: "prod", Task: id32})
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
}

func gathered(t *testing.T, clients *Clients, target Target, scope Scope) []Finding {
	t.Helper()
	facts, err := Gather(t.Context(), clients, target, 9229, scope)
	if err != nil {
		t.Fatal(err)
	}
	return Judge(facts)
}

// TestGatherGreen asks everything of a sound task, and in few calls.
func TestGatherGreen(t *testing.T) {
	server, clients, target := sound(t)
	found := target()
	before := len(server.Calls())
	findings := gathered(t, clients, found, Whole)
	for _, f := range findings {
		if worse(f.Level, Info) || f.Unknown {
			t.Errorf("%s %s: %s", f.Level, f.ID, f.Got)
		}
	}
	for _, id := range []string{"exec.connected", "role.ssmmessages", "op.startsession", "net.ssmmessages", "net.egress-sg", "mem.headroom", "svc.desired", "svc.autoscale", "cluster.kms", "hc.alb"} {
		if f, ok := findingOf(findings, id); !ok || f.Level != OK {
			t.Errorf("%s: %+v", id, f)
		}
	}
	calls := server.Calls()[before:]
	if len(calls) != 17 {
		t.Errorf("%d calls, want 17", len(calls))
	}
	seen := map[string]bool{}
	for _, c := range calls {
		if c.Err != "" {
			t.Errorf("%s failed: %s", c.Action, c.Err)
		}
		if seen[c.Action] && c.Action != "iam:SimulatePrincipalPolicy" {
			t.Errorf("%s asked twice", c.Action)
		}
		seen[c.Action] = true
	}
}

// TestGatherMemory has the same figure come out of the task's own metric, which is there
// with enhanced observability alone, and of that of its service.
func TestGatherMemory(t *testing.T) {
	for insights, hungriest := range map[string]bool{"disabled": true, "enhanced": false} {
		server, clients, target := sound(t)
		server.SetCluster(fakeaws.Cluster{Name: "prod", ContainerInsights: insights})
		facts, err := Gather(t.Context(), clients, target(), 9229, Whole)
		if err != nil {
			t.Fatal(err)
		}
		const want = 900 * mebibyte
		got := facts.MemoryUsed.Value
		if off := got.Bytes - want; facts.MemoryUsed.Gap != nil || off < -want/50 || off > want/50 || got.Hungriest != hungriest {
			t.Errorf("%s: %+v, want %d bytes", insights, facts.MemoryUsed, want)
		}
	}
}

// TestGatherQuick makes but the calls that operator-snapshot.json allows.
func TestGatherQuick(t *testing.T) {
	server, clients, target := sound(t)
	arn := server.AddTargetGroup(fakeaws.TargetGroup{Name: "web"})
	server.AddService(fakeaws.Service{Cluster: "prod", Name: "api", Exec: true, LoadBalancers: []fakeaws.LoadBalancer{{TargetGroup: arn, Container: "api", Port: 3000}}})
	found := target()
	before := len(server.Calls())
	findings := gathered(t, clients, found, Quick)
	var actions []string
	for _, c := range server.Calls()[before:] {
		actions = append(actions, c.Action)
	}
	if want := []string{"ecs:DescribeServices", "elasticloadbalancing:DescribeTargetGroups"}; !slices.Equal(actions, want) {
		t.Errorf("asked %v, want %v", actions, want)
	}
	for _, f := range findings {
		if len(f.Needs) > 0 || strings.HasPrefix(f.ID, "net.ssm") || f.ID == "exec.connected" {
			t.Errorf("not asked, but %+v", f)
		}
	}
	if f, ok := findingOf(findings, "svc.desired"); !ok || f.Level != OK {
		t.Errorf("svc.desired: %+v", f)
	}
}

// TestGatherDenied leaves the caller the permissions to find the task, and no others.
func TestGatherDenied(t *testing.T) {
	server, clients, target := sound(t)
	server.PermitOnly(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecs:DescribeTasks","ecs:ListTasks","ecs:DescribeTaskDefinition"],"Resource":"*"}}`)
	found := target()
	var needs []string
	for _, f := range gathered(t, clients, found, Whole) {
		needs = append(needs, f.Needs...)
		if f.Level == Block {
			t.Errorf("%s blocks: %s", f.ID, f.Got)
		}
	}
	slices.Sort(needs)
	want := []string{
		"cloudwatch:GetMetricData", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
		"ecs:DescribeClusters", "ecs:DescribeServices", "ecs:GetTaskProtection", "iam:GetRole", "iam:SimulatePrincipalPolicy",
		"ssm:DescribeSessions", "ssm:GetConnectionStatus",
	}
	if got := slices.Compact(needs); !slices.Equal(got, want) {
		t.Errorf("needs %v\nwant  %v", got, want)
	}
}

// TestGatherThrottled says that it does not know, and why.
func TestGatherThrottled(t *testing.T) {
	server, clients, target := sound(t)
	found := target()
	server.Throttle(fakeaws.Throttle{Operations: []string{"iam.", "ec2."}, Burst: 0})
	findings := gathered(t, clients, found, Whole)
	for _, id := range []string{"role.ssmmessages", "net.ssmmessages", "op.startsession"} {
		f, ok := findingOf(findings, id)
		if !ok || f.Level != Info || !f.Unknown || !strings.HasPrefix(f.Got, "unknown: ") || len(f.Needs) > 0 {
			t.Errorf("%s: %+v", id, f)
		}
	}
	if !Ready(findings) {
		t.Error("not ready")
	}
}

// TestGatherExpired ends the check: with expired credentials nothing is worth asking.
func TestGatherExpired(t *testing.T) {
	server, clients, target := sound(t)
	found := target()
	server.Fault(fakeaws.Fault{Operation: "ecs.DescribeClusters", Code: "ExpiredTokenException", Message: "The security token included in the request is expired"})
	if _, err := Gather(t.Context(), clients, found, 9229, Whole); err == nil || !strings.Contains(err.Error(), "ExpiredTokenException") {
		t.Errorf("got %v", err)
	}
}
