package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
)

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                               nil,
		" \t\r\n":                        nil,
		"node":                           {"node"},
		"node -e  x ":                    {"node", "-e", "x"},
		`node -e 'a "b" \c $d'`:          {"node", "-e", `a "b" \c $d`},
		`node -e "a 'b' \"c\" \\ $d"`:    {"node", "-e", `a 'b' "c" \ $d`},
		`a\ b c\'d`:                      {"a b", "c'd"},
		`''`:                             {""},
		`a''b "" c`:                      {"ab", "", "c"},
		"a # b":                          {"a"},
		"a # b\nc":                       {"a", "c"},
		"a#b 'c#d'":                      {"a#b", "c#d"},
		`sh -c 'for i in 1; do :; done'`: {"sh", "-c", "for i in 1; do :; done"},
	} {
		if got, err := splitWords(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{"'", `"`, `a "b`, `a\`, `"a\"`} {
		if got, err := splitWords(line); !errors.Is(err, errUnclosed) {
			t.Errorf("%q: %q, %v; want an error", line, got, err)
		}
	}
}

// FuzzSplitWords quotes words in both ways, and wants them back.
func FuzzSplitWords(f *testing.F) {
	f.Add("node", "eval(1)")
	f.Add("", `it's "so" \ #`)
	f.Fuzz(func(t *testing.T, a, b string) {
		want := []string{strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")}
		line := "'" + strings.ReplaceAll(want[0], "'", `'\''`) + "' " + `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(want[1]) + `"`
		if got, err := splitWords(line); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", line, got, err, want)
		}
		_, _ = splitWords(a) // whatever comes: no panic
	})
}

// command is a container's Exec that runs the words as they are.
func command(words []string) (*exec.Cmd, error) {
	if _, err := exec.LookPath(words[0]); err != nil {
		return nil, &exec.Error{Name: words[0], Err: errors.New("executable file not found in $PATH")}
	}
	return exec.Command(words[0], words[1:]...), nil
}

// execute starts a command in a container that runs them, and connects to it.
func execute(t *testing.T, s *Server, arn, line string) *client {
	t.Helper()
	out, err := ecsClient(s).ExecuteCommand(t.Context(), &awsecs.ExecuteCommandInput{
		Cluster: aws.String("prod"), Task: &arn, Command: &line, Interactive: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := newTestClient(t, *out.Session.SessionId)
	c.screen = make(chan string, 1024)
	c.open(*out.Session.StreamUrl, *out.Session.TokenValue)
	return c
}

// addUnix puts a task into s whose container runs commands.
func addUnix(t *testing.T, s *Server) (arn string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the commands are those of a Unix system")
	}
	arn, _ = addNode(s, "127.0.0.1:1")
	s.UpdateTask(arn, func(t *Task) { t.Containers[0].Exec = command })
	return arn
}

// screenOf is what a command wrote until its session was closed, and how it was.
func screenOf(t *testing.T, c *client) (text, closed string) {
	t.Helper()
	closed = within(t, "channel_closed", c.over).Output
	for len(c.screen) > 0 {
		text += <-c.screen
	}
	return text, closed
}

func TestCommandRuns(t *testing.T) {
	s := start(t, Config{})
	arn := addUnix(t, s)
	for line, want := range map[string]string{
		`echo 'a  b' "c"`:                                 "a  b c\r\n",
		`sh -c 'echo out; echo err >&2'`:                  "out\r\nerr\r\n",
		`sh -c 'exit 3'`:                                  "",
		`sh -c 'test -t 0 && test -t 1 && echo terminal'`: "terminal\r\n",
		`sh -c 'echo own terminal >/dev/tty'`:             "own terminal\r\n",
	} {
		if runtime.GOOS != "linux" && strings.Contains(line, "terminal") {
			continue // elsewhere the terminal is a pipe
		}
		if text, closed := screenOf(t, execute(t, s, arn, line)); text != want || closed != "" {
			t.Errorf("%s: wrote %q, closed with %q; want %q", line, text, closed, want)
		}
	}
	for _, sess := range s.Sessions() {
		if sess.EndedBy != "command" || sess.Status != "Terminated" || sess.Document != execDocument {
			t.Errorf("session %+v", sess)
		}
	}
}

func TestCommandDoesNotStart(t *testing.T) {
	s := start(t, Config{})
	arn := addUnix(t, s)
	for line, want := range map[string]string{
		"no-such-program -x": `Unable to start command: Failed to start pty: exec: "no-such-program": executable file not found in $PATH`,
		"echo 'a":            "Unable to start command: Failed to parse commands input: EOF found when expecting closing quote",
	} {
		if text, closed := screenOf(t, execute(t, s, arn, line)); text != "" || !strings.Contains(closed, want) {
			t.Errorf("%s: wrote %q, closed with %q", line, text, closed)
		}
	}
}

func TestCommandIsTyped(t *testing.T) {
	s := start(t, Config{})
	c := execute(t, s, addUnix(t, s), `sh -c 'read -r line; echo "got $line"'`)
	c.send(payloadData, []byte("hello\n")) // may be there before the terminal is
	if text, _ := screenOf(t, c); !strings.HasSuffix(text, "got hello\r\n") {
		t.Errorf("wrote %q", text)
	}
}

// TestCommandEndsByAPIAlone has the flag that ends a port session do nothing.
func TestCommandEndsByAPIAlone(t *testing.T) {
	s := start(t, Config{})
	arn := addUnix(t, s)
	c := execute(t, s, arn, `sh -c 'echo $$; sleep 60'`)
	pid := strings.TrimSpace(within(t, "output", c.screen))
	c.sendFlag(flagTerminateSession)
	c.sendFlag(flagTerminateSession)
	for acked := false; !acked; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		acked = len(c.unacked) == 0
		c.mu.Unlock()
	}
	if ended := s.Sessions()[0].EndedBy; ended != "" {
		t.Errorf("ended by %q", ended)
	}
	if _, err := ssmClient(s).TerminateSession(t.Context(), &awsssm.TerminateSessionInput{SessionId: &c.id}); err != nil {
		t.Fatal(err)
	}
	within(t, "channel_closed", c.over)
	// The place is free, and the process gone, a moment later.
	text, _ := screenOf(t, execute(t, s, arn, fmt.Sprintf(`sh -c 'kill -0 %s 2>/dev/null || echo gone'`, pid)))
	for deadline := time.Now().Add(await); text == "" && time.Now().Before(deadline); {
		text, _ = screenOf(t, execute(t, s, arn, fmt.Sprintf(`sh -c 'kill -0 %s 2>/dev/null || echo gone'`, pid)))
	}
	if text != "gone\r\n" {
		t.Errorf("the command lives on: %q", text)
	}
}

// TestCommandTakesAPlace has commands count as sessions of the container.
func TestCommandTakesAPlace(t *testing.T) {
	s := start(t, Config{})
	arn := addUnix(t, s)
	first, second := execute(t, s, arn, "sh -c 'echo 1; sleep 60'"), execute(t, s, arn, "sh -c 'echo 2; sleep 60'")
	within(t, "output", first.screen)
	within(t, "output", second.screen)
	third := execute(t, s, arn, "echo 3")
	select {
	case text := <-third.screen:
		t.Errorf("a third command ran: %q", text)
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := ssmClient(s).TerminateSession(t.Context(), &awsssm.TerminateSessionInput{SessionId: &first.id}); err != nil {
		t.Fatal(err)
	}
	if text := within(t, "output", third.screen); text != "3\r\n" {
		t.Errorf("wrote %q", text)
	}
}

// TestDialOfContainer reaches ports by the container's own dialler.
func TestDialOfContainer(t *testing.T) {
	s := start(t, Config{})
	arn, target := addNode(s, "127.0.0.1:1")
	address := listen(t, echo)
	s.UpdateTask(arn, func(t *Task) {
		t.Containers[0].Dial = func(ctx context.Context, port int) (net.Conn, error) {
			if port != 9229 {
				return nil, fmt.Errorf("port %d", port)
			}
			var d net.Dialer
			return d.DialContext(ctx, "tcp", address)
		}
	})
	stream := openSession(t, s, target).stream()
	if _, err := stream.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stream, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}
