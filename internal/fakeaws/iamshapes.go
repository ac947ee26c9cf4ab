package fakeaws

import (
	"encoding/xml"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const iamNamespace = "https://iam.amazonaws.com/doc/2010-05-08/"

// stringsXML is an XML element that is there even if nothing is in it.
type stringsXML struct {
	Member []string `xml:"member"`
}

type simulateXML struct {
	XMLName     xml.Name        `xml:"SimulatePrincipalPolicyResponse"`
	Namespace   string          `xml:"xmlns,attr"`
	IsTruncated bool            `xml:"SimulatePrincipalPolicyResult>IsTruncated"`
	Marker      string          `xml:"SimulatePrincipalPolicyResult>Marker,omitempty"`
	Results     []evaluationXML `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
	RequestID   string          `xml:"ResponseMetadata>RequestId"`
}

type evaluationXML struct {
	Action       string       `xml:"EvalActionName"`
	Resource     string       `xml:"EvalResourceName"`
	Decision     decision     `xml:"EvalDecision"`
	Matched      matchedXML   `xml:"MatchedStatements"`
	Missing      stringsXML   `xml:"MissingContextValues"`
	Boundary     *boundaryXML `xml:"PermissionsBoundaryDecisionDetail"`
	Organization bool         `xml:"OrganizationsDecisionDetail>AllowedByOrganizations"`
	Each         *eachXML     `xml:"ResourceSpecificResults"`
}

// eachXML is the part of an evaluation that is about single resources.
type eachXML struct {
	Member []resourceResultXML `xml:"member"`
}

type resourceResultXML struct {
	Resource string       `xml:"EvalResourceName"`
	Decision decision     `xml:"EvalResourceDecision"`
	Matched  matchedXML   `xml:"MatchedStatements"`
	Missing  stringsXML   `xml:"MissingContextValues"`
	Boundary *boundaryXML `xml:"PermissionsBoundaryDecisionDetail"`
}

type boundaryXML struct {
	Allowed bool `xml:"AllowedByPermissionsBoundary"`
}

type matchedXML struct {
	Member []matchedStatementXML `xml:"member"`
}

type matchedStatementXML struct {
	ID   string `xml:"SourcePolicyId"`
	Type string `xml:"SourcePolicyType"`
}

// simulatePrincipalPolicy answers for every action once: of several resources with the most
// restrictive decision, and with that on each of them under it.
func (s *Server) simulatePrincipalPolicy(r *apiRequest, form url.Values) (any, error) {
	source := form.Get("PolicySourceArn")
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil, source); err != nil {
		return nil, err
	}
	_, path, isRole := strings.Cut(source, ":role/")
	if !isRole {
		return nil, &apiError{Code: "InvalidInput", Message: "Invalid Entity Arn: " + source + " does not clearly define entity type and name."}
	}
	who := s.world.roleNamed(lastPart(path))
	if who == nil || s.roleARN(who) != source {
		return nil, noSuchEntity("Role %s not found", lastPart(path))
	}
	actions, resources := members(form, "ActionNames"), members(form, "ResourceArns")
	if len(actions) == 0 {
		return nil, &apiError{Code: "InvalidInput", Message: "ActionNames cannot be empty"}
	}
	if len(resources) == 0 {
		resources = []string{anyResource}
	}
	more := members(form, "PolicyInputList")
	for _, text := range more {
		if _, err := s.policy(text); err != nil {
			return nil, &apiError{Code: "InvalidInput", Message: "Invalid policy: " + err.Error()}
		}
	}
	context := contextEntries(form)
	out := simulateXML{Namespace: iamNamespace, RequestID: newUUID()}
	for _, action := range actions {
		if !strings.Contains(action, ":") {
			return nil, &apiError{Code: "InvalidInput", Message: "Invalid action: " + action}
		}
		var each []evaluationXML
		for _, resource := range resources {
			v := s.decide(who, question{action: action, resource: resource, context: context}, more...)
			each = append(each, v.xml(action, resource))
		}
		out.Results = append(out.Results, together(each))
	}
	from, to, err := iamPage(form, len(out.Results))
	if err != nil {
		return nil, err
	}
	if out.IsTruncated = to < len(out.Results); out.IsTruncated {
		out.Marker = pageToken(to)
	}
	out.Results = out.Results[from:to]
	return out, nil
}

func (v verdict) xml(action, resource string) evaluationXML {
	out := evaluationXML{Action: action, Resource: resource, Decision: v.decision, Missing: stringsXML{v.missing}, Organization: v.organization}
	for _, name := range v.matched {
		out.Matched.Member = append(out.Matched.Member, matchedStatementXML{ID: name, Type: "IAM Policy"})
	}
	if v.hasBoundary {
		out.Boundary = &boundaryXML{v.boundary}
	}
	return out
}

// together makes one evaluation of those on several resources.
func together(each []evaluationXML) evaluationXML {
	worst := each[0]
	if len(each) == 1 && worst.Resource == anyResource {
		return worst
	}
	var list eachXML
	for _, e := range each {
		if e.Decision == explicitDeny || e.Decision == implicitDeny && worst.Decision == allowed {
			worst = e
		}
		list.Member = append(list.Member, resourceResultXML{Resource: e.Resource, Decision: e.Decision, Matched: e.Matched, Missing: e.Missing, Boundary: e.Boundary})
	}
	worst.Resource, worst.Missing, worst.Each = anyResource, stringsXML{}, &list
	return worst
}

// contextEntries reads ContextEntries.member.N.
func contextEntries(form url.Values) map[string][]string {
	out := map[string][]string{}
	for i := 1; ; i++ {
		prefix := "ContextEntries.member." + strconv.Itoa(i)
		key := form.Get(prefix + ".ContextKeyName")
		if key == "" {
			return out
		}
		out[key] = members(form, prefix+".ContextKeyValues")
	}
}

// iamPage reads MaxItems and Marker.
func iamPage(form url.Values, n int) (from, to int, err error) {
	const most = 1000 // MaxItems' largest value
	size := most
	if text := form.Get("MaxItems"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > most {
			return 0, 0, &apiError{Code: "ValidationError", Message: "Invalid MaxItems"}
		}
	}
	if from, err = readPageToken(form.Get("Marker")); err != nil || from > n {
		return 0, 0, &apiError{Code: "ValidationError", Message: "Invalid Marker"}
	}
	return from, min(from+size, n), nil
}

type getRoleXML struct {
	XMLName   xml.Name `xml:"GetRoleResponse"`
	Namespace string   `xml:"xmlns,attr"`
	Role      roleXML  `xml:"GetRoleResult>Role"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

type roleXML struct {
	Path       string           `xml:"Path"`
	Name       string           `xml:"RoleName"`
	ID         string           `xml:"RoleId"`
	Arn        string           `xml:"Arn"`
	CreateDate string           `xml:"CreateDate"`
	Trust      string           `xml:"AssumeRolePolicyDocument"`
	MaxSession int              `xml:"MaxSessionDuration"`
	Boundary   *roleBoundaryXML `xml:"PermissionsBoundary"`
	Tags       []tagXML         `xml:"Tags>member"`
	LastUsed   struct{}         `xml:"RoleLastUsed"`
}

type roleBoundaryXML struct {
	Type string `xml:"PermissionsBoundaryType"`
	Arn  string `xml:"PermissionsBoundaryArn"`
}

type tagXML struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

// percentEncoded writes a document as IAM does, with %20 for a blank.
func percentEncoded(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

func (s *Server) getRole(r *apiRequest, form url.Values) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.openRole(r, form)
	if err != nil {
		return nil, err
	}
	out := roleXML{
		Path: found.Path, Name: found.Name, ID: found.id, Arn: s.roleARN(found), CreateDate: found.created.UTC().Format(time.RFC3339),
		Trust: percentEncoded(found.Trust), MaxSession: 3600,
	}
	if found.Boundary != "" {
		out.Boundary = &roleBoundaryXML{"Policy", s.globalARN("iam", "policy/"+found.Name+"-boundary")}
	}
	for _, key := range slices.Sorted(maps.Keys(found.Tags)) {
		out.Tags = append(out.Tags, tagXML{key, found.Tags[key]})
	}
	return getRoleXML{Namespace: iamNamespace, Role: out, RequestID: newUUID()}, nil
}

type getRolePolicyXML struct {
	XMLName   xml.Name `xml:"GetRolePolicyResponse"`
	Namespace string   `xml:"xmlns,attr"`
	RoleName  string   `xml:"GetRolePolicyResult>RoleName"`
	Name      string   `xml:"GetRolePolicyResult>PolicyName"`
	Document  string   `xml:"GetRolePolicyResult>PolicyDocument"`
	RequestID string   `xml:"ResponseMetadata>RequestId"`
}

func (s *Server) getRolePolicy(r *apiRequest, form url.Values) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.openRole(r, form)
	if err != nil {
		return nil, err
	}
	name := form.Get("PolicyName")
	text, ok := found.Policies[name]
	if !ok {
		return nil, noSuchEntity("The role policy with name %s cannot be found.", name)
	}
	return getRolePolicyXML{
		Namespace: iamNamespace, RoleName: found.Name, Name: name, Document: percentEncoded(text), RequestID: newUUID(),
	}, nil
}

// doneXML is the answer of an operation that says nothing.
type doneXML struct {
	XMLName   xml.Name
	Namespace string `xml:"xmlns,attr"`
	RequestID string `xml:"ResponseMetadata>RequestId"`
}

func newDoneXML(r *apiRequest) doneXML {
	return doneXML{XMLName: xml.Name{Local: r.operation + "Response"}, Namespace: r.service.namespace, RequestID: newUUID()}
}

func (s *Server) putRolePolicy(r *apiRequest, form url.Values) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.openRole(r, form)
	if err != nil {
		return nil, err
	}
	text := form.Get("PolicyDocument")
	if _, err := s.policy(text); err != nil {
		return nil, &apiError{Code: "MalformedPolicyDocument", Message: "Syntax errors in policy. " + err.Error()}
	}
	if found.Policies == nil {
		found.Policies = map[string]string{}
	}
	found.Policies[form.Get("PolicyName")] = text
	return newDoneXML(r), nil
}

func (s *Server) deleteRolePolicy(r *apiRequest, form url.Values) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.openRole(r, form)
	if err != nil {
		return nil, err
	}
	name := form.Get("PolicyName")
	if _, ok := found.Policies[name]; !ok {
		return nil, noSuchEntity("The role policy with name %s cannot be found.", name)
	}
	delete(found.Policies, name)
	return newDoneXML(r), nil
}
