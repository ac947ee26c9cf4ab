package tunnel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
)

const (
	// connectTimeout bounds one websocket handshake.
	connectTimeout = 15 * time.Second

	// resumeTimeout is how long a lost socket is tried again. It outlasts a
	// change of network and is far below the session's idle timeout.
	resumeTimeout = 5 * time.Minute

	// The pauses between tries double from the first to the last.
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second

	// A socket that dies within shortLife, shortLives times in a row, is being
	// refused rather than lost.
	shortLife  = time.Second
	shortLives = 10
)

// link keeps a websocket under the channel: it connects, serves, and when the
// socket dies asks Systems Manager for a new token and connects again.
type link struct {
	client    *awsssm.Client
	sessionID string
	http      *http.Client // opens the websockets
	channel   *channel
	log       *slog.Logger
	notice    func(string)
	streamURL string
	lost      atomic.Pointer[error] // why there is no socket now; nil while there is one
}

// run serves s and its successors until the session or ctx ends. It never
// returns nil.
func (l *link) run(ctx context.Context, s *socket) error {
	short := 0
	for {
		since := time.Now()
		l.lost.Store(nil)
		l.channel.attach(s)
		err := s.serve(ctx, l.channel)
		l.channel.detach()
		l.lost.Store(&err)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		var closed *ClosedByPeerError
		var fatal *protocolError
		if errors.As(err, &closed) || errors.As(err, &fatal) {
			return err
		}
		if short++; time.Since(since) > shortLife {
			short = 0
		}
		if short >= shortLives {
			return fmt.Errorf("the message gateway ends every connection: %w", err)
		}
		l.notice(fmt.Sprintf("the connection to AWS was lost (%v), resuming the session for up to %s", err, resumeTimeout))
		if s, err = l.resume(ctx, short); err != nil {
			return err
		}
		l.notice("session resumed, nothing was lost")
	}
}

// resume gets a token for the session and connects, until it succeeds, AWS
// refuses, or resumeTimeout is over.
func (l *link) resume(ctx context.Context, short int) (*socket, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, resumeTimeout, fmt.Errorf("no way back to the session within %s", resumeTimeout))
	defer cancel()
	pause := min(firstPause<<short, lastPause)
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
		s, err := l.tryResume(ctx)
		if err == nil {
			return s, nil
		}
		l.log.Debug("resuming", "error", err)
		if isRefusal(err) || errors.Is(err, errSessionOver) {
			return nil, fmt.Errorf("resuming the session: %w", err)
		}
	}
}

// errSessionOver is ResumeSession's way of saying that there is nothing to resume.
var errSessionOver = errors.New("the session is over")

func (l *link) tryResume(ctx context.Context) (*socket, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, connectTimeout, errConnectTimeout)
	defer cancel()
	out, err := l.client.ResumeSession(ctx, &awsssm.ResumeSessionInput{SessionId: aws.String(l.sessionID)})
	switch {
	case err != nil && isOver(err), err == nil && aws.ToString(out.TokenValue) == "":
		return nil, errSessionOver
	case err != nil:
		return nil, err
	}
	streamURL := aws.ToString(out.StreamUrl)
	if streamURL == "" {
		streamURL = l.streamURL
	}
	return l.connect(ctx, streamURL, aws.ToString(out.TokenValue))
}

// connect opens a websocket and redeems the token.
func (l *link) connect(ctx context.Context, streamURL, token string) (*socket, error) {
	l.streamURL = streamURL
	request, err := l.channel.openRequest(token)
	if err != nil {
		return nil, err
	}
	return dialSocket(ctx, l.http, streamURL, request, l.log)
}

// webClient is what opens websockets: the HTTP client of the SDK's client, which
// knows the proxy and the certificates to trust (AWS_CA_BUNDLE), but none of its
// idle connections.
func webClient(client *awsssm.Client) *http.Client {
	switch c := client.Options().HTTPClient.(type) {
	case *http.Client:
		return c
	case *awshttp.BuildableClient:
		transport := c.GetTransport() // a copy
		transport.DisableKeepAlives = true
		return &http.Client{Transport: transport}
	}
	return http.DefaultClient
}
