package fakeaws

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type taskJSON struct {
	TaskArn              string           `json:"taskArn"`
	TaskDefinitionArn    string           `json:"taskDefinitionArn"`
	ClusterArn           string           `json:"clusterArn"`
	ContainerInstanceArn string           `json:"containerInstanceArn,omitempty"`
	CapacityProviderName string           `json:"capacityProviderName,omitempty"`
	Attachments          []attachmentJSON `json:"attachments"`
	Attributes           []nameValueJSON  `json:"attributes"`
	AvailabilityZone     string           `json:"availabilityZone"`
	Connectivity         string           `json:"connectivity"`
	ConnectivityAt       epoch            `json:"connectivityAt"`
	Containers           []containerJSON  `json:"containers"`
	CPU                  string           `json:"cpu,omitempty"`
	Memory               string           `json:"memory,omitempty"`
	EphemeralStorage     *storageJSON     `json:"ephemeralStorage,omitempty"`
	CreatedAt            epoch            `json:"createdAt"`
	StartedAt            *epoch           `json:"startedAt,omitempty"`
	StoppingAt           *epoch           `json:"stoppingAt,omitempty"`
	StoppedAt            *epoch           `json:"stoppedAt,omitempty"`
	ExecutionStoppedAt   *epoch           `json:"executionStoppedAt,omitempty"`
	StopCode             string           `json:"stopCode,omitempty"`
	StoppedReason        string           `json:"stoppedReason,omitempty"`
	DesiredStatus        string           `json:"desiredStatus"`
	LastStatus           string           `json:"lastStatus"`
	EnableExecuteCommand bool             `json:"enableExecuteCommand"`
	Group                string           `json:"group"`
	HealthStatus         string           `json:"healthStatus"`
	LaunchType           string           `json:"launchType"`
	PlatformVersion      string           `json:"platformVersion,omitempty"`
	PlatformFamily       string           `json:"platformFamily,omitempty"`
	StartedBy            string           `json:"startedBy,omitempty"`
	Overrides            overridesJSON    `json:"overrides"`
	Tags                 []tagJSON        `json:"tags"`
	Version              int              `json:"version"`
}

// overridesJSON are the overrides of a task, as RunTask takes them too.
type overridesJSON struct {
	ContainerOverrides []containerOverrideJSON `json:"containerOverrides"`
	Accelerators       []any                   `json:"inferenceAcceleratorOverrides"`
	TaskRoleArn        string                  `json:"taskRoleArn,omitempty"`
}

type containerOverrideJSON struct {
	Name              string          `json:"name"`
	Command           []string        `json:"command,omitempty"`
	Environment       []nameValueJSON `json:"environment,omitempty"`
	CPU               int             `json:"cpu,omitempty"`
	Memory            int             `json:"memory,omitempty"`
	MemoryReservation int             `json:"memoryReservation,omitempty"`
}

// override is what is said of a container beyond its definition, at least its name.
func (c *Container) override() containerOverrideJSON {
	out := containerOverrideJSON{Name: c.Name}
	if o := c.Override; o != nil {
		out.Command, out.CPU, out.Memory, out.MemoryReservation = slices.Clone(o.Command), o.CPU, o.Memory, o.MemoryReservation
		if len(o.Environment) > 0 {
			out.Environment = sortedPairs(o.Environment)
		}
	}
	return out
}

type attachmentJSON struct {
	ID      string          `json:"id"`
	Type    string          `json:"type"`
	Status  string          `json:"status"`
	Details []nameValueJSON `json:"details"`
}

type containerJSON struct {
	ContainerArn      string                 `json:"containerArn"`
	TaskArn           string                 `json:"taskArn"`
	Name              string                 `json:"name"`
	Image             string                 `json:"image"`
	ImageDigest       string                 `json:"imageDigest,omitempty"`
	RuntimeID         string                 `json:"runtimeId,omitempty"`
	LastStatus        string                 `json:"lastStatus"`
	ExitCode          *int                   `json:"exitCode,omitempty"`
	Reason            string                 `json:"reason,omitempty"`
	HealthStatus      string                 `json:"healthStatus"`
	NetworkBindings   []networkBindingJSON   `json:"networkBindings"`
	NetworkInterfaces []networkInterfaceJSON `json:"networkInterfaces"`
	ManagedAgents     []managedAgentJSON     `json:"managedAgents,omitempty"`
	CPU               string                 `json:"cpu"`
	Memory            string                 `json:"memory,omitempty"`
	MemoryReservation string                 `json:"memoryReservation,omitempty"`
}

type networkBindingJSON struct {
	BindIP        string `json:"bindIP"`
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"`
	Protocol      string `json:"protocol"`
}

type networkInterfaceJSON struct {
	AttachmentID       string `json:"attachmentId"`
	PrivateIPv4Address string `json:"privateIpv4Address"`
}

type managedAgentJSON struct {
	Name          string `json:"name"`
	LastStatus    string `json:"lastStatus"`
	LastStartedAt *epoch `json:"lastStartedAt,omitempty"`
	Reason        string `json:"reason,omitempty"`
}

func (s *Server) taskJSON(t *task, withTags bool) taskJSON {
	out := taskJSON{
		TaskArn: t.arn, TaskDefinitionArn: s.definitionARN(t.Family, t.Revision), ClusterArn: s.clusterARN(t.Cluster),
		CapacityProviderName: t.CapacityProvider, Attachments: []attachmentJSON{},
		Attributes:       []nameValueJSON{{"ecs.cpu-architecture", strings.ToLower(t.Architecture)}},
		AvailabilityZone: cmp.Or(t.Zone, s.cfg.Region+"a"), Connectivity: t.Connectivity, ConnectivityAt: epoch(t.StartedAt),
		CPU: size(t.CPU), Memory: size(t.Memory), CreatedAt: epoch(t.created), StartedAt: optionalEpoch(t.StartedAt),
		StoppingAt: optionalEpoch(t.StoppingAt), StoppedAt: optionalEpoch(t.StoppedAt), ExecutionStoppedAt: optionalEpoch(t.StoppedAt),
		PlatformVersion: t.PlatformVersion, PlatformFamily: t.PlatformFamily,
		StopCode: t.StopCode, StoppedReason: t.StoppedReason, DesiredStatus: t.DesiredStatus, LastStatus: t.LastStatus,
		EnableExecuteCommand: t.Exec, Group: t.Group, HealthStatus: "UNKNOWN", LaunchType: t.LaunchType, StartedBy: t.StartedBy,
		Overrides:  overridesJSON{ContainerOverrides: []containerOverrideJSON{}, Accelerators: []any{}, TaskRoleArn: t.RoleOverride},
		Containers: []containerJSON{}, Tags: []tagJSON{}, Version: 5,
	}
	if t.ContainerInstance != "" {
		out.ContainerInstanceArn = s.instanceARN(t.Cluster, t.ContainerInstance)
	}
	if t.EphemeralStorage > 0 {
		out.EphemeralStorage = &storageJSON{t.EphemeralStorage}
	}
	if t.LastStatus == statusProvisioning || t.LastStatus == statusPending {
		out.StartedAt = nil
	}
	if t.NetworkMode == defaultNetworkMode {
		out.Attachments = append(out.Attachments, attachmentJSON{
			ID: t.eni, Type: "ElasticNetworkInterface", Status: "ATTACHED",
			Details: []nameValueJSON{
				{"subnetId", cmp.Or(t.Subnet, s.world.vpc.firstSubnet())}, {"networkInterfaceId", t.device}, {"privateIPv4Address", t.address},
			},
		})
	}
	if withTags {
		out.Tags = tagsJSON(t.Tags)
	}
	for i := range t.Containers {
		c := &t.Containers[i]
		out.Containers = append(out.Containers, s.containerJSON(t, c))
		out.Overrides.ContainerOverrides = append(out.Overrides.ContainerOverrides, c.override())
		if c.Essential && c.HealthStatus != "UNKNOWN" {
			out.HealthStatus = c.HealthStatus
		}
	}
	return out
}

func (s *Server) containerJSON(t *task, c *Container) containerJSON {
	out := containerJSON{
		ContainerArn: s.containerARN(t, c), TaskArn: t.arn, Name: c.Name, Image: c.Image, ImageDigest: c.ImageDigest, RuntimeID: c.RuntimeID,
		LastStatus: c.LastStatus, ExitCode: c.ExitCode, Reason: c.Reason, HealthStatus: c.HealthStatus, CPU: strconv.Itoa(c.CPU),
		NetworkBindings: []networkBindingJSON{}, NetworkInterfaces: []networkInterfaceJSON{},
	}
	if c.Memory > 0 {
		out.Memory = strconv.Itoa(c.Memory)
	}
	if c.MemoryReservation > 0 {
		out.MemoryReservation = strconv.Itoa(c.MemoryReservation)
	}
	if t.NetworkMode == defaultNetworkMode {
		out.NetworkInterfaces = append(out.NetworkInterfaces, networkInterfaceJSON{t.eni, t.address})
	} else {
		for _, p := range portMappings(c) {
			out.NetworkBindings = append(out.NetworkBindings, networkBindingJSON{"0.0.0.0", p.ContainerPort, p.HostPort, p.Protocol})
		}
	}
	if status := t.agentStatus(c, time.Now()); status != AgentNone {
		agent := managedAgentJSON{Name: "ExecuteCommandAgent", LastStatus: status, Reason: c.AgentReason}
		if status == statusRunning {
			agent.LastStartedAt = optionalEpoch(t.StartedAt.Add(c.AgentDelay))
		}
		out.ManagedAgents = append(out.ManagedAgents, agent)
	}
	return out
}
