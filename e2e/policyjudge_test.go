package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// permission is what IAM is asked: one action on one resource, with what conditions
// can see of it.
type permission struct {
	Action   string
	Resource string
	Context  map[string]string
}

// question is one that the judge answers.
type question struct {
	Policies  []json.RawMessage `json:"policies"`
	Principal string            `json:"principal"`
	Action    string            `json:"action"`
	Resource  string            `json:"resource"`
	Account   string            `json:"account"`
	Context   map[string]string `json:"context"`
}

// verdict is its answer.
type verdict struct {
	Decision string   // Allowed, ImplicitlyDenied or ExplicitlyDenied
	Ignored  []string // condition keys that AWS does not know for the action and resource
	Error    string   // of a question that makes no sense to it
}

const (
	allowed          = "Allowed"
	implicitlyDenied = "ImplicitlyDenied"
	explicitlyDenied = "ExplicitlyDenied"
)

// ask builds the question whether somebody with the policies has the permission. Who
// asks is the caller of fakeaws, in the partition and account of the resource.
func (p permission) ask(policies ...json.RawMessage) question {
	partition, account := "aws", "111122223333"
	if parts := strings.SplitN(p.Resource, ":", 6); len(parts) == 6 {
		partition = parts[1]
		if parts[4] != "" {
			account = parts[4]
		}
	}
	context := map[string]string{"aws:userid": caller}
	for key, value := range p.Context {
		context[key] = value
	}
	return question{
		Policies: policies, Principal: "arn:" + partition + ":sts::" + account + ":assumed-role/oncall/alice",
		Action: p.Action, Resource: p.Resource, Account: account, Context: context,
	}
}

// caller is the user id of who calls.
const caller = "AROAFAKEAWS00EXAMPLE:alice"

// judgePolicies has an evaluation of IAM policies that is not ours answer the questions, in
// their order. scripts/iam.sh installs it; a test without it is skipped, and fails
// under CI=true.
func judgePolicies(t *testing.T, questions []question) []verdict {
	t.Helper()
	if len(questions) == 0 {
		t.Fatal("no questions")
	}
	tools, err := nodetest.Tools()
	if err != nil {
		t.Fatal(err)
	}
	asked, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), nodetest.Require(t, ""), filepath.Join("testdata", "simulate.mjs"), filepath.Join(tools, "iam", judgeVersion(t)))
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(asked), &stderr
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 3 {
		nodetest.Missing(t, "the judge of IAM policies is not installed", "run scripts/iam.sh")
	}
	if err != nil {
		t.Fatalf("asking the judge of IAM policies: %v: %s", err, stderr.String())
	}
	var verdicts []verdict
	if err := json.Unmarshal(out, &verdicts); err != nil || len(verdicts) != len(questions) {
		t.Fatalf("%d verdicts for %d questions: %v", len(verdicts), len(questions), err)
	}
	for i, v := range verdicts {
		if v.Error != "" {
			t.Errorf("%s on %s: the judge says %s", questions[i].Action, questions[i].Resource, v.Error)
		}
		for _, key := range v.Ignored {
			t.Errorf("%s on %s: AWS knows no condition key %s for it", questions[i].Action, questions[i].Resource, key)
		}
	}
	return verdicts
}

// judgeVersion is the pinned version.
func judgeVersion(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "scripts", "iam", "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var pins struct{ Dependencies map[string]string }
	if err := json.Unmarshal(data, &pins); err != nil {
		t.Fatal(err)
	}
	return pins.Dependencies["@cloud-copilot/iam-simulate"]
}
