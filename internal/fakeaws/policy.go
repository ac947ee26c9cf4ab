package fakeaws

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// decision is the outcome of an evaluation, in the words of SimulatePrincipalPolicy.
type decision string

const (
	allowed      decision = "allowed"
	implicitDeny decision = "implicitDeny"
	explicitDeny decision = "explicitDeny"
)

// because ends the sentence of an access denied error.
func (d decision) because(action string) string {
	if d == explicitDeny {
		return "with an explicit deny in an identity-based policy"
	}
	return "because no identity-based policy allows the " + action + " action"
}

// question is one thing that a policy may answer.
type question struct {
	action, resource string
	context          map[string][]string
}

// policy is a policy document of IAM.
type policy struct{ statements []statement }

// statement is one of its statements. Of actions and notActions, and of resources and notResources,
// one is empty.
type statement struct {
	deny                                         bool
	actions, notActions, resources, notResources []string
	conditions                                   []condition
}

// oneOrMore is a list that IAM lets one write as a single value.
type oneOrMore []string

// UnmarshalJSON reads a string, a boolean, a number, or a list of them.
func (l *oneOrMore) UnmarshalJSON(data []byte) error {
	var items []any
	if data[0] != '[' {
		data = slices.Concat([]byte("["), data, []byte("]"))
	}
	if err := json.Unmarshal(data, &items); err != nil {
		return err
	}
	for _, item := range items {
		switch item.(type) {
		case string, bool, float64:
			*l = append(*l, fmt.Sprint(item))
		default:
			return errors.New("a list of values holds something else")
		}
	}
	return nil
}

type statementJSON struct {
	Effect                                   string
	Action, NotAction, Resource, NotResource oneOrMore
	Condition                                map[string]map[string]oneOrMore
}

// parsePolicy reads a policy document.
func parsePolicy(text string) (*policy, error) {
	var document struct {
		Version   string
		Statement json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return nil, err
	}
	if len(document.Statement) == 0 {
		return nil, errors.New("no Statement")
	}
	var list []statementJSON
	raw := document.Statement
	if raw[0] == '{' {
		raw = slices.Concat([]byte("["), raw, []byte("]"))
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, err
	}
	p := &policy{}
	for i, in := range list {
		if in.Effect != "Allow" && in.Effect != "Deny" {
			return nil, fmt.Errorf("statement %d has effect %q", i+1, in.Effect)
		}
		if (len(in.Action) == 0) == (len(in.NotAction) == 0) || (len(in.Resource) == 0) == (len(in.NotResource) == 0) {
			return nil, fmt.Errorf("statement %d must have Action or NotAction, and Resource or NotResource", i+1)
		}
		conditions, err := parseConditions(in.Condition)
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		p.statements = append(p.statements, statement{
			deny: in.Effect == "Deny", actions: in.Action, notActions: in.NotAction,
			resources: in.Resource, notResources: in.NotResource, conditions: conditions,
		})
	}
	return p, nil
}

// about says whether a statement is about the action and resource of q.
func (st *statement) about(q question) bool {
	action := func(pattern string) bool {
		return matchGlob(strings.ToLower(pattern), strings.ToLower(q.action))
	}
	resource := func(pattern string) bool { return matchGlob(q.substitute(pattern), q.resource) }
	if len(st.notActions) > 0 && slices.ContainsFunc(st.notActions, action) ||
		len(st.notActions) == 0 && !slices.ContainsFunc(st.actions, action) {
		return false
	}
	if len(st.notResources) > 0 {
		return !slices.ContainsFunc(st.notResources, resource)
	}
	return slices.ContainsFunc(st.resources, resource)
}

// evaluate says what a policy alone makes of q, and which condition keys it would have wanted.
func (p *policy) evaluate(q question) (outcome decision, missing []string) {
	outcome = implicitDeny
	for i := range p.statements {
		st := &p.statements[i]
		if !st.about(q) {
			continue
		}
		holds := true
		for _, c := range st.conditions {
			if _, known := q.lookUp(c.key); !known {
				missing = append(missing, c.key)
			}
			holds = holds && c.holds(q)
		}
		switch {
		case !holds:
		case st.deny:
			outcome = explicitDeny
		case outcome == implicitDeny:
			outcome = allowed
		}
	}
	return outcome, missing
}

// matchGlob matches IAM's wildcards: * for any run of characters, ? for one.
func matchGlob(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// single makes lists of one out of plain values.
func single(values attributes) map[string][]string {
	out := map[string][]string{}
	for key, value := range values {
		out[key] = []string{value}
	}
	return out
}
