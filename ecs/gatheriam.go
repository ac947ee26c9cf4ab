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
)

const simulateAction = "iam:SimulatePrincipalPolicy"

// role asks whether the task role may open the agent's channels.
func (g *gatherer) role(ctx context.Context) error {
	role := g.f.Target.roleARN()
	if role == "" {
		return nil
	}
	return ask(&g.f.Role, simulateAction, func() (Simulation, error) {
		return g.simulate(ctx, role, channelActions, nil, nil)
	})
}

// roleKMS asks whether the task role may use the key of the cluster.
func (g *gatherer) roleKMS(ctx context.Context) error {
	role := g.f.Target.roleARN()
	key := aws.ToString(execConfiguration(g.f.Cluster.Value).KmsKeyId)
	if g.f.Cluster.gap() != nil || key == "" || role == "" {
		return nil
	}
	arn, ok := g.f.Target.keyARN(key)
	if !ok {
		g.f.RoleKMS = Unknown[Simulation]("%s is an alias, which no policy names", key)
		return nil
	}
	return ask(&g.f.RoleKMS, simulateAction, func() (Simulation, error) {
		return g.simulate(ctx, role, []string{"kms:Decrypt"}, []string{arn}, nil)
	})
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
	return ask(&g.f.Caller, "sts:GetCallerIdentity", func() (Caller, error) {
		out, err := g.STS.GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
		if err != nil {
			return Caller{}, err
		}
		return Caller{ARN: aws.ToString(out.Arn), Account: aws.ToString(out.Account)}, nil
	})
}

// operator asks whether the caller may start a session on the task and on the document
// of the tunnel. The tags of the task count, and that a document is named: IAM is told
// both.
func (g *gatherer) operator(ctx context.Context) error {
	if gap := g.f.Caller.gap(); gap != nil {
		g.f.Operator = because[Simulation](gap)
		return nil
	}
	if err := ask(&g.f.Caller.Value.Principal, "iam:GetRole", func() (string, error) { return g.principal(ctx, g.f.Caller.Value.ARN) }); err != nil {
		return err
	}
	principal := g.f.Caller.Value.Principal
	if gap := principal.gap(); gap != nil {
		g.f.Operator = because[Simulation](gap)
		return nil
	}
	context := g.f.Target.tagged()
	context["ssm:SessionDocumentAccessCheck"] = "true"
	return ask(&g.f.Operator, simulateAction, func() (Simulation, error) {
		return g.simulate(ctx, principal.Value, []string{"ssm:StartSession"}, []string{g.f.Target.TaskARN, g.f.Target.documentARN()}, context)
	})
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
			d := Decision{Action: aws.ToString(r.EvalActionName), Resource: aws.ToString(r.EvalResourceName), Decision: string(r.EvalDecision), Missing: r.MissingContextValues}
			d.Boundary = r.PermissionsBoundaryDecisionDetail != nil && !r.PermissionsBoundaryDecisionDetail.AllowedByPermissionsBoundary
			d.Organization = r.OrganizationsDecisionDetail != nil && !r.OrganizationsDecisionDetail.AllowedByOrganizations
			s.Decisions = append(s.Decisions, d)
		}
	}
	return s, nil
}
