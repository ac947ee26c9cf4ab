package e2e

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/ecsheap/ecsheap/guest"
)

// TestGuestOfAHangingPool removes a guest while a read of its hangs, since all
// threads of libuv's pool do: it leaves at once and takes the room of the snapshot
// with it, and the descriptor goes when the pool goes on.
func TestGuestOfAHangingPool(t *testing.T) {
	everyNode(t, func(t *testing.T, version string) {
		p := bulk(t, version, bulkMB)
		conn := dialNode(t, p)
		g := installGuest(t, conn.Evaluate, guest.Options{})
		wantWholeLoop(t, conn) // the pool has its threads
		before := p.State()
		shot := takeShot(t, g, guest.Disk)

		pipe := filepath.Join(t.TempDir(), "pipe")
		if err := syscall.Mkfifo(pipe, 0o600); err != nil {
			t.Fatal(err)
		}
		hang := fmt.Sprintf(`(async (fs) => {
			await null;
			for (let i = 0; i < 4; i++) fs.open(%q, "r", (e, fd) => fs.close(fd, () => {}));
		})(require("fs"))`, pipe)
		if err := conn.Evaluate(t.Context(), hang, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		pulled := make(chan error, 1)
		go func() {
			_, err := g.Pull(ctx, shot, io.Discard, guest.PullOptions{})
			pulled <- err
		}()
		eventually(t, "the first read hangs", func() bool { // more are asked for once it has come
			var requests int
			err := conn.Evaluate(t.Context(), `process._getActiveRequests().length`, &requests)
			return err == nil && requests >= 4+1
		})
		if n := heldOnDisk(t, p.PID, p.Dir); n != shot.Bytes {
			t.Errorf("%d bytes on disk, want %d", n, shot.Bytes)
		}
		cancel()
		if err := <-pulled; err == nil {
			t.Error("the snapshot came")
		}
		if err := g.Remove(t.Context()); err != nil {
			t.Error(err)
		}
		wantNoGuest(t, conn)
		if n := heldOnDisk(t, p.PID, p.Dir); n != 0 {
			t.Errorf("%d bytes left on disk", n)
		}
		writer, err := os.OpenFile(pipe, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := writer.Close(); err != nil {
			t.Error(err)
		}
		wantWholeLoop(t, conn)
		p.AwaitState(before)
	})
}

// heldOnDisk is how much the files in a directory have that only a process still holds.
func heldOnDisk(t *testing.T, pid int, dir string) (bytes int64) {
	t.Helper()
	open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		name, err := os.Readlink(fd)
		if err != nil || !strings.HasPrefix(name, dir) || !strings.HasSuffix(name, " (deleted)") {
			continue
		}
		if file, err := os.Stat(fd); err == nil {
			bytes += file.Size()
		}
	}
	return bytes
}
