package nodetest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/ecsheap/ecsheap/internal/nodeproc"
)

// entry is the shell script that a container begins with. It waits until the
// loopback interface is up; then either becomes the command, as pid 1, or stays
// as an init above it.
const entry = `read -r _ <"$1" || exit 1
for hidden in $2; do "$4" --bind /dev/null "$hidden" || exit 1; done
init=$3
shift 4
[ "$init" = no ] && exec "$@"
exec 3<&0 # or the background would have no stdin
"$@" <&3 3<&- &
wait $!`

// shells are what a container without a shell must not have.
var shells = []string{"sh", "bash", "dash"}

// ContainerOptions says what runs in a container. The zero value is the newest
// LTS on an empty program.
type ContainerOptions struct {
	Version  string   // of Node.js, as in Options
	Script   string   // JavaScript source of the program
	Ready    string   // text of a line of output that StartContainer waits for, "" = do not wait
	NodeArgs []string // arguments for Node.js itself
	Args     []string // arguments for the program
	Env      []string // "NAME=value"
	// Command runs instead of Node.js and the program; "node" is on its PATH, and
	// the program is app.js in its working directory.
	Command []string
	// Programs of this machine to put on PATH. Without any there is only node; and
	// not even that one with NodeElsewhere.
	Programs      []string
	NodeElsewhere bool
	Files         map[string]string // more files of the working directory
	Init          bool              // another process stands at pid 1 and waits
	NoShell       bool              // there is no shell, as in distroless images
	User          int               // user id of the program, 0 = root
}

// Container is a program in process, mount and network namespaces of its own,
// as in a container of ECS: with its own pids and its own 127.0.0.1.
type Container struct {
	*nodeproc.Process
	// Version of Node.js, exact.
	Version string
	// Node is its path.
	Node string
	// Dir is the working directory.
	Dir string

	t     testing.TB
	path  string            // the only folder on PATH
	env   []string          // of every process in the container
	root  int               // pid 1 of the container, as seen from outside
	tools map[string]string // paths of programs outside
}

// StartContainer starts a container that ends with the test. It takes root; the
// test is skipped without, or fails under CI=true.
func StartContainer(t testing.TB, o ContainerOptions) *Container {
	t.Helper()
	tools := findTools(t)
	node := Require(t, o.Version)
	version, err := nodeproc.Version(t.Context(), node)
	if err != nil {
		t.Fatal(err)
	}
	c := &Container{Version: version, t: t, tools: tools}
	gate := c.furnish(node, o)
	command := o.Command
	if command == nil {
		command = slices.Concat([]string{c.Node}, o.NodeArgs, []string{filepath.Join(c.Dir, "app.js")}, o.Args)
	}
	if command[0], err = c.find(command[0]); err != nil {
		t.Fatal(err)
	}
	command = append(c.as(o.User), command...)
	c.Process, err = nodeproc.Start(t.Context(), nodeproc.Command{
		Node:     "unshare",
		NodeArgs: []string{"--fork", "--kill-child", "--pid", "--net", "--mount", "--mount-proc", "/bin/sh", "-c", entry, "sh", gate, hidden(o), yes(o.Init), tools["mount"]},
		File:     command[0], Args: command[1:], Env: c.env, Dir: c.Dir, DieWithParent: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.end)
	c.open(gate)
	if o.Ready != "" {
		c.Line(o.Ready)
	}
	return c
}

// findTools finds the programs that containers are made with, and sees that they
// are allowed to.
func findTools(t testing.TB) map[string]string {
	t.Helper()
	const hint = "run the tests as root on Linux, with util-linux"
	tools := map[string]string{}
	for _, name := range []string{"unshare", "nsenter", "setpriv", "mount"} { // all of util-linux
		path, err := exec.LookPath(name)
		if err != nil {
			Missing(t, "no "+name+" for a container", hint)
		}
		tools[name] = path
	}
	if err := exec.Command(tools["unshare"], "--fork", "--pid", "--net", "--mount", "true").Run(); err != nil {
		Missing(t, "no namespaces for a container: "+err.Error(), hint)
	}
	return tools
}

// furnish makes the folders of a container and returns the pipe at which its
// first process waits.
func (c *Container) furnish(node string, o ContainerOptions) (gate string) {
	c.t.Helper()
	home := c.t.TempDir()
	c.Dir, c.path, gate = filepath.Join(home, "work"), filepath.Join(home, "bin"), filepath.Join(home, "gate")
	c.env = append([]string{"PATH=" + c.path, "HOME=" + c.Dir, "TMPDIR=" + c.Dir}, o.Env...)
	files := map[string]string{"app.js": o.Script}
	for name, text := range o.Files {
		files[name] = text
	}
	c.Node = filepath.Join(c.path, "node")
	if o.NodeElsewhere {
		c.Node = filepath.Join(home, "node")
	}
	err := errors.Join(os.Mkdir(c.path, 0o755), os.Mkdir(c.Dir, 0o755), os.Symlink(node, c.Node), unix.Mkfifo(gate, 0o600))
	for _, name := range o.Programs {
		program, missing := exec.LookPath(name)
		err = errors.Join(err, missing, os.Symlink(program, filepath.Join(c.path, name)))
	}
	for name, text := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o644))
	}
	if o.User != 0 { // t.TempDir is for us alone
		err = errors.Join(err, os.Chmod(home, 0o755), os.Chmod(filepath.Dir(home), 0o755), os.Chown(c.Dir, o.User, o.User))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return gate
}

// hidden lists the shells to hide from a container.
func hidden(o ContainerOptions) string {
	var found []string
	for _, name := range shells {
		if path, err := exec.LookPath(name); err == nil && o.NoShell {
			if real, err := filepath.EvalSymlinks(path); err == nil && !slices.Contains(found, real) {
				found = append(found, real)
			}
		}
	}
	return strings.Join(found, " ")
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// open finds pid 1, brings its loopback interface up and lets it go on.
func (c *Container) open(gate string) {
	c.t.Helper()
	pipe, err := os.OpenFile(gate, os.O_WRONLY, 0) // waits for the shell to open it
	if err != nil {
		c.t.Fatal(err)
	}
	defer pipe.Close()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", c.PID))
	if err != nil {
		c.t.Fatal(err)
	}
	if c.root, err = strconv.Atoi(strings.TrimSpace(string(children))); err != nil {
		c.t.Fatal(err)
	}
	if err := c.inNetwork(loopbackUp); err != nil {
		c.t.Fatal(err)
	}
	if _, err := pipe.WriteString("\n"); err != nil {
		c.t.Fatal(err)
	}
}

// loopbackUp brings the loopback interface of the calling thread's network up.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, request); err != nil {
		return err
	}
	request.SetUint16(request.Uint16() | unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
}

// inNetwork runs do on a thread inside the container's network. The thread goes
// back to where it was: were it to end instead, the kernel would take it for the
// parent of the children that it started, and kill them.
func (c *Container) inNetwork(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		home, err := os.Open("/proc/thread-self/ns/net")
		if err != nil {
			done <- err
			return
		}
		defer home.Close()
		away, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", c.root))
		if err != nil {
			done <- err
			return
		}
		defer away.Close()
		err = unix.Setns(int(away.Fd()), unix.CLONE_NEWNET)
		if err == nil {
			err = do()
		}
		if unix.Setns(int(home.Fd()), unix.CLONE_NEWNET) == nil {
			runtime.UnlockOSThread() // a thread that is lost out there ends with the goroutine
		}
		done <- err
	}()
	return <-done
}

// Dial connects to a port of the container's 127.0.0.1.
func (c *Container) Dial(ctx context.Context, port int) (net.Conn, error) {
	var conn net.Conn
	err := c.inNetwork(func() error {
		var d net.Dialer
		var err error
		conn, err = d.DialContext(ctx, "tcp4", fmt.Sprintf("127.0.0.1:%d", port))
		return err
	})
	return conn, err
}

// Exec makes a command that runs inside the container as root, whoever the
// program runs as: so does ECS Exec.
func (c *Container) Exec(words []string) (*exec.Cmd, error) {
	if len(words) == 0 {
		return nil, errors.New("no command")
	}
	path, err := c.find(words[0])
	if err != nil {
		return nil, err
	}
	enter := []string{"--target", strconv.Itoa(c.root), "--pid", "--net", "--mount", "--"}
	cmd := exec.Command(c.tools["nsenter"], slices.Concat(enter, c.as(0), []string{path}, words[1:])...)
	cmd.Env, cmd.Dir = slices.Concat([]string{"TERM=xterm-256color"}, c.env), c.Dir
	return cmd, nil
}

// as is a command that runs another one as a user, without the right to trace
// the processes of others: containers do not have it.
func (c *Container) as(user int) []string {
	words := []string{c.tools["setpriv"], "--bounding-set=-sys_ptrace"}
	if user != 0 {
		id := strconv.Itoa(user)
		words = append(words, "--reuid="+id, "--regid="+id, "--clear-groups")
	}
	return append(words, "--")
}

// find looks a program up on the container's PATH.
func (c *Container) find(name string) (string, error) {
	if strings.Contains(name, "/") {
		if _, err := os.Stat(name); err != nil {
			return "", &os.PathError{Op: "fork/exec", Path: name, Err: syscall.ENOENT}
		}
		return name, nil
	}
	path := filepath.Join(c.path, name)
	if _, err := os.Stat(path); err != nil {
		return "", &exec.Error{Name: name, Err: errors.New("executable file not found in $PATH")}
	}
	return path, nil
}

// Line waits until the program has printed a line that contains text.
func (c *Container) Line(text string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), LineTimeout)
	defer cancel()
	line, err := c.AwaitLine(ctx, text)
	if err != nil {
		c.t.Fatalf("%v\n%s", err, c.Output())
	}
	return line
}

// PIDs returns the processes of the container: the pids outside by those inside.
func (c *Container) PIDs() map[int]int {
	c.t.Helper()
	space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", c.root))
	if err != nil {
		c.t.Fatal(err)
	}
	all, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	if err != nil {
		c.t.Fatal(err)
	}
	found := map[int]int{}
	for _, name := range all {
		if target, err := os.Readlink(name); err != nil || target != space {
			continue // of another container, or gone
		}
		outside := strings.Split(name, "/")[2]
		status, err := os.ReadFile("/proc/" + outside + "/status")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			if ids, ok := strings.CutPrefix(line, "NSpid:"); ok {
				fields := strings.Fields(ids)
				inside, _ := strconv.Atoi(fields[len(fields)-1]) // the kernel writes numbers
				found[inside], _ = strconv.Atoi(outside)
			}
		}
	}
	return found
}

// State looks at a process of the container, by its pid inside.
func (c *Container) State(pid int) State {
	c.t.Helper()
	outside, ok := c.PIDs()[pid]
	if !ok {
		c.t.Fatalf("the container has no process %d", pid)
	}
	p := &Process{Process: &nodeproc.Process{PID: outside}, Dir: c.Dir, t: c.t}
	s, err := p.state()
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

// AwaitState waits until a process of the container is exactly as it was at want.
func (c *Container) AwaitState(pid int, want State) {
	c.t.Helper()
	ticker := time.NewTicker(stateTick)
	defer ticker.Stop()
	for deadline := time.Now().Add(stateTimeout); ; <-ticker.C {
		got := c.State(pid)
		if got.Equal(want) {
			return
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("process %d of the container is not as it was\nwas %+v\nis  %+v", pid, want, got)
		}
	}
}

// end is the clean-up. The output is worth reading only when the test failed.
func (c *Container) end() {
	select {
	case <-c.Done():
	default:
		if c.root != 0 { // it takes all others with it, and unshare after it, which heeds no SIGTERM
			_ = syscall.Kill(c.root, syscall.SIGKILL) // it may have ended by now
			<-c.Done()
		}
	}
	if err := c.Close(); err != nil {
		c.t.Error(err)
	}
	if c.t.Failed() {
		c.t.Logf("output of the container with node %s:\n%s", c.Version, c.Output())
	}
}
