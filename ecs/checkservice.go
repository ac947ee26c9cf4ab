package ecs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsscaling "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func serviceRules() []Rule {
	services := []string{"ecs:DescribeServices"}
	return []Rule{
		{
			ID: "svc.desired", What: "other tasks carry the load meanwhile", Worst: Danger, Needs: services,
			Want: "two running tasks or more", Why: "the process stands still while V8 builds a snapshot",
			judge: ofService(judgeDesired),
		},
		{
			ID: "svc.deploying", What: "no deployment is under way", Worst: Danger, Needs: []string{"ecs:DescribeServices", "ecs:ListServiceDeployments"},
			Want: "one deployment, completed", Why: "a deployment replaces the task in the middle of a capture",
			judge: ofService(judgeDeploying),
		},
		{
			ID: "svc.min-healthy", What: "how many tasks must stay healthy", Worst: Info, Needs: services,
			Want: "to know", Why: "ECS stops tasks that fail their health checks down to that share of the service",
			judge: ofService(func(_ *Facts, s *ecstypes.Service) Finding {
				if s.DeploymentConfiguration == nil || s.DeploymentConfiguration.MinimumHealthyPercent == nil {
					return Finding{}
				}
				return told(fmt.Sprintf("minimumHealthyPercent %d", *s.DeploymentConfiguration.MinimumHealthyPercent))
			}),
		},
		{
			ID: "svc.task-revision", What: "the task runs what the service deploys", Worst: Warn, Needs: services,
			Want: "the task definition of the primary deployment", Why: "a task of an older revision is about to be stopped",
			judge: ofService(judgeRevision),
		},
		{
			ID: "svc.az-rebalance", What: "rebalancing of availability zones", Worst: Warn, Needs: services,
			Want: "off, or the task protected", Why: "ECS may stop the task to start one in another zone",
			judge: ofService(func(f *Facts, s *ecstypes.Service) Finding {
				if s.AvailabilityZoneRebalancing != ecstypes.AvailabilityZoneRebalancingEnabled {
					return fine("off")
				}
				return f.unlessProtected("availabilityZoneRebalancing is ENABLED")
			}),
		},
		{
			ID: "svc.autoscale", What: "scaling in", Worst: Warn, Needs: []string{"ecs:DescribeServices", "application-autoscaling:DescribeScalableTargets", "application-autoscaling:DescribeScalingActivities"},
			Want: "no scaling in, or the task protected", Why: "scaling in picks the task that it stops without asking",
			judge: ofService(judgeScaling),
		},
		{
			ID: "svc.protected", What: "protection of the task", Worst: Info, Needs: []string{"ecs:GetTaskProtection"},
			Want: "to know", Why: "ECS does not stop a protected task for a deployment or for scaling in",
			judge: judgeProtected,
		},
		{
			ID: "svc.standalone", What: "the task belongs to a service", Worst: Info,
			Want: "to know", Why: "a task outside a service cannot be protected, and nobody replaces it",
			judge: func(f *Facts) Finding {
				if f.Target.Service != "" {
					return Finding{}
				}
				return told("no service: the task is of " + cmp.Or(aws.ToString(f.Target.task.Group), "no group"))
			},
		},
		{
			ID: "svc.express", What: "ECS Express Mode", Worst: Warn, Needs: services,
			Want: "a service of your own making", Why: "Express Mode has no setting for ECS Exec, ports or the times of health checks",
			judge: ofService(func(f *Facts, s *ecstypes.Service) Finding {
				if s.ResourceManagementType != ecstypes.ResourceManagementTypeEcs {
					return Finding{}
				}
				return Finding{Level: Warn, Got: "the service is managed by ECS (Express Mode)", Fix: f.Target.updateService("--enable-execute-command --force-new-deployment")}
			}),
		},
		{
			ID: "spot", What: "spot capacity", Worst: Warn,
			Want: "capacity on demand", Why: "spot capacity is taken back with two minutes' notice; protection does not help",
			judge: judgeSpot,
		},
		{
			ID: "retire", What: "the host stays", Worst: Warn, Needs: []string{"ecs:DescribeContainerInstances"},
			Want: "a host that is not being drained", Why: "AWS retires Fargate hosts, and instances are drained; the task goes with them",
			judge: judgeRetire,
		},
	}
}

// ofService is a rule for tasks of a service alone.
func ofService(judge func(*Facts, *ecstypes.Service) Finding) func(*Facts) Finding {
	return func(f *Facts) Finding {
		if f.Target.Service == "" {
			return Finding{}
		}
		if gap := f.Service.gap(); gap != nil {
			return gap.finding()
		}
		if f.Service.Value == nil {
			return Finding{}
		}
		return judge(f, f.Service.Value)
	}
}

func judgeDesired(f *Facts, s *ecstypes.Service) Finding {
	text := fmt.Sprintf("%d of %d tasks running", s.RunningCount, s.DesiredCount)
	switch {
	case s.SchedulingStrategy == ecstypes.SchedulingStrategyDaemon:
		return told(text + ", one on each instance")
	case s.DesiredCount >= 2 && s.RunningCount >= 2:
		return fine(text)
	case s.DesiredCount >= 2:
		return Finding{Level: Danger, Got: text, Fix: "wait until the others run", Live: true}
	}
	desired := fmt.Sprint(s.DesiredCount + 1)
	return Finding{Level: Danger, Got: text, Live: true, Params: map[string]string{ParamDesired: desired},
		Fix: f.Target.updateService("--desired-count " + desired)}
}

// underWay are the states of a service deployment that has not ended.
var underWay = []ecstypes.ServiceDeploymentStatus{
	ecstypes.ServiceDeploymentStatusPending, ecstypes.ServiceDeploymentStatusInProgress, ecstypes.ServiceDeploymentStatusStopRequested,
	ecstypes.ServiceDeploymentStatusRollbackRequested, ecstypes.ServiceDeploymentStatusRollbackInProgress,
}

func judgeDeploying(f *Facts, s *ecstypes.Service) Finding {
	got := ""
	for _, d := range s.Deployments {
		if d.RolloutState == ecstypes.DeploymentRolloutStateInProgress {
			got = fmt.Sprintf("deployment %s is in progress, %d of %d tasks", aws.ToString(d.Id), d.RunningCount, d.DesiredCount)
		}
	}
	if got == "" && len(s.Deployments) > 1 {
		got = fmt.Sprintf("%d deployments at once", len(s.Deployments))
	}
	if got == "" && f.Deployments.gap() == nil {
		for _, d := range f.Deployments.Value {
			if slices.Contains(underWay, d.Status) {
				got = fmt.Sprintf("service deployment %s is %s", lastSegment(aws.ToString(d.ServiceDeploymentArn)), d.Status)
			}
		}
	}
	if got != "" {
		return Finding{Level: Danger, Got: got, Live: true, Fix: f.Target.aws("ecs wait services-stable --cluster %s --services %s", f.Target.Cluster, f.Target.Service) + "; or protect the task: " + f.Target.protect()}
	}
	return fine("none").lacks(f.Deployments.gap(), "service deployments are")
}

// protect is the command that keeps ECS from stopping the task for an hour.
func (t Target) protect() string {
	return t.aws("ecs update-task-protection --cluster %s --tasks %s --protection-enabled --expires-in-minutes 60", t.Cluster, t.TaskID())
}

func judgeRevision(f *Facts, s *ecstypes.Service) Finding {
	current := aws.ToString(s.TaskDefinition)
	for _, d := range s.Deployments {
		if aws.ToString(d.Status) == "PRIMARY" {
			current = aws.ToString(d.TaskDefinition)
		}
	}
	have := lastSegment(f.Target.TaskDefinitionARN)
	switch {
	case current == "": // the deployment controller is another
		return Finding{}
	case current == f.Target.TaskDefinitionARN:
		return fine(have)
	}
	return Finding{Level: Warn, Got: fmt.Sprintf("the task runs %s, the service deploys %s", have, lastSegment(current)), Live: true, Fix: f.Target.protect()}
}

// protected tells whether the task is protected, and until when.
func (f *Facts) protected() (until time.Time, ok bool) {
	if f.Protection.gap() != nil || !f.Protection.Value.ProtectionEnabled {
		return time.Time{}, false
	}
	return aws.ToTime(f.Protection.Value.ExpirationDate), true
}

// unlessProtected warns of something that a protected task has not to fear.
func (f *Facts) unlessProtected(got string) Finding {
	if _, ok := f.protected(); ok {
		return told(got + "; the task is protected")
	}
	return Finding{Level: Warn, Got: got, Fix: f.Target.protect(), Live: true}
}

func judgeProtected(f *Facts) Finding {
	if f.Target.Service == "" {
		return Finding{} // svc.standalone tells
	}
	if gap := f.Protection.gap(); gap != nil {
		return gap.finding()
	}
	until, ok := f.protected()
	switch {
	case !ok:
		return told("not protected")
	case until.IsZero():
		return told("protected")
	}
	return told("protected until " + until.UTC().Format(time.RFC3339))
}

// scaledRecently is how far back an activity of scaling in counts as a sign of more.
const scaledRecently = time.Hour

func judgeScaling(f *Facts, s *ecstypes.Service) Finding {
	if gap := f.Scaling.gap(); gap != nil {
		return gap.finding()
	}
	if len(f.Scaling.Value) == 0 {
		return fine("the service is not scaled")
	}
	target := f.Scaling.Value[0]
	least, most := aws.ToInt32(target.MinCapacity), aws.ToInt32(target.MaxCapacity)
	text := fmt.Sprintf("scaled between %d and %d, now %d", least, most, s.DesiredCount)
	switch {
	case target.SuspendedState != nil && aws.ToBool(target.SuspendedState.DynamicScalingInSuspended):
		return fine(text + ", scaling in suspended")
	case s.DesiredCount <= least:
		return fine(text + ": it cannot get smaller")
	}
	if at := lastScaledIn(f.Activities.Value); !at.IsZero() && f.At.Sub(at) < scaledRecently {
		text += fmt.Sprintf(", scaled in %s ago", f.At.Sub(at).Round(time.Minute))
	}
	return f.unlessProtected(text).lacks(f.Activities.gap(), "recent activities are")
}

// lastScaledIn finds the newest activity that made a service smaller. Application Auto
// Scaling tells it in its descriptions: "Setting desired count to 3." does not say of
// which, its cause does.
func lastScaledIn(activities []awsscaling.ScalingActivity) time.Time {
	var at time.Time
	for _, a := range activities {
		cause := strings.ToLower(aws.ToString(a.Cause))
		if (strings.Contains(cause, "alarmlow") || strings.Contains(cause, "scale-in") || strings.Contains(cause, "scalein")) && aws.ToTime(a.StartTime).After(at) {
			at = aws.ToTime(a.StartTime)
		}
	}
	return at
}

// judgeSpot knows Fargate's capacity provider alone: what an Auto Scaling group buys,
// ECS does not tell.
func judgeSpot(f *Facts) Finding {
	provider := aws.ToString(f.Target.task.CapacityProviderName)
	switch {
	case f.Target.task.StopCode == ecstypes.TaskStopCodeSpotInterruption:
		return Finding{Level: Warn, Got: "the task is being stopped: its spot capacity is taken back", Fix: "choose another task", Live: true}
	case provider == "FARGATE_SPOT":
		return Finding{Level: Warn, Got: "capacity provider FARGATE_SPOT", Fix: "choose a task on demand if there is one", Live: true}
	case provider == "" || provider == "FARGATE":
		return fine("on demand")
	}
	return told("capacity provider " + provider + ": ECS does not tell whether it is spot")
}

func judgeRetire(f *Facts) Finding {
	t := f.Target
	if code := t.task.StopCode; code == ecstypes.TaskStopCodeTerminationNotice || code == ecstypes.TaskStopCodeInfrastructureHealth {
		return Finding{Level: Warn, Got: fmt.Sprintf("the host goes (%s)", code), Fix: "choose another task", Live: true}
	}
	if t.fargate() || aws.ToString(t.task.ContainerInstanceArn) == "" {
		return fine("no notice")
	}
	if gap := f.Instance.gap(); gap != nil {
		return gap.finding()
	}
	if i := f.Instance.Value; i != nil && aws.ToString(i.Status) == "DRAINING" {
		return Finding{Level: Warn, Got: "the instance is being drained", Fix: "choose another task", Live: true, Params: map[string]string{ParamInstance: aws.ToString(i.ContainerInstanceArn)}}
	}
	return fine("no notice")
}
