package ecs

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsscaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// now is when the facts of the tests were gathered.
var now = time.Date(2026, 11, 29, 3, 0, 0, 0, time.UTC)

// green are the facts of a task that nothing stands in the way of, all of them known.
func green() *Facts {
	target := healthy()
	revision := target.TaskDefinitionARN
	target.task.Attachments = []ecstypes.Attachment{{Type: aws.String("ElasticNetworkInterface"), Details: []ecstypes.KeyValuePair{
		{Name: aws.String("subnetId"), Value: aws.String("subnet-1")}, {Name: aws.String("networkInterfaceId"), Value: aws.String("eni-1")},
		{Name: aws.String("privateIPv4Address"), Value: aws.String("10.0.1.7")},
	}}}
	allowed := func(principal string, on ...string) Fact[Simulation] {
		s := Simulation{Principal: principal}
		for i := 0; i+1 < len(on); i += 2 {
			s.Decisions = append(s.Decisions, Decision{Action: on[i], Resource: on[i+1], Decision: "allowed"})
		}
		return Known(s)
	}
	role, operator := "arn:aws:iam::111122223333:role/api-task-role", "arn:aws:iam::111122223333:role/oncall"
	var channels []string
	for _, action := range channelActions {
		channels = append(channels, action, "*")
	}
	f := &Facts{
		Target: target, Port: 9229, At: now,
		Cluster: Known(ecstypes.Cluster{}),
		Service: Known(&ecstypes.Service{
			DesiredCount: 3, RunningCount: 3, EnableExecuteCommand: true, TaskDefinition: &revision,
			Deployments: []ecstypes.Deployment{{Status: aws.String("PRIMARY"), TaskDefinition: &revision, RolloutState: ecstypes.DeploymentRolloutStateCompleted}},
		}),
		Deployments: Known[[]ecstypes.ServiceDeploymentBrief](nil), Protection: Known(ecstypes.ProtectedTask{}), Instance: Known[*ecstypes.ContainerInstance](nil),
		Connection: Known(ssmtypes.ConnectionStatusConnected), Sessions: Known[[]ssmtypes.Session](nil),
		Role: allowed(role, channels...), RoleKMS: allowed(role),
		Caller:       Known(Caller{ARN: "arn:aws:sts::111122223333:assumed-role/oncall/alice", Account: "111122223333", Principal: Known(operator)}),
		Operator:     allowed(operator, "ssm:StartSession", target.TaskARN, "ssm:StartSession", target.documentARN()),
		Interface:    Known(Interface{ID: "eni-1", Subnet: "subnet-1", VPC: "vpc-1", Owner: "111122223333", Groups: []string{"sg-task"}}),
		Subnet:       Known(Subnet{ID: "subnet-1", VPC: "vpc-1", Owner: "111122223333"}),
		Routes:       Known(RouteTable{ID: "rtb-1", Routes: []Route{{"10.0.0.0/16", "local", true}, {"0.0.0.0/0", "nat-1", true}}}),
		Endpoints:    Known([]Endpoint{}),
		Groups:       Known([]SecurityGroup{{ID: "sg-task", Egress: []Permission{{Protocol: "-1", CIDRs: []string{"0.0.0.0/0"}}}}}),
		TargetGroups: Known([]elbtypes.TargetGroup{}), TargetHealth: Known(map[string]elbtypes.TargetHealth{}),
		Scaling: Known([]awsscaling.ScalableTarget{}), Activities: Known([]awsscaling.ScalingActivity{}),
		MemoryUsed: Known(MemoryUse{Bytes: 512 * mebibyte}),
		Local: Local{
			CredentialsEnd: Known(now.Add(8 * time.Hour)), Disk: Known(Disk{Dir: ".", Free: 100 << 30}), Listen: Known[error](nil),
			Inspector: Known(Answer{Version: "v24.21.0", Processes: []string{"main.js"}}),
		},
	}
	return f
}

// ruleTest is one state, and what its rule makes of it.
type ruleTest struct {
	change func(*Facts)
	id     string
	level  Level  // "" = the rule does not apply
	got    string // part of Got
	fix    string // part of Fix, "" for none
	live   bool
}

func run(t *testing.T, tests map[string]ruleTest) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := green()
			if tt.change != nil {
				tt.change(f)
			}
			found, ok := findingOf(Judge(f), tt.id)
			if !ok {
				if tt.level != "" {
					t.Errorf("no finding %s", tt.id)
				}
				return
			}
			if found.Level != tt.level || !strings.Contains(found.Got, tt.got) || !strings.Contains(found.Fix, tt.fix) || found.Live != tt.live {
				t.Errorf("got %s: %q, fix %q, live %t\nwant %s …%s…, fix …%s…, live %t", found.Level, found.Got, found.Fix, found.Live, tt.level, tt.got, tt.fix, tt.live)
			}
			if (tt.fix == "") != (found.Fix == "") {
				t.Errorf("fix %q, want …%s…", found.Fix, tt.fix)
			}
			wantWhole(t, found)
		})
	}
}

// wantWhole checks what is true of every finding, against its row of the catalogue.
func wantWhole(t *testing.T, found Finding) {
	t.Helper()
	rule := ruleOf(found.ID)
	switch {
	case found.Got == "" || found.Want == "" || found.Why == "":
		t.Errorf("finding without got, want or why: %+v", found)
	case worse(found.Level, rule.Worst):
		t.Errorf("%s has level %s, and its rule says %s at worst", found.ID, found.Level, rule.Worst)
	case worse(found.Level, Info) && found.Fix == "":
		t.Errorf("%s has level %s and no fix: %s", found.ID, found.Level, found.Got)
	case found.Level == OK && found.Fix != "":
		t.Errorf("%s is ok and has a fix", found.ID)
	case found.Params[ParamCluster] != "prod" || found.Params[ParamRegion] != "eu-west-1":
		t.Errorf("%s lacks params: %v", found.ID, found.Params)
	case strings.ContainsAny(found.Got+found.Fix, "\n\r"):
		t.Errorf("%s has more than a line: %q", found.ID, found.Got+found.Fix)
	}
}

func findingOf(findings []Finding, id string) (Finding, bool) {
	for _, f := range findings {
		if f.ID == id {
			return f, true
		}
	}
	return Finding{}, false
}

func ruleOf(id string) Rule {
	for _, r := range Rules() {
		if r.ID == id {
			return r
		}
	}
	return Rule{}
}

// TestGreen has nothing worse than information of a task that is as it should be.
func TestGreen(t *testing.T) {
	findings := Judge(green())
	for _, f := range findings {
		if worse(f.Level, Info) || f.Unknown {
			t.Errorf("%s %s: %s", f.Level, f.ID, f.Got)
		}
		wantWhole(t, f)
	}
	if len(findings) < 35 {
		t.Errorf("%d findings only", len(findings))
	}
}

// TestNoRemedyWhereNoneHelps has findings that a change of ours would not mend name
// nothing that could be changed.
func TestNoRemedyWhereNoneHelps(t *testing.T) {
	roles, health, process, network := roleCases(), healthCases(), processCases(), networkCases()
	for name, tt := range map[string]struct {
		ruleTest
		param string
		want  string // value of the parameter
	}{
		"nothing allows":        {roles["no channel"], ParamRole, "api-task-role"},
		"boundary":              {roles["boundary"], ParamRole, ""},
		"boundary, ARN":         {roles["boundary"], ParamRoleARN, ""},
		"conditions":            {roles["conditions"], ParamRole, ""},
		"hasty group":           {health["worst group"], ParamTargetGroup, "arn:tg/quick"},
		"group has it out":      {health["group down"], ParamTargetGroup, ""},
		"hasty check":           {health["impatient"], ParamContainer, "api"},
		"check has it out":      {health["unhealthy"], ParamContainer, ""},
		"no inspector":          {process["not declared"], ParamContainer, "api"},
		"inspector elsewhere":   {process["other port"], ParamContainer, ""},
		"no volumes":            {process["read-only"], ParamContainer, "api"},
		"volumes":               {process["volumes"], ParamContainer, ""},
		"exposed at its port":   {network["shut"], ParamPort, "9229"},
		"exposed at another":    {ruleTest{change: command("node", "--inspect=0.0.0.0:9230"), id: "net.exposed"}, ParamPort, "9230"},
		"exposed at a host":     {ruleTest{change: command("node", "--inspect=10.0.0.5:9229"), id: "net.exposed"}, ParamHost, "10.0.0.5"},
		"exposed by a flag":     {ruleTest{change: command("node", "--inspect-brk=[::]"), id: "net.exposed"}, ParamHostFlag, "--inspect"},
		"exposed by another":    {ruleTest{change: command("node", "--inspect", "--debug-port=0.0.0.0:9229"), id: "net.exposed"}, ParamHostFlag, "--inspect-port"},
		"the flag has the port": {ruleTest{change: command("node", "--inspect=0.0.0.0", "--inspect-port=9230"), id: "net.exposed"}, ParamHostFlag, "--inspect"},
		"old space":             {ruleTest{change: command("node", "--max_old_space_size=4000"), id: "mem.oldspace"}, ParamOldSpace, "3072"},
		"old space, two words":  {ruleTest{change: command("node", "--max-old-space-size", "4000"), id: "mem.oldspace"}, ParamOldSpace, ""},
		"exposed to the public": {network["open"], ParamSecurityGroup, "sg-task"},
	} {
		f := green()
		tt.change(f)
		if found, ok := findingOf(Judge(f), tt.id); !ok || found.Level == OK || found.Params[tt.param] != tt.want {
			t.Errorf("%s: %q instead of %q in %+v", name, found.Params[tt.param], tt.want, found)
		}
	}
}

// TestRules checks the table itself.
func TestRules(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range Rules() {
		if seen[r.ID] || r.ID == "" {
			t.Errorf("id %q twice, or none", r.ID)
		}
		seen[r.ID] = true
		if r.What == "" || r.Why == "" || r.Want == "" || r.Worst == "" || r.judge == nil {
			t.Errorf("%s is not whole: %+v", r.ID, r)
		}
	}
}

// TestWithoutPermissions judges facts of which none may be asked: nothing is worse
// for that, and each rule says what it needs.
func TestWithoutPermissions(t *testing.T) {
	f := &Facts{Target: healthy(), Port: 9229, At: now}
	refuseAll(f)
	needs := map[string][]string{}
	for _, service := range []Fact[*ecstypes.Service]{f.Service, refused[*ecstypes.Service]("ecs:DescribeServices")} {
		f.Service = service
		for _, found := range Judge(f) {
			needs[found.ID] = append(needs[found.ID], found.Needs...)
			if found.Unknown && len(found.Needs) > 0 && (found.Level != Info || !strings.Contains(found.Got, "needs "+found.Needs[0])) {
				t.Errorf("%+v", found)
			}
			if worse(found.Level, Warn) {
				t.Errorf("%s %s: %s", found.Level, found.ID, found.Got)
			}
		}
	}
	for _, r := range Rules() {
		if len(r.Needs) > 0 && len(needs[r.ID]) == 0 && r.ID != "op.identity" {
			t.Errorf("%s needs %v, and no finding says so", r.ID, r.Needs)
		}
		for _, action := range needs[r.ID] {
			if !slices.Contains(r.Needs, action) {
				t.Errorf("%s says that it needs %s, and the catalogue does not", r.ID, action)
			}
		}
	}
}

func refused[T any](action string) Fact[T] { return Fact[T]{Gap: &Gap{Needs: action}} }

func refuseAll(f *Facts) {
	f.Target.LaunchType = string(ecstypes.LaunchTypeEc2)
	f.Target.task.ContainerInstanceArn = aws.String("arn:aws:ecs:eu-west-1:111122223333:container-instance/prod/1")
	f.Cluster, f.Service = refused[ecstypes.Cluster]("ecs:DescribeClusters"), Known(&ecstypes.Service{DesiredCount: 2, RunningCount: 2, EnableExecuteCommand: true})
	f.Deployments, f.Protection = refused[[]ecstypes.ServiceDeploymentBrief]("ecs:ListServiceDeployments"), refused[ecstypes.ProtectedTask]("ecs:GetTaskProtection")
	f.Instance, f.Connection = refused[*ecstypes.ContainerInstance]("ecs:DescribeContainerInstances"), refused[ssmtypes.ConnectionStatus]("ssm:GetConnectionStatus")
	f.Sessions, f.Role = refused[[]ssmtypes.Session]("ssm:DescribeSessions"), refused[Simulation]("iam:SimulatePrincipalPolicy")
	f.Operator = refused[Simulation]("iam:SimulatePrincipalPolicy")
	f.Interface, f.Subnet = refused[Interface]("ec2:DescribeNetworkInterfaces"), refused[Subnet]("ec2:DescribeSubnets")
	f.Routes, f.Endpoints = refused[RouteTable]("ec2:DescribeRouteTables"), refused[[]Endpoint]("ec2:DescribeVpcEndpoints")
	f.Groups, f.TargetGroups = refused[[]SecurityGroup]("ec2:DescribeSecurityGroups"), refused[[]elbtypes.TargetGroup]("elasticloadbalancing:DescribeTargetGroups")
	f.TargetHealth, f.Caller = refused[map[string]elbtypes.TargetHealth]("elasticloadbalancing:DescribeTargetHealth"), refused[Caller]("sts:GetCallerIdentity")
	f.Activities = refused[[]awsscaling.ScalingActivity]("application-autoscaling:DescribeScalingActivities")
	f.Scaling, f.MemoryUsed = refused[[]awsscaling.ScalableTarget]("application-autoscaling:DescribeScalableTargets"), refused[MemoryUse]("cloudwatch:GetMetricData")
}
