package e2e

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
)

// region is one of each partition that has Amazon ECS for everybody.
var regions = []string{"eu-west-1", "cn-north-1", "us-gov-west-1"}

// place makes the ARNs of a table, which are those of partition aws, ones of a region.
func place(region, text string) string {
	return strings.NewReplacer("arn:aws:", "arn:"+iampolicies.Partition(region)+":", "eu-west-1", region).Replace(text)
}

// filled is a policy for cluster blue_green-2, whose name has what separates names
// elsewhere.
func filled(t *testing.T, name, region string, old bool) json.RawMessage {
	t.Helper()
	p, ok := iampolicies.Lookup(name)
	if !ok {
		t.Fatalf("no policy %s", name)
	}
	text, left, err := p.Fill(iampolicies.Values{
		Account: "444455556666", Region: region, Cluster: "blue_green-2", Service: "web", Family: "web", Container: "node",
		TaskRole: "web-task", ExecutionRole: "web-execution", Bucket: "evidence", Prefix: "heaps", Key: "mrk-1", LogGroup: "/exec", OldARNs: old,
	})
	if err != nil || len(left) > 0 {
		t.Fatalf("filling in %s: left %v, %v", name, left, err)
	}
	return text
}

const (
	ecsIn        = "arn:aws:ecs:eu-west-1:444455556666:"
	ourTask      = ecsIn + "task/blue_green-2/0123456789abcdef0123456789abcdef"
	ourOldTask   = ecsIn + "task/01234567-89ab-cdef-0123-456789abcdef"
	ourCluster   = ecsIn + "cluster/blue_green-2"
	ourService   = ecsIn + "service/blue_green-2/web"
	ourSession   = "arn:aws:ssm:eu-west-1:444455556666:session/alice-0a1b2c3d4e5f60718"
	ourExec      = "arn:aws:ssm:eu-west-1:444455556666:session/ecs-execute-command-0a1b2c3d4e5f60718"
	otherTask    = ecsIn + "task/blue/0123456789abcdef0123456789abcdef"
	otherCluster = ecsIn + "cluster/blue"
	portDocument = "arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSession"
	remoteHosts  = "arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSessionToRemoteHost"
	interactive  = "arn:aws:ssm:eu-west-1::document/AWS-StartInteractiveCommand"
	shell        = "arn:aws:ssm:eu-west-1:444455556666:document/SSM-SessionManagerRunShell"
	documentKey  = "ssm:SessionDocumentAccessCheck"
	ourTag       = "aws:ResourceTag/ecsheap"
	sessionKey   = "ssm:resourceTag/aws:ssmmessages:session-id"
	targetKey    = "ssm:resourceTag/aws:ssmmessages:target-id"
	runtimeID    = "_0123456789abcdef0123456789abcdef_0123456789abcdef0123456789abcdef-1527056392"
)

// with are two maps in one.
func with(a, b map[string]string) map[string]string {
	both := maps.Clone(a)
	maps.Copy(both, b)
	return both
}

// limit is a permission and what a policy says to it.
type limit struct {
	what     string
	policy   string
	action   string
	resource string
	context  map[string]string
	want     string
	old      bool // the policy is for ARNs of the old format too
}

// limits are what the policies are for, and what they keep people from.
func limits() []limit {
	checked := map[string]string{documentKey: "true"}
	tagged := map[string]string{ourTag: "allowed"}
	tunnel := with(checked, tagged)
	inOurs, inOther := map[string]string{"ecs:cluster": ourCluster}, map[string]string{"ecs:cluster": otherCluster}
	exec := with(with(tagged, inOurs), map[string]string{"ecs:container-name": "node"})
	return []limit{
		{"looks at a task", "operator-preflight", "ecs:DescribeTasks", ourTask, inOurs, allowed, false},
		{"looks at another cluster", "operator-preflight", "ecs:DescribeTasks", otherTask, inOther, implicitlyDenied, false},
		{"lists another cluster", "operator-preflight", "ecs:ListTasks", "*", inOther, implicitlyDenied, false},
		{"looks and opens", "operator-preflight", "ssm:StartSession", ourTask, tunnel, implicitlyDenied, false},
		{"looks and opens", "operator-preflight", "ssm:StartSession", portDocument, checked, implicitlyDenied, false},
		{"looks and runs", "operator-preflight", "ecs:ExecuteCommand", ourTask, exec, implicitlyDenied, false},
		{"looks and runs", "operator-preflight", "ecs:ExecuteCommand", ourCluster, exec, implicitlyDenied, false},
		{"looks and protects", "operator-preflight", "ecs:UpdateTaskProtection", ourTask, inOurs, implicitlyDenied, false},
		{"looks and deploys", "operator-preflight", "ecs:UpdateService", ourService, inOurs, implicitlyDenied, false},
		{"looks and ends", "operator-preflight", "ssm:TerminateSession", ourSession, map[string]string{sessionKey: caller}, implicitlyDenied, false},

		{"lists", "operator-snapshot", "ecs:ListTasks", "*", inOurs, allowed, false},
		{"lists another cluster", "operator-snapshot", "ecs:ListTasks", "*", inOther, implicitlyDenied, false},
		{"tunnels", "operator-snapshot", "ssm:StartSession", ourTask, tunnel, allowed, false},
		{"tunnels", "operator-snapshot", "ssm:StartSession", portDocument, checked, allowed, false},
		{"tunnels to an old task", "operator-snapshot", "ssm:StartSession", ourOldTask, tunnel, allowed, true},
		{"finds an old service", "operator-snapshot", "ecs:DescribeServices", ecsIn + "service/web", inOurs, allowed, true},
		{"finds another old service", "operator-snapshot", "ecs:DescribeServices", ecsIn + "service/other", inOurs, implicitlyDenied, true},
		{"tunnels to an old task unasked", "operator-snapshot", "ssm:StartSession", ourOldTask, tunnel, implicitlyDenied, false},
		{"tunnels elsewhere as if old", "operator-snapshot", "ssm:StartSession", otherTask, tunnel, implicitlyDenied, true},
		{"tunnels without the tag", "operator-snapshot", "ssm:StartSession", ourTask, checked, implicitlyDenied, false},
		{"tunnels with another tag", "operator-snapshot", "ssm:StartSession", ourTask, with(tunnel, map[string]string{ourTag: "no"}), implicitlyDenied, false},
		{"no document, which is a shell", "operator-snapshot", "ssm:StartSession", ourTask, with(tunnel, map[string]string{documentKey: "false"}), implicitlyDenied, false},
		{"a document unchecked", "operator-snapshot", "ssm:StartSession", portDocument, map[string]string{documentKey: "false"}, implicitlyDenied, false},
		{"a shell", "operator-snapshot", "ssm:StartSession", shell, checked, implicitlyDenied, false},
		{"a command", "operator-snapshot", "ssm:StartSession", interactive, checked, implicitlyDenied, false},
		{"other hosts", "operator-snapshot", "ssm:StartSession", remoteHosts, checked, implicitlyDenied, false},
		{"a document of that name of an account", "operator-snapshot", "ssm:StartSession", strings.Replace(portDocument, "::", ":444455556666:", 1), checked, implicitlyDenied, false},
		{"another cluster", "operator-snapshot", "ssm:StartSession", otherTask, tunnel, implicitlyDenied, false},
		{"a cluster with a longer name", "operator-snapshot", "ssm:StartSession", strings.Replace(ourTask, "green-2", "green-21", 1), tunnel, implicitlyDenied, false},
		{"another account", "operator-snapshot", "ssm:StartSession", strings.Replace(ourTask, "4444", "7777", 1), tunnel, implicitlyDenied, false},
		{"another region", "operator-snapshot", "ssm:StartSession", strings.Replace(ourTask, "eu-west-1", "ap-south-1", 1), tunnel, implicitlyDenied, false},
		{"a machine", "operator-snapshot", "ssm:StartSession", "arn:aws:ec2:eu-west-1:444455556666:instance/i-0123456789abcdef0", tunnel, implicitlyDenied, false},
		{"ends an own session", "operator-snapshot", "ssm:TerminateSession", ourSession, map[string]string{sessionKey: caller}, allowed, false},
		{"resumes an own session", "operator-snapshot", "ssm:ResumeSession", ourSession, map[string]string{sessionKey: caller}, allowed, false},
		{"ends one of a colleague", "operator-snapshot", "ssm:TerminateSession", ourSession, map[string]string{sessionKey: "AROAFAKEAWS00EXAMPLE:bob"}, implicitlyDenied, false},
		{"ends one of nobody", "operator-snapshot", "ssm:TerminateSession", ourSession, nil, implicitlyDenied, false},
		{"runs a command", "operator-snapshot", "ecs:ExecuteCommand", ourTask, exec, implicitlyDenied, false},

		{"runs a command", "operator-activate", "ecs:ExecuteCommand", ourTask, exec, allowed, false},
		// The tag is the task's: a cluster without it is what there is.
		{"runs a command", "operator-activate", "ecs:ExecuteCommand", ourCluster, map[string]string{"ecs:cluster": ourCluster, "ecs:container-name": "node"}, allowed, false},
		{"runs it elsewhere", "operator-activate", "ecs:ExecuteCommand", otherTask, with(exec, inOther), implicitlyDenied, false},
		{"runs it elsewhere", "operator-activate", "ecs:ExecuteCommand", otherCluster, with(exec, inOther), implicitlyDenied, false},
		{"runs it in an old task", "operator-activate", "ecs:ExecuteCommand", ourOldTask, exec, allowed, true},
		{"runs it in an old task elsewhere", "operator-activate", "ecs:ExecuteCommand", ourOldTask, with(exec, inOther), implicitlyDenied, true},
		{"runs it without the tag", "operator-activate", "ecs:ExecuteCommand", ourTask, with(inOurs, map[string]string{"ecs:container-name": "node"}), implicitlyDenied, false},
		{"runs it in a sidecar", "operator-activate", "ecs:ExecuteCommand", ourTask, with(exec, map[string]string{"ecs:container-name": "vault-agent"}), implicitlyDenied, false},
		{"runs it in a sidecar", "operator-activate", "ecs:ExecuteCommand", ourCluster, with(exec, map[string]string{"ecs:container-name": "vault-agent"}), implicitlyDenied, false},
		{"opens a tunnel", "operator-activate", "ssm:StartSession", ourTask, tunnel, implicitlyDenied, false},
		{"ends a command", "operator-activate", "ssm:TerminateSession", ourExec, map[string]string{targetKey: "ecs:blue_green-2" + runtimeID}, allowed, false},
		{"ends a command elsewhere", "operator-activate", "ssm:TerminateSession", ourExec, map[string]string{targetKey: "ecs:blue" + runtimeID}, implicitlyDenied, false},
		{"ends a command where the name is longer", "operator-activate", "ssm:TerminateSession", ourExec, map[string]string{targetKey: "ecs:blue_green-2_x" + runtimeID}, implicitlyDenied, false},
		{"ends a tunnel", "operator-activate", "ssm:TerminateSession", ourSession, map[string]string{targetKey: "ecs:blue_green-2" + runtimeID}, implicitlyDenied, false},

		{"protects", "operator-protect", "ecs:UpdateTaskProtection", ourTask, inOurs, allowed, false},
		{"protects elsewhere", "operator-protect", "ecs:UpdateTaskProtection", otherTask, inOther, implicitlyDenied, false},
		{"protects an old task", "operator-protect", "ecs:UpdateTaskProtection", ourOldTask, inOurs, allowed, true},
		{"protects an old task elsewhere", "operator-protect", "ecs:UpdateTaskProtection", ourOldTask, inOther, implicitlyDenied, true},
		{"protects and stops", "operator-protect", "ecs:StopTask", ourTask, inOurs, implicitlyDenied, false},

		{"uploads", "operator-s3", "s3:PutObject", "arn:aws:s3:::evidence/heaps/ecsheap-web/s1", nil, allowed, false},
		{"uploads beside the prefix", "operator-s3", "s3:PutObject", "arn:aws:s3:::evidence/heaps2/s1", nil, implicitlyDenied, false},
		{"uploads elsewhere", "operator-s3", "s3:PutObject", "arn:aws:s3:::evidence2/heaps/s1", nil, implicitlyDenied, false},
		{"reads the key past S3", "operator-s3", "kms:Decrypt", "arn:aws:kms:eu-west-1:444455556666:key/mrk-1", nil, implicitlyDenied, false},
		{"reads the key by S3", "operator-s3", "kms:Decrypt", "arn:aws:kms:eu-west-1:444455556666:key/mrk-1", map[string]string{"kms:ViaService": "s3.eu-west-1.amazonaws.com"}, allowed, false},

		{"registers", "operator-fix", "ecs:RegisterTaskDefinition", ecsIn + "task-definition/web:7", nil, allowed, false},
		{"registers another", "operator-fix", "ecs:RegisterTaskDefinition", ecsIn + "task-definition/web2:7", nil, implicitlyDenied, false},
		{"rolls", "operator-fix", "ecs:UpdateService", ourService, inOurs, allowed, false},
		{"rolls another", "operator-fix", "ecs:UpdateService", ourService + "2", inOurs, implicitlyDenied, false},
		{"rolls an old service", "operator-fix", "ecs:UpdateService", ecsIn + "service/web", inOurs, allowed, true},
		{"rolls an old service elsewhere", "operator-fix", "ecs:UpdateService", ecsIn + "service/web", inOther, implicitlyDenied, true},
		{"passes the role", "operator-fix", "iam:PassRole", "arn:aws:iam::444455556666:role/web-task", map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}, allowed, false},
		{"passes it to a machine", "operator-fix", "iam:PassRole", "arn:aws:iam::444455556666:role/web-task", map[string]string{"iam:PassedToService": "ec2.amazonaws.com"}, implicitlyDenied, false},
		{"passes another", "operator-fix", "iam:PassRole", "arn:aws:iam::444455556666:role/admin", map[string]string{"iam:PassedToService": "ecs-tasks.amazonaws.com"}, implicitlyDenied, false},
	}
}

// TestPolicyLimits asks, in every partition, what each policy allows and what not.
func TestPolicyLimits(t *testing.T) {
	all := limits()
	var questions []question
	for _, region := range regions {
		for _, l := range all {
			p := permission{l.action, place(region, l.resource), map[string]string{}}
			for key, value := range l.context {
				p.Context[key] = place(region, value)
			}
			questions = append(questions, p.ask(filled(t, l.policy, region, l.old)))
		}
	}
	for i, v := range judgePolicies(t, questions) {
		l := all[i%len(all)]
		if v.Decision != l.want {
			t.Errorf("%s, %s: %s on %s with %v: %s, want %s", l.policy, l.what, l.action, questions[i].Resource, questions[i].Context, v.Decision, l.want)
		}
	}
}

// TestPolicyConditionsMatter has every condition of the policies be one that keeps
// somebody from something: without it, the answer to one of the limits is another.
func TestPolicyConditionsMatter(t *testing.T) {
	const region = "eu-west-1"
	var questions []question
	type part struct {
		what string
		want string
	}
	var about []part
	missing := map[string]bool{}
	for _, name := range iampolicies.Names() {
		for _, old := range []bool{false, true} {
			for _, r := range unconditional(t, name, filled(t, name, region, old)) {
				if !old {
					missing[r.without] = true
				}
				for _, l := range append(limits(), guarded()...) {
					if l.policy == name && l.old == old {
						policies := []json.RawMessage{r.text}
						if name == guardrails {
							policies = append(policies, everything)
						}
						questions = append(questions, permission{l.action, l.resource, l.context}.ask(policies...))
						about = append(about, part{r.without, l.want})
					}
				}
			}
		}
	}
	for i, v := range judgePolicies(t, questions) {
		if v.Decision != about[i].want {
			delete(missing, about[i].what)
		}
	}
	for what := range missing {
		t.Errorf("%s: nothing is different without it", what)
	}
}

// unconditional are a policy without one of its conditions.
func unconditional(t *testing.T, name string, text json.RawMessage) []reduction {
	t.Helper()
	var all []reduction
	for i, s := range statements(t, text) {
		conditions, _ := s["Condition"].(map[string]any)
		for operator, keys := range conditions {
			for key := range keys.(map[string]any) {
				changed := statements(t, text)
				rest := changed[i]["Condition"].(map[string]any)
				delete(rest[operator].(map[string]any), key)
				if len(rest[operator].(map[string]any)) == 0 {
					delete(rest, operator)
				}
				all = append(all, reduction{text: policyOf(t, changed), without: name + ", " + s["Sid"].(string) + ": " + key})
			}
		}
	}
	return all
}

// guardrails is the policy that denies.
const guardrails = "deny-guardrails"

// everything is the policy of somebody who may do it all, which guardrails are for.
var everything = json.RawMessage(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)

// guarded are what the guardrails deny to somebody who may do everything, and what
// they let through.
func guarded() []limit {
	mfa := map[string]string{"aws:MultiFactorAuthPresent": "true"}
	tunnel := with(mfa, map[string]string{documentKey: "true"})
	restricted := map[string]string{"aws:ResourceTag/data-class": "restricted"}
	node := with(mfa, map[string]string{"ecs:container-name": "node", "ecs:cluster": ourCluster})
	user := map[string]string{"aws:PrincipalType": "User"}
	all := []limit{
		{what: "a tunnel", action: "ssm:StartSession", resource: ourTask, context: tunnel, want: allowed},
		{what: "its document", action: "ssm:StartSession", resource: portDocument, context: tunnel, want: allowed},
		{what: "a command", action: "ecs:ExecuteCommand", resource: ourTask, context: node, want: allowed},
		{what: "a command", action: "ecs:ExecuteCommand", resource: ourCluster, context: node, want: allowed},
		{what: "an identity of a directory, whose login AWS does not see", action: "ssm:StartSession", resource: ourTask, context: map[string]string{documentKey: "true", "aws:PrincipalType": "AssumedRole"}, want: allowed},
		{what: "a user who showed the device", action: "ssm:StartSession", resource: ourTask, context: with(tunnel, user), want: allowed},
		{what: "something else", action: "ecs:UpdateService", resource: ourService, context: user, want: allowed},

		{what: "a shell", action: "ssm:StartSession", resource: shell, context: tunnel, want: explicitlyDenied},
		{what: "a command of Session Manager", action: "ssm:StartSession", resource: interactive, context: tunnel, want: explicitlyDenied},
		{what: "other hosts", action: "ssm:StartSession", resource: remoteHosts, context: tunnel, want: explicitlyDenied},
		{what: "a document made for it", action: "ssm:StartSession", resource: strings.Replace(shell, "SSM-SessionManagerRunShell", "my-shell", 1), context: tunnel, want: explicitlyDenied},
		{what: "no document, which is a shell", action: "ssm:StartSession", resource: ourTask, context: with(mfa, map[string]string{documentKey: "false"}), want: explicitlyDenied},
		{what: "a restricted task", action: "ssm:StartSession", resource: ourTask, context: with(tunnel, restricted), want: explicitlyDenied},
		{what: "a restricted task", action: "ecs:ExecuteCommand", resource: ourTask, context: with(node, restricted), want: explicitlyDenied},
		{what: "a container with secrets", action: "ecs:ExecuteCommand", resource: ourTask, context: with(node, map[string]string{"ecs:container-name": "vault-agent"}), want: explicitlyDenied},
		{what: "a container with secrets", action: "ecs:ExecuteCommand", resource: ourCluster, context: with(node, map[string]string{"ecs:container-name": "payments"}), want: explicitlyDenied},
		{what: "a role assumed without MFA", action: "ssm:StartSession", resource: ourTask, context: with(tunnel, map[string]string{"aws:MultiFactorAuthPresent": "false"}), want: explicitlyDenied},
		{what: "a role assumed without MFA", action: "ecs:ExecuteCommand", resource: ourTask, context: with(node, map[string]string{"aws:MultiFactorAuthPresent": "false"}), want: explicitlyDenied},
		{what: "the access key of a user", action: "ssm:StartSession", resource: ourTask, context: with(user, map[string]string{documentKey: "true"}), want: explicitlyDenied},
		{what: "a machine", action: "ssm:StartSession", resource: "arn:aws:ec2:eu-west-1:444455556666:instance/i-0123456789abcdef0", context: tunnel, want: explicitlyDenied},
	}
	for i := range all {
		all[i].policy = guardrails
	}
	return all
}

// TestGuardrails has the guardrails deny what they say to somebody who may do
// everything, and let through what the other policies are for.
func TestGuardrails(t *testing.T) {
	cases := guarded()
	var questions []question
	for _, region := range regions {
		for _, c := range cases {
			p := permission{c.action, place(region, c.resource), map[string]string{}}
			for key, value := range c.context {
				p.Context[key] = place(region, value)
			}
			questions = append(questions, p.ask(everything, filled(t, guardrails, region, false)))
		}
	}
	for i, v := range judgePolicies(t, questions) {
		if c := cases[i%len(cases)]; v.Decision != c.want {
			t.Errorf("%s: %s on %s with %v: %s, want %s", c.what, c.action, questions[i].Resource, questions[i].Context, v.Decision, c.want)
		}
	}
}
