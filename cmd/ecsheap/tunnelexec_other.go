//go:build !unix

package main

import (
	"os"
	"os/exec"
)

// shell runs a line as the command interpreter does.
func shell(line string) *exec.Cmd { return exec.Command("cmd", "/C", line) }

// ownGroup does nothing here: there is no signal for a group.
func ownGroup(*exec.Cmd) {}

// sendTo ends the command: these systems have no signals for others.
func sendTo(cmd *exec.Cmd, _ bool, _ os.Signal) { _ = cmd.Process.Kill() }
