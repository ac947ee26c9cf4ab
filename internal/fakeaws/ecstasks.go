package fakeaws

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

type listTasksInput struct {
	pageInput
	Cluster           string `json:"cluster"`
	ServiceName       string `json:"serviceName"`
	Family            string `json:"family"`
	StartedBy         string `json:"startedBy"`
	ContainerInstance string `json:"containerInstance"`
	DesiredStatus     string `json:"desiredStatus"`
	LaunchType        string `json:"launchType"`
}

type listTasksOutput struct {
	TaskArns  []string `json:"taskArns"`
	NextToken string   `json:"nextToken,omitempty"`
}

// check refuses the combinations of filters that ECS refuses.
func (in *listTasksInput) check() error {
	if in.Family != "" && in.ServiceName != "" {
		return invalidParameter("cannot specify family and serviceName. Please use only one of them")
	}
	if in.StartedBy != "" && cmp.Or(in.ServiceName, in.Family, in.ContainerInstance, in.LaunchType) != "" {
		return invalidParameter("cannot specify startedBy with another filter")
	}
	switch in.DesiredStatus {
	case "", statusRunning, statusPending, statusStopped:
		return nil
	}
	return invalidParameter("desiredStatus must be one of RUNNING, PENDING, STOPPED")
}

// matches says whether the filters let t through.
func (in *listTasksInput) matches(t *task) bool {
	is := func(filter, value string) bool { return filter == "" || filter == value }
	return t.DesiredStatus == cmp.Or(in.DesiredStatus, statusRunning) &&
		is(lastPart(in.ServiceName), t.Service) && is(in.Family, t.Family) &&
		is(in.StartedBy, t.StartedBy) && is(lastPart(in.ContainerInstance), t.ContainerInstance) &&
		is(in.LaunchType, t.LaunchType)
}

func (s *Server) listTasks(r *apiRequest, in listTasksInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	if err := s.permit(r, s.inCluster(cluster)); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if missing != nil {
		return nil, missing
	}
	if in.ServiceName != "" && w.service(cluster, lastPart(in.ServiceName)) == nil {
		return nil, errServiceNotFound
	}
	var arns []string
	for _, t := range w.tasks {
		if t.Cluster == cluster && in.matches(t) {
			arns = append(arns, t.arn)
		}
	}
	part, next, err := page(arns, in.pageInput)
	return listTasksOutput{TaskArns: part, NextToken: next}, err
}

type describeTasksInput struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
	Include []string `json:"include"`
}

type describeTasksOutput struct {
	Tasks    []taskJSON    `json:"tasks"`
	Failures []failureJSON `json:"failures"`
}

func (s *Server) describeTasks(r *apiRequest, in describeTasksInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	if err := s.permitTasks(r, w, cluster, in.Tasks); err != nil {
		return nil, err
	}
	switch {
	case len(in.Tasks) == 0:
		return nil, invalidParameter("Tasks cannot be empty.")
	case len(in.Tasks) > maxDescribedTasks:
		return nil, invalidParameter("Tasks cannot have more than %d elements", maxDescribedTasks)
	case missing != nil:
		return nil, missing
	}
	out := describeTasksOutput{Tasks: []taskJSON{}, Failures: []failureJSON{}}
	withTags := slices.Contains(in.Include, "TAGS")
	for _, name := range in.Tasks {
		t, err := w.lookUp(cluster, name)
		if err != nil {
			return nil, err
		}
		if t == nil {
			out.Failures = append(out.Failures, failureJSON{Arn: s.taskARN(cluster, parseTaskRef(name).id), Reason: reasonMissing})
			continue
		}
		out.Tasks = append(out.Tasks, s.taskJSON(t, withTags))
	}
	return out, nil
}

// lookUp finds a task by an id or ARN; a well-formed name of no task is nil without an error.
func (w *world) lookUp(cluster, name string) (*task, error) {
	ref := parseTaskRef(name)
	if ref.cluster != "" && ref.cluster != cluster {
		return nil, invalidParameter("Identifier is for cluster %s. Your cluster is %s", ref.cluster, cluster)
	}
	if n := len(ref.id); n != 32 && n != 36 {
		return nil, invalidParameter("taskId length should be one of [32,36]")
	}
	return w.taskByID(cluster, ref.id), nil
}

type executeCommandInput struct {
	Cluster     string `json:"cluster"`
	Task        string `json:"task"`
	Container   string `json:"container"`
	Command     string `json:"command"`
	Interactive bool   `json:"interactive"`
}

type executeCommandOutput struct {
	ClusterArn    string      `json:"clusterArn"`
	ContainerArn  string      `json:"containerArn"`
	ContainerName string      `json:"containerName"`
	Interactive   bool        `json:"interactive"`
	Session       sessionJSON `json:"session"`
	TaskArn       string      `json:"taskArn"`
}

// sessionJSON is how a session is handed to a client by ECS.
type sessionJSON struct {
	SessionID  string `json:"sessionId"`
	StreamURL  string `json:"streamUrl"`
	TokenValue string `json:"tokenValue"`
}

const (
	// The texts are AWS's own, the apostrophe included.
	execNotEnabled = "The execute command failed because execute command was not enabled when the " +
		"task was run or the execute command agent isn’t running. Wait and try again or run a new " +
		"task with execute command enabled and try again."
	execInternalError = "The execute command failed due to an internal error. Try again later."
)

func (s *Server) executeCommand(r *apiRequest, in executeCommandInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, cluster, missing := s.openCluster(r, in.Cluster)
	if err := s.permitExec(r, w, cluster, in); err != nil {
		return nil, err
	}
	switch {
	case strings.TrimSpace(in.Command) == "":
		return nil, invalidParameter("Command cannot be blank.")
	case !in.Interactive:
		return nil, invalidParameter("Interactive must be true.")
	case missing != nil:
		return nil, missing
	}
	t, c, err := w.execTarget(cluster, in.Task, in.Container)
	if err != nil {
		return nil, err
	}
	sess := s.newSession(t, c, sessionSpec{id: "ecs-execute-command-" + newHex(17), document: execDocument, command: in.Command})
	return executeCommandOutput{
		ClusterArn: s.clusterARN(cluster), TaskArn: t.arn, ContainerArn: s.containerARN(t, c), ContainerName: c.Name, Interactive: true,
		Session: sessionJSON{SessionID: sess.id, StreamURL: sess.streamURL(), TokenValue: sess.token},
	}, nil
}

// permitExec asks for ecs:ExecuteCommand on both the cluster and the task, as IAM does.
func (s *Server) permitExec(r *apiRequest, w *world, cluster string, in executeCommandInput) error {
	ref := parseTaskRef(in.Task)
	context := s.inCluster(cluster)
	context["ecs:task"] = s.taskARN(cluster, ref.id)
	name := in.Container
	t := w.taskByID(cluster, ref.id)
	if t != nil {
		context = tagged(context, t.Tags)
		if c := t.container(name); c != nil {
			name = c.Name
		}
	}
	if name != "" {
		context["ecs:container-name"] = name
	}
	return s.permit(r, context, s.clusterARN(cluster), s.taskARN(cluster, ref.id))
}

// execTarget finds the container to run a command in and says, as ECS does, why it cannot.
func (w *world) execTarget(cluster, taskName, containerName string) (*task, *Container, error) {
	t, err := w.lookUp(cluster, taskName)
	if err != nil {
		return nil, nil, err
	}
	if t == nil {
		return nil, nil, invalidParameter("The specified task does not exist.")
	}
	c := t.container(containerName)
	switch {
	case c == nil && containerName == "":
		return nil, nil, invalidParameter("The container name is required for tasks with more than one container.")
	case c == nil:
		return nil, nil, invalidParameter("The container %s does not exist in the task.", containerName)
	}
	switch agent := t.agentStatus(c, time.Now()); {
	case t.LastStatus != statusRunning || agent == AgentNone || agent == statusPending:
		return nil, nil, invalidParameter("%s", execNotEnabled)
	case !t.connected(c):
		return nil, nil, &apiError{Code: "TargetNotConnectedException", Message: execInternalError}
	}
	return t, c, nil
}
