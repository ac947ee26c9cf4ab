package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// loopback is the only address that a tunnel listens on.
	loopback = "127.0.0.1"

	// holderTimeout bounds the question who holds a port, which only serves a message.
	holderTimeout = 2 * time.Second

	// firstOpenPort is the first port that needs no privileges.
	firstOpenPort = 1024
)

// listenLocal listens on the port of the loopback, 0 for any. A port that is taken
// is an error: another one in its place would be found by nobody, while debuggers
// that are set up for this one would attach to what holds it.
func listenLocal(ctx context.Context, port int) (net.Listener, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp4", net.JoinHostPort(loopback, strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &usageError{
			text: fmt.Sprintf("port %d of %s is taken%s", port, loopback, holding(ctx, port)),
			hint: "end that, or choose another port with --local-port, 0 for any that is free",
		}
	case err != nil && port < firstOpenPort && port > 0:
		return nil, &usageError{
			text: fmt.Sprintf("listening on port %d: %s", port, shortCause(err)),
			hint: fmt.Sprintf("ports below %d need privileges: for example --local-port %d", firstOpenPort, port+8000),
		}
	case err != nil:
		return nil, fmt.Errorf("listening on port %d: %w", port, err)
	}
	return l, nil
}

// holding says who holds a port, " by NAME", or "" where the system does not tell.
func holding(ctx context.Context, port int) string {
	ctx, cancel := context.WithTimeout(ctx, holderTimeout)
	defer cancel()
	if text, ok := holdingProc("/proc", port); ok {
		return text
	}
	out, err := exec.CommandContext(ctx, "lsof", "-nP", fmt.Sprintf("-iTCP:%d", port), "-sTCP:LISTEN", "-Fpc").Output()
	if err != nil {
		return ""
	}
	return parseLsof(string(out))
}

// parseLsof reads the output of lsof -Fpc: a line for each field, which its first
// letter names.
func parseLsof(out string) string {
	var pid, name string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "p") && pid == "":
			pid = line[1:]
		case strings.HasPrefix(line, "c") && name == "":
			name = line[1:]
		}
	}
	if _, err := strconv.Atoi(pid); err != nil || name == "" {
		return ""
	}
	return fmt.Sprintf(" by %s (pid %s)", name, pid)
}

// holdingProc looks into a proc file system of Linux. It is not ok where there is
// none.
func holdingProc(proc string, port int) (text string, ok bool) {
	var inodes []string
	uid := ""
	for _, name := range []string{"tcp", "tcp6"} {
		f, err := os.Open(filepath.Join(proc, "net", name))
		if err != nil {
			continue
		}
		ok = true
		for inode, owner := range listening(f, port) {
			inodes, uid = append(inodes, inode), owner
		}
		_ = f.Close()
	}
	for _, inode := range inodes {
		if pid := socketOwner(proc, inode); pid != "" {
			name, err := os.ReadFile(filepath.Join(proc, pid, "comm"))
			if err == nil {
				return fmt.Sprintf(" by %s (pid %s)", strings.TrimSpace(string(name)), pid), true
			}
		}
	}
	if uid != "" && uid != strconv.Itoa(os.Getuid()) {
		return fmt.Sprintf(" by a process of another user (uid %s)", uid), true
	}
	return "", ok
}

// listening reads a table of sockets, as in /proc/net/tcp (linux
// net/ipv4/tcp_ipv4.c, tcp4_seq_show), and yields inode and user id of each that
// listens on the port.
func listening(r io.Reader, port int) map[string]string {
	const listen = "0A" // TCP_LISTEN
	found := map[string]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text()) // sl local remote st queues timer retransmits uid timeout inode
		if len(f) < 10 || f[3] != listen {
			continue
		}
		_, hex, _ := strings.Cut(f[1], ":")
		if n, err := strconv.ParseUint(hex, 16, 16); err == nil && int(n) == port {
			found[f[9]] = f[7]
		}
	}
	return found
}

// socketOwner finds a process that has a socket open, among those that we may look
// into.
func socketOwner(proc, inode string) (pid string) {
	files, err := filepath.Glob(filepath.Join(proc, "[0-9]*", "fd", "*"))
	if err != nil {
		return ""
	}
	for _, file := range files {
		if to, err := os.Readlink(file); err == nil && to == "socket:["+inode+"]" {
			return filepath.Base(filepath.Dir(filepath.Dir(file)))
		}
	}
	return ""
}

// warnOfOther tells of another program behind the name localhost, which many
// clients resolve to ::1 first.
func warnOfOther(ctx context.Context, u *ui, port int) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp6", net.JoinHostPort("::1", strconv.Itoa(port)))
	if err == nil {
		_ = l.Close()
	} else if errors.Is(err, syscall.EADDRINUSE) {
		u.warn(fmt.Sprintf("port %d of ::1 is taken by another program: localhost:%d may lead there", port, port), "connect to "+loopback+", as the addresses here do")
	}
}
