// Package tunnel reaches a TCP port inside a container through AWS Systems
// Manager, the way `aws ssm start-session` with the document
// AWS-StartPortForwardingSession does, but inside this process: [Tunnel.Dial]
// gives a net.Conn to the port, and no local port is opened, because a local
// port would hand code execution in the container to every local user.
//
// # Layers
//
//	net.Conn           one smux stream for each Dial; the SSM agent dials localhost:<port> for it
//	smux v1            github.com/xtaci/smux, with a frame every 25 s against the session's idle timer
//	data channel       numbered, acknowledged 1 KiB messages; handshake and encryption by the plugin's packages
//	websocket          to the message gateway; may be lost and resumed at any time
//
// The session package of github.com/aws/session-manager-plugin is not used: it
// ends the process from four places and prints on stdout (docs/decisions/0001).
// What is ours is the websocket, the resend loop, the resume after a lost
// socket and the end of the session at AWS on every way out.
package tunnel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/xtaci/smux"
)

const (
	// document is the SSM document that forwards one port of the target itself.
	document = "AWS-StartPortForwardingSession"

	// startTimeout bounds StartSession, which is not cancelled by the caller's
	// context: a request that was given up may still have made a session.
	startTimeout = 30 * time.Second

	// handshakeTimeout is longer than the 15 s that the agent waits for an
	// answer of ours. A session over the container's limit of two is queued
	// by the agent and never shakes hands.
	handshakeTimeout = 20 * time.Second

	// keepAliveEvery is far below the least idle timeout that can be set for Session
	// Manager, which is one minute; the default is 20.
	keepAliveEvery = 25 * time.Second

	// closeTimeout bounds the end of the session at AWS.
	closeTimeout = 10 * time.Second

	// drainTimeout is how long Close keeps the socket for the agent's last
	// words. An agent whose messages are not acknowledged keeps the session's
	// place for two seconds more; runs that follow each other quickly would fill
	// both places of the container, and one more session wedges the agent.
	drainTimeout = 2 * time.Second

	// streamTimeout bounds the closing of a stream. smux itself takes up to 30 s
	// when the peer does not acknowledge.
	streamTimeout = 2 * time.Second
)

// Config says where a tunnel leads.
type Config struct {
	// Target is the SSM target, for a container ecs:<cluster>_<task>_<runtime id>.
	Target string
	// Port is the TCP port inside the target.
	Port int
	// Reason is stored with the session: CloudTrail and DescribeSessions show it.
	Reason string
	// Log receives debug records; nil is silent.
	Log *slog.Logger
	// Notice, if set, is told in one line of what a user should know while the
	// tunnel is open (a socket that was lost, and resumed). It must not block.
	Notice func(string)
}

// Tunnel is an open session. Its methods may be called from several goroutines.
type Tunnel struct {
	cfg       Config
	client    *awsssm.Client
	sessionID string
	log       *slog.Logger

	channel *channel
	mux     *smux.Session

	cancel context.CancelCauseFunc
	wg     sync.WaitGroup // every goroutine of the tunnel

	lost     chan struct{}
	lostOnce sync.Once
	lostErr  error

	closeOnce sync.Once
	closeErr  error
}

// Open starts a session and waits until the agent in the target has shaken
// hands. The context bounds the opening alone. Every error after the start of
// the session has ended the session again.
//
// No session is started where the container has two: one more would wait, and the
// next wedge the agent. A session that somebody started in the same moment is
// noticed when no handshake comes; the younger one is given up.
//
// Errors: [*BusyError], [*NotConnectedError], [*NoHandshakeError], [*LostError], or
// what the SDK returned.
func Open(ctx context.Context, client *awsssm.Client, cfg Config) (*Tunnel, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Notice == nil {
		cfg.Notice = func(string) {}
	}
	if err := haveRoom(ctx, client, cfg); err != nil {
		return nil, err
	}
	started, err := startSession(ctx, client, cfg)
	if err != nil {
		return nil, err
	}
	t := &Tunnel{
		cfg: cfg, client: client, sessionID: aws.ToString(started.SessionId),
		log: cfg.Log.With("session", aws.ToString(started.SessionId)), lost: make(chan struct{}),
	}
	err = recovered("opening the session", func() error { return t.open(ctx, aws.ToString(started.StreamUrl), aws.ToString(started.TokenValue)) })
	if err != nil {
		if closeErr := t.Close(); closeErr != nil {
			cfg.Notice(closeErr.Error())
		}
		return nil, err
	}
	return t, nil
}

// startSession starts the session. It outlives a cancelled context, so that a
// session that was made all the same is known and can be ended.
func startSession(ctx context.Context, client *awsssm.Client, cfg Config) (*awsssm.StartSessionOutput, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	port := strconv.Itoa(cfg.Port)
	callCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTimeout)
	defer cancel()
	out, err := client.StartSession(callCtx, &awsssm.StartSessionInput{
		Target:       aws.String(cfg.Target),
		DocumentName: aws.String(document),
		Parameters:   map[string][]string{"portNumber": {port}, "localPortNumber": {"0"}},
		Reason:       aws.String(cfg.Reason),
	})
	if err != nil {
		return nil, startError(cfg.Target, err)
	}
	return out, nil
}

// open connects the websocket, starts the goroutines and waits for the handshake.
func (t *Tunnel) open(ctx context.Context, streamURL, token string) error {
	t.channel = newChannel(t.cfg.Target, t.sessionID, rand.Text(), t.log)
	link, err := t.connect(ctx, streamURL, token)
	if err != nil {
		return err
	}
	if err := t.await(ctx, link, handshakeTimeout); err != nil {
		return err
	}
	return t.openMux()
}

// connect opens the first websocket and starts the goroutines that keep one
// under the channel.
func (t *Tunnel) connect(ctx context.Context, streamURL, token string) (*link, error) {
	runCtx, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	t.cancel = cancel

	link := &link{client: t.client, sessionID: t.sessionID, http: webClient(t.client), channel: t.channel, log: t.log, notice: t.cfg.Notice}
	// Not even a cancelled context stops the connecting: the agent has begun a
	// handshake, and wants to have it acknowledged before it lets go.
	connectCtx, stop := context.WithTimeoutCause(runCtx, connectTimeout, errConnectTimeout)
	defer stop()
	first, err := link.connect(connectCtx, streamURL, token)
	if err != nil {
		return nil, &LostError{Session: t.sessionID, Err: fmt.Errorf("opening the data channel: %w", err)}
	}
	t.start("link", func() error { return link.run(runCtx, first) })
	t.start("resend", func() error { return t.channel.resendLoop(runCtx) })
	return link, nil
}

// await waits until the agent has given a first sign of life.
func (t *Tunnel) await(ctx context.Context, link *link, limit time.Duration) error {
	timeout, look := time.NewTimer(limit), time.NewTimer(lookAfter)
	defer timeout.Stop()
	defer look.Stop()
	for waiting := true; waiting; {
		select {
		case <-t.channel.ready:
			return nil
		case <-t.lost:
			return t.lostErr
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-look.C:
			if err := t.crowded(ctx); err != nil {
				return err
			}
		case <-timeout.C:
			waiting = false
		}
	}
	if lost := link.lost.Load(); lost != nil {
		return &LostError{Session: t.sessionID, Err: *lost}
	}
	return t.noHandshake(ctx, limit)
}

// openMux starts the smux client on top of the data channel.
func (t *Tunnel) openMux() error {
	cfg := smux.DefaultConfig() // version 1, as in the agent
	// A frame without meaning now and then is client data, which keeps the session
	// from idling out for as long as this process lives. That nothing answers says
	// nothing: the agent sends none.
	cfg.KeepAliveInterval = keepAliveEvery
	cfg.KeepAliveTimeout = math.MaxInt64
	mux, err := smux.Client(t.channel, cfg)
	if err != nil {
		return fmt.Errorf("starting smux: %w", err)
	}
	t.mux = mux
	return nil
}

// start runs one of the tunnel's goroutines. Its error, or its panic, ends the
// tunnel: a panic must not end the process before the session is ended.
func (t *Tunnel) start(name string, run func() error) {
	t.wg.Go(func() {
		err := recovered(name, run)
		if err != nil && !errors.Is(err, errClosed) {
			t.fail(err)
		}
	})
}

// fail marks the tunnel as lost, once.
func (t *Tunnel) fail(err error) {
	t.lostOnce.Do(func() {
		t.lostErr = &LostError{Session: t.sessionID, Err: err}
		close(t.lost)
		t.channel.shut(t.lostErr)
		t.cancel(t.lostErr)
	})
}

// SessionID is the id of the session at AWS.
func (t *Tunnel) SessionID() string { return t.sessionID }

// Lost is closed when the session is gone for good. A lost socket alone is
// resumed and does not close it.
func (t *Tunnel) Lost() <-chan struct{} { return t.lost }

// Err is nil while the tunnel lives, and afterwards a [*LostError].
func (t *Tunnel) Err() error {
	select {
	case <-t.lost:
		return t.lostErr
	default:
		return nil
	}
}

// WireBytes is the number of bytes received from the gateway so far, message
// headers and acknowledgements included.
func (t *Tunnel) WireBytes() int64 { return t.channel.received.Load() }

// Dial opens a connection to the port. It succeeds even if nothing listens
// there, as the agent dials after the stream is open: the first Read then
// returns a [*RefusedError].
func (t *Tunnel) Dial(ctx context.Context) (net.Conn, error) {
	if err := t.Err(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	refused := t.channel.refused.Load()
	stream, err := t.openStream(ctx)
	if err != nil {
		if lost := t.Err(); lost != nil {
			return nil, lost
		}
		return nil, fmt.Errorf("opening a stream: %w", err)
	}
	return &conn{Conn: stream, tunnel: t, refusedBefore: refused}, nil
}

// openStream is smux's OpenStream, which knows no context: it blocks while the
// window is full. What it opens after ctx has ended is closed again.
func (t *Tunnel) openStream(ctx context.Context) (net.Conn, error) {
	type result struct {
		stream *smux.Stream
		err    error
	}
	opened := make(chan result, 1)
	go func() {
		stream, err := t.mux.OpenStream()
		opened <- result{stream, err}
	}()
	select {
	case r := <-opened:
		return r.stream, r.err
	case <-ctx.Done():
		go func() {
			if r := <-opened; r.err == nil {
				_ = r.stream.Close()
			}
		}()
		return nil, context.Cause(ctx)
	}
}

// Close ends the streams, the session at AWS and every goroutine. It returns
// an error if AWS did not confirm the end. Only the first call does anything.
func (t *Tunnel) Close() error {
	t.closeOnce.Do(func() {
		if t.mux != nil {
			_ = t.mux.Close() // its own error is "already closed"
		}
		if t.channel != nil {
			t.drain()
		}
		t.closeErr = terminate(context.Background(), t.client, t.sessionID)
		if t.channel != nil {
			t.channel.shut(errClosed)
		}
		if t.cancel != nil {
			t.cancel(errClosed)
		}
		t.wg.Wait()
	})
	return t.closeErr
}

// drain lets the agent end the session first: it acknowledges our flag, sends
// what it has left, which is still acknowledged here, and closes the channel.
func (t *Tunnel) drain() {
	timeout := time.NewTimer(drainTimeout)
	defer timeout.Stop()
	select { // an agent in the middle of the handshake takes no flag
	case <-t.channel.ready:
	case <-t.lost:
		return
	case <-timeout.C:
		return
	}
	t.channel.sendTerminate()
	timeout.Reset(drainTimeout)
	select {
	case <-t.lost:
	case <-timeout.C:
	}
}

// terminate ends the session at AWS, whatever has become of ctx.
func terminate(ctx context.Context, client *awsssm.Client, sessionID string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	_, err := client.TerminateSession(ctx, &awsssm.TerminateSessionInput{SessionId: aws.String(sessionID)})
	if err == nil || isOver(err) {
		return nil
	}
	return &OpenSessionError{Session: sessionID, Err: err}
}

// conn is one smux stream that tells why it ended. It embeds the interface so
// that io.Copy finds no WriteTo of the stream, which would bypass Read.
type conn struct {
	net.Conn
	tunnel        *Tunnel
	refusedBefore int64
	gotData       bool // only Read touches it, and Read has one caller at a time
}

// Read reads from the port. When what listens there closes the connection or dies,
// it returns io.EOF after all that was said before; the tunnel lives, and a process
// that comes back is reached by another Dial. At the end of a stream that never
// carried a byte,
// a refusal that the agent reported meanwhile becomes a [*RefusedError]; when
// the tunnel is gone, its [*LostError] is returned.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.gotData = c.gotData || n > 0
	if err == nil || errors.Is(err, smux.ErrTimeout) {
		return n, err
	}
	if lost := c.tunnel.Err(); lost != nil {
		return n, lost
	}
	if !c.gotData && c.tunnel.channel.refused.Load() > c.refusedBefore {
		return n, &RefusedError{Port: c.tunnel.cfg.Port}
	}
	return n, err
}

// Close ends the stream, without waiting for long for a peer that does not
// acknowledge.
func (c *conn) Close() error {
	closed := make(chan error, 1)
	go func() { closed <- c.Conn.Close() }()
	select {
	case err := <-closed:
		return err
	case <-time.After(streamTimeout):
		return nil // the tunnel's end ends it
	}
}

// Write writes to the port. When the tunnel is gone it returns its [*LostError].
func (c *conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if err != nil {
		if lost := c.tunnel.Err(); lost != nil {
			return n, lost
		}
	}
	return n, err
}
