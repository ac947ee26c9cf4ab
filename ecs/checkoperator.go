package ecs

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

const (
	// snapshotTime is how long a single snapshot is taken for, from check to report,
	// when nothing else is said: 440 MB took 11 minutes through a tunnel.
	snapshotTime = 15 * time.Minute

	// leastDisk is below what no snapshot of a Node.js service fits: that of an empty
	// process has 5 MB, and the verified copy takes as much again.
	leastDisk = 64 << 20
)

func operatorRules() []Rule {
	return []Rule{
		{
			ID: "op.identity", What: "who asks, and for how long", Worst: Warn, Needs: []string{"sts:GetCallerIdentity"},
			Want: "credentials that outlast the capture", Why: "an open session survives its credentials, but a lost one cannot be opened again",
			judge: judgeIdentity,
		},
		{
			ID: "op.startsession", What: "you may open the tunnel", Worst: Block, Needs: []string{"iam:SimulatePrincipalPolicy", "iam:GetRole"},
			Want: "ssm:StartSession on the task and on the document AWS-StartPortForwardingSession", Why: "IAM asks for both, and its refusal names one",
			judge: judgeStartSession,
		},
		{
			ID: "op.disk", What: "room for the files here", Worst: Block,
			Want: "three times the memory limit", Why: "a snapshot that does not fit is cut off, and the pause was for nothing",
			judge: judgeDisk,
		},
		{
			ID: "op.port", What: "a local port can be had", Worst: Warn,
			Want: "a free port on 127.0.0.1", Why: "ecsheap tunnel listens there; snapshot needs none",
			judge: func(f *Facts) Finding {
				if gap := f.Local.Listen.gap(); gap != nil {
					return gap.finding()
				}
				if err := f.Local.Listen.Value; err != nil {
					return Finding{Level: Warn, Got: err.Error(), Fix: "look at what filters 127.0.0.1 on this machine", Live: true}
				}
				return fine("127.0.0.1 can be listened on")
			},
		},
	}
}

func judgeIdentity(f *Facts) Finding {
	who := ""
	if gap := f.Caller.gap(); gap == nil {
		who = f.Caller.Value.ARN
	} else if *gap != notAsked {
		who = "identity " + gap.text()
	}
	if f.Local.CredentialsEnd.gap() != nil {
		if who == "" {
			return Finding{}
		}
		return told(who)
	}
	end := f.Local.CredentialsEnd.Value
	if end.IsZero() {
		return fine(strings.TrimPrefix(who+", credentials without an end", ", "))
	}
	left := end.Sub(f.At).Round(time.Minute)
	planned := max(f.Planned, snapshotTime)
	text := strings.TrimPrefix(fmt.Sprintf("%s, credentials for another %s", who, left), ", ")
	if left < planned {
		return Finding{Level: Warn, Got: text, Want: fmt.Sprintf("credentials for %s or more", planned), Live: true,
			Fix: "log in again before a long series (for example `aws sso login`); roles that are assumed from roles end after an hour"}
	}
	return fine(text)
}

func judgeStartSession(f *Facts) Finding {
	if gap := f.Operator.gap(); gap != nil {
		return gap.finding()
	}
	s := f.Operator.Value
	sure, unsure := s.denied()
	who := lastSegment(s.Principal)
	switch {
	case len(sure) > 0:
		found := Finding{Level: Block, Live: true, Fix: "have the policy attached to " + who + " that `ecsheap policy operator-snapshot` prints",
			Got: fmt.Sprintf("%s may not ssm:StartSession on %s", who, resources(sure)), Params: map[string]string{ParamPolicy: "operator-snapshot"}}
		if by := deniedBy(sure); by != "" {
			found.Got += ", denied by " + by
			found.Fix, found.Params = "have it allowed there: "+by, nil
		}
		return found
	case len(unsure) > 0:
		return Finding{Level: Warn, Unknown: true, Live: true, Fix: "try it: ecsheap check --probe",
			Got: fmt.Sprintf("%s may ssm:StartSession on %s only under conditions that IAM cannot simulate (%s)", who, resources(unsure), strings.Join(missingKeys(unsure), ", "))}
	}
	return fine(who + " may open a session")
}

// resources names those of decisions: the task, or the document.
func resources(decisions []Decision) string {
	var names []string
	for _, d := range decisions {
		names = append(names, d.Resource)
	}
	return strings.Join(names, " and ")
}

// judgeDisk does not know how large the heap is, but that it is no larger than the
// memory limit.
func judgeDisk(f *Facts) Finding {
	if gap := f.Local.Disk.gap(); gap != nil {
		return gap.finding()
	}
	d := f.Local.Disk.Value
	_, limit := f.Target.memoryLimit()
	text := fmt.Sprintf("%s free in %s", mib(d.Free), d.Dir)
	switch {
	case d.Free < leastDisk:
		return Finding{Level: Block, Got: text, Fix: "make room, or choose another place with --dir", Live: true}
	case d.Free < 3*limit:
		return Finding{Level: Warn, Got: text, Want: fmt.Sprintf("three times the memory limit of %s, to be sure", mib(limit)), Fix: "make room, or choose another place with --dir", Live: true}
	}
	return fine(text)
}

// documentARN is the document that a tunnel is started with: AWS's own, so that it
// has no account.
func (t Target) documentARN() string {
	ref := t.ref()
	return fmt.Sprintf("arn:%s:ssm:%s::document/AWS-StartPortForwardingSession", ref.Partition, ref.Region)
}

// tagged are the tags of the task as IAM's condition keys.
func (t Target) tagged() map[string]string {
	tags := map[string]string{}
	for _, tag := range t.task.Tags {
		tags["aws:ResourceTag/"+aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return tags
}
