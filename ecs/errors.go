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
	Account    string   // that the task's ARN names, "" if it is not known
	Containers []string // the task's containers, when only the container is missing
	Err        error    // of the API, if it gave one
}

func (e *NotFoundError) Error() string {
	q := e.Query
	cluster := clusterName(q.Cluster)
	if cluster == "" {
		cluster = defaultCluster
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
	if e.Account != "" {
		return fmt.Sprintf("check --profile: the task is one of account %s; stopped tasks are forgotten after an hour", e.Account)
	}
	return "check --cluster and --region; stopped tasks are forgotten after an hour, and `ecsheap tasks --cluster …` shows the running ones"
}

// Candidate is one of several things that a query fits.
type Candidate struct {
	Name    string    `json:"name"`
	Service string    `json:"service,omitempty"`
	Started time.Time `json:"started,omitzero"`
}

// AmbiguousError means that a query fits several tasks, containers or clusters.
type AmbiguousError struct {
	What       string // "task", "container" or "cluster"
	Candidates []Candidate
	// Tasks are the tasks themselves, in the order of Candidates; of containers, the
	// one task that has them.
	Tasks []Target
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
	if e.What == "task" {
		b.WriteString("; or let --pick hungriest, oldest or newest choose")
	}
	return b.String()
}

// ContradictionError means that two flags name different things. What stands in
// an ARN or an address of the console is a claim of the flag that it is given
// with.
type ContradictionError struct {
	Flag, Given    string // what one of them names
	By, What, Told string // the other flag, the kind of thing, and what it names: --task, cluster, prod
}

func (e *ContradictionError) Error() string {
	if e.Flag != e.What && e.What != "container" {
		return fmt.Sprintf("--%s names %s %s and contradicts --%s, which names %s %s", e.Flag, e.What, e.Given, e.By, e.What, e.Told)
	}
	return fmt.Sprintf("--%s %s contradicts --%s, which names %s %s", e.Flag, e.Given, e.By, e.What, e.Told)
}

// Hint says what to drop.
func (e *ContradictionError) Hint() string {
	return fmt.Sprintf("drop --%s: --%s tells the %s", e.Flag, e.By, e.What)
}
