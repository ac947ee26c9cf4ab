package tunnel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/session-manager-plugin/src/message"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// execWorld is a world whose container runs commands.
func execWorld(t *testing.T, cfg fakeaws.Config) *world {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the commands are those of a Unix system")
	}
	w := newWorld(t, cfg, echo)
	w.UpdateTask(w.task, func(task *fakeaws.Task) {
		task.Containers[0].Exec = func(words []string) (*exec.Cmd, error) {
			if _, err := exec.LookPath(words[0]); err != nil {
				return nil, err
			}
			return exec.Command(words[0], words[1:]...), nil
		}
	})
	return w
}

// execute starts a command, as whoever calls Exec has done.
func (w *world) execute(t *testing.T, command string) ExecConfig {
	t.Helper()
	client := awsecs.New(awsecs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(w.URL()), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient: w.client.Options().HTTPClient, RetryMaxAttempts: 1,
	})
	out, err := client.ExecuteCommand(t.Context(), &awsecs.ExecuteCommandInput{
		Cluster: aws.String("prod"), Task: aws.String(taskID), Command: &command, Interactive: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := out.Session
	return ExecConfig{Target: w.target, Session: ExecSession{
		ID: aws.ToString(s.SessionId), URL: aws.ToString(s.StreamUrl), Token: aws.ToString(s.TokenValue),
	}}
}

func TestExec(t *testing.T) {
	w := execWorld(t, fakeaws.Config{RTT: 5 * time.Millisecond})
	tests := map[string]struct {
		command string
		want    Result
	}{
		"output":      {`sh -c 'echo out; echo err >&2'`, Result{Output: []byte("out\r\nerr\r\n")}},
		"no output":   {`sh -c 'exit 3'`, Result{}},
		"not started": {`no-such-program`, Result{ExitCode: NotStarted, Known: true}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Exec(t.Context(), w.client, w.execute(t, tt.command))
			if err != nil || got.ExitCode != tt.want.ExitCode || got.Known != tt.want.Known {
				t.Fatalf("got %+v, %v", got, err)
			}
			if got.Known && !strings.Contains(string(got.Output), "no-such-program") {
				t.Errorf("output %q does not name the program", got.Output)
			}
			if !got.Known && !bytes.Equal(got.Output, tt.want.Output) {
				t.Errorf("output %q, want %q", got.Output, tt.want.Output)
			}
		})
	}
	w.wantEnded(t)
}

// TestExecSurvives compares what arrives while sockets die, in the middle of the
// output.
func TestExecSurvives(t *testing.T) {
	faults := map[string]func(w *world, session string) bool{
		"client socket": func(w *world, s string) bool { return w.KillClientSocket(s) },
		"agent socket":  func(w *world, s string) bool { return w.KillAgentSocket(s) },
		"bye":           func(w *world, s string) bool { return w.Bye(s) },
		"losses": func(w *world, _ string) bool {
			w.Network(fakeaws.NetworkFaults{Drop: 0.02, Reorder: 0.05, Duplicate: 0.05, Seed: 1})
			return true
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			w := execWorld(t, fakeaws.Config{RTT: 2 * time.Millisecond})
			gate := filepath.Join(t.TempDir(), "gate")
			// The agent sends one lost message every 100 ms again, and drops what is
			// left two seconds after the command's end: so there are few, and the
			// command ends late.
			const half = 10
			cfg := w.execute(t, fmt.Sprintf(`sh -c 'i=0; while [ $i -lt %d ]; do
				[ $i -ne %d ] || until [ -e %s ]; do sleep 0.01; done; echo line $i; i=$((i+1)); done; sleep 2'`, 2*half, half, gate))
			go func() {
				for !fault(w, cfg.Session.ID) {
					time.Sleep(time.Millisecond)
				}
				_ = os.WriteFile(gate, nil, 0o600) // without it the test does not end
			}()
			got, err := Exec(t.Context(), w.client, cfg)
			if err != nil {
				t.Fatal(err)
			}
			var want strings.Builder
			for i := range 2 * half {
				fmt.Fprintf(&want, "line %d\r\n", i)
			}
			if string(got.Output) != want.String() {
				t.Errorf("%d bytes of output differ from the %d wanted", len(got.Output), want.Len())
			}
			w.wantEnded(t)
		})
	}
}

func TestExecLimit(t *testing.T) {
	w := execWorld(t, fakeaws.Config{})
	cfg := w.execute(t, `sh -c 'while :; do echo more; done'`)
	cfg.Limit = 100
	got, err := Exec(t.Context(), w.client, cfg)
	var tooMuch *OutputError
	if !errors.As(err, &tooMuch) || tooMuch.Limit != 100 || len(got.Output) != 100 {
		t.Errorf("got %d bytes, %v", len(got.Output), err)
	}
	w.wantEnded(t)
}

func TestExecCancelled(t *testing.T) {
	w := execWorld(t, fakeaws.Config{})
	why := errors.New("enough")
	for name, command := range map[string]string{"after output": `sh -c 'echo up; sleep 60'`, "before": "sleep 60"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			cfg := w.execute(t, command)
			time.AfterFunc(200*time.Millisecond, func() { cancel(why) })
			got, err := Exec(ctx, w.client, cfg)
			if !errors.Is(err, why) {
				t.Errorf("got %v", err)
			}
			if name == "after output" && string(got.Output) != "up\r\n" {
				t.Errorf("output %q", got.Output)
			}
			w.wantEnded(t)
		})
	}
}

// TestExecEndNotPermitted makes nothing of a session that may not be ended but
// has, and tells of one that has not.
func TestExecEndNotPermitted(t *testing.T) {
	w := execWorld(t, fakeaws.Config{})
	w.Fault(fakeaws.Fault{Operation: "ssm.TerminateSession", Code: "AccessDeniedException", Message: "no"})
	if _, err := Exec(t.Context(), w.client, w.execute(t, "echo x")); err != nil {
		t.Errorf("after its end: %v", err)
	}
	cfg := w.execute(t, `sh -c 'while :; do echo more; done'`)
	cfg.Limit = 1
	var told []string
	cfg.Notice = func(s string) { told = append(told, s) }
	if _, err := Exec(t.Context(), w.client, cfg); err == nil {
		t.Error("no error")
	}
	if len(told) != 1 || !strings.Contains(told[0], cfg.Session.ID) {
		t.Errorf("told %q", told)
	}
}

func TestExecTaskStops(t *testing.T) {
	w := execWorld(t, fakeaws.Config{})
	cfg := w.execute(t, `sh -c 'echo up; sleep 60'`)
	time.AfterFunc(200*time.Millisecond, func() { w.StopTask(w.task, "EssentialContainerExited", "gone") })
	if got, err := Exec(t.Context(), w.client, cfg); err != nil || string(got.Output) != "up\r\n" {
		t.Errorf("got %q, %v", got.Output, err) // an agent that is gone closes without a word, as a command that ended
	}
	cfg = ExecConfig{Target: w.target, Session: ExecSession{ID: "ecs-execute-command-0", URL: cfg.Session.URL, Token: "used"}}
	var lost *LostError
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := Exec(ctx, w.client, cfg); !errors.As(err, &lost) {
		t.Errorf("a session that is no more: %v", err)
	}
}

// TestNoFirstOutput names the sessions that are in the way.
func TestNoFirstOutput(t *testing.T) {
	w := execWorld(t, fakeaws.Config{})
	first, second := w.open(t), w.open(t)
	defer second.Close()
	cfg := w.execute(t, "echo x") // a third one waits for a place
	tun := &Tunnel{cfg: Config{Target: w.target, Notice: func(string) {}}, client: w.client, sessionID: cfg.Session.ID, log: first.log, lost: make(chan struct{})}
	tun.channel = newChannel(w.target, cfg.Session.ID, "client", first.log)
	tun.channel.commands = true
	link, err := tun.connect(t.Context(), cfg.Session.URL, cfg.Session.Token)
	if err != nil {
		t.Fatal(err)
	}
	err = tun.await(t.Context(), link, 50*time.Millisecond)
	var silent *NoHandshakeError
	if !errors.As(err, &silent) || len(silent.Others) != 2 || !strings.Contains(err.Error(), "50ms") {
		t.Errorf("got %v", err)
	}
	if err := tun.endCommand(t.Context()); err != nil {
		t.Error(err)
	}
	_ = first.Close()
}

// TestCommandWithoutHandshake takes output for the first sign of a command.
func TestCommandWithoutHandshake(t *testing.T) {
	c, s := newTestChannel(t)
	c.commands = true
	receive(t, c, output(t, 0, "out"))
	if n := acknowledged(t, s); n != 0 {
		t.Errorf("acknowledged %d, want 0", n)
	}
	select {
	case <-c.ready:
	default:
		t.Error("not ready")
	}
	port, _ := newTestChannel(t)
	receive(t, port, output(t, 0, "out"))
	select {
	case <-port.ready:
		t.Error("a port session is ready without a handshake")
	default:
	}
}

// TestCommandWithHandshake is a session whose agent shakes hands first: it does
// where the cluster has a key, and for commands that are not interactive.
func TestCommandWithHandshake(t *testing.T) {
	for _, kind := range []string{"InteractiveCommands", "NonInteractiveCommands", "Standard_Stream"} {
		c, s := newTestChannel(t)
		c.commands = true
		request := fmt.Sprintf(`{"AgentVersion":"3.3","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":%q}}]}`, kind)
		receive(t, c,
			agentFrame(t, message.OutputStreamMessage, 0, message.HandshakeRequestPayloadType, []byte(request)),
			agentFrame(t, message.OutputStreamMessage, 1, message.HandshakeCompletePayloadType, []byte(`{}`)),
			output(t, 2, "out"),
			agentFrame(t, message.OutputStreamMessage, 3, message.StdErr, []byte("err")),
			agentFrame(t, message.OutputStreamMessage, 4, message.ExitCode, []byte("EXIT_CODE: 3")),
		)
		select {
		case <-c.ready:
		default:
			t.Errorf("%s: not ready", kind)
		}
		c.shut(&ClosedByPeerError{})
		tun := &Tunnel{channel: c}
		got, err := tun.collect(100)
		if err != nil || string(got.Output) != "outerr" || !got.Known || got.ExitCode != 3 {
			t.Errorf("%s: %+v, %v", kind, got, err)
		}
		if acknowledged(t, s) != 0 {
			t.Errorf("%s: the handshake was not acknowledged", kind)
		}
	}
	c, _ := newTestChannel(t)
	c.commands = true
	port := `{"AgentVersion":"3.3","RequestedClientActions":[{"ActionType":"SessionType","ActionParameters":{"SessionType":"Port"}}]}`
	receive(t, c, agentFrame(t, message.OutputStreamMessage, 0, message.HandshakeRequestPayloadType, []byte(port)))
	if err := c.receive(agentFrame(t, message.OutputStreamMessage, 1, message.HandshakeCompletePayloadType, []byte(`{}`))); err == nil {
		t.Error("a port session was taken for a command's")
	}
}

// TestCommandClosedWithWords tells a command that did not start from a session
// that was ended.
func TestCommandClosedWithWords(t *testing.T) {
	for output, want := range map[string]int{
		"\n----------ERROR-------\nUnable to start command: Failed to start pty: exec: \"node\": executable file not found in $PATH\n": NotStarted,
		"Your session timed out due to inactivity.": -1,
		"": 0,
	} {
		c, _ := newTestChannel(t)
		c.shut(&LostError{Err: &ClosedByPeerError{Output: output}})
		got, err := (&Tunnel{channel: c}).collect(100)
		if (err != nil) != (want < 0) || want >= 0 && got.ExitCode != want {
			t.Errorf("%q: %+v, %v", output, got, err)
		}
	}
}

func TestParseExitCode(t *testing.T) {
	for text, want := range map[string]int{"EXIT_CODE: 0": 0, "EXIT_CODE: 143": 143, "EXIT_CODE: 7\n": 7} {
		if got := parseExitCode([]byte(text)); got == nil || *got != want {
			t.Errorf("%q: %v, want %d", text, got, want)
		}
	}
	for _, text := range []string{"", "0", "EXIT_CODE: ", "EXIT_CODE: x", "exit_code: 1"} {
		if got := parseExitCode([]byte(text)); got != nil {
			t.Errorf("%q: %d, want none", text, *got)
		}
	}
}
