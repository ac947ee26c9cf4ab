package fakeaws

import (
	"fmt"
	"strings"
	"time"
)

// task is a Task in the world.
type task struct {
	Task
	arn     string
	address string            // private IPv4 address of its network interface
	eni     string            // id of its attachment
	device  string            // id of the interface itself
	agents  map[string]*agent // by container name
	created time.Time
	// deployment is the id of the one that started it, empty for tasks of AddTask.
	deployment string
}

// definition is one revision of a task definition.
type definition struct {
	family   string
	revision int
	task     *task // the task that it is read from
	created  time.Time
	// registered is what RegisterTaskDefinition was given, nil for what AddTask implies.
	registered map[string]any
}

// world is everything that ECS knows of one account and region. Server.mu guards it.
type world struct {
	clusters    []*Cluster
	services    []*Service
	tasks       []*task
	definitions []*definition
	instances   []*ContainerInstance
	roles       []*role
	vpc         VPC
	deployments int // how many were started by UpdateService

	targetGroups []*targetGroup
	scaling      []*ScalableTarget
}

// AddTask puts a task into the world, with the cluster, service and task definition it implies, and
// returns its ARN. The slices and maps of t are the world's from then on: change them by
// UpdateTask.
func (s *Server) AddTask(t Task) (arn string) {
	t.fill()
	if t.TaskRole == "" {
		t.TaskRole = s.globalARN("iam", "role/"+t.Family+"-task-role")
	}
	if t.TaskRole == RoleNone {
		t.TaskRole = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addTask(t).arn
}

// addTask is AddTask for a task that is filled. The caller holds s.mu.
func (s *Server) addTask(t Task) *task {
	w := &s.world
	w.addCluster(t.Cluster)
	if t.Service != "" && w.service(t.Cluster, t.Service) == nil {
		w.services = append(w.services, &Service{Cluster: t.Cluster, Name: t.Service, Exec: t.Exec})
	}
	if t.ContainerInstance != "" && w.instance(t.Cluster, t.ContainerInstance) == nil {
		w.addInstance(ContainerInstance{Cluster: t.Cluster, ID: t.ContainerInstance})
	}
	s.implyRole(t.TaskRole)
	n := len(w.tasks) + 1
	added := &task{
		Task: t, eni: newUUID(), device: "eni-" + newHex(17), agents: map[string]*agent{}, created: t.StartedAt.Add(-time.Minute),
		address: fmt.Sprintf("10.0.%d.%d", n/250, n%250+4), // the first four addresses of a subnet are AWS's own
	}
	added.arn = s.taskARN(t.Cluster, t.ID)
	w.tasks = append(w.tasks, added)
	if w.definition(t.Family, t.Revision) == nil {
		w.definitions = append(w.definitions, &definition{family: t.Family, revision: t.Revision, task: added, created: added.created})
	}
	return added
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
	if t.StoppingAt.IsZero() {
		t.StoppingAt = t.StoppedAt
	}
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

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
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

// agentStatus is that of the ExecuteCommandAgent of container c now, AgentNone where there is none.
func (t *task) agentStatus(c *Container, now time.Time) string {
	switch {
	case !t.Exec || c.AgentStatus == AgentNone:
		return AgentNone
	case t.LastStatus == statusStopped:
		return statusStopped
	case c.AgentStatus == statusRunning && (t.LastStatus != statusRunning || now.Before(t.StartedAt.Add(c.AgentDelay))):
		return statusPending
	}
	return c.AgentStatus
}

// connected says whether the agent of container c has a control channel: only then can a session
// start.
func (t *task) connected(c *Container) bool {
	return t.LastStatus == statusRunning && c.LastStatus == statusRunning && !c.Disconnected &&
		t.agentStatus(c, time.Now()) == statusRunning
}

// protected says whether the scheduler must leave a task alone.
func (t *task) protected(now time.Time) bool {
	return t.Protected && (t.ProtectedUntil.IsZero() || now.Before(t.ProtectedUntil))
}
