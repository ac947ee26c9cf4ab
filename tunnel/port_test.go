package tunnel

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// TestPeerCloses loses what listens on the port in the middle of a stream: what it
// said arrives, then the stream is at its end, and the tunnel lives.
func TestPeerCloses(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, func(c net.Conn) {
		_, _ = io.ReadFull(c, make([]byte, 1))
		_, _ = c.Write([]byte("last words"))
	})
	tun := w.open(t)
	for range 2 {
		c := dial(t, tun)
		if _, err := c.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(c); err != nil || string(got) != "last words" {
			t.Errorf("read %q, %v", got, err)
		}
	}
	if err := tun.Err(); err != nil {
		t.Errorf("the tunnel is lost: %v", err)
	}
}

// TestProcessRestarts goes through one tunnel to a process that ends and comes
// back, as under a restart policy of the container.
func TestProcessRestarts(t *testing.T) {
	w := newWorld(t, fakeaws.Config{}, echo)
	tun := w.open(t)
	wantEcho(t, tun)
	var address string
	w.UpdateTask(w.task, func(task *fakeaws.Task) {
		address = task.Containers[0].Ports[9229]
		task.Containers[0].Ports = map[int]string{}
	})
	_, err := dial(t, tun).Read(make([]byte, 1))
	var refused *RefusedError
	if !errors.As(err, &refused) {
		t.Errorf("while nothing listens: %v", err)
	}
	w.UpdateTask(w.task, func(task *fakeaws.Task) { task.Containers[0].Ports = map[int]string{9229: address} })
	wantEcho(t, tun)
	if n := len(w.Sessions()); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// wantEcho has one byte come back over a stream of its own.
func wantEcho(t *testing.T, tun *Tunnel) {
	t.Helper()
	c := dial(t, tun)
	defer c.Close()
	if _, err := c.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
}
