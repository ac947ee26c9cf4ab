package tunnel

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Limit is the number of sessions that the SSM agent of a container serves
// (SessionWorkersLimit in the configuration that amazon-ecs-agent gives it). A
// third is queued, and a fourth wedges the agent's control channel for good.
const Limit = 2

// listTimeout bounds the listing of sessions, which only ever serves a message.
const listTimeout = 5 * time.Second

// Session is a session of Systems Manager, as DescribeSessions tells it.
type Session struct {
	ID, Owner, Reason string
	Started           time.Time
}

// String names the session for people.
func (s Session) String() string {
	text := fmt.Sprintf("%s of %s since %s", s.ID, s.Owner[strings.LastIndexByte(s.Owner, '/')+1:], s.Started.UTC().Format(time.TimeOnly+" MST"))
	if s.Reason != "" {
		text += fmt.Sprintf(" (%s)", s.Reason)
	}
	return text
}

// Active lists the active sessions to a target, of all owners. It needs
// ssm:DescribeSessions.
func Active(ctx context.Context, client *awsssm.Client, target string) ([]Session, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	pages := awsssm.NewDescribeSessionsPaginator(client, &awsssm.DescribeSessionsInput{
		State:   ssmtypes.SessionStateActive,
		Filters: []ssmtypes.SessionFilter{{Key: ssmtypes.SessionFilterKeyTargetId, Value: aws.String(target)}},
	})
	var sessions []Session
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing sessions: %w", err)
		}
		for _, s := range page.Sessions {
			sessions = append(sessions, Session{
				ID: aws.ToString(s.SessionId), Owner: aws.ToString(s.Owner),
				Reason: aws.ToString(s.Reason), Started: aws.ToTime(s.StartDate),
			})
		}
	}
	return sessions, nil
}

// noHandshake is the error of a session that never shook hands.
func (t *Tunnel) noHandshake(ctx context.Context, waited time.Duration) error {
	sessions, err := Active(ctx, t.client, t.cfg.Target)
	if err != nil {
		t.log.Debug("listing sessions", "error", err)
	}
	others := make([]Session, 0, len(sessions))
	for _, s := range sessions {
		if s.ID != t.sessionID {
			others = append(others, s)
		}
	}
	return &NoHandshakeError{Target: t.cfg.Target, Waited: waited, Others: others}
}
