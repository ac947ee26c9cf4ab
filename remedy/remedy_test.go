package remedy

import (
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/ecs"
)

// finding is one with everything that a remedy may name.
func finding(id string) ecs.Finding {
	return ecs.Finding{ID: id, Level: ecs.Block, Got: "what is", Fix: "the fix of the finding", Params: map[string]string{
		ecs.ParamPartition: "aws-cn", ecs.ParamRegion: "cn-north-1", ecs.ParamAccount: "111122223333", ecs.ParamCluster: "prod_1", ecs.ParamService: "api-v2",
		ecs.ParamTask: "0123456789abcdef0123456789abcdef", ecs.ParamTaskARN: "arn:aws-cn:ecs:cn-north-1:111122223333:task/prod_1/0123456789abcdef0123456789abcdef",
		ecs.ParamFamily: "api", ecs.ParamTaskDefinition: "arn:aws-cn:ecs:cn-north-1:111122223333:task-definition/api:7", ecs.ParamContainer: "api", ecs.ParamPort: "9229",
		ecs.ParamRole: "api-task", ecs.ParamRoleARN: "arn:aws-cn:iam::111122223333:role/team/api-task", ecs.ParamSubnet: "subnet-1", ecs.ParamVPC: "vpc-1", ecs.ParamSecurityGroup: "sg-1",
		ecs.ParamTargetGroup: "arn:aws-cn:elasticloadbalancing:cn-north-1:111122223333:targetgroup/api/0123456789abcdef", ecs.ParamKey: "alias/exec",
		ecs.ParamInstance: "arn:aws-cn:ecs:cn-north-1:111122223333:container-instance/prod_1/0123", ecs.ParamSession: "alice-0123456789abcdef0", ecs.ParamDesired: "3", ecs.ParamEndpoint: "vpce-1",
		ecs.ParamHost: "0.0.0.0", ecs.ParamHostFlag: "--inspect", ecs.ParamOldSpace: "384",
		ecs.ParamMapping: "containerPort 9229", ecs.ParamKeys: "AWS_ACCESS_KEY_ID",
	}}
}

// TestEveryRule has something to say for each tool of every finding that can be worse
// than worth knowing.
func TestEveryRule(t *testing.T) {
	for _, rule := range ecs.Rules() {
		if rule.Worst == ecs.Info || rule.Worst == ecs.OK {
			continue
		}
		for _, tool := range Tools() {
			r, ok := Of(finding(rule.ID), tool)
			if !ok {
				t.Errorf("%s: no remedy", rule.ID)
				break
			}
			if r.How == "" || r.What == "" {
				t.Errorf("%s for %s: %+v", rule.ID, tool, r)
			}
			for _, s := range []string{r.How, r.What, r.Undo} {
				if i := strings.IndexByte(s, '<'); i >= 0 && !strings.Contains(s, "<its id>") {
					t.Errorf("%s for %s: a value is missing in %q", rule.ID, tool, s)
				}
			}
		}
	}
}

// TestCatalogueHasNoOther finds remedies for findings that no rule makes.
func TestCatalogueHasNoOther(t *testing.T) {
	known := map[string]bool{}
	for _, rule := range ecs.Rules() {
		known[rule.ID] = true
	}
	for id := range catalogue {
		if !known[id] {
			t.Errorf("a remedy for %s, which is no rule", id)
		}
	}
	for id, plan := range changes {
		if _, ok := catalogue[id]; !ok {
			t.Errorf("a change for %s without a remedy", id)
		}
		change := plan(newParams(finding(id)))
		if _, ok := actions[change.Action]; !ok {
			t.Errorf("%s: no way to do %s", id, change.Action)
		}
	}
}

func TestOf(t *testing.T) {
	tests := []struct {
		name, id string
		tool     Tool
		change   func(*ecs.Finding)
		effect   Effect
		how      []string // parts
		not      string
	}{
		{"cli", "exec.enabled", CLI, nil, Replaces, []string{"--cluster prod_1 --service api-v2 --enable-execute-command", "--region cn-north-1"}, ""},
		{"terraform", "exec.enabled", Terraform, nil, Replaces, []string{`"aws_ecs_service" "api_v2"`, "enable_execute_command = true"}, "--cluster"},
		{"no service", "exec.enabled", Terraform, func(f *ecs.Finding) { f.Params[ecs.ParamService] = "" }, Replaces, []string{"aws ecs run-task", "--task-definition api"}, "update-service"},
		{"partition", "role.present", JSON, nil, Replaces, []string{"create-role --role-name api-task"}, "arn:aws:"},
		{"rendered for cdk", "proc.init", CDK, nil, Replaces, []string{"new ecs.LinuxParameters(this, 'Linux', { initProcessEnabled: true })"}, ""},
		{"rendered for terraform", "proc.init", Terraform, nil, Replaces, []string{"linuxParameters = { initProcessEnabled = true }"}, ""},
		{"rendered for cloudformation", "proc.init", CloudFormation, nil, Replaces, []string{"LinuxParameters:\n        InitProcessEnabled: true"}, ""},
		{"rendered as json", "proc.init", JSON, nil, Replaces, []string{`"linuxParameters": {"initProcessEnabled":true}`}, ""},
		{"what is unknown cannot be run", "net.egress-sg", CLI, func(f *ecs.Finding) { delete(f.Params, ecs.ParamSecurityGroup) }, Live, []string{"<securityGroup>"}, ""},
		{"the others have only to come", "svc.desired", Terraform, func(f *ecs.Finding) { delete(f.Params, ecs.ParamDesired) }, None, []string{"the fix of the finding"}, "desired_count"},
		{"a session of somebody else", "exec.sessions", CLI, func(f *ecs.Finding) { delete(f.Params, ecs.ParamSession) }, None, []string{"the fix of the finding"}, "terminate-session"},
		{"patience does not help", "hc.alb", CLI, func(f *ecs.Finding) { f.Params[ecs.ParamTargetGroup] = "" }, None, []string{"the fix of the finding"}, "modify-target-group"},
		{"a live finding, a new revision", "node.inspect", CLI, func(f *ecs.Finding) { f.Live = true }, Replaces, []string{"NODE_OPTIONS"}, ""},
		{"another port is all it takes", "node.inspect", CLI, func(f *ecs.Finding) { f.Live, f.Params[ecs.ParamContainer] = true, "" }, None, []string{"the fix of the finding"}, "NODE_OPTIONS"},
		{"the port of the inspector", "net.exposed", CLI, func(f *ecs.Finding) { f.Params[ecs.ParamPort] = "9230" }, Replaces, []string{"containerPort 9230 out of"}, ""},
		{"the host that it listens on", "net.exposed", CLI, func(f *ecs.Finding) { f.Params[ecs.ParamHost] = "10.0.0.5" }, Replaces, []string{"write --inspect=127.0.0.1 instead of --inspect=10.0.0.5"}, "0.0.0.0"},
		{"a limit that fits", "mem.oldspace", CLI, nil, Replaces, []string{"write --max-old-space-size=384 instead"}, "the fix of the finding"},
		{"a limit in two words", "mem.oldspace", CLI, func(f *ecs.Finding) { delete(f.Params, ecs.ParamOldSpace) }, Replaces, []string{"the fix of the finding"}, "write"},
		{"keys that are there", "role.envkeys", CLI, func(f *ecs.Finding) { f.Params[ecs.ParamSecretKeys] = "AWS_SESSION_TOKEN" }, Replaces, []string{"AWS_ACCESS_KEY_ID out of environment", "AWS_SESSION_TOKEN out of secrets"}, "AWS_SESSION_TOKEN out of environment"},
		{"a range is not taken out", "net.mapping9229", CLI, func(f *ecs.Finding) { f.Params[ecs.ParamMapping] = "" }, Replaces, []string{"the fix of the finding"}, "out of"},
		{"the policy that lacks", "op.startsession", CLI, func(f *ecs.Finding) { f.Params[ecs.ParamPolicy] = "operator-snapshot" }, Live, []string{"ecsheap policy operator-snapshot"}, ""},
		{"no policy helps", "op.startsession", CLI, nil, None, []string{"the fix of the finding"}, "ecsheap policy"},
		{"a boundary denies", "role.ssmmessages", CLI, func(f *ecs.Finding) { f.Params[ecs.ParamRole] = "" }, None, []string{"the fix of the finding"}, "put-role-policy"},
		{"a choice keeps the finding's words", "spot", CDK, nil, None, []string{"the fix of the finding"}, ""},
		{"cdk takes what cloudformation has", "node.inspect", CDK, nil, Replaces, []string{"append --inspect=127.0.0.1:9229 to NODE_OPTIONS"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := finding(tt.id)
			if tt.change != nil {
				tt.change(&f)
			}
			r, ok := Of(f, tt.tool)
			if !ok || r.Effect != tt.effect {
				t.Fatalf("%+v, %t", r, ok)
			}
			for _, part := range tt.how {
				if !strings.Contains(r.How, part) {
					t.Errorf("no %q in\n%s", part, r.How)
				}
			}
			if tt.not != "" && strings.Contains(r.How, tt.not) {
				t.Errorf("%q in\n%s", tt.not, r.How)
			}
		})
	}
	if _, ok := Of(ecs.Finding{ID: "exec.enabled", Level: ecs.OK}, CLI); ok {
		t.Error("a remedy for what is well")
	}
}

func TestAllBeginsWithWhatSparesTheTask(t *testing.T) {
	live := finding("hc.alb")
	live.Live = true
	list := All([]ecs.Finding{finding("proc.init"), finding("spot"), live}, CLI)
	if len(list) != 3 || list[0].Effect != Live || list[2].Effect != Replaces {
		t.Errorf("%+v", list)
	}
}

func TestScalesIn(t *testing.T) {
	count := func(n string) State { return State{keyDesired: n} }
	for _, tt := range []struct {
		before, after State
		want          bool
	}{{count("1"), count("2"), true}, {count("2"), count("2"), false}, {count("3"), count("2"), false}, {State{keyExec: "false"}, State{keyExec: "true"}, false}} {
		if got := (Change{Before: tt.before, After: tt.after}).ScalesIn(); got != tt.want {
			t.Errorf("from %s to %s: %t", tt.before, tt.after, got)
		}
	}
}
