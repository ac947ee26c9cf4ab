package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// marked is a reason as runReason makes it, with other parts.
func marked(host string, pid int, place, start string) string {
	return fmt.Sprintf("ecsheap tunnel on %s, pid %d, mark %s-%s", host, pid, place, start)
}

// childOf starts a process that waits on its standard input.
func childOf(t *testing.T) (cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.Command("cat")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		nodetest.Missing(t, "no cat here", err.Error())
	}
	t.Cleanup(func() {
		_ = in.Close()
		if cmd.ProcessState == nil {
			_ = cmd.Wait()
		}
	})
	return cmd, func() { _ = cmd.Process.Kill() }
}

func TestStartedBy(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("processes have no mark here")
	}
	host, place := hostName(), pidPlace()
	if place == "" {
		t.Fatal("no place")
	}
	running, _ := childOf(t)
	ended, end := childOf(t)
	pid, began := running.Process.Pid, processStart(running.Process.Pid)
	was := processStart(ended.Process.Pid)
	end()
	_ = ended.Wait() // it was killed
	tests := map[string]struct {
		reason string
		want   starter
	}{
		"ourselves":               {runReason("tunnel"), starter{os.Getpid(), true, false, true}},
		"another that runs":       {marked(host, pid, place, began), starter{pid, true, false, true}},
		"killed":                  {marked(host, ended.Process.Pid, place, was), starter{ended.Process.Pid, true, true, true}},
		"its pid is another's":    {marked(host, pid, place, began+"0"), starter{pid, true, true, true}},
		"another boot":            {marked(host, ended.Process.Pid, "0123456789ab", was), starter{pid: ended.Process.Pid}},
		"another host":            {marked(host+"2", ended.Process.Pid, place, was), starter{}},
		"no mark, killed":         {fmt.Sprintf("ecsheap snapshot on %s, pid %d", host, ended.Process.Pid), starter{ended.Process.Pid, true, true, false}},
		"no mark, runs":           {fmt.Sprintf("ecsheap snapshot on %s, pid %d", host, pid), starter{pid, true, false, false}},
		"a word after the mark":   {marked(host, ended.Process.Pid, place, was) + " x", starter{}},
		"half a mark":             {fmt.Sprintf("ecsheap tunnel on %s, pid %d, mark %s-", host, ended.Process.Pid, place), starter{}},
		"a pid that is too large": {marked(host, 0, place, was)[:len("ecsheap tunnel on ")+len(host)] + ", pid 99999999999", starter{}},
		"somebody else's":         {"a shell on " + host + ", pid 1", starter{}},
		"none":                    {"", starter{}},
	}
	for name, tt := range tests {
		if got := startedBy(tt.reason); got != tt.want {
			t.Errorf("%s: %q gives %+v, want %+v", name, tt.reason, got, tt.want)
		}
	}
}

// TestRunReason keeps to what AWS takes: 256 characters.
func TestRunReason(t *testing.T) {
	reason := runReason("snapshot")
	if len(reason) > 256-maxHost+len(hostName()) {
		t.Errorf("%d characters, and the host has %d: %q", len(reason), len(hostName()), reason)
	}
	if pidPlace() != "" && !regexp.MustCompile(`, mark [0-9a-f]{12}-[0-9]+$`).MatchString(reason) {
		t.Errorf("no mark in %q", reason)
	}
	if strings.Contains(reason, "boot") {
		t.Errorf("it says more than it should: %q", reason)
	}
}
