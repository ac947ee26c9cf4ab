package ecs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// Level tells how much a finding stands in the way.
type Level string

// The levels, from harmless to final.
const (
	OK     Level = "ok"
	Info   Level = "info"
	Warn   Level = "warn"   // may go wrong
	Danger Level = "danger" // can kill or expose the service
	Block  Level = "block"  // a capture cannot work
)

// Finding is the result of one check.
type Finding struct {
	ID    string `json:"id"` // stable, such as exec.enabled
	Level Level  `json:"level"`
	Got   string `json:"got"`  // what is
	Want  string `json:"want"` // what should be
	Why   string `json:"why"`  // what happens otherwise
	Fix   string `json:"fix"`  // "" when there is nothing to mend
	Live  bool   `json:"live"` // the fix does not replace the task, so the leaked heap survives it
}

// Ready tells whether no finding blocks.
func Ready(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Level == Block })
}

// Check says what stands between the target and a debugger on a port of its
// container. It makes no call: Find has fetched the task and its definition.
func Check(t Target, port int) []Finding {
	return []Finding{
		checkRunning(t),
		checkExecEnabled(t),
		checkAgent(t),
		checkRuntimeID(t),
		checkNetwork(t),
		checkMapping(t, port),
		checkExposed(t, port),
		checkInspect(t, port),
	}
}

func checkRunning(t Target) Finding {
	f := Finding{
		ID: "task.running", Level: OK, Want: "lastStatus RUNNING, desiredStatus RUNNING",
		Got: fmt.Sprintf("lastStatus %s, desiredStatus %s", aws.ToString(t.task.LastStatus), aws.ToString(t.task.DesiredStatus)),
		Why: "only a running container has a heap",
	}
	if reason, stopped := t.Stopped(); stopped {
		f.Level, f.Fix = Block, "choose another task"
		f.Got = strings.TrimSuffix(f.Got+": "+reason, ": ")
	} else if aws.ToString(t.task.LastStatus) != "RUNNING" {
		f.Level, f.Fix, f.Live = Block, "wait until the task runs, or choose another", true
	}
	return f
}

func checkExecEnabled(t Target) Finding {
	f := Finding{
		ID: "exec.enabled", Level: OK, Got: "enableExecuteCommand is true", Want: "enableExecuteCommand is true",
		Why: "ECS puts the SSM agent into a task when it starts, and only then",
	}
	if !t.task.EnableExecuteCommand {
		f.Level, f.Got = Block, "enableExecuteCommand is false"
		f.Fix = fmt.Sprintf("aws ecs update-service --cluster %s --service %s --enable-execute-command --force-new-deployment (REPLACES THE TASKS: this heap is lost)",
			t.Cluster, t.Service)
		if t.Service == "" {
			f.Fix = "run the task again with aws ecs run-task --enable-execute-command (this heap is lost)"
		}
	}
	return f
}

func checkAgent(t Target) Finding {
	f := Finding{
		ID: "exec.agent", Want: "ExecuteCommandAgent RUNNING in container " + t.Container,
		Why: "the tunnel ends in the SSM agent inside the container",
	}
	c, _ := t.container()
	i := slices.IndexFunc(c.ManagedAgents, func(a ecstypes.ManagedAgent) bool {
		return a.Name == ecstypes.ManagedAgentNameExecuteCommandAgent
	})
	if i < 0 {
		f.Level, f.Got = Block, "the container has no ExecuteCommandAgent"
		f.Fix = "see exec.enabled; the agent comes with a new task"
		return f
	}
	agent := c.ManagedAgents[i]
	f.Got = "ExecuteCommandAgent " + aws.ToString(agent.LastStatus)
	switch aws.ToString(agent.LastStatus) {
	case "RUNNING":
		f.Level = OK
	case "PENDING":
		f.Level, f.Fix, f.Live = Block, "wait: a young task's agent needs up to a minute", true
	default:
		f.Level = Block
		f.Got = strings.TrimSuffix(f.Got+": "+aws.ToString(agent.Reason), ": ")
		f.Fix = "check that the task role allows ssmmessages:*Channel, that the subnet reaches ssmmessages on port 443, and that the root file system is writable"
		f.Live = true
	}
	return f
}

func checkRuntimeID(t Target) Finding {
	f := Finding{
		ID: "exec.runtimeid", Level: OK, Got: t.RuntimeID, Want: "a runtime id",
		Why: "Systems Manager addresses a container by its runtime id",
	}
	if t.RuntimeID == "" {
		f.Level, f.Got, f.Fix, f.Live = Block, "none", "wait until the container runs", true
	}
	return f
}

func checkNetwork(t Target) Finding {
	mode := t.definition.NetworkMode
	_, d := t.container()
	f := Finding{
		ID: "net.mode", Level: OK, Got: "networkMode " + string(mode), Want: "awsvpc, host or bridge",
		Why: "the agent needs a network to reach Systems Manager",
	}
	if mode == ecstypes.NetworkModeNone || aws.ToBool(d.DisableNetworking) {
		f.Level, f.Got, f.Fix = Block, "the container has no network", "give the task definition a network mode (replaces the task)"
	}
	return f
}

// checkMapping looks for the port in the task definition. The agent dials
// localhost inside the container, so a mapping is never needed; all it can do
// is let others in.
func checkMapping(t Target, port int) Finding {
	f := Finding{
		ID: "net.mapping9229", Level: OK, Want: fmt.Sprintf("no port mapping for %d", port),
		Got: fmt.Sprintf("port %d is not mapped", port),
		Why: "the tunnel ends inside the container and needs no mapping; a mapping can only let others reach the inspector",
	}
	if m, ok := mapping(t, port); ok {
		f.Level, f.Got = Info, fmt.Sprintf("port %d is mapped (%s)", port, m)
		f.Fix = "remove the mapping with the next deployment; it is not needed now either"
	}
	return f
}

// mapping describes the port mapping that covers the port.
func mapping(t Target, port int) (string, bool) {
	_, d := t.container()
	for _, m := range d.PortMappings {
		if r := aws.ToString(m.ContainerPortRange); r != "" {
			var from, to int
			if n, _ := fmt.Sscanf(r, "%d-%d", &from, &to); n == 2 && from <= port && port <= to {
				return "containerPortRange " + r, true
			}
		}
		if m.ContainerPort != nil && int(*m.ContainerPort) == port {
			return fmt.Sprintf("containerPort %d, hostPort %d", port, aws.ToInt32(m.HostPort)), true
		}
	}
	return "", false
}

// checkExposed asks whether others on the network can reach the inspector,
// which is code execution in the container for whoever connects.
func checkExposed(t Target, port int) Finding {
	i := inspector(t)
	f := Finding{
		ID: "net.exposed", Level: OK, Want: "an inspector that listens on 127.0.0.1 alone",
		Got: "no sign of an inspector that listens on other addresses",
		Why: "whoever reaches an inspector executes code in the container",
	}
	if !i.Exposed() {
		return f
	}
	f.Level = Danger
	f.Got = fmt.Sprintf("%s (in %s) listens on %s", i.Flag, i.Where, i.Host)
	f.Fix = fmt.Sprintf("use --inspect=127.0.0.1:%d with the next deployment; until then let no security group allow port %d", i.Port, i.Port)
	m, mapped := mapping(t, port)
	switch {
	case mapped:
		f.Got += fmt.Sprintf(", and port %d is mapped (%s)", port, m)
	case t.definition.NetworkMode == ecstypes.NetworkModeBridge:
		f.Level = Warn // only the other containers of the host reach it
		f.Got += "; without a mapping only containers on the same host reach it"
	}
	return f
}

// checkInspect says what is declared about the inspector. What really listens
// is only known through the tunnel.
func checkInspect(t Target, port int) Finding {
	i := inspector(t)
	f := Finding{
		ID: "node.inspect", Level: Info, Want: fmt.Sprintf("an inspector on port %d", port),
		Got:  "nothing declared: the image may start the inspector, or not",
		Why:  "the heap is read through the inspector of Node.js",
		Fix:  "if nothing answers: SIGUSR1 opens the inspector of a running process, or add --inspect=127.0.0.1:9229 to NODE_OPTIONS with the next deployment",
		Live: true,
	}
	if i.NoUSR1 {
		f.Fix, f.Live = "add --inspect=127.0.0.1:9229 to NODE_OPTIONS with the next deployment (--disable-sigusr1 rules out the live way)", false
	}
	if i.Flag == "" {
		return f
	}
	f.Got, f.Fix = fmt.Sprintf("%s in %s", i.Flag, i.Where), ""
	switch {
	case i.Waits:
		f.Level, f.Fix, f.Live = Danger, "use --inspect: with this flag a new task does not start without a debugger", false
	case i.Port != port:
		f.Level, f.Fix = Warn, fmt.Sprintf("use --port %d", i.Port)
	}
	return f
}
