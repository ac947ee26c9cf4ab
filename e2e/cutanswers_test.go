package e2e

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/ecsheap/ecsheap/gate"
	"github.com/ecsheap/ecsheap/internal/fakeaws"
)

// wsMessages counts the messages of one direction of a websocket, from the head of its
// HTTP message on: all that a client sends, of a server the answers to commands.
type wsMessages struct {
	client bool

	buf     []byte
	opened  bool
	payload uint64 // bytes of the message before that are to come
	n       int
}

// answerHead begins the answers of V8, and no event.
const answerHead = `{"id":`

func (m *wsMessages) Write(p []byte) (int, error) {
	m.buf = append(m.buf, p...)
	if !m.opened {
		_, rest, found := bytes.Cut(m.buf, []byte("\r\n\r\n"))
		if !found {
			return len(p), nil
		}
		m.buf, m.opened = rest, true
	}
	for m.next() {
	}
	return len(p), nil
}

// next takes one more message, or the rest of one, off the buffer.
func (m *wsMessages) next() bool {
	skip := min(m.payload, uint64(len(m.buf)))
	m.buf, m.payload = m.buf[skip:], m.payload-skip
	if m.payload > 0 || len(m.buf) < 2 {
		return false
	}
	const text = 1
	head, size := 2, uint64(m.buf[1]&0x7f)
	switch {
	case size == 126 && len(m.buf) >= 4:
		head, size = 4, uint64(binary.BigEndian.Uint16(m.buf[2:]))
	case size == 127 && len(m.buf) >= 10:
		head, size = 10, binary.BigEndian.Uint64(m.buf[2:])
	case size >= 126:
		return false
	}
	if m.client {
		head += 4 // the mask
	}
	if uint64(len(m.buf)) < uint64(head)+min(size, uint64(len(answerHead))) {
		return false
	}
	if m.buf[0]&0x0f == text && (m.client || bytes.HasPrefix(m.buf[head:], []byte(answerHead))) {
		m.n++
	}
	m.buf, m.payload = m.buf[head:], size
	return true
}

// inquisitive forwards connections to an inspector, cuts each of them after so many
// bytes from there, and looks how many answers had not begun to come then.
type inquisitive struct {
	address string

	mu   sync.Mutex
	owed []int // by cut
}

func newInquisitive(t *testing.T, to string, after int64) *inquisitive {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); _ = listener.Close() })
	q := &inquisitive{address: listener.Addr().String()}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go q.forward(ctx, conn, to, after)
		}
	}()
	return q
}

func (q *inquisitive) forward(ctx context.Context, conn net.Conn, to string, after int64) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	inspector, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer inspector.Close()
	asked, answered := &wsMessages{client: true}, &wsMessages{}
	go func() {
		defer inspector.Close()
		_, _ = io.Copy(writer(func(p []byte) (int, error) {
			q.mu.Lock()
			_, _ = asked.Write(p)
			q.mu.Unlock()
			return inspector.Write(p)
		}), conn)
	}()
	n, _ := io.CopyN(io.MultiWriter(answered, conn), inspector, after)
	q.mu.Lock()
	defer q.mu.Unlock()
	if n == after {
		q.owed = append(q.owed, asked.n-answered.n)
	}
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// TestCutsLeaveNoAnswer cuts connections again and again: when that happens the process
// has nothing else to send, which Node.js up to 22 can crash of
// (docs/decisions/0007-cut-connections.md), and it lives on.
func TestCutsLeaveNoAnswer(t *testing.T) {
	runs, versions := 1, []string{"22"}
	if full() {
		runs, versions = 20, []string{"18", "20", "22", "24"}
	}
	for _, version := range versions {
		for _, after := range []int64{64 << 10, 500e3} {
			t.Run(fmt.Sprintf("node%s/%d", version, after), func(t *testing.T) {
				t.Parallel()
				node := bulk(t, version, 3)
				before := node.State()
				w := newWorld(t, fakeaws.Config{}, node)
				q := newInquisitive(t, node.Inspector, after)
				for i := range runs {
					dir := fmt.Sprintf("out%d", i)
					r := w.start(t, "snapshot", "--inspector", q.address, "--transfer", string(gate.Disk), "--dir", dir)
					r.wantCode(t, 0)
					if n := w.wantWhole(t, dir); n != 1 {
						t.Errorf("%d snapshots", n)
					}
					// The list of scripts has more bytes, and comes in one go.
					if asked := !strings.Contains(r.stderr.String(), "since connections break off"); asked && after < 100e3 {
						t.Errorf("the scripts were asked for:\n%s", r.stderr)
					}
				}
				q.mu.Lock()
				cuts, owed := len(q.owed), 0
				for i, n := range q.owed {
					if n != 0 {
						owed++
						t.Errorf("cut %d: %d answers were still to come", i, n)
					}
				}
				q.mu.Unlock()
				t.Logf("%d cuts, %d of them with answers still to come", cuts, owed)
				if cuts < runs {
					t.Errorf("%d cuts in %d runs", cuts, runs)
				}
				wantNothingLeft(t, node, before)
				conn := dialNode(t, node)
				wantWholeLoop(t, conn)
				_ = conn.Close()
			})
		}
	}
}
