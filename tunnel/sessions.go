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

// listTimeout bounds the listing of sessions, which only ever serves a message.
const listTimeout = 5 * time.Second

// Session is a session of Systems Manager, as DescribeSessions tells it.
type Session struct {
	ID, Owner, Reason string
	Started           time.Time
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

// Stale returns those of the sessions whose reason starts with prefix: what an
// earlier run of ours left open because it was killed.
func Stale(sessions []Session, prefix string) []Session {
	var stale []Session
	for _, s := range sessions {
		if strings.HasPrefix(s.Reason, prefix) {
			stale = append(stale, s)
		}
	}
	return stale
}

// noHandshake is the error of a session that never shook hands.
func (t *Tunnel) noHandshake(ctx context.Context) error {
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
	return &NoHandshakeError{Target: t.cfg.Target, Others: others}
}
