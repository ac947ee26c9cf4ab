package e2e

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/activate"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
	"github.com/ecsheap/ecsheap/tunnel"
)

// forever is a program that does nothing until its stdin ends.
const forever = `process.stdin.on('end', () => process.exit(0)).resume(); console.log('up');`

// clustered is a program of a primary and two workers that share a port.
const clustered = `const cluster = require('cluster');
if (cluster.isMaster) {
	cluster.fork();
	cluster.fork();
	let up = 0;
	cluster.on('listening', () => { if (++up === 2) console.log('up'); });
	process.stdin.on('end', () => process.exit(0)).resume();
} else {
	require('http').createServer((request, response) => response.end('ok')).listen(8080, '127.0.0.1');
}`

// TestActivateUnderNpm signals the application, not npm at pid 1.
func TestActivateUnderNpm(t *testing.T) {
	if _, err := exec.LookPath("npm"); err != nil {
		nodetest.Missing(t, "no npm on PATH", "install npm")
	}
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{
		Command: []string{"npm", "start"}, Programs: []string{"npm", "sh"}, Script: nodetest.Quiet(), Ready: nodetest.QuietReady,
		Files: map[string]string{"package.json": `{"name": "app", "version": "1.0.0", "scripts": {"start": "node app.js"}}`},
	})
	y.roundTrip(t, y.only(t, "app.js"), activate.Options{})
}

// TestActivateInCluster lists the processes of a cluster, and opens the
// inspectors of two workers one after the other: they have but one port.
func TestActivateInCluster(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{Script: clustered, Ready: "up"})
	_, err := y.activate(t, activate.Options{})
	var ambiguous *activate.AmbiguousError
	if !errors.As(err, &ambiguous) || len(ambiguous.Processes) != 3 || !strings.Contains(ambiguous.Hint(), "--process") {
		t.Fatalf("got %v, want a list of three processes", err)
	}
	var workers []int
	for _, p := range ambiguous.Processes {
		if p.Parent == 1 {
			workers = append(workers, p.PID)
		}
	}
	if len(workers) != 2 {
		t.Fatalf("processes %+v, want two children of 1", ambiguous.Processes)
	}
	before := y.State(workers[0])
	a := y.mustActivate(t, activate.Options{PID: workers[0]})
	_, err = y.activate(t, activate.Options{PID: workers[1]})
	var refused *activate.RefusedError
	if !errors.As(err, &refused) || refused.Reason != activate.ReasonPortTaken || !strings.Contains(err.Error(), a.Process.String()) {
		t.Errorf("the other worker: %v, want it to name %s", err, a.Process)
	}
	tun, conn := y.connect(t, a.Port)
	if c := closeInspector(t, conn); !c.Closing {
		t.Errorf("closing %+v", c)
	}
	_ = conn.Close()
	_ = tun.Close()
	y.AwaitState(workers[0], before)
	y.roundTrip(t, workers[1], activate.Options{PID: workers[1]})
}

// TestActivateBesideAnotherInspector takes the port that was opened for the one
// to use, not one that was open before, where nothing tells whose they are.
func TestActivateBesideAnotherInspector(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{
		Script: `require('child_process').fork('child.js', {execArgv: ['--inspect=127.0.0.1:9220']}).on('message', () => console.log('up'));` +
			`process.stdin.on('end', () => process.exit(0)).resume();`,
		Files: map[string]string{"child.js": `process.send('up'); setInterval(() => {}, 1000);`}, Ready: "up", User: 1000,
	})
	a := y.mustActivate(t, activate.Options{PID: 1})
	if !a.Opened || a.Sure || a.Port != 9229 {
		t.Errorf("activation %+v, want port 9229 opened", a)
	}
	_, conn := y.connect(t, a.Port)
	if p, err := conn.Process(t.Context()); err != nil || p.PID != 1 {
		t.Errorf("behind the port is process %d, %v", p.PID, err)
	}
}

// TestActivateRefuses leaves alone what would not open an inspector, or would do
// something else.
func TestActivateRefuses(t *testing.T) {
	handler := `process.on('SIGUSR1', () => console.log('own handler')); ` + forever
	tests := map[string]struct {
		container nodetest.ContainerOptions
		reason    activate.Reason
	}{
		"disabled":        {nodetest.ContainerOptions{Script: forever, NodeArgs: []string{"--disable-sigusr1"}}, activate.ReasonDisabled},
		"own handler":     {nodetest.ContainerOptions{Script: handler}, activate.ReasonHandler},
		"heap snapshot":   {nodetest.ContainerOptions{Script: forever, NodeArgs: []string{"--heapsnapshot-signal=SIGUSR1"}}, activate.ReasonOption},
		"by NODE_OPTIONS": {nodetest.ContainerOptions{Script: forever, Env: []string{"NODE_OPTIONS=--heapsnapshot-signal=SIGUSR1"}}, activate.ReasonOption},
		"port in use": {nodetest.ContainerOptions{
			Script: `require('net').createServer((c) => c.destroy()).listen(9229, '127.0.0.1', () => console.log('up')); process.stdin.on('end', () => process.exit(0)).resume();`,
		}, activate.ReasonPortTaken},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tt.container.Ready = "up"
			y := newYard(t, fakeaws.Config{}, tt.container)
			before := y.State(1)
			_, err := y.activate(t, activate.Options{})
			var refused *activate.RefusedError
			if !errors.As(err, &refused) || refused.Reason != tt.reason || refused.Process.PID != 1 || refused.Hint() == "" {
				t.Errorf("got %v, want reason %s", err, tt.reason)
			}
			y.AwaitState(1, before)
			if out := y.Output(); strings.Contains(out, "own handler") || strings.Contains(out, "Debugger") {
				t.Errorf("the process was signalled:\n%s", out)
			}
		})
	}
}

// TestActivateForced runs the handler of an application, and says so. The name
// of the signal hides from the search that would refuse.
func TestActivateForced(t *testing.T) {
	for name, text := range map[string]string{"forced": "'SIGUSR1'", "unseen": "'SIG' + 'USR1'"} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{
				Script: `process.on(` + text + `, () => console.log('own handler')); ` + forever, Ready: "up",
			})
			_, err := y.activate(t, activate.Options{Force: name == "forced", Wait: 300 * time.Millisecond})
			var silent *activate.SilentError
			if !errors.As(err, &silent) || silent.Err != nil || silent.Ended || !strings.Contains(err.Error(), "handler") {
				t.Errorf("got %v", err)
			}
			y.Line("own handler")
		})
	}
}

// TestActivateWithInspectInEnvironment has the script survive a NODE_OPTIONS
// that would give it an inspector of its own, whether the application's is open
// or has been closed.
func TestActivateWithInspectInEnvironment(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{Script: forever, Ready: "up", Env: []string{"NODE_OPTIONS=--inspect=127.0.0.1:9300"}})
	a := y.mustActivate(t, activate.Options{})
	if a.Opened || a.Port != 9300 {
		t.Errorf("activation %+v, want port 9300 open already", a)
	}
	_, conn := y.connect(t, a.Port)
	if c := closeInspector(t, conn); !c.Closing {
		t.Errorf("closing %+v", c)
	}
	_ = conn.Close()
	eventually(t, "the inspector is closed", func() bool { return len(y.State(1).Listeners) == 0 })
	if a := y.mustActivate(t, activate.Options{}); !a.Opened || a.Port != 9300 {
		t.Errorf("activation %+v, want port 9300 opened", a)
	}
}

// TestActivateFindsNode runs a Node.js that is not on PATH.
func TestActivateFindsNode(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{NodeElsewhere: true})
	a := y.mustActivate(t, activate.Options{Nodes: []string{"/no/such/node", y.Node}})
	if !a.Opened {
		t.Errorf("activation %+v", a)
	}
}

// TestCloseLeavesOthersAlone keeps an inspector open for a client that is
// connected and silent, which would hang the process if it were closed.
func TestCloseLeavesOthersAlone(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{})
	before := y.State(1)
	a := y.mustActivate(t, activate.Options{})
	tun, conn := y.connect(t, a.Port)
	other, err := y.Dial(t.Context(), a.Port)
	if err != nil {
		t.Fatal(err)
	}
	if c := closeInspector(t, conn); c.Closing || c.Others != 1 || c.Why == "" {
		t.Errorf("closing %+v with another client", c)
	}
	_ = other.Close()
	eventually(t, "the other client is gone", func() bool { return len(y.State(1).Connections) == 1 })
	if c := closeInspector(t, conn); !c.Closing {
		t.Errorf("closing %+v", c)
	}
	// One that comes after the first count is seen by the second.
	if other, err = y.Dial(t.Context(), a.Port); err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	_ = tun.Close()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for range 30 { // the timer of the expression looks after 400 ms, and every 500 ms again
		<-ticker.C
		if got := y.State(1).Listeners; !slices.Contains(got, "127.0.0.1:9229") {
			t.Fatalf("listeners %v: the inspector was closed under a client", got)
		}
		y.wantAlive(t)
	}
	_ = other.Close()
	y.AwaitState(1, before)
}

// wantAlive asks the application something.
func (y *yard) wantAlive(t *testing.T) {
	t.Helper()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(y.Line(nodetest.QuietReady), nodetest.QuietReady))
	if err != nil {
		t.Fatal(err)
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := y.Dial(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Write([]byte("GET / HTTP/1.0\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 1 {
		t.Errorf("the application does not answer: %v", err)
	}
}

// TestActivateCancelled ends the session, and the command in the container with
// it, when the user gives up.
func TestActivateCancelled(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	processes := len(y.PIDs())
	go func() {
		for len(y.PIDs()) == processes {
			time.Sleep(time.Millisecond)
		}
		cancel(why)
	}()
	hanging := func(ctx context.Context, _ string) (string, int, error) {
		return y.run(ctx, `node -e 'setInterval(() => {}, 1000)'`)
	}
	if _, err := activate.Open(ctx, hanging, activate.Options{}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	y.wantEnded(t)
	eventually(t, "the command is gone", func() bool { return len(y.PIDs()) == processes })
}

func (y *yard) wantEnded(t *testing.T) {
	t.Helper()
	for _, s := range y.Sessions() {
		if s.EndedAt.IsZero() {
			t.Errorf("session %s was left open", s.ID)
		}
	}
}

// TestActivateNotAllowed tells what AWS says.
func TestActivateNotAllowed(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{})
	y.Fault(fakeaws.Fault{Operation: "ecs.ExecuteCommand", Code: "AccessDeniedException", Message: "not authorized to perform: ecs:ExecuteCommand", Times: 1})
	if _, err := y.activate(t, activate.Options{}); err == nil || !strings.Contains(err.Error(), "ecs:ExecuteCommand") {
		t.Errorf("got %v", err)
	}
	y.UpdateTask(y.task, func(task *fakeaws.Task) { task.Exec = false })
	_, err := y.activate(t, activate.Options{})
	var disabled *activate.NotEnabledError
	if !errors.As(err, &disabled) || disabled.Hint() == "" {
		t.Errorf("got %v", err)
	}
	if n := len(y.Sessions()); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// TestActivateBesideATunnel has the tunnel open all the while, as a container
// serves two sessions: both commands find a place.
func TestActivateBesideATunnel(t *testing.T) {
	y := newYard(t, fakeaws.Config{RTT: 10 * time.Millisecond}, nodetest.ContainerOptions{})
	tun, err := tunnel.Open(t.Context(), y.ssm, tunnel.Config{Target: y.target, Port: 9229})
	if err != nil {
		t.Fatal(err)
	}
	defer tun.Close()
	y.mustActivate(t, activate.Options{})
	if conn, err := tun.Dial(t.Context()); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
}

// TestActivatePolicy holds the actions that AWS saw against the policy for
// activating: nothing more is needed, and but for the key of an encrypted
// session and resuming, nothing more is granted.
func TestActivatePolicy(t *testing.T) {
	y := newYard(t, fakeaws.Config{}, nodetest.ContainerOptions{})
	y.mustActivate(t, activate.Options{})
	used := map[string]bool{"ssm:ResumeSession": true, "kms:GenerateDataKey": true}
	for _, call := range y.Calls() {
		used[call.Action] = true
		if call.Action == "ecs:ExecuteCommand" && (len(call.Resources) != 2 || !strings.Contains(call.Resources[0], ":cluster/prod") || call.Resources[1] != y.task) {
			t.Errorf("ecs:ExecuteCommand touches %v", call.Resources)
		}
	}
	granted := grantedActions(t, "../iam-policies/operator-activate.json")
	for action := range used {
		if !granted[action] {
			t.Errorf("%s is used but not granted", action)
		}
	}
	for action := range granted {
		if !used[action] {
			t.Errorf("%s is granted but not used", action)
		}
	}
	if active, err := tunnel.Active(t.Context(), y.ssm, y.target); err != nil || len(active) != 0 {
		t.Errorf("active sessions %v, %v", active, err)
	}
}
