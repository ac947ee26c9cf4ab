package ecs

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// The first versions with ECS Exec (Amazon ECS Developer Guide, "Using ECS Exec").
const (
	linuxPlatform   = "1.4.0"
	windowsPlatform = "1.0.0"
	linuxAgent      = "1.50.2"
	windowsAgent    = "1.56.0"
)

func platformRules() []Rule {
	return []Rule{
		{
			ID: "platform.fargate", What: "the version of the Fargate platform", Worst: Block, Indirect: true,
			Want: "platform version " + linuxPlatform + " or newer (Windows: " + windowsPlatform + ")", Why: "older ones have no ECS Exec",
			judge: judgeFargate,
		},
		{
			ID: "platform.ec2agent", What: "the ECS agent of the instance", Worst: Block, Needs: []string{"ecs:DescribeContainerInstances"}, Indirect: true,
			Want: "a connected agent of version " + linuxAgent + " or newer (Windows: " + windowsAgent + ")", Why: "older ones have no ECS Exec",
			judge: judgeInstanceAgent,
		},
		{
			ID: "platform.external", What: "ECS Anywhere", Worst: Warn, Indirect: true,
			Want: "a current ecs-init", Why: "ecs-init brings the SSM agent for ECS Exec with it; an old installation has none, and the host's own network must reach Systems Manager",
			judge: func(f *Facts) Finding {
				if f.Target.LaunchType != string(ecstypes.LaunchTypeExternal) {
					return Finding{}
				}
				return Finding{Level: Warn, Got: "the task runs on a machine of your own (ECS Anywhere)", Fix: "update ecs-init there if the agent does not start", Live: true}
			},
		},
		{
			ID: "platform.mi", What: "Managed Instances", Worst: Info,
			Want: "to know", Why: "AWS keeps their agents up to date, and shows their version to nobody",
			judge: func(f *Facts) Finding {
				if f.Target.LaunchType != string(ecstypes.LaunchTypeManagedInstances) {
					return Finding{}
				}
				return told("the task runs on Managed Instances: the state of its agent is what counts")
			},
		},
		{
			ID: "platform.windows", What: "Windows containers", Worst: Warn,
			Want: "Linux", Why: "Windows has no SIGUSR1, so that --activate does not work there, and Nano Server has no ECS Exec",
			judge: func(f *Facts) Finding {
				if !f.Target.windows() {
					return Finding{}
				}
				return Finding{Level: Warn, Got: "platform family " + f.Target.platformFamily(), Fix: "start Node.js with --inspect=127.0.0.1:9229 in the next deployment, if it is not"}
			},
		},
	}
}

// platformFamily is that of the running task, and failing that of its definition.
func (t Target) platformFamily() string {
	family := aws.ToString(t.task.PlatformFamily)
	if p := t.definition.RuntimePlatform; family == "" && p != nil {
		family = string(p.OperatingSystemFamily)
	}
	return family
}

func (t Target) windows() bool {
	return strings.HasPrefix(strings.ToUpper(t.platformFamily()), "WINDOWS")
}

func judgeFargate(f *Facts) Finding {
	t := f.Target
	if !t.fargate() {
		return Finding{}
	}
	least := linuxPlatform
	if t.windows() {
		least = windowsPlatform
	}
	have := aws.ToString(t.task.PlatformVersion)
	n, ok := compareVersions(have, least)
	switch {
	case !ok:
		return Finding{Level: Info, Unknown: true, Got: fmt.Sprintf("unknown: platform version %q", have)}
	case n >= 0:
		return fine("platform version " + have)
	}
	found := Finding{Level: Block, Got: "platform version " + have, Fix: "run the task again with --platform-version LATEST"}
	if t.Service != "" {
		found.Fix = t.updateService("--platform-version LATEST --force-new-deployment")
	}
	return found
}

// judgeInstanceAgent warns of an agent without contact rather than block: the
// SSM agent in the container has a connection of its own.
func judgeInstanceAgent(f *Facts) Finding {
	if f.Target.LaunchType != string(ecstypes.LaunchTypeEc2) {
		return Finding{}
	}
	if gap := f.Instance.gap(); gap != nil {
		return gap.finding()
	}
	i := f.Instance.Value
	if i == nil {
		return Finding{}
	}
	have := ""
	if i.VersionInfo != nil {
		have = aws.ToString(i.VersionInfo.AgentVersion)
	}
	least := linuxAgent
	if f.Target.windows() {
		least = windowsAgent
	}
	params := map[string]string{ParamInstance: aws.ToString(i.ContainerInstanceArn)}
	n, ok := compareVersions(have, least)
	switch {
	case ok && n < 0:
		return Finding{Level: Block, Got: "ECS agent " + have, Params: params,
			Fix: f.Target.aws("ecs update-container-agent --cluster %s --container-instance %s", f.Target.Cluster, lastSegment(params[ParamInstance])) + ", then start the task again"}
	case !i.AgentConnected:
		return Finding{Level: Warn, Got: fmt.Sprintf("the ECS agent (%s) of the instance is not connected", cmp.Or(have, "version unknown")), Params: params,
			Fix: "look at the instance: ECS neither sees nor steers what runs there", Live: true}
	case !ok:
		return Finding{Level: Info, Unknown: true, Got: fmt.Sprintf("unknown: version %q of the ECS agent", have)}
	}
	return fine("ECS agent " + have)
}

// compareVersions compares versions of numbers and dots; ok is false when one of
// them is none.
func compareVersions(a, b string) (n int, ok bool) {
	x, okX := parseVersion(a)
	y, okY := parseVersion(b)
	return slices.Compare(x, y), okX && okY
}

func parseVersion(s string) ([]int, bool) {
	var numbers []int
	for part := range strings.SplitSeq(strings.TrimPrefix(s, "v"), ".") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 {
			return nil, false
		}
		numbers = append(numbers, n)
	}
	for len(numbers) > 1 && numbers[len(numbers)-1] == 0 { // 1.4 and 1.4.0 are one
		numbers = numbers[:len(numbers)-1]
	}
	return numbers, true
}
