package fakeaws

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"slices"
	"strings"
	"time"
)

const (
	// AgentNone as a Container's AgentStatus means that the container has no ExecuteCommandAgent at
	// all.
	AgentNone = "NONE"

	statusRunning = "RUNNING"
	statusStopped = "STOPPED"

	defaultCluster     = "default"
	defaultLaunchType  = "FARGATE"
	defaultNetworkMode = "awsvpc"
	defaultCPU         = "1024"
	defaultMemory      = "4096"
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

	LaunchType        string // FARGATE by default
	CapacityProvider  string
	ContainerInstance string // id of the instance, for EC2
	NetworkMode       string // awsvpc by default
	CPU, Memory       string // CPU units and MiB, as the API writes them

	LastStatus, DesiredStatus string // RUNNING by default
	StopCode, StoppedReason   string
	Exec                      bool // enableExecuteCommand
	StartedAt, StoppedAt      time.Time
	StartedBy                 string
	TaskRole                  string // ARN; a role named after the family by default
	Tags                      map[string]string
	Containers                []Container
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
	// AgentStatus is the ExecuteCommandAgent's: RUNNING by default, PENDING, STOPPED or AgentNone.
	// AgentReason goes with it. A task without Exec shows no agent, whatever is said here.
	AgentStatus, AgentReason string

	Command, EntryPoint    []string
	Environment            map[string]string
	PortMappings           []PortMapping
	CPU                    int // units
	Memory                 int // MiB, hard limit; 0 is none
	MemoryReservation      int // MiB
	ReadonlyRootFilesystem bool
	HealthCheck            *HealthCheck // nil = none

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
	Protocol                string // tcp by default
	Name                    string
}

// Service is what DescribeServices says beyond what the tasks of the service imply.
type Service struct {
	Cluster, Name string
	Exec          bool // enableExecuteCommand
	Desired       int  // desiredCount; 0 means as many as there are running tasks
	LoadBalancers []LoadBalancer
}

// HealthCheck is the health check of a container definition, in seconds. ECS answers with its
// defaults for what is 0.
type HealthCheck struct {
	Command                                 []string
	Interval, Timeout, Retries, StartPeriod int
}

// task is a Task in the world.
type task struct {
	Task
	arn     string
	address string            // private IPv4 address of its network interface
	eni     string            // id of its attachment
	agents  map[string]*agent // by container name
	created time.Time
}

// definition is one revision of a task definition.
type definition struct {
	family   string
	revision int
	task     *task // the task that it is read from
	created  time.Time
}

// world is everything that ECS knows of one account and region. Server.mu guards it.
type world struct {
	clusters    []string
	services    []*Service
	tasks       []*task
	definitions []*definition

	targetGroups []*targetGroup
}

// AddCluster makes a cluster without tasks. AddTask makes the cluster it names by itself.
func (s *Server) AddCluster(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.addCluster(name)
}

// AddService makes a service, or replaces what is said of an existing one. AddTask makes the
// service it names by itself, with the task's Exec.
func (s *Server) AddService(svc Service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.addCluster(svc.Cluster)
	if old := s.world.service(svc.Cluster, svc.Name); old != nil {
		*old = svc
		return
	}
	s.world.services = append(s.world.services, &svc)
}

// AddTask puts a task into the world, with the cluster, service and task definition it implies, and
// returns its ARN. The slices and maps of t are the world's from then on: change them by
// UpdateTask.
func (s *Server) AddTask(t Task) (arn string) {
	t.fill()
	if t.TaskRole == "" {
		t.TaskRole = fmt.Sprintf("arn:aws:iam::%s:role/%s-task-role", s.cfg.Account, t.Family)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &s.world
	w.addCluster(t.Cluster)
	if t.Service != "" && w.service(t.Cluster, t.Service) == nil {
		w.services = append(w.services, &Service{Cluster: t.Cluster, Name: t.Service, Exec: t.Exec})
	}
	n := len(w.tasks) + 1
	added := &task{
		Task: t, eni: newUUID(), agents: map[string]*agent{}, created: t.StartedAt.Add(-time.Minute),
		address: fmt.Sprintf("10.0.%d.%d", n/250, n%250+4), // the first four addresses of a subnet are AWS's own
	}
	added.arn = s.taskARN(t.Cluster, t.ID)
	w.tasks = append(w.tasks, added)
	if w.definition(t.Family, t.Revision) == nil {
		w.definitions = append(w.definitions, &definition{family: t.Family, revision: t.Revision, task: added, created: added.created})
	}
	return added.arn
}

// UpdateTask changes a task under the world's lock. Sessions that run already do not notice, except
// for Ports: these are read for each connection. An unknown ARN is ignored.
func (s *Server) UpdateTask(arn string, change func(*Task)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.world.taskByARN(arn); t != nil {
		change(&t.Task)
	}
}

// StopTask ends a task at once, as docker stop does: the agents are gone, messages in flight are
// lost and every session gets a channel_closed. The processes behind its ports are not touched. An
// unknown ARN is ignored.
func (s *Server) StopTask(arn, stopCode, reason string) {
	s.mu.Lock()
	t := s.world.taskByARN(arn)
	if t == nil {
		s.mu.Unlock()
		return
	}
	t.LastStatus, t.DesiredStatus = statusStopped, statusStopped
	t.StopCode, t.StoppedReason, t.StoppedAt = stopCode, reason, time.Now()
	for i := range t.Containers {
		t.Containers[i].LastStatus = statusStopped
	}
	var ended []*session
	for _, sess := range s.sessions {
		if sess.task == t {
			ended = append(ended, sess)
		}
	}
	s.mu.Unlock()
	for _, sess := range ended {
		sess.channel.loseInFlight()
		sess.end(endedByTask, "")
	}
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
	}
	setDefault(&t.Group, "family:"+t.Family)
	setDefault(&t.LaunchType, defaultLaunchType)
	setDefault(&t.NetworkMode, defaultNetworkMode)
	setDefault(&t.CPU, defaultCPU)
	setDefault(&t.Memory, defaultMemory)
	setDefault(&t.LastStatus, statusRunning)
	setDefault(&t.DesiredStatus, t.LastStatus)
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

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func (w *world) addCluster(name string) {
	if !slices.Contains(w.clusters, name) {
		w.clusters = append(w.clusters, name)
	}
}

func (w *world) service(cluster, name string) *Service {
	for _, svc := range w.services {
		if svc.Cluster == cluster && svc.Name == name {
			return svc
		}
	}
	return nil
}

func (w *world) taskByARN(arn string) *task {
	for _, t := range w.tasks {
		if t.arn == arn {
			return t
		}
	}
	return nil
}

// taskByID finds a task by its id, with or without dashes.
func (w *world) taskByID(cluster, id string) *task {
	plain := strings.ReplaceAll(id, "-", "")
	for _, t := range w.tasks {
		if t.Cluster == cluster && strings.ReplaceAll(t.ID, "-", "") == plain {
			return t
		}
	}
	return nil
}

// definition finds a revision of a family; revision 0 is the latest.
func (w *world) definition(family string, revision int) *definition {
	var found *definition
	for _, d := range w.definitions {
		if d.family != family {
			continue
		}
		if d.revision == revision {
			return d
		}
		if revision == 0 && (found == nil || d.revision > found.revision) {
			found = d
		}
	}
	return found
}

// container finds a container by name; the empty name finds the only one.
func (t *task) container(name string) *Container {
	if name == "" && len(t.Containers) == 1 {
		return &t.Containers[0]
	}
	for i := range t.Containers {
		if t.Containers[i].Name == name {
			return &t.Containers[i]
		}
	}
	return nil
}

// agent is the SSM agent of the named container.
func (t *task) agent(container string) *agent {
	a := t.agents[container]
	if a == nil {
		a = &agent{}
		t.agents[container] = a
	}
	return a
}

// connected says whether the agent of container c has a control channel: only then can a session
// start.
func (t *task) connected(c *Container) bool {
	return t.Exec && t.LastStatus == statusRunning && c.LastStatus == statusRunning && c.AgentStatus == statusRunning
}
