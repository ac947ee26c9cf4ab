package fakeaws

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestNothingPermitted asks for every operation that there is as somebody who may do nothing.
func TestNothingPermitted(t *testing.T) {
	s := start(t, Config{})
	s.PermitOnly()
	for name := range s.ops {
		if name == "sts.GetCallerIdentity" {
			continue
		}
		prefix, operation, _ := strings.Cut(name, ".")
		for _, svc := range services() {
			if svc.name != prefix {
				continue
			}
			status, body := callNothing(t, s, svc, operation)
			if !strings.Contains(body, "is not authorized to perform: "+prefix+":"+operation) {
				t.Errorf("%s: %d %q", name, status, body)
			}
		}
	}
	for _, call := range s.Calls() {
		if len(call.Checks) == 0 || call.Err == "" {
			t.Errorf("%s needed no permission: %+v", call.Action, call)
		}
	}
	if _, err := stsClient(s).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{}); err != nil {
		t.Errorf("GetCallerIdentity, which all may: %v", err)
	}
}

// callNothing calls an operation with next to no parameters.
func callNothing(t *testing.T, s *Server, svc service, operation string) (int, string) {
	t.Helper()
	const id = "0123456789abcdef0123456789abcdef"
	switch svc.protocol {
	case jsonProtocol:
		header := map[string]string{"X-Amz-Target": svc.marker + "." + operation}
		body := `{"family":"a","task":"` + id + `","service":"a"}`
		if slices.Contains([]string{"DescribeTasks", "GetTaskProtection", "UpdateTaskProtection"}, operation) {
			body = `{"tasks":["` + id + `"]}`
		}
		switch operation {
		case "DescribeServices":
			body = `{"services":["a"]}`
		case "DescribeContainerInstances":
			body = `{"containerInstances":["a"]}`
		}
		return post(t, s, svc.signing, "/", header, body)
	case cborProtocol:
		header := map[string]string{"Smithy-Protocol": cborProtocolName, "Content-Type": cborContentType}
		return post(t, s, svc.signing, "/service/"+svc.marker+"/operation/"+operation, header, string(metricQueryCBOR("m", "MemoryUtilization")))
	}
	now := time.Now().UTC().Format(time.RFC3339)
	return postForm(t, s, svc.signing, operation, svc.marker, "StartTime", now, "EndTime", now)
}

// TestDeniedErrors looks at the refusal of every protocol.
func TestDeniedErrors(t *testing.T) {
	s := start(t, Config{})
	arn, target := addNode(s, "127.0.0.1:1")
	s.PermitOnly(`{"Statement":[{"Effect":"Allow","Action":"*","NotResource":"arn:aws:ssm:*:document/*"},` +
		`{"Effect":"Deny","Action":["ec2:*","ecs:DescribeTasks","elasticloadbalancing:*"],"Resource":"*"}]}`)
	const user = "User: arn:aws:sts::111122223333:assumed-role/oncall/alice is not authorized to perform: "
	_, err := ssmClient(s).StartSession(t.Context(), portInput(target))
	want := user + "ssm:StartSession on resource: arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSession because no identity-based policy allows the ssm:StartSession action"
	if errorCode(err) != "AccessDeniedException" || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("SSM: %v, want %s", err, want)
	}
	_, err = ecsClient(s).DescribeTasks(t.Context(), &awsecs.DescribeTasksInput{Cluster: aws.String("prod"), Tasks: []string{arn}})
	want = user + "ecs:DescribeTasks on resource: " + arn + " with an explicit deny in an identity-based policy"
	if errorCode(err) != "AccessDeniedException" || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("ECS: %v, want %s", err, want)
	}
	_, err = elbClient(s).DescribeTargetGroups(t.Context(), &awselb.DescribeTargetGroupsInput{})
	if errorCode(err) != "AccessDenied" || !strings.Contains(err.Error(), "StatusCode: 403") {
		t.Errorf("ELB: %v", err)
	}
	status, body := postForm(t, s, "ec2", "DescribeSubnets", "2016-11-15")
	if status != http.StatusForbidden || !strings.Contains(body, "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>You are not authorized to perform this operation. "+user) {
		t.Errorf("EC2: %d %s", status, body)
	}
}

// TestChecks looks at what conditions can see of calls.
func TestChecks(t *testing.T) {
	s := start(t, Config{})
	arn, target := addNode(s, "127.0.0.1:1")
	s.UpdateTask(arn, func(task *Task) { task.Tags = map[string]string{"ecsheap": "allowed"} })
	s.PermitOnly(`{"Statement":[{"Effect":"Allow","Action":"ecs:ListTasks","Resource":"*","Condition":{"ArnEquals":{"ecs:cluster":"` + s.clusterARN("prod") + `"}}},
		{"Effect":"Allow","Action":"ssm:StartSession","Resource":"*","Condition":{"StringEqualsIfExists":{"aws:ResourceTag/ecsheap":"allowed"},"Bool":{"ssm:SessionDocumentAccessCheck":"true"}}},
		{"Effect":"Allow","Action":"ssm:TerminateSession","Resource":"*","Condition":{"StringLike":{"ssm:resourceTag/aws:ssmmessages:session-id":"${aws:userid}"}}},
		{"Effect":"Allow","Action":["ecs:RegisterTaskDefinition","ecs:DescribeTaskDefinition"],"Resource":"*"}]}`)
	ctx := t.Context()
	for cluster, want := range map[string]string{"prod": "", "dev": "AccessDeniedException"} {
		if _, err := ecsClient(s).ListTasks(ctx, &awsecs.ListTasksInput{Cluster: &cluster}); errorCode(err) != want {
			t.Errorf("listing in %s: %v", cluster, err)
		}
	}
	out := startSession(t, s, target)
	if _, err := ssmClient(s).TerminateSession(ctx, &awsssm.TerminateSessionInput{SessionId: out.SessionId}); err != nil {
		t.Errorf("ending one's own session: %v", err)
	}
	s.UpdateTask(arn, func(task *Task) { task.Tags["ecsheap"] = "no" })
	if _, err := ssmClient(s).StartSession(ctx, portInput(target)); errorCode(err) != "AccessDeniedException" {
		t.Errorf("another tag: %v", err)
	}
	d, err := ecsClient(s).DescribeTaskDefinition(ctx, &awsecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String("api")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = ecsClient(s).RegisterTaskDefinition(ctx, &awsecs.RegisterTaskDefinitionInput{
		Family: aws.String("api"), TaskRoleArn: d.TaskDefinition.TaskRoleArn, ContainerDefinitions: d.TaskDefinition.ContainerDefinitions,
	})
	if errorCode(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "iam:PassRole on resource: "+*d.TaskDefinition.TaskRoleArn) {
		t.Errorf("passing a role on: %v", err)
	}
	for _, want := range []string{
		"ecs:ListTasks *", "ssm:StartSession " + arn, "iam:PassRole " + *d.TaskDefinition.TaskRoleArn,
		"ecs:RegisterTaskDefinition arn:aws:ecs:eu-west-1:111122223333:task-definition/api:2",
	} {
		if !slices.Contains(s.Checked(), want) {
			t.Errorf("%q is not in %q", want, s.Checked())
		}
	}
}

func TestThrottle(t *testing.T) {
	s := start(t, Config{})
	list := func() string {
		_, err := ecsClient(s).ListClusters(t.Context(), &awsecs.ListClustersInput{})
		return errorCode(err)
	}
	s.Throttle(Throttle{Operations: []string{"ecs.ListClusters"}, Refusals: 2})
	if got := []string{list(), list(), list()}; !slices.Equal(got, []string{"ThrottlingException", "ThrottlingException", ""}) {
		t.Errorf("two refusals: %q", got)
	}
	s.Throttle(Throttle{Operations: []string{"ecs."}, Burst: 3, PerSecond: 1e-9})
	if got := []string{list(), list(), list(), list()}; !slices.Equal(got, []string{"", "", "", "ThrottlingException"}) {
		t.Errorf("a burst of three: %q", got)
	}
	if _, err := stsClient(s).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{}); err != nil {
		t.Errorf("another service: %v", err)
	}
	s.Throttle(Throttle{Operations: []string{""}})
	if status, body := postForm(t, s, "ec2", "DescribeSubnets", "2016-11-15"); status != http.StatusServiceUnavailable || !strings.Contains(body, "RequestLimitExceeded") {
		t.Errorf("EC2: %d %s", status, body)
	}
	if _, body := iamCall(t, s, "GetRole"); !strings.Contains(body, "<Code>Throttling</Code>") {
		t.Errorf("IAM: %s", body)
	}
	l := limit{Throttle: Throttle{Burst: 2, PerSecond: 1}, filled: time.Unix(0, 0)}
	if l.take(time.Unix(0, 1)); l.take(time.Unix(0, 2)) {
		t.Error("an empty bucket gave a token")
	}
	if !l.take(time.Unix(1, 1e6)) || !l.take(time.Unix(9, 0)) || !l.take(time.Unix(9, 0)) || l.take(time.Unix(9, 0)) {
		t.Error("the bucket fills up too slowly or too far")
	}
}

func TestPartitions(t *testing.T) {
	for region, partition := range map[string]string{
		"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b",
		"eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f", "eusc-de-east-1": "aws-eusc",
	} {
		s := start(t, Config{Region: region, Latency: 5 * time.Millisecond})
		arn := s.AddTask(Task{Cluster: "my_own-cluster", Containers: []Container{{Name: "a"}}})
		if !strings.HasPrefix(arn, "arn:"+partition+":ecs:"+region+":111122223333:task/my_own-cluster/") {
			t.Errorf("task %s", arn)
		}
		before := time.Now()
		out, err := awssts.NewFromConfig(awsConfig(s, accessKeyID, region)).GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
		if err != nil || *out.Arn != "arn:"+partition+":sts::111122223333:assumed-role/oncall/alice" {
			t.Errorf("%v, %v", out, err)
		}
		if took := time.Since(before); took < 5*time.Millisecond {
			t.Errorf("a call took %v", took)
		}
		result := simulate(t, s, "PolicySourceArn", "arn:"+partition+":iam::111122223333:role/app-task-role", "ActionNames.member.1", "ssmmessages:OpenDataChannel")
		if result.Results[0].Decision != "allowed" {
			t.Errorf("%s: %+v", region, result)
		}
		if got, want := s.documentARN("d"), "arn:"+partition+":ssm:"+region+"::document/d"; got != want {
			t.Errorf("document %s, want %s", got, want)
		}
	}
}
