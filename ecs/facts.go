package ecs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsscaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Facts is all that the checks judge by. Gather asks for them; a check makes no
// call. What was not asked leads to no finding.
type Facts struct {
	Target Target
	Port   int       // of the inspector
	At     time.Time // when they were gathered
	// Planned is how long the work will take that the checks are made for, 0 for a
	// single snapshot.
	Planned time.Duration

	Cluster     Fact[ecstypes.Cluster]
	Service     Fact[*ecstypes.Service]                 // nil for a task outside a service
	Deployments Fact[[]ecstypes.ServiceDeploymentBrief] // the newest ones
	Protection  Fact[ecstypes.ProtectedTask]
	Instance    Fact[*ecstypes.ContainerInstance] // nil on Fargate
	Connection  Fact[ssmtypes.ConnectionStatus]
	Sessions    Fact[[]ssmtypes.Session] // active ones to the container

	Role     Fact[Simulation] // may the task role open the agent's channels?
	RoleKMS  Fact[Simulation] // may it use the key of the cluster's ECS Exec?
	Caller   Fact[Caller]
	Operator Fact[Simulation] // may the caller start the session?

	Interface Fact[Interface] // of a task in awsvpc mode
	Subnet    Fact[Subnet]
	Routes    Fact[RouteTable] // the table of the subnet
	Endpoints Fact[[]Endpoint] // of the VPC
	Groups    Fact[[]SecurityGroup]

	TargetGroups Fact[[]elbtypes.TargetGroup]
	TargetHealth Fact[map[string]elbtypes.TargetHealth] // of the task, by ARN of the target group
	Scaling      Fact[[]awsscaling.ScalableTarget]
	Activities   Fact[[]awsscaling.ScalingActivity]

	MemoryUsed Fact[MemoryUse]
	Local      Local
}

// Local is what is known of this machine and this process.
type Local struct {
	// CredentialsEnd is when the credentials expire, the zero time when they do not.
	CredentialsEnd Fact[time.Time]
	Disk           Fact[Disk]
	Listen         Fact[error]  // of listening on 127.0.0.1, nil when it works
	Inspector      Fact[Answer] // through the tunnel
}

// Disk is the room where the files of a capture go.
type Disk struct {
	Dir  string
	Free int64 // bytes
}

// Answer is what answered at the inspector's port.
type Answer struct {
	Version   string   // what /json/version calls itself, such as "node.js v24.21.0"; "" when Trouble is set
	Processes []string // titles of what /json/list offers
	Trouble   string   // what was there instead, in a few words
}

// Simulation is what iam:SimulatePrincipalPolicy says of a principal.
type Simulation struct {
	Principal string // ARN
	Decisions []Decision
}

// Decision is what IAM decides of one action on one resource.
type Decision struct {
	Action, Resource string
	Decision         string // allowed, implicitDeny or explicitDeny
	Boundary         bool   // a permissions boundary is what denies it
	Organization     bool   // a policy of the organization is what denies it
	// Missing are condition keys whose value IAM was not told: with them it may
	// decide otherwise.
	Missing []string
}

// Allowed tells whether the action is allowed.
func (d Decision) Allowed() bool { return d.Decision == "allowed" }

// denied returns the decisions that are no for sure, and those that depend on
// what IAM was not told.
func (s Simulation) denied() (sure, unsure []Decision) {
	for _, d := range s.Decisions {
		switch {
		case d.Allowed():
		case len(d.Missing) > 0:
			unsure = append(unsure, d)
		default:
			sure = append(sure, d)
		}
	}
	return sure, unsure
}

// Caller is who asks.
type Caller struct {
	ARN     string // as STS tells it
	Account string
	// Principal is the ARN that IAM knows: the role behind an assumed role.
	Principal Fact[string]
}

// agentOf returns the ExecuteCommandAgent of a container.
func agentOf(c ecstypes.Container) (ecstypes.ManagedAgent, bool) {
	i := slices.IndexFunc(c.ManagedAgents, func(a ecstypes.ManagedAgent) bool {
		return a.Name == ecstypes.ManagedAgentNameExecuteCommandAgent
	})
	if i < 0 {
		return ecstypes.ManagedAgent{}, false
	}
	return c.ManagedAgents[i], true
}

func agentUp(c ecstypes.Container) bool {
	agent, ok := agentOf(c)
	return ok && aws.ToString(agent.LastStatus) == statusRunning
}

// statusRunning is the last status of a task, a container or an agent that runs.
const statusRunning = "RUNNING"

// reached tells whether the agent of the container runs and is connected to
// Systems Manager right now: then nothing that only could keep it from that does.
func (f *Facts) reached() bool {
	c, _ := f.Target.container()
	return agentUp(c) && f.Connection.gap() == nil && f.Connection.Value == ssmtypes.ConnectionStatusConnected
}

// agentRuns tells whether the agent of the container has started.
func (f *Facts) agentRuns() bool {
	c, _ := f.Target.container()
	return agentUp(c)
}

// fargate tells whether the task runs on Fargate.
func (t Target) fargate() bool {
	return t.LaunchType == string(ecstypes.LaunchTypeFargate)
}

// memoryLimit is the lowest of the limits that ECS sets, 0 for none. name says
// whose it is.
func (t Target) memoryLimit() (name string, bytes int64) {
	for _, l := range t.MemoryLimits() {
		if bytes == 0 || l.Bytes < bytes {
			name, bytes = l.Name, l.Bytes
		}
	}
	return name, bytes
}

// roleARN is the task role, overrides included, "" for none.
func (t Target) roleARN() string {
	role := ""
	if t.task.Overrides != nil {
		role = aws.ToString(t.task.Overrides.TaskRoleArn)
	}
	return cmp.Or(role, aws.ToString(t.definition.TaskRoleArn))
}

// ref is what the task's ARN tells.
func (t Target) ref() TaskRef {
	ref, err := ParseTask(t.TaskARN)
	if err != nil {
		return TaskRef{Cluster: t.Cluster, ID: t.TaskID()}
	}
	return ref
}

// aws is a command of the AWS CLI in the region of the task, which need not be that of the
// shell it is pasted into.
func (t Target) aws(format string, args ...any) string {
	command := "aws " + fmt.Sprintf(format, args...)
	if region := t.Region(); region != "" {
		command += " --region " + region
	}
	return command
}

// params are what a fix may need to know, whatever the finding.
func (f *Facts) params() map[string]string {
	ref := f.Target.ref()
	p := map[string]string{
		ParamPartition: ref.Partition, ParamRegion: ref.Region, ParamAccount: ref.Account,
		ParamCluster: f.Target.Cluster, ParamService: f.Target.Service, ParamTask: f.Target.TaskID(), ParamTaskARN: f.Target.TaskARN,
		ParamFamily: f.Target.Family, ParamTaskDefinition: f.Target.TaskDefinitionARN,
		ParamContainer: f.Target.Container, ParamPort: strconv.Itoa(f.Port),
	}
	if role := f.Target.roleARN(); role != "" {
		p[ParamRole], p[ParamRoleARN] = lastSegment(role), role
	}
	if f.Interface.gap() == nil {
		i := f.Interface.Value
		p[ParamSubnet], p[ParamVPC] = i.Subnet, i.VPC
		if len(i.Groups) > 0 {
			p[ParamSecurityGroup] = i.Groups[0]
		}
	}
	return p
}

// The keys of Finding.Params. Values that are not known are "" or missing.
const (
	ParamPartition      = "partition"
	ParamRegion         = "region"
	ParamAccount        = "account"
	ParamCluster        = "cluster" // name
	ParamService        = "service" // name, "" for a task outside a service
	ParamTask           = "task"    // id
	ParamTaskARN        = "taskArn"
	ParamFamily         = "family"
	ParamTaskDefinition = "taskDefinitionArn"
	ParamContainer      = "container"
	ParamPort           = "port"     // of the inspector
	ParamMapping        = "mapping"  // the one of that port alone, "" for none
	ParamHost           = "host"     // that the inspector listens on
	ParamHostFlag       = "hostFlag" // --inspect or --inspect-port, whichever names the host
	ParamRole           = "role"     // name of the task role
	ParamRoleARN        = "roleArn"
	ParamSubnet         = "subnet"
	ParamVPC            = "vpc"
	ParamSecurityGroup  = "securityGroup" // of the task
	ParamTargetGroup    = "targetGroupArn"
	ParamKey            = "kmsKey"            // as the cluster names it
	ParamInstance       = "containerInstance" // ARN
	ParamSession        = "session"           // id
	ParamPolicy         = "policy"            // of iam-policies that mends it
	ParamKeys           = "keys"              // names of variables, with spaces between them
	ParamSecretKeys     = "secretKeys"        // names of secrets
	ParamDesired        = "desiredCount"      // to set
	ParamOldSpace       = "oldSpace"          // MiB to set
	ParamEndpoint       = "endpoint"          // id of the VPC endpoint
)
