package fakeaws

import "time"

// maxDescribedInstances is the limit of DescribeContainerInstances.
const maxDescribedInstances = 100

// ContainerInstance is a container instance: an EC2 machine, or one of ECS Anywhere, with the ECS
// agent. AddTask makes a healthy one for a task that names one which is not there.
type ContainerInstance struct {
	Cluster, ID  string
	EC2ID        string // the machine's id; invented by default
	AgentVersion string // 1.89.0 by default
	// AgentDisconnected is agentConnected turned round.
	AgentDisconnected bool
	Status            string // ACTIVE by default, DRAINING
	CapacityProvider  string
}

// AddContainerInstance makes a container instance, or replaces the one with its id.
func (s *Server) AddContainerInstance(i ContainerInstance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.addCluster(i.Cluster)
	s.world.addInstance(i)
}

func (w *world) addInstance(i ContainerInstance) {
	setDefault(&i.EC2ID, "i-"+newHex(17))
	setDefault(&i.AgentVersion, "1.89.0")
	setDefault(&i.Status, "ACTIVE")
	if old := w.instance(i.Cluster, i.ID); old != nil {
		*old = i
		return
	}
	w.instances = append(w.instances, &i)
}

func (w *world) instance(cluster, id string) *ContainerInstance {
	for _, i := range w.instances {
		if i.Cluster == cluster && i.ID == id {
			return i
		}
	}
	return nil
}

type describeContainerInstancesInput struct {
	Cluster   string   `json:"cluster"`
	Instances []string `json:"containerInstances"`
}

type describeContainerInstancesOutput struct {
	Instances []instanceJSON `json:"containerInstances"`
	Failures  []failureJSON  `json:"failures"`
}

type instanceJSON struct {
	Arn              string          `json:"containerInstanceArn"`
	EC2ID            string          `json:"ec2InstanceId"`
	CapacityProvider string          `json:"capacityProviderName,omitempty"`
	Version          int             `json:"version"`
	VersionInfo      versionInfoJSON `json:"versionInfo"`
	Status           string          `json:"status"`
	AgentConnected   bool            `json:"agentConnected"`
	Running          int             `json:"runningTasksCount"`
	Pending          int             `json:"pendingTasksCount"`
	Attributes       []nameValueJSON `json:"attributes"`
	RegisteredAt     epoch           `json:"registeredAt"`
	Attachments      []any           `json:"attachments"`
	Tags             []tagJSON       `json:"tags"`
}

type versionInfoJSON struct {
	Agent  string `json:"agentVersion"`
	Hash   string `json:"agentHash"`
	Docker string `json:"dockerVersion"`
}

func (s *Server) instanceARN(cluster, id string) string {
	return s.ecsARN("container-instance/" + cluster + "/" + id)
}

func (s *Server) describeContainerInstances(r *apiRequest, in describeContainerInstancesInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	for _, name := range in.Instances {
		if err := s.permit(r, s.inCluster(cluster), s.instanceARN(cluster, lastPart(name))); err != nil {
			return nil, err
		}
	}
	switch {
	case len(in.Instances) == 0:
		return nil, invalidParameter("Container instances cannot be empty.")
	case len(in.Instances) > maxDescribedInstances:
		return nil, invalidParameter("Container instances cannot have more than %d elements", maxDescribedInstances)
	case missing != nil:
		return nil, missing
	}
	out := describeContainerInstancesOutput{Instances: []instanceJSON{}, Failures: []failureJSON{}}
	for _, name := range in.Instances {
		arn := s.instanceARN(cluster, lastPart(name))
		i := w.instance(cluster, lastPart(name))
		if i == nil {
			out.Failures = append(out.Failures, failureJSON{Arn: arn, Reason: reasonMissing})
			continue
		}
		found := instanceJSON{
			Arn: arn, EC2ID: i.EC2ID, CapacityProvider: i.CapacityProvider, Version: 3, Status: i.Status, AgentConnected: !i.AgentDisconnected,
			VersionInfo:  versionInfoJSON{Agent: i.AgentVersion, Hash: "abcdef01", Docker: "DockerVersion: 25.0.8"},
			Attributes:   []nameValueJSON{{"ecs.os-type", "linux"}},
			RegisteredAt: epoch(time.Now().Add(-time.Hour)), Attachments: []any{}, Tags: []tagJSON{},
		}
		for _, t := range w.tasks {
			if t.Cluster != cluster || t.ContainerInstance != i.ID {
				continue
			}
			switch t.LastStatus {
			case statusRunning:
				found.Running++
			case statusPending:
				found.Pending++
			}
		}
		out.Instances = append(out.Instances, found)
	}
	return out, nil
}
