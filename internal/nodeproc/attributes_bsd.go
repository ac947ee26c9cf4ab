//go:build unix && !linux

package nodeproc

import "syscall"

// attributes puts the child into its own process group, so that a Ctrl-C at the
// terminal reaches us alone. These kernels offer no death signal.
func attributes(bool) *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
