package ecs

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// uniform is a service of n tasks that are alike, behind a load balancer and scaled.
func uniform(t testing.TB, n int, cfg fakeaws.Config) (*fakeaws.Server, *Clients) {
	t.Helper()
	server, err := fakeaws.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	group := server.AddTargetGroup(fakeaws.TargetGroup{Name: "web"})
	server.AddScalableTarget(fakeaws.ScalableTarget{Cluster: "prod", Service: "api", Min: 1, Max: 400})
	for i := range n {
		server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: id(i), Exec: true, MemoryUsed: 900, Tags: map[string]string{"ecsheap": "allowed"}, Containers: []fakeaws.Container{{
			Name: "api", Command: []string{"node", "--inspect", "main.js"}, Essential: true, LinuxParameters: &fakeaws.LinuxParameters{InitProcessEnabled: true},
		}}})
	}
	server.AddService(fakeaws.Service{Cluster: "prod", Name: "api", Exec: true, LoadBalancers: []fakeaws.LoadBalancer{{TargetGroup: group, Container: "api", Port: 3000}}})
	transport := &http.Transport{MaxIdleConnsPerHost: maxGather}
	t.Cleanup(transport.CloseIdleConnections)
	return server, NewClients(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1,
	})
}

// found are all tasks of the cluster.
func found(t testing.TB, clients *Clients) []Target {
	t.Helper()
	targets, unclear, err := FindAll(t.Context(), clients.ECS, Query{Cluster: "prod"})
	if err != nil || len(unclear) > 0 {
		t.Fatal(unclear, err)
	}
	return targets
}

// TestGatherAllCalls counts the calls of each operation: what tasks share is asked once,
// lists come in batches, and one call a task is left.
func TestGatherAllCalls(t *testing.T) {
	once := []string{
		"application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingActivities", "cloudwatch:GetMetricData",
		"ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints",
		"ecs:DescribeClusters", "ecs:DescribeServices", "ecs:DescribeTaskDefinition", "ecs:ListServiceDeployments",
		"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
		"iam:GetRole", "ssm:DescribeSessions", "sts:GetCallerIdentity",
	}
	for _, tt := range []struct {
		tasks int
		more  map[string]int
		total int
	}{
		{1, map[string]int{"ecs:ListTasks": 1, "ecs:DescribeTasks": 1, "ecs:GetTaskProtection": 1, "ec2:DescribeNetworkInterfaces": 1, "iam:SimulatePrincipalPolicy": 2, "ssm:GetConnectionStatus": 1}, 23},
		{3, map[string]int{"ecs:ListTasks": 1, "ecs:DescribeTasks": 1, "ecs:GetTaskProtection": 1, "ec2:DescribeNetworkInterfaces": 1, "iam:SimulatePrincipalPolicy": 2, "ssm:GetConnectionStatus": 3}, 25},
		{250, map[string]int{"ecs:ListTasks": 3, "ecs:DescribeTasks": 3, "ecs:GetTaskProtection": 3, "ec2:DescribeNetworkInterfaces": 2, "iam:SimulatePrincipalPolicy": 6, "ssm:GetConnectionStatus": 250}, 283},
	} {
		t.Run(fmt.Sprint(tt.tasks), func(t *testing.T) {
			server, clients := uniform(t, tt.tasks, fakeaws.Config{})
			all, err := GatherAll(t.Context(), clients, found(t, clients), 9229, Whole)
			if err != nil || len(all) != tt.tasks {
				t.Fatalf("facts of %d tasks, %v", len(all), err)
			}
			want := maps.Clone(tt.more)
			for _, action := range once {
				want[action] = 1
			}
			got := map[string]int{}
			for _, c := range server.Calls() {
				if got[c.Action]++; c.Err != "" {
					t.Errorf("%s failed: %s", c.Action, c.Err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if n := len(server.Calls()); n != tt.total {
				t.Errorf("%d calls, docs/check.md says %d", n, tt.total)
			}
			for _, f := range all {
				for _, finding := range Judge(f) {
					if worse(finding.Level, Danger) || finding.Unknown && finding.ID != "hc.alb" {
						t.Errorf("%s: %s %s: %s", f.Target.TaskID(), finding.Level, finding.ID, finding.Got)
					}
				}
			}
		})
	}
}

// motley is a cluster of tasks that share some of what is asked about and not the rest.
func motley(t *testing.T) (*fakeaws.Server, *Clients) {
	t.Helper()
	server, clients := uniform(t, 3, fakeaws.Config{})
	add := func(n int, service string, change func(*fakeaws.Task)) {
		task := fakeaws.Task{Cluster: "prod", Service: service, ID: id(100 + n), Exec: true, Revision: 1 + n, Containers: []fakeaws.Container{{Name: "app", Command: []string{"node", "x.js"}, Essential: true}}}
		change(&task)
		server.AddTask(task)
	}
	server.UpdateVPC(func(v *fakeaws.VPC) {
		v.Subnets = append(v.Subnets, fakeaws.Subnet{ID: "subnet-shared", Owner: "999900001111"}, fakeaws.Subnet{ID: "subnet-else", VPC: "vpc-else"})
		v.RouteTables = append(v.RouteTables, fakeaws.RouteTable{ID: "rtb-else", VPC: "vpc-else", Main: true})
		v.SecurityGroups = append(v.SecurityGroups, fakeaws.SecurityGroup{ID: "sg-shut", Name: "shut"})
	})
	server.SetRole(fakeaws.Role{Name: "nothing"})
	server.AddContainerInstance(fakeaws.ContainerInstance{Cluster: "prod", ID: id(77), Status: "DRAINING", AgentVersion: "1.40.0"})
	add(1, "worker", func(t *fakeaws.Task) {
		t.Subnet = "subnet-shared"
		t.Protected = true
		t.Tags = map[string]string{"team": "a"}
	})
	add(2, "worker", func(t *fakeaws.Task) {
		t.Subnet = "subnet-else"
		t.Containers[0].Disconnected = true
		t.TaskRole = "arn:aws:iam::111122223333:role/nothing"
	})
	add(3, "worker", func(t *fakeaws.Task) { t.SecurityGroups = []string{"sg-shut"}; t.Containers[0].AgentStatus = "STOPPED" })
	add(4, "", func(t *fakeaws.Task) { t.MemoryUsed = 4000; t.TaskRole = fakeaws.RoleNone })
	add(5, "machine", func(t *fakeaws.Task) { t.LaunchType, t.ContainerInstance, t.NetworkMode = "EC2", id(77), "bridge" })
	add(6, "late", func(t *fakeaws.Task) { t.Containers[0].AgentStatus, t.LastStatus = "PENDING", "PENDING" })
	add(7, "off", func(t *fakeaws.Task) { t.Exec = false })
	return server, clients
}

// TestGatherAllAsOne has what is asked of many tasks at once be what is asked of each
// alone.
func TestGatherAllAsOne(t *testing.T) {
	for name, change := range map[string]func(*fakeaws.Server){
		"all there": func(*fakeaws.Server) {},
		"denied": func(s *fakeaws.Server) {
			s.PermitOnly(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ecs:*","ec2:DescribeSubnets","sts:*"],"Resource":"*"}}`)
		},
		"tunnels to some": func(s *fakeaws.Server) { s.PermitOnly(tunnelTo(id(0), id(101))) },
		"tunnels by tag": func(s *fakeaws.Server) {
			s.PermitOnly(tunnelTo(), `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ssm:StartSession","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/ecsheap":"allowed"}}}}`)
		},
		"throttled": func(s *fakeaws.Server) {
			s.Throttle(fakeaws.Throttle{Operations: []string{"iam.", "ec2.", "ssm."}, Burst: 0})
		},
		"no answers": func(s *fakeaws.Server) {
			for _, operation := range []string{"ecs.DescribeServices", "cloudwatch.GetMetricData", "ec2.DescribeNetworkInterfaces", "sts.GetCallerIdentity"} {
				s.Fault(fakeaws.Fault{Operation: operation, Code: "InternalFailure", Message: "no"})
			}
		},
		"an encrypted cluster": func(s *fakeaws.Server) {
			s.SetCluster(fakeaws.Cluster{Name: "prod", Exec: fakeaws.ExecConfiguration{KMSKey: "alias/exec"}, ContainerInsights: "enhanced"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			server, clients := motley(t)
			targets := found(t, clients)
			change(server)
			all, err := GatherAll(t.Context(), clients, targets, 9229, Whole)
			if err != nil {
				t.Fatal(err)
			}
			for i, target := range targets {
				one, err := Gather(t.Context(), clients, target, 9229, Whole)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(Judge(one), Judge(all[i])); diff != "" {
					t.Errorf("%s: alone (-) and among others (+)\n%s", target, diff)
				}
			}
		})
	}
}

// tunnelTo is a policy of somebody who may ask everything, and open a tunnel to some tasks.
func tunnelTo(ids ...string) string {
	resources := []string{`"arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSession"`}
	for _, id := range ids {
		resources = append(resources, `"arn:aws:ecs:eu-west-1:111122223333:task/prod/`+id+`"`)
	}
	return `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["ecs:*","ec2:*","iam:*","sts:*","ssm:Describe*","ssm:Get*","cloudwatch:*","elasticloadbalancing:*","application-autoscaling:*"],"Resource":"*"},
		{"Effect":"Allow","Action":"ssm:StartSession","Resource":[` + strings.Join(resources, ",") + `]}]}`
}

// TestGatherAllOperator: IAM decides on each of the tasks that it was asked about at once.
func TestGatherAllOperator(t *testing.T) {
	server, clients := uniform(t, 120, fakeaws.Config{})
	targets := found(t, clients)
	server.PermitOnly(tunnelTo(id(3), id(99)))
	all, err := GatherAll(t.Context(), clients, targets, 9229, Whole)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		want, got := Block, "oncall may not ssm:StartSession on "+f.Target.TaskARN
		if slices.Contains([]string{id(3), id(99)}, f.Target.TaskID()) {
			want, got = OK, "oncall may open a session"
		}
		if found, _ := findingOf(Judge(f), "op.startsession"); found.Level != want || found.Got != got {
			t.Errorf("%s: %s %q, want %s %q", f.Target.TaskID(), found.Level, found.Got, want, got)
		}
	}
}

// TestGatherAllGone: what a list does not have is gone for its tasks alone.
func TestGatherAllGone(t *testing.T) {
	server, clients := uniform(t, 3, fakeaws.Config{})
	targets := found(t, clients)
	server.StopTask(targets[1].TaskARN, "UserInitiated", "x")
	all, err := GatherAll(t.Context(), clients, targets, 9229, Whole)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range all {
		gap := f.Interface.gap()
		if gone := gap != nil && gap.Reason == "the network interface is gone"; gone != (i == 1) {
			t.Errorf("task %d: %+v", i, f.Interface)
		}
	}
}

// TestGatherAllSessions looks again while a container is full, and tells whose sessions
// are whose.
func TestGatherAllSessions(t *testing.T) {
	server, clients := uniform(t, 3, fakeaws.Config{})
	targets := found(t, clients)
	for range 2 {
		if _, err := clients.SSM.StartSession(t.Context(), &awsssm.StartSessionInput{
			Target: aws.String(targets[1].SSM()), DocumentName: aws.String("AWS-StartPortForwardingSession"), Parameters: map[string][]string{"portNumber": {"9229"}},
		}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := GatherAll(t.Context(), clients, targets, 9229, Whole)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []Level{OK, Block, OK} {
		if f, _ := findingOf(Judge(all[i]), "exec.sessions"); f.Level != want {
			t.Errorf("task %d: %s %s, want %s", i, f.Level, f.Got, want)
		}
	}
	if n := callsOf(server, "ssm:DescribeSessions"); n != sessionLooks {
		t.Errorf("looked %d times, want %d", n, sessionLooks)
	}
}

func callsOf(server *fakeaws.Server, action string) int {
	n := 0
	for _, c := range server.Calls() {
		if c.Action == action {
			n++
		}
	}
	return n
}

// TestGatherAllExpired ends the check soon, whatever there is left to ask.
func TestGatherAllExpired(t *testing.T) {
	server, clients := uniform(t, 250, fakeaws.Config{})
	targets := found(t, clients)
	before := len(server.Calls())
	server.Fault(fakeaws.Fault{Operation: "ssm.GetConnectionStatus", Code: "ExpiredTokenException", Message: "expired", Times: 300})
	if _, err := GatherAll(t.Context(), clients, targets, 9229, Whole); err == nil || !strings.Contains(err.Error(), "ExpiredTokenException") {
		t.Errorf("got %v", err)
	}
	if n := len(server.Calls()) - before; n > 100 {
		t.Errorf("%d calls after the credentials have expired", n)
	}
}

// TestFindAll chooses a container in each task, or says why not.
func TestFindAll(t *testing.T) {
	server, client := newClient(t, "eu-west-1")
	two := []fakeaws.Container{{Name: "a", Essential: true}, {Name: "b", Essential: true}}
	group := server.AddTargetGroup(fakeaws.TargetGroup{Name: "web"})
	old := time.Now().Add(-time.Hour)
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "web", ID: id(1), Containers: two})
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "web", ID: id(2), StartedAt: old, Containers: two})
	server.AddService(fakeaws.Service{Cluster: "prod", Name: "web", LoadBalancers: []fakeaws.LoadBalancer{{TargetGroup: group, Container: "b", Port: 80}}})
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: id(3), Containers: []fakeaws.Container{node("api"), {Name: "log_router"}}})
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "odd", ID: id(4), Containers: two})
	server.AddTask(fakeaws.Task{Cluster: "prod", Service: "api", ID: id(5), LastStatus: "STOPPED", Containers: []fakeaws.Container{node("api")}})
	names := func(q Query) (chosen, doubtful []string) {
		targets, unclear, err := FindAll(t.Context(), client, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, target := range targets {
			chosen = append(chosen, target.Service+"/"+target.TaskID()[31:]+"/"+target.Container)
		}
		for _, u := range unclear {
			doubtful = append(doubtful, u.Target.Service+": "+u.Err.Error())
		}
		return chosen, doubtful
	}
	before := len(server.Calls())
	chosen, doubtful := names(Query{Cluster: "prod"})
	if want := []string{"api/3/api", "web/2/b", "web/1/b"}; !slices.Equal(chosen, want) {
		t.Errorf("chose %v, want %v", chosen, want)
	}
	if want := []string{"odd: 2 containers fit"}; !slices.Equal(doubtful, want) {
		t.Errorf("in doubt of %v, want %v", doubtful, want)
	}
	if n := len(server.Calls()) - before; n != 1+1+3+1 {
		t.Errorf("%d calls, want one for the list, one for the tasks, three for the definitions, one for the services", n)
	}
	chosen, doubtful = names(Query{Cluster: "prod", Container: "a"})
	if len(chosen) != 3 || len(doubtful) != 1 || !strings.Contains(doubtful[0], `no container "a"`) {
		t.Errorf("--container a: %v, %v", chosen, doubtful)
	}
	if _, _, err := FindAll(t.Context(), client, Query{Cluster: "prod", Family: "none"}); !isNotFound(err) {
		t.Errorf("of no task: %v", err)
	}
	if _, _, err := FindAll(t.Context(), client, Query{Cluster: "none"}); !isNotFound(err) {
		t.Errorf("of no cluster: %v", err)
	}
}

// TestDecisions reads an evaluation as IAM makes it now, one for all resources, and as it
// was, one for each.
func TestDecisions(t *testing.T) {
	on := func(resource string, decision iamtypes.PolicyEvaluationDecisionType) iamtypes.ResourceSpecificResult {
		return iamtypes.ResourceSpecificResult{EvalResourceName: &resource, EvalResourceDecision: decision}
	}
	start := aws.String("ssm:StartSession")
	got := decisions(iamtypes.EvaluationResult{EvalActionName: start, EvalResourceName: aws.String("*"), EvalDecision: "implicitDeny", ResourceSpecificResults: []iamtypes.ResourceSpecificResult{
		on("task", "allowed"), on("document", "implicitDeny"),
	}})
	want := []Decision{{Action: "ssm:StartSession", Resource: "task", Decision: "allowed"}, {Action: "ssm:StartSession", Resource: "document", Decision: "implicitDeny"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got = decisions(iamtypes.EvaluationResult{EvalActionName: start, EvalResourceName: aws.String("task"), EvalDecision: "allowed"})
	if diff := cmp.Diff(want[:1], got); diff != "" {
		t.Error(diff)
	}
	s := Simulation{Principal: "p", Decisions: want}
	if f := s.about("task"); f.gap() != nil || len(f.Value.Decisions) != 1 || !f.Value.Decisions[0].Allowed() {
		t.Errorf("of the task: %+v", f)
	}
	if f := s.about("task", "gone"); f.gap() == nil { // what IAM says nothing of is not allowed
		t.Errorf("of one that is missing: %+v", f)
	}
}

// BenchmarkGatherAll checks 250 tasks at 30 ms a call, the way to them included.
func BenchmarkGatherAll(b *testing.B) {
	_, clients := uniform(b, 250, fakeaws.Config{Latency: 30 * time.Millisecond})
	for b.Loop() {
		targets := found(b, clients)
		if all, err := GatherAll(b.Context(), clients, targets, 9229, Whole); err != nil || len(all) != 250 {
			b.Fatal(len(all), err)
		}
	}
}
