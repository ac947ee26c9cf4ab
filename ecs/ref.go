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
	ID                         string // 32 hexadecimal digits, a UUID (old format), or a prefix of either
}

// Whole tells whether ID is a complete task id rather than a prefix of one.
func (r TaskRef) Whole() bool { return wholeID.MatchString(r.ID) }

var (
	wholeID  = regexp.MustCompile(`^(?:[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$`)
	idPrefix = regexp.MustCompile(`^[0-9a-f][0-9a-f-]*$`)
)

// ParseTask reads a task as people have it at hand: an id, the beginning of an
// id, an ARN in the new (task/<cluster>/<id>) or old (task/<id>) format, the
// ARN of a container of the task, or the address of the task's page in the AWS
// console. All partitions are accepted. The error is a [*RefError].
func ParseTask(s string) (TaskRef, error) {
	trimmed := strings.TrimSpace(s)
	var ref TaskRef
	var err error
	switch {
	case strings.HasPrefix(trimmed, "arn:"):
		ref, err = parseARN(trimmed)
	case strings.HasPrefix(trimmed, "https://"):
		ref, err = parseConsoleURL(trimmed)
	default:
		ref.ID = strings.ToLower(trimmed)
	}
	if err == nil && !idPrefix.MatchString(ref.ID) {
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
	case len(path) == 3 && path[0] == "task", len(path) == 4 && path[0] == "container":
		ref.Cluster, ref.ID = path[1], path[2]
	case len(path) == 2 && path[0] == "task":
		ref.ID = path[1]
	default:
		return TaskRef{}, &RefError{Text: s}
	}
	return ref, nil
}

// parseConsoleURL reads https://<host>/ecs/v2/clusters/<cluster>/…/tasks/<id>/…?region=<region>;
// the host tells the partition's console and, as <region>.console…, the region.
func parseConsoleURL(s string) (TaskRef, error) {
	u, err := url.Parse(s)
	if err != nil {
		return TaskRef{}, &RefError{Text: s}
	}
	ref := TaskRef{Region: u.Query().Get("region")}
	if region, rest, ok := strings.Cut(u.Hostname(), ".console."); ok && ref.Region == "" && rest != "" {
		ref.Region = region
	}
	path := strings.Split(strings.Trim(u.Path, "/"), "/")
	for i := 0; i+1 < len(path); i++ {
		switch path[i] {
		case "clusters":
			ref.Cluster = path[i+1]
		case "tasks":
			ref.ID = path[i+1]
		}
	}
	return ref, nil
}

// RefError means that a text names no task in any known way.
type RefError struct{ Text string }

func (e *RefError) Error() string { return fmt.Sprintf("%q is not a task", e.Text) }

// Hint says what is accepted.
func (e *RefError) Hint() string {
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
