package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// TestPickerPanics: a defect of ours leaves no raw terminal behind.
func TestPickerPanics(t *testing.T) {
	keyboard, side := pseudoTerminal(t)
	before, err := unix.IoctlGetTermios(int(side.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	u := newUI(streams{in: side, out: side, err: side})
	defer u.close()
	broken := &picker{columns: []pickColumn{{title: "A"}, {title: "B"}}, rows: []pickRow{{cells: []string{"one"}}}}
	panicked := func() (panicked bool) {
		defer func() { panicked = recover() != nil }()
		_, _ = u.pick(t.Context(), broken)
		return false
	}()
	if !panicked {
		t.Fatal("no panic")
	}
	after, err := unix.IoctlGetTermios(int(side.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if *after != *before {
		t.Errorf("the terminal is %+v, was %+v", after, before)
	}
	buf := make([]byte, 1024)
	n, err := io.ReadAtLeast(keyboard, buf, 1)
	if err != nil || !strings.HasSuffix(string(buf[:n]), showCursor) {
		t.Errorf("the last that was written is %q, %v", buf[:n], err)
	}
}

// TestPickerCancelled: a context that ends is as good as a key.
func TestPickerCancelled(t *testing.T) {
	keyboard, side := pseudoTerminal(t)
	go func() { _, _ = io.Copy(io.Discard, keyboard) }() // ends with the terminal
	u := newUI(streams{in: side, out: side, err: side})
	defer u.close()
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&interruptedError{signal: syscall.SIGTERM})
	p := &picker{title: "Which?", columns: []pickColumn{{title: "NAME"}}}
	p.add("", "one")
	if _, err := u.pick(ctx, p); exitCode(err) != codeInterrupted {
		t.Errorf("got %v", err)
	}
}

// pseudoTerminal returns both sides of one (pty(7)).
func pseudoTerminal(t *testing.T) (keyboard, side *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		nodetest.Missing(t, "no pseudo-terminals here", err.Error())
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	raw, err := keyboard.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	var ptyErr error
	if err := raw.Control(func(fd uintptr) {
		if ptyErr = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); ptyErr == nil {
			n, ptyErr = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || ptyErr != nil {
		t.Fatal(err, ptyErr)
	}
	side, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = side.Close() })
	return keyboard, side
}
