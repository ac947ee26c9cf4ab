package fakeaws

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awselb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// awsCLI finds the AWS CLI of Debian, which reads our answers with models and code of its own.
// Another one on the PATH may be newer and ask CloudWatch by a protocol that the SDK for Go does
// not speak, and the fake neither.
func awsCLI(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("/usr/bin/aws")
	if err != nil {
		nodetest.Missing(t, "the AWS CLI is missing", "apt-get install awscli")
	}
	return path
}

// runCLI calls the CLI and gives its answer as JSON in one line, or what it complains about.
func runCLI(t *testing.T, path string, s *Server, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, append([]string{"--endpoint-url", s.URL(), "--output", "json"}, args...)...)
	cmd.Env = slices.Concat([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "AWS_DEFAULT_REGION=" + s.cfg.Region}, s.Env()[1:])
	cmd.Env = slices.DeleteFunc(cmd.Env, func(pair string) bool { return pair == "AWS_PROFILE=" || pair == "AWS_SESSION_TOKEN=" })
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return strings.TrimSpace(stderr.String())
	}
	var line bytes.Buffer
	if err := json.Compact(&line, stdout.Bytes()); err != nil {
		return stdout.String()
	}
	return line.String()
}

// TestAWSCLI has the CLI and the SDK for Go read the same answers; where the SDK's client is no
// part of this module, the CLI's reading is compared with the world.
func TestAWSCLI(t *testing.T) {
	path := awsCLI(t)
	s := start(t, Config{})
	ctx, prod := t.Context(), aws.String("prod")
	group := s.AddTargetGroup(TargetGroup{Name: "api", Port: 3000})
	s.AddService(Service{Cluster: "prod", Name: "api", LoadBalancers: []LoadBalancer{{TargetGroup: group, Container: "app", Port: 3000}}})
	arn, _ := addNode(s, "127.0.0.1:1")
	s.SetCluster(fullCluster())
	s.UpdateTask(arn, func(task *Task) { task.MemoryUsed, task.Memory = 1024, "4096" })
	s.AddScalableTarget(ScalableTarget{Cluster: "prod", Service: "api", Min: 2, Max: 9})
	s.UpdateVPC(func(v *VPC) {
		v.Endpoints = append(v.Endpoints, Endpoint{ID: "vpce-1", Service: "com.amazonaws.eu-west-1.ssmmessages", SecurityGroups: []string{defaultGroup}})
	})
	list := func(values ...any) string {
		line, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		return string(line)
	}
	ecs := ecsClient(s)
	tests := []struct {
		args, query string
		want        func() (string, error) // what the SDK, or the world, says
	}{
		{"sts get-caller-identity", "[Account,Arn,UserId]", func() (string, error) {
			out, err := stsClient(s).GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
			return list(out.Account, out.Arn, out.UserId), err
		}},
		{"ecs describe-tasks --cluster prod --tasks " + arn, "tasks[0].[taskArn,enableExecuteCommand,containers[0].runtimeId,containers[0].managedAgents[0].lastStatus,attachments[0].details[0].value]", func() (string, error) {
			out, err := ecs.DescribeTasks(ctx, &awsecs.DescribeTasksInput{Cluster: prod, Tasks: []string{arn}})
			task := out.Tasks[0]
			return list(task.TaskArn, task.EnableExecuteCommand, task.Containers[0].RuntimeId, task.Containers[0].ManagedAgents[0].LastStatus, task.Attachments[0].Details[0].Value), err
		}},
		{"ecs describe-services --cluster prod --services api none", "[services[0].[taskDefinition,deploymentConfiguration.maximumPercent,deployments[0].rolloutState],failures[0].reason]", func() (string, error) {
			out, err := ecs.DescribeServices(ctx, &awsecs.DescribeServicesInput{Cluster: prod, Services: []string{"api", "none"}})
			svc := out.Services[0]
			return list([]any{svc.TaskDefinition, svc.DeploymentConfiguration.MaximumPercent, svc.Deployments[0].RolloutState}, out.Failures[0].Reason), err
		}},
		{"ecs get-task-protection --cluster prod --tasks " + arn, "protectedTasks[0].[taskArn,protectionEnabled]", func() (string, error) {
			out, err := ecs.GetTaskProtection(ctx, &awsecs.GetTaskProtectionInput{Cluster: prod, Tasks: []string{arn}})
			return list(out.ProtectedTasks[0].TaskArn, out.ProtectedTasks[0].ProtectionEnabled), err
		}},
		{"elbv2 describe-target-health --target-group-arn " + group, "TargetHealthDescriptions[].[Target.Id,TargetHealth.State]", func() (string, error) {
			out, err := elbClient(s).DescribeTargetHealth(ctx, &awselb.DescribeTargetHealthInput{TargetGroupArn: &group})
			return list([]any{out.TargetHealthDescriptions[0].Target.Id, out.TargetHealthDescriptions[0].TargetHealth.State}), err
		}},
		{"iam simulate-principal-policy --policy-source-arn arn:aws:iam::111122223333:role/api-task-role --action-names ssmmessages:OpenDataChannel s3:GetObject", "EvaluationResults[].[EvalActionName,EvalDecision,OrganizationsDecisionDetail.AllowedByOrganizations]", func() (string, error) {
			return list([]any{"ssmmessages:OpenDataChannel", "allowed", true}, []any{"s3:GetObject", "implicitDeny", true}), nil
		}},
		{"ec2 describe-route-tables --filters Name=vpc-id,Values=" + defaultVPC, "RouteTables[].[RouteTableId,Associations[0].Main,Routes[1].DestinationCidrBlock,Routes[1].NatGatewayId,Routes[1].State]", func() (string, error) {
			return list([]any{defaultTable, true, everywhere, defaultNAT, "active"}), nil
		}},
		{"ec2 describe-security-groups --group-ids " + defaultGroup, "SecurityGroups[].[GroupId,IpPermissions,IpPermissionsEgress[0].[IpProtocol,IpRanges[0].CidrIp,FromPort]]", func() (string, error) {
			return list([]any{defaultGroup, []any{}, []any{"-1", everywhere, nil}}), nil
		}},
		{"ec2 describe-vpc-endpoints --filters Name=service-name,Values=*.ssmmessages", "VpcEndpoints[].[VpcEndpointId,VpcEndpointType,State,PrivateDnsEnabled,Groups[0].GroupId]", func() (string, error) {
			return list([]any{"vpce-1", "Interface", "available", true, defaultGroup}), nil
		}},
		{"ec2 describe-network-interfaces --filters Name=subnet-id,Values=" + defaultSubnet, "NetworkInterfaces[].[SubnetId,Groups[0].GroupId,Association]", func() (string, error) {
			return list([]any{defaultSubnet, defaultGroup, nil}), nil
		}},
		{"application-autoscaling describe-scalable-targets --service-namespace ecs --resource-ids service/prod/api", "ScalableTargets[].[MinCapacity,MaxCapacity]", func() (string, error) {
			return list([]any{2, 9}), nil
		}},
		{"cloudwatch get-metric-data --start-time " + stamp(-5) + " --end-time " + stamp(0) + ` --metric-data-queries [{"Id":"m1","MetricStat":{"Metric":{"Namespace":"AWS/ECS","MetricName":"MemoryUtilization","Dimensions":[{"Name":"ClusterName","Value":"prod"},{"Name":"ServiceName","Value":"api"}]},"Period":60,"Stat":"Maximum"}}]`,
			"MetricDataResults[].[Id,Values[0],StatusCode]", func() (string, error) { return list([]any{"m1", 25.0, "Complete"}), nil }},
	}
	for _, tt := range tests {
		words := strings.Fields(tt.args)
		t.Run(strings.Join(words[:2], " "), func(t *testing.T) {
			t.Parallel()
			want, err := tt.want()
			if err != nil {
				t.Fatal(err)
			}
			got := runCLI(t, path, s, append(words, "--query", tt.query)...)
			if strings.ReplaceAll(got, "25.0", "25") != want {
				t.Errorf("the CLI says %s, want %s", got, want)
			}
		})
	}
}

func stamp(minutes int) string {
	return time.Now().UTC().Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

// TestAWSCLIErrors has the CLI name the errors of each protocol.
func TestAWSCLIErrors(t *testing.T) {
	path := awsCLI(t)
	s := start(t, Config{})
	s.PermitOnly(`{"Statement":{"Effect":"Allow","Action":"ecs:DescribeTasks","Resource":"*"}}`)
	for args, want := range map[string]string{
		"ecs list-clusters":         "(AccessDeniedException)",
		"ec2 describe-route-tables": "(UnauthorizedOperation)",
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			if got := runCLI(t, path, s, strings.Fields(args)...); !strings.Contains(got, want) {
				t.Errorf("the CLI says %s, want %s", fmt.Sprintf("%.300s", got), want)
			}
		})
	}
}
