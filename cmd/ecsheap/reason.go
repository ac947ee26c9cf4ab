package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"syscall"
)

// reasonPrefix begins the reason of every session of ours.
const reasonPrefix = "ecsheap "

// maxHost is how much of a host's name goes into a reason, which AWS takes up to 256
// characters of.
const maxHost = 100

// runReason is what AWS records with our sessions. It names the process, so that a
// later run can tell what a killed one left.
func runReason(command string) string {
	text := fmt.Sprintf("%s%s on %s, pid %d", reasonPrefix, command, hostName(), os.Getpid())
	if place, start := pidPlace(), processStart(os.Getpid()); place != "" && start != "" {
		text += fmt.Sprintf(", mark %s-%s", place, start)
	}
	return text
}

// hostName is the host's, as a reason has it.
func hostName() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		return "unknown host"
	}
	return host[:min(len(host), maxHost)]
}

// starter is the process that a reason of runReason names, as far as this machine
// knows it.
type starter struct {
	pid  int
	here bool // it ran on this machine
	gone bool // it has ended
	// sure says that the two above are beyond doubt: the mark says that the pid was
	// given by this very kernel since it was booted, in our namespace, and to a process
	// that began at another time than whoever may bear it now. Names of hosts repeat,
	// and so do pids.
	sure bool
}

// ranOn finds the host, the pid and the mark in a reason.
var ranOn = regexp.MustCompile(`^` + reasonPrefix + `\S+ on (.+), pid ([0-9]{1,10})(?:, mark ([0-9a-f]+)-([0-9]+))?$`)

// startedBy reads a reason. The zero value is a process elsewhere, or none of ours.
func startedBy(reason string) starter {
	m := ranOn.FindStringSubmatch(reason)
	if m == nil || m[1] != hostName() {
		return starter{}
	}
	pid, err := strconv.Atoi(m[2])
	if err != nil {
		return starter{}
	}
	place, start := m[3], m[4]
	ours := pidPlace()
	switch {
	case place == "" || ours == "":
		return starter{pid: pid, here: true, gone: !alive(pid)}
	case place != ours: // a container, or a machine of the same name, or this one before it was booted
		return starter{pid: pid}
	}
	gone := !alive(pid)
	if now := processStart(pid); now != "" {
		gone = gone || now != start || dead(pid)
	}
	return starter{pid: pid, here: true, gone: gone, sure: true}
}

// alive tells whether a process exists. On systems without signal 0 it says yes.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	err = p.Signal(syscall.Signal(0))
	return err == nil || !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, syscall.ESRCH)
}
