package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestStartedByZombie has a process that has ended and that nobody has waited for.
func TestStartedByZombie(t *testing.T) {
	cmd, end := childOf(t)
	pid := cmd.Process.Pid
	reason := marked(hostName(), pid, pidPlace(), processStart(pid))
	if by := startedBy(reason); by.gone {
		t.Fatalf("while it runs: %+v", by)
	}
	end()
	if err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if by := startedBy(reason); !by.gone || !by.sure {
		t.Errorf("once it has ended: %+v", by)
	}
}
