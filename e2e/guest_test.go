package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ecsheap/ecsheap/cdp"
	"github.com/ecsheap/ecsheap/guest"
	"github.com/ecsheap/ecsheap/heap"
	"github.com/ecsheap/ecsheap/internal/nodetest"
)

// inspected is a connection to a process whose socket a test can cut.
type inspected struct {
	*cdp.Conn
	mu      sync.Mutex
	sockets []net.Conn
}

func dialNode(t testing.TB, p *nodetest.Process) *inspected {
	t.Helper()
	in := &inspected{}
	conn, err := cdp.Dial(t.Context(), func(ctx context.Context) (net.Conn, error) {
		socket, err := new(net.Dialer).DialContext(ctx, "tcp", p.Inspector)
		in.mu.Lock()
		defer in.mu.Unlock()
		in.sockets = append(in.sockets, socket)
		return socket, err
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.Conn = conn
	t.Cleanup(func() { _ = conn.Close() })
	return in
}

// cut ends the connection as a killed client does: without a word.
func (in *inspected) cut() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, s := range in.sockets {
		if tcp, ok := s.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, no closing handshake
		}
		_ = s.Close()
	}
}

func installGuest(t testing.TB, eval guest.Evaluate, opts guest.Options) *guest.Guest {
	t.Helper()
	g, err := guest.Install(t.Context(), eval, opts)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func takeShot(t testing.TB, g *guest.Guest, mode guest.Mode) guest.Shot {
	t.Helper()
	shot, err := g.Take(t.Context(), mode, guest.TakeOptions{Need: 1})
	if err != nil {
		t.Fatal(err)
	}
	return shot
}

func pullShot(t testing.TB, g *guest.Guest, shot guest.Shot) ([]byte, guest.Pulled) {
	t.Helper()
	var buf bytes.Buffer
	pulled, err := g.Pull(t.Context(), shot, &buf, guest.PullOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if int64(buf.Len()) != shot.Bytes || pulled.Plain != shot.Bytes {
		t.Fatalf("%d bytes, Pulled says %d, want %d", buf.Len(), pulled.Plain, shot.Bytes)
	}
	return buf.Bytes(), pulled
}

func parseHeap(t testing.TB, data []byte) *heap.Snapshot {
	t.Helper()
	s, err := heap.Parse(t.Context(), bytes.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// classCount returns how many objects of a class there are.
func classCount(s *heap.Snapshot, class string) int {
	n := 0
	for node := range heap.Node(s.NumNodes()) {
		if s.Type(node) == heap.ObjectNode && s.RawName(node) == class {
			n++
		}
	}
	return n
}

// everyNode runs a test on someNodes, and with FULL=1 on every Node.js that the
// guest is made for and that is installed.
func everyNode(t *testing.T, test func(t *testing.T, version string)) {
	for _, pin := range nodetest.Pins() {
		if _, err := nodetest.Find(pin.Major); err != nil && !pin.Tested || !full() && !slices.Contains(someNodes, pin.Major) {
			continue
		}
		t.Run("node"+pin.Major, func(t *testing.T) { test(t, pin.Major) })
	}
}

const bulkMB = 12

// TestGuestTakesTheSameSnapshot compares what the guest hands over with what
// the inspector streams, and checks that the process is left as it was.
func TestGuestTakesTheSameSnapshot(t *testing.T) {
	t.Parallel()
	everyNode(t, func(t *testing.T, version string) {
		p := bulk(t, version, bulkMB)
		before := p.State()
		conn := dialNode(t, p)
		g := installGuest(t, conn.Evaluate, guest.Options{})
		var snapshots []*heap.Snapshot
		for _, mode := range []guest.Mode{guest.Disk, guest.Memory} {
			shot := takeShot(t, g, mode)
			checkShot(t, shot, mode, p.Dir)
			data, pulled := pullShot(t, g, shot)
			snapshots = append(snapshots, parseHeap(t, data))
			if ratio := float64(pulled.Wire) / float64(shot.Bytes); ratio > 0.20 {
				t.Errorf("%s: %.3f of the bytes on the wire", mode, ratio)
			} else {
				t.Logf("%s: %.3f of %.1f MB on the wire, pause %v", mode, ratio, float64(shot.Bytes)/1e6, shot.Pause.Round(time.Millisecond))
			}
			if err := g.Release(t.Context(), shot); err != nil {
				t.Error(err)
			}
		}
		if state, err := g.State(t.Context()); err != nil || len(state.Shots) != 0 {
			t.Errorf("holds %v, %v", state.Shots, err)
		}
		var stream bytes.Buffer
		if err := conn.HeapSnapshot(t.Context(), &stream, nil); err != nil {
			t.Fatal(err)
		}
		sameGraph(t, parseHeap(t, stream.Bytes()), snapshots)
		if err := g.Remove(t.Context()); err != nil {
			t.Error(err)
		}
		wantNoGuest(t, conn)
		conn.Close()
		p.AwaitState(before)
	})
}

// sameGraph compares snapshots of one process with the streamed one.
func sameGraph(t *testing.T, want *heap.Snapshot, snapshots []*heap.Snapshot) {
	t.Helper()
	for i, got := range snapshots {
		// A few hundred objects are the machinery of asking for it.
		if d := got.NumNodes() - want.NumNodes(); d < -want.NumNodes()/100 || d > want.NumNodes()/100 {
			t.Errorf("snapshot %d: %d nodes, the stream has %d", i+1, got.NumNodes(), want.NumNodes())
		}
		for _, class := range []string{"Order", "Line"} {
			if a, b := classCount(got, class), classCount(want, class); a != b || a == 0 {
				t.Errorf("snapshot %d: %d of class %s, the stream has %d", i+1, a, class, b)
			}
		}
	}
}

// checkShot checks what a shot says of itself.
func checkShot(t *testing.T, shot guest.Shot, mode guest.Mode, dir string) {
	t.Helper()
	if shot.Mode != mode || shot.Pause <= 0 || time.Since(shot.StartedAt) > time.Minute || shot.Bytes < 1e6 || shot.RSSBefore <= 0 || shot.RSSAfter <= 0 || shot.HeapUsedBefore <= 0 {
		t.Errorf("shot %+v", shot)
	}
	if mode == guest.Disk && (shot.Dir != dir || !shot.Hidden || shot.Held != 0) {
		t.Errorf("dir %s (want %s), hidden %v, held %d", shot.Dir, dir, shot.Hidden, shot.Held)
	}
	if mode == guest.Memory && (shot.Held <= 0 || shot.Held > shot.Bytes/4) {
		t.Errorf("%d bytes held of %d", shot.Held, shot.Bytes)
	}
}

// wantNoGuest checks that nothing of ours is on globalThis.
func wantNoGuest(t *testing.T, conn *inspected) {
	t.Helper()
	var symbols []string
	if err := conn.Evaluate(t.Context(), `Reflect.ownKeys(globalThis).filter(k => typeof k === "symbol").map(String)`, &symbols); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(symbols, func(s string) bool { return strings.Contains(s, "ecsheap") }) {
		t.Errorf("left on globalThis: %v", symbols)
	}
}

func TestGuestVitals(t *testing.T) {
	everyNode(t, func(t *testing.T, version string) {
		p := bulk(t, version, bulkMB)
		conn := dialNode(t, p)
		g := installGuest(t, conn.Evaluate, guest.Options{})
		before := p.State()
		v, err := g.Vitals(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p.AwaitState(before)
		if v.PID != p.PID || v.NodeVersion != "v"+p.Version || v.Worker || v.Uptime <= 0 {
			t.Errorf("process: %+v", v)
		}
		if v.HeapUsed < 1e6 || v.RSS < v.HeapUsed || v.PeakRSS < v.HeapUsed || v.HeapTotal < v.HeapUsed/2 || v.HeapSizeLimit < v.HeapTotal || v.LargeObjects() <= 0 {
			t.Errorf("memory: %+v", v)
		}
		if v.MemoryUsed <= 0 || v.MachineTotal < v.RSS || v.MachineAvailable <= 0 || v.MachineCPUs < 1 || v.Load < 0 || v.Load > 1 {
			t.Errorf("surroundings: %+v", v)
		}
		if len(v.Dirs) == 0 || v.Dirs[0].Path != p.Dir || v.Dirs[0].Why != "" || v.Dirs[0].FS == "" {
			t.Errorf("places: %+v", v.Dirs)
		}
		if free := v.DiskFree(); free == 0 || free < 0 && !slices.Contains([]string{"14", "16"}, version) {
			t.Errorf("free %d", free)
		}
		if want := slices.Contains([]string{"24", "26"}, version); v.Workers < 0 == want {
			t.Errorf("workers %d", v.Workers)
		}
	})
}

// TestGuestLeavesByItself: the client is killed, and nobody comes back.
func TestGuestLeavesByItself(t *testing.T) {
	t.Parallel()
	everyNode(t, func(t *testing.T, version string) {
		t.Parallel()
		p := bulk(t, version, bulkMB)
		before := p.State()
		conn := dialNode(t, p)
		g := installGuest(t, conn.Evaluate, guest.Options{Silence: time.Second})
		takeShot(t, g, guest.Disk)
		takeShot(t, g, guest.Memory)
		if files := p.State().Files; !slices.ContainsFunc(files, func(f string) bool { return strings.HasSuffix(f, " (deleted)") }) {
			t.Errorf("no unlinked file is open: %v", files)
		}
		conn.cut()
		p.AwaitState(before)
		again := dialNode(t, p)
		wantNoGuest(t, again)
		if _, err := guest.Attach(t.Context(), again.Evaluate, g.Token()); !errors.As(err, new(*guest.GoneError)) {
			t.Errorf("Attach: %v", err)
		}
		g.Reconnect(again.Evaluate)
		if _, err := g.State(t.Context()); !errors.As(err, new(*guest.GoneError)) {
			t.Errorf("State: %v", err)
		}
		if err := g.Remove(t.Context()); err != nil {
			t.Errorf("Remove: %v", err)
		}
	})
}

// TestGuestPullsOverANewConnection cuts the socket again and again.
func TestGuestPullsOverANewConnection(t *testing.T) {
	t.Parallel()
	for _, mode := range []guest.Mode{guest.Disk, guest.Memory} {
		t.Run(string(mode), func(t *testing.T) {
			p := bulk(t, "", 40)
			conn := dialNode(t, p)
			g := installGuest(t, conn.Evaluate, guest.Options{})
			shot := takeShot(t, g, mode)
			whole, _ := pullShot(t, g, shot)
			var got bytes.Buffer
			cuts := 0
			for int64(got.Len()) < shot.Bytes {
				if cuts > 20 {
					t.Fatal("no progress")
				}
				began := got.Len()
				limited := &cutter{w: &got, after: 7 << 20, cut: conn.cut}
				_, err := g.Pull(t.Context(), shot, limited, guest.PullOptions{From: int64(began)})
				if err == nil {
					break
				}
				if !errors.As(err, new(*cdp.LostError)) {
					t.Fatal(err)
				}
				cuts++
				conn = dialNode(t, p)
				found, err := guest.Attach(t.Context(), conn.Evaluate, g.Token())
				if err != nil {
					t.Fatal(err)
				}
				if cuts%2 == 0 {
					g = found
				} else {
					g.Reconnect(conn.Evaluate)
				}
			}
			if cuts < 2 {
				t.Errorf("%d cuts", cuts)
			}
			if !bytes.Equal(got.Bytes(), whole) {
				t.Error("not the same bytes")
			}
		})
	}
}

// cutter cuts the connection after so many bytes, in the middle of a piece.
type cutter struct {
	w     *bytes.Buffer
	after int
	cut   func()
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.after -= len(p); c.after < 0 && c.cut != nil {
		c.cut()
		c.cut = nil
	}
	return c.w.Write(p)
}

func TestGuestTwice(t *testing.T) {
	p := nodetest.Start(t, nodetest.Options{Script: nodetest.Quiet(), Ready: nodetest.QuietReady, Inspect: true})
	conn := dialNode(t, p)
	g := installGuest(t, conn.Evaluate, guest.Options{Label: "alice's laptop"})
	takeShot(t, g, guest.Disk)
	other := dialNode(t, p)
	_, err := guest.Install(t.Context(), other.Evaluate, guest.Options{})
	busy, ok := errors.AsType[*guest.BusyError](err)
	if !ok || busy.Label != "alice's laptop" || busy.Shots != 1 || busy.Detached || busy.Age <= 0 {
		t.Fatalf("second install: %v (%+v)", err, busy)
	}
	if _, err := guest.Attach(t.Context(), other.Evaluate, "another token"); !strings.Contains(fmt.Sprint(err), "another ecsheap is") {
		t.Errorf("Attach with another token: %v", err)
	}
	if state, err := g.State(t.Context()); err != nil || len(state.Shots) != 1 {
		t.Errorf("the first one suffered: %+v, %v", state, err)
	}
	second := installGuest(t, other.Evaluate, guest.Options{Replace: true})
	if n := unlinked(t, p); n != 0 {
		t.Errorf("%d files of the first one are left", n)
	}
	if _, err := g.State(t.Context()); !errors.As(err, new(*guest.GoneError)) {
		t.Errorf("the first one is still there: %v", err)
	}
	if err := second.Remove(t.Context()); err != nil {
		t.Error(err)
	}
	installGuest(t, other.Evaluate, guest.Options{})
}
