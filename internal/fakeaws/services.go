package fakeaws

import (
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// protocol is how a service's messages are written.
type protocol int

const (
	jsonProtocol  protocol = iota // AWS JSON 1.1: X-Amz-Target says the operation
	queryProtocol                 // a form in, XML out: Action says it
	ec2Protocol                   // the same with lists and errors of EC2's own making
	cborProtocol                  // Smithy RPC v2 CBOR: the path says it
)

// service is one of the services that the fake answers for.
type service struct {
	// name is the service's prefix in IAM actions.
	name string
	// signing is its name in the scope of a signature, mostly the same.
	signing  string
	protocol protocol
	// marker tells its requests from others': the prefix of X-Amz-Target, or the Version parameter.
	marker string
	// namespace is that of its XML.
	namespace string
}

// graniteService is CloudWatch's name in paths and targets.
const graniteService = "GraniteServiceVersion20100801"

// services lists them all. CloudWatch is there twice: the current SDK for Go speaks CBOR to it,
// older clients a form.
func services() []service {
	return []service{
		{name: "ecs", signing: "ecs", protocol: jsonProtocol, marker: "AmazonEC2ContainerServiceV20141113"},
		{name: "ssm", signing: "ssm", protocol: jsonProtocol, marker: "AmazonSSM"},
		{name: scalingService, signing: scalingService, protocol: jsonProtocol, marker: "AnyScaleFrontendService"},
		{name: "sts", signing: "sts", protocol: queryProtocol, marker: "2011-06-15", namespace: stsNamespace},
		{name: "iam", signing: "iam", protocol: queryProtocol, marker: "2010-05-08", namespace: iamNamespace},
		{name: elbService, signing: elbService, protocol: queryProtocol, marker: elbVersion, namespace: elbNamespace},
		{name: "cloudwatch", signing: "monitoring", protocol: queryProtocol, marker: "2010-08-01", namespace: cloudWatchNamespace},
		{name: "cloudwatch", signing: "monitoring", protocol: cborProtocol, marker: graniteService},
		{name: "ec2", signing: "ec2", protocol: ec2Protocol, marker: "2016-11-15", namespace: ec2Namespace},
	}
}

// findService finds a service by its marker.
func findService(marker string, protocols ...protocol) (service, bool) {
	for _, svc := range services() {
		for _, p := range protocols {
			if svc.protocol == p && svc.marker == marker {
				return svc, true
			}
		}
	}
	return service{}, false
}

// unknownOperation is what a request for nothing that the fake knows gets.
func unknownOperation(svc service, what string) error {
	err := &apiError{Code: "UnknownOperationException", Message: what}
	if svc.protocol == queryProtocol || svc.protocol == ec2Protocol {
		err.Code = "InvalidAction"
	}
	return err
}

// route finds service and operation of a request.
func route(req *apiRequest, r *http.Request) error {
	if name := r.PathValue("service"); name != "" {
		svc, ok := findService(name, cborProtocol)
		if !ok || r.Header.Get("Smithy-Protocol") != cborProtocolName {
			return unknownOperation(service{}, name)
		}
		req.service, req.operation = svc, r.PathValue("operation")
		return nil
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		marker, operation, _ := strings.Cut(target, ".")
		svc, ok := findService(marker, jsonProtocol)
		if !ok {
			req.operation = operation
			return unknownOperation(svc, target)
		}
		req.service, req.operation = svc, operation
		return nil
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/x-www-form-urlencoded" {
		return unknownOperation(service{}, "neither X-Amz-Target nor Action")
	}
	form, err := url.ParseQuery(string(req.body))
	if err != nil {
		return &apiError{Code: "MalformedQueryString", Message: err.Error()}
	}
	svc, ok := findService(form.Get("Version"), queryProtocol, ec2Protocol)
	req.service, req.operation, req.form = svc, form.Get("Action"), form
	if !ok {
		return unknownOperation(svc, "no service of version "+form.Get("Version"))
	}
	return nil
}

// expired is the error of credentials that are over. Every protocol has its own name for it.
func (svc service) expired() error {
	const message = "The security token included in the request is expired"
	switch svc.protocol {
	case ec2Protocol:
		return &apiError{Code: "RequestExpired", Message: "Request has expired."}
	case queryProtocol:
		return &apiError{Code: "ExpiredToken", Message: message, Status: http.StatusForbidden}
	}
	return &apiError{Code: "ExpiredTokenException", Message: message}
}

// throttled is the error of too many requests.
func (svc service) throttled() error {
	switch svc.protocol {
	case ec2Protocol:
		return &apiError{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: http.StatusServiceUnavailable}
	case queryProtocol:
		return &apiError{Code: "Throttling", Message: "Rate exceeded"}
	}
	return &apiError{Code: "ThrottlingException", Message: "Rate exceeded"}
}

// accessDenied is the error of a caller who may not. EC2 names no resource, and so do actions that
// know none.
func (svc service) accessDenied(caller, action, resource string, verdict decision) error {
	of := ""
	if resource != anyResource && svc.protocol != ec2Protocol {
		of = " on resource: " + resource
	}
	text := fmt.Sprintf("User: %s is not authorized to perform: %s%s %s", caller, action, of, verdict.because(action))
	switch svc.protocol {
	case ec2Protocol:
		return &apiError{
			Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation. " + text,
			Status: http.StatusForbidden,
		}
	case queryProtocol:
		return &apiError{Code: "AccessDenied", Message: text, Status: http.StatusForbidden}
	}
	return &apiError{Code: "AccessDeniedException", Message: text}
}
