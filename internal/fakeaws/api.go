package fakeaws

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

const (
	// maxRequestBody is far above any request of these APIs (DescribeTasks with 100 ARNs is about
	// 10 kB).
	maxRequestBody = 1 << 20

	// expiredAccessKey is the access key id whose requests all fail as expired.
	expiredAccessKey = "EXPIRED"

	// answerDelay is how long an answer takes at least. The SDK closes a request's body when the
	// head of the answer is there, and breaks the connection under the rest of a long answer if its
	// own writer had not yet come to the end of that body; no real service is quick enough for
	// that.
	answerDelay = time.Millisecond

	jsonContentType = "application/x-amz-json-1.1"
)

// Call is one API request as the fake saw it.
type Call struct {
	// Service is the prefix of the service in IAM, such as "ecs" or "cloudwatch"; Operation is the
	// API's name for it, such as "StartSession".
	Service, Operation string
	// Action is the IAM action, such as "ssm:StartSession".
	Action string
	// Resources are the ARNs that IAM checks Action for, "*" where it knows none.
	Resources []string
	// Checks are all permissions that the call needs, iam:PassRole among them; a call that is
	// refused has the ones up to the refusal.
	Checks []Check
	// At is when the request came in.
	At time.Time
	// Err is the error code of the answer, empty when it was a success.
	Err string
}

// apiError is an error answer of an AWS API.
type apiError struct {
	Code    string
	Message string
	Status  int // 400 when zero
}

func (e *apiError) Error() string { return e.Code + ": " + e.Message }

// apiRequest is one request after the checks that all services share.
type apiRequest struct {
	service   service
	operation string
	region    string // of the credential scope
	body      []byte
	form      url.Values // of the query services
	checks    []Check
}

// action is the IAM action of the request.
func (r *apiRequest) action() string { return r.service.name + ":" + r.operation }

// operation answers one API operation. The answer is marshalled as the service's protocol says.
type operation func(*apiRequest) (any, error)

// jsonOperation adapts a typed operation of a JSON 1.1 service.
func jsonOperation[In any](do func(*apiRequest, In) (any, error)) operation {
	return func(r *apiRequest) (any, error) {
		var in In
		if len(r.body) > 0 {
			if err := json.Unmarshal(r.body, &in); err != nil {
				return nil, &apiError{Code: "SerializationException", Message: err.Error()}
			}
		}
		return do(r, in)
	}
}

// serveAPI answers one request of any service and records it.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	at := time.Now()
	req := &apiRequest{}
	answer, err := s.answer(req, r)
	call := Call{Service: req.service.name, Operation: req.operation, Action: req.action(), Checks: req.checks, At: at}
	for _, check := range req.checks {
		if check.Action == call.Action {
			call.Resources = append(call.Resources, check.Resource)
		}
	}
	if len(call.Resources) == 0 {
		call.Resources = []string{anyResource}
	}
	failure := toAPIError(err)
	if failure != nil {
		call.Err = failure.Code
	}
	s.mu.Lock()
	s.calls = append(s.calls, call)
	s.mu.Unlock()
	s.log.Debug("api call", "action", call.Action, "err", call.Err)

	time.Sleep(time.Until(at.Add(max(answerDelay, s.cfg.Latency))))
	w.Header().Set("X-Amzn-Requestid", newUUID())
	switch req.service.protocol {
	case cborProtocol:
		writeCBOR(w, answer, failure)
	case queryProtocol, ec2Protocol:
		writeXML(w, req.service, answer, failure)
	default:
		writeJSON(w, req.service, answer, failure)
	}
}

// answer runs the checks in the order AWS does: what is asked, who asks, then the operation itself.
func (s *Server) answer(req *apiRequest, r *http.Request) (any, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRequestBody))
	if err != nil {
		return nil, &apiError{Code: "SerializationException", Message: err.Error()}
	}
	req.body = body
	if err := route(req, r); err != nil {
		return nil, err
	}
	if err := authenticate(req, r.Header.Get("Authorization")); err != nil {
		return nil, err
	}
	name := req.service.name + "." + req.operation
	do, ok := s.ops[name]
	if !ok {
		return nil, unknownOperation(req.service, name)
	}
	if fault := s.takeFault(name); fault != nil {
		return nil, fault
	}
	if s.overLimit(name, time.Now()) {
		return nil, req.service.throttled()
	}
	return do(req)
}

// authorization is the shape of a Signature Version 4 header; the signature itself is not checked,
// because the fake knows no secrets.
var authorization = regexp.MustCompile(
	`^AWS4-HMAC-SHA256 Credential=([^/, ]+)/(\d{8})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request,` +
		` ?SignedHeaders=[a-z0-9;-]+, ?Signature=[0-9a-f]{64}$`)

// authenticate checks the shape of the signature and its scope, and remembers the region.
func authenticate(req *apiRequest, header string) error {
	if header == "" {
		return &apiError{Code: "MissingAuthenticationTokenException", Message: "Missing Authentication Token"}
	}
	m := authorization.FindStringSubmatch(header)
	if m == nil {
		return &apiError{Code: "IncompleteSignatureException", Message: "Authorization header is not a Signature Version 4"}
	}
	if m[1] == expiredAccessKey {
		return req.service.expired()
	}
	if m[4] != req.service.signing {
		return &apiError{
			Code:    "InvalidSignatureException",
			Message: fmt.Sprintf("Credential should be scoped to correct service: '%s'.", req.service.signing),
		}
	}
	req.region = m[3]
	return nil
}

// toAPIError makes every error an answer that a client understands.
func toAPIError(err error) *apiError {
	if err == nil {
		return nil
	}
	if failure, ok := errors.AsType[*apiError](err); ok {
		return failure
	}
	return &apiError{Code: "InternalServerError", Message: err.Error(), Status: http.StatusInternalServerError}
}

// status is the HTTP status of the answer.
func (e *apiError) status() int {
	if e.Status == 0 {
		return http.StatusBadRequest
	}
	return e.Status
}

// writeJSON writes an answer of a JSON 1.1 service. ECS spells the message in lower case, SSM does
// not.
func writeJSON(w http.ResponseWriter, svc service, answer any, failure *apiError) {
	w.Header().Set("Content-Type", jsonContentType)
	if failure != nil {
		key := "message"
		if svc.name == "ssm" {
			key = "Message"
		}
		w.WriteHeader(failure.status())
		answer = map[string]string{"__type": failure.Code, key: failure.Message}
	}
	_ = json.NewEncoder(w).Encode(answer) // the client is gone if this fails
}

// writeXML writes an answer of a query service.
func writeXML(w http.ResponseWriter, svc service, answer any, failure *apiError) {
	w.Header().Set("Content-Type", "text/xml")
	if failure != nil {
		w.WriteHeader(failure.status())
		answer = newErrorXML(svc, failure)
	}
	_ = xml.NewEncoder(w).Encode(answer) // the client is gone if this fails
}

// Calls lists every API request so far, oldest first, failed ones included.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}
