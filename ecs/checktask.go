package ecs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func taskRules() []Rule {
	return []Rule{
		{
			ID: "task.exists", What: "the task is known to ECS", Worst: Block,
			Want: "DescribeTasks returns the task", Why: "ECS answers with success for a task that it has forgotten, an hour after it stopped",
			judge: func(f *Facts) Finding { return fine("task " + f.Target.TaskID() + " is there") },
		},
		{
			ID: "cluster.exists", What: "the cluster is in this region and account", Worst: Block,
			Want: "the cluster exists", Why: "without a cluster ECS looks in the one named default",
			judge: func(f *Facts) Finding { return fine("cluster " + f.Target.Cluster + " is there") },
		},
		{
			ID: "task.running", What: "the task runs and is to go on", Worst: Block,
			Want: "lastStatus RUNNING, desiredStatus RUNNING", Why: "only a running container has a heap",
			judge: judgeRunning,
		},
		{
			ID: "task.connectivity", What: "ECS has contact with the task", Worst: Warn,
			Want: "connectivity CONNECTED", Why: "a task that ECS has lost contact with answers no command until it is back",
			judge: judgeConnectivity,
		},
	}
}

// judgeRunning calls the choice of another task live: it replaces nothing.
func judgeRunning(f *Facts) Finding {
	t := f.Target
	found := fine(fmt.Sprintf("lastStatus %s, desiredStatus %s", aws.ToString(t.task.LastStatus), aws.ToString(t.task.DesiredStatus)))
	if reason, stopped := t.Stopped(); stopped {
		found.Level, found.Fix, found.Live = Block, "choose another task", true
		found.Got = strings.TrimSuffix(found.Got+": "+reason, ": ")
	} else if aws.ToString(t.task.LastStatus) != statusRunning {
		found.Level, found.Fix, found.Live = Block, waitFix, true
	}
	return found
}

func judgeConnectivity(f *Facts) Finding {
	connectivity := f.Target.task.Connectivity
	switch connectivity {
	case "": // a task that has not got that far
		return Finding{}
	case ecstypes.ConnectivityConnected:
		return fine("connectivity CONNECTED")
	}
	found := Finding{Level: Warn, Got: "connectivity " + string(connectivity), Live: true,
		Fix: "wait: ECS connects again by itself, unless the task's host is gone"}
	if at := f.Target.task.ConnectivityAt; at != nil {
		found.Got += fmt.Sprintf(" since %s", at.UTC().Format("15:04:05 MST"))
	}
	return found
}

// Starting tells whether the target is on its way to what a capture needs, and what
// it still lacks: the task, or the agent in the container. Waiting mends that, and
// nothing else. A stopped agent counts: ECS starts it again.
func (t Target) Starting() (lacks string, starting bool) {
	if _, stopped := t.Stopped(); stopped {
		return "", false
	}
	if status := aws.ToString(t.task.LastStatus); status != statusRunning {
		return "the task is " + status, true
	}
	c, _ := t.container()
	if status := aws.ToString(c.LastStatus); status == "PENDING" {
		return "the container is " + status, true
	}
	if !t.task.EnableExecuteCommand || agentUp(c) {
		return "", false
	}
	agent, ok := agentOf(c)
	if !ok {
		return "the container shows no ExecuteCommandAgent yet", true
	}
	return "the ExecuteCommandAgent is " + aws.ToString(agent.LastStatus), true
}
