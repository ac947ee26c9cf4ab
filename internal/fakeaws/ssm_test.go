package fakeaws

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func portInput(target string) *awsssm.StartSessionInput {
	return &awsssm.StartSessionInput{
		Target: &target, DocumentName: aws.String(portDocument),
		Parameters: map[string][]string{"portNumber": {"9229"}, "localPortNumber": {"0"}},
	}
}

func TestStartSessionErrors(t *testing.T) {
	s := start(t, Config{})
	arn, target := addNode(s, "127.0.0.1:1")
	for _, tt := range []struct {
		name   string
		world  func(*Task)
		input  func(*awsssm.StartSessionInput)
		status string // of GetConnectionStatus
		want   string
	}{
		{"fine", nil, nil, "connected", ""},
		{"exec off", func(task *Task) { task.Exec = false }, nil, "notconnected", "TargetNotConnected"},
		{"agent pending", func(task *Task) { task.Containers[0].AgentStatus = "PENDING" }, nil, "notconnected", "TargetNotConnected"},
		{"agent stopped", func(task *Task) { task.Containers[0].AgentStatus = "STOPPED" }, nil, "notconnected", "TargetNotConnected"},
		{"no agent", func(task *Task) { task.Containers[0].AgentStatus = AgentNone }, nil, "notconnected", "TargetNotConnected"},
		{"task stopped", func(task *Task) { task.LastStatus = "STOPPED" }, nil, "notconnected", "TargetNotConnected"},
		{"other runtime id", nil, func(in *awsssm.StartSessionInput) { in.Target = aws.String(target + "0") }, "connected", "TargetNotConnected"},
		{"no target of ECS", nil, func(in *awsssm.StartSessionInput) { in.Target = aws.String("i-0123456789abcdef0") }, "connected", "TargetNotConnected"},
		{"other document", nil, func(in *awsssm.StartSessionInput) { in.DocumentName = aws.String("AWS-StartSSHSession") }, "connected", "InvalidDocument"},
		{"port 0", nil, func(in *awsssm.StartSessionInput) { in.Parameters["portNumber"] = []string{"0"} }, "connected", "InvalidParameters"},
		{"port 65536", nil, func(in *awsssm.StartSessionInput) { in.Parameters["portNumber"] = []string{"65536"} }, "connected", "InvalidParameters"},
		{"two ports", nil, func(in *awsssm.StartSessionInput) { in.Parameters["portNumber"] = []string{"1", "2"} }, "connected", "InvalidParameters"},
		{"other parameter", nil, func(in *awsssm.StartSessionInput) { in.Parameters["host"] = []string{"1"} }, "connected", "InvalidParameters"},
	} {
		var before Task
		s.UpdateTask(arn, func(task *Task) {
			before = *task
			before.Containers = slices.Clone(task.Containers)
			if tt.world != nil {
				tt.world(task)
			}
		})
		status, err := ssmClient(s).GetConnectionStatus(t.Context(), &awsssm.GetConnectionStatusInput{Target: &target})
		if err != nil || string(status.Status) != tt.status {
			t.Errorf("%s: status %v, %v", tt.name, status, err)
		}
		in := portInput(target)
		if tt.input != nil {
			tt.input(in)
		}
		out, err := ssmClient(s).StartSession(t.Context(), in)
		if code := errorCode(err); code != tt.want {
			t.Errorf("%s: error %q, want %q", tt.name, code, tt.want)
		}
		if tt.want == "TargetNotConnected" && !strings.HasSuffix(err.Error(), *in.Target+" is not connected.") {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil && (!strings.HasPrefix(*out.SessionId, "alice-") || !strings.HasPrefix(*out.StreamUrl, "ws://127.0.0.1:") || *out.TokenValue == "") {
			t.Errorf("%s: session %s %s", tt.name, *out.SessionId, *out.StreamUrl)
		}
		s.UpdateTask(arn, func(task *Task) { *task = before })
	}
}

func TestParseTarget(t *testing.T) {
	id, rid := strings.Repeat("a", 32), strings.Repeat("a", 32)+"-1527056392"
	for _, tt := range []struct {
		in   string
		want ssmTarget
		ok   bool
	}{
		{"ecs:prod_" + id + "_" + rid, ssmTarget{"prod", id, rid}, true},
		{"ecs:my_own-cluster_" + id + "_" + rid, ssmTarget{"my_own-cluster", id, rid}, true},
		{"ecs:_" + id + "_" + rid, ssmTarget{}, false},
		{"ecs:prod_" + id, ssmTarget{}, false},
		{"ecs:prod", ssmTarget{}, false},
		{"ecs:prod__", ssmTarget{}, false},
		{"i-0123", ssmTarget{}, false},
		{"", ssmTarget{}, false},
	} {
		got, ok := parseTarget(tt.in)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%q: %v %v", tt.in, got, ok)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	f.Add("ecs:prod_0123456789abcdef_0123456789abcdef-1527056392")
	f.Add("ecs:a_b_c_d")
	f.Add("ecs:__")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseTarget(s)
		if ok && "ecs:"+got.cluster+"_"+got.taskID+"_"+got.runtimeID != s {
			t.Errorf("%q is %+v", s, got)
		}
	})
}

func TestDescribeSessions(t *testing.T) {
	s := start(t, Config{})
	ssm, ctx := ssmClient(s), t.Context()
	_, one := addNode(s, "127.0.0.1:1")
	_, two := addNode(s, "127.0.0.1:1")
	a := *startSession(t, s, one).SessionId
	b := *startSession(t, s, two).SessionId
	c := *startSession(t, s, one).SessionId
	if _, err := ssm.TerminateSession(ctx, &awsssm.TerminateSessionInput{SessionId: &a}); err != nil {
		t.Fatal(err)
	}
	if _, err := ssm.TerminateSession(ctx, &awsssm.TerminateSessionInput{SessionId: &a}); err != nil {
		t.Errorf("terminating twice: %v", err)
	}
	filter := func(key, value string) []types.SessionFilter {
		return []types.SessionFilter{{Key: types.SessionFilterKey(key), Value: &value}}
	}
	for _, tt := range []struct {
		name string
		in   awsssm.DescribeSessionsInput
		want []string
		err  string
	}{
		{"active", awsssm.DescribeSessionsInput{State: "Active"}, []string{c, b}, ""},
		{"history", awsssm.DescribeSessionsInput{State: "History"}, []string{a}, ""},
		{"target", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("Target", two)}, []string{b}, ""},
		{"owner", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("Owner", s.owner())}, []string{c, b}, ""},
		{"other owner", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("Owner", "arn:bob")}, nil, ""},
		{"id", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("SessionId", c)}, []string{c}, ""},
		{"status", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("Status", "Connecting")}, []string{c, b}, ""},
		{"after", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("InvokedAfter", "2020-01-01T00:00:00Z")}, []string{c, b}, ""},
		{"before", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("InvokedBefore", "2020-01-01T00:00:00Z")}, nil, ""},
		{"bad time", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("InvokedBefore", "now")}, nil, "InvalidFilterValue"},
		{"bad key", awsssm.DescribeSessionsInput{State: "Active", Filters: filter("Colour", "red")}, nil, "InvalidFilterKey"},
		{"bad state", awsssm.DescribeSessionsInput{State: "Open"}, nil, "ValidationException"},
		{"bad token", awsssm.DescribeSessionsInput{State: "Active", NextToken: aws.String("x")}, nil, "InvalidNextToken"},
		{"bad size", awsssm.DescribeSessionsInput{State: "Active", MaxResults: aws.Int32(201)}, nil, "ValidationException"},
		{"one a page", awsssm.DescribeSessionsInput{State: "Active", MaxResults: aws.Int32(1)}, []string{c, b}, ""},
	} {
		var got []string
		var err error
		for p := awsssm.NewDescribeSessionsPaginator(ssm, &tt.in); p.HasMorePages() && err == nil; {
			var out *awsssm.DescribeSessionsOutput
			if out, err = p.NextPage(ctx); err == nil {
				for _, sess := range out.Sessions {
					got = append(got, *sess.SessionId)
				}
			}
		}
		if code := errorCode(err); code != tt.err || !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, error %q; want %v, %q", tt.name, got, code, tt.want, tt.err)
		}
	}
}

func TestUnknownSession(t *testing.T) {
	s := start(t, Config{})
	id := aws.String("alice-00000000000000000")
	_, err := ssmClient(s).ResumeSession(t.Context(), &awsssm.ResumeSessionInput{SessionId: id})
	if errorCode(err) != "DoesNotExistException" {
		t.Errorf("resume: %v", err)
	}
	_, err = ssmClient(s).TerminateSession(t.Context(), &awsssm.TerminateSessionInput{SessionId: id})
	if errorCode(err) != "DoesNotExistException" {
		t.Errorf("terminate: %v", err)
	}
}
