package fakeaws

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

type registerTaskDefinitionOutput struct {
	TaskDefinition any       `json:"taskDefinition"`
	Tags           []tagJSON `json:"tags"`
}

// notRegistered are the fields that DescribeTaskDefinition answers and RegisterTaskDefinition
// refuses.
func notRegistered() []string {
	return []string{
		"taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt", "registeredBy",
		"deregisteredAt", "deleteRequestedAt",
	}
}

// registerTaskDefinition keeps a revision as it was given, whatever is in it: nothing gets lost
// that the fake does not know.
func (s *Server) registerTaskDefinition(r *apiRequest, in map[string]any) (any, error) {
	family, _ := in["family"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.worldOf(r)
	revision := 1
	if latest := w.definition(family, 0); latest != nil {
		revision = latest.revision + 1
	}
	var given definitionJSON
	raw, err := json.Marshal(in)
	if err == nil {
		err = json.Unmarshal(raw, &given)
	}
	if err != nil {
		return nil, &apiError{Code: "SerializationException", Message: err.Error()}
	}
	if err := s.permitRegister(r, given, revision); err != nil {
		return nil, err
	}
	if family == "" {
		return nil, &apiError{Code: "ClientException", Message: "Family cannot be null."}
	}
	if len(given.ContainerDefinitions) == 0 {
		return nil, &apiError{Code: "ClientException", Message: "Container definitions cannot be empty."}
	}
	for _, name := range notRegistered() {
		if _, said := in[name]; said { // an SDK has no such parameter
			return nil, &apiError{Code: "SerializationException", Message: "unknown parameter " + name}
		}
	}
	for i, c := range given.ContainerDefinitions {
		if c.Name == "" || c.Image == "" {
			return nil, &apiError{Code: "ClientException", Message: "Container.name and Container.image should not be null or empty."}
		}
		if slices.ContainsFunc(given.ContainerDefinitions[:i], func(o containerDefinitionJSON) bool { return o.Name == c.Name }) {
			return nil, &apiError{Code: "ClientException", Message: "Container name " + c.Name + " is there twice."}
		}
	}
	s.implyRole(given.TaskRoleArn)
	template := given.template()
	d := &definition{family: family, revision: revision, task: &task{Task: template}, created: time.Now(), registered: in}
	d.task.Revision = revision
	w.definitions = append(w.definitions, d)
	return registerTaskDefinitionOutput{TaskDefinition: s.describedDefinition(d), Tags: []tagJSON{}}, nil
}

// permitRegister asks for the permission to register, and to pass the roles on to tasks.
func (s *Server) permitRegister(r *apiRequest, given definitionJSON, revision int) error {
	context := attributes{}
	if given.CPU != "" {
		context["ecs:task-cpu"] = given.CPU
	}
	if given.Memory != "" {
		context["ecs:task-memory"] = given.Memory
	}
	if err := s.permit(r, context, s.definitionARN(given.Family, revision)); err != nil {
		return err
	}
	return s.permitPass(r, given.TaskRoleArn, given.ExecutionRoleArn)
}

// permitPass asks whether the caller may pass roles on to the tasks of ECS.
func (s *Server) permitPass(r *apiRequest, roles ...string) error {
	for _, arn := range roles {
		if arn == "" {
			continue
		}
		if !strings.HasPrefix(arn, "arn:") { // names do as well
			arn = s.globalARN("iam", "role/"+arn)
		}
		context := attributes{"iam:PassedToService": "ecs-tasks.amazonaws.com"}
		if err := s.permitAction(r, "iam:PassRole", arn, context); err != nil {
			return err
		}
	}
	return nil
}

// describedDefinition is what the API answers of a revision.
func (s *Server) describedDefinition(d *definition) any {
	if d.registered == nil {
		return s.definitionJSON(d)
	}
	out := maps.Clone(d.registered)
	delete(out, "tags")
	maps.Copy(out, map[string]any{
		"taskDefinitionArn": s.definitionARN(d.family, d.revision), "revision": d.revision, "status": "ACTIVE",
		"compatibilities": []string{"EC2", "FARGATE"}, "registeredAt": epoch(d.created), "registeredBy": s.owner(),
	})
	def := func(m map[string]any, name string, value any) {
		if _, said := m[name]; !said {
			m[name] = value
		}
	}
	def(out, "volumes", []any{})
	def(out, "placementConstraints", []any{})
	var containers []any
	list, _ := d.registered["containerDefinitions"].([]any)
	for _, item := range list {
		given, _ := item.(map[string]any)
		c := maps.Clone(given)
		for _, name := range []string{"environment", "mountPoints", "volumesFrom", "systemControls", "portMappings"} {
			def(c, name, []any{})
		}
		def(c, "cpu", 0)
		def(c, "essential", true)
		if check, ok := c["healthCheck"].(map[string]any); ok {
			check = maps.Clone(check)
			def(check, "interval", 30)
			def(check, "timeout", 5)
			def(check, "retries", 3)
			c["healthCheck"] = check
		}
		containers = append(containers, c)
	}
	out["containerDefinitions"] = containers
	return out
}

// template is a task of the definition, without what tells one task from another.
func (d *definitionJSON) template() Task {
	t := Task{
		Family: d.Family, NetworkMode: d.NetworkMode, PidMode: d.PidMode, IpcMode: d.IpcMode, CPU: d.CPU, Memory: d.Memory,
		TaskRole: d.TaskRoleArn, ExecutionRole: d.ExecutionRoleArn,
		OperatingSystem: d.RuntimePlatform["operatingSystemFamily"], Architecture: d.RuntimePlatform["cpuArchitecture"],
	}
	setDefault(&t.NetworkMode, "bridge") // ECS's own default
	setDefault(&t.CPU, "-")
	setDefault(&t.Memory, "-")
	if d.EphemeralStorage != nil {
		t.EphemeralStorage = d.EphemeralStorage.Size
	}
	if d.ProxyConfiguration != nil {
		t.ProxyContainer = d.ProxyConfiguration.Container
	}
	for _, v := range d.Volumes {
		volume := Volume{Name: v.Name}
		if v.Host != nil {
			volume.HostPath = v.Host.Path
		}
		t.Volumes = append(t.Volumes, volume)
	}
	for i := range d.ContainerDefinitions {
		t.Containers = append(t.Containers, d.ContainerDefinitions[i].container())
	}
	return t
}

// container is a container of the definition.
func (c *containerDefinitionJSON) container() Container {
	out := Container{
		Name: c.Name, Image: c.Image, Essential: c.Essential == nil || *c.Essential, CPU: c.CPU, Memory: c.Memory,
		MemoryReservation: c.MemoryReservation, EntryPoint: c.EntryPoint, Command: c.Command,
		ReadonlyRootFilesystem: c.ReadonlyRootFilesystem, StopTimeout: c.StopTimeout, DisableNetworking: c.DisableNetworking,
		User: c.User, VersionConsistency: c.VersionConsistency, Environment: map[string]string{}, Secrets: map[string]string{},
	}
	for _, p := range c.Environment {
		out.Environment[p.Name] = p.Value
	}
	for _, p := range c.Secrets {
		out.Secrets[p.Name] = p.From
	}
	for _, f := range c.EnvironmentFiles {
		out.EnvironmentFiles = append(out.EnvironmentFiles, f.Value)
	}
	for _, m := range c.MountPoints {
		out.MountPoints = append(out.MountPoints, MountPoint(m))
	}
	for _, p := range c.PortMappings {
		out.PortMappings = append(out.PortMappings, PortMapping{
			ContainerPort: p.ContainerPort, HostPort: p.HostPort, Range: p.Range, Protocol: p.Protocol, Name: p.Name,
		})
	}
	if h := c.HealthCheck; h != nil {
		out.HealthCheck = &HealthCheck{Command: h.Command, Interval: h.Interval, Timeout: h.Timeout, Retries: h.Retries, StartPeriod: h.StartPeriod}
	}
	if l := c.LinuxParameters; l != nil {
		out.LinuxParameters = &LinuxParameters{InitProcessEnabled: l.Init, MaxSwap: l.MaxSwap, Swappiness: l.Swappiness}
		if l.Capabilities != nil {
			out.LinuxParameters.AddCapabilities = l.Capabilities.Add
		}
	}
	if p := c.RestartPolicy; p != nil {
		out.RestartPolicy = &RestartPolicy{Enabled: p.Enabled, IgnoredExitCodes: p.Ignored, AttemptPeriod: p.Period}
	}
	if c.LogConfiguration != nil {
		out.LogDriver = c.LogConfiguration.Driver
	}
	if c.Firelens != nil {
		out.Firelens = c.Firelens.Type
	}
	return out
}
