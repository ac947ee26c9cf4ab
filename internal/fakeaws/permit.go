package fakeaws

import (
	"maps"
	"slices"
)

// anyResource is what IAM checks for an action that knows no resources.
const anyResource = "*"

// Check is one permission that a call needs: what IAM asks the policies of the caller.
type Check struct {
	// Action is the IAM action: that of the call, or another that it implies (iam:PassRole).
	Action string
	// Resource is an ARN, or "*" where the action knows none.
	Resource string
	// Context is what conditions can see of it, by condition key, such as
	// "aws:ResourceTag/team" or "ecs:cluster".
	Context map[string]string
}

// attributes are values of condition keys.
type attributes = map[string]string

// permit asks whether the caller may do what r is about, with every one of the resources; none
// stands for "*". It is asked before anything is looked up or changed. The caller holds s.mu.
func (s *Server) permit(r *apiRequest, context attributes, resources ...string) error {
	if len(resources) == 0 {
		resources = []string{anyResource}
	}
	for _, resource := range resources {
		if err := s.permitAction(r, r.action(), resource, context); err != nil {
			return err
		}
	}
	return nil
}

// permitAction records one permission and refuses the call if the caller has it not. The caller
// holds s.mu.
func (s *Server) permitAction(r *apiRequest, action, resource string, context attributes) error {
	r.checks = append(r.checks, Check{Action: action, Resource: resource, Context: context})
	role := s.world.roleNamed(callerRole)
	known := attributes{"aws:userid": callerID, "aws:PrincipalArn": s.globalARN("iam", "role/"+callerRole)}
	maps.Copy(known, context)
	verdict := s.decide(role, question{action: action, resource: resource, context: single(known)}).decision
	if verdict == allowed {
		return nil
	}
	return r.service.accessDenied(s.owner(), action, resource, verdict)
}

// permitAny is permit for actions that know no resources, and callers that do not hold s.mu.
func (s *Server) permitAny(r *apiRequest) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.permit(r, nil)
}

// inCluster is what IAM knows of a request in a cluster.
func (s *Server) inCluster(cluster string) attributes {
	return attributes{"ecs:cluster": s.clusterARN(cluster)}
}

// tagged adds the tags of a resource to what IAM knows.
func tagged(context attributes, tags map[string]string) attributes {
	out := attributes{}
	maps.Copy(out, context)
	for key, value := range tags {
		out["aws:ResourceTag/"+key] = value
	}
	return out
}

// PermitOnly makes the caller, role "oncall", have nothing but the given identity policies, JSON
// documents of IAM. Without one everything is denied. A server on which it was never called permits
// everything. What a policy says of conditions is weighed with the Context of each Check.
func (s *Server) PermitOnly(policies ...string) {
	inline := map[string]string{}
	for i, document := range policies {
		inline["policy-"+string(rune('a'+i))] = document
	}
	s.SetRole(Role{Name: callerRole, Policies: inline})
}

// Checked lists every different permission that the calls so far needed, as "action resource",
// sorted.
func (s *Server) Checked() []string {
	seen := map[string]bool{}
	for _, call := range s.Calls() {
		for _, check := range call.Checks {
			seen[check.Action+" "+check.Resource] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
