package cdp

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// inspector is the other side of the tests: a Node.js inspector over net.Pipe,
// written from RFC 6455 and sharing no code with the client. Like Node.js it
// drops a connection that sends a ping or a fragment.
type inspector struct {
	list    string                        // answer of /json/list
	answers map[string]func(*peer, frame) // by method; others get an empty result
	http    map[string]string             // raw answers by path, instead of the regular ones

	mu       sync.Mutex
	requests []*http.Request
	methods  []string // commands received, in order
	dropped  []string // why connections were dropped
	wg       sync.WaitGroup
}

const oneTarget = `[{"id":"abc","type":"node","title":"app.js","url":"file:///app.js","webSocketDebuggerUrl":"ws://127.0.0.1:9229/abc"}]`

func newInspector() *inspector {
	return &inspector{list: oneTarget, answers: map[string]func(*peer, frame){}, http: map[string]string{}}
}

// dial is the func for Dial.
func (in *inspector) dial(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	in.wg.Go(func() {
		defer far.Close()
		in.serve(far)
	})
	return near, nil
}

// open dials and closes the connection at the end of the test.
func (in *inspector) open(t *testing.T) *Conn {
	t.Helper()
	c, err := Dial(t.Context(), in.dial, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); in.wg.Wait() })
	return c
}

// sent are the commands received, but for the one that Dial always sends.
func (in *inspector) sent() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(in.methods), func(m string) bool { return m == watchMethod })
}

func (in *inspector) serve(conn net.Conn) {
	br := bufio.NewReader(conn)
	req, err := http.ReadRequest(br)
	if err != nil {
		return
	}
	in.mu.Lock()
	in.requests = append(in.requests, req)
	in.mu.Unlock()
	if raw, ok := in.http[req.URL.Path]; ok {
		io.WriteString(conn, raw)
		return
	}
	switch req.URL.Path {
	case "/json/version":
		reply(conn, `{"Browser":"node.js/v22.1.0","Protocol-Version":"1.1"}`)
	case "/json/list":
		reply(conn, in.list)
	default:
		sum := sha1.Sum([]byte(req.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			base64.StdEncoding.EncodeToString(sum[:]))
		(&peer{in: in, conn: conn, br: br}).loop()
	}
}

func reply(w io.Writer, body string) {
	fmt.Fprintf(w, "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// frame is a command as received.
type frame struct {
	ID     int64           `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// peer is one websocket connection, seen from the inspector.
type peer struct {
	in   *inspector
	conn net.Conn
	br   *bufio.Reader
}

var errDrop = errors.New("dropped")

func (p *peer) loop() {
	for {
		payload, err := p.receive()
		if err != nil {
			return
		}
		var f frame
		if err := json.Unmarshal(payload, &f); err != nil {
			panic(err)
		}
		p.in.mu.Lock()
		p.in.methods = append(p.in.methods, f.Method)
		answer := p.in.answers[f.Method]
		p.in.mu.Unlock()
		if answer == nil {
			p.result(f, `{}`)
			continue
		}
		answer(p, f)
	}
}

// receive returns the payload of one text frame.
func (p *peer) receive() ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(p.br, head[:2]); err != nil {
		return nil, err
	}
	op, n := head[0], uint64(head[1]&0x7f)
	switch n {
	case 126:
		io.ReadFull(p.br, head[:2])
		n = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		io.ReadFull(p.br, head[:])
		n = binary.BigEndian.Uint64(head[:])
	}
	var mask [4]byte
	io.ReadFull(p.br, mask[:])
	payload := make([]byte, n)
	if _, err := io.ReadFull(p.br, payload); err != nil {
		return nil, err
	}
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	switch op {
	case 0x81:
		return payload, nil
	case 0x88:
		p.write(0x88, payload)
		return nil, io.EOF
	}
	p.in.mu.Lock()
	defer p.in.mu.Unlock()
	p.in.dropped = append(p.in.dropped, fmt.Sprintf("first byte %#x", op))
	return nil, errDrop
}

func (p *peer) write(first byte, payload []byte) error {
	head := []byte{first, 0}
	switch n := len(payload); {
	case n < 126:
		head[1] = byte(n)
	case n < 1<<16:
		head[1] = 126
		head = binary.BigEndian.AppendUint16(head, uint16(n))
	default:
		head[1] = 127
		head = binary.BigEndian.AppendUint64(head, uint64(n))
	}
	if _, err := p.conn.Write(append(head, payload...)); err != nil {
		return err
	}
	return nil
}

func (p *peer) text(s string) error { return p.write(0x81, []byte(s)) }

func (p *peer) result(f frame, result string) error {
	return p.text(fmt.Sprintf(`{"id":%d,"result":%s}`, f.ID, result))
}

// value answers Runtime.evaluate with a value.
func (p *peer) value(f frame, value string) error {
	return p.result(f, fmt.Sprintf(`{"result":{"type":"object","value":%s}}`, value))
}

// event sends an event the way V8 writes it.
func (p *peer) event(method, params string) error {
	return p.text(fmt.Sprintf(`{"method":%q,"params":%s}`, method, params))
}

// chunk sends a piece of a snapshot with V8's escapes: everything outside of
// printable ASCII as \uXXXX.
func (p *peer) chunk(s string) error { return p.event(chunkMethod, `{"chunk":`+quote(s)+`}`) }

// quote is strconv.QuoteToASCII for JSON.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r < 0x20 || r > 0x7e && r < 0x10000:
			fmt.Fprintf(&b, `\u%04X`, r)
		case r >= 0x10000:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04X\u%04X`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
