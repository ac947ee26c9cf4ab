// Package remedy says how to remove what a check of package ecs found, in the
// words of the tool that the service was made with, and makes those changes that
// can be taken back.
//
// A remedy that replaces the tasks of a service destroys what a capture is after:
// the leaked heap. So each says what it does to the task ([Effect]), and what a new
// revision of the task definition would hold is only ever shown ([Revise]).
package remedy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ecsheap/ecsheap/ecs"
)

// Tool is what a service was made with.
type Tool string

// The tools.
const (
	CLI            Tool = "cli"            // commands of the AWS CLI
	JSON           Tool = "json"           // the API's own JSON, for ecspresso and the like
	Terraform      Tool = "terraform"      // HCL for the provider hashicorp/aws
	CloudFormation Tool = "cloudformation" // YAML
	CDK            Tool = "cdk"            // TypeScript for aws-cdk-lib
)

// Tools lists the tools, the default first.
func Tools() []Tool { return []Tool{CLI, JSON, Terraform, CloudFormation, CDK} }

// Effect is what a remedy does to the task whose heap is to be read.
type Effect string

// The effects.
const (
	Live     Effect = "live"     // the task goes on as it is
	Replaces Effect = "replaces" // new tasks take its place: its heap is lost
	None     Effect = "none"     // nothing is changed: something is chosen, or waited for
)

// Loss is what must be said of every remedy that replaces tasks.
const Loss = "REPLACES THE TASKS: THE LEAKED HEAP IS LOST"

// Remedy is what removes one finding.
type Remedy struct {
	ID     string `json:"id"` // of the finding
	What   string `json:"what"`
	Effect Effect `json:"effect"`
	Tool   Tool   `json:"tool"`
	How    string `json:"how"`  // in the words of the tool, several lines
	Undo   string `json:"undo"` // what takes it back, "" when nothing is to be taken back
	// Applies tells whether Plan knows how to make the change itself.
	Applies bool `json:"applies"`

	edits []edit // of the task definition
}

// Edits tells whether the remedy is a change of the task definition.
func (r Remedy) Edits() bool { return len(r.edits) > 0 }

// Of returns the remedy for a finding. There is none for a finding that is ok, and
// for one that nothing can be done about.
func Of(f ecs.Finding, tool Tool) (Remedy, bool) {
	row, ok := catalogue[f.ID]
	if !ok || f.Level == ecs.OK || f.Fix == "" {
		return Remedy{}, false
	}
	p := newParams(f)
	if row.needs != "" && p[row.needs] == "" {
		return Remedy{ID: f.ID, Tool: tool, Effect: None, What: f.Fix, How: f.Fix}, true
	}
	r := Remedy{ID: f.ID, Tool: tool, Effect: row.effect(f), What: fill(row.what, p), Undo: fill(row.undo, p), Applies: changes[f.ID] != nil}
	if r.What == "" {
		r.What = f.Fix
	}
	if row.edits != nil {
		r.edits = row.edits(f, p)
	}
	text, ok := row.how[alone]
	if p[ecs.ParamService] != "" || !ok {
		text, ok = row.how[tool]
	}
	if !ok {
		text, ok = row.how[fallback(tool)]
	}
	switch {
	case ok:
		r.How = fill(text, p)
	case len(r.edits) > 0:
		r.How = render(r.edits, tool)
	default:
		r.How = f.Fix
	}
	return r, true
}

// All returns the remedies for the findings, those first that leave the task alone, and
// of these the worst.
func All(findings []ecs.Finding, tool Tool) []Remedy {
	list := []Remedy{}
	bad := []ecs.Level{ecs.Block, ecs.Danger, ecs.Warn, ecs.Info}
	findings = slices.SortedStableFunc(slices.Values(findings), func(a, b ecs.Finding) int { return slices.Index(bad, a.Level) - slices.Index(bad, b.Level) })
	for _, f := range findings {
		if r, ok := Of(f, tool); ok {
			list = append(list, r)
		}
	}
	slices.SortStableFunc(list, func(a, b Remedy) int { return a.Effect.rank() - b.Effect.rank() })
	return list
}

func (e Effect) rank() int { return slices.Index([]Effect{Live, None, Replaces}, e) }

// fallback is the tool whose words do where a tool has none of its own: what is
// not part of a template is done by hand whatever made the service.
func fallback(t Tool) Tool {
	if t == CDK {
		return CloudFormation
	}
	return CLI
}

// params are the values of a finding that texts name.
type params map[string]string

// unknown stands where a value is not known: it is no valid argument, so that a
// command cannot be run by mistake without it.
const unknown = "<%s>"

func newParams(f ecs.Finding) params {
	p := params{}
	for k, v := range f.Params {
		if v != "" {
			p[k] = v
		}
	}
	return p
}

func (p params) get(key string) string {
	if v, ok := p[key]; ok {
		return v
	}
	return fmt.Sprintf(unknown, key)
}

// fill puts values into a text: {cluster} is the value of the parameter cluster, and
// {label} a name for a resource of a template.
func fill(text string, p params) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		key, after, closed := strings.Cut(rest, "}")
		switch {
		case closed && key == "label":
			out.WriteString(label(p))
			text = after
		case closed && isKey(key):
			out.WriteString(p.get(key))
			text = after
		default:
			out.WriteString("{")
			text = rest
		}
	}
}

// isKey tells a placeholder from a brace of the text.
func isKey(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z') })
}

// label is how a template would name the service.
func label(p params) string {
	name := p[ecs.ParamService]
	if name == "" {
		name = p[ecs.ParamFamily]
	}
	clean := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, name)
	if clean == "" {
		return "app"
	}
	return clean
}
