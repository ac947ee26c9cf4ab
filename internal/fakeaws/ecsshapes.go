package fakeaws

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// epoch is a time as the JSON services write it: seconds with a fraction.
type epoch time.Time

// MarshalJSON writes milliseconds as the fraction.
func (t epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(t).UnixMilli())/1000, 'f', 3, 64), nil
}

// optionalEpoch leaves a zero time out.
func optionalEpoch(t time.Time) *epoch {
	if t.IsZero() {
		return nil
	}
	e := epoch(t)
	return &e
}

type tagJSON struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

type nameValueJSON struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func sortedPairs(m map[string]string) []nameValueJSON {
	pairs := []nameValueJSON{}
	for _, name := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, nameValueJSON{name, m[name]})
	}
	return pairs
}

type clusterJSON struct {
	ClusterArn          string          `json:"clusterArn"`
	ClusterName         string          `json:"clusterName"`
	Status              string          `json:"status"`
	RunningTasksCount   int             `json:"runningTasksCount"`
	PendingTasksCount   int             `json:"pendingTasksCount"`
	ActiveServicesCount int             `json:"activeServicesCount"`
	Instances           int             `json:"registeredContainerInstancesCount"`
	Statistics          []nameValueJSON `json:"statistics"`
	Tags                []tagJSON       `json:"tags"`
	Settings            []nameValueJSON `json:"settings"`
	CapacityProviders   []string        `json:"capacityProviders"`
	DefaultStrategy     []string        `json:"defaultCapacityProviderStrategy"`
	Configuration       map[string]any  `json:"configuration,omitempty"`
}

func (s *Server) clusterJSON(w *world, name string, include []string) clusterJSON {
	c := clusterJSON{
		ClusterArn: s.clusterARN(name), ClusterName: name, Status: "ACTIVE",
		Statistics: []nameValueJSON{}, Tags: []tagJSON{}, Settings: []nameValueJSON{},
		CapacityProviders: []string{"FARGATE", "FARGATE_SPOT"}, DefaultStrategy: []string{},
	}
	for _, t := range w.tasks {
		if t.Cluster != name {
			continue
		}
		switch t.LastStatus {
		case statusRunning:
			c.RunningTasksCount++
		case "PENDING":
			c.PendingTasksCount++
		}
	}
	for _, svc := range w.services {
		if svc.Cluster == name {
			c.ActiveServicesCount++
		}
	}
	if slices.Contains(include, "SETTINGS") {
		c.Settings = []nameValueJSON{{"containerInsights", "disabled"}}
	}
	if slices.Contains(include, "CONFIGURATIONS") {
		c.Configuration = map[string]any{"executeCommandConfiguration": map[string]any{"logging": "DEFAULT"}}
	}
	return c
}

type serviceJSON struct {
	ServiceArn           string             `json:"serviceArn"`
	ServiceName          string             `json:"serviceName"`
	ClusterArn           string             `json:"clusterArn"`
	Status               string             `json:"status"`
	DesiredCount         int                `json:"desiredCount"`
	RunningCount         int                `json:"runningCount"`
	PendingCount         int                `json:"pendingCount"`
	LaunchType           string             `json:"launchType"`
	TaskDefinition       string             `json:"taskDefinition,omitempty"`
	EnableExecuteCommand bool               `json:"enableExecuteCommand"`
	SchedulingStrategy   string             `json:"schedulingStrategy"`
	Deployments          []deploymentJSON   `json:"deployments"`
	Events               []any              `json:"events"`
	LoadBalancers        []loadBalancerJSON `json:"loadBalancers"`
	CreatedAt            *epoch             `json:"createdAt,omitempty"`
}

type loadBalancerJSON struct {
	TargetGroupArn string `json:"targetGroupArn"`
	ContainerName  string `json:"containerName"`
	ContainerPort  int    `json:"containerPort"`
}

type deploymentJSON struct {
	ID             string `json:"id"`
	Status         string `json:"status"`
	TaskDefinition string `json:"taskDefinition"`
	DesiredCount   int    `json:"desiredCount"`
	RunningCount   int    `json:"runningCount"`
	PendingCount   int    `json:"pendingCount"`
	FailedTasks    int    `json:"failedTasks"`
	LaunchType     string `json:"launchType"`
	RolloutState   string `json:"rolloutState"`
	CreatedAt      epoch  `json:"createdAt"`
	UpdatedAt      epoch  `json:"updatedAt"`
}

// launchType of a service is that of its tasks.
func (w *world) launchType(svc *Service) string {
	for _, t := range w.tasks {
		if t.Cluster == svc.Cluster && t.Service == svc.Name {
			return t.LaunchType
		}
	}
	return defaultLaunchType
}

// serviceJSON counts the tasks of a service; its task definition is that of the newest revision
// running.
func (s *Server) serviceJSON(w *world, svc *Service) serviceJSON {
	out := serviceJSON{
		ServiceArn: s.serviceARN(svc.Cluster, svc.Name), ServiceName: svc.Name, ClusterArn: s.clusterARN(svc.Cluster),
		Status: "ACTIVE", LaunchType: w.launchType(svc), EnableExecuteCommand: svc.Exec, SchedulingStrategy: "REPLICA",
		Deployments: []deploymentJSON{}, Events: []any{}, LoadBalancers: []loadBalancerJSON{},
	}
	for _, lb := range svc.LoadBalancers {
		out.LoadBalancers = append(out.LoadBalancers, loadBalancerJSON{lb.TargetGroup, lb.Container, lb.Port})
	}
	var newest *task
	for _, t := range w.tasks {
		if t.Cluster != svc.Cluster || t.Service != svc.Name || t.DesiredStatus != statusRunning {
			continue
		}
		if t.LastStatus == statusRunning {
			out.RunningCount++
		} else {
			out.PendingCount++
		}
		if newest == nil || t.Revision > newest.Revision {
			newest = t
		}
	}
	out.DesiredCount = cmp.Or(svc.Desired, out.RunningCount+out.PendingCount)
	if newest == nil {
		return out
	}
	created := epoch(newest.created)
	out.CreatedAt = &created
	out.TaskDefinition = s.definitionARN(newest.Family, newest.Revision)
	out.Deployments = append(out.Deployments, deploymentJSON{
		ID: "ecs-svc/1", Status: "PRIMARY", TaskDefinition: out.TaskDefinition, DesiredCount: out.DesiredCount,
		RunningCount: out.RunningCount, PendingCount: out.PendingCount, LaunchType: out.LaunchType, RolloutState: "COMPLETED",
		CreatedAt: created, UpdatedAt: created,
	})
	return out
}

type definitionJSON struct {
	Arn                     string                    `json:"taskDefinitionArn"`
	Family                  string                    `json:"family"`
	Revision                int                       `json:"revision"`
	Status                  string                    `json:"status"`
	NetworkMode             string                    `json:"networkMode"`
	CPU                     string                    `json:"cpu"`
	Memory                  string                    `json:"memory"`
	TaskRoleArn             string                    `json:"taskRoleArn,omitempty"`
	Compatibilities         []string                  `json:"compatibilities"`
	RequiresCompatibilities []string                  `json:"requiresCompatibilities"`
	RuntimePlatform         map[string]string         `json:"runtimePlatform"`
	PlacementConstraints    []any                     `json:"placementConstraints"`
	Volumes                 []any                     `json:"volumes"`
	RegisteredAt            epoch                     `json:"registeredAt"`
	ContainerDefinitions    []containerDefinitionJSON `json:"containerDefinitions"`
}

type containerDefinitionJSON struct {
	Name                   string            `json:"name"`
	Image                  string            `json:"image"`
	Essential              bool              `json:"essential"`
	CPU                    int               `json:"cpu"`
	Memory                 int               `json:"memory,omitempty"`
	MemoryReservation      int               `json:"memoryReservation,omitempty"`
	EntryPoint             []string          `json:"entryPoint,omitempty"`
	Command                []string          `json:"command,omitempty"`
	Environment            []nameValueJSON   `json:"environment"`
	MountPoints            []any             `json:"mountPoints"`
	VolumesFrom            []any             `json:"volumesFrom"`
	PortMappings           []portMappingJSON `json:"portMappings"`
	ReadonlyRootFilesystem bool              `json:"readonlyRootFilesystem"`
	HealthCheck            *healthCheckJSON  `json:"healthCheck,omitempty"`
}

// healthCheckJSON has the defaults of ECS filled in, as DescribeTaskDefinition answers.
type healthCheckJSON struct {
	Command     []string `json:"command"`
	Interval    int      `json:"interval"`
	Timeout     int      `json:"timeout"`
	Retries     int      `json:"retries"`
	StartPeriod int      `json:"startPeriod,omitempty"`
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

type portMappingJSON struct {
	ContainerPort int    `json:"containerPort"`
	HostPort      int    `json:"hostPort"`
	Protocol      string `json:"protocol"`
	Name          string `json:"name,omitempty"`
}

func (s *Server) definitionJSON(d *definition) definitionJSON {
	t := d.task
	out := definitionJSON{
		Arn: s.definitionARN(d.family, d.revision), Family: d.family, Revision: d.revision, Status: "ACTIVE",
		NetworkMode: t.NetworkMode, CPU: t.CPU, Memory: t.Memory, TaskRoleArn: t.TaskRole,
		Compatibilities: []string{"EC2", "FARGATE"}, RequiresCompatibilities: []string{t.LaunchType},
		RuntimePlatform:      map[string]string{"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
		PlacementConstraints: []any{}, Volumes: []any{}, RegisteredAt: epoch(d.created),
		ContainerDefinitions: []containerDefinitionJSON{},
	}
	for i := range t.Containers {
		c := &t.Containers[i]
		out.ContainerDefinitions = append(out.ContainerDefinitions, containerDefinitionJSON{
			Name: c.Name, Image: c.Image, Essential: c.Essential,
			CPU: c.CPU, Memory: c.Memory, MemoryReservation: c.MemoryReservation,
			EntryPoint: slices.Clone(c.EntryPoint), Command: slices.Clone(c.Command),
			Environment: sortedPairs(c.Environment), PortMappings: portMappings(c),
			MountPoints: []any{}, VolumesFrom: []any{}, ReadonlyRootFilesystem: c.ReadonlyRootFilesystem, HealthCheck: newHealthCheckJSON(c.HealthCheck),
		})
	}
	return out
}

func portMappings(c *Container) []portMappingJSON {
	out := []portMappingJSON{}
	for _, p := range c.PortMappings {
		out = append(out, portMappingJSON{
			ContainerPort: p.ContainerPort, HostPort: cmp.Or(p.HostPort, p.ContainerPort),
			Protocol: cmp.Or(p.Protocol, "tcp"), Name: p.Name,
		})
	}
	return out
}

// containerARN ends in an id that stays the same for the same container.
func (s *Server) containerARN(t *task, c *Container) string {
	i := slices.IndexFunc(t.Containers, func(other Container) bool { return other.Name == c.Name })
	return s.ecsARN(fmt.Sprintf("container/%s/%s/%s-%012d", t.Cluster, t.ID, t.eni[:23], i+1))
}
