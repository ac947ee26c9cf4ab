package ecs

import (
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	scalingtypes "github.com/aws/aws-sdk-go-v2/service/applicationautoscaling/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

func memoryCases() map[string]ruleTest {
	used := func(mib int64) func(*Facts) {
		return func(f *Facts) { f.MemoryUsed = Known(MemoryUse{Bytes: mib * mebibyte, Hungriest: true}) }
	}
	return map[string]ruleTest{
		"room":         {nil, "mem.headroom", OK, "512 MiB of 4096 MiB", "", false},
		"no room":      {used(2200), "mem.headroom", Danger, "2200 MiB of 4096 MiB in use, 1896 MiB free, in the hungriest task", "profile", true},
		"not known":    {func(f *Facts) { f.MemoryUsed = Unknown[MemoryUse]("CloudWatch has no figures of it") }, "mem.headroom", Info, "the limit is 4096 MiB; what is in use is unknown", "", false},
		"limit":        {nil, "mem.limits", OK, "4096 MiB, of the task", "", false},
		"no limit":     {both(launched(ecstypes.LaunchTypeEc2), on(func(t *Target) { t.task.Memory = nil }), defined(func(d *ecstypes.ContainerDefinition) { d.MemoryReservation = aws.Int32(512) })), "mem.limits", Danger, "only memoryReservation 512 MiB", "memory beside", false},
		"swap":         {defined(func(d *ecstypes.ContainerDefinition) { d.LinuxParameters.MaxSwap = aws.Int32(1024) }), "mem.swap", Info, "1024", "", false},
		"no swap":      {nil, "mem.swap", "", "", "", false},
		"old space":    {command("node", "--max-old-space-size=3072"), "mem.oldspace", OK, "75 %", "", false},
		"too large":    {command("node", "--max_old_space_size", "4000"), "mem.oldspace", Warn, "98 % of the 4096 MiB", "--max-old-space-size=3072", false},
		"no old space": {nil, "mem.oldspace", "", "", "", false},
	}
}

func serviceCases() map[string]ruleTest {
	count := func(desired, running int32) func(*Facts) {
		return ofTheService(func(s *ecstypes.Service) { s.DesiredCount, s.RunningCount = desired, running })
	}
	protected := func(f *Facts) {
		f.Protection = Known(ecstypes.ProtectedTask{ProtectionEnabled: true, ExpirationDate: aws.Time(now.Add(time.Hour))})
	}
	rebalancing := ofTheService(func(s *ecstypes.Service) { s.AvailabilityZoneRebalancing = ecstypes.AvailabilityZoneRebalancingEnabled })
	scaled := func(least int32) func(*Facts) {
		return func(f *Facts) {
			f.Scaling = Known([]scalingtypes.ScalableTarget{{MinCapacity: aws.Int32(least), MaxCapacity: aws.Int32(9)}})
			f.Activities = Known([]scalingtypes.ScalingActivity{{Cause: aws.String("monitor alarm TargetTracking-service/prod/api-AlarmLow-1 in state ALARM"), StartTime: aws.Time(now.Add(-9 * time.Minute))}})
		}
	}
	return map[string]ruleTest{
		"spare":         {nil, "svc.desired", OK, "3 of 3", "", false},
		"single":        {count(1, 1), "svc.desired", Danger, "1 of 1", "--desired-count 2", true},
		"starting":      {count(2, 1), "svc.desired", Danger, "1 of 2", "wait", true},
		"daemon":        {ofTheService(func(s *ecstypes.Service) { s.SchedulingStrategy, s.DesiredCount = ecstypes.SchedulingStrategyDaemon, 1 }), "svc.desired", Info, "each instance", "", false},
		"alone":         {alone, "svc.desired", "", "", "", false},
		"no deployment": {nil, "svc.deploying", OK, "none", "", false},
		"rolling":       {ofTheService(func(s *ecstypes.Service) { s.Deployments[0].RolloutState = ecstypes.DeploymentRolloutStateInProgress }), "svc.deploying", Danger, "in progress", "services-stable", true},
		"two at once":   {ofTheService(func(s *ecstypes.Service) { s.Deployments = append(s.Deployments, s.Deployments[0]) }), "svc.deploying", Danger, "2 deployments", "update-task-protection --cluster prod --tasks " + id32, true},
		"blue and green": {func(f *Facts) {
			f.Deployments = Known([]ecstypes.ServiceDeploymentBrief{{ServiceDeploymentArn: aws.String("x/d1"), Status: ecstypes.ServiceDeploymentStatusRollbackInProgress}})
		}, "svc.deploying", Danger, "d1 is ROLLBACK_IN_PROGRESS", "services-stable", true},
		"least": {ofTheService(func(s *ecstypes.Service) {
			s.DeploymentConfiguration = &ecstypes.DeploymentConfiguration{MinimumHealthyPercent: aws.Int32(50)}
		}), "svc.min-healthy", Info, "50", "", false},
		"revision":    {nil, "svc.task-revision", OK, "api:42", "", false},
		"old":         {ofTheService(func(s *ecstypes.Service) { s.Deployments[0].TaskDefinition = aws.String("arn:x/api:43") }), "svc.task-revision", Warn, "runs api:42, the service deploys api:43", "update-task-protection", true},
		"stays":       {nil, "svc.az-rebalance", OK, "off", "", false},
		"moves":       {rebalancing, "svc.az-rebalance", Warn, "ENABLED", "update-task-protection", true},
		"cannot move": {both(rebalancing, protected), "svc.az-rebalance", Info, "protected", "", false},
		"not scaled":  {nil, "svc.autoscale", OK, "not scaled", "", false},
		"scaled":      {scaled(1), "svc.autoscale", Warn, "between 1 and 9, now 3, scaled in 9m0s ago", "update-task-protection", true},
		"smallest":    {scaled(3), "svc.autoscale", OK, "cannot get smaller", "", false},
		"suspended": {both(scaled(1), func(f *Facts) {
			f.Scaling.Value[0].SuspendedState = &scalingtypes.SuspendedState{DynamicScalingInSuspended: aws.Bool(true)}
		}), "svc.autoscale", OK, "suspended", "", false},
		"unprotected":  {nil, "svc.protected", Info, "not protected", "", false},
		"protected":    {protected, "svc.protected", Info, "until 2026-11-29T04:00:00Z", "", false},
		"standalone":   {alone, "svc.standalone", Info, "family:api", "", false},
		"of a service": {nil, "svc.standalone", "", "", "", false},
		"express":      {ofTheService(func(s *ecstypes.Service) { s.ResourceManagementType = ecstypes.ResourceManagementTypeEcs }), "svc.express", Warn, "Express", "update-service", false},
		"demand":       {nil, "spot", OK, "on demand", "", false},
		"spot":         {on(func(t *Target) { t.task.CapacityProviderName = aws.String("FARGATE_SPOT") }), "spot", Warn, "FARGATE_SPOT", "on demand", true},
		"spot goes":    {on(func(t *Target) { t.task.StopCode = ecstypes.TaskStopCodeSpotInterruption }), "spot", Warn, "taken back", "another task", true},
		"provider":     {on(func(t *Target) { t.task.CapacityProviderName = aws.String("asg-1") }), "spot", Info, "asg-1", "", false},
		"retiring":     {on(func(t *Target) { t.task.StopCode = ecstypes.TaskStopCodeTerminationNotice }), "retire", Warn, "TerminationNotice", "another task", true},
		"draining":     {instance(func(i *ecstypes.ContainerInstance) { i.Status = aws.String("DRAINING") }), "retire", Warn, "drained", "another task", true},
		"no notice":    {nil, "retire", OK, "no notice", "", false},
	}
}

func healthCases() map[string]ruleTest {
	check := func(interval, retries int32) func(*Facts) {
		return defined(func(d *ecstypes.ContainerDefinition) {
			d.HealthCheck = &ecstypes.HealthCheck{Command: []string{"CMD", "true"}, Interval: &interval, Retries: &retries}
		})
	}
	unknownUse := func(f *Facts) { f.MemoryUsed = Fact[MemoryUse]{} }
	huge := func(f *Facts) { f.MemoryUsed = Known(MemoryUse{Bytes: 3000 * mebibyte}) }
	group := func(f *Facts) {
		f.TargetGroups = Known([]elbtypes.TargetGroup{
			{TargetGroupArn: aws.String("arn:tg/quick"), TargetGroupName: aws.String("quick"), HealthCheckIntervalSeconds: aws.Int32(10), HealthCheckTimeoutSeconds: aws.Int32(5), UnhealthyThresholdCount: aws.Int32(2)},
			{TargetGroupArn: aws.String("arn:tg/slow"), TargetGroupName: aws.String("slow"), HealthCheckIntervalSeconds: aws.Int32(300), HealthCheckTimeoutSeconds: aws.Int32(5), UnhealthyThresholdCount: aws.Int32(10)},
		})
		f.TargetHealth = Known(map[string]elbtypes.TargetHealth{"arn:tg/quick": {State: elbtypes.TargetHealthStateEnumHealthy}})
	}
	return map[string]ruleTest{
		"unchecked":    {nil, "hc.container", OK, "does not check", "", false},
		"patient":      {check(30, 3), "hc.container", OK, "a heap of 512 MiB stops for about 20s", "", false},
		"impatient":    {both(check(30, 3), huge), "hc.container", Danger, "gives up after 1m5s at the earliest", "interval 300", false},
		"not known":    {both(check(30, 3), unknownUse), "hc.container", Warn, "enough for some 325 MiB of small objects or 1625 MiB of others", "interval 300", false},
		"very patient": {both(check(300, 10), unknownUse), "hc.container", OK, "45m", "", false},
		"unhealthy":    {both(check(30, 3), on(func(t *Target) { t.task.Containers[0].HealthStatus = ecstypes.HealthStatusUnhealthy })), "hc.container", Danger, "UNHEALTHY", "at once", true},
		"no group":     {nil, "hc.alb", OK, "no target group", "", false},
		"worst group":  {group, "hc.alb", Danger, "quick gives up after 15s", "modify-target-group --target-group-arn arn:tg/quick", true},
		"group down": {both(group, func(f *Facts) {
			f.TargetHealth.Value["arn:tg/slow"] = elbtypes.TargetHealth{State: elbtypes.TargetHealthStateEnumUnhealthy, Description: aws.String("Request timed out")}
			f.TargetGroups.Value = f.TargetGroups.Value[1:]
		}), "hc.alb", Danger, "slow holds the task for unhealthy now: Request timed out", "another task", true},
		"mesh": {on(func(t *Target) { t.definition.ProxyConfiguration = &ecstypes.ProxyConfiguration{} }), "hc.connect", Info, "mesh", "", false},
		"connect": {on(func(t *Target) {
			t.task.Containers = append(t.task.Containers, ecstypes.Container{Name: aws.String("ecs-service-connect-x")})
		}), "hc.connect", Info, "Service Connect", "", false},
		"no proxy":    {nil, "hc.connect", "", "", "", false},
		"no restarts": {nil, "rt.restartpolicy", OK, "off", "", false},
		"restarts": {defined(func(d *ecstypes.ContainerDefinition) {
			d.RestartPolicy = &ecstypes.ContainerRestartPolicy{Enabled: aws.Bool(true)}
		}), "rt.restartpolicy", Warn, "enabled", "expect", true},
		"stop timeout": {defined(func(d *ecstypes.ContainerDefinition) { d.StopTimeout = aws.Int32(90) }), "rt.stoptimeout", Info, "90 s", "", false},
		"image":        {on(func(t *Target) { t.ImageDigest = "sha256:ab" }), "img.version", Info, "api:1 is sha256:ab", "", false},
	}
}

func operatorCases() map[string]ruleTest {
	until := func(d time.Duration) func(*Facts) {
		return func(f *Facts) { f.Local.CredentialsEnd = Known(now.Add(d)) }
	}
	deny := func(change func(*Decision)) func(*Facts) {
		return func(f *Facts) {
			f.Operator.Value.Decisions[1].Decision = "implicitDeny"
			change(&f.Operator.Value.Decisions[1])
		}
	}
	return map[string]ruleTest{
		"identity":    {nil, "op.identity", OK, "assumed-role/oncall/alice, credentials for another 8h", "", false},
		"for ever":    {func(f *Facts) { f.Local.CredentialsEnd = Known(time.Time{}) }, "op.identity", OK, "without an end", "", false},
		"soon":        {until(10 * time.Minute), "op.identity", Warn, "another 10m0s", "log in again", true},
		"long series": {both(until(time.Hour), func(f *Facts) { f.Planned = 2 * time.Hour }), "op.identity", Warn, "another 1h0m0s", "log in again", true},
		"may":         {nil, "op.startsession", OK, "oncall may", "", false},
		"may not":     {deny(func(*Decision) {}), "op.startsession", Block, "oncall may not ssm:StartSession on arn:aws:ssm:eu-west-1::document/AWS-StartPortForwardingSession", "operator-snapshot", true},
		"denied":      {deny(func(d *Decision) { d.Decision = "explicitDeny" }), "op.startsession", Block, "explicit Deny", "allowed there", true},
		"perhaps":     {deny(func(d *Decision) { d.Missing = []string{"aws:SourceIp"} }), "op.startsession", Warn, "aws:SourceIp", "--probe", true},
		"disk":        {nil, "op.disk", OK, "free", "", false},
		"tight":       {func(f *Facts) { f.Local.Disk.Value.Free = 4 << 30 }, "op.disk", Warn, "4096 MiB free", "--dir", true},
		"full":        {func(f *Facts) { f.Local.Disk.Value.Free = 1 << 20 }, "op.disk", Block, "1 MiB free", "--dir", true},
		"port":        {nil, "op.port", OK, "can be", "", false},
		"no port":     {func(f *Facts) { f.Local.Listen = Known(errors.New("permission denied")) }, "op.port", Warn, "permission denied", "127.0.0.1", true},
	}
}
