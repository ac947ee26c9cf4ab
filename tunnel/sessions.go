package tunnel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// lookAfter is when a session that has not shaken hands is compared with the
// others: agents take well under a second.
const lookAfter = 3 * time.Second

// looks is how often a full container is looked at before it counts as full, with
// lookPause between: the list of sessions follows their ends by a second or so.
const (
	looks     = 3
	lookPause = time.Second
)

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

// EndAbandoned ends sessions to a target that earlier processes of ours left open,
// usually because they were killed, and returns those that it ended. Such a session
// takes one of the container's two places until its idle timeout. A session is left alone
// unless abandoned, given its reason, says that the process that started it is known
// to be gone: with a role that people share, the owner alone proves nothing. It is
// left alone, too, if its owner is not the caller, whom owner names
// (sts:GetCallerIdentity), and who is asked for only then. And so is one that is not
// listed any more two seconds later: its process ended it, and the list was late.
//
// It returns when AWS does not list the sessions any more, or a few seconds later. It
// goes on after an error, which is joined into the one returned.
func EndAbandoned(ctx context.Context, client *awsssm.Client, target string, owner func(context.Context) (string, error), abandoned func(reason string) bool) ([]Session, error) {
	sessions, err := stillAbandoned(ctx, client, target, abandoned)
	if err != nil || len(sessions) == 0 {
		return nil, err
	}
	us, err := owner(ctx)
	if err != nil {
		return nil, err
	}
	var ended []Session
	var errs []error
	for _, s := range sessions {
		if us == "" || s.Owner != us {
			continue
		}
		if err := terminate(ctx, client, s.ID); err != nil {
			errs = append(errs, err)
			continue
		}
		ended = append(ended, s)
	}
	awaitUnlisted(ctx, client, target, ended)
	return ended, errors.Join(errs...)
}

// stillAbandoned lists the sessions whose reason is one that abandoned knows, when it
// has looked for a while: the list follows an end by a second or so.
func stillAbandoned(ctx context.Context, client *awsssm.Client, target string, abandoned func(reason string) bool) ([]Session, error) {
	for look := 1; ; look++ {
		sessions, err := Active(ctx, client, target)
		if err != nil {
			return nil, err
		}
		sessions = slices.DeleteFunc(sessions, func(s Session) bool { return !abandoned(s.Reason) })
		if len(sessions) == 0 || look == looks {
			return sessions, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lookPause):
		}
	}
}

// awaitUnlisted waits until none of the sessions, which were ended, is listed as
// active: the list follows by a second or so, and would be counted.
func awaitUnlisted(ctx context.Context, client *awsssm.Client, target string, ended []Session) {
	if len(ended) == 0 {
		return
	}
	for range looks {
		active, err := Active(ctx, client, target)
		if err != nil || !slices.ContainsFunc(active, func(s Session) bool {
			return slices.ContainsFunc(ended, func(e Session) bool { return e.ID == s.ID })
		}) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(lookPause):
		}
	}
}

// Settled is Active, but looks again, for two seconds, at a container that seems to
// have as many sessions as it serves: the list may show one that has just been ended,
// such as the one that is being replaced.
func Settled(ctx context.Context, client *awsssm.Client, target string) ([]Session, error) {
	for look := 1; ; look++ {
		sessions, err := Active(ctx, client, target)
		if err != nil || len(sessions) < Limit || look == looks {
			return sessions, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(lookPause):
		}
	}
}

// haveRoom returns a [*BusyError] when the container has as many sessions as it
// serves. It cannot tell without ssm:DescribeSessions, and then does not.
func haveRoom(ctx context.Context, client *awsssm.Client, cfg Config) error {
	sessions, err := Settled(ctx, client, cfg.Target)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil:
		cfg.Log.Debug("listing sessions", "error", err)
		return nil
	case len(sessions) < Limit:
		return nil
	}
	return &BusyError{Target: cfg.Target, Sessions: sessions}
}

// crowded returns a [*BusyError] when as many sessions as the container serves are
// older than ours: it will not be served before one of them ends. Sessions of the
// same moment are told apart by their ids, so that not all of them step back.
func (t *Tunnel) crowded(ctx context.Context) error {
	sessions, err := Active(ctx, t.client, t.cfg.Target)
	if err != nil {
		t.log.Debug("listing sessions", "error", err)
		return nil
	}
	slices.SortFunc(sessions, func(a, b Session) int {
		return cmp.Or(a.Started.Compare(b.Started), strings.Compare(a.ID, b.ID))
	})
	ours := slices.IndexFunc(sessions, func(s Session) bool { return s.ID == t.sessionID })
	if ours < Limit {
		return nil
	}
	return &BusyError{Target: t.cfg.Target, Sessions: sessions[:ours]}
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
