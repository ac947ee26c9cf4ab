package ecs

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// TaskRef is what a user's way of naming a task tells. Fields that it does not
// tell are empty.
type TaskRef struct {
	Partition, Region, Account string
	Cluster                    string // the cluster's name
	Service                    string // the service's name
	ID                         string // 32 hexadecimal digits, a UUID (old format), or a prefix of either
	ContainerARN               string // of the one container that is meant
}

// Whole tells whether ID is a complete task id rather than a prefix of one.
func (r TaskRef) Whole() bool { return wholeID.MatchString(r.ID) }

var (
	wholeID  = regexp.MustCompile(`^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`)
	idPrefix = regexp.MustCompile(`^[0-9a-f][0-9a-f-]*$`)
	// resourceName is what ECS lets clusters and services be called (API
	// reference, CreateCluster and CreateService).
	resourceName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)
	regionName   = regexp.MustCompile(`^[a-z]{2,}(?:-[a-z]+)+-[0-9]+$`)
)

// ParseTask reads a task as people have it at hand: an id, the beginning of an
// id, an ARN in the new (task/<cluster>/<id>) or old (task/<id>) format, the
// ARN of a container of the task, or the address of the task's page in the AWS
// console, present or former. All partitions are accepted. The error is a
// [*RefError].
func ParseTask(s string) (TaskRef, error) {
	trimmed := strings.TrimSpace(s)
	var ref TaskRef
	var err error
	switch {
	case strings.HasPrefix(trimmed, "arn:"):
		ref, err = parseARN(trimmed)
	case strings.Contains(trimmed, "://"):
		ref, err = parseConsoleURL(trimmed)
	default:
		ref.ID = strings.ToLower(trimmed)
	}
	switch {
	case err != nil:
	case !idPrefix.MatchString(ref.ID), len(ref.ID) > len("01234567-89ab-cdef-0123-456789abcdef"),
		ref.Cluster != "" && !resourceName.MatchString(ref.Cluster), ref.Service != "" && !resourceName.MatchString(ref.Service),
		ref.Region != "" && !regionName.MatchString(ref.Region): // it becomes part of a host name
		err = &RefError{Text: s}
	}
	if err != nil {
		return TaskRef{}, err
	}
	return ref, nil
}

// parseARN reads arn:<partition>:ecs:<region>:<account>:<resource>, where the
// resource is task/<cluster>/<id>, task/<id> or container/<cluster>/<task id>/<container id>.
func parseARN(s string) (TaskRef, error) {
	f := strings.SplitN(s, ":", 6)
	if len(f) != 6 || f[2] != "ecs" {
		return TaskRef{}, &RefError{Text: s}
	}
	ref := TaskRef{Partition: f[1], Region: f[3], Account: f[4]}
	path := strings.Split(f[5], "/")
	switch {
	case len(path) == 3 && path[0] == "task":
		ref.Cluster, ref.ID = path[1], strings.ToLower(path[2])
	case len(path) == 4 && path[0] == "container":
		ref.Cluster, ref.ID, ref.ContainerARN = path[1], strings.ToLower(path[2]), s
	case len(path) == 2 && path[0] == "task":
		ref.ID = strings.ToLower(path[1])
	default:
		return TaskRef{}, &RefError{Text: s, Resource: path[0]}
	}
	return ref, nil
}

// parseConsoleURL reads the addresses that the console has had for a task:
//
//	https://<host>/ecs/v2/clusters/<cluster>/tasks/<id>/configuration?region=<region>
//	https://<host>/ecs/v2/clusters/<cluster>/services/<service>/tasks/<id>/…
//	https://<host>/ecs/home?region=<region>#/clusters/<cluster>/tasks/<id>/details
//
// The host is [<account>-<session>.][<region>.]console.<domain of the partition>.
func parseConsoleURL(s string) (TaskRef, error) {
	u, err := url.Parse(s)
	if err != nil || !strings.EqualFold(u.Scheme, "https") || !strings.Contains("."+u.Hostname(), ".console.") {
		return TaskRef{}, &RefError{Text: s}
	}
	ref := TaskRef{Region: u.Query().Get("region")}
	front, _, _ := strings.Cut("."+u.Hostname(), ".console.")
	if host := front[strings.LastIndexByte(front, '.')+1:]; regionName.MatchString(host) {
		if ref.Region != "" && ref.Region != host {
			return TaskRef{}, &RefError{Text: s}
		}
		ref.Region = host
	}
	fragment, _, _ := strings.Cut(u.Fragment, "?")
	// Names have no characters that must be escaped: an escape makes them invalid.
	path := strings.Split(strings.Trim(u.EscapedPath(), "/")+"/"+strings.Trim(fragment, "/"), "/")
	for i := 0; i+1 < len(path); i++ {
		switch path[i] {
		case "clusters":
			ref.Cluster = path[i+1]
		case "services":
			ref.Service = path[i+1]
		case "tasks":
			ref.ID = strings.ToLower(path[i+1])
		default:
			continue
		}
		i++ // a cluster may be called services
	}
	return ref, nil
}

// RefError means that a text names no task in any known way, or no cluster or
// service.
type RefError struct {
	Text     string
	Want     string // "cluster" or "service"; "" is a task
	Resource string // the kind of resource that an ARN of ECS names instead, "" if it is none
}

func (e *RefError) Error() string {
	want := e.Want
	if want == "" {
		want = "task"
	}
	return fmt.Sprintf("%q is not a %s", e.Text, want)
}

// Hint says what is accepted.
func (e *RefError) Hint() string {
	if e.Want != "" {
		return fmt.Sprintf("give the %s by its name or by its ARN", e.Want)
	}
	switch e.Resource {
	case "service", "cluster":
		return fmt.Sprintf("it is a %[1]s: give it with --%[1]s", e.Resource)
	case "container":
		return "an old ARN of a container does not tell its task: give the task's, and --container"
	case "task-definition":
		return "it is a task definition: give its family with --family"
	}
	return "give a task id or the beginning of one, a task ARN, or the address of the task's page in the AWS console"
}

// clusterName returns the name of a cluster given as a name or an ARN.
func clusterName(s string) string {
	if i := strings.LastIndexByte(s, '/'); i >= 0 && strings.HasPrefix(s, "arn:") {
		return s[i+1:]
	}
	return s
}

// lastSegment returns what follows the last slash.
func lastSegment(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }
