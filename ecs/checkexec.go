package ecs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// sessionLimit is how many sessions the agent of a container serves
// (SessionWorkersLimit in the configuration that amazon-ecs-agent gives it).
const sessionLimit = 2

func execRules() []Rule {
	return []Rule{
		{
			ID: "exec.enabled", What: "ECS Exec was on when the task started", Worst: Block,
			Want: "enableExecuteCommand is true", Why: "ECS puts the SSM agent into a task when it starts, and only then",
			judge: judgeExecEnabled,
		},
		{
			ID: "exec.flag-drift", What: "service and task agree about ECS Exec", Worst: Block, Needs: []string{"ecs:DescribeServices"},
			Want: "the task was started with what the service says now", Why: "a change of the service does not reach the tasks that run already",
			judge: judgeFlagDrift,
		},
		{
			ID: "exec.agent", What: "the agent of this container runs", Worst: Block,
			Want: "ExecuteCommandAgent RUNNING", Why: "the tunnel ends in the SSM agent inside the container",
			judge: judgeAgent,
		},
		{
			ID: "exec.sibling-agent", Defined: true, What: "another container can be the door", Worst: Info,
			Want: "the agent of the container itself", Why: "containers of a task in awsvpc or host mode share localhost: any agent reaches the inspector",
			judge: judgeSibling,
		},
		{
			ID: "exec.connected", What: "the agent has reached Systems Manager", Worst: Block, Needs: []string{"ssm:GetConnectionStatus"},
			Want: "connected", Why: "a running agent without a way to Systems Manager tries again with pauses of up to 40 minutes",
			judge: judgeConnected,
		},
		{
			ID: "exec.sessions", What: "the agent has room for a session", Worst: Block, Needs: []string{"ssm:DescribeSessions"},
			Want: "no other session to the container", Why: fmt.Sprintf("an agent serves %d sessions; a third waits, and a fourth ends ECS Exec in that task for good", sessionLimit),
			judge: judgeSessions,
		},
		{
			ID: "exec.runtimeid", What: "the container has a runtime id", Worst: Block,
			Want: "a runtime id", Why: "Systems Manager addresses a container by its runtime id",
			judge: judgeRuntimeID,
		},
	}
}

func judgeExecEnabled(f *Facts) Finding {
	t := f.Target
	if t.task.EnableExecuteCommand {
		return fine("enableExecuteCommand is true")
	}
	found := Finding{Level: Block, Got: "enableExecuteCommand is false"}
	found.Fix = "run the task again with aws ecs run-task --enable-execute-command"
	if t.Service != "" {
		found.Fix = t.updateService("--enable-execute-command --force-new-deployment")
	}
	return found
}

// updateService is the command that changes the service.
func (t Target) updateService(change string) string {
	return t.aws("ecs update-service --cluster %s --service %s %s", t.Cluster, t.Service, change)
}

func judgeFlagDrift(f *Facts) Finding {
	if gap := f.Service.gap(); gap != nil {
		return gap.finding()
	}
	service := f.Service.Value
	if service == nil {
		return Finding{}
	}
	task := f.Target.task.EnableExecuteCommand
	switch {
	case service.EnableExecuteCommand && !task:
		return Finding{
			Level: Block, Got: "the service has ECS Exec on, this task was started without",
			Fix: "choose a younger task, or " + f.Target.updateService("--force-new-deployment"),
		}
	case !service.EnableExecuteCommand && task:
		return told("the task has ECS Exec, the service does not any more: its next tasks will be without")
	}
	return fine(fmt.Sprintf("enableExecuteCommand is %t for both", task))
}

func judgeAgent(f *Facts) Finding {
	c, _ := f.Target.container()
	agent, ok := agentOf(c)
	if !ok {
		found := Finding{Level: Block, Got: "container " + f.Target.Container + " has no ExecuteCommandAgent", Fix: "see exec.enabled: the agent comes with a new task"}
		if f.Target.task.EnableExecuteCommand { // then it comes with the container
			found.Fix, found.Live = waitFix, true
		}
		return found
	}
	status := aws.ToString(agent.LastStatus)
	found := Finding{Level: Block, Got: "ExecuteCommandAgent " + status, Live: true}
	switch status {
	case statusRunning:
		return fine(found.Got)
	case "PENDING":
		found.Fix = waitFix
		return found
	}
	found.Got = strings.TrimSuffix(found.Got+": "+aws.ToString(agent.Reason), ": ")
	found.Fix = "see platform, role, net, fs and proc findings for what stops it; ECS starts it again a few times (--wait 2m)"
	return found
}

// siblings are the other containers whose agent runs.
func siblings(f *Facts) []string {
	var names []string
	for _, c := range f.Target.task.Containers {
		if name := aws.ToString(c.Name); name != f.Target.Container && agentUp(c) && aws.ToString(c.RuntimeId) != "" {
			names = append(names, name)
		}
	}
	return names
}

// sharedNetwork tells whether all containers of the task have one localhost.
func sharedNetwork(f *Facts) bool {
	mode := f.Target.definition.NetworkMode
	return mode == ecstypes.NetworkModeAwsvpc || mode == ecstypes.NetworkModeHost
}

func judgeSibling(f *Facts) Finding {
	names := siblings(f)
	if f.agentRuns() || len(names) == 0 || !sharedNetwork(f) {
		return Finding{}
	}
	return Finding{
		Level: Info, Got: "the agent runs in container " + strings.Join(names, ", "),
		Fix: "--container " + names[0] + ": from there the tunnel reaches the same localhost", Live: true,
		Params: map[string]string{ParamContainer: names[0]},
	}
}

func judgeConnected(f *Facts) Finding {
	if !f.agentRuns() || f.Target.RuntimeID == "" {
		return Finding{} // told already
	}
	if gap := f.Connection.gap(); gap != nil {
		return gap.finding()
	}
	if f.Connection.Value == ssmtypes.ConnectionStatusConnected {
		return fine("connected")
	}
	found := Finding{Level: Block, Got: "the agent runs, but is not connected to Systems Manager", Live: true,
		Fix: "mend what role and net tell, then wait: the agent tries again by itself"}
	return found
}

func judgeSessions(f *Facts) Finding {
	if gap := f.Sessions.gap(); gap != nil {
		return gap.finding()
	}
	sessions := f.Sessions.Value
	if len(sessions) == 0 {
		return fine("no other session")
	}
	names := make([]string, len(sessions))
	for i, s := range sessions {
		names[i] = fmt.Sprintf("%s of %s", aws.ToString(s.SessionId), lastSegment(aws.ToString(s.Owner)))
	}
	found := Finding{Level: Warn, Live: true, Fix: "wait until it has ended, or ask its owner",
		Got: fmt.Sprintf("%d of %d sessions taken: %s", len(sessions), sessionLimit, strings.Join(names, ", "))}
	if len(sessions) >= sessionLimit {
		found.Level = Block
	}
	// Whose session is not the caller's own is not the caller's to end.
	own := slices.IndexFunc(sessions, func(s ssmtypes.Session) bool {
		return f.Caller.gap() == nil && aws.ToString(s.Owner) == f.Caller.Value.ARN
	})
	if own >= 0 {
		id := aws.ToString(sessions[own].SessionId)
		found.Fix = "if nobody uses it any more: " + f.Target.aws("ssm terminate-session --session-id %s", id)
		found.Params = map[string]string{ParamSession: id}
	}
	return found
}

func judgeRuntimeID(f *Facts) Finding {
	if f.Target.RuntimeID == "" {
		return Finding{Level: Block, Got: "none", Fix: waitFix, Live: true}
	}
	return fine(f.Target.RuntimeID)
}
