package iampolicies

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fill returns the policy for the values, and the fields for which it still has
// placeholders, in the order of Values. It goes through the elements of the policy
// and knows what each part of an ARN is: a cluster that is called like something else
// in there changes nothing but the cluster. Errors: *ValueError.
func (p Policy) Fill(v Values) (text []byte, left []Field, err error) {
	if err := v.check(); err != nil {
		return nil, nil, err
	}
	source, err := p.Text()
	if err != nil {
		return nil, nil, err
	}
	d, err := parse(source)
	if err != nil {
		return nil, nil, err
	}
	f := filler{Values: v, left: map[Field]bool{}}
	for i := range d.Statement {
		f.statement(&d.Statement[i])
	}
	if f.err != nil {
		return nil, nil, fmt.Errorf("filling in %s: %w", p.Name, f.err)
	}
	text, err = d.text()
	for _, field := range []Field{Account, Region, Cluster, Service, Family, Container, TaskRole, ExecutionRole, S3, Key, LogGroup} {
		if f.left[field] {
			left = append(left, field)
		}
	}
	return text, left, err
}

// filler fills in one policy.
type filler struct {
	Values
	left map[Field]bool // fields with a placeholder and no value
	err  error          // the first
}

// value is the value in place of a placeholder, or that if there is none.
func (f *filler) value(field Field, placeholder, value string) string {
	if value == "" {
		f.left[field] = true
	}
	return cmp.Or(value, placeholder)
}

func (f *filler) statement(s *statement) {
	s.Resource.values = f.resources(s.Resource.values)
	s.NotResource.values = f.resources(s.NotResource.values)
	for _, keys := range s.Condition {
		for key, values := range keys {
			values.values = f.condition(key, values.values)
			keys[key] = values
		}
	}
}

// resources fills in a list of resources, and adds those of the old format.
func (f *filler) resources(all []string) []string {
	var filled []string
	for _, resource := range all {
		if resource == "*" {
			filled = append(filled, resource)
			continue
		}
		a, ok := splitARN(resource)
		if !ok {
			f.err = cmp.Or(f.err, error(fmt.Errorf("%q is no ARN", resource)))
			return nil
		}
		filled = append(filled, f.arn(a))
		if old := f.oldResource(a); old != "" {
			a.resource = old
			filled = append(filled, f.place(a).String())
		}
	}
	return filled
}

// arn is an ARN in its parts, as "Amazon Resource Names" in the IAM user guide has
// them.
type arn struct{ partition, service, region, account, resource string }

func splitARN(s string) (a arn, ok bool) {
	parts := strings.SplitN(s, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return arn{}, false
	}
	return arn{parts[1], parts[2], parts[3], parts[4], parts[5]}, true
}

func (a arn) String() string {
	return strings.Join([]string{"arn", a.partition, a.service, a.region, a.account, a.resource}, ":")
}

// place fills in where an ARN is.
func (f *filler) place(a arn) arn {
	if f.Region != "" {
		a.partition = Partition(f.Region)
	}
	if a.region == placeRegion {
		a.region = f.value(Region, placeRegion, f.Region)
	}
	if a.account == placeAccount {
		a.account = f.value(Account, placeAccount, f.Account)
	}
	return a
}

// arn fills in an ARN.
func (f *filler) arn(a arn) string {
	a = f.place(a)
	switch a.service {
	case "ecs":
		a.resource = f.ecs(a.resource)
	case "s3":
		a.resource = f.s3(a.resource)
	case "iam":
		return f.role(a)
	case "kms":
		return f.key(a)
	case "logs":
		if rest, ok := strings.CutPrefix(a.resource, "log-group:"+placeLogGroup+":"); ok {
			a.resource = "log-group:" + f.value(LogGroup, placeLogGroup, f.LogGroup) + ":" + rest
		}
	}
	return a.String()
}

// ecs fills in a resource of ECS, such as service/prod/api.
func (f *filler) ecs(resource string) string {
	if family, revisions, ok := strings.Cut(resource, ":"); ok && family == "task-definition/"+placeName {
		return "task-definition/" + f.value(Family, placeName, f.Family) + ":" + revisions
	}
	parts := strings.Split(resource, "/")
	if len(parts) < 2 || parts[1] != placeCluster {
		return resource
	}
	parts[1] = f.value(Cluster, placeCluster, f.Cluster)
	if parts[0] == "service" && len(parts) == 3 {
		if parts[2] == placeName {
			parts[2] = f.value(Service, placeName, f.Service)
		} else {
			parts[2] = cmp.Or(f.Service, parts[2])
		}
	}
	return strings.Join(parts, "/")
}

// oldID matches the ids of the old format, UUIDs, and no path.
const oldID = "????????-????-????-????-????????????"

// oldResource is a resource in the old format, without the cluster; "" when it has
// none or that is not asked for.
func (f *filler) oldResource(a arn) string {
	if !f.OldARNs || a.service != "ecs" {
		return ""
	}
	kind, rest, _ := strings.Cut(a.resource, "/")
	switch kind {
	case "task", "container-instance":
		if rest == placeCluster+"/*" {
			return kind + "/" + oldID
		}
	case "service":
		if f.Service != "" && strings.HasPrefix(rest, placeCluster+"/") {
			return kind + "/" + f.Service
		}
	}
	return ""
}

// s3 fills in a bucket, or objects in one.
func (f *filler) s3(resource string) string {
	bucket, key, objects := strings.Cut(resource, "/")
	var prefix string
	switch bucket {
	case placeBucket:
		prefix = placePrefix
	case placeLogBucket:
		prefix = placeLogPrefix
	default:
		return resource
	}
	if f.Bucket == "" {
		f.left[S3] = true
		return resource
	}
	if !objects {
		return f.Bucket
	}
	rest := strings.TrimPrefix(key, prefix+"/")
	switch {
	case f.Prefix != "":
		return f.Bucket + "/" + f.Prefix + "/" + rest
	case bucket == placeBucket: // the folders that captures make
		return f.Bucket + "/ecsheap-" + rest
	}
	return f.Bucket + "/" + rest
}

// role fills in a role by its name or by an ARN of its own.
func (f *filler) role(a arn) string {
	field, value := TaskRole, f.TaskRole
	switch a.resource {
	case "role/" + placeTaskRole:
	case "role/" + placeExecutionRole:
		field, value = ExecutionRole, f.ExecutionRole
	default:
		return a.String()
	}
	switch {
	case value == "":
		f.left[field] = true
	case strings.HasPrefix(value, "arn:"):
		return value
	default:
		a.resource = "role/" + value
	}
	return a.String()
}

// key fills in a KMS key by its id or by an ARN of its own.
func (f *filler) key(a arn) string {
	switch {
	case !slices.Contains([]string{"key/" + placeHeapKey, "key/" + placeExecKey}, a.resource):
	case f.Key == "":
		f.left[Key] = true
	case strings.HasPrefix(f.Key, "arn:"):
		return f.Key
	default:
		a.resource = "key/" + f.Key
	}
	return a.String()
}

// condition fills in the values of a condition key.
func (f *filler) condition(key string, values []string) []string {
	var filled []string
	for _, value := range values {
		switch key {
		case "ecs:cluster":
			if a, ok := splitARN(value); ok {
				value = f.arn(a)
			}
		case "ecs:container-name":
			if value == placeName {
				value = f.value(Container, placeName, f.Container)
			}
		case "ssm:resourceTag/aws:ssmmessages:target-id": // ecs:<cluster>_<task>_<runtime>
			if rest, ok := strings.CutPrefix(value, "ecs:"+placeCluster+"_"); ok {
				before := "ecs:" + f.value(Cluster, placeCluster, f.Cluster) + "_"
				value = before + rest
				if _, runtime, ok := strings.Cut(rest, "_"); ok && f.OldARNs {
					filled = append(filled, before+oldID+"_"+runtime)
				}
			}
		case "kms:ViaService": // s3.<region>.<domain>
			filled = append(filled, f.viaService(value)...)
			continue
		}
		filled = append(filled, value)
	}
	return filled
}

// viaService is the service that uses a key, in the region. The documentation of
// KMS does not say which domain it goes by where that of the partition is another
// than amazonaws.com, so it may be either.
func (f *filler) viaService(value string) []string {
	service, ok := strings.CutSuffix(value, "."+placeRegion+"."+usualDomain)
	if !ok {
		return []string{value}
	}
	region := f.value(Region, placeRegion, f.Region)
	via := []string{service + "." + region + "." + usualDomain}
	if _, domain := partitionOf(region); domain != usualDomain {
		via = append(via, service+"."+region+"."+domain)
	}
	return via
}
