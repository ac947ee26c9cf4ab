//go:build linux || darwin || freebsd || netbsd || openbsd

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLockSeries(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lockSeries(dir)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err := lockSeries(filepath.Join(dir, ".")) // each open directory has a lock of its own
		if err == nil || !strings.Contains(err.Error(), "another ecsheap is fetching into it") || exitCode(err) != codeUsage || hintOf(err) == "" {
			t.Errorf("error %v", err)
		}
	}
	if other, err := lockSeries(t.TempDir()); err != nil {
		t.Errorf("another directory: %v", err)
	} else {
		other()
	}
	unlock()
	again, err := lockSeries(dir)
	if err != nil {
		t.Fatalf("after the first is done: %v", err)
	}
	again()
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := lockSeries(filepath.Join(dir, "none")); exitCode(err) != codeUsage {
		t.Errorf("no directory: %v", err)
	}
}
