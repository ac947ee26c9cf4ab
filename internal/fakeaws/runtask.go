package fakeaws

import (
	"cmp"
	"strconv"
)

// maxRunAtOnce is RunTask's limit of count.
const maxRunAtOnce = 10

type runTaskInput struct {
	Cluster        string                    `json:"cluster"`
	TaskDefinition string                    `json:"taskDefinition"`
	Count          *int                      `json:"count"`
	LaunchType     string                    `json:"launchType"`
	Group          string                    `json:"group"`
	StartedBy      string                    `json:"startedBy"`
	Exec           bool                      `json:"enableExecuteCommand"`
	Overrides      overridesJSON             `json:"overrides"`
	Network        *networkConfigurationJSON `json:"networkConfiguration"`
	Tags           []tagJSON                 `json:"tags"`
}

type runTaskOutput struct {
	Tasks    []taskJSON    `json:"tasks"`
	Failures []failureJSON `json:"failures"`
}

// permitRun asks for the permission to run a definition in a cluster, and to pass its roles on.
func (s *Server) permitRun(r *apiRequest, cluster string, in runTaskInput, d *definition) error {
	context := s.inCluster(cluster)
	context["ecs:enable-execute-command"] = strconv.FormatBool(in.Exec)
	arn := s.ecsARN("task-definition/" + lastPart(in.TaskDefinition))
	if d != nil {
		arn = s.definitionARN(d.family, d.revision)
	}
	if err := s.permit(r, context, arn); err != nil || d == nil {
		return err
	}
	return s.permitPass(r, cmp.Or(in.Overrides.TaskRoleArn, d.task.TaskRole), d.task.ExecutionRole)
}

// runTask starts standalone tasks.
func (s *Server) runTask(r *apiRequest, in runTaskInput) (any, error) {
	count := 1
	if in.Count != nil {
		count = *in.Count
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	d, err := w.findDefinition(in.TaskDefinition)
	if err != nil {
		return nil, err
	}
	if err := s.permitRun(r, cluster, in, d); err != nil {
		return nil, err
	}
	switch {
	case missing != nil:
		return nil, missing
	case d == nil:
		return nil, &apiError{Code: "ClientException", Message: "TaskDefinition not found."}
	case count < 1 || count > maxRunAtOnce:
		return nil, invalidParameter("count must be between 1 and %d", maxRunAtOnce)
	}
	out := runTaskOutput{Tasks: []taskJSON{}, Failures: []failureJSON{}}
	for range count {
		t := in.task(d, cluster)
		for i := range t.Containers {
			t.Containers[i].Override = in.override(t.Containers[i].Name)
		}
		out.Tasks = append(out.Tasks, s.taskJSON(s.start(t, "", nil, nil), true))
	}
	return out, nil
}

// task is what is to run.
func (in *runTaskInput) task(d *definition, cluster string) Task {
	t := d.task.Task
	t.Cluster, t.Service, t.Family, t.Revision, t.Exec = cluster, "", d.family, d.revision, in.Exec
	t.LaunchType, t.Group, t.StartedBy = cmp.Or(in.LaunchType, t.LaunchType), in.Group, in.StartedBy
	t.RoleOverride = in.Overrides.TaskRoleArn
	if in.Network != nil {
		t.SecurityGroups = in.Network.VPC.SecurityGroups
		if len(in.Network.VPC.Subnets) > 0 {
			t.Subnet = in.Network.VPC.Subnets[0]
		}
	}
	t.Tags = map[string]string{}
	for _, tag := range in.Tags {
		t.Tags[tag.Key] = tag.Value
	}
	t.Containers = append([]Container(nil), t.Containers...)
	return t
}

// override is what is said of the named container, nil if nothing.
func (in *runTaskInput) override(name string) *ContainerOverride {
	for _, o := range in.Overrides.ContainerOverrides {
		if o.Name != name {
			continue
		}
		out := &ContainerOverride{
			Command: o.Command, Environment: map[string]string{}, CPU: o.CPU, Memory: o.Memory, MemoryReservation: o.MemoryReservation,
		}
		for _, p := range o.Environment {
			out.Environment[p.Name] = p.Value
		}
		return out
	}
	return nil
}

type stopTaskInput struct {
	Cluster string `json:"cluster"`
	Task    string `json:"task"`
	Reason  string `json:"reason"`
}

type stopTaskOutput struct {
	Task taskJSON `json:"task"`
}

// stopTask stops a task. Nothing replaces it, not even in a service: that is for tests to do.
func (s *Server) stopTask(r *apiRequest, in stopTaskInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	if err := s.permitTasks(r, w, cluster, []string{in.Task}); err != nil {
		return nil, err
	}
	if missing != nil {
		return nil, missing
	}
	t, err := w.lookUp(cluster, in.Task)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, invalidParameter("The referenced task was not found.")
	}
	if t.DesiredStatus != statusStopped {
		s.retire(t, "UserInitiated", cmp.Or(in.Reason, "Task stopped by user"))
	}
	return stopTaskOutput{s.taskJSON(t, true)}, nil
}
