package nodetest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// OpenFiles returns the paths of the files that a process has open, sorted,
// with " (deleted)" after unlinked ones. Sockets, pipes and the kernel's event
// files have no path and are left out.
func OpenFiles(pid int) ([]string, error) {
	targets, err := descriptors(pid)
	if err != nil {
		return nil, err
	}
	files := slices.DeleteFunc(targets, func(target string) bool { return !strings.HasPrefix(target, "/") })
	slices.Sort(files)
	return files, nil
}

// Listeners returns the TCP addresses that a process listens on, sorted as text.
func Listeners(pid int) ([]string, error) {
	return sockets(pid, func(s socket) (string, bool) { return s.local.String(), s.state == tcpListen })
}

// Connections returns "local remote" of every TCP connection that a process
// holds, in whatever state, sorted as text.
func Connections(pid int) ([]string, error) {
	return sockets(pid, func(s socket) (string, bool) {
		return s.local.String() + " " + s.remote.String(), s.state != tcpListen
	})
}

// sockets returns what pick takes of the TCP sockets of a process.
func sockets(pid int, pick func(socket) (string, bool)) ([]string, error) {
	targets, err := descriptors(pid)
	if err != nil {
		return nil, err
	}
	picked := []string{}
	for _, table := range []string{"tcp", "tcp6"} {
		raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "net", table))
		if errors.Is(err, fs.ErrNotExist) && table == "tcp6" {
			continue // a kernel without IPv6
		}
		if err != nil {
			return nil, fmt.Errorf("reading sockets: %w", err)
		}
		all, err := parseSockets(string(raw))
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			if text, ok := pick(s); ok && slices.Contains(targets, "socket:["+s.inode+"]") {
				picked = append(picked, text)
			}
		}
	}
	slices.Sort(picked)
	return picked, nil
}

// descriptors returns what the file descriptors of a process lead to.
func descriptors(pid int) ([]string, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("reading open files: %w", err)
	}
	targets := []string{}
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // closed since
		}
		if err != nil {
			return nil, fmt.Errorf("reading open files: %w", err)
		}
		targets = append(targets, target)
	}
	return targets, nil
}
