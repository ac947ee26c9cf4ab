package fakeaws

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// startOnTerminal starts a command on a pseudoterminal of its own and returns the other side of it,
// whose reads fail once the command and its children are gone.
func startOnTerminal(cmd *exec.Cmd) (*terminal, error) {
	near, far, err := openTerminal()
	if err != nil {
		return nil, err
	}
	defer far.Close() // the command has its own
	cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, far
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setsid, cmd.SysProcAttr.Setctty = true, true // Ctty 0 is stdin
	if err := cmd.Start(); err != nil {
		_ = near.Close() // nobody is on it
		return nil, err
	}
	return &terminal{
		ReadWriteCloser: near,                          // an os.File may be closed while it is read, and twice
		wait:            func() { _ = cmd.Wait() },     // the agent keeps the exit code to itself
		kill:            func() { _ = killGroup(cmd) }, // it may be gone
	}, nil
}

// openTerminal opens a pseudoterminal, as pty(7) says.
func openTerminal() (near, far *os.File, err error) {
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("opening a terminal: %w", err)
	}
	near = os.NewFile(uintptr(fd), "/dev/ptmx")
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		far, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		_ = near.Close() // the error says more
		return nil, nil, fmt.Errorf("opening a terminal: %w", err)
	}
	return near, far, nil
}

// killGroup kills a command and its children, which share its session.
func killGroup(cmd *exec.Cmd) error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
