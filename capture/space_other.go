//go:build !(linux || darwin || freebsd)

package capture

import (
	"errors"
	"syscall"
)

// errorDiskFull is ERROR_DISK_FULL of winerror.h.
const errorDiskFull = syscall.Errno(112)

// isFull reports whether err means that there is no room on the disk.
func isFull(err error) bool { return errors.Is(err, errorDiskFull) }

// freeSpace is not known here.
func freeSpace(string) int64 { return -1 }
