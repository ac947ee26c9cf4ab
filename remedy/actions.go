package remedy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/ecsheap/ecsheap/ecs"
)

func lookProtection(ctx context.Context, c *ecs.Clients, change Change) (State, error) {
	out, err := c.ECS.GetTaskProtection(ctx, &awsecs.GetTaskProtectionInput{
		Cluster: aws.String(change.Target[ecs.ParamCluster]), Tasks: []string{change.Target[ecs.ParamTask]},
	})
	if err != nil {
		return nil, err
	}
	if err := failed(out.Failures); err != nil {
		return nil, err
	}
	s := State{keyEnabled: "false"}
	for _, t := range out.ProtectedTasks {
		s[keyEnabled] = strconv.FormatBool(t.ProtectionEnabled)
		if t.ProtectionEnabled && t.ExpirationDate != nil {
			s[keyExpires] = t.ExpirationDate.UTC().Format(time.RFC3339)
		}
	}
	return s, nil
}

// failed is the first of the failures that ECS answers with, which are no errors of
// the call.
func failed(failures []ecstypes.Failure) error {
	if len(failures) == 0 {
		return nil
	}
	return &FailedError{Reason: aws.ToString(failures[0].Reason), Detail: aws.ToString(failures[0].Detail)}
}

func setProtection(ctx context.Context, c *ecs.Clients, change Change, to State) error {
	minutes := remaining(to)
	in := &awsecs.UpdateTaskProtectionInput{
		Cluster: aws.String(change.Target[ecs.ParamCluster]), Tasks: []string{change.Target[ecs.ParamTask]}, ProtectionEnabled: minutes > 0,
	}
	if minutes > 0 {
		in.ExpiresInMinutes = aws.Int32(minutes)
	}
	out, err := c.ECS.UpdateTaskProtection(ctx, in)
	if err != nil {
		return err
	}
	return failed(out.Failures)
}

// remaining is for how many minutes a state has the task protected from now on, 0 for
// not at all: also when the time is over until which it was.
func remaining(s State) int32 {
	if s[keyEnabled] != "true" {
		return 0
	}
	if n, err := strconv.ParseInt(s[keyMinutes], 10, 32); err == nil {
		return int32(n)
	}
	until, err := time.Parse(time.RFC3339, s[keyExpires])
	if err != nil {
		return protectedFor
	}
	return int32(max(0, time.Until(until)/time.Minute))
}

func lookService(ctx context.Context, c *ecs.Clients, change Change) (State, error) {
	out, err := c.ECS.DescribeServices(ctx, &awsecs.DescribeServicesInput{
		Cluster: aws.String(change.Target[ecs.ParamCluster]), Services: []string{change.Target[ecs.ParamService]},
	})
	if err != nil {
		return nil, err
	}
	if err := failed(out.Failures); err != nil {
		return nil, err
	}
	if len(out.Services) != 1 {
		return nil, &FailedError{Reason: "MISSING", Detail: change.Where}
	}
	if _, ok := change.After[keyExec]; ok {
		return State{keyExec: strconv.FormatBool(out.Services[0].EnableExecuteCommand)}, nil
	}
	return State{keyDesired: strconv.Itoa(int(out.Services[0].DesiredCount))}, nil
}

// setService forces a deployment only when ECS Exec is switched on: what takes it back
// is for tasks to come.
func setService(ctx context.Context, c *ecs.Clients, change Change, to State) error {
	in := &awsecs.UpdateServiceInput{Cluster: aws.String(change.Target[ecs.ParamCluster]), Service: aws.String(change.Target[ecs.ParamService])}
	if exec, ok := to[keyExec]; ok {
		in.EnableExecuteCommand, in.ForceNewDeployment = aws.Bool(exec == "true"), exec == "true"
	}
	if desired, ok := to[keyDesired]; ok {
		n, err := strconv.ParseInt(desired, 10, 32)
		if err != nil {
			return fmt.Errorf("desired count %q: %w", desired, err)
		}
		in.DesiredCount = aws.Int32(int32(n))
	}
	_, err := c.ECS.UpdateService(ctx, in)
	return err
}

func lookPolicy(ctx context.Context, c *ecs.Clients, change Change) (State, error) {
	out, err := c.IAM.GetRolePolicy(ctx, &awsiam.GetRolePolicyInput{
		RoleName: aws.String(change.Target[ecs.ParamRole]), PolicyName: aws.String(change.Target[keyPolicy]),
	})
	var none *iamtypes.NoSuchEntityException
	switch {
	case errors.As(err, &none):
		return State{}, nil
	case err != nil:
		return nil, err
	}
	document, err := url.QueryUnescape(aws.ToString(out.PolicyDocument)) // RFC 3986, as IAM writes it
	if err != nil {
		return nil, fmt.Errorf("reading the policy: %w", err)
	}
	return State{keyDocument: compact(document)}, nil
}

// compact is JSON without white space, or the text as it is.
func compact(text string) string {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	out, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return string(out)
}

func setPolicy(ctx context.Context, c *ecs.Clients, change Change, to State) error {
	role, name := aws.String(change.Target[ecs.ParamRole]), aws.String(change.Target[keyPolicy])
	document, ok := to[keyDocument]
	if !ok {
		_, err := c.IAM.DeleteRolePolicy(ctx, &awsiam.DeleteRolePolicyInput{RoleName: role, PolicyName: name})
		return err
	}
	_, err := c.IAM.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{RoleName: role, PolicyName: name, PolicyDocument: aws.String(document)})
	return err
}

func lookTargetGroup(ctx context.Context, c *ecs.Clients, change Change) (State, error) {
	out, err := c.ELB.DescribeTargetGroups(ctx, &awselb.DescribeTargetGroupsInput{TargetGroupArns: []string{change.Target[ecs.ParamTargetGroup]}})
	if err != nil {
		return nil, err
	}
	if len(out.TargetGroups) != 1 {
		return nil, &FailedError{Reason: "MISSING", Detail: change.Where}
	}
	g := out.TargetGroups[0]
	return State{
		keyInterval:  strconv.Itoa(int(aws.ToInt32(g.HealthCheckIntervalSeconds))),
		keyThreshold: strconv.Itoa(int(aws.ToInt32(g.UnhealthyThresholdCount))),
	}, nil
}

func setTargetGroup(ctx context.Context, c *ecs.Clients, change Change, to State) error {
	interval, err := strconv.ParseInt(to[keyInterval], 10, 32)
	if err != nil {
		return fmt.Errorf("interval %q: %w", to[keyInterval], err)
	}
	threshold, err := strconv.ParseInt(to[keyThreshold], 10, 32)
	if err != nil {
		return fmt.Errorf("threshold %q: %w", to[keyThreshold], err)
	}
	_, err = c.ELB.ModifyTargetGroup(ctx, &awselb.ModifyTargetGroupInput{
		TargetGroupArn:             aws.String(change.Target[ecs.ParamTargetGroup]),
		HealthCheckIntervalSeconds: aws.Int32(int32(interval)), UnhealthyThresholdCount: aws.Int32(int32(threshold)),
	})
	return err
}

func lookSession(ctx context.Context, c *ecs.Clients, change Change) (State, error) {
	out, err := c.SSM.DescribeSessions(ctx, &awsssm.DescribeSessionsInput{
		State:   ssmtypes.SessionStateActive,
		Filters: []ssmtypes.SessionFilter{{Key: ssmtypes.SessionFilterKeySessionId, Value: aws.String(change.Target[ecs.ParamSession])}},
	})
	if err != nil {
		return nil, err
	}
	open := slices.ContainsFunc(out.Sessions, func(s ssmtypes.Session) bool { return aws.ToString(s.SessionId) == change.Target[ecs.ParamSession] })
	if open {
		return State{keySession: "open"}, nil
	}
	return maps.Clone(change.After), nil
}

func endSessionNow(ctx context.Context, c *ecs.Clients, change Change, _ State) error {
	_, err := c.SSM.TerminateSession(ctx, &awsssm.TerminateSessionInput{SessionId: aws.String(change.Target[ecs.ParamSession])})
	return err
}
