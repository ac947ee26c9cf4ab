package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// shortLived forwards connections to an inspector, and cuts each of them after so many
// bytes from there: a proxy or a network that lets nothing live long.
type shortLived struct {
	address string
	stop    func() // no connection lives, or comes, from then on
	cuts    atomic.Int64
}

func newShortLived(t *testing.T, to string, after int64) *shortLived {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); _ = listener.Close() })
	c := &shortLived{address: listener.Addr().String(), stop: func() { _ = listener.Close(); cancel() }}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go c.forward(ctx, conn, to, after)
		}
	}()
	return c
}

func (c *shortLived) forward(ctx context.Context, conn net.Conn, to string, after int64) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	inspector, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer inspector.Close()
	go func() {
		_, _ = io.Copy(inspector, conn)
		_ = inspector.Close()
	}()
	if n, _ := io.CopyN(conn, inspector, after); n == after {
		c.cuts.Add(1)
	}
}

// TestShortLivedConnections fetches a snapshot in spite of a network that cuts
// every connection after a while.
func TestShortLivedConnections(t *testing.T) {
	t.Parallel()
	for _, transfer := range []gate.Transfer{gate.Disk, gate.Memory} {
		for _, after := range []int64{500e3, 64 << 10} {
			t.Run(fmt.Sprintf("%s/%d", transfer, after), func(t *testing.T) {
				node := bulk(t, "", 12)
				before := node.State()
				w := newWorld(t, fakeaws.Config{}, node)
				c := newShortLived(t, node.Inspector, after)
				r := w.start(t, "snapshot", "--inspector", c.address, "--transfer", string(transfer), "--dir", "out")
				r.wantCode(t, 0)
				if n := w.wantWhole(t, "out"); n != 1 {
					t.Errorf("%d snapshots", n)
				}
				cuts := c.cuts.Load()
				t.Logf("%d cuts", cuts)
				if wire := w.load(t, "out").Snapshots[0].WireBytes; cuts < 2 || wire > 3*wireOf(t, w, node.Inspector) {
					t.Errorf("%d cuts, %d bytes on the wire", cuts, wire)
				}
				if told := strings.Count(r.stderr.String(), "connection to the inspector was lost"); told > 3+int(cuts)/20 {
					t.Errorf("told %d times:\n%s", told, r.stderr)
				}
				wantNothingLeft(t, node, before)
				conn := dialNode(t, node)
				wantWholeLoop(t, conn)
				_ = conn.Close()
			})
		}
	}
}

// wireOf is what the wire carries of a snapshot when nothing is cut.
func wireOf(t *testing.T, w *world, inspector string) int64 {
	t.Helper()
	w.start(t, "snapshot", "--inspector", inspector, "--transfer", "disk", "--dir", "whole").wantCode(t, 0)
	return w.load(t, "whole").Snapshots[0].WireBytes
}

// TestLostForGood says in one line what stays in the process, and until when.
func TestLostForGood(t *testing.T) {
	t.Parallel()
	for transfer, holds := range map[gate.Transfer]string{
		gate.Disk:   "with the snapshot of 1",
		gate.Memory: "that it holds in the memory of the process",
		gate.Stream: "with no snapshot",
	} {
		t.Run(string(transfer), func(t *testing.T) {
			t.Parallel()
			node := bulk(t, "", 12)
			w := newWorld(t, fakeaws.Config{}, node)
			const unlimited = 1 << 60
			c := newShortLived(t, slowed(t, node.Inspector), unlimited)
			r := w.start(t, "snapshot", "--inspector", c.address, "--transfer", string(transfer), "--dir", "out")
			w.receiving(t, "out", "s1")
			c.stop()
			r.wantCode(t, 6)
			r.wantError(t, "removes itself after a minute without us", holds)
			if n := strings.Count(r.stderr.String(), "our helper still in the process"); n != 1 {
				t.Errorf("told %d times:\n%s", n, r.stderr)
			}
			wantWholeLoop(t, dialNode(t, node))
		})
	}
}

// slowed is an address that leads to another one, no faster than a tunnel.
func slowed(t *testing.T, to string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			inspector, err := net.Dial("tcp", to)
			if err != nil {
				_ = conn.Close()
				return
			}
			paced := &pacedConn{Conn: inspector}
			go func() { _, _ = io.Copy(inspector, conn); _ = inspector.Close() }()
			go func() { _, _ = io.Copy(conn, paced); _ = conn.Close() }()
		}
	}()
	return listener.Addr().String()
}
