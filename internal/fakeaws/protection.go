package fakeaws

import (
	"time"
)

const (
	maxProtectedAtOnce = 10  // of UpdateTaskProtection
	maxProtectionsRead = 100 // of GetTaskProtection

	// Bounds of expiresInMinutes, and what it is if nobody says it.
	maxProtection     = 2880
	defaultProtection = 120
)

type taskProtectionInput struct {
	Cluster string   `json:"cluster"`
	Tasks   []string `json:"tasks"`
	Enabled *bool    `json:"protectionEnabled"`
	Expires *int     `json:"expiresInMinutes"`
}

type taskProtectionOutput struct {
	Protected []protectedTaskJSON `json:"protectedTasks"`
	Failures  []failureJSON       `json:"failures"`
}

type protectedTaskJSON struct {
	TaskArn string `json:"taskArn"`
	Enabled bool   `json:"protectionEnabled"`
	Expires *epoch `json:"expirationDate,omitempty"`
}

func protectionOf(t *task, now time.Time) protectedTaskJSON {
	if !t.protected(now) {
		return protectedTaskJSON{TaskArn: t.arn}
	}
	return protectedTaskJSON{TaskArn: t.arn, Enabled: true, Expires: optionalEpoch(t.ProtectedUntil)}
}

// permitTasks asks for the permission on each of the named tasks. The caller holds s.mu.
func (s *Server) permitTasks(r *apiRequest, w *world, cluster string, names []string) error {
	for _, name := range names {
		ref := parseTaskRef(name)
		context := s.inCluster(cluster)
		if t := w.taskByID(cluster, ref.id); t != nil {
			context = tagged(context, t.Tags)
		}
		if err := s.permit(r, context, s.taskARN(cluster, ref.id)); err != nil {
			return err
		}
	}
	return nil
}

// openTasks finds the tasks that an operation on protection names. What is wrong with one of them
// is a failure in an answer of HTTP 200. The caller holds s.mu.
func (s *Server) openTasks(r *apiRequest, in taskProtectionInput, limit int) (found []*task, out *taskProtectionOutput, err error) {
	w, cluster, missing := s.openCluster(r, in.Cluster)
	if err := s.permitTasks(r, s.worldOf(r), cluster, in.Tasks); err != nil {
		return nil, nil, err
	}
	if missing != nil {
		return nil, nil, missing
	}
	if len(in.Tasks) > limit {
		return nil, nil, invalidParameter("Tasks cannot have more than %d elements", limit)
	}
	out = &taskProtectionOutput{Protected: []protectedTaskJSON{}, Failures: []failureJSON{}}
	fail := func(arn, reason, detail string) {
		out.Failures = append(out.Failures, failureJSON{Arn: arn, Reason: reason, Detail: detail})
	}
	for _, name := range in.Tasks {
		t, err := w.lookUp(cluster, name)
		if err != nil {
			return nil, nil, err
		}
		switch {
		case t == nil:
			fail(s.taskARN(cluster, parseTaskRef(name).id), reasonMissing, "")
		case t.Service == "":
			fail(t.arn, "TASK_NOT_VALID", "The task is not part of a service.")
		case t.LastStatus == statusStopped:
			fail(t.arn, "TASK_NOT_VALID", "The task is stopped.")
		default:
			found = append(found, t)
		}
	}
	return found, out, nil
}

func (s *Server) getTaskProtection(r *apiRequest, in taskProtectionInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, out, err := s.openTasks(r, in, maxProtectionsRead)
	if err != nil {
		return nil, err
	}
	for _, t := range found {
		out.Protected = append(out.Protected, protectionOf(t, time.Now()))
	}
	return out, nil
}

func (s *Server) updateTaskProtection(r *apiRequest, in taskProtectionInput) (any, error) {
	minutes := defaultProtection
	if in.Expires != nil {
		minutes = *in.Expires
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, out, err := s.openTasks(r, in, maxProtectedAtOnce)
	switch {
	case err != nil:
		return nil, err
	case len(in.Tasks) == 0:
		return nil, invalidParameter("Tasks cannot be empty.")
	case in.Enabled == nil:
		return nil, invalidParameter("protectionEnabled cannot be null.")
	case minutes < 1 || minutes > maxProtection:
		return nil, invalidParameter("expiresInMinutes must be between 1 and %d", maxProtection)
	}
	now := time.Now()
	for _, t := range found {
		svc := s.world.service(t.Cluster, t.Service)
		if *in.Enabled && svc != nil && svc.ProtectionBlocked {
			out.Failures = append(out.Failures, failureJSON{
				Arn: t.arn, Reason: "DEPLOYMENT_BLOCKED", Detail: "Task protection cannot be enabled: deployment in progress is blocked",
			})
			continue
		}
		t.Protected, t.ProtectedUntil = *in.Enabled, time.Time{}
		if *in.Enabled {
			t.ProtectedUntil = now.Add(time.Duration(minutes) * time.Minute)
		}
		out.Protected = append(out.Protected, protectionOf(t, now))
	}
	return out, nil
}
