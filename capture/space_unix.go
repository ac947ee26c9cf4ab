//go:build linux || darwin || freebsd

package capture

import (
	"errors"
	"syscall"
)

// isFull reports whether err means that there is no room on the disk, or none
// for this user.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// freeSpace returns the bytes that an ordinary user may still write to the disk
// of dir, -1 if that is unknown.
func freeSpace(dir string) int64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return -1
	}
	return int64(st.Bavail) * int64(st.Bsize)
}
