package main

import (
	"regexp"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/ecs"
	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
	"github.com/ecsheap/ecsheap/remedy"
)

// TestRemediesNamePolicies has every policy that a remedy tells people to print be one
// that there is.
func TestRemediesNamePolicies(t *testing.T) {
	command := regexp.MustCompile(`ecsheap policy ([a-z0-9-]+)`)
	named := 0
	for _, rule := range ecs.Rules() {
		f := ecs.Finding{ID: rule.ID, Level: ecs.Warn, Fix: "x", Params: map[string]string{
			ecs.ParamRole: "api-task", ecs.ParamService: "api", ecs.ParamSession: "s", ecs.ParamDesired: "2", ecs.ParamTargetGroup: "arn",
		}}
		for _, tool := range remedy.Tools() {
			m, _ := remedy.Of(f, tool)
			for _, found := range command.FindAllStringSubmatch(m.How, -1) {
				named++
				if _, ok := iampolicies.Lookup(found[1]); !ok {
					t.Errorf("%s for %s names policy %s, which is none", rule.ID, tool, found[1])
				}
			}
		}
	}
	if named == 0 {
		t.Error("no remedy names a policy")
	}
}

// TestFixOfCheckSparesTheTask has check tell of a finding that the task survives nothing
// that replaces it: a new revision is what fix tells, in capitals.
func TestFixOfCheckSparesTheTask(t *testing.T) {
	f := ecs.Finding{ID: "node.inspect", Level: ecs.Info, Fix: "ask with --probe", Params: map[string]string{ecs.ParamContainer: "api", ecs.ParamPort: "9229"}}
	if got := fixText("json", f); !strings.Contains(got, "NODE_OPTIONS") {
		t.Errorf("%q", got)
	}
	f.Live = true
	for _, tool := range iacTools {
		if got := fixText(tool, f); got != f.Fix {
			t.Errorf("%s: %q", tool, got)
		}
	}
}
