//go:build linux || darwin || freebsd || netbsd || openbsd

package main

import (
	"errors"
	"os"
	"syscall"

	"github.com/ecsheap/ecsheap/capture"
)

// lockSeries keeps other runs from fetching into the same directory: each would
// take the unfinished file of the other for one that was left behind. The lock is
// the kernel's, on the directory itself: there is no file of it, and it ends with
// this process however that ends.
//
// A file system that cannot lock is no reason not to fetch.
func lockSeries(dir string) (unlock func(), err error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, &capture.DirError{Dir: dir, Problem: "cannot be read", Fix: "make it readable", Err: err}
	}
	err = syscall.Flock(int(d.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		_ = d.Close() // nothing was written
		return nil, &capture.DirError{Dir: dir, Problem: "another ecsheap is fetching into it", Fix: "wait until that one is done; what it leaves can be fetched by the same command"}
	}
	return func() { _ = d.Close() }, nil // with it goes the lock
}
