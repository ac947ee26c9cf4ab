package nodeproc

import "syscall"

// attributes puts the child into its own process group, so that a Ctrl-C at the
// terminal reaches us alone: it is ours to end the child, after our own
// clean-up. The kernel sends the death signal also when the thread that started
// the child ends, which is why it is not the default.
func attributes(dieWithParent bool) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if dieWithParent {
		attr.Pdeathsig = syscall.SIGKILL
	}
	return attr
}
