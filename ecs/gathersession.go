package ecs

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

const (
	// sessionLooks is how often a full container is looked at before it counts as full,
	// with sessionPause between: the list follows the ends of sessions by a second or so.
	sessionLooks = 3
	sessionPause = time.Second

	// sessionPage is the largest page of DescribeSessions (Systems Manager API reference).
	sessionPage = 200
)

// connection is the one question that Systems Manager answers for a single task only.
func (g *gatherer) connection(ctx context.Context) error {
	return question[ssmtypes.ConnectionStatus]{
		action: "ssm:GetConnectionStatus", fact: func(f *Facts) *Fact[ssmtypes.ConnectionStatus] { return &f.Connection },
		key: func(f *Facts) (string, *Gap) { return sessionTarget(f), nil },
		ask: func(ctx context.Context, f *Facts) (ssmtypes.ConnectionStatus, error) {
			return connection(ctx, g.SSM, f.Target)
		},
	}.put(ctx, g)
}

// sessionTarget is what Systems Manager calls the container, "" while it does not run.
func sessionTarget(f *Facts) string {
	if f.Target.RuntimeID == "" {
		return ""
	}
	return f.Target.SSM()
}

func connection(ctx context.Context, client *awsssm.Client, t Target) (ssmtypes.ConnectionStatus, error) {
	out, err := client.GetConnectionStatus(ctx, &awsssm.GetConnectionStatusInput{Target: aws.String(t.SSM())})
	if err != nil {
		return "", err
	}
	return out.Status, nil
}

// Connecting tells whether the agent of the target runs and Systems Manager does not know
// it yet, which takes an agent some seconds, or for ever. It is false as well when
// that cannot be asked: waiting would not help.
func Connecting(ctx context.Context, client *awsssm.Client, t Target) bool {
	if c, _ := t.container(); t.RuntimeID == "" || !agentUp(c) {
		return false
	}
	status, err := connection(ctx, client, t)
	return err == nil && status == ssmtypes.ConnectionStatusNotConnected
}

// sessions lists the sessions to the containers, and looks more than once where one is
// full.
func (g *gatherer) sessions(ctx context.Context) error {
	return list[[]ssmtypes.Session]{
		action: "ssm:DescribeSessions", fact: func(f *Facts) *Fact[[]ssmtypes.Session] { return &f.Sessions }, key: sessionTarget,
		ask: func(ctx context.Context, targets []string) (map[string][]ssmtypes.Session, error) {
			for look := 1; ; look++ {
				active, err := g.activeSessions(ctx, targets)
				full := slices.ContainsFunc(targets, func(t string) bool { return len(active[t]) >= sessionLimit })
				if err != nil || !full || look == sessionLooks {
					return active, err
				}
				select {
				case <-ctx.Done():
					return active, nil
				case <-time.After(sessionPause):
				}
			}
		},
	}.put(ctx, g)
}

// activeSessions sorts the active sessions by their target. The filter takes one
// target: for several, all sessions of the region are fewer calls.
func (g *gatherer) activeSessions(ctx context.Context, targets []string) (map[string][]ssmtypes.Session, error) {
	in := &awsssm.DescribeSessionsInput{State: ssmtypes.SessionStateActive, MaxResults: aws.Int32(sessionPage)}
	if len(targets) == 1 {
		in.Filters = []ssmtypes.SessionFilter{{Key: ssmtypes.SessionFilterKeyTargetId, Value: aws.String(targets[0])}}
	}
	active := map[string][]ssmtypes.Session{}
	pages := awsssm.NewDescribeSessionsPaginator(g.SSM, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.Sessions {
			target := aws.ToString(s.Target)
			active[target] = append(active[target], s)
		}
	}
	return active, nil
}
