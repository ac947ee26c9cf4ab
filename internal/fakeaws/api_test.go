package fakeaws

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestCallerIdentity(t *testing.T) {
	s := start(t, Config{})
	out, err := stsClient(s).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	if err != nil {
		t.Fatal(err)
	}
	if *out.Arn != "arn:aws:sts::111122223333:assumed-role/oncall/alice" || *out.Account != "111122223333" || *out.UserId != callerID {
		t.Errorf("%s %s %s", *out.Arn, *out.Account, *out.UserId)
	}
}

// TestEnv lets the SDK's usual chain find the server by the environment alone.
func TestEnv(t *testing.T) {
	s := start(t, Config{Region: "ap-south-1", Account: "999988887777"})
	for _, name := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN"} {
		t.Setenv(name, "inherited")
	}
	for _, pair := range s.Env() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out, err := awssts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	if err != nil || *out.Account != "999988887777" {
		t.Errorf("%v, %v", out, err)
	}
}

func TestExpiredCredentials(t *testing.T) {
	s := start(t, Config{})
	cfg := awsConfig(s, "EXPIRED", defaultRegion)
	_, err := awsecs.NewFromConfig(cfg).ListClusters(t.Context(), &awsecs.ListClustersInput{})
	if errorCode(err) != "ExpiredTokenException" {
		t.Errorf("ECS: %v", err)
	}
	_, err = awsssm.NewFromConfig(cfg).StartSession(t.Context(), portInput("ecs:a_b_c"))
	if errorCode(err) != "ExpiredTokenException" {
		t.Errorf("SSM: %v", err)
	}
	_, err = awssts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	if errorCode(err) != "ExpiredToken" {
		t.Errorf("STS: %v", err)
	}
}

func TestOtherRegionIsEmpty(t *testing.T) {
	s := start(t, Config{})
	arn, target := addNode(s, "127.0.0.1:1")
	cfg := awsConfig(s, accessKeyID, "us-east-1")
	_, err := awsecs.NewFromConfig(cfg).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("prod"), Tasks: []string{arn}})
	if errorCode(err) != "ClusterNotFoundException" {
		t.Errorf("DescribeTasks: %v", err)
	}
	_, err = awsssm.NewFromConfig(cfg).StartSession(t.Context(), portInput(target))
	if errorCode(err) != "TargetNotConnected" {
		t.Errorf("StartSession: %v", err)
	}
}

// TestRawRequests sends what no SDK would send.
func TestRawRequests(t *testing.T) {
	s := start(t, Config{})
	good := "AWS4-HMAC-SHA256 Credential=AKIA/20261120/eu-west-1/ecs/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + strings.Repeat("0", 64)
	for _, tt := range []struct {
		name, target, authorization, body string
		want                              string
	}{
		{"fine", "AmazonEC2ContainerServiceV20141113.ListClusters", good, "{}", `"clusterArns":[]`},
		{"empty body", "AmazonEC2ContainerServiceV20141113.ListClusters", good, "", `"clusterArns":[]`},
		{"not signed", "AmazonEC2ContainerServiceV20141113.ListClusters", "", "{}", "MissingAuthenticationTokenException"},
		{"basic", "AmazonEC2ContainerServiceV20141113.ListClusters", "Basic x", "{}", "IncompleteSignatureException"},
		{"short signature", "AmazonEC2ContainerServiceV20141113.ListClusters", good[:len(good)-1], "{}", "IncompleteSignatureException"},
		{"other service's scope", "AmazonSSM.DescribeSessions", good, "{}", "InvalidSignatureException"},
		{"no such operation", "AmazonEC2ContainerServiceV20141113.DeleteEverything", good, "{}", "UnknownOperationException"},
		{"no such service", "DynamoDB_20120810.ListTables", good, "{}", "UnknownOperationException"},
		{"no target", "", good, "{}", "UnknownOperationException"},
		{"no JSON", "AmazonEC2ContainerServiceV20141113.ListClusters", good, "{", "SerializationException"},
		{"too large", "AmazonEC2ContainerServiceV20141113.ListClusters", good, strings.Repeat(" ", maxRequestBody+1), "SerializationException"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Amz-Target", tt.target)
		req.Header.Set("Authorization", tt.authorization)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || !strings.Contains(string(body), tt.want) {
			t.Errorf("%s: %s, %v; want %s", tt.name, body, err, tt.want)
		}
		if ok := resp.StatusCode == http.StatusOK; ok != strings.Contains(tt.want, ":") {
			t.Errorf("%s: status %d", tt.name, resp.StatusCode)
		}
	}
}

func TestFaults(t *testing.T) {
	s := start(t, Config{})
	ecs := ecsClient(s)
	list := func() string {
		_, err := ecs.ListClusters(t.Context(), &awsecs.ListClustersInput{})
		return errorCode(err)
	}
	s.Fault(Fault{Operation: "ecs.ListClusters", Code: "ThrottlingException", Message: "Rate exceeded", Times: 2})
	s.Fault(Fault{Operation: "ecs.ListTasks", Code: "AccessDeniedException"})
	s.Fault(Fault{Operation: "ecs.ListClusters", Code: "ServerException", Status: 500, Times: 1})
	got := []string{list(), list(), list(), list()}
	want := []string{"ThrottlingException", "ThrottlingException", "ServerException", ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range 3 { // Times 0 is for ever
		if _, err := ecs.ListTasks(t.Context(), &awsecs.ListTasksInput{}); errorCode(err) != "AccessDeniedException" {
			t.Error(err)
		}
	}
	s.ClearFaults()
	if _, err := ecs.ListTasks(t.Context(), &awsecs.ListTasksInput{}); errorCode(err) != "ClusterNotFoundException" {
		t.Error(err)
	}
	s.Fault(Fault{Operation: "sts.GetCallerIdentity", Code: "AccessDenied", Status: 403})
	if _, err := stsClient(s).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{}); errorCode(err) != "AccessDenied" {
		t.Error(err)
	}
}

func TestCalls(t *testing.T) {
	s := start(t, Config{})
	arn, target := addNode(s, "127.0.0.1:1")
	ctx := t.Context()
	_, _ = ecsClient(s).ListTasks(ctx, &awsecs.ListTasksInput{Cluster: aws.String("none")})
	_, _ = ecsClient(s).DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: aws.String("prod"), Tasks: []string{arn}})
	_, _ = ecsClient(s).DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: []string{"api"}})
	_, _ = ecsClient(s).DescribeClusters(ctx, &awsecs.DescribeClustersInput{Clusters: []string{"prod"}})
	id := *startSession(t, s, target).SessionId
	_, _ = ssmClient(s).GetConnectionStatus(ctx, &awsssm.GetConnectionStatusInput{Target: &target})
	_, _ = ssmClient(s).TerminateSession(ctx, &awsssm.TerminateSessionInput{SessionId: &id})
	_, _ = stsClient(s).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
	const account = "arn:aws:ecs:eu-west-1:111122223333:"
	want := []Call{
		{Service: "ecs", Operation: "ListTasks", Action: "ecs:ListTasks", Resources: []string{"*"}, Err: "ClusterNotFoundException"},
		{Service: "ecs", Operation: "DescribeTasks", Action: "ecs:DescribeTasks", Resources: []string{arn}},
		{Service: "ecs", Operation: "DescribeServices", Action: "ecs:DescribeServices", Resources: []string{account + "service/prod/api"}},
		{Service: "ecs", Operation: "DescribeClusters", Action: "ecs:DescribeClusters", Resources: []string{account + "cluster/prod"}},
		{
			Service: "ssm", Operation: "StartSession", Action: "ssm:StartSession",
			Resources: []string{arn, "arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSession"},
		},
		{Service: "ssm", Operation: "GetConnectionStatus", Action: "ssm:GetConnectionStatus", Resources: []string{arn}},
		{
			Service: "ssm", Operation: "TerminateSession", Action: "ssm:TerminateSession",
			Resources: []string{"arn:aws:ssm:eu-west-1:111122223333:session/" + id},
		},
		{Service: "sts", Operation: "GetCallerIdentity", Action: "sts:GetCallerIdentity", Resources: []string{"*"}},
	}
	got := s.Calls()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(Call{}, "At", "Checks")); diff != "" {
		t.Error(diff)
	}
	for i, call := range got {
		if call.At.IsZero() || i > 0 && call.At.Before(got[i-1].At) {
			t.Errorf("call %d at %v", i, call.At)
		}
	}
}
