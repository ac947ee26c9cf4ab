package cdp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestDialSpeaksAsNodeDemands(t *testing.T) {
	in := newInspector()
	in.open(t)
	var paths []string
	for _, r := range in.requests {
		paths = append(paths, r.URL.Path)
		if r.Host != "localhost" {
			t.Errorf("%s: Host is %q; Node.js refuses other names", r.URL.Path, r.Host)
		}
		if h := r.Header.Get("Sec-WebSocket-Extensions"); h != "" {
			t.Errorf("asks for the extension %q", h)
		}
	}
	if got := strings.Join(paths, " "); got != "/json/version /json/list /abc" {
		t.Errorf("asked for %s", got)
	}
}

func TestDialPicksNode(t *testing.T) {
	in := newInspector()
	in.list = `[{"id":"w","type":"worker","webSocketDebuggerUrl":"ws://x/w"},
		{"id":"first","type":"node"},{"id":"second","type":"node"}]`
	var log bytes.Buffer
	c, err := Dial(t.Context(), in.dial, &Options{Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	in.wg.Wait()
	if p := in.requests[2].URL.Path; p != "/first" {
		t.Errorf("opened %s", p)
	}
	if !strings.Contains(log.String(), "several targets") {
		t.Errorf("log says nothing of them:\n%s", &log)
	}
}

// lostError is a transport's own error with its own hint.
type lostError struct{}

func (lostError) Error() string { return "tunnel gone" }
func (lostError) Hint() string  { return "mend the tunnel" }

// broken is a stream whose reads fail.
type broken struct {
	net.Conn
	err error
}

func (b broken) Read([]byte) (int, error) { return 0, b.err }

func TestDialErrors(t *testing.T) {
	const ok = "HTTP/1.0 200 OK\r\n\r\n"
	answer := func(path, raw string) func(context.Context) (net.Conn, error) {
		in := newInspector()
		in.http[path] = raw
		return in.dial
	}
	// breaks makes reading fail on the stream of the nth step.
	breaks := func(n int, err error) func(context.Context) (net.Conn, error) {
		in := newInspector()
		step := 0
		return func(ctx context.Context) (net.Conn, error) {
			c, err2 := in.dial(ctx)
			if step++; step == n {
				return broken{c, err}, err2
			}
			return c, err2
		}
	}
	tests := []struct {
		name string
		dial func(context.Context) (net.Conn, error)
		want any // pointer to the error type
		text string
		hint string
	}{
		{"nothing listens", func(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED }, new(*NoInspectorError), "connection refused", "--inspect"},
		{"dial has a hint", func(context.Context) (net.Conn, error) { return nil, lostError{} }, new(*NoInspectorError), "tunnel gone", "mend the tunnel"},
		{"ends at once", answer("/json/version", ""), new(*NoInspectorError), "no inspector answers: the port closes", "--inspect"},
		{"reset at once", breaks(1, syscall.ECONNRESET), new(*NoInspectorError), "no inspector answers: connection reset", "--inspect"},
		{"transport says why", breaks(1, lostError{}), new(*NoInspectorError), "no inspector answers: tunnel gone", "mend the tunnel"},
		{"transport breaks later", breaks(2, lostError{}), new(*LostError), "inspector lost: tunnel gone", "mend the tunnel"},
		{"reset later", breaks(3, syscall.ECONNRESET), new(*NoInspectorError), "reset", "--inspect"},
		{"not HTTP", answer("/json/version", "SSH-2.0-OpenSSH_9.2\r\n"), new(*NotInspectorError), "not HTTP", "check the port"},
		{"other HTTP", answer("/json/version", "HTTP/1.1 404 Not Found\r\n\r\n"), new(*NotInspectorError), "status 404", "check the port"},
		{"HTML", answer("/json/version", ok+"<html>"), new(*NotInspectorError), "not the expected JSON", "check the port"},
		{"other JSON", answer("/json/version", ok+"{}"), new(*NotInspectorError), "Browser", "check the port"},
		{"cut answer", answer("/json/version", "HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\n{"), new(*NotInspectorError), "broken answer", "check the port"},
		{"host refused", answer("/json/version", "HTTP/1.0 400 Bad Request\r\n\r\n"), new(*HostError), "HTTP 400", "localhost"},
		{"no targets", answer("/json/list", ok+"[]"), new(*NoTargetError), "no target", "try again"},
		{"a browser", answer("/json/list", ok+`[{"type":"page"}]`), new(*NoTargetError), `"page"`, "Node.js"},
		{"list ends at once", answer("/json/list", ""), new(*NoInspectorError), "closes the connection", "--inspect"},
		{"websocket refused", answer("/abc", "HTTP/1.0 400 Bad Request\r\n\r\n"), new(*NotInspectorError), "asked for the websocket, got HTTP status 400", "check the port"},
		{"websocket ends", answer("/abc", ""), new(*NoInspectorError), "closes the connection", "--inspect"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Dial(t.Context(), tt.dial, nil)
			if !errors.As(err, tt.want) {
				t.Fatalf("got %T %v, want %T", err, err, tt.want)
			}
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("text %q lacks %q", err, tt.text)
			}
			var h interface{ Hint() string }
			if !errors.As(err, &h) || !strings.Contains(h.Hint(), tt.hint) {
				t.Errorf("no hint with %q", tt.hint)
			}
		})
	}
}

// endless is a stream that sends start and then more for ever, and counts.
type endless struct {
	net.Conn
	start string
	more  string
	read  *int
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.start)
	for e.start = e.start[n:]; n < len(p); {
		k := copy(p[n:], e.more)
		e.more = e.more[k:] + e.more[:k]
		n += k
	}
	*e.read += n
	return n, nil
}

func TestDialGivesUpEndlessHeads(t *testing.T) {
	const upgrade = "HTTP/1.1 101 Switching Protocols\r\n"
	tests := []struct {
		name        string
		start, more string
		step        int // from 1, at which the stream is endless
	}{
		{"no HTTP", "", "x", 1},
		{"status line", "HTTP/1.0 200 ", "x", 1},
		{"headers", "HTTP/1.0 200 OK\r\n", "A: b\r\n", 2},
		{"header line", "HTTP/1.0 200 OK\r\nA: ", "b", 2},
		{"upgrade", upgrade, "A: b\r\n", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := newInspector()
			step, read := 0, 0
			_, err := Dial(t.Context(), func(ctx context.Context) (net.Conn, error) {
				c, err := in.dial(ctx)
				if step++; step == tt.step {
					// The request is taken, the other side's answer is not.
					go io.Copy(io.Discard, c)
					return &endless{Conn: c, start: tt.start, more: tt.more, read: &read}, err
				}
				return c, err
			}, nil)
			var other *NotInspectorError
			if !errors.As(err, &other) || !strings.Contains(err.Error(), "something that is not HTTP") || !errors.Is(err, errLongHead) {
				t.Errorf("got %v", err)
			}
			if read > maxHead {
				t.Errorf("%d bytes read", read)
			}
			in.wg.Wait()
		})
	}
}

// silent accepts and never answers.
func silent(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	go io.Copy(io.Discard, far)
	return near, nil
}

func TestDialGivesUpOnSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		_, err := Dial(t.Context(), silent, nil)
		var other *NotInspectorError
		if !errors.As(err, &other) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		if !strings.Contains(other.Hint(), "silent") {
			t.Errorf("hint: %s", other.Hint())
		}
		if d := time.Since(start); d != stepLimit {
			t.Errorf("took %v", d)
		}
	})
}

func TestDialObeysContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("user pressed Ctrl-C")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(why) })
		_, err := Dial(ctx, silent, nil)
		if !errors.Is(err, why) {
			t.Fatalf("got %v, want the cause", err)
		}
	})
}

func TestErrorTexts(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{&CallError{Method: "A.b", Code: -32601, Message: "'A.b' wasn't found"}, "A.b: 'A.b' wasn't found (-32601)"},
		{&CallError{Method: "A.b", Code: 1, Message: "no", Data: "more"}, "A.b: no (1): more"},
		{&ExceptionError{Text: "Error: x\n  at y"}, "the process threw while answering: Error: x"},
		{&LostError{Err: fmt.Errorf("a: %w", io.EOF)}, "connection to the inspector lost: a: EOF"},
		{&LostError{Err: &SilentError{Method: "A.b", For: time.Minute}}, "connection to the inspector lost: no answer to A.b for 1m0s"},
		{&NoInspectorError{Err: errors.New("nothing listens on port 9999 inside the container")}, "no inspector answers: nothing listens on port 9999 inside the container"},
		{&NoInspectorError{Err: fmt.Errorf("opening a stream: %w", io.EOF)}, "no inspector answers: opening a stream: EOF"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
