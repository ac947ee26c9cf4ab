package e2e

import (
	"encoding/json"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// errand is something that a command does, and the policies of who has it done.
type errand struct {
	name  string
	holds []string // policies
	run   func(t *testing.T, holder holder) []permission
}

// errands is the table of what the commands do. What one of them asks of AWS must be
// allowed to its holder, and what the policies allow must be asked by one of them.
func errands() []errand {
	snapshot := []string{"operator-snapshot"}
	return slices.Concat([]errand{
		{"snapshot of a task", snapshot, func(t *testing.T, h holder) []permission {
			return h.does(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "out")
		}},
		{"snapshot of a service by the beginning of its task's id", snapshot, func(t *testing.T, h holder) []permission {
			return h.does(t, "snapshot", "--cluster", "prod", "--service", "api", "--task", taskID[:6], "--count", "2", "--interval", "0s", "--transfer", "stream", "--dir", "out")
		}},
		{"snapshot over a lost socket", snapshot, snapshotResumed},
		{"profile", snapshot, func(t *testing.T, h holder) []permission {
			return h.does(t, "profile", "--cluster", "prod", "--service", "api", "--duration", "1s", "--dir", "out")
		}},
		{"tunnel", snapshot, func(t *testing.T, h holder) []permission {
			w := h.world(t, fakeaws.Config{})
			w.forward(t).stop(t)
			return w.asked()
		}},
		{"snapshot by way of S3", []string{"operator-snapshot", "operator-s3"}, snapshotByS3},
		{"snapshot of a protected task", []string{"operator-snapshot", "operator-protect"}, func(t *testing.T, h holder) []permission {
			return h.does(t, "snapshot", "--cluster", "prod", "--task", taskID, "--protect", "--dir", "out")
		}},
	}, checkErrands(), activationErrands())
}

// unneeded are what no errand needs, "statement: action" or "statement: resource",
// with the reason why it is granted all the same.
func unneeded() map[string]map[string]string {
	const byHand = "for the commands that fix prints"
	const kms = "S3 and ECS ask KMS themselves, in the name of the caller; there is no KMS here"
	return map[string]map[string]string{
		"operator-s3": {
			"UploadSnapshots: s3:ListMultipartUploadParts":                 "to see after a cut what arrived; TestS3FallsBack does",
			"FetchAndDeleteSnapshots: s3:GetObjectVersion":                 "in a bucket with versions; those of the test have none",
			"FetchAndDeleteSnapshots: s3:DeleteObjectVersion":              "in a bucket with versions; those of the test have none",
			"KeyOfTheBucket: kms:GenerateDataKey":                          kms,
			"KeyOfTheBucket: kms:Decrypt":                                  kms,
			"KeyOfTheBucket: arn:aws:kms:eu-west-1:111122223333:key/mrk-1": kms,
		},
		"operator-preflight": {
			"AskWhatRolesMayDo: arn:aws:iam::111122223333:user/*": "for callers who are users; who calls here has a role",
		},
		"operator-fix": {
			"RegisterRevisionsOfOneFamily: ecs:RegisterTaskDefinition":                               byHand,
			"RegisterRevisionsOfOneFamily: arn:aws:ecs:eu-west-1:111122223333:task-definition/api:*": byHand,
			"PassItsRolesToTasks: iam:PassRole":                                                      byHand,
			"PassItsRolesToTasks: arn:aws:iam::111122223333:role/api-task":                           byHand,
			"PassItsRolesToTasks: arn:aws:iam::111122223333:role/api-execution":                      byHand,
		},
		"operator-activate": {
			"OnlyWhereTheClusterHasAKeyForEcsExec: kms:GenerateDataKey":                          kms,
			"OnlyWhereTheClusterHasAKeyForEcsExec: arn:aws:kms:eu-west-1:111122223333:key/mrk-1": kms,
			"EndSessionsOfEcsExec: ssm:ResumeSession":                                            "after a lost socket; commands take a second",
		},
	}
}

// unproven are policies that no command uses whole yet, with the reason. Take one
// out when there are errands for it.
func unproven() map[string]string {
	const agent = "the SSM agent in the container uses it, which calls no AWS here"
	return map[string]string{
		"task-role-ecs-exec":     agent,
		"task-role-exec-logging": agent,
	}
}

// TestPolicies runs every errand with nothing but the policies of its holder, and has
// a judge that is not ours weigh, in both directions, what AWS was asked against what
// they allow, with resources and conditions.
func TestPolicies(t *testing.T) {
	t.Parallel()
	texts := printed(t)
	all := errands()
	asked := runErrands(t, all, texts)
	if t.Failed() {
		return // what was not asked then says nothing
	}
	for _, p := range iampolicies.All() {
		t.Run("all of "+p.Name+" is needed", func(t *testing.T) {
			if reason := incomplete(p.Name, all, asked); reason != "" {
				t.Skip(reason)
			}
			left := superfluous(t, p.Name, texts, all, asked)
			reason, open := unproven()[p.Name]
			switch {
			case open && len(left) == 0:
				t.Error("it is proven: take it out of unproven")
			case open:
				t.Skipf("%s; not needed by an errand: %q", reason, left)
			}
			known := unneeded()[p.Name]
			for _, what := range left {
				if known[what] == "" {
					t.Errorf("no errand needs %s", what)
				}
			}
			for what := range known {
				if !slices.Contains(left, what) {
					t.Errorf("an errand needs %s: take it out of unneeded", what)
				}
			}
		})
	}
}

// runErrands runs all of them and returns what each asked.
func runErrands(t *testing.T, all []errand, texts map[string]json.RawMessage) map[string][]permission {
	var mu sync.Mutex
	asked := map[string][]permission{}
	t.Run("errands", func(t *testing.T) {
		for _, e := range all {
			t.Run(e.name, func(t *testing.T) {
				t.Parallel()
				var h holder
				for _, name := range e.holds {
					h = append(h, texts[name])
				}
				permissions := e.run(t, h)
				mu.Lock()
				asked[e.name] = permissions
				mu.Unlock()
				var questions []question
				for _, p := range permissions {
					questions = append(questions, p.ask(h...))
				}
				for i, v := range judgePolicies(t, questions) {
					if v.Decision != allowed {
						t.Errorf("%s on %s with %v: %s", questions[i].Action, questions[i].Resource, questions[i].Context, v.Decision)
					}
				}
			})
		}
	})
	return asked
}

// incomplete says why nothing can be said of what a policy's holders need: a part of
// an errand is not installed, or not to be had on this platform.
func incomplete(policy string, all []errand, asked map[string][]permission) string {
	if _, open := unproven()[policy]; !open && runtime.GOOS != "linux" && !slices.ContainsFunc(all, func(e errand) bool { return slices.Contains(e.holds, policy) }) {
		return "its errands need Linux"
	}
	for _, e := range all {
		if slices.Contains(e.holds, policy) && asked[e.name] == nil {
			return e.name + " was skipped"
		}
	}
	return ""
}

// printed are the policies as the program prints them for the world of the tests.
func printed(t *testing.T) map[string]json.RawMessage {
	t.Helper()
	server, err := fakeaws.Start(fakeaws.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	w := &world{Server: server, dir: t.TempDir()}
	texts := map[string]json.RawMessage{}
	for _, name := range iampolicies.Names() {
		r := w.start(t, "policy", "--cluster", "prod", "--family", "api", "--container", "api", "--task-role", "api-task", "--execution-role", "api-execution",
			"--s3", "s3://heap-evidence/evidence", "--key", "mrk-1", "--log-group", "/exec", "--output", "json", name)
		r.wantCode(t, 0)
		texts[name] = json.RawMessage(r.stdout.String())
	}
	return texts
}

// holder are the policies of who runs a command.
type holder []json.RawMessage

// world is a loopback AWS that permits nothing else, with a service behind a load
// balancer.
func (h holder) world(t *testing.T, cfg fakeaws.Config) *world {
	t.Helper()
	w := newWorld(t, cfg, bulk(t, "", 8))
	w.AddService(fakeaws.Service{Cluster: "prod", Name: "api", LoadBalancers: []fakeaws.LoadBalancer{
		{TargetGroup: w.AddTargetGroup(fakeaws.TargetGroup{Name: "web"}), Container: "api", Port: 3000},
	}})
	h.only(w.Server)
	return w
}

// only has a server permit what the policies allow.
func (h holder) only(server *fakeaws.Server) {
	var texts []string
	for _, policy := range h {
		texts = append(texts, string(policy))
	}
	server.PermitOnly(texts...)
}

// does runs a command and returns what AWS was asked.
func (h holder) does(t *testing.T, args ...string) []permission {
	t.Helper()
	w := h.world(t, fakeaws.Config{})
	w.start(t, args...).wantCode(t, 0)
	return w.asked()
}

// asked is what IAM was asked, each permission once. GetCallerIdentity is left out:
// it needs none ("GetCallerIdentity" in the API reference of AWS STS).
func (w *world) asked() []permission {
	var all []permission
	for _, call := range w.Calls() {
		for _, check := range call.Checks {
			p := permission(check)
			known := slices.ContainsFunc(all, func(q permission) bool {
				return q.Action == p.Action && q.Resource == p.Resource && maps.Equal(q.Context, p.Context)
			})
			if !known && p.Action != "sts:GetCallerIdentity" {
				all = append(all, p)
			}
		}
	}
	return all
}

// snapshotResumed loses the client's socket on the way.
func snapshotResumed(t *testing.T, h holder) []permission {
	w := h.world(t, fakeaws.Config{Pace: true})
	r := w.start(t, "snapshot", "--cluster", "prod", "--task", taskID, "--dir", "out")
	w.receiving(t, "out", "s1")
	if !w.KillClientSocket(w.Sessions()[0].ID) {
		t.Fatal("there was no socket to break")
	}
	r.wantCode(t, 0)
	return w.asked()
}

// superfluous lists what of a policy's allowances no errand needs: without it the
// judge still allows all that was asked.
func superfluous(t *testing.T, name string, texts map[string]json.RawMessage, all []errand, asked map[string][]permission) []string {
	t.Helper()
	var questions []question
	var about []string // of each question, which part is gone
	var parts []string
	for _, v := range reductions(t, texts[name]) {
		parts = append(parts, v.without)
		for _, e := range all {
			if !slices.Contains(e.holds, name) {
				continue
			}
			policies := holder{v.text}
			for _, other := range e.holds {
				if other != name {
					policies = append(policies, texts[other])
				}
			}
			for _, p := range asked[e.name] {
				if slices.Contains(v.actions, p.Action) {
					questions, about = append(questions, p.ask(policies...)), append(about, v.without)
				}
			}
		}
	}
	needed := map[string]bool{}
	if len(questions) > 0 {
		for i, v := range judgePolicies(t, questions) {
			needed[about[i]] = needed[about[i]] || v.Decision != allowed
		}
	}
	return slices.DeleteFunc(parts, func(part string) bool { return needed[part] })
}

// reduction is a policy without one action or one resource of one statement.
type reduction struct {
	text    json.RawMessage
	without string   // "statement: action", "statement: resource"
	actions []string // that it may make a difference to
}

// reductions are all of a policy.
func reductions(t *testing.T, text json.RawMessage) []reduction {
	t.Helper()
	var all []reduction
	for i, s := range statements(t, text) {
		if s["Effect"] != "Allow" {
			continue
		}
		actions := texts(s["Action"])
		for _, element := range []string{"Action", "Resource"} {
			values := texts(s[element])
			for _, value := range values {
				changed := statements(t, text)
				rest := slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == value })
				if changed[i][element] = rest; len(rest) == 0 {
					changed = slices.Delete(changed, i, i+1)
				}
				v := reduction{without: s["Sid"].(string) + ": " + value, actions: actions}
				if element == "Action" {
					v.actions = []string{value}
				}
				v.text = policyOf(t, changed)
				all = append(all, v)
			}
		}
	}
	return all
}

// statements reads those of a policy, anew each time.
func statements(t *testing.T, text json.RawMessage) []map[string]any {
	t.Helper()
	var policy struct{ Statement []map[string]any }
	if err := json.Unmarshal(text, &policy); err != nil {
		t.Fatal(err)
	}
	return policy.Statement
}

// policyOf writes a policy. One without statements is none, so there is always one
// more, for something that nobody asks.
func policyOf(t *testing.T, statements []map[string]any) json.RawMessage {
	t.Helper()
	statements = append(statements, map[string]any{"Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"})
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// texts is a text or a list of texts as a list.
func texts(value any) []string {
	if text, ok := value.(string); ok {
		return []string{text}
	}
	var all []string
	for _, v := range value.([]any) {
		all = append(all, v.(string))
	}
	return all
}

// s3Action is the action of a request to S3, as "Required permissions for Amazon S3
// API operations" in the Amazon S3 user guide has it.
func s3Action(method, key string, has func(parameter string) bool) string {
	switch {
	case key == "":
		return "s3:ListBucket" // HEAD and GET of a bucket
	case method == "GET" && has("uploadId"):
		return "s3:ListMultipartUploadParts"
	case method == "DELETE" && has("uploadId"):
		return "s3:AbortMultipartUpload"
	case method == "GET", method == "HEAD":
		return "s3:GetObject" + version(has)
	case method == "DELETE":
		return "s3:DeleteObject" + version(has)
	}
	return "s3:PutObject" // parts too, and beginning and ending an upload
}

func version(has func(string) bool) string {
	if has("versionId") {
		return "Version"
	}
	return ""
}

// s3Object is the ARN of a path-style request.
func s3Object(path string) (arn, key string) {
	bucket, key, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if key == "" {
		return "arn:aws:s3:::" + bucket, ""
	}
	return "arn:aws:s3:::" + bucket + "/" + key, key
}
