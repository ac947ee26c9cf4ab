package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// unreachableError is a request to AWS that got no answer.
type unreachableError struct {
	during string // what was going on, with a colon and a space behind it
	host   string
	err    error // of the HTTP client
}

func (e *unreachableError) Error() string {
	return fmt.Sprintf("%sAWS cannot be reached (%s): %s", e.during, e.host, shortCause(e.err))
}

func (e *unreachableError) Unwrap() error { return e.err }

// Hint names what usually stands in between.
func (e *unreachableError) Hint() string {
	return "check the network, VPN, proxy, AWS_ENDPOINT_URL and the region"
}

// localServices are the SDK's names of where instances and containers in AWS
// find credentials. That they do not answer elsewhere says nothing of the network.
var localServices = []string{"ec2imds", "endpoint-credentials"}

// unreachable returns what err tells of a request to AWS without an answer, or
// nil.
func unreachable(err error) *unreachableError {
	var known *unreachableError
	if errors.As(err, &known) {
		return known
	}
	var operation *smithy.OperationError
	isCall := errors.As(err, &operation)
	if isConnection(err) || isCall && slices.Contains(localServices, operation.Service()) {
		return nil
	}
	var stalled *awshttp.ResponseTimeoutError
	if isCall && errors.As(err, &stalled) { // in the middle of an answer
		return &unreachableError{during: beforeRequest(err), host: strings.ToLower(operation.Service()), err: stalled}
	}
	var request *url.Error
	if !errors.As(err, &request) || request.Op == "parse" {
		return nil
	}
	host := request.URL
	if u, err := url.Parse(request.URL); err == nil && u.Host != "" {
		host = u.Host
	}
	return &unreachableError{during: beforeRequest(err), host: host, err: request.Err}
}

// beforeRequest is the beginning of the error that is ours: what was going on.
func beforeRequest(err error) string {
	text := err.Error()
	for _, foreign := range []string{"operation error ", "failed to WebSocket dial"} { // the SDK, the websocket library
		if before, _, ok := strings.Cut(text, foreign); ok {
			return before
		}
	}
	return ""
}

// shortCause is why a request got no answer, in a few words: the error of the
// HTTP client repeats addresses at every layer.
func shortCause(err error) string {
	var (
		dns     *net.DNSError
		timeout interface{ Timeout() bool }
		errno   syscall.Errno
		op      *net.OpError
		text    = strings.TrimPrefix(err.Error(), "net/http: ")
	)
	switch {
	case errors.As(err, &dns):
		text = dns.Err
	case errors.As(err, &timeout) && timeout.Timeout():
		text = "no answer in time"
	case errors.As(err, &errno):
		text = errno.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection was closed without an answer"
	}
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		text = "the proxy: " + text
	}
	return text
}
