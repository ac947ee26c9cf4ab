package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"golang.org/x/sys/unix"
)

// pidPlace names what a pid is told in: this boot of the kernel. "" = not known.
func pidPlace() string {
	boot, err := unix.Sysctl("kern.bootsessionuuid")
	if err != nil || boot == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(boot))
	return hex.EncodeToString(sum[:6])
}

// processStart is when a process began, in microseconds since 1970. "" = not known.
func processStart(pid int) string {
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil || int(p.Proc.P_pid) != pid {
		return ""
	}
	return fmt.Sprint(p.Proc.P_starttime.Nano() / 1000)
}

// dead tells whether a process has ended and only waits for its parent to notice.
func dead(pid int) bool {
	const zombie = 5 // SZOMB in sys/proc.h
	p, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	return err == nil && int(p.Proc.P_pid) == pid && p.Proc.P_stat == zombie
}
