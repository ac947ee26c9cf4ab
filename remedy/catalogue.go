package remedy

import (
	"maps"

	"github.com/ecsheap/ecsheap/ecs"
)

// row is what the catalogue says of one finding.
type row struct {
	what  string
	as    Effect          // "" = as the finding says
	how   map[Tool]string // a tool that is missing is rendered from edits, or takes the CLI's
	undo  string
	edits func(ecs.Finding, params) []edit
	needs string // the parameter without which what the finding says is all there is
}

func (r row) effect(f ecs.Finding) Effect {
	switch {
	case r.as != "":
		return r.as
	case f.Live:
		return Live
	}
	return Replaces
}

// catalogue has the remedies by the id of their finding.
var catalogue = merged(serviceRows(), roleRows(), networkRows(), definitionRows(), choiceRows())

func merged(all ...map[string]row) map[string]row {
	out := map[string]row{}
	for _, m := range all {
		maps.Copy(out, m)
	}
	return out
}

// Sources: the AWS CLI's command reference; the Terraform provider's pages of
// aws_ecs_service and aws_iam_role_policy; the CloudFormation resource types
// AWS::ECS::Service, AWS::IAM::Policy, AWS::EC2::VPCEndpoint; aws-cdk-lib/aws-ecs.

func serviceRows() map[string]row {
	protect := row{
		what: "keep ECS from stopping the task for an hour", as: Live,
		how: map[Tool]string{
			CLI: "aws ecs update-task-protection --cluster {cluster} --tasks {task} --protection-enabled --expires-in-minutes 60 --region {region}",
		},
		undo: "aws ecs update-task-protection --cluster {cluster} --tasks {task} --no-protection-enabled --region {region}",
	}
	execOn := row{
		what: "start tasks with ECS Exec", as: Replaces,
		how: map[Tool]string{
			CLI:            "aws ecs update-service --cluster {cluster} --service {service} --enable-execute-command --force-new-deployment --region {region}",
			JSON:           `"enableExecuteCommand": true` + "   (service definition; deploy with a new deployment forced)",
			Terraform:      "resource \"aws_ecs_service\" \"{label}\" {\n  enable_execute_command = true\n  force_new_deployment   = true\n}",
			CloudFormation: "Type: AWS::ECS::Service\nProperties:\n  EnableExecuteCommand: true",
			CDK:            "new ecs.FargateService(this, '{label}', {\n  enableExecuteCommand: true, // adds the permissions to the task role, too\n})",
			alone:          "aws ecs run-task --cluster {cluster} --task-definition {family} --enable-execute-command --region {region}   (and what the task was run with before)",
		},
		undo: "aws ecs update-service --cluster {cluster} --service {service} --no-enable-execute-command --region {region} (for tasks to come)",
	}
	return map[string]row{
		"exec.enabled":      execOn,
		"exec.flag-drift":   execOn,
		"svc.express":       execOn,
		"svc.deploying":     protect,
		"svc.task-revision": protect,
		"svc.az-rebalance":  protect,
		"svc.autoscale":     protect,
		"svc.protected":     protect,
		"svc.desired":       desired(),
		"platform.fargate":  platform(),
		"hc.alb":            patience(),
		"exec.sessions":     endSession(),
		"platform.ec2agent": {what: "update the agent of the instance", how: map[Tool]string{CLI: "aws ecs update-container-agent --cluster {cluster} --container-instance {containerInstance} --region {region}"}},
		"op.startsession":   {what: "have the session allowed to you", as: Live, needs: ecs.ParamPolicy, how: map[Tool]string{CLI: "ecsheap policy {policy} --cluster {cluster} --region {region} > policy.json   (attach it to your role)"}},
		"platform.external": {what: "update ecs-init on that machine", as: Live},
		"platform.windows":  {what: "start Node.js with its inspector in the next deployment", as: Replaces, edits: inspectEdits},
		"node.sigusr1-off":  {what: "start Node.js with its inspector, on 127.0.0.1", as: Replaces, edits: inspectEdits},
		"task.connectivity": {what: "wait: ECS connects again by itself", as: None},
	}
}

// alone is the key of the words for a task outside a service.
const alone Tool = "standalone"

func desired() row {
	return row{
		what: "have one more task carry the load meanwhile", as: Live, needs: ecs.ParamDesired,
		how: map[Tool]string{
			CLI:            "aws ecs update-service --cluster {cluster} --service {service} --desired-count {desiredCount} --region {region}",
			JSON:           `"desiredCount": {desiredCount}`,
			Terraform:      "resource \"aws_ecs_service\" \"{label}\" {\n  desired_count = {desiredCount}\n}",
			CloudFormation: "Type: AWS::ECS::Service\nProperties:\n  DesiredCount: {desiredCount}",
			CDK:            "new ecs.FargateService(this, '{label}', { desiredCount: {desiredCount} })",
		},
		undo: "set the count back after the capture; ECS may stop the very task that was captured then",
	}
}

func platform() row {
	return row{
		what: "run on a current platform version", as: Replaces,
		how: map[Tool]string{
			CLI:            "aws ecs update-service --cluster {cluster} --service {service} --platform-version LATEST --force-new-deployment --region {region}",
			JSON:           `"platformVersion": "LATEST"`,
			Terraform:      "resource \"aws_ecs_service\" \"{label}\" {\n  platform_version = \"LATEST\"\n}",
			CloudFormation: "Type: AWS::ECS::Service\nProperties:\n  PlatformVersion: LATEST",
			CDK:            "new ecs.FargateService(this, '{label}', { platformVersion: ecs.FargatePlatformVersion.LATEST })",
		},
	}
}

// The health check that a capture of some minutes survives.
const (
	patientInterval  = 300 // seconds, the most that a target group takes
	patientThreshold = 10  // failed checks, the most that a target group takes
	containerRetries = 10  // the most that a container health check takes
)

func patience() row {
	return row{
		what: "have the target group wait longer before it gives a task up (for all its targets)", as: Live, needs: ecs.ParamTargetGroup,
		how: map[Tool]string{
			CLI:            "aws elbv2 modify-target-group --target-group-arn {targetGroupArn} --health-check-interval-seconds 300 --unhealthy-threshold-count 10 --region {region}",
			JSON:           `"HealthCheckIntervalSeconds": 300, "UnhealthyThresholdCount": 10`,
			Terraform:      "resource \"aws_lb_target_group\" \"{label}\" {\n  health_check {\n    interval            = 300\n    unhealthy_threshold = 10\n  }\n}",
			CloudFormation: "Type: AWS::ElasticLoadBalancingV2::TargetGroup\nProperties:\n  HealthCheckIntervalSeconds: 300\n  UnhealthyThresholdCount: 10",
			CDK:            "targetGroup.configureHealthCheck({ interval: Duration.seconds(300), unhealthyThresholdCount: 10 })",
		},
		undo: "set the two values back that the finding names; until then a broken target is found late",
	}
}

func endSession() row {
	return row{
		what: "end a session that nobody uses", as: Live, needs: ecs.ParamSession,
		how: map[Tool]string{CLI: "aws ssm terminate-session --session-id {session} --region {region}"},
	}
}

func roleRows() map[string]row {
	statement := "ssmmessages:CreateControlChannel, ssmmessages:CreateDataChannel, ssmmessages:OpenControlChannel, ssmmessages:OpenDataChannel"
	return map[string]row{
		"role.ssmmessages": {
			what: "let the TASK role (not the execution role) open the agent's channels", as: Live, needs: ecs.ParamRole,
			how: map[Tool]string{
				CLI: "ecsheap policy task-role-ecs-exec > exec.json\naws iam put-role-policy --role-name {role} --policy-name " + PolicyName + " --policy-document file://exec.json",
				Terraform: "resource \"aws_iam_role_policy\" \"{label}_exec\" {\n  name = \"" + PolicyName + "\"\n  role = \"{role}\"\n  policy = jsonencode({\n    Version = \"2012-10-17\"\n" +
					"    Statement = [{\n      Effect   = \"Allow\"\n      Action   = [\n        \"ssmmessages:CreateControlChannel\", \"ssmmessages:CreateDataChannel\",\n        \"ssmmessages:OpenControlChannel\", \"ssmmessages:OpenDataChannel\",\n      ]\n      Resource = \"*\"\n    }]\n  })\n}",
				CloudFormation: "Type: AWS::IAM::Policy\nProperties:\n  PolicyName: " + PolicyName + "\n  Roles: [{role}]\n  PolicyDocument:\n    Version: \"2012-10-17\"\n    Statement:\n      - Effect: Allow\n        Action:\n" +
					"          - ssmmessages:CreateControlChannel\n          - ssmmessages:CreateDataChannel\n          - ssmmessages:OpenControlChannel\n          - ssmmessages:OpenDataChannel\n        Resource: \"*\"",
				CDK: "taskDefinition.taskRole.addToPrincipalPolicy(new iam.PolicyStatement({\n  actions: ['ssmmessages:CreateControlChannel', 'ssmmessages:CreateDataChannel',\n    'ssmmessages:OpenControlChannel', 'ssmmessages:OpenDataChannel'],\n  resources: ['*'],\n}))",
			},
			undo: "aws iam delete-role-policy --role-name {role} --policy-name " + PolicyName,
		},
		"role.present": {
			what: "give the task a role that allows " + statement, as: Replaces,
			how: map[Tool]string{
				CLI: "ecsheap policy task-role-ecs-exec > exec.json\naws iam create-role --role-name {family}-task --assume-role-policy-document '{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"ecs-tasks.amazonaws.com\"},\"Action\":\"sts:AssumeRole\"}]}'\n" +
					"aws iam put-role-policy --role-name {family}-task --policy-name " + PolicyName + " --policy-document file://exec.json",
				Terraform:      "resource \"aws_ecs_task_definition\" \"{label}\" {\n  task_role_arn = aws_iam_role.{label}_task.arn\n}",
				CloudFormation: "Type: AWS::ECS::TaskDefinition\nProperties:\n  TaskRoleArn: !GetAtt TaskRole.Arn",
				CDK:            "// aws-ecs makes a task role by itself; enableExecuteCommand adds the permissions\nnew ecs.FargateService(this, '{label}', { enableExecuteCommand: true })",
			},
			edits: func(_ ecs.Finding, p params) []edit {
				return []edit{set("", "arn:"+p.get(ecs.ParamPartition)+":iam::"+p.get(ecs.ParamAccount)+":role/"+p.get(ecs.ParamFamily)+"-task", "taskRoleArn")}
			},
		},
		"cluster.kms": {
			what: "let the task role decrypt with the key of the cluster's ECS Exec", as: Live,
			how:  map[Tool]string{CLI: "ecsheap policy task-role-exec-logging > kms.json   (keep the statement of the key {kmsKey})\naws iam put-role-policy --role-name {role} --policy-name ecsheap-exec-kms --policy-document file://kms.json"},
			undo: "aws iam delete-role-policy --role-name {role} --policy-name ecsheap-exec-kms",
		},
	}
}

// PolicyName is the name of the inline policy that a remedy adds to a task role.
const PolicyName = "ecsheap-exec"

func networkRows() map[string]row {
	endpoint := row{
		what: "give the VPC an endpoint for Systems Manager's messages", as: Live,
		how: map[Tool]string{
			CLI: "aws ec2 describe-vpc-endpoint-services --region {region} --query 'ServiceNames[?ends_with(@, `.ssmmessages`)]'   (the name of the service, in every partition)\n" +
				"aws ec2 create-vpc-endpoint --vpc-id {vpc} --vpc-endpoint-type Interface --service-name com.amazonaws.{region}.ssmmessages --subnet-ids {subnet} --security-group-ids {securityGroup} --private-dns-enabled --region {region}",
			Terraform:      "resource \"aws_vpc_endpoint\" \"ssmmessages\" {\n  vpc_id              = \"{vpc}\"\n  service_name        = \"com.amazonaws.{region}.ssmmessages\"\n  vpc_endpoint_type   = \"Interface\"\n  subnet_ids          = [\"{subnet}\"]\n  security_group_ids  = [\"{securityGroup}\"] # must let 443 in from the tasks\n  private_dns_enabled = true\n}",
			CloudFormation: "Type: AWS::EC2::VPCEndpoint\nProperties:\n  VpcId: {vpc}\n  ServiceName: com.amazonaws.{region}.ssmmessages\n  VpcEndpointType: Interface\n  SubnetIds: [{subnet}]\n  SecurityGroupIds: [{securityGroup}] # must let 443 in from the tasks\n  PrivateDnsEnabled: true",
			CDK:            "vpc.addInterfaceEndpoint('SsmMessages', { service: ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES })",
		},
		undo: "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids <its id> --region {region} (an endpoint costs money by the hour)",
	}
	return map[string]row{
		"net.ssmmessages":   endpoint,
		"net.public-subnet": endpoint,
		"net.egress-sg": {
			what: "let HTTPS out of the task's security group", as: Live,
			how: map[Tool]string{
				CLI:            "aws ec2 authorize-security-group-egress --group-id {securityGroup} --protocol tcp --port 443 --cidr 0.0.0.0/0 --region {region}",
				Terraform:      "resource \"aws_vpc_security_group_egress_rule\" \"{label}_https\" {\n  security_group_id = \"{securityGroup}\"\n  ip_protocol       = \"tcp\"\n  from_port         = 443\n  to_port           = 443\n  cidr_ipv4         = \"0.0.0.0/0\"\n}",
				CloudFormation: "Type: AWS::EC2::SecurityGroupEgress\nProperties:\n  GroupId: {securityGroup}\n  IpProtocol: tcp\n  FromPort: 443\n  ToPort: 443\n  CidrIp: 0.0.0.0/0",
				CDK:            "securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443))",
			},
			undo: "aws ec2 revoke-security-group-egress --group-id {securityGroup} --protocol tcp --port 443 --cidr 0.0.0.0/0 --region {region}",
		},
	}
}

// choiceRows are findings whose remedy is to choose otherwise, or to wait: what
// the finding says is all there is.
func choiceRows() map[string]row {
	out := map[string]row{}
	for _, id := range []string{
		"task.exists", "cluster.exists", "task.running", "exec.agent", "exec.sibling-agent", "exec.connected", "exec.runtimeid",
		"proc.pidmode", "node.multiproc", "spot", "retire", "op.identity", "op.disk", "op.port", "rt.restartpolicy", "node.diag-flags",
	} {
		out[id] = row{as: None}
	}
	return out
}
