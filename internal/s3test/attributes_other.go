//go:build !linux

package s3test

import "syscall"

// attributes are the usual ones: these systems have no death signal.
func attributes() *syscall.SysProcAttr { return nil }
