package fakeaws

import (
	"cmp"
	"encoding/base64"
	"slices"
	"time"
)

const (
	// scalingService is the name of Application Auto Scaling in signatures and IAM.
	scalingService = "application-autoscaling"

	ecsDimension = "ecs:service:DesiredCount"
	maxScaling   = 50 // the largest page of its describe operations
)

// ScalableTarget is a service that Application Auto Scaling may scale.
type ScalableTarget struct {
	Cluster, Service string
	Min, Max         int
	// Suspended means that scaling in is suspended.
	Suspended  bool
	Activities []ScalingActivity // newest first
}

// ScalingActivity is one change of the desired count.
type ScalingActivity struct {
	Description, Cause string
	Status             string // Successful by default
	StartedAt, EndedAt time.Time
}

// AddScalableTarget makes a service one that is scaled.
func (s *Server) AddScalableTarget(t ScalableTarget) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.scaling = append(s.world.scaling, &t)
}

func (t *ScalableTarget) resourceID() string { return "service/" + t.Cluster + "/" + t.Service }

type scalingInput struct {
	Namespace  string   `json:"ServiceNamespace"`
	IDs        []string `json:"ResourceIds"`
	ID         string   `json:"ResourceId"`
	Dimension  string   `json:"ScalableDimension"`
	MaxResults int      `json:"MaxResults"`
	NextToken  string   `json:"NextToken"`
}

// page checks an input and cuts a page of n entries out.
func (in *scalingInput) page(n int) (from, to int, next string, err error) {
	invalid := func(code, message string) (int, int, string, error) {
		return 0, 0, "", &apiError{Code: code, Message: message}
	}
	if in.Namespace == "" {
		return invalid("ValidationException", "1 validation error detected: Value at 'serviceNamespace' failed to satisfy constraint: Member must not be null")
	}
	size := cmp.Or(in.MaxResults, maxScaling)
	if size < 1 || size > maxScaling {
		return invalid("ValidationException", "MaxResults must be between 1 and 50")
	}
	from, err = readPageToken(in.NextToken)
	if err != nil || from > n {
		return invalid("InvalidNextTokenException", "The next token is not valid")
	}
	to = min(from+size, n)
	if to < n {
		next = pageToken(to)
	}
	return from, to, next, nil
}

// targets finds the scalable targets that an input is about.
func (w *world) targets(in *scalingInput) []*ScalableTarget {
	var found []*ScalableTarget
	for _, t := range w.scaling {
		id := t.resourceID()
		if in.Namespace == "ecs" && (in.Dimension == "" || in.Dimension == ecsDimension) &&
			(len(in.IDs) == 0 || slices.Contains(in.IDs, id)) && (in.ID == "" || in.ID == id) {
			found = append(found, t)
		}
	}
	return found
}

type describeScalableTargetsOutput struct {
	Targets   []scalableTargetJSON `json:"ScalableTargets"`
	NextToken string               `json:"NextToken,omitempty"`
}

type scalableTargetJSON struct {
	Namespace string        `json:"ServiceNamespace"`
	ID        string        `json:"ResourceId"`
	Dimension string        `json:"ScalableDimension"`
	Min       int           `json:"MinCapacity"`
	Max       int           `json:"MaxCapacity"`
	RoleARN   string        `json:"RoleARN"`
	CreatedAt epoch         `json:"CreationTime"`
	Suspended suspendedJSON `json:"SuspendedState"`
	Arn       string        `json:"ScalableTargetARN"`
}

type suspendedJSON struct {
	In        bool `json:"DynamicScalingInSuspended"`
	Out       bool `json:"DynamicScalingOutSuspended"`
	Scheduled bool `json:"ScheduledScalingSuspended"`
}

func (s *Server) describeScalableTargets(r *apiRequest, in scalingInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil); err != nil {
		return nil, err
	}
	found := s.worldOf(r).targets(&in)
	from, to, next, err := in.page(len(found))
	if err != nil {
		return nil, err
	}
	out := describeScalableTargetsOutput{Targets: []scalableTargetJSON{}, NextToken: next}
	role := "role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
	for _, t := range found[from:to] {
		out.Targets = append(out.Targets, scalableTargetJSON{
			Namespace: "ecs", ID: t.resourceID(), Dimension: ecsDimension, Min: t.Min, Max: t.Max, RoleARN: s.globalARN("iam", role),
			CreatedAt: epoch(time.Now().Add(-time.Hour)), Suspended: suspendedJSON{In: t.Suspended},
			Arn: s.arn(scalingService, "scalable-target/"+base64.RawURLEncoding.EncodeToString([]byte(t.resourceID()))),
		})
	}
	return out, nil
}

type describeScalingActivitiesOutput struct {
	Activities []scalingActivityJSON `json:"ScalingActivities"`
	NextToken  string                `json:"NextToken,omitempty"`
}

type scalingActivityJSON struct {
	ActivityID  string `json:"ActivityId"`
	Namespace   string `json:"ServiceNamespace"`
	ID          string `json:"ResourceId"`
	Dimension   string `json:"ScalableDimension"`
	Description string `json:"Description"`
	Cause       string `json:"Cause"`
	StartedAt   epoch  `json:"StartTime"`
	EndedAt     *epoch `json:"EndTime,omitempty"`
	Status      string `json:"StatusCode"`
}

func (s *Server) describeScalingActivities(r *apiRequest, in scalingInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.permit(r, nil); err != nil {
		return nil, err
	}
	var all []scalingActivityJSON
	for _, t := range s.worldOf(r).targets(&in) {
		for _, a := range t.Activities {
			all = append(all, scalingActivityJSON{
				ActivityID: newUUID(), Namespace: "ecs", ID: t.resourceID(), Dimension: ecsDimension, Description: a.Description, Cause: a.Cause,
				StartedAt: epoch(a.StartedAt), EndedAt: optionalEpoch(a.EndedAt), Status: cmp.Or(a.Status, "Successful"),
			})
		}
	}
	from, to, next, err := in.page(len(all))
	if err != nil {
		return nil, err
	}
	return describeScalingActivitiesOutput{Activities: append([]scalingActivityJSON{}, all[from:to]...), NextToken: next}, nil
}
