package fakeaws

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	// RoleNone as a Task's TaskRole means that its task definition names no role.
	RoleNone = "NONE"

	// execPolicy is what a task role needs for ECS Exec, and all that AddTask gives it.
	execPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*","Action":[` +
		`"ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel",` +
		`"ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"]}}`

	// everythingPolicy is what the caller may do unless PermitOnly says otherwise.
	everythingPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

	// anyoneTrust is the trust policy of a role that says none.
	anyoneTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// Role is an IAM role. Its policies are JSON documents; a server refuses to start reading one that
// it does not understand by panicking in SetRole, because a test would prove nothing.
type Role struct {
	Name string
	Path string // "/" by default
	// Policies are the inline ones by name: what GetRolePolicy, PutRolePolicy and
	// DeleteRolePolicy are about. Attached are the managed ones.
	Policies, Attached map[string]string
	// Boundary is the permissions boundary, empty for none.
	Boundary string
	// ServiceControl is the service control policy of the account, empty where there is none.
	ServiceControl string
	// Trust is the document of who may assume the role; by default tasks of ECS may.
	Trust string
	Tags  map[string]string
}

// role is a Role in the world.
type role struct {
	Role
	id      string
	created time.Time
}

// verdict is what all policies of a role make of a question.
type verdict struct {
	decision decision
	matched  []string // names of the policies that decided
	missing  []string // condition keys without a value
	// boundary and organization say whether these would let it through; hasBoundary whether there
	// is the former.
	hasBoundary, boundary, organization bool
}

// SetRole makes a role, or replaces the one of its name. It panics if a policy cannot be read: the
// mistake is in the test.
func (s *Server) SetRole(r Role) {
	setDefault(&r.Path, "/")
	setDefault(&r.Trust, anyoneTrust)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range r.documents() {
		if _, err := s.policy(text); err != nil {
			panic(fmt.Sprintf("fakeaws: role %s: %v", r.Name, err))
		}
	}
	r.Policies = maps.Clone(r.Policies)
	s.world.setRole(r)
}

// documents are all policies of a role.
func (r *Role) documents() []string {
	list := slices.Concat(slices.Collect(maps.Values(r.Policies)), slices.Collect(maps.Values(r.Attached)))
	for _, text := range []string{r.Boundary, r.ServiceControl} {
		if text != "" {
			list = append(list, text)
		}
	}
	return list
}

func (w *world) setRole(r Role) {
	if old := w.roleNamed(r.Name); old != nil {
		old.Role = r
		return
	}
	w.roles = append(w.roles, &role{Role: r, id: "AROA" + strings.ToUpper(newHex(17)), created: time.Now()})
}

// implyRole makes the role of a task, with what ECS Exec needs, unless it is there or foreign.
func (s *Server) implyRole(arn string) {
	rest, ours := strings.CutPrefix(arn, s.globalARN("iam", "role/"))
	if !ours || s.world.roleNamed(lastPart(rest)) != nil {
		return
	}
	path := "/" + strings.TrimSuffix(rest, lastPart(rest))
	s.world.setRole(Role{Name: lastPart(rest), Path: path, Trust: anyoneTrust, Policies: map[string]string{"ecs-exec": execPolicy}})
}

func (w *world) roleNamed(name string) *role {
	for _, r := range w.roles {
		if r.Name == name {
			return r
		}
	}
	return nil
}

func (s *Server) roleARN(r *role) string { return s.globalARN("iam", "role"+r.Path+r.Name) }

// policy reads a policy document once. The caller holds s.mu.
func (s *Server) policy(text string) (*policy, error) {
	if p := s.policies[text]; p != nil {
		return p, nil
	}
	p, err := parsePolicy(text)
	if err != nil {
		return nil, err
	}
	if s.policies == nil {
		s.policies = map[string]*policy{}
	}
	s.policies[text] = p
	return p, nil
}

// decide weighs a role's policies: what any denies is denied, and an action needs the identity
// policies, the boundary and the organization to allow it.
func (s *Server) decide(r *role, q question, more ...string) verdict {
	v := verdict{decision: implicitDeny, boundary: true, organization: true}
	weigh := func(name, text string) decision {
		p, err := s.policy(text)
		if err != nil {
			return implicitDeny
		}
		outcome, missing := p.evaluate(q)
		v.missing = append(v.missing, missing...)
		if outcome != implicitDeny && name != "" {
			v.matched = append(v.matched, name)
		}
		return outcome
	}
	denied := false
	for _, named := range r.named(more) {
		switch weigh(named[0], named[1]) {
		case explicitDeny:
			denied = true
		case allowed:
			v.decision = allowed
		}
	}
	for _, guard := range []struct {
		text   string
		passes *bool
	}{{r.Boundary, &v.boundary}, {r.ServiceControl, &v.organization}} {
		if guard.text == "" {
			continue
		}
		outcome := weigh("", guard.text)
		*guard.passes = outcome == allowed
		denied = denied || outcome == explicitDeny
	}
	v.hasBoundary = r.Boundary != ""
	if !v.boundary || !v.organization {
		v.decision = implicitDeny
	}
	if denied {
		v.decision = explicitDeny
	}
	slices.Sort(v.missing)
	v.missing = slices.Compact(v.missing)
	return v
}

// named lists identity policies as name and text, in a fixed order.
func (r *role) named(more []string) (list [][2]string) {
	for _, group := range []map[string]string{r.Policies, r.Attached} {
		for _, name := range slices.Sorted(maps.Keys(group)) {
			list = append(list, [2]string{name, group[name]})
		}
	}
	for i, text := range more {
		list = append(list, [2]string{fmt.Sprintf("PolicyInputList.%d", i+1), text})
	}
	return list
}

// openRole finds the role that a form names, and asks for the permission on it. The caller holds
// s.mu.
func (s *Server) openRole(r *apiRequest, form url.Values) (*role, error) {
	name := form.Get("RoleName")
	found := s.world.roleNamed(name)
	arn := s.globalARN("iam", "role/"+name)
	if found != nil {
		arn = s.roleARN(found)
	}
	if err := s.permit(r, nil, arn); err != nil {
		return nil, err
	}
	if found == nil {
		return nil, noSuchEntity("The role with name %s cannot be found.", name)
	}
	return found, nil
}

func noSuchEntity(format string, args ...any) error {
	return &apiError{Code: "NoSuchEntity", Message: fmt.Sprintf(format, args...), Status: http.StatusNotFound}
}
