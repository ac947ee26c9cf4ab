//go:build unix

package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// namedPipe makes one.
func namedPipe(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestNamedPipeWithoutWriter has one signal be enough.
func TestNamedPipeWithoutWriter(t *testing.T) {
	name := namedPipe(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	cancel(stopped)
	f, err := openSnapshot(ctx, new(ui), name)
	if !errors.Is(err, stopped) || f != nil {
		t.Errorf("opened %v, error %v, want the cause of the context", f, err)
	}
	both, err := os.OpenFile(name, os.O_RDWR, 0) // lets the opening end that was left behind
	if err != nil {
		t.Fatal(err)
	}
	both.Close()
}

func TestNamedPipeWithWriter(t *testing.T) {
	name := namedPipe(t)
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(name, []byte("snapshot"), 0o600) }()
	f, err := openSnapshot(t.Context(), new(ui), name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); string(got) != "snapshot" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
}
