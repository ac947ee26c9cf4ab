package ecs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"golang.org/x/sync/errgroup"
)

const simulateAction = "iam:SimulatePrincipalPolicy"

// simulateBatch is how many tasks IAM is asked about at once. It names no limit.
const simulateBatch = 50

// role asks whether the task role may open the agent's channels.
func (g *gatherer) role(ctx context.Context) error {
	return question[Simulation]{
		action: simulateAction, fact: func(f *Facts) *Fact[Simulation] { return &f.Role },
		key: func(f *Facts) (string, *Gap) { return f.Target.roleARN(), nil },
		ask: func(ctx context.Context, f *Facts) (Simulation, error) {
			return g.simulate(ctx, f.Target.roleARN(), channelActions, nil, nil)
		},
	}.put(ctx, g)
}

// roleKMS asks whether the task role may use the key of the cluster.
func (g *gatherer) roleKMS(ctx context.Context) error {
	keyOf := func(f *Facts) string {
		if f.Cluster.gap() != nil {
			return ""
		}
		return aws.ToString(execConfiguration(f.Cluster.Value).KmsKeyId)
	}
	return question[Simulation]{
		action: simulateAction, fact: func(f *Facts) *Fact[Simulation] { return &f.RoleKMS },
		key: func(f *Facts) (string, *Gap) {
			role := f.Target.roleARN() // the key is that of the cluster
			if keyOf(f) == "" || role == "" {
				return "", nil
			}
			if _, ok := f.Target.keyARN(keyOf(f)); !ok {
				return "", &Gap{Reason: keyOf(f) + " is an alias, which no policy names"}
			}
			return role, nil
		},
		ask: func(ctx context.Context, f *Facts) (Simulation, error) {
			arn, _ := f.Target.keyARN(keyOf(f))
			return g.simulate(ctx, f.Target.roleARN(), []string{"kms:Decrypt"}, []string{arn}, nil)
		},
	}.put(ctx, g)
}

// keyARN is the ARN of a KMS key that a cluster names by its id or its ARN. Where it is
// an alias it has to be looked up: ok is false.
func (t Target) keyARN(key string) (arn string, ok bool) {
	ref := t.ref()
	switch {
	case strings.HasPrefix(key, "alias/"), strings.Contains(key, ":alias/"):
		return "", false
	case strings.HasPrefix(key, "arn:"):
		return key, true
	}
	return fmt.Sprintf("arn:%s:kms:%s:%s:key/%s", ref.Partition, ref.Region, ref.Account, key), true
}

// caller asks who asks.
func (g *gatherer) caller(ctx context.Context) error {
	return question[Caller]{
		action: "sts:GetCallerIdentity", fact: func(f *Facts) *Fact[Caller] { return &f.Caller }, key: alike,
		ask: func(ctx context.Context, _ *Facts) (Caller, error) {
			out, err := g.STS.GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
			if err != nil {
				return Caller{}, err
			}
			return Caller{ARN: aws.ToString(out.Arn), Account: aws.ToString(out.Account)}, nil
		},
	}.put(ctx, g)
}

// alike is the key of what is the same for all tasks.
func alike(*Facts) (string, *Gap) { return "all", nil }

// operator asks whether the caller may start a session on the task and on the document
// of the tunnel. The tags of the task count, and that a document is named: IAM is told
// both. It decides on several tasks at once, if they have the same tags.
func (g *gatherer) operator(ctx context.Context) error {
	principal := func(f *Facts) *Fact[string] { return &f.Caller.Value.Principal }
	err := question[string]{
		action: "iam:GetRole", fact: principal, key: func(f *Facts) (string, *Gap) { return f.Caller.Value.ARN, f.Caller.gap() },
		ask: func(ctx context.Context, f *Facts) (string, error) { return g.principal(ctx, f.Caller.Value.ARN) },
	}.put(ctx, g)
	if err != nil {
		return err
	}
	tags := map[string][]*Facts{}
	for _, f := range g.all {
		if gap := principal(f).gap(); gap != nil {
			f.Operator = because[Simulation](gap)
			continue
		}
		key := fmt.Sprintf("%q", f.Target.tagged()) // in the order of the keys
		tags[key] = append(tags[key], f)
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, same := range tags {
		for some := range slices.Chunk(same, simulateBatch) {
			group.Go(func() error { return g.mayStart(ctx, some) })
		}
	}
	return group.Wait()
}

// mayStart asks for tasks that have the same tags.
func (g *gatherer) mayStart(ctx context.Context, some []*Facts) error {
	first := some[0].Target
	document := first.documentARN()
	attributes := first.tagged()
	attributes["ssm:SessionDocumentAccessCheck"] = "true"
	var resources []string
	for _, f := range some {
		resources = append(resources, f.Target.TaskARN)
	}
	all, err := asked(simulateAction, func() (Simulation, error) {
		defer g.slot(ctx)()
		return g.simulate(ctx, some[0].Caller.Value.Principal.Value, []string{"ssm:StartSession"}, append(resources, document), attributes)
	})
	for _, f := range some {
		f.Operator = all
		if all.Gap == nil && len(some) > 1 {
			f.Operator = all.Value.about(f.Target.TaskARN, document)
		}
	}
	return err
}

// about is what a simulation says of some of its resources, each of which it has to
// tell of.
func (s Simulation) about(resources ...string) Fact[Simulation] {
	some := Simulation{Principal: s.Principal}
	for _, resource := range resources {
		for _, d := range s.Decisions {
			if d.Resource == resource {
				some.Decisions = append(some.Decisions, d)
			}
		}
	}
	if len(some.Decisions) < len(resources) {
		return Unknown[Simulation]("%s tells nothing of %s", simulateAction, strings.Join(resources, " or "))
	}
	return Known(some)
}

// principal is the ARN that IAM knows a caller by. That of a session of a role lacks
// the role's path, which has to be asked for.
func (g *gatherer) principal(ctx context.Context, arn string) (string, error) {
	resource := arn[strings.LastIndexByte(arn, ':')+1:]
	kind, rest, _ := strings.Cut(resource, "/")
	switch kind {
	case "assumed-role":
		name, _, _ := strings.Cut(rest, "/")
		out, err := g.IAM.GetRole(ctx, &awsiam.GetRoleInput{RoleName: aws.String(name)})
		if err != nil {
			return "", err
		}
		if out.Role == nil {
			return "", &goneError{what: "role " + name}
		}
		return aws.ToString(out.Role.Arn), nil
	case "user", "role":
		return arn, nil
	}
	return "", &unsimulatedError{kind: kind}
}

// unsimulatedError means that IAM simulates no policies of a kind of principal.
type unsimulatedError struct{ kind string }

func (e *unsimulatedError) Error() string      { return "IAM simulates no policies of " + e.kind }
func (e *unsimulatedError) unanswered() string { return e.Error() }

// simulate asks IAM what the policies of a principal say.
func (g *gatherer) simulate(ctx context.Context, principal string, actions, resources []string, attributes map[string]string) (Simulation, error) {
	in := &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String(principal), ActionNames: actions, ResourceArns: resources}
	for _, key := range slices.Sorted(maps.Keys(attributes)) {
		in.ContextEntries = append(in.ContextEntries, iamtypes.ContextEntry{
			ContextKeyName: aws.String(key), ContextKeyType: iamtypes.ContextKeyTypeEnumString, ContextKeyValues: []string{attributes[key]},
		})
	}
	s := Simulation{Principal: principal}
	pages := awsiam.NewSimulatePrincipalPolicyPaginator(g.IAM, in)
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return s, err
		}
		for _, r := range out.EvaluationResults {
			for _, d := range decisions(r) {
				known := func(have Decision) bool { return have.Action == d.Action && have.Resource == d.Resource }
				if !slices.ContainsFunc(s.Decisions, known) { // each resource may have an evaluation that tells of all
					s.Decisions = append(s.Decisions, d)
				}
			}
		}
	}
	return s, nil
}

// decisions are what one evaluation says: of each resource, if there are some, else of
// all. What it says itself is then the most restrictive of them.
func decisions(r iamtypes.EvaluationResult) []Decision {
	all := Decision{Action: aws.ToString(r.EvalActionName), Resource: aws.ToString(r.EvalResourceName), Decision: string(r.EvalDecision), Missing: r.MissingContextValues}
	all.Boundary = r.PermissionsBoundaryDecisionDetail != nil && !r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary
	all.Organization = r.OrganizationsDecisionDetail != nil && !r.OrganizationsDecisionDetail.AllowedByOrganizations
	if len(r.ResourceSpecificResults) == 0 {
		return []Decision{all}
	}
	var each []Decision
	for _, on := range r.ResourceSpecificResults {
		d := all
		d.Resource, d.Decision, d.Missing = aws.ToString(on.EvalResourceName), string(on.EvalResourceDecision), on.MissingContextValues
		if on.PermissionsBoundaryDecisionDetail != nil {
			d.Boundary = !on.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary
		}
		each = append(each, d)
	}
	return each
}
