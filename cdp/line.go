package cdp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// host is the name that the inspector is called by. Node.js answers 400 to any
// other name (protection against DNS rebinding), and a tunnel has none anyway.
const host = "localhost"

// maxHead bounds the head of an HTTP answer, which Go's reader does not. The
// inspector's has 200 bytes.
const maxHead = 64 << 10

// errLongHead says that what answers is not HTTP, or never comes to the point.
var errLongHead = fmt.Errorf("no end of the head within %d bytes", maxHead)

// line is the byte stream to the inspector. It counts what arrives and
// remembers why it broke: the layers above replace the error of a broken stream
// by their own, and then the tunnel's reason would be lost.
type line struct {
	net.Conn
	born     time.Time
	received atomic.Int64
	heard    atomic.Int64 // when something last arrived, in nanoseconds since born

	mu  sync.Mutex
	err error // first error of Read or Write
}

func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	l.received.Add(int64(n))
	if n > 0 {
		l.heard.Store(int64(time.Since(l.born)))
	}
	l.note(err)
	return n, err
}

// lastHeard returns when something last arrived.
func (l *line) lastHeard() time.Time { return l.born.Add(time.Duration(l.heard.Load())) }

func (l *line) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	l.note(err)
	return n, err
}

// note keeps the first error that is news: a stream closed by us says nothing.
func (l *line) note(err error) {
	if err == nil || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = err
	}
}

// cause returns why the stream broke, or nil.
func (l *line) cause() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// transport sends each request on a stream of its own. It is used instead of
// http.Transport because the errors of the stream must come through as they
// are, and because no goroutine may outlive the call.
type transport struct {
	dial     func(ctx context.Context) (net.Conn, error)
	last     *line // stream of the latest request; after an upgrade the websocket's
	answered bool  // something came on one of the streams
}

// RoundTrip implements http.RoundTripper. After status 101 the body is the
// stream itself (an io.ReadWriteCloser) and no longer bound to the context.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, &NoInspectorError{Err: err}
	}
	l := &line{Conn: conn, born: time.Now()}
	t.last = l
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	resp, br, err := exchange(l, req)
	t.answered = t.answered || l.received.Load() > 0
	if err != nil {
		inTime := stop()
		_ = conn.Close()
		if !inTime && ctx.Err() != nil {
			return nil, &NotInspectorError{Got: "no answer", Err: context.Cause(ctx)}
		}
		return nil, t.answerError(l, err)
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		stop()
		resp.Body = &upgraded{Reader: br, line: l}
		return resp, nil
	}
	resp.Body = &body{Reader: resp.Body, close: func() error { stop(); return conn.Close() }}
	return resp, nil
}

// exchange writes the request and reads the head of the response. What follows
// the head is to be read from rest.
func exchange(l *line, req *http.Request) (resp *http.Response, rest *bufio.Reader, err error) {
	if err := req.Write(l); err != nil {
		return nil, nil, err
	}
	limited := &head{Reader: l, left: maxHead}
	rest = bufio.NewReader(limited)
	resp, err = http.ReadResponse(rest, req)
	if err != nil && limited.left == 0 {
		return nil, nil, errLongHead // instead of a complaint about what was cut off
	}
	limited.left = unlimited
	return resp, rest, err
}

// answerError tells apart the ways in which a request got no HTTP answer.
func (t *transport) answerError(l *line, err error) error {
	broke := false
	if cause := l.cause(); cause != nil {
		err, broke = cause, !endOfStream(cause)
	}
	switch {
	case !t.answered, l.received.Load() == 0 && !broke:
		// A tunnel opens its stream before the far end has connected to the port;
		// a refused connection shows as a stream that ends or fails at once.
		return &NoInspectorError{Err: err}
	case broke:
		return &LostError{Err: err}
	}
	return &NotInspectorError{Got: "something that is not HTTP", Err: err}
}

// endOfStream reports whether err is the ordinary end of a stream that the
// other side did not want, in contrast to a broken transport.
func endOfStream(err error) bool {
	for _, e := range []error{io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, syscall.ECONNRESET, syscall.EPIPE, syscall.ECONNABORTED} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// unlimited is the left of a head that has come to its end.
const unlimited = -1

// head is a reader that takes no more than left bytes from the stream.
type head struct {
	io.Reader
	left int // bytes, or unlimited
}

func (h *head) Read(p []byte) (int, error) {
	switch h.left {
	case unlimited:
		return h.Reader.Read(p)
	case 0:
		return 0, errLongHead
	}
	n, err := h.Reader.Read(p[:min(len(p), h.left)])
	h.left -= n
	return n, err
}

// body closes the stream together with the response.
type body struct {
	io.Reader
	close func() error
}

func (b *body) Close() error { return b.close() }

// upgraded is the stream after the handshake. What the reader of the response
// head took too much is read first.
type upgraded struct {
	io.Reader
	line *line
}

func (u *upgraded) Write(p []byte) (int, error) { return u.line.Write(p) }
func (u *upgraded) Close() error                { return u.line.Close() }
