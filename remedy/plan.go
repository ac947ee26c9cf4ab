package remedy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/ecsheap/ecsheap/ecs"
	iampolicies "github.com/ecsheap/ecsheap/iam-policies"
)

// Change is one change in AWS that ecsheap can make, and what it needs to know to
// take it back. It is what a journal holds, so its JSON stays as it is.
type Change struct {
	Finding string `json:"finding"` // id
	What    string `json:"what"`
	Action  string `json:"action"` // IAM action, such as ecs:UpdateTaskProtection
	Where   string `json:"where"`  // ARN or name of what is changed
	Region  string `json:"region"`
	Effect  Effect `json:"effect"`
	// Reversible tells whether Undo can take it back.
	Reversible bool `json:"reversible"`

	Target map[string]string `json:"target"` // what the calls name: cluster, task and so on
	Before State             `json:"before"`
	After  State             `json:"after"`
}

// State is the part of a resource that a change concerns. A key that is missing
// stands for what is not there.
type State map[string]string

// Free tells whether the change may be made without being confirmed by name: it can
// be taken back, and the task goes on.
func (c Change) Free() bool { return c.Reversible && c.Effect == Live }

// ScalesIn tells whether taking the change back has ECS stop a task of the service.
func (c Change) ScalesIn() bool {
	before, err := strconv.Atoi(c.Before[keyDesired])
	after, err2 := strconv.Atoi(c.After[keyDesired])
	return err == nil && err2 == nil && before < after
}

// order is 0 for what protects the task, 1 for all else.
func (c Change) order() int {
	if c.Action == "ecs:UpdateTaskProtection" {
		return 0
	}
	return 1
}

// same tells whether two changes are one.
func (c Change) same(d Change) bool { return c.Action == d.Action && c.Where == d.Where }

// changes are the plans by the id of their finding.
var changes = map[string]func(params) Change{
	"svc.deploying":     protection,
	"svc.task-revision": protection,
	"svc.az-rebalance":  protection,
	"svc.autoscale":     protection,
	"svc.desired":       oneMore,
	"role.ssmmessages":  rolePolicy,
	"hc.alb":            targetGroup,
	"exec.sessions":     session,
	"exec.enabled":      execFlag,
}

// The keys of states and targets.
const (
	keyEnabled   = "protectionEnabled"
	keyExpires   = "expirationDate" // RFC 3339
	keyMinutes   = "expiresInMinutes"
	keyDesired   = "desiredCount"
	keyExec      = "enableExecuteCommand"
	keyDocument  = "policyDocument"
	keyInterval  = "healthCheckIntervalSeconds"
	keyThreshold = "unhealthyThresholdCount"
	keySession   = "status"
	keyPolicy    = "policyName"
)

// protectedFor is how long a task is protected: longer than a series of three
// snapshots, and over by itself when nobody takes it back.
const protectedFor = 60 // minutes

func protection(p params) Change { return protect(p, protectedFor) }

func protect(p params, minutes int) Change {
	return Change{
		What: fmt.Sprintf("protect the task for %d minutes", minutes), Action: "ecs:UpdateTaskProtection", Where: p[ecs.ParamTaskARN], Effect: Live, Reversible: true,
		Target: pick(p, ecs.ParamCluster, ecs.ParamTask), After: State{keyEnabled: "true", keyMinutes: strconv.Itoa(minutes)},
	}
}

// Protect plans to keep ECS from stopping a task of a service for so many minutes, 1 to
// 2880: by scaling in, a deployment or a rebalancing; not a spot interruption. It reads the
// state now. Errors: a [*FailedError] for a task outside a service, or what the SDK returned.
func Protect(ctx context.Context, c *ecs.Clients, t ecs.Target, minutes int) (Change, error) {
	change := protect(params{ecs.ParamTaskARN: t.TaskARN, ecs.ParamCluster: t.Cluster, ecs.ParamTask: t.TaskID()}, minutes)
	now, err := lookProtection(ctx, c, change)
	change.Before = now
	return change, err
}

// ProtectedUntil is when the protection of a task ends that is in this state, the zero
// time if it has none.
func (s State) ProtectedUntil() time.Time {
	if s[keyEnabled] != "true" {
		return time.Time{}
	}
	until, _ := time.Parse(time.RFC3339, s[keyExpires]) // ECS always sets one
	return until
}

func oneMore(p params) Change {
	if p[ecs.ParamDesired] == "" {
		return Change{} // there are to be several: they only have to come
	}
	return Change{
		What: "raise the desired count to " + p[ecs.ParamDesired], Action: "ecs:UpdateService", Where: p[ecs.ParamService], Effect: Live, Reversible: true,
		Target: pick(p, ecs.ParamCluster, ecs.ParamService), After: State{keyDesired: p[ecs.ParamDesired]},
	}
}

func execFlag(p params) Change {
	if p[ecs.ParamService] == "" {
		return Change{} // a task outside a service is run again by hand
	}
	return Change{
		What: "switch ECS Exec on and deploy", Action: "ecs:UpdateService", Where: p[ecs.ParamService], Effect: Replaces, Reversible: true,
		Target: pick(p, ecs.ParamCluster, ecs.ParamService), After: State{keyExec: "true"},
	}
}

func rolePolicy(p params) Change {
	return Change{
		What: "add the inline policy " + PolicyName + " to role " + p[ecs.ParamRole], Action: "iam:PutRolePolicy", Where: p[ecs.ParamRoleARN], Effect: Live, Reversible: true,
		Target: with(pick(p, ecs.ParamRole), keyPolicy, PolicyName), After: State{keyDocument: compact(iampolicies.ECSExec())},
	}
}

func targetGroup(p params) Change {
	return Change{
		What: fmt.Sprintf("have the target group check every %d s, and give up after %d failures", patientInterval, patientThreshold), Action: "elasticloadbalancing:ModifyTargetGroup",
		Where: p[ecs.ParamTargetGroup], Effect: Live, Reversible: true, Target: pick(p, ecs.ParamTargetGroup),
		After: State{keyInterval: strconv.Itoa(patientInterval), keyThreshold: strconv.Itoa(patientThreshold)},
	}
}

func session(p params) Change {
	return Change{
		What: "end session " + p[ecs.ParamSession], Action: "ssm:TerminateSession", Where: p[ecs.ParamSession], Effect: Live,
		Target: pick(p, ecs.ParamSession), After: State{keySession: "ended"},
	}
}

func pick(p params, keys ...string) map[string]string {
	out := map[string]string{}
	for _, k := range keys {
		out[k] = p[k]
	}
	return out
}

func with(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	m[key] = value
	return m
}

// Plan lists the changes that remove findings, each once, with the state that they
// start from. It changes nothing. What is as it should be already is left out. The task
// is protected first, so that it still is when what came later is taken back: ECS stops
// a task of its choice when the desired count falls again.
// Errors: what the SDK returned; then the changes so far are returned too.
func Plan(ctx context.Context, c *ecs.Clients, findings []ecs.Finding) ([]Change, error) {
	var list []Change
	for _, f := range findings {
		plan, ok := changes[f.ID]
		if !ok || f.Level == ecs.OK || f.Level == ecs.Info || f.Fix == "" {
			continue
		}
		p := newParams(f)
		change := plan(p)
		change.Finding, change.Region = f.ID, p[ecs.ParamRegion]
		if change.Where == "" || slices.ContainsFunc(list, change.same) {
			continue
		}
		now, err := actions[change.Action].look(ctx, c, change)
		if err != nil {
			return list, fmt.Errorf("looking at %s: %w", change.Where, err)
		}
		if now.has(change.After) {
			continue
		}
		change.Before = now
		list = append(list, change)
	}
	slices.SortStableFunc(list, func(a, b Change) int { return a.order() - b.order() })
	return list, nil
}

// has tells whether the state has all of another one.
func (s State) has(other State) bool {
	for k, v := range other {
		if k != keyMinutes && s[k] != v {
			return false
		}
	}
	return true
}
