package fakeaws

import (
	"cmp"
	"slices"
	"strconv"
	"time"
)

const (
	statusProvisioning = "PROVISIONING"
	statusStopping     = "STOPPING"

	// rolloutTick is how often a deployment looks whether it can go on.
	rolloutTick = 5 * time.Millisecond

	// schedulerStop is the stop code of what a service's scheduler stops.
	schedulerStop = "ServiceSchedulerInitiated"
)

type updateServiceInput struct {
	Cluster         string                    `json:"cluster"`
	Service         string                    `json:"service"`
	Desired         *int                      `json:"desiredCount"`
	TaskDefinition  string                    `json:"taskDefinition"`
	Exec            *bool                     `json:"enableExecuteCommand"`
	Force           bool                      `json:"forceNewDeployment"`
	PlatformVersion string                    `json:"platformVersion"`
	GracePeriod     *int                      `json:"healthCheckGracePeriodSeconds"`
	ZoneRebalancing string                    `json:"availabilityZoneRebalancing"`
	Network         *networkConfigurationJSON `json:"networkConfiguration"`
	Configuration   *struct {
		CircuitBreaker *circuitBreakerJSON `json:"deploymentCircuitBreaker"`
		Maximum        *int                `json:"maximumPercent"`
		Minimum        *int                `json:"minimumHealthyPercent"`
	} `json:"deploymentConfiguration"`
}

type updateServiceOutput struct {
	Service serviceJSON `json:"service"`
}

// context is what conditions can see of the change.
func (in *updateServiceInput) context(s *Server, cluster string, svc *Service, d *definition) attributes {
	context := s.inCluster(cluster)
	if svc != nil {
		context = tagged(context, svc.Tags)
	}
	if in.Exec != nil {
		context["ecs:enable-execute-command"] = strconv.FormatBool(*in.Exec)
	}
	if d != nil {
		context["ecs:task-definition"] = s.definitionARN(d.family, d.revision)
	}
	return context
}

// updateService changes a service. A new task definition, platform version or network, or
// forceNewDeployment, replaces its tasks; enableExecuteCommand alone counts for tasks to come.
func (s *Server) updateService(r *apiRequest, in updateServiceInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	name := lastPart(in.Service)
	svc := w.service(cluster, name)
	var d *definition
	var err error
	if in.TaskDefinition != "" {
		if d, err = w.findDefinition(in.TaskDefinition); err != nil {
			return nil, err
		}
	}
	if err := s.permit(r, in.context(s, cluster, svc, d), s.serviceARN(cluster, name)); err != nil {
		return nil, err
	}
	switch {
	case missing != nil:
		return nil, missing
	case svc == nil:
		return nil, errServiceNotFound
	case in.TaskDefinition != "" && d == nil:
		return nil, &apiError{Code: "ClientException", Message: "TaskDefinition not found."}
	case in.Desired != nil && *in.Desired < 0:
		return nil, invalidParameter("desiredCount cannot be negative.")
	}
	in.apply(svc)
	before := w.deploymentsOf(svc)
	replace := in.Force || in.PlatformVersion != "" || in.Network != nil ||
		d != nil && len(before) > 0 && (d.family != before[0].Family || d.revision != before[0].Revision)
	if replace {
		s.deploy(svc, d, before)
	} else if in.Desired != nil {
		s.scale(svc, before)
	}
	return updateServiceOutput{s.serviceJSON(w, svc, false)}, nil
}

// apply writes what was asked for into the service.
func (in *updateServiceInput) apply(svc *Service) {
	if in.Desired != nil {
		svc.Desired = *in.Desired
	}
	if in.Exec != nil {
		svc.Exec = *in.Exec
	}
	if in.GracePeriod != nil {
		svc.GracePeriod = *in.GracePeriod
	}
	svc.PlatformVersion = cmp.Or(in.PlatformVersion, svc.PlatformVersion)
	svc.ZoneRebalancing = cmp.Or(in.ZoneRebalancing, svc.ZoneRebalancing)
	if in.Network != nil {
		v := in.Network.VPC
		svc.Subnets, svc.SecurityGroups, svc.AssignPublicIP = v.Subnets, v.SecurityGroups, v.AssignPublicIP
	}
	c := in.Configuration
	if c == nil {
		return
	}
	now := svc.DeploymentConfiguration.json()
	to := &svc.DeploymentConfiguration
	to.MaximumPercent, to.MinimumHealthyPercent = now.Maximum, now.Minimum
	if c.Maximum != nil {
		to.MaximumPercent = *c.Maximum
	}
	if c.Minimum != nil {
		to.MinimumHealthyPercent = *c.Minimum
	}
	if c.CircuitBreaker != nil {
		to.CircuitBreaker, to.Rollback = c.CircuitBreaker.Enable, c.CircuitBreaker.Rollback
	}
}

// deploy begins a deployment that replaces the tasks of a service. The caller holds s.mu.
func (s *Server) deploy(svc *Service, d *definition, before []Deployment) {
	w := &s.world
	now := time.Now()
	tasks, _ := w.tasksOf(svc)
	if svc.Desired == 0 {
		svc.Desired = len(tasks)
	}
	for _, t := range tasks { // whose they are must be known once two deployments have one revision
		if t.deployment == "" && len(before) > 0 {
			t.deployment = before[0].ID
		}
	}
	w.deployments++
	next := Deployment{
		ID: "ecs-svc/" + strconv.FormatInt(now.UnixMicro(), 10) + strconv.Itoa(w.deployments), Status: "PRIMARY", RolloutState: "IN_PROGRESS",
		Desired: svc.Desired, CreatedAt: now, UpdatedAt: now, Family: svc.Name,
	}
	if len(before) > 0 {
		next.Family, next.Revision = before[0].Family, before[0].Revision
	}
	if d != nil {
		next.Family, next.Revision = d.family, d.revision
	}
	for i := range before {
		before[i].Status = "ACTIVE"
	}
	svc.Deployments = append([]Deployment{next}, before...)
	s.inBackground(func() { s.rollOut(svc, next) })
}

// scale begins to bring a service to its desired count without replacing anything. The caller holds
// s.mu.
func (s *Server) scale(svc *Service, before []Deployment) {
	if len(before) == 0 {
		before = []Deployment{{ID: firstDeployment, Family: svc.Name, Revision: 1, RolloutState: "COMPLETED"}}
	}
	primary := before[0]
	desired := svc.Desired
	s.inBackground(func() {
		s.untilDone(func() bool {
			if svc.Desired != desired {
				return true // somebody changed their mind
			}
			tasks, _ := s.world.tasksOf(svc)
			if len(tasks) > desired {
				s.stopSome(tasks, len(tasks)-desired, "Scaling activity initiated by deployment "+primary.ID)
			}
			for range desired - len(tasks) {
				s.launch(svc, primary, nil)
			}
			tasks, _ = s.world.tasksOf(svc)
			return len(tasks) == desired
		})
	})
}

// inBackground runs work that Close waits for. The caller holds s.mu.
func (s *Server) inBackground(work func()) {
	if !s.enterLocked() {
		return
	}
	go func() {
		defer s.wg.Done()
		work()
	}()
}

// untilDone calls step under the world's lock, time and again until it says true or the server is
// closed.
func (s *Server) untilDone(step func() bool) {
	ticker := time.NewTicker(rolloutTick)
	defer ticker.Stop()
	for {
		s.mu.Lock()
		done := step()
		s.mu.Unlock()
		if done {
			return
		}
		select {
		case <-ticker.C:
		case <-s.ctx.Done():
			return
		}
	}
}

// rollOut starts the tasks of a deployment within maximumPercent, and stops the others within
// minimumHealthyPercent and without touching protected ones, until only its own are left.
func (s *Server) rollOut(svc *Service, d Deployment) {
	s.untilDone(func() bool {
		if len(svc.Deployments) == 0 || svc.Deployments[0].ID != d.ID {
			return true // a newer one took over
		}
		limits := svc.DeploymentConfiguration.json()
		tasks, _ := s.world.tasksOf(svc)
		var old []*task
		own, healthy := 0, 0
		for _, t := range tasks {
			if t.LastStatus == statusRunning {
				healthy++
			}
			if t.deployment == d.ID {
				own++
			} else {
				old = append(old, t)
			}
		}
		room := max(d.Desired*limits.Maximum/100, 1) - len(tasks)
		for range min(room, d.Desired-own) {
			s.launch(svc, d, old)
		}
		spare := max(healthy-(d.Desired*limits.Minimum+99)/100, 0)
		for _, t := range old {
			if t.LastStatus != statusRunning {
				spare++ // it serves nobody
			}
		}
		s.stopSome(old, spare, "Scaling activity initiated by deployment "+d.ID)
		if len(old) > 0 || own < d.Desired || healthy < d.Desired {
			return false
		}
		done := d
		done.RolloutState, done.UpdatedAt = "COMPLETED", time.Now()
		svc.Deployments = []Deployment{done}
		return true
	})
}

// stopSome stops n of the tasks, but none that is protected: first those that do not run yet, then
// the oldest. The caller holds s.mu.
func (s *Server) stopSome(tasks []*task, n int, reason string) {
	now := time.Now()
	tasks = slices.Clone(tasks)
	slices.SortStableFunc(tasks, func(a, b *task) int {
		if starting := a.LastStatus != statusRunning; starting != (b.LastStatus != statusRunning) {
			if starting {
				return -1
			}
			return 1
		}
		return a.created.Compare(b.created)
	})
	for _, t := range tasks {
		if n > 0 && !t.protected(now) && t.DesiredStatus != statusStopped {
			s.retire(t, schedulerStop, reason)
			n--
		}
	}
}

// retire stops a task, over the time that it takes. The caller holds s.mu.
func (s *Server) retire(t *task, code, reason string) {
	t.DesiredStatus, t.StopCode, t.StoppedReason, t.StoppingAt = statusStopped, code, reason, time.Now()
	t.LastStatus = statusStopping
	arn := t.arn
	s.inBackground(func() {
		if s.pass(s.cfg.TaskStop) {
			s.StopTask(arn, code, reason)
		}
	})
}

// pass waits, and says whether the server is still there afterwards.
func (s *Server) pass(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

// launch starts one task of a service's deployment. What it replaces lends it its ports. The caller
// holds s.mu.
func (s *Server) launch(svc *Service, d Deployment, old []*task) {
	found := s.world.definition(d.Family, d.Revision)
	if found == nil {
		return
	}
	if len(old) == 0 {
		old, _ = s.world.tasksOf(svc)
	}
	t := found.task.Task
	if len(old) > 0 { // where tasks run is the service's matter, not the definition's
		was := old[0]
		t.LaunchType, t.CapacityProvider, t.ContainerInstance = was.LaunchType, was.CapacityProvider, was.ContainerInstance
		t.Zone, t.Subnet, t.SecurityGroups, t.Tags = was.Zone, was.Subnet, was.SecurityGroups, was.Tags
		t.PlatformVersion = was.PlatformVersion
	}
	switch svc.PlatformVersion {
	case "":
	case "LATEST":
		t.PlatformVersion = ""
	default:
		t.PlatformVersion = svc.PlatformVersion
	}
	if len(svc.Subnets) > 0 {
		t.Subnet = svc.Subnets[0]
	}
	if len(svc.SecurityGroups) > 0 {
		t.SecurityGroups = svc.SecurityGroups
	}
	t.Cluster, t.Service, t.Family, t.Revision, t.Exec = svc.Cluster, svc.Name, d.Family, d.Revision, svc.Exec
	t.StartedBy, t.Group = d.ID, "service:"+svc.Name
	s.start(t, d.ID, old, svc.Launch)
}

// start puts a task into the world that comes up over time. The caller holds s.mu.
func (s *Server) start(t Task, deployment string, model []*task, launch func(*Task)) *task {
	t.ID, t.LastStatus, t.DesiredStatus, t.StopCode, t.StoppedReason = "", statusProvisioning, statusRunning, "", ""
	t.StartedAt, t.StoppingAt, t.StoppedAt = time.Now().Add(s.cfg.TaskStart), time.Time{}, time.Time{}
	t.Protected, t.ProtectedUntil, t.MemoryUsed, t.PublicIP, t.TargetState = false, time.Time{}, 0, "", ""
	t.Containers = slices.Clone(t.Containers)
	for i := range t.Containers {
		t.Containers[i].renew(model)
	}
	t.fill()
	added := s.addTask(t)
	added.created, added.deployment = time.Now(), deployment
	for i := range added.Containers {
		added.Containers[i].RuntimeID = "" // there is no container yet
	}
	s.inBackground(func() { s.comeUp(added, launch) })
	return added
}

// renew makes a container one that has not run yet.
func (c *Container) renew(model []*task) {
	c.RuntimeID, c.LastStatus, c.ExitCode, c.Reason, c.MemoryUsed = "", statusPending, nil, "", 0
	if c.AgentStatus == statusStopped || c.AgentStatus == statusPending {
		c.AgentStatus, c.AgentReason = "", ""
	}
	for _, t := range model {
		if other := t.container(c.Name); other != nil {
			c.Ports, c.Dial, c.Exec = other.Ports, other.Dial, other.Exec
			return
		}
	}
}

// comeUp brings a task from PROVISIONING over PENDING to RUNNING.
func (s *Server) comeUp(t *task, launch func(*Task)) {
	if !s.pass(s.cfg.TaskStart / 2) {
		return
	}
	s.mu.Lock()
	if t.DesiredStatus == statusRunning {
		t.LastStatus = statusPending
	}
	s.mu.Unlock()
	if !s.pass(s.cfg.TaskStart - s.cfg.TaskStart/2) {
		return
	}
	s.mu.Lock()
	ready := t.Task
	ready.Containers = slices.Clone(t.Containers)
	s.mu.Unlock()
	if launch != nil {
		launch(&ready)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.DesiredStatus != statusRunning {
		return // stopped before it ran
	}
	t.LastStatus, t.StartedAt = statusRunning, time.Now()
	for i := range t.Containers {
		c, made := &t.Containers[i], &ready.Containers[i]
		c.Ports, c.Dial, c.Exec, c.RuntimeID = made.Ports, made.Dial, made.Exec, made.RuntimeID
		c.LastStatus = statusRunning
		c.fill(&t.Task)
	}
}
