package fakeaws

import (
	"fmt"
	"strconv"
	"strings"
)

// partition is the part of AWS that the region lies in.
func (s *Server) partition() string {
	for _, p := range []struct{ prefix, partition string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"},
		{"us-iso-", "aws-iso"}, {"eu-isoe-", "aws-iso-e"}, {"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(s.cfg.Region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}

// arn names a resource of the account in the region.
func (s *Server) arn(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", s.partition(), service, s.cfg.Region, s.cfg.Account, resource)
}

// globalARN names a resource of the account that lies in no region: those of IAM and STS.
func (s *Server) globalARN(service, resource string) string {
	return fmt.Sprintf("arn:%s:%s::%s:%s", s.partition(), service, s.cfg.Account, resource)
}

func (s *Server) ecsARN(resource string) string { return s.arn("ecs", resource) }

func (s *Server) clusterARN(name string) string { return s.ecsARN("cluster/" + name) }

func (s *Server) serviceARN(cluster, name string) string {
	return s.ecsARN("service/" + cluster + "/" + name)
}

// taskARN writes the new format, or the old one (without a cluster) for an old id, a UUID with
// dashes.
func (s *Server) taskARN(cluster, id string) string {
	if strings.Contains(id, "-") {
		return s.ecsARN("task/" + id)
	}
	return s.ecsARN("task/" + cluster + "/" + id)
}

func (s *Server) definitionARN(family string, revision int) string {
	return s.ecsARN("task-definition/" + family + ":" + strconv.Itoa(revision))
}

func (s *Server) sessionARN(id string) string {
	return s.arn("ssm", "session/"+id)
}

// documentARN has no account: the documents are AWS's own.
func (s *Server) documentARN(name string) string {
	return fmt.Sprintf("arn:%s:ssm:%s::document/%s", s.partition(), s.cfg.Region, name)
}

// lastPart is what stands after the last slash: the name in an ARN, or the whole of a plain name.
func lastPart(nameOrARN string) string {
	return nameOrARN[strings.LastIndexByte(nameOrARN, '/')+1:]
}

// taskRef is a task as a caller may name it: an id or an ARN, old or new.
type taskRef struct {
	id      string
	cluster string // empty unless the ARN says it
}

func parseTaskRef(s string) taskRef {
	_, resource, isARN := strings.Cut(s, ":task/")
	if !isARN {
		return taskRef{id: s}
	}
	if cluster, id, ok := strings.Cut(resource, "/"); ok {
		return taskRef{id: id, cluster: cluster}
	}
	return taskRef{id: resource}
}

// ssmTarget is a container as Session Manager names it.
type ssmTarget struct{ cluster, taskID, runtimeID string }

// parseTarget reads ecs:<cluster>_<taskId>_<runtimeId>. It reads from the right, because cluster
// names may hold underscores and the ids do not.
func parseTarget(s string) (ssmTarget, bool) {
	rest, ok := strings.CutPrefix(s, "ecs:")
	if !ok {
		return ssmTarget{}, false
	}
	i := strings.LastIndexByte(rest, '_')
	if i < 0 {
		return ssmTarget{}, false
	}
	j := strings.LastIndexByte(rest[:i], '_')
	if j < 0 {
		return ssmTarget{}, false
	}
	t := ssmTarget{cluster: rest[:j], taskID: rest[j+1 : i], runtimeID: rest[i+1:]}
	return t, t.cluster != "" && t.taskID != "" && t.runtimeID != ""
}
