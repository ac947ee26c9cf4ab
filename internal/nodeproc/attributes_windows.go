package nodeproc

import "syscall"

// attributes gives the child its own process group, so that a Ctrl-C at the
// console reaches us alone. Windows offers no death signal.
func attributes(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
