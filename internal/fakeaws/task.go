package fakeaws

import (
	"context"
	"net"
	"os/exec"
	"slices"
	"time"
)

const (
	// AgentNone as a Container's AgentStatus means that the container has no ExecuteCommandAgent at
	// all.
	AgentNone = "NONE"

	statusRunning = "RUNNING"
	statusPending = "PENDING"
	statusStopped = "STOPPED"

	defaultCluster     = "default"
	defaultLaunchType  = "FARGATE"
	defaultNetworkMode = "awsvpc"
	defaultCPU         = "1024"
	defaultMemory      = "4096"

	// firstDeployment is the id of a service's deployment that nobody made by the API.
	firstDeployment = "ecs-svc/1"
)

// Task is a task as plain data. AddTask fills what is empty with what a healthy Fargate task has.
type Task struct {
	Cluster string // cluster name (default "default")
	Service string // service name; empty for a standalone task
	Family  string // task definition family (default the service's name, else "app")
	ID      string // 32 hex digits, or a UUID with dashes for the old ARN format
	// Revision of the task definition (default 1). What the first task of a revision says is what
	// DescribeTaskDefinition answers.
	Revision int
	// Group is "service:<name>" or "family:<name>" by default.
	Group string

	LaunchType        string // FARGATE by default; EC2, EXTERNAL, MANAGED_INSTANCES
	CapacityProvider  string // such as FARGATE_SPOT
	ContainerInstance string // id of the instance, for EC2
	NetworkMode       string // awsvpc by default
	PidMode, IpcMode  string // of the task definition: task, host
	CPU, Memory       string // CPU units and MiB, as the API writes them; "-" for a task without
	// PlatformVersion and PlatformFamily are 1.4.0 and Linux on Fargate; OperatingSystem and
	// Architecture are the runtimePlatform, LINUX and X86_64.
	PlatformVersion, PlatformFamily, OperatingSystem, Architecture string
	EphemeralStorage                                               int // GiB; 0 is 20 on Fargate
	Volumes                                                        []Volume
	// ProxyContainer is the container of the App Mesh proxy, empty for none.
	ProxyContainer string

	// Zone is the availability zone, the region's "a" by default. Subnet and SecurityGroups are
	// those of its network interface: the VPC's first ones by default. PublicIP is its public
	// address, empty for none.
	Zone, Subnet, PublicIP string
	SecurityGroups         []string

	LastStatus, DesiredStatus        string // RUNNING by default
	Connectivity                     string // CONNECTED by default, or DISCONNECTED
	StopCode, StoppedReason          string // TerminationNotice while RUNNING is a task about to be retired
	Exec                             bool   // enableExecuteCommand
	StartedAt, StoppingAt, StoppedAt time.Time
	StartedBy                        string // the id of a deployment, for a task of a service
	// TaskRole is an ARN: a role named after the family by default, which is made with what ECS
	// Exec needs; RoleNone for no role. RoleOverride is that of RunTask's overrides.
	TaskRole, RoleOverride, ExecutionRole string
	// Protected is scale-in protection, which ends at ProtectedUntil if that is set.
	Protected      bool
	ProtectedUntil time.Time
	// MemoryUsed is what the task uses now, in MiB, for CloudWatch; 0 is not known.
	MemoryUsed float64
	// TargetState is what target groups say of the task: the group's State by default.
	TargetState string
	Tags        map[string]string
	Containers  []Container
}

// Container is one container of a Task, both as the task definition and as the running task show
// it.
type Container struct {
	Name        string
	Image       string
	ImageDigest string
	RuntimeID   string // Fargate: <taskId>-<10 digits>; else 64 hex digits
	Essential   bool

	LastStatus, HealthStatus string // RUNNING and UNKNOWN by default
	// ExitCode is nil while it runs; Reason is why it stopped, such as "OutOfMemoryError: …".
	ExitCode *int
	Reason   string
	// AgentStatus is the ExecuteCommandAgent's: RUNNING by default, PENDING, STOPPED or AgentNone.
	// AgentReason goes with it. A task without Exec shows no agent, whatever is said here.
	AgentStatus, AgentReason string
	// AgentDelay is how long after the task's start the agent is PENDING before it is RUNNING.
	AgentDelay time.Duration
	// Disconnected means that the agent reaches no message gateway, whatever ECS says of it.
	Disconnected bool

	Command, EntryPoint    []string
	Environment            map[string]string
	Secrets                map[string]string // name to ARN
	EnvironmentFiles       []string          // ARNs in S3
	PortMappings           []PortMapping
	CPU                    int // units
	Memory                 int // MiB, hard limit; 0 is none
	MemoryReservation      int // MiB
	MemoryUsed             float64
	ReadonlyRootFilesystem bool
	MountPoints            []MountPoint
	HealthCheck            *HealthCheck // nil = none
	LinuxParameters        *LinuxParameters
	RestartPolicy          *RestartPolicy
	StopTimeout            int // seconds; 0 is not said
	DisableNetworking      bool
	User                   string
	LogDriver              string // awslogs, awsfirelens …; empty for none
	Firelens               string // fluentbit or fluentd for a log router
	VersionConsistency     string // enabled or disabled; empty is not said
	// Override is what RunTask's overrides said of the container.
	Override *ContainerOverride

	// Ports is what the agent reaches as localhost:<port> in this container: the real TCP address
	// behind each port. A port that is not here refuses connections.
	Ports map[int]string
	// Dial, if set, connects to localhost:<port> in this container, instead of Ports.
	Dial func(ctx context.Context, port int) (net.Conn, error)
	// Exec makes the process that a command of ECS Exec becomes in this container, its words split
	// as the agent does it. Its error is that of a program which cannot be started. A container
	// without Exec runs no commands.
	Exec func(words []string) (*exec.Cmd, error)
}

// PortMapping is one portMappings entry of a container definition.
type PortMapping struct {
	ContainerPort, HostPort int
	Range                   string // containerPortRange, such as "9000-9300", instead of ContainerPort
	Protocol                string // tcp by default
	Name                    string
}

// HealthCheck is the health check of a container definition, in seconds. ECS answers with its
// defaults for what is 0.
type HealthCheck struct {
	Command                                 []string
	Interval, Timeout, Retries, StartPeriod int
}

// Volume is a volume of a task definition: the task's own storage, or a path of the host.
type Volume struct{ Name, HostPath string }

// MountPoint puts a Volume into a container.
type MountPoint struct {
	Volume, Path string
	ReadOnly     bool
}

// LinuxParameters are those of a container definition; nil is not said.
type LinuxParameters struct {
	InitProcessEnabled  bool
	MaxSwap, Swappiness *int // MiB, 0 to 100
	AddCapabilities     []string
}

// RestartPolicy lets ECS start a container again without a new task.
type RestartPolicy struct {
	Enabled          bool
	IgnoredExitCodes []int
	AttemptPeriod    int // seconds; 0 is not said
}

// ContainerOverride is what RunTask changes of a container definition.
type ContainerOverride struct {
	Command                        []string
	Environment                    map[string]string
	CPU, Memory, MemoryReservation int
}

// fill gives the empty fields of a task their defaults.
func (t *Task) fill() {
	setDefault(&t.Cluster, defaultCluster)
	setDefault(&t.Family, t.Service)
	setDefault(&t.Family, "app")
	setDefault(&t.ID, newHex(32))
	if t.Revision == 0 {
		t.Revision = 1
	}
	if t.Service != "" {
		setDefault(&t.Group, "service:"+t.Service)
		setDefault(&t.StartedBy, firstDeployment)
	}
	setDefault(&t.Group, "family:"+t.Family)
	setDefault(&t.LaunchType, defaultLaunchType)
	setDefault(&t.NetworkMode, defaultNetworkMode)
	setDefault(&t.CPU, defaultCPU)
	setDefault(&t.Memory, defaultMemory)
	setDefault(&t.OperatingSystem, "LINUX")
	setDefault(&t.Architecture, "X86_64")
	if t.LaunchType == defaultLaunchType {
		setDefault(&t.PlatformVersion, "1.4.0")
		setDefault(&t.PlatformFamily, "Linux")
		if t.EphemeralStorage == 0 {
			t.EphemeralStorage = 20
		}
	}
	setDefault(&t.LastStatus, statusRunning)
	setDefault(&t.DesiredStatus, t.LastStatus)
	setDefault(&t.Connectivity, "CONNECTED")
	if t.StartedAt.IsZero() {
		t.StartedAt = time.Now()
	}
	t.Containers = slices.Clone(t.Containers)
	for i := range t.Containers {
		t.Containers[i].fill(t)
	}
}

// fill gives the empty fields of a container of t their defaults.
func (c *Container) fill(t *Task) {
	setDefault(&c.Image, c.Name+":latest")
	setDefault(&c.ImageDigest, "sha256:"+newHex(64))
	if t.LaunchType == defaultLaunchType {
		setDefault(&c.RuntimeID, t.ID+"-"+newDigits())
	}
	setDefault(&c.RuntimeID, newHex(64))
	setDefault(&c.LastStatus, t.LastStatus)
	setDefault(&c.HealthStatus, "UNKNOWN")
	setDefault(&c.AgentStatus, statusRunning)
}
