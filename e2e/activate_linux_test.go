package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsecs "github.com/aws/aws-sdk-go-v2/service/ecs"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/ecsheap/ecsheap/activate"
	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/tunnel"
)

// yard is a loopback AWS whose one task is a real container.
type yard struct {
	*fakeaws.Server
	*nodetest.Container
	ecs    *awsecs.Client
	ssm    *awsssm.Client
	target string // of Systems Manager
	task   string // ARN
}

func newYard(t *testing.T, cfg fakeaws.Config, o nodetest.ContainerOptions) *yard {
	t.Helper()
	if o.Script == "" {
		o.Script, o.Ready = nodetest.Quiet(), nodetest.QuietReady
	}
	y := &yard{Container: nodetest.StartContainer(t, o)}
	server, err := fakeaws.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	runtimeID := taskID + "-1527056392"
	y.Server, y.target = server, "ecs:prod_"+taskID+"_"+runtimeID
	y.task = server.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "api", ID: taskID, Exec: true,
		Containers: []fakeaws.Container{{Name: "api", RuntimeID: runtimeID, Exec: y.Exec, Dial: y.Dial}},
	})
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	config := aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL()), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
	}
	y.ecs, y.ssm = awsecs.NewFromConfig(config), awsssm.NewFromConfig(config)
	return y
}

// run is an activate.Run over ECS Exec.
func (y *yard) run(ctx context.Context, command string) (string, int, error) {
	session, err := activate.Execute(ctx, y.ecs, activate.Target{Cluster: "prod", Task: taskID, Container: "api"}, command)
	if err != nil {
		return "", 0, err
	}
	result, err := tunnel.Exec(ctx, y.ssm, tunnel.ExecConfig{
		Session: tunnel.ExecSession{ID: aws.ToString(session.SessionId), URL: aws.ToString(session.StreamUrl), Token: aws.ToString(session.TokenValue)},
		Target:  y.target,
	})
	return string(result.Output), result.ExitCode, err
}

func (y *yard) activate(t *testing.T, o activate.Options) (activate.Activation, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return activate.Open(ctx, y.run, o)
}

func (y *yard) mustActivate(t *testing.T, o activate.Options) activate.Activation {
	t.Helper()
	a, err := y.activate(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// connect opens a tunnel to an inspector, and the inspector.
func (y *yard) connect(t *testing.T, port int) (*tunnel.Tunnel, *cdp.Conn) {
	t.Helper()
	tun, err := tunnel.Open(t.Context(), y.ssm, tunnel.Config{Target: y.target, Port: port})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tun.Close() })
	conn, err := cdp.Dial(t.Context(), tun.Dial, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return tun, conn
}

// closeInspector evaluates the closing expression over a connection.
func closeInspector(t *testing.T, conn *cdp.Conn) activate.Closing {
	t.Helper()
	var text string
	if err := conn.Evaluate(t.Context(), activate.CloseExpression(), &text); err != nil {
		t.Fatal(err)
	}
	closing, err := activate.ParseClosing(text)
	if err != nil {
		t.Fatal(err)
	}
	return closing
}

// roundTrip activates, looks whose inspector it is, closes it, and wants the
// process to be as it was before.
func (y *yard) roundTrip(t *testing.T, pid int, o activate.Options) {
	t.Helper()
	before := y.State(pid)
	a := y.mustActivate(t, o)
	if a.Process.PID != pid || !a.Opened || a.NodeVersion != "v"+y.Version {
		t.Errorf("activation %+v, want process %d with v%s opened", a, pid, y.Version)
	}
	again := y.mustActivate(t, o)
	if again.Opened || again.Port != a.Port || again.Process.PID != pid {
		t.Errorf("the second time %+v, want port %d of process %d, open already", again, a.Port, pid)
	}
	tun, conn := y.connect(t, a.Port)
	if p, err := conn.Process(t.Context()); err != nil || p.PID != pid {
		t.Errorf("behind the port is process %d, %v; want %d", p.PID, err, pid)
	}
	if c := closeInspector(t, conn); !c.Closing {
		t.Errorf("closing %+v", c)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if err := tun.Close(); err != nil {
		t.Error(err)
	}
	y.AwaitState(pid, before)
	y.wantEnded(t)
}

// TestActivate turns the inspector on and off again in containers of all kinds.
func TestActivate(t *testing.T) {
	t.Parallel()
	for _, version := range nodeVersions() {
		t.Run("pid 1, no shell, node"+version, func(t *testing.T) {
			y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{Version: version, NoShell: true})
			y.roundTrip(t, 1, activate.Options{})
		})
		t.Run("below an init, of another user, node"+version, func(t *testing.T) {
			y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{Version: version, Init: true, User: 1000})
			y.roundTrip(t, y.only(t, "app.js"), activate.Options{})
		})
	}
	for name, tt := range map[string]struct {
		container nodetest.ContainerOptions
		port      int
	}{
		"another port":             {nodetest.ContainerOptions{Env: []string{"NODE_OPTIONS=--inspect-port=9555"}}, 9555},
		"any port":                 {nodetest.ContainerOptions{NodeArgs: []string{"--inspect-port=0"}}, 0},
		"over a real agent's line": {nodetest.ContainerOptions{}, 9229},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t, fakeaws.Config{Pace: true, RTT: 20 * time.Millisecond}, tt.container)
			if a := y.mustActivate(t, activate.Options{}); tt.port != 0 && a.Port != tt.port {
				t.Errorf("opened port %d, want %d", a.Port, tt.port)
			}
		})
	}
}

// only is the pid inside of the one process whose command line has text.
func (y *yard) only(t *testing.T, text string) int {
	t.Helper()
	found := y.with(t, text)
	if len(found) != 1 {
		t.Fatalf("%d processes with %q, want one", len(found), text)
	}
	return found[0]
}

// with lists the pids inside of the Node.js processes whose command line has text.
func (y *yard) with(t *testing.T, text string) []int {
	t.Helper()
	var found []int
	for inside, outside := range y.PIDs() {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", outside))
		program, _, _ := strings.Cut(string(line), "\x00")
		if err == nil && path.Base(program) == "node" && strings.Contains(string(line), text) {
			found = append(found, inside)
		}
	}
	slices.Sort(found)
	return found
}
