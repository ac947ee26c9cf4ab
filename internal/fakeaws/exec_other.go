//go:build !linux

package fakeaws

import (
	"bytes"
	"io"
	"os/exec"
)

// startOnTerminal starts a command on pipes that look like a terminal as far as newlines go.
func startOnTerminal(cmd *exec.Cmd) (*terminal, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, in := io.Pipe()
	cmd.Stdout = crlf{in}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the agent keeps the exit code to itself
		_ = in.Close() // never fails
	}()
	return &terminal{
		ReadWriteCloser: &pipes{PipeReader: out, stdin: stdin},
		wait:            func() { <-ended },
		kill:            func() { _ = cmd.Process.Kill() }, // it may be gone
	}, nil
}

// crlf is a terminal's way of writing newlines.
type crlf struct{ to io.Writer }

// Write writes p with "\r\n" for each "\n".
func (c crlf) Write(p []byte) (int, error) {
	if _, err := c.to.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(p), nil
}

// pipes is the near side of a command's pipes.
type pipes struct {
	*io.PipeReader
	stdin io.WriteCloser
}

// Write writes to the command's stdin.
func (p *pipes) Write(b []byte) (int, error) { return p.stdin.Write(b) }

// Close closes both directions.
func (p *pipes) Close() error {
	_ = p.stdin.Close() // the command may be gone
	return p.PipeReader.Close()
}
