package ecs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// channelActions are what the agent needs to reach Systems Manager.
var channelActions = []string{
	"ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel", "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
}

// The agent sees the environment of the container: identityVariables have it take another
// identity than the task role, and proxyVariables another way out than the task's own.
var (
	identityVariables = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ACCESS_KEY", "AWS_WEB_IDENTITY_TOKEN_FILE"}
	proxyVariables    = []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}
)

func roleRules() []Rule {
	return []Rule{
		{
			ID: "role.present", Defined: true, What: "the task has a role", Worst: Block, Indirect: true,
			Want: "a task role", Why: "the agent in the container signs with the task role",
			judge: judgeRolePresent,
		},
		{
			ID: "role.ssmmessages", Defined: true, What: "the task role may open the agent's channels", Worst: Block, Indirect: true,
			Needs: []string{"iam:SimulatePrincipalPolicy"},
			Want:  "ssmmessages:{Create,Open}{Control,Data}Channel allowed", Why: "without them the agent does not start, or is never connected",
			judge: judgeChannels,
		},
		{
			ID: "role.envkeys", Defined: true, What: "nothing overrides the task role", Worst: Warn, Indirect: true,
			Want: "no AWS keys and no proxy in the environment of the container", Why: "the agent sees the environment too: keys in it win over the task role, and a proxy carries its traffic",
			judge: judgeKeys,
		},
		{
			ID: "cluster.kms", What: "the key of ECS Exec sessions", Worst: Warn, Needs: []string{"ecs:DescribeClusters", "iam:SimulatePrincipalPolicy"},
			// The tunnel is a port session, and those are not encrypted with the key.
			Want: "no key, or a task role that may use it", Why: "--activate runs a command by ECS Exec, which fails at the handshake without kms:Decrypt; the tunnel needs no key",
			judge: judgeKMS,
		},
		{
			ID: "cluster.exec-logging", What: "where ECS Exec sessions are logged", Worst: Info, Needs: []string{"ecs:DescribeClusters"},
			Want: "to know", Why: "the command of --activate is logged there; what goes through a tunnel never is",
			judge: judgeLogging,
		},
	}
}

func judgeRolePresent(f *Facts) Finding {
	if role := f.Target.roleARN(); role != "" {
		return fine(role)
	}
	found := Finding{Level: Block, Got: "the task has no role", Fix: "give the task definition a taskRoleArn with the policy that `ecsheap policy task-role-ecs-exec` prints, and deploy it"}
	if l := f.Target.LaunchType; l == string(ecstypes.LaunchTypeEc2) {
		found.Level, found.Got = Warn, "the task has no role: the agent takes the profile of the instance"
	}
	return found
}

func judgeChannels(f *Facts) Finding {
	if f.Target.roleARN() == "" {
		return Finding{}
	}
	if gap := f.Role.gap(); gap != nil {
		return gap.finding()
	}
	role := lastSegment(f.Target.roleARN())
	sure, unsure := f.Role.Value.denied()
	switch {
	case len(sure) > 0:
		found := Finding{Level: Block, Got: fmt.Sprintf("role %s lacks %s", role, actionsText(sure)), Live: true,
			Fix: fmt.Sprintf("ecsheap policy task-role-ecs-exec >exec.json && aws iam put-role-policy --role-name %s --policy-name ecsheap-exec --policy-document file://exec.json", role)}
		if by := deniedBy(sure); by != "" {
			found.Got += ", denied by " + by
			found.Fix, found.Params = "have it allowed there: "+by, namingNoRole()
		}
		return found
	case len(unsure) > 0:
		return Finding{Level: Warn, Unknown: true, Live: true, Fix: "look at the conditions of the role's policies", Params: namingNoRole(),
			Got: fmt.Sprintf("role %s has %s only under conditions that IAM cannot simulate (%s)", role, actionsText(unsure), strings.Join(missingKeys(unsure), ", "))}
	}
	return fine("role " + role + " may open the channels")
}

// namingNoRole has a fix name no role: a policy more for it would change nothing.
func namingNoRole() map[string]string { return map[string]string{ParamRole: "", ParamRoleARN: ""} }

// actionsText names the actions of decisions, each once.
func actionsText(decisions []Decision) string {
	var actions []string
	for _, d := range decisions {
		actions = append(actions, d.Action)
	}
	slices.Sort(actions)
	return strings.Join(slices.Compact(actions), ", ")
}

// deniedBy says what denies, when it is not just that nothing allows.
func deniedBy(decisions []Decision) string {
	for _, d := range decisions {
		switch {
		case d.Organization:
			return "a policy of the organization"
		case d.Boundary:
			return "the permissions boundary"
		case d.Decision == "explicitDeny":
			return "an explicit Deny"
		}
	}
	return ""
}

func missingKeys(decisions []Decision) []string {
	var keys []string
	for _, d := range decisions {
		keys = append(keys, d.Missing...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func judgeKeys(f *Facts) Finding {
	keys, secretKeys := f.Target.environmentNames(identityVariables)
	proxies, secretProxies := f.Target.environmentNames(proxyVariables)
	found := slices.Concat(keys, secretKeys, proxies, secretProxies)
	if len(found) == 0 {
		return fine("none")
	}
	return Finding{
		Level: Warn, Got: "the container has " + few(found), Params: map[string]string{ParamKeys: strings.Join(keys, " "), ParamSecretKeys: strings.Join(secretKeys, " ")},
		Fix: "take them out of the task definition; the task role is there for that, and a proxy must let ssmmessages through",
	}
}

// few names some of many things, for one line.
func few(names []string) string {
	const most = 3
	if len(names) <= most+1 {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// environmentNames returns those of the names that the container has as variables,
// overrides included, and those that it has as secrets.
func (t Target) environmentNames(names []string) (variables, secrets []string) {
	_, d := t.container()
	for _, name := range names {
		switch {
		case slices.ContainsFunc(d.Secrets, func(s ecstypes.Secret) bool { return aws.ToString(s.Name) == name }):
			secrets = append(secrets, name)
		case environmentOf(t, d, name) != "":
			variables = append(variables, name)
		}
	}
	return variables, secrets
}

// execConfiguration is what the cluster says of ECS Exec, the zero value when it says nothing.
func execConfiguration(c ecstypes.Cluster) ecstypes.ExecuteCommandConfiguration {
	if c.Configuration == nil || c.Configuration.ExecuteCommandConfiguration == nil {
		return ecstypes.ExecuteCommandConfiguration{}
	}
	return *c.Configuration.ExecuteCommandConfiguration
}

func judgeKMS(f *Facts) Finding {
	if gap := f.Cluster.gap(); gap != nil {
		return gap.finding()
	}
	key := aws.ToString(execConfiguration(f.Cluster.Value).KmsKeyId)
	if key == "" {
		return fine("no key")
	}
	params := map[string]string{ParamKey: key}
	if gap := f.RoleKMS.gap(); gap != nil {
		found := gap.finding()
		if found.Level == "" {
			return found
		}
		found.Got, found.Params = "key "+key+"; whether the task role may use it is "+found.Got, params
		return found
	}
	sure, unsure := f.RoleKMS.Value.denied()
	if len(sure)+len(unsure) == 0 {
		return Finding{Level: OK, Got: "the task role may use key " + key, Params: params}
	}
	found := Finding{Level: Warn, Live: true, Params: params,
		Got: fmt.Sprintf("the task role lacks kms:Decrypt on key %s: --activate will not work", key),
		Fix: "add kms:Decrypt to the task role (`ecsheap policy task-role-exec-logging`), and kms:GenerateDataKey to yours"}
	if len(sure) == 0 {
		found.Unknown = true
		found.Got = fmt.Sprintf("the task role has kms:Decrypt on key %s only under conditions that IAM cannot simulate (%s)", key, strings.Join(missingKeys(unsure), ", "))
	}
	return found
}

func judgeLogging(f *Facts) Finding {
	if gap := f.Cluster.gap(); gap != nil {
		return gap.finding()
	}
	c := execConfiguration(f.Cluster.Value)
	switch c.Logging {
	case ecstypes.ExecuteCommandLoggingNone:
		return told("not logged")
	case ecstypes.ExecuteCommandLoggingOverride:
		var to []string
		if l := c.LogConfiguration; l != nil {
			if group := aws.ToString(l.CloudWatchLogGroupName); group != "" {
				to = append(to, "log group "+group)
			}
			if bucket := aws.ToString(l.S3BucketName); bucket != "" {
				to = append(to, "bucket "+bucket)
			}
		}
		return told("logged to " + strings.Join(to, " and ") + ", which takes script and cat in the image")
	}
	return told("logged with the container's own log driver, if it is awslogs")
}
