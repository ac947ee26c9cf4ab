package fakeaws

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// postForm sends a signed request of a query service and returns status and body.
func postForm(t testing.TB, s *Server, signing, action, version string, parameters ...string) (int, string) {
	t.Helper()
	form := url.Values{"Action": {action}, "Version": {version}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	return post(t, s, signing, "/", map[string]string{"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}, form.Encode())
}

// post sends a request whose signature has the right shape.
func post(t testing.TB, s *Server, signing, path string, header map[string]string, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/20261120/"+s.cfg.Region+"/"+signing+
		"/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

func iamCall(t testing.TB, s *Server, action string, parameters ...string) (int, string) {
	t.Helper()
	return postForm(t, s, "iam", action, "2010-05-08", parameters...)
}

// simulation is SimulatePrincipalPolicy's answer as a reader who knows only the documentation
// writes it down.
type simulation struct {
	XMLName xml.Name `xml:"https://iam.amazonaws.com/doc/2010-05-08/ SimulatePrincipalPolicyResponse"`
	Results []struct {
		Action   string   `xml:"EvalActionName"`
		Resource string   `xml:"EvalResourceName"`
		Decision string   `xml:"EvalDecision"`
		Matched  []string `xml:"MatchedStatements>member>SourcePolicyId"`
		Missing  []string `xml:"MissingContextValues>member"`
		Boundary *struct {
			Allowed bool `xml:"AllowedByPermissionsBoundary"`
		} `xml:"PermissionsBoundaryDecisionDetail"`
		Organization bool `xml:"OrganizationsDecisionDetail>AllowedByOrganizations"`
		Each         []struct {
			Resource string   `xml:"EvalResourceName"`
			Decision string   `xml:"EvalResourceDecision"`
			Missing  []string `xml:"MissingContextValues>member"`
		} `xml:"ResourceSpecificResults>member"`
	} `xml:"SimulatePrincipalPolicyResult>EvaluationResults>member"`
	Truncated bool   `xml:"SimulatePrincipalPolicyResult>IsTruncated"`
	Marker    string `xml:"SimulatePrincipalPolicyResult>Marker"`
}

func simulate(t *testing.T, s *Server, parameters ...string) (out simulation) {
	t.Helper()
	status, body := iamCall(t, s, "SimulatePrincipalPolicy", parameters...)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	if err := xml.Unmarshal([]byte(body), &out); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return out
}

const allowAllOfSSM = `{"Statement":{"Effect":"Allow","Action":"ssmmessages:*","Resource":"*"}}`

func TestSimulatePrincipalPolicy(t *testing.T) {
	const ssm, arn = "ssmmessages:OpenDataChannel", "arn:aws:iam::111122223333:role/"
	nothing := `{"Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	denying := `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ssmmessages:*","Resource":"*"}]}`
	tagged := `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/a":"b"}}}}`
	policies := func(text string) map[string]string { return map[string]string{"p": text} }
	s := start(t, Config{})
	s.AddTask(Task{Family: "app", Containers: []Container{{Name: "a"}}})
	for _, r := range []Role{
		{Name: "none"},
		{Name: "other", Policies: policies(nothing)},
		{Name: "managed", Attached: policies(allowAllOfSSM)},
		{Name: "denied", Policies: policies(allowAllOfSSM), Attached: policies(denying)},
		{Name: "bounded", Policies: policies(allowAllOfSSM), Boundary: nothing},
		{Name: "inside", Policies: policies(allowAllOfSSM), Boundary: allowAllOfSSM},
		{Name: "controlled", Policies: policies(allowAllOfSSM), ServiceControl: denying},
		{Name: "tagged", Policies: policies(tagged)},
	} {
		s.SetRole(r)
	}
	for _, tt := range []struct {
		role                   string
		want                   string
		boundary, organization bool
		missing                string
	}{
		{"app-task-role", "allowed", false, true, ""}, // what AddTask implies
		{"none", "implicitDeny", false, true, ""},
		{"other", "implicitDeny", false, true, ""},
		{"managed", "allowed", false, true, ""},
		{"denied", "explicitDeny", false, true, ""},
		{"bounded", "implicitDeny", false, true, ""},
		{"inside", "allowed", true, true, ""},
		{"controlled", "explicitDeny", false, false, ""},
		{"tagged", "implicitDeny", false, true, "aws:ResourceTag/a"},
		{"oncall", "allowed", false, true, ""},
	} {
		out := simulate(t, s, "PolicySourceArn", arn+tt.role, "ActionNames.member.1", ssm)
		r := out.Results[0]
		if r.Action != ssm || r.Resource != "*" || r.Decision != tt.want || r.Organization != tt.organization || strings.Join(r.Missing, " ") != tt.missing {
			t.Errorf("%s: %+v, want %s", tt.role, r, tt.want)
		}
		if has := r.Boundary != nil; has != (tt.role == "bounded" || tt.role == "inside") || has && r.Boundary.Allowed != tt.boundary {
			t.Errorf("%s: boundary %+v", tt.role, r.Boundary)
		}
	}
	out := simulate(t, s, "PolicySourceArn", arn+"tagged", "ActionNames.member.1", ssm, "ActionNames.member.2", "a:b",
		"ResourceArns.member.1", "arn:x", "ResourceArns.member.2", "arn:y", "ContextEntries.member.1.ContextKeyName", "aws:ResourceTag/a",
		"ContextEntries.member.1.ContextKeyType", "string", "ContextEntries.member.1.ContextKeyValues.member.1", "b")
	if len(out.Results) != 2 || out.Results[1].Action != "a:b" || out.Results[1].Decision != "allowed" || len(out.Results[1].Each) != 2 || out.Results[1].Each[1].Resource != "arn:y" {
		t.Errorf("two actions on two resources: %+v", out.Results)
	}
	s.SetRole(Role{Name: "some", Policies: policies(`{"Statement":{"Effect":"Allow","Action":"a:b","Resource":"arn:y"}}`)})
	out = simulate(t, s, "PolicySourceArn", arn+"some", "ActionNames.member.1", "a:b", "ResourceArns.member.1", "arn:y", "ResourceArns.member.2", "arn:x")
	if r := out.Results[0]; r.Decision != "implicitDeny" || r.Each[0].Decision != "allowed" || r.Each[1].Decision != "implicitDeny" {
		t.Errorf("one of two resources allowed: %+v", r)
	}
	first := simulate(t, s, "PolicySourceArn", arn+"none", "ActionNames.member.1", "a:b", "ActionNames.member.2", "a:c", "MaxItems", "1")
	second := simulate(t, s, "PolicySourceArn", arn+"none", "ActionNames.member.1", "a:b", "ActionNames.member.2", "a:c", "Marker", first.Marker)
	if !first.Truncated || second.Truncated || first.Results[0].Action != "a:b" || second.Results[0].Action != "a:c" {
		t.Errorf("pages %+v and %+v", first, second)
	}
}

func TestSimulateErrors(t *testing.T) {
	s := start(t, Config{})
	s.SetRole(Role{Name: "deep", Path: "/team/a/"})
	for source, want := range map[string]string{
		"arn:aws:iam::111122223333:role/none":                "NoSuchEntity",
		"arn:aws:iam::111122223333:role/deep":                "NoSuchEntity", // its path is missing
		"arn:aws:sts::111122223333:assumed-role/oncall/alic": "InvalidInput",
		"arn:aws:iam::111122223333:role/team/a/deep":         "SimulatePrincipalPolicyResult",
	} {
		_, body := iamCall(t, s, "SimulatePrincipalPolicy", "PolicySourceArn", source, "ActionNames.member.1", "a:b")
		if !strings.Contains(body, "<"+want+">") && !strings.Contains(body, "<Code>"+want+"</Code>") {
			t.Errorf("%s: %s, want %s", source, body, want)
		}
	}
}

func TestRolePolicies(t *testing.T) {
	s := start(t, Config{})
	s.SetRole(Role{Name: "app", Path: "/team/", Boundary: allowAllOfSSM, Tags: map[string]string{"a": "b"}})
	put := func(name, document string) (int, string) {
		return iamCall(t, s, "PutRolePolicy", "RoleName", "app", "PolicyName", name, "PolicyDocument", document)
	}
	if status, body := put("exec", allowAllOfSSM); status != http.StatusOK || !strings.HasPrefix(body, "<PutRolePolicyResponse ") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := put("bad", "{"); status != http.StatusBadRequest || !strings.Contains(body, "MalformedPolicyDocument") {
		t.Errorf("%d %s", status, body)
	}
	const arn = "arn:aws:iam::111122223333:role/team/app"
	decide := func() string {
		return simulate(t, s, "PolicySourceArn", arn, "ActionNames.member.1", "ssmmessages:OpenDataChannel").Results[0].Decision
	}
	if got := decide(); got != "allowed" {
		t.Errorf("with the policy: %s", got)
	}
	_, body := iamCall(t, s, "GetRolePolicy", "RoleName", "app", "PolicyName", "exec")
	var read struct {
		Document string `xml:"GetRolePolicyResult>PolicyDocument"`
	}
	if err := xml.Unmarshal([]byte(body), &read); err != nil {
		t.Fatal(err)
	}
	if document, err := url.PathUnescape(read.Document); err != nil || document != allowAllOfSSM || strings.Contains(read.Document, `"`) {
		t.Errorf("document %s, %v", read.Document, err)
	}
	_, body = iamCall(t, s, "GetRole", "RoleName", "app")
	var role struct {
		Arn      string `xml:"GetRoleResult>Role>Arn"`
		Trust    string `xml:"GetRoleResult>Role>AssumeRolePolicyDocument"`
		Boundary string `xml:"GetRoleResult>Role>PermissionsBoundary>PermissionsBoundaryArn"`
		Tag      string `xml:"GetRoleResult>Role>Tags>member>Value"`
	}
	if err := xml.Unmarshal([]byte(body), &role); err != nil || role.Arn != arn || role.Boundary == "" || role.Tag != "b" || !strings.HasPrefix(role.Trust, "%7B") {
		t.Errorf("%+v, %v", role, err)
	}
	if status, body := iamCall(t, s, "DeleteRolePolicy", "RoleName", "app", "PolicyName", "exec"); status != http.StatusOK {
		t.Errorf("%d %s", status, body)
	}
	if got := decide(); got != "implicitDeny" {
		t.Errorf("without the policy: %s", got)
	}
	for _, action := range []string{"DeleteRolePolicy", "GetRolePolicy"} {
		if status, body := iamCall(t, s, action, "RoleName", "app", "PolicyName", "exec"); status != http.StatusNotFound || !strings.Contains(body, "NoSuchEntity") {
			t.Errorf("%s: %d %s", action, status, body)
		}
	}
	if status, _ := iamCall(t, s, "GetRole", "RoleName", "none"); status != http.StatusNotFound {
		t.Errorf("no such role: %d", status)
	}
}
