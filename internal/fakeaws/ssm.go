package fakeaws

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxDescribedSessions is DescribeSessions' largest page.
const maxDescribedSessions = 200

type startSessionInput struct {
	Target       string              `json:"Target"`
	DocumentName string              `json:"DocumentName"`
	Parameters   map[string][]string `json:"Parameters"`
	Reason       string              `json:"Reason"`
}

type startSessionOutput struct {
	SessionID  string `json:"SessionId"`
	StreamURL  string `json:"StreamUrl"`
	TokenValue string `json:"TokenValue,omitempty"`
}

func notConnected(target string) error {
	return &apiError{Code: "TargetNotConnected", Message: target + " is not connected."}
}

func noSession(id string) error {
	return &apiError{Code: "DoesNotExistException", Message: fmt.Sprintf("Session %s does not exist", id)}
}

// findTarget resolves an SSM target; both are nil when there is no such container. The caller holds
// s.mu.
func (s *Server) findTarget(r *apiRequest, target string) (*task, *Container) {
	ref, ok := parseTarget(target)
	if !ok {
		return nil, nil
	}
	t := s.worldOf(r).taskByID(ref.cluster, ref.taskID)
	if t == nil {
		return nil, nil
	}
	for i := range t.Containers {
		if t.Containers[i].RuntimeID == ref.runtimeID {
			return t, &t.Containers[i]
		}
	}
	return nil, nil
}

// targetARN is what IAM checks for a target: the task, or a machine of the account.
func (s *Server) targetARN(target string) string {
	if ref, ok := parseTarget(target); ok {
		return s.taskARN(ref.cluster, ref.taskID)
	}
	return s.arn("ec2", "instance/"+target)
}

// permitTarget asks for the permission on a target, whose tags conditions see. The caller holds
// s.mu.
func (s *Server) permitTarget(r *apiRequest, target string, t *task, context attributes) error {
	if t != nil {
		context = tagged(context, t.Tags)
	}
	return s.permit(r, context, s.targetARN(target))
}

// startSession needs the permission on the task and on the document.
func (s *Server) startSession(r *apiRequest, in startSessionInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, c := s.findTarget(r, in.Target)
	asked := attributes{"ssm:SessionDocumentAccessCheck": "true"}
	if err := s.permitTarget(r, in.Target, t, asked); err != nil {
		return nil, err
	}
	if err := s.permit(r, asked, s.documentARN(in.DocumentName)); err != nil {
		return nil, err
	}
	if in.DocumentName != portDocument {
		return nil, &apiError{Code: "InvalidDocument", Message: fmt.Sprintf("Document with name %s does not exist.", in.DocumentName)}
	}
	port, err := portParameter(in.Parameters)
	if err != nil {
		return nil, err
	}
	if t == nil || !t.connected(c) {
		return nil, notConnected(in.Target)
	}
	sess := s.newSession(t, c, sessionSpec{id: callerName + "-" + newHex(17), document: in.DocumentName, reason: in.Reason, port: port})
	return startSessionOutput{SessionID: sess.id, StreamURL: sess.streamURL(), TokenValue: sess.token}, nil
}

// portParameter reads and checks the parameters of the port forwarding document.
func portParameter(parameters map[string][]string) (port int, err error) {
	invalid := func(name string) error {
		return &apiError{Code: "InvalidParameters", Message: fmt.Sprintf("Parameter %q has an invalid value", name)}
	}
	port = 80 // the document's default
	for name, values := range parameters {
		if len(values) != 1 {
			return 0, invalid(name)
		}
		n, err := strconv.ParseUint(values[0], 10, 16)
		switch {
		case err != nil:
			return 0, invalid(name)
		case name == "portNumber" && n > 0:
			port = int(n)
		case name != "localPortNumber":
			return 0, invalid(name)
		}
	}
	return port, nil
}

type sessionInput struct {
	SessionID string `json:"SessionId"`
}

// permitSession asks for the permission on a session. The tags that Session Manager gives it say
// who started it and for what. The caller holds s.mu.
func (s *Server) permitSession(r *apiRequest, id string) (*session, error) {
	sess := s.sessionByID(id)
	var context attributes
	if sess != nil {
		context = attributes{
			"ssm:resourceTag/aws:ssmmessages:session-id": callerID,
			"ssm:resourceTag/aws:ssmmessages:target-id":  sess.target,
		}
	}
	return sess, s.permit(r, context, s.sessionARN(id))
}

func (s *Server) resumeSession(r *apiRequest, in sessionInput) (any, error) {
	s.mu.Lock()
	sess, err := s.permitSession(r, in.SessionID)
	refused := s.refused[in.SessionID]
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if sess == nil || r.region != s.cfg.Region {
		return nil, noSession(in.SessionID)
	}
	if refused {
		return startSessionOutput{SessionID: sess.id}, nil
	}
	token, ok := sess.renew()
	if !ok {
		return nil, noSession(in.SessionID)
	}
	return startSessionOutput{SessionID: sess.id, StreamURL: sess.streamURL(), TokenValue: token}, nil
}

type terminateSessionOutput struct {
	SessionID string `json:"SessionId"`
}

// terminateSession ends a session; one that has ended already is no error.
func (s *Server) terminateSession(r *apiRequest, in sessionInput) (any, error) {
	s.mu.Lock()
	sess, err := s.permitSession(r, in.SessionID)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if sess == nil || r.region != s.cfg.Region {
		return nil, noSession(in.SessionID)
	}
	sess.end(endedByAPI, "")
	return terminateSessionOutput{SessionID: sess.id}, nil
}

type connectionStatus struct {
	Target string `json:"Target"`
	Status string `json:"Status,omitempty"`
}

func (s *Server) getConnectionStatus(r *apiRequest, in connectionStatus) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, c := s.findTarget(r, in.Target)
	if err := s.permitTarget(r, in.Target, t, nil); err != nil {
		return nil, err
	}
	out := connectionStatus{Target: in.Target, Status: "notconnected"}
	if t != nil && t.connected(c) {
		out.Status = "connected"
	}
	return out, nil
}

type describeSessionsInput struct {
	State   string `json:"State"`
	Filters []struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"Filters"`
	MaxResults int    `json:"MaxResults"`
	NextToken  string `json:"NextToken"`
}

type describeSessionsOutput struct {
	Sessions  []sessionInfoJSON `json:"Sessions"`
	NextToken string            `json:"NextToken,omitempty"`
}

type sessionInfoJSON struct {
	SessionID    string          `json:"SessionId"`
	Target       string          `json:"Target"`
	Status       string          `json:"Status"`
	StartDate    epoch           `json:"StartDate"`
	EndDate      *epoch          `json:"EndDate,omitempty"`
	DocumentName string          `json:"DocumentName"`
	Owner        string          `json:"Owner"`
	Reason       string          `json:"Reason,omitempty"`
	OutputURL    json.RawMessage `json:"OutputUrl"`
	AccessType   string          `json:"AccessType"`
}

// matches says whether the filters let sess through.
func (in *describeSessionsInput) matches(sess Session) (bool, error) {
	if (in.State == "Active") != sess.EndedAt.IsZero() {
		return false, nil
	}
	for _, f := range in.Filters {
		ok := false
		switch f.Key {
		case "Target":
			ok = sess.Target == f.Value
		case "Owner":
			ok = sess.Owner == f.Value
		case "Status":
			ok = sess.Status == f.Value
		case "SessionId":
			ok = sess.ID == f.Value
		case "InvokedAfter", "InvokedBefore":
			at, err := time.Parse(time.RFC3339, f.Value)
			if err != nil {
				return false, &apiError{Code: "InvalidFilterValue", Message: f.Key + " is not a time"}
			}
			ok = sess.StartedAt.After(at) == (f.Key == "InvokedAfter")
		default:
			return false, &apiError{Code: "InvalidFilterKey", Message: "The specified key is not valid."}
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

// describeSessions lists sessions, the newest first.
func (s *Server) describeSessions(r *apiRequest, in describeSessionsInput) (any, error) {
	if err := s.permitAny(r); err != nil {
		return nil, err
	}
	if in.State != "Active" && in.State != "History" {
		return nil, &apiError{Code: "ValidationException", Message: "State must be Active or History"}
	}
	size := cmp.Or(in.MaxResults, maxDescribedSessions)
	from, err := readPageToken(in.NextToken)
	if err != nil {
		return nil, &apiError{Code: "InvalidNextToken", Message: "The specified token is not valid."}
	}
	if size < 1 || size > maxDescribedSessions {
		return nil, &apiError{Code: "ValidationException", Message: fmt.Sprintf("MaxResults must be between 1 and %d", maxDescribedSessions)}
	}
	out := describeSessionsOutput{Sessions: []sessionInfoJSON{}}
	all := s.Sessions()
	slices.Reverse(all)
	matched := 0
	for _, sess := range all {
		ok, err := in.matches(sess)
		if err != nil {
			return nil, err
		}
		if !ok || r.region != s.cfg.Region {
			continue
		}
		if matched++; matched <= from {
			continue
		}
		if len(out.Sessions) == size {
			out.NextToken = pageToken(matched - 1)
			break
		}
		out.Sessions = append(out.Sessions, sessionInfo(sess))
	}
	return out, nil
}

func sessionInfo(sess Session) sessionInfoJSON {
	return sessionInfoJSON{
		SessionID: sess.ID, Target: sess.Target, Status: sess.Status, StartDate: epoch(sess.StartedAt), EndDate: optionalEpoch(sess.EndedAt),
		DocumentName: sess.Document, Owner: sess.Owner, Reason: strings.TrimSpace(sess.Reason),
		OutputURL: json.RawMessage("{}"), AccessType: "Standard",
	}
}
