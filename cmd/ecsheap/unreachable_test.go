package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"

	"github.com/ecsheap/ecsheap/ecs"
	"github.com/ecsheap/ecsheap/tunnel"
)

func TestUnreachable(t *testing.T) {
	post := func(err error) error {
		return &smithy.OperationError{ServiceID: "ECS", OperationName: "ListTasks", Err: &url.Error{Op: "Post", URL: "https://ecs.eu-west-1.amazonaws.com/", Err: err}}
	}
	dial := func(err error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: err} }
	tests := map[string]struct {
		err   error
		cause string // "": AWS was reached
	}{
		"refused":    {post(dial(os.NewSyscallError("connect", syscall.ECONNREFUSED))), "connection refused"},
		"no route":   {post(dial(os.NewSyscallError("connect", syscall.ENETUNREACH))), "network is unreachable"},
		"no name":    {post(dial(&net.DNSError{Err: "no such host", Name: "ecs.eu-west-1.amazonaws.com", IsNotFound: true})), "no such host"},
		"timeout":    {post(dial(os.ErrDeadlineExceeded)), "no answer in time"},
		"proxy":      {post(&net.OpError{Op: "proxyconnect", Err: dial(syscall.ECONNREFUSED)}), "the proxy: connection refused"},
		"closed":     {post(io.EOF), "the connection was closed without an answer"},
		"TLS":        {post(x509.UnknownAuthorityError{}), "x509: certificate signed by unknown authority"},
		"no scheme":  {post(errors.New(`unsupported protocol scheme ""`)), `unsupported protocol scheme ""`},
		"an answer":  {&smithy.OperationError{ServiceID: "ECS", Err: &smithy.GenericAPIError{Code: "AccessDeniedException"}}, ""},
		"no URL":     {&url.Error{Op: "parse", URL: ":", Err: errors.New("missing protocol scheme")}, ""},
		"instance":   {&smithy.OperationError{ServiceID: "ec2imds", Err: &url.Error{Op: "Put", URL: "http://169.254.169.254/latest", Err: syscall.EHOSTDOWN}}, ""},
		"inspector":  {&dialError{err: syscall.ECONNREFUSED}, ""},
		"unexpected": {errors.New("x"), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			err := fmt.Errorf("looking for the task: %w", tt.err)
			e := unreachable(err)
			if tt.cause == "" {
				if e != nil {
					t.Errorf("got %v", e)
				}
				return
			}
			want := "looking for the task: AWS cannot be reached (ecs.eu-west-1.amazonaws.com): " + tt.cause
			if got := errorText(err); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
			if exitCode(err) != codeRefused || !strings.Contains(hintOf(err), "VPN") {
				t.Errorf("code %d, hint %q", exitCode(err), hintOf(err))
			}
		})
	}
}

// TestUnreachableWithinLost keeps the meaning of the error around it.
func TestUnreachableWithinLost(t *testing.T) {
	err := &tunnel.LostError{Session: "s-1", Err: &url.Error{Op: "Get", URL: "wss://ssmmessages.eu-west-1.amazonaws.com/x", Err: io.EOF}}
	if got := exitCode(err); got != codeLost {
		t.Errorf("code %d", got)
	}
	if got := hintOf(err); got != err.Hint() {
		t.Errorf("hint %q", got)
	}
}

// TestSilentAWS has endpoints that take a request and then stand still.
func TestSilentAWS(t *testing.T) {
	for name, answer := range map[string]string{
		"no answer":      "",
		"half a head":    "HTTP/1.1 200 OK\r\nContent-",
		"half an answer": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := awsHTTP().WithTransportOptions(func(transport *http.Transport) {
					transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
						here, there := net.Pipe()
						go stall(there, answer)
						return here, nil
					}
				})
				began := time.Now()
				_, err := ecs.Find(t.Context(), awsecs.NewFromConfig(aws.Config{
					Region: "eu-west-1", BaseEndpoint: aws.String("http://ecs.test"), HTTPClient: client,
					Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
				}), ecs.Query{Cluster: "prod", Task: "0123"})
				if got := errorText(err); !strings.Contains(got, "looking for the task: AWS cannot be reached (ecs") || !strings.HasSuffix(got, "): no answer in time") {
					t.Errorf("got %s", got)
				}
				if code := exitCode(err); code != codeRefused {
					t.Errorf("exit code %d", code)
				}
				if took := time.Since(began); took > 2*time.Minute {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// stall reads a request and answers with a part of an answer.
func stall(c net.Conn, answer string) {
	defer c.Close()
	request, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	if _, err := io.Copy(io.Discard, request.Body); err != nil {
		return
	}
	time.Sleep(time.Second) // of the bubble: the client has then sent all
	if _, err := io.WriteString(c, answer); err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, c) // until the client gives up
}
