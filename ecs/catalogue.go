package ecs

import (
	"maps"
	"slices"
)

// Level tells how much a finding stands in the way.
type Level string

// The levels, from harmless to final.
const (
	OK     Level = "ok"
	Info   Level = "info"
	Warn   Level = "warn"   // may go wrong
	Danger Level = "danger" // can kill or expose the service
	Block  Level = "block"  // a capture cannot work
)

// Finding is the result of one check.
type Finding struct {
	ID    string `json:"id"` // stable, such as exec.enabled
	Level Level  `json:"level"`
	Got   string `json:"got"`  // what is
	Want  string `json:"want"` // what should be
	Why   string `json:"why"`  // what happens otherwise
	Fix   string `json:"fix"`  // a command or what to do; "" when there is nothing to mend
	Live  bool   `json:"live"` // the fix does not replace the task, so the leaked heap survives it

	Unknown bool     `json:"unknown,omitempty"` // the check could not tell; Got says why
	Needs   []string `json:"needs,omitempty"`   // the IAM actions that it lacked

	// Params are what a fix is made of, by the Param… keys.
	Params map[string]string `json:"-"`
}

// Replaces tells whether the fix replaces the task, and so destroys the heap
// that is to be looked at.
func (f Finding) Replaces() bool { return f.Fix != "" && !f.Live }

// Ready tells whether no finding blocks.
func Ready(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Block })
}

// Rule is one row of the catalogue: a check of one thing.
type Rule struct {
	ID    string
	What  string   // is checked, in a few words
	Worst Level    // that it can have
	Want  string   // what should be
	Why   string   // what happens otherwise
	Needs []string // the IAM actions of its facts, but for those that find the task
	// Defined rules read the task definition, for which ecs:DescribeTaskDefinition is needed.
	// The others judge by the running task.
	Defined bool
	// Indirect evidence says what could keep the agent from Systems Manager. It gives
	// way to what is seen: when the agent is connected, nothing does.
	Indirect bool

	judge func(*Facts) Finding // its zero value: the rule does not apply
}

// Rules returns the catalogue, in the order of a capture's way to the heap.
func Rules() []Rule {
	return slices.Concat(taskRules(), execRules(), platformRules(), roleRules(), netRules(),
		processRules(), memoryRules(), serviceRules(), healthRules(), runtimeRules(), operatorRules())
}

// Judge says what stands between the target and a debugger, as far as the facts
// tell. The findings are in the order of [Rules].
func Judge(f *Facts) []Finding {
	findings := []Finding{}
	for _, rule := range Rules() {
		if found := rule.apply(f); found.Level != "" {
			findings = append(findings, found)
		}
	}
	return findings
}

// Check judges a target by what Find has fetched: the task and its definition. It
// makes no call.
func Check(t Target, port int) []Finding {
	return Judge(&Facts{Target: t, Port: port})
}

func (r Rule) apply(f *Facts) Finding {
	var found Finding
	if gap := f.Target.undefined; gap != nil && r.Defined {
		found = gap.finding()
	} else {
		found = r.judge(f)
	}
	if found.Level == "" {
		return found
	}
	if r.Indirect {
		found = f.demote(found)
	}
	found.ID, found.Why = r.ID, r.Why
	if found.Want == "" {
		found.Want = r.Want
	}
	params := f.params()
	maps.Copy(params, found.Params)
	found.Params = params
	return found
}

// demote lets what is seen win over indirect evidence. An agent that runs has a
// role, a disk and a platform that it can live with; whether it has a way out is
// known when its connection is.
func (f *Facts) demote(found Finding) Finding {
	switch {
	case f.reached() && worse(found.Level, Info):
		found.Level, found.Fix, found.Live = Info, "", false
		found.Got += "; the agent is connected all the same"
	case f.agentRuns() && f.Connection.gap() != nil && worse(found.Level, Warn):
		found.Level = Warn
		found.Got += "; but the agent runs"
	}
	return found
}

// levels from harmless to final.
var levels = []Level{OK, Info, Warn, Danger, Block}

func worse(a, b Level) bool { return slices.Index(levels, a) > slices.Index(levels, b) }

// fine is a finding of something that is as it should be.
func fine(got string) Finding { return Finding{Level: OK, Got: got} }

// told is a finding that is worth knowing, with nothing to do.
func told(got string) Finding { return Finding{Level: Info, Got: got} }

// waitFix is the fix of what time alone mends.
const waitFix = "wait: ecsheap check --wait 2m looks again until it is there"
