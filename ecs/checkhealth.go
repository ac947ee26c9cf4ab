package ecs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const (
	// slowPause and quickPause are how long V8 stands still for a mebibyte of heap: of
	// many small objects, and of ordinary ones (measured on 200 MB heaps, Node.js 18 to
	// 24, docs/measurements/capture-forecast.md).
	slowPause  = 200 * time.Millisecond
	quickPause = 40 * time.Millisecond

	// budgetShare is the share of a health check's patience that a pause may take.
	budgetShare = 0.7

	// patient is a patience that no pause of a heap in reason outlasts.
	patient = 5 * time.Minute
)

func healthRules() []Rule {
	return []Rule{
		{
			ID: "hc.container", Defined: true, What: "the container's health check against the pause", Worst: Danger,
			Want: "a check more patient than the pause", Why: "ECS stops a task whose container fails its health checks while V8 builds the snapshot",
			judge: judgeContainerHealth,
		},
		{
			ID: "hc.alb", What: "the target groups' health checks against the pause", Worst: Danger,
			Needs: []string{"ecs:DescribeServices", "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth"},
			Want:  "checks more patient than the pause", Why: "a load balancer gives up a process that stands still, and ECS then stops the task",
			judge: judgeTargetGroups,
		},
		{
			ID: "hc.connect", Defined: true, What: "a proxy in front of the container", Worst: Info,
			Want: "to know", Why: "the proxies of Service Connect and of meshes answer 503 for a process that stands still",
			judge: judgeProxy,
		},
	}
}

// patience judges a budget by what the pause may be. Of how much is in use the heap is
// a part, so that the pause that it allows is the longest.
func patience(f *Facts, b HealthBudget) Finding {
	text := fmt.Sprintf("%s gives up after %s at the earliest (%s)", b.Name, b.Earliest, b.Detail)
	if f.MemoryUsed.gap() == nil {
		likely := time.Duration(f.MemoryUsed.Value.Bytes/mebibyte) * quickPause
		text += fmt.Sprintf("; a heap of %s stops for about %s", mib(f.MemoryUsed.Value.Bytes), likely.Round(time.Second))
		if float64(likely) > budgetShare*float64(b.Budget) {
			return Finding{Level: Danger, Got: text}
		}
		return fine(text)
	}
	if b.Earliest >= patient {
		return fine(text)
	}
	return Finding{Level: Warn, Unknown: true, Got: fmt.Sprintf("%s, enough for some %s of small objects or %s of others", text,
		mib(int64(b.Earliest/slowPause)*mebibyte), mib(int64(b.Earliest/quickPause)*mebibyte))}
}

func judgeContainerHealth(f *Facts) Finding {
	budgets := containerBudget(f.Target)
	c, _ := f.Target.container()
	if len(budgets) == 0 {
		return fine("ECS does not check it")
	}
	found := patience(f, budgets[0])
	if c.HealthStatus == ecstypes.HealthStatusUnhealthy {
		found.Level, found.Got = Danger, "the container is UNHEALTHY now: ECS is about to stop it"
		found.Fix, found.Live, found.Params = "take the snapshot at once, or choose another task", true, namingNoContainer()
		return found
	}
	if worse(found.Level, Info) {
		found.Fix = "interval 300 and retries 10 with the next deployment; or ecsheap profile, which stops nothing"
	}
	return found
}

func judgeTargetGroups(f *Facts) Finding {
	if f.Target.Service == "" {
		return Finding{}
	}
	if gap := f.TargetGroups.gap(); gap != nil {
		return gap.finding()
	}
	if len(f.TargetGroups.Value) == 0 {
		return fine("no target group checks it")
	}
	worst := Finding{}
	for _, g := range f.TargetGroups.Value {
		found := judgeTargetGroup(f, g)
		if worst.Level == "" || worse(found.Level, worst.Level) {
			worst = found
		}
	}
	return worst
}

func judgeTargetGroup(f *Facts, g elbtypes.TargetGroup) Finding {
	arn := aws.ToString(g.TargetGroupArn)
	if !checks(g) {
		return fine(aws.ToString(g.TargetGroupName) + " makes no health checks")
	}
	found := patience(f, groupBudget(g))
	found.Params = map[string]string{ParamTargetGroup: arn}
	if worse(found.Level, Info) {
		found.Live = true
		found.Fix = fmt.Sprintf("%s, for all its targets, and back afterwards (now %d and %d)",
			f.Target.aws("elbv2 modify-target-group --target-group-arn %s --health-check-interval-seconds 300 --unhealthy-threshold-count 10", arn), aws.ToInt32(g.HealthCheckIntervalSeconds), aws.ToInt32(g.UnhealthyThresholdCount))
	}
	if h, ok := f.TargetHealth.Value[arn]; ok && h.State == elbtypes.TargetHealthStateEnumUnhealthy {
		found.Level = Danger
		found.Got = fmt.Sprintf("%s holds the task for unhealthy now: %s", aws.ToString(g.TargetGroupName), aws.ToString(h.Description))
		found.Fix, found.Live = "choose another task, or find out why first: ECS is about to stop it", true
		found.Params = map[string]string{ParamTargetGroup: ""} // more patience would not make it healthy
	}
	return found.lacks(f.TargetHealth.gap(), "its state now is")
}

func judgeProxy(f *Facts) Finding {
	if f.Target.definition.ProxyConfiguration != nil {
		return told("proxyConfiguration: the task is part of a mesh")
	}
	for _, c := range f.Target.task.Containers {
		if name := aws.ToString(c.Name); strings.HasPrefix(name, "ecs-service-connect-") {
			return told("Service Connect (container " + name + ")")
		}
	}
	return Finding{}
}

func runtimeRules() []Rule {
	return []Rule{
		{
			ID: "rt.restartpolicy", Defined: true, What: "restarts in place", Worst: Warn,
			Want: "no restart policy", Why: "the process can change between two snapshots though the task does not; ecsheap notices, and the series is void",
			judge: func(f *Facts) Finding {
				_, d := f.Target.container()
				if d.RestartPolicy == nil || !aws.ToBool(d.RestartPolicy.Enabled) {
					return fine("off")
				}
				return Finding{Level: Warn, Got: "restartPolicy is enabled", Fix: "nothing, but to expect it: the manifest has pid and start of each process", Live: true}
			},
		},
		{
			ID: "rt.stoptimeout", Defined: true, What: "time between SIGTERM and SIGKILL", Worst: Info,
			Want: "to know", Why: "a stop that comes in the middle of a snapshot leaves that long to finish it, 120 s at most",
			judge: func(f *Facts) Finding {
				_, d := f.Target.container()
				if d.StopTimeout == nil {
					return told("stopTimeout 30 s, the default")
				}
				return told(fmt.Sprintf("stopTimeout %d s", *d.StopTimeout))
			},
		},
		{
			ID: "img.version", What: "which code runs", Worst: Info,
			Want: "to know", Why: "a tag can be moved to another image, a digest cannot",
			judge: func(f *Facts) Finding {
				_, d := f.Target.container()
				if f.Target.ImageDigest == "" {
					return told(f.Target.Image + ", digest not known")
				}
				if d.VersionConsistency == ecstypes.VersionConsistencyDisabled {
					return told(f.Target.Image + " is " + f.Target.ImageDigest + ", other tasks may run another (versionConsistency disabled)")
				}
				return told(f.Target.Image + " is " + f.Target.ImageDigest)
			},
		},
	}
}
