package fakeaws

import (
	"strconv"
	"time"
)

// Service is what DescribeServices says beyond what the tasks of the service imply.
type Service struct {
	Cluster, Name string
	Exec          bool // enableExecuteCommand
	Desired       int  // desiredCount; 0 means as many as there are running tasks
	LoadBalancers []LoadBalancer

	Status             string // ACTIVE by default
	PlatformVersion    string // LATEST by default on Fargate
	SchedulingStrategy string // REPLICA by default, or DAEMON
	Controller         string // ECS by default, CODE_DEPLOY or EXTERNAL
	// ResourceManagement is CUSTOMER by default; ECS is a service of Express Mode.
	ResourceManagement string
	// ZoneRebalancing is DISABLED by default.
	ZoneRebalancing string
	GracePeriod     int // healthCheckGracePeriodSeconds
	// ServiceConnect is the namespace of Service Connect, empty when it is off.
	ServiceConnect string
	// CapacityProviders are the strategy, each with weight 1; with them there is no launch type.
	CapacityProviders       []string
	DeploymentConfiguration DeploymentConfiguration
	// Subnets and SecurityGroups are the network configuration, those of the VPC by default;
	// AssignPublicIP is DISABLED by default.
	Subnets, SecurityGroups []string
	AssignPublicIP          string
	Events                  []string
	Tags                    map[string]string

	// Deployments are what is being rolled out, the PRIMARY first. None stands for one that is
	// complete, with the newest revision that runs.
	Deployments []Deployment
	// ProtectionBlocked makes UpdateTaskProtection fail: a deployment waits for protected tasks.
	ProtectionBlocked bool
	// Launch is called with every task that the scheduler starts for the service, before it runs:
	// here its processes are started and put into Ports. Without it, the task has the Ports, Dial
	// and Exec of a task that it replaces.
	Launch func(*Task)
}

// DeploymentConfiguration is a service's. The zero value is AWS's default: 200, 100 and no circuit
// breaker.
type DeploymentConfiguration struct {
	MaximumPercent, MinimumHealthyPercent int
	CircuitBreaker, Rollback              bool
	// Strategy is ROLLING by default, or BLUE_GREEN, LINEAR or CANARY; BakeTime is in minutes.
	Strategy string
	BakeTime int
}

// Deployment is one deployment of a service. Its tasks are counted by their revision.
type Deployment struct {
	ID     string // ecs-svc/1 by default, then ecs-svc/2 …
	Status string // PRIMARY by default for the first, ACTIVE for others
	// Family and Revision are its task definition, those of the newest running task by default.
	Family   string
	Revision int
	// RolloutState is COMPLETED by default, IN_PROGRESS or FAILED.
	RolloutState, Reason string
	// Desired is what it wants, as many as it has by default; Failed is failedTasks.
	Desired, Failed int
	// CreatedAt is when the newest task was made by default; UpdatedAt is the same.
	CreatedAt, UpdatedAt time.Time
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

// UpdateService changes a service under the world's lock. An unknown one is ignored.
func (s *Server) UpdateService(cluster, name string, change func(*Service)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if svc := s.world.service(cluster, name); svc != nil {
		change(svc)
	}
}

// tasksOf lists the tasks of a service that are to run, the newest revision last.
func (w *world) tasksOf(svc *Service) (all []*task, newest *task) {
	for _, t := range w.tasks {
		if t.Cluster != svc.Cluster || t.Service != svc.Name || t.DesiredStatus != statusRunning {
			continue
		}
		all = append(all, t)
		if newest == nil || t.Revision > newest.Revision {
			newest = t
		}
	}
	return all, newest
}

// deploymentsOf are the deployments of a service with every field filled.
func (w *world) deploymentsOf(svc *Service) []Deployment {
	_, newest := w.tasksOf(svc)
	list := append([]Deployment{}, svc.Deployments...)
	if len(list) == 0 {
		if newest == nil {
			return nil
		}
		list = append(list, Deployment{})
	}
	for i := range list {
		d := &list[i]
		setDefault(&d.ID, "ecs-svc/"+strconv.Itoa(i+1))
		if i == 0 {
			setDefault(&d.Status, "PRIMARY")
		}
		setDefault(&d.Status, "ACTIVE")
		setDefault(&d.RolloutState, "COMPLETED")
		if newest != nil {
			setDefault(&d.Family, newest.Family)
			if d.Revision == 0 {
				d.Revision = newest.Revision
			}
			if d.CreatedAt.IsZero() {
				d.CreatedAt = newest.created
			}
		}
		setDefault(&d.Family, svc.Name)
		d.Revision = max(d.Revision, 1)
		if d.UpdatedAt.IsZero() {
			d.UpdatedAt = d.CreatedAt
		}
	}
	return list
}

// belongs says whether a task was started by a deployment.
func (d *Deployment) belongs(t *task) bool {
	if t.deployment != "" {
		return t.deployment == d.ID
	}
	return t.Family == d.Family && t.Revision == d.Revision
}

// count counts the running and the pending tasks of a deployment.
func (d *Deployment) count(tasks []*task, others []Deployment) (running, pending int) {
	for _, t := range tasks {
		if !d.belongs(t) || t.deployment == "" && claimed(t, d, others) {
			continue
		}
		if t.LastStatus == statusRunning {
			running++
		} else {
			pending++
		}
	}
	return running, pending
}

// claimed says whether a task without a deployment of its own belongs to another than d as well,
// the older: deployments of the same revision differ in nothing else.
func claimed(t *task, d *Deployment, all []Deployment) bool {
	last := ""
	for i := range all {
		if all[i].belongs(t) {
			last = all[i].ID
		}
	}
	return last != d.ID
}
