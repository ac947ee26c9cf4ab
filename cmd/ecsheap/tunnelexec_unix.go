//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// shell runs a line as sh does.
func shell(line string) *exec.Cmd { return exec.Command("sh", "-c", line) }

// ownGroup has a command and its children be one group, so that a signal reaches
// what the shell has started too.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// sendTo sends a signal to the command, or to its group.
func sendTo(cmd *exec.Cmd, group bool, s os.Signal) {
	if n, ok := s.(syscall.Signal); ok && group {
		_ = syscall.Kill(-cmd.Process.Pid, n)
		return
	}
	_ = cmd.Process.Signal(s)
}
