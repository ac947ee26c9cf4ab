package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
)

// child is a program that forwards a local port through a session: the stock
// plugin, or package tunnel in the same clothes.
type child struct {
	*exec.Cmd
	session string
	address string        // of the local port
	ended   chan struct{} // closed when the process has ended
	stdout  *output
}

// portOpened is what the stock plugin prints when its port is open.
var portOpened = regexp.MustCompile(`Port (\d+) opened for sessionId`)

// buildChild builds a program of testdata.
func buildChild(tb testing.TB, name string) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	build := exec.Command("go", "build", "-o", path, "./testdata/"+name)
	if out, err := build.CombinedOutput(); err != nil {
		tb.Fatalf("building %s: %v\n%s", name, err, out)
	}
	return path
}

// startChild starts a session, and the program on it with the arguments that the
// AWS CLI gives to the plugin.
func (w *tunnelWorld) startChild(tb testing.TB, program string) (*child, error) {
	tb.Helper()
	started, err := w.client.StartSession(tb.Context(), &awsssm.StartSessionInput{
		Target: aws.String(w.target), DocumentName: aws.String("AWS-StartPortForwardingSession"),
		Parameters: map[string][]string{"portNumber": {"9229"}, "localPortNumber": {"0"}},
	})
	if err != nil {
		return nil, err
	}
	response, err := json.Marshal(map[string]*string{
		"SessionId": started.SessionId, "StreamUrl": started.StreamUrl, "TokenValue": started.TokenValue,
	})
	if err != nil {
		return nil, err
	}
	target, err := json.Marshal(map[string]string{"Target": w.target})
	if err != nil {
		return nil, err
	}
	c := &child{session: aws.ToString(started.SessionId), ended: make(chan struct{}), stdout: &output{}}
	c.Cmd = exec.Command(program, string(response), "eu-west-1", "StartSession", "", string(target), w.URL())
	c.Env = append(append(os.Environ(), w.Env()...), "HOME="+tb.TempDir())
	c.Stdout, c.Stderr = c.stdout, io.Discard
	if err := c.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.ended)
		_ = c.Wait() // a killed process has an error, too
	}()
	return c, c.awaitPort(tb.Context())
}

// awaitPort waits until the child has opened its port.
func (c *child) awaitPort(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		if m := portOpened.FindStringSubmatch(c.stdout.String()); m != nil {
			c.address = net.JoinHostPort("localhost", m[1])
			return nil
		}
		select {
		case <-c.ended:
			return fmt.Errorf("the child ended:\n%s", c.stdout)
		case <-ctx.Done():
			return fmt.Errorf("the child opens no port:\n%s", c.stdout)
		case <-ticker.C:
		}
	}
}

// stop ends the child.
func (c *child) stop() {
	_ = c.Process.Kill() // it may have ended
	<-c.ended
}

// throughChild is through with a child process.
func (w *tunnelWorld) throughChild(tb testing.TB, program string, fault func(context.Context, *tunnelWorld, string), limit time.Duration) outcome {
	tb.Helper()
	c, err := w.startChild(tb, program)
	if c != nil && c.Process != nil {
		defer c.stop()
	}
	if err != nil {
		return outcome{err: err, died: true}
	}
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return outcome{err: err}
	}
	defer conn.Close()
	got := w.through(tb, conn, c.session, fault, limit)
	select {
	case <-c.ended:
		got.died = true
	default:
	}
	return got
}
