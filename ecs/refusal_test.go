package ecs

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
)

// TestExplain has the SDK's clients read answers as AWS writes them, and says what they mean.
func TestExplain(t *testing.T) {
	const who = "User: arn:aws:sts::111122223333:assumed-role/dev/eve is not authorized to perform: ssm:StartSession on resource: "
	tests := map[string]struct {
		operation, body string
		cause, fix      string // "" = nothing is known
	}{
		"internal error": {"ExecuteCommand", `{"__type":"TargetNotConnectedException","message":"The execute command failed due to an internal error. Try again later."}`, "not connected", "ecsheap check"},
		"not connected":  {"StartSession", `{"__type":"TargetNotConnected","Message":"ecs:a_b_c is not connected."}`, "not connected", "--wait 2m"},
		"not enabled": {"ExecuteCommand", `{"__type":"InvalidParameterException","message":"The execute command failed because execute command was not enabled when the task was run or the execute command agent isn’t running."}`,
			"without ECS Exec", "cannot be switched on"},
		"other parameter": {"ExecuteCommand", `{"__type":"InvalidParameterException","message":"Unable to start command."}`, "", ""},
		"document":        {"StartSession", `{"__type":"AccessDeniedException","Message":"` + who + `arn:aws-cn:ssm:cn-north-1::document/AWS-StartPortForwardingSession because no identity-based policy allows the ssm:StartSession action"}`, "the document", "TunnelDocumentOnly"},
		"task":            {"StartSession", `{"__type":"AccessDeniedException","Message":"` + who + `arn:aws:ecs:eu-west-1:111122223333:task/prod/0123 because no identity-based policy allows the ssm:StartSession action"}`, "the task", "tag"},
		"organization":    {"DescribeClusters", `{"__type":"AccessDeniedException","message":"User: x is not authorized to perform: ecs:DescribeClusters with an explicit deny in a service control policy"}`, "organization", "ask"},
		"deny":            {"DescribeClusters", `{"__type":"AccessDeniedException","message":"User: x is not authorized to perform: ecs:DescribeClusters with an explicit deny in an identity-based policy"}`, "in so many words", "Deny"},
		"expired":         {"DescribeClusters", `{"__type":"ExpiredTokenException","message":"The security token included in the request is expired"}`, "expired", "log in again"},
		"throttled":       {"DescribeClusters", `{"__type":"ThrottlingException","message":"Rate exceeded"}`, "other calls", "in a minute"},
		"cluster":         {"DescribeClusters", `{"__type":"ClusterNotFoundException","message":"Cluster not found."}`, "no such cluster", "--cluster"},
		"foreign keys":    {"DescribeClusters", `{"__type":"UnrecognizedClientException","message":"The security token included in the request is invalid."}`, "", "--profile"},
		"server":          {"ExecuteCommand", `{"__type":"ServerException","message":"Service Unavailable. Please try again later."}`, "AWS fails", "again"},
		"plain denial":    {"DescribeClusters", `{"__type":"AccessDeniedException","message":"no"}`, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "application/x-amz-json-1.1")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, tt.body)
			}))
			defer server.Close()
			cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(), RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}
			var err error
			switch tt.operation {
			case "ExecuteCommand":
				_, err = awsecs.NewFromConfig(cfg).ExecuteCommand(t.Context(), &awsecs.ExecuteCommandInput{Command: aws.String("x"), Interactive: true, Task: aws.String("x")})
			case "StartSession":
				_, err = awsssm.NewFromConfig(cfg).StartSession(t.Context(), &awsssm.StartSessionInput{Target: aws.String("x")})
			default:
				_, err = awsecs.NewFromConfig(cfg).DescribeClusters(t.Context(), &awsecs.DescribeClustersInput{})
			}
			got, ok := Explain(fmt.Errorf("wrapped: %w", err))
			if ok != (tt.fix != "") || !strings.Contains(got.Cause, tt.cause) || !strings.Contains(got.Fix, tt.fix) {
				t.Errorf("%v\nmeans %+v, %t", err, got, ok)
			}
		})
	}
	if _, ok := Explain(io.EOF); ok {
		t.Error("an error that is not AWS's is explained")
	}
}
