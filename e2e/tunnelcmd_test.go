package e2e

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// forward is a running `ecsheap tunnel`.
type forward struct {
	*run
	Address    string
	LocalPort  int
	RemotePort int
	Inspector  *struct{ ID, Title, URL, WebSocketDebuggerURL, DevToolsURL string }
	Launch     *struct {
		Port                     int
		Address, RemoteRoot      string
		AutoAttachChildProcesses *bool
	}
}

// forward starts it on a free port and waits until it is open.
func (w *world) forward(t *testing.T, args ...string) *forward {
	t.Helper()
	f := &forward{run: w.start(t, append([]string{"tunnel", "--cluster", "prod", "--task", taskID, "--local-port", "0", "--output", "json"}, args...)...)}
	eventually(t, "the tunnel is open", func() bool {
		return json.Unmarshal([]byte(f.stdout.String()), f) == nil
	})
	return f
}

// stop interrupts it.
func (f *forward) stop(t *testing.T) {
	t.Helper()
	if err := f.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	f.wantCode(t, 130)
}

// dial connects to the local port.
func (f *forward) dial(t *testing.T) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", f.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// wantReset connects where that leads to nothing. The client may be told of the reset
// before it is told that it is connected.
func (f *forward) wantReset(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", f.Address)
	if err == nil {
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(time.Minute))
		_, err = conn.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a connection to nothing ended with %v, want a reset", err)
	}
}

// says waits until it has said something on stderr.
func (f *forward) says(t *testing.T, text string) {
	t.Helper()
	eventually(t, "it says "+text, func() bool { return strings.Contains(f.stderr.String(), text) })
}

// listen is a server behind a port of the container.
func listen(t *testing.T, serve func(*net.TCPConn)) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return l
}

func echo(c *net.TCPConn) { _, _ = io.Copy(c, c) }

// ported is a world whose task has servers behind its ports.
func ported(t *testing.T, cfg fakeaws.Config, ports map[int]string) *world {
	t.Helper()
	server, err := fakeaws.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	task := server.AddTask(fakeaws.Task{
		Cluster: "prod", Service: "api", ID: taskID, Exec: true,
		Containers: []fakeaws.Container{{Name: "api", Essential: true, Command: []string{"node", "main.js"}, Ports: ports}},
	})
	return &world{Server: server, task: task, dir: t.TempDir()}
}

// move puts something else behind a port of the container; "" = nothing.
func (w *world) move(port int, address string) {
	w.UpdateTask(w.task, func(task *fakeaws.Task) {
		ports := map[int]string{}
		if address != "" {
			ports[port] = address
		}
		task.Containers[0].Ports = ports
	})
}

// exchange sends random bytes to an echo server and compares what comes back.
func exchange(conn *net.TCPConn, size int) error {
	data := make([]byte, size)
	_, _ = rand.Read(data)
	sent := make(chan error, 1)
	go func() {
		_, err := conn.Write(data)
		sent <- err
	}()
	got := sha256.New()
	if _, err := io.CopyN(got, conn, int64(size)); err != nil {
		return err
	}
	if want := sha256.Sum256(data); string(got.Sum(nil)) != string(want[:]) {
		return errors.New("other bytes came back")
	}
	return <-sent
}

// TestTunnelCommandBytes carries 10 MB on one connection, then fifty connections at once,
// to a port that is no inspector's, and tells nothing of inspectors.
func TestTunnelCommandBytes(t *testing.T) {
	t.Parallel()
	w := ported(t, fakeaws.Config{}, map[int]string{6379: listen(t, echo).Addr().String()})
	f := w.forward(t, "--port", "6379")
	if f.Inspector != nil || f.Launch != nil || f.RemotePort != 6379 {
		t.Errorf("it says %s", f.stdout)
	}
	if err := exchange(f.dial(t), 10_000_000); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 50 {
		conn := f.dial(t)
		wg.Go(func() {
			defer conn.Close()
			if err := exchange(conn, 20_000); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.stop(t)
	if text := f.stderr.String(); !strings.Contains(text, "carried 51 connections, 11.0 MB in, 11.0 MB out") || strings.Contains(text, "inspector") {
		t.Errorf("stderr:\n%s", text)
	}
	w.wantEnded(t, 1)
}

// TestTunnelCommandHalfClosed has the client close its end first, then the server.
func TestTunnelCommandHalfClosed(t *testing.T) {
	t.Parallel()
	late := make(chan struct{})
	l := listen(t, func(c *net.TCPConn) {
		line := make([]byte, 4)
		_, _ = io.ReadFull(c, line)
		<-late // the client has closed its end by now
		_, _ = c.Write(append(line, "back"...))
	})
	w := ported(t, fakeaws.Config{}, map[int]string{7000: l.Addr().String()})
	f := w.forward(t, "--port", "7000")
	conn := f.dial(t)
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { close(late) })
	if got, err := io.ReadAll(conn); err != nil || string(got) != "pingback" {
		t.Errorf("got %q, %v", got, err)
	}
	f.stop(t)
}

// TestTunnelCommandBackPressure has a client that does not read stop the server.
func TestTunnelCommandBackPressure(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	sent := 0
	l := listen(t, func(c *net.TCPConn) {
		block := make([]byte, 64<<10)
		for {
			n, err := c.Write(block)
			mu.Lock()
			sent += n
			mu.Unlock()
			if err != nil {
				return
			}
		}
	})
	w := ported(t, fakeaws.Config{}, map[int]string{7000: l.Addr().String()})
	f := w.forward(t, "--port", "7000")
	f.dial(t) // and does not read
	now := func() int { mu.Lock(); defer mu.Unlock(); return sent }
	last := -1
	eventually(t, "the server stands still", func() bool {
		before := last
		last = now()
		if before == last && last > 0 {
			return true
		}
		<-time.After(500 * time.Millisecond)
		return false
	})
	if last > 64<<20 {
		t.Errorf("the server could send %d bytes that nobody reads", last)
	}
	f.stop(t)
	w.wantEnded(t, 1)
}

// TestTunnelCommandSignals ends it in the ways that a terminal does, with a connection
// open: it breaks, and no session is left.
func TestTunnelCommandSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
			f := w.forward(t, "--port", "7000")
			conn := f.dial(t)
			if err := exchange(conn, 100); err != nil {
				t.Fatal(err)
			}
			if err := f.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			f.wantCode(t, 130)
			if n, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
				t.Errorf("the connection ended with %d bytes and %v, want a reset", n, err)
			}
			w.wantEnded(t, 1)
		})
	}
}

// TestTunnelCommandParentDies kills the shell that started it, which has no time to say
// so. With nohup it stays.
func TestTunnelCommandParentDies(t *testing.T) {
	t.Parallel()
	for name, prefix := range map[string]string{"terminal": "", "nohup": "nohup "} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
			// The shell stays the parent, and is not replaced by its last command.
			shell := w.startCommand(t, "sh", "-c", prefix+`"$0" "$@" & echo $! >pid; wait; true`, program,
				"tunnel", "--cluster", "prod", "--task", taskID, "--port", "7000", "--local-port", "0", "--output", "json")
			eventually(t, "the tunnel is open", func() bool { return strings.Contains(shell.stdout.String(), "address") })
			text, err := os.ReadFile(w.dir + "/pid")
			if err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatal(err)
			}
			if err := shell.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			ended := func() bool { s := w.Sessions(); return len(s) == 1 && !s[0].EndedAt.IsZero() }
			if prefix == "" {
				eventually(t, "the session has ended", ended)
				return
			}
			<-time.After(3 * time.Second) // it looks every second
			if ended() {
				t.Error("it did not outlive its shell")
			}
			if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
				t.Error(err)
			}
			eventually(t, "the session has ended", ended)
		})
	}
}

// TestTunnelCommandReopens loses its session for good: the local port stays, with another
// session behind it.
func TestTunnelCommandReopens(t *testing.T) {
	t.Parallel()
	w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
	f := w.forward(t, "--port", "7000")
	conn := f.dial(t)
	if err := exchange(conn, 100); err != nil {
		t.Fatal(err)
	}
	first := w.Sessions()[0].ID
	w.RefuseResume(first)
	if !w.KillClientSocket(first) {
		t.Fatal("there was no socket to break")
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the connection ended with %v, want a reset", err)
	}
	if err := exchange(f.dial(t), 100_000); err != nil { // waits for the other session
		t.Error(err)
	}
	f.says(t, "the tunnel is open again, on the same local port")
	f.stop(t)
	w.wantEnded(t, 2)
}

// TestTunnelCommandTaskStops ends with the reason that ECS gives.
func TestTunnelCommandTaskStops(t *testing.T) {
	t.Parallel()
	w := ported(t, fakeaws.Config{}, map[int]string{7000: listen(t, echo).Addr().String()})
	f := w.forward(t, "--port", "7000")
	w.StopTask(w.task, "EssentialContainerExited", "Essential container in task exited")
	f.wantCode(t, 6)
	f.wantError(t, "was stopped: Essential container in task exited")
	w.wantEnded(t, 1)
}

// TestTunnelCommandRemote has nothing listen at first, then an inspector, then none, then
// that of another process: it stays open and tells.
func TestTunnelCommandRemote(t *testing.T) {
	t.Parallel()
	w := ported(t, fakeaws.Config{}, nil)
	f := w.forward(t)
	if f.Inspector != nil || f.Launch == nil || f.Launch.Port != f.LocalPort || f.Launch.AutoAttachChildProcesses == nil || *f.Launch.AutoAttachChildProcesses {
		t.Errorf("it says %s", f.stdout)
	}
	f.says(t, "nothing listens on port 9229 inside the container")
	f.says(t, "add --activate")
	if conn, err := net.Dial("tcp", f.Address); err == nil { // it may be reset before that returns
		if n, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("a connection to nothing got %d bytes and %v, want a reset", n, err)
		}
		_ = conn.Close()
	}
	first := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	w.move(9229, first.Inspector)
	f.says(t, "in DevTools open devtools://")
	id := f.list(t)[0].ID
	f.says(t, "ws="+f.Address+"/"+id)
	if err := first.Kill(); err != nil { // restartPolicy starts another one in the task
		t.Fatal(err)
	}
	second := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	w.move(9229, second.Inspector)
	other := f.list(t)[0].ID
	f.says(t, "ws="+f.Address+"/"+other)
	f.stop(t)
	w.wantEnded(t, 1)
}

// TestTunnelCommandListenerDies loses what listens on a port that is no inspector's, and
// gets it back: one line says so, and the tunnel stays open.
func TestTunnelCommandListenerDies(t *testing.T) {
	t.Parallel()
	address := listen(t, echo).Addr().String()
	w := ported(t, fakeaws.Config{}, map[int]string{7000: address})
	f := w.forward(t, "--port", "7000")
	w.move(7000, "")
	for range 3 {
		f.wantReset(t)
	}
	f.says(t, "warning: nothing listens on port 7000 inside the container")
	w.move(7000, address)
	if err := exchange(f.dial(t), 10_000); err != nil {
		t.Error(err)
	}
	f.stop(t)
	if n := strings.Count(f.stderr.String(), "nothing listens"); n != 1 {
		t.Errorf("it says so %d times:\n%s", n, f.stderr)
	}
	w.wantEnded(t, 1)
}

// listed is an entry of /json/list.
type listed struct{ ID, Title, URL, WebSocketDebuggerURL string }

// list asks through the local port, as chrome://inspect does.
func (f *forward) list(t *testing.T) []listed {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+f.Address+"/json/list", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var all []listed
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil || len(all) == 0 {
		t.Fatalf("%d entries, %v", len(all), err)
	}
	return all
}

// TestTunnelCommandPortTaken names who holds the port, and asks AWS nothing.
func TestTunnelCommandPortTaken(t *testing.T) {
	t.Parallel()
	l := listen(t, echo)
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w := ported(t, fakeaws.Config{}, nil)
	r := w.start(t, "tunnel", "--cluster", "prod", "--task", taskID, "--local-port", port)
	r.wantCode(t, 2)
	r.wantError(t, "port "+port+" of 127.0.0.1 is taken", "--local-port, 0 for any", fmt.Sprintf("(pid %d)", os.Getpid()))
	if calls := w.Calls(); len(calls) != 0 {
		t.Errorf("%d calls of AWS", len(calls))
	}
}
