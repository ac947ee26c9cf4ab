package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// pidPlace names what a pid and the start of its process are told in: this boot of the
// kernel, and the namespaces of pids and of time. "" = not known.
func pidPlace() string {
	// A file system of another namespace, as after unshare(1) without --mount-proc,
	// tells of other processes.
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	pids, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return ""
	}
	clock, _ := os.Readlink("/proc/self/ns/time") // since Linux 5.6
	sum := sha256.Sum256([]byte(string(boot) + pids + clock))
	return hex.EncodeToString(sum[:6])
}

// processStart is when a process began, in ticks of the kernel since it was booted.
// "" = not known.
func processStart(pid int) string {
	const starttime = 22
	return statField(pid, starttime)
}

// dead tells whether a process has ended and only waits for its parent to notice.
func dead(pid int) bool {
	const state = 3
	s := statField(pid, state)
	return s == "Z" || s == "X"
}

// statField is a field of /proc/PID/stat (proc_pid_stat(5)) after the name of the
// program, which is the second and may have spaces and parentheses.
func statField(pid, n int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	rest := string(text)
	fields := strings.Fields(rest[strings.LastIndexByte(rest, ')')+1:])
	if n-3 >= len(fields) {
		return ""
	}
	return fields[n-3]
}
