package s3test

import "syscall"

// attributes has the kernel end the server with the test, also one that is killed.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
