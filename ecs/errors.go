package ecs

import (
	"fmt"
	"strings"
	"time"
)

// NotFoundError means that nothing in ECS fits the query.
type NotFoundError struct {
	Query      Query
	Region     string   // that was searched, "" if it is not known
	NoCluster  bool     // the cluster itself does not exist in the region
	NoService  bool     // the service does not exist in the cluster
	Containers []string // the task's containers, when only the container is missing
	Err        error    // of the API, if it gave one
}

func (e *NotFoundError) Error() string {
	q := e.Query
	cluster := clusterName(q.Cluster)
	if cluster == "" {
		cluster = "default"
	}
	switch {
	case e.NoCluster && e.Region != "":
		return fmt.Sprintf("no cluster %q in %s", cluster, e.Region)
	case e.NoCluster:
		return fmt.Sprintf("no cluster %q", cluster)
	case e.NoService:
		return fmt.Sprintf("no service %q in cluster %q", q.Service, cluster)
	case e.Containers != nil && q.Container == "":
		return fmt.Sprintf("task %s has no containers", q.Task)
	case e.Containers != nil:
		return fmt.Sprintf("no container %q in task %s", q.Container, q.Task)
	case q.Task != "":
		return fmt.Sprintf("no task %q%s in cluster %q", q.Task, q.filters(), cluster)
	}
	return fmt.Sprintf("no running task%s in cluster %q", q.filters(), cluster)
}

// filters says what else the task must be: one of them alone may well be met.
func (q Query) filters() string {
	var of []string
	if q.Service != "" {
		of = append(of, fmt.Sprintf("service %q", q.Service))
	}
	if q.Family != "" {
		of = append(of, fmt.Sprintf("family %q", q.Family))
	}
	if len(of) == 0 {
		return ""
	}
	return " of " + strings.Join(of, " and ")
}

// Unwrap returns the error of the API, if there was one.
func (e *NotFoundError) Unwrap() error { return e.Err }

// Hint says where to look.
func (e *NotFoundError) Hint() string {
	switch {
	case e.NoCluster:
		return "check --cluster, --region and --profile; `aws ecs list-clusters` shows the clusters of a region"
	case len(e.Containers) > 0:
		return "its containers are " + strings.Join(e.Containers, ", ")
	}
	return "check --cluster and --region; stopped tasks are forgotten after an hour, and `aws ecs list-tasks --cluster …` shows the running ones"
}

// Candidate is one of several things that a query fits.
type Candidate struct {
	Name    string    `json:"name"`
	Service string    `json:"service,omitempty"`
	Started time.Time `json:"started,omitzero"`
}

// AmbiguousError means that a query fits several tasks or containers.
type AmbiguousError struct {
	What       string // "task" or "container"
	Candidates []Candidate
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%d %ss fit", len(e.Candidates), e.What)
}

// maxListed keeps a hint readable for a service of hundreds of tasks.
const maxListed = 5

// Hint lists the candidates, the oldest task first.
func (e *AmbiguousError) Hint() string {
	var b strings.Builder
	fmt.Fprintf(&b, "choose one with --%s: ", e.What)
	for i, c := range e.Candidates {
		if i == maxListed {
			fmt.Fprintf(&b, " and %d more", len(e.Candidates)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name)
		if !c.Started.IsZero() {
			fmt.Fprintf(&b, " (started %s)", c.Started.UTC().Format(time.DateTime))
		}
	}
	return b.String()
}

// ContradictionError means that a flag and the task's ARN or address disagree.
type ContradictionError struct{ Flag, Given, Task string }

func (e *ContradictionError) Error() string {
	return fmt.Sprintf("--%s %s contradicts --task, which names %s %s", e.Flag, e.Given, e.Flag, e.Task)
}

// Hint says what to drop.
func (e *ContradictionError) Hint() string {
	return fmt.Sprintf("drop --%s: the task tells it", e.Flag)
}
