package fakeaws

import (
	"cmp"
	"slices"
)

// definitionJSON is a task definition, as RegisterTaskDefinition takes it and DescribeTaskDefinition
// answers it.
type definitionJSON struct {
	Arn                     string                    `json:"taskDefinitionArn"`
	Family                  string                    `json:"family"`
	Revision                int                       `json:"revision"`
	Status                  string                    `json:"status"`
	NetworkMode             string                    `json:"networkMode"`
	PidMode                 string                    `json:"pidMode,omitempty"`
	IpcMode                 string                    `json:"ipcMode,omitempty"`
	CPU                     string                    `json:"cpu,omitempty"`
	Memory                  string                    `json:"memory,omitempty"`
	TaskRoleArn             string                    `json:"taskRoleArn,omitempty"`
	ExecutionRoleArn        string                    `json:"executionRoleArn,omitempty"`
	Compatibilities         []string                  `json:"compatibilities"`
	RequiresCompatibilities []string                  `json:"requiresCompatibilities"`
	RuntimePlatform         map[string]string         `json:"runtimePlatform"`
	EphemeralStorage        *storageJSON              `json:"ephemeralStorage,omitempty"`
	ProxyConfiguration      *proxyJSON                `json:"proxyConfiguration,omitempty"`
	PlacementConstraints    []any                     `json:"placementConstraints"`
	Volumes                 []volumeJSON              `json:"volumes"`
	RegisteredAt            epoch                     `json:"registeredAt"`
	RegisteredBy            string                    `json:"registeredBy"`
	ContainerDefinitions    []containerDefinitionJSON `json:"containerDefinitions"`
}

type storageJSON struct {
	Size int `json:"sizeInGiB"`
}

type proxyJSON struct {
	Type      string `json:"type"`
	Container string `json:"containerName"`
}

type volumeJSON struct {
	Name string        `json:"name"`
	Host *hostPathJSON `json:"host,omitempty"`
}

type hostPathJSON struct {
	Path string `json:"sourcePath,omitempty"`
}

type containerDefinitionJSON struct {
	Name                   string                `json:"name"`
	Image                  string                `json:"image"`
	Essential              *bool                 `json:"essential"` // true if not said
	CPU                    int                   `json:"cpu"`
	Memory                 int                   `json:"memory,omitempty"`
	MemoryReservation      int                   `json:"memoryReservation,omitempty"`
	EntryPoint             []string              `json:"entryPoint,omitempty"`
	Command                []string              `json:"command,omitempty"`
	Environment            []nameValueJSON       `json:"environment"`
	EnvironmentFiles       []environmentFileJSON `json:"environmentFiles,omitempty"`
	Secrets                []secretJSON          `json:"secrets,omitempty"`
	MountPoints            []mountPointJSON      `json:"mountPoints"`
	VolumesFrom            []any                 `json:"volumesFrom"`
	SystemControls         []any                 `json:"systemControls"`
	PortMappings           []portMappingJSON     `json:"portMappings"`
	ReadonlyRootFilesystem bool                  `json:"readonlyRootFilesystem"`
	HealthCheck            *healthCheckJSON      `json:"healthCheck,omitempty"`
	LinuxParameters        *linuxParametersJSON  `json:"linuxParameters,omitempty"`
	RestartPolicy          *restartPolicyJSON    `json:"restartPolicy,omitempty"`
	StopTimeout            int                   `json:"stopTimeout,omitempty"`
	DisableNetworking      bool                  `json:"disableNetworking,omitempty"`
	User                   string                `json:"user,omitempty"`
	LogConfiguration       *logDriverJSON        `json:"logConfiguration,omitempty"`
	Firelens               *firelensJSON         `json:"firelensConfiguration,omitempty"`
	VersionConsistency     string                `json:"versionConsistency,omitempty"`
}

type environmentFileJSON struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type secretJSON struct {
	Name string `json:"name"`
	From string `json:"valueFrom"`
}

type mountPointJSON struct {
	Volume   string `json:"sourceVolume"`
	Path     string `json:"containerPath"`
	ReadOnly bool   `json:"readOnly"`
}

type portMappingJSON struct {
	ContainerPort int    `json:"containerPort,omitempty"`
	Range         string `json:"containerPortRange,omitempty"`
	HostPort      int    `json:"hostPort,omitempty"`
	Protocol      string `json:"protocol"`
	Name          string `json:"name,omitempty"`
}

// healthCheckJSON has the defaults of ECS filled in, as DescribeTaskDefinition answers.
type healthCheckJSON struct {
	Command     []string `json:"command"`
	Interval    int      `json:"interval"`
	Timeout     int      `json:"timeout"`
	Retries     int      `json:"retries"`
	StartPeriod int      `json:"startPeriod,omitempty"`
}

type linuxParametersJSON struct {
	Init         bool              `json:"initProcessEnabled"`
	MaxSwap      *int              `json:"maxSwap,omitempty"`
	Swappiness   *int              `json:"swappiness,omitempty"`
	Capabilities *capabilitiesJSON `json:"capabilities,omitempty"`
}

type capabilitiesJSON struct {
	Add []string `json:"add,omitempty"`
}

type restartPolicyJSON struct {
	Enabled bool  `json:"enabled"`
	Ignored []int `json:"ignoredExitCodes,omitempty"`
	Period  int   `json:"restartAttemptPeriod,omitempty"`
}

type logDriverJSON struct {
	Driver  string            `json:"logDriver"`
	Options map[string]string `json:"options,omitempty"`
}

type firelensJSON struct {
	Type string `json:"type"`
}

func newHealthCheckJSON(h *HealthCheck) *healthCheckJSON {
	if h == nil {
		return nil
	}
	return &healthCheckJSON{
		Command: slices.Clone(h.Command), Interval: cmp.Or(h.Interval, 30), Timeout: cmp.Or(h.Timeout, 5),
		Retries: cmp.Or(h.Retries, 3), StartPeriod: h.StartPeriod,
	}
}

func newLinuxParametersJSON(l *LinuxParameters) *linuxParametersJSON {
	if l == nil {
		return nil
	}
	out := &linuxParametersJSON{Init: l.InitProcessEnabled, MaxSwap: l.MaxSwap, Swappiness: l.Swappiness}
	if len(l.AddCapabilities) > 0 {
		out.Capabilities = &capabilitiesJSON{Add: slices.Clone(l.AddCapabilities)}
	}
	return out
}

// definitionJSON is what a definition that AddTask implied says; see describedDefinition for
// others.
func (s *Server) definitionJSON(d *definition) definitionJSON {
	t := d.task
	out := definitionJSON{
		Arn: s.definitionARN(d.family, d.revision), Family: d.family, Revision: d.revision, Status: "ACTIVE",
		NetworkMode: t.NetworkMode, PidMode: t.PidMode, IpcMode: t.IpcMode, CPU: size(t.CPU), Memory: size(t.Memory),
		TaskRoleArn: t.TaskRole, ExecutionRoleArn: t.ExecutionRole,
		Compatibilities: []string{"EC2", "FARGATE"}, RequiresCompatibilities: []string{t.LaunchType},
		RuntimePlatform:      map[string]string{"cpuArchitecture": t.Architecture, "operatingSystemFamily": t.OperatingSystem},
		PlacementConstraints: []any{}, Volumes: []volumeJSON{}, RegisteredAt: epoch(d.created), RegisteredBy: s.globalARN("iam", "role/ci"),
		ContainerDefinitions: []containerDefinitionJSON{},
	}
	if t.EphemeralStorage > 20 { // the default is not said
		out.EphemeralStorage = &storageJSON{t.EphemeralStorage}
	}
	if t.ProxyContainer != "" {
		out.ProxyConfiguration = &proxyJSON{"APPMESH", t.ProxyContainer}
	}
	for _, v := range t.Volumes {
		j := volumeJSON{Name: v.Name, Host: &hostPathJSON{v.HostPath}}
		out.Volumes = append(out.Volumes, j)
	}
	for i := range t.Containers {
		out.ContainerDefinitions = append(out.ContainerDefinitions, t.Containers[i].definition())
	}
	return out
}

// size is the cpu or memory of a task, empty for a task without.
func size(value string) string {
	if value == "-" {
		return ""
	}
	return value
}

// definition is the container definition of a container.
func (c *Container) definition() containerDefinitionJSON {
	essential := c.Essential
	out := containerDefinitionJSON{
		Name: c.Name, Image: c.Image, Essential: &essential,
		CPU: c.CPU, Memory: c.Memory, MemoryReservation: c.MemoryReservation,
		EntryPoint: slices.Clone(c.EntryPoint), Command: slices.Clone(c.Command),
		Environment: sortedPairs(c.Environment), PortMappings: portMappings(c),
		MountPoints: []mountPointJSON{}, VolumesFrom: []any{}, SystemControls: []any{},
		ReadonlyRootFilesystem: c.ReadonlyRootFilesystem, HealthCheck: newHealthCheckJSON(c.HealthCheck),
		LinuxParameters: newLinuxParametersJSON(c.LinuxParameters), StopTimeout: c.StopTimeout, DisableNetworking: c.DisableNetworking,
		User: c.User, VersionConsistency: c.VersionConsistency,
	}
	for _, value := range c.EnvironmentFiles {
		out.EnvironmentFiles = append(out.EnvironmentFiles, environmentFileJSON{"s3", value})
	}
	for _, p := range sortedPairs(c.Secrets) {
		out.Secrets = append(out.Secrets, secretJSON{p.Name, p.Value})
	}
	for _, m := range c.MountPoints {
		out.MountPoints = append(out.MountPoints, mountPointJSON(m))
	}
	if p := c.RestartPolicy; p != nil {
		out.RestartPolicy = &restartPolicyJSON{p.Enabled, slices.Clone(p.IgnoredExitCodes), p.AttemptPeriod}
	}
	if c.LogDriver != "" {
		out.LogConfiguration = &logDriverJSON{Driver: c.LogDriver}
	}
	if c.Firelens != "" {
		out.Firelens = &firelensJSON{c.Firelens}
	}
	return out
}

func portMappings(c *Container) []portMappingJSON {
	out := []portMappingJSON{}
	for _, p := range c.PortMappings {
		out = append(out, portMappingJSON{
			ContainerPort: p.ContainerPort, Range: p.Range, HostPort: cmp.Or(p.HostPort, p.ContainerPort),
			Protocol: cmp.Or(p.Protocol, "tcp"), Name: p.Name,
		})
	}
	return out
}
