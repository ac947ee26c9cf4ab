// Package iampolicies has the IAM policies that users of ecsheap need, as JSON,
// and fills them in for an account, a region and a cluster. README.md says who gets
// which of them.
package iampolicies

import (
	"embed"
	"slices"
)

//go:embed *.json
var files embed.FS

//go:embed task-role-ecs-exec.json
var ecsExec string

// ECSExec is the text of the policy task-role-ecs-exec, which has nothing to be filled in:
// what the SSM agent needs of the task role (Amazon ECS developer guide, "Using Amazon
// ECS Exec": ECS Exec permissions).
func ECSExec() string { return ecsExec }

// Policy is one of the policies. The text of it is a policy that AWS takes as it
// stands, for the account 111122223333 and other placeholders.
type Policy struct {
	// Name is that of the file without its extension, such as "operator-snapshot".
	Name string
	// Holder says who gets it.
	Holder string
	// Purpose says in one line what it is good for.
	Purpose string
}

// All returns the policies in the order in which they are met: the task first,
// then who works with it.
func All() []Policy {
	return []Policy{
		{"task-role-ecs-exec", "the task role", "lets the agent of ECS Exec in the container open its channels"},
		{"task-role-exec-logging", "the task role", "where the cluster encrypts or logs ECS Exec: its key, log group and bucket"},
		{"operator-preflight", "anyone who looks", "reads what check and tasks tell; opens and changes nothing"},
		{"operator-snapshot", "who is on call", "find a task, tunnel to its inspector: snapshot, profile, tunnel"},
		{"operator-s3", "who is on call, with --s3", "upload snapshots by presigned URLs, fetch and delete them"},
		{"operator-protect", "who is on call, with --protect", "keep tasks from being scaled in while they are looked at"},
		{"operator-activate", "who may break the glass, with --activate", "run the command that opens the inspector of a process: root in the container"},
		{"operator-fix", "who may deploy, with fix --apply", "new revisions and deployments of one service: code with its roles"},
		{"deny-guardrails", "all of them, or their boundary", "denies shells, restricted tasks and sessions without MFA, whatever else is allowed"},
	}
}

// Names returns the names of All, in their order.
func Names() []string {
	var names []string
	for _, p := range All() {
		names = append(names, p.Name)
	}
	return names
}

// Lookup returns the policy of a name; ok is false when there is none.
func Lookup(name string) (policy Policy, ok bool) {
	all := All()
	i := slices.IndexFunc(all, func(p Policy) bool { return p.Name == name })
	if i < 0 {
		return Policy{}, false
	}
	return all[i], true
}

// Text returns the policy with its placeholders, as it is in the file.
func (p Policy) Text() ([]byte, error) { return files.ReadFile(p.Name + ".json") }
