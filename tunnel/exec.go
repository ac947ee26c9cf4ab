package tunnel

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
)

const (
	// firstOutputTimeout is how long a command may be silent. A session of ECS
	// Exec has no handshake, so output is the first sign of it; the agent reads
	// none in the first second, and a Node.js that starts beside a busy one on a
	// quarter of a CPU takes many more.
	firstOutputTimeout = 60 * time.Second

	// defaultOutputLimit is far above what a script of ours answers.
	defaultOutputLimit = 1 << 20

	// exitPrefix begins the payload of an ExitCode message
	// (amazon-ssm-agent agent/session/shell).
	exitPrefix = "EXIT_CODE: "

	// notStartedText is in the agent's last words about a command that it could
	// not start (amazon-ssm-agent agent/session/shell).
	notStartedText = "Unable to start command"
)

// NotStarted is the exit code of a command that the agent could not start, as
// shells have it.
const NotStarted = 127

// ExecSession is the session that ecs:ExecuteCommand answers with.
type ExecSession struct {
	ID    string // sessionId
	URL   string // streamUrl
	Token string // tokenValue, good for one connection
}

// ExecConfig says which command's session to follow.
type ExecConfig struct {
	Session ExecSession
	// Target is the SSM target of the container. It is needed to name sessions
	// that are in the way, and as a part of the encryption context where the
	// cluster has a KMS key for ECS Exec.
	Target string
	// Limit is the most output to take, in bytes; 0 is 1 MiB.
	Limit int
	// Log receives debug records; nil is silent. Output is never logged.
	Log *slog.Logger
	// Notice, if set, is told in one line of what a user should know meanwhile.
	// It must not block.
	Notice func(string)
}

// Result is what became of a command.
type Result struct {
	// Output is what the command wrote to its terminal, both streams together,
	// with "\r\n" for each newline. For a command that did not start it is what
	// the agent says about it.
	Output []byte
	// ExitCode is meaningful when Known is set. The agent tells none for an
	// interactive command, which those of ECS Exec all are; only [NotStarted] is
	// known of them.
	ExitCode int
	Known    bool
}

// OutputError means that a command wrote more than it may.
type OutputError struct{ Limit int }

func (e *OutputError) Error() string {
	return fmt.Sprintf("the command wrote more than %d bytes", e.Limit)
}

// Exec follows a session of ECS Exec until its command ends, on the same layers
// as [Open]: a lost socket is resumed. Nothing is typed into the command's
// terminal. The session is ended at AWS on every way out, which kills a command
// that still runs; the caller must call Exec for every session it was given.
//
// The end of the output may be missing without an error: an agent whose messages
// got lost gives up two seconds after the command's end (amazon-ssm-agent
// agent/session/datachannel, PrepareToCloseChannel), and a task that stops looks
// like a command that ended. So have the output say where it ends.
//
// The Result holds what was received, beside an error as well. Errors:
// [*NoHandshakeError] when the container's two sessions are taken, [*LostError],
// [*OutputError], [*OpenSessionError] when AWS did not confirm the end, or the
// cause of ctx.
func Exec(ctx context.Context, client *awsssm.Client, cfg ExecConfig) (Result, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Notice == nil {
		cfg.Notice = func(string) {}
	}
	if cfg.Limit == 0 {
		cfg.Limit = defaultOutputLimit
	}
	t := &Tunnel{
		cfg: Config{Target: cfg.Target, Notice: cfg.Notice}, client: client, sessionID: cfg.Session.ID,
		log: cfg.Log.With("session", cfg.Session.ID), lost: make(chan struct{}),
	}
	t.channel = newChannel(cfg.Target, cfg.Session.ID, rand.Text(), t.log)
	t.channel.commands = true
	var result Result
	err := recovered("following the session", func() (err error) {
		result, err = t.follow(ctx, cfg)
		return err
	})
	if endErr := t.endCommand(ctx); err == nil {
		err = endErr
	} else if endErr != nil {
		cfg.Notice(endErr.Error())
	}
	return result, err
}

// follow collects the output of the session's command.
func (t *Tunnel) follow(ctx context.Context, cfg ExecConfig) (Result, error) {
	link, err := t.connect(ctx, cfg.Session.URL, cfg.Session.Token)
	if err != nil {
		return Result{}, err
	}
	var lost *LostError
	if err := t.await(ctx, link, firstOutputTimeout); err != nil && !errors.As(err, &lost) {
		return Result{}, err
	}
	stop := context.AfterFunc(ctx, func() { t.fail(context.Cause(ctx)) })
	defer stop()
	result, err := t.collect(cfg.Limit)
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	return result, err
}

// collect reads the output to its end, which for an ordinary one is that the
// agent closes the session without a word.
func (t *Tunnel) collect(limit int) (Result, error) {
	var result Result
	buf := make([]byte, 4<<10)
	for {
		n, err := t.channel.Read(buf)
		result.Output = append(result.Output, buf[:n]...)
		if len(result.Output) > limit {
			result.Output = result.Output[:limit]
			return result, &OutputError{Limit: limit}
		}
		if err == nil {
			continue
		}
		if code := t.channel.exitCode.Load(); code != nil {
			result.ExitCode, result.Known = *code, true
		}
		return ended(result, err)
	}
}

// ended tells the end of a command from the loss of its session.
func ended(result Result, err error) (Result, error) {
	var closed *ClosedByPeerError
	switch {
	case !errors.As(err, &closed):
		return result, err
	case strings.Contains(closed.Output, notStartedText):
		return Result{Output: []byte(strings.TrimSpace(closed.Output)), ExitCode: NotStarted, Known: true}, nil
	case closed.Output != "":
		return result, err
	}
	return result, nil
}

// endCommand ends the session at AWS, and waits a little for the agent to let
// go of it: an abandoned one keeps its place in the container.
func (t *Tunnel) endCommand(ctx context.Context) error {
	err := terminate(ctx, t.client, t.sessionID)
	var closed *ClosedByPeerError
	if errors.As(t.Err(), &closed) {
		err = nil // it was over before, so it does not matter whether we may end it
	}
	if err == nil {
		timeout := time.NewTimer(drainTimeout)
		defer timeout.Stop()
		select {
		case <-t.lost:
		case <-timeout.C:
		}
	}
	t.channel.shut(errClosed)
	t.cancel(errClosed)
	t.wg.Wait()
	return err
}

// parseExitCode reads the payload of an ExitCode message; nil is none.
func parseExitCode(payload []byte) *int {
	digits, ok := strings.CutPrefix(string(payload), exitPrefix)
	code, err := strconv.Atoi(strings.TrimSpace(digits))
	if !ok || err != nil {
		return nil
	}
	return &code
}
